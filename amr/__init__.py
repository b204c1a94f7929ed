"""Adaptive mesh refinement for conservation laws.

>>> import amr
>>> case = amr.load_case("cases/sod.toml")
>>> with amr.Simulation(case) as sim:
...     for step in sim.steps():
...         pass
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amr.errors import AMRError, CaseError, FileFormatError, MeshError, PluginError, UnphysicalState

if TYPE_CHECKING:
    from amr.case import Case, load_case
    from amr.comm import Comm
    from amr.simulation import Simulation

__version__ = "0.1.0"
__all__ = [
    "AMRError",
    "Case",
    "CaseError",
    "Comm",
    "FileFormatError",
    "MeshError",
    "PluginError",
    "Simulation",
    "UnphysicalState",
    "load_case",
]

# Imported when asked for: ``amr-solve --help`` need not start MPI.
_WHERE = {"Case": "amr.case", "load_case": "amr.case", "Comm": "amr.comm", "Simulation": "amr.simulation"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'amr' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_WHERE[name]), name)
