"""Adaptive mesh refinement for conservation laws."""

__version__ = "0.1.0"
