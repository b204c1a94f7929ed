"""Equation sets and boundary conditions. Knows no mesh."""
