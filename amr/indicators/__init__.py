"""Refinement indicators, marking and regrid decisions."""
