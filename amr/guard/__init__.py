"""Safeguards against aliasing: refinement that cannot be fooled silently (docs/guards.md)."""
