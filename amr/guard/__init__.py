"""The aliasing safeguards: what a mesh must not be fooled by. docs/guards.md has formulas, measurements and limits."""
