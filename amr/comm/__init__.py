"""Message passing: the only room that imports mpi4py.

Everything above works on NumPy arrays and ranks. Reductions of floating-point sums are not offered on purpose: their result
would depend on the number of ranks; exact sums travel as integers.
"""

from amr.comm.collective_file import PIECE_BYTES, CollectiveFile
from amr.comm.exchange import Exchange, exchange_once
from amr.comm.group import Comm
from amr.comm.launcher import check_launcher, run_on_cores

__all__ = ["PIECE_BYTES", "CollectiveFile", "Comm", "Exchange", "check_launcher", "exchange_once", "run_on_cores"]
