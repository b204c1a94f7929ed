"""Cython wrappers of csrc/: typed views to pointers, nogil, status to exception."""
