"""Safeguards against aliasing (docs/guards.md). Imports nothing from problems: what is sampled is passed in as a function."""
