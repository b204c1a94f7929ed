"""Message passing: the only room that imports mpi4py.

Everything above works on NumPy arrays and ranks. Reductions of floating-point sums are not offered on purpose: their result
would depend on the number of ranks; exact sums travel as integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amr.comm.collective_file import CollectiveFile
    from amr.comm.exchange import Exchange, exchange_once
    from amr.comm.group import Comm

__all__ = ["CollectiveFile", "Comm", "Exchange", "exchange_once"]

# Imported when asked for: a rank that rests (`amr.comm.program`) does without NumPy, whose import is a third of its time.
_WHERE = {"CollectiveFile": "collective_file", "Comm": "group", "Exchange": "exchange", "exchange_once": "exchange"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'amr.comm' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"amr.comm.{_WHERE[name]}"), name)
