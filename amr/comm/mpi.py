"""mpi4py as we want it: what has to be set before ``MPI`` is imported."""

import os

import mpi4py

mpi4py.rc.thread_level = "funneled"
# Open MPI's own MPI-IO hangs or loses data without a word when the disk is full (seen in 4.1.4); the ROMIO beside it reports it.
os.environ.setdefault("OMPI_MCA_io", "^ompio")
from mpi4py import MPI  # noqa: E402

__all__ = ["MPI"]
