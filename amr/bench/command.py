"""What ``amr bench`` does: choose, measure, print."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amr import __version__
from amr.bench.cases import choose, choose_names
from amr.bench.measure import measure
from amr.comm import Comm
from amr.errors import CaseError
from amr.io.files import write_text


@dataclass(frozen=True)
class Request:
    """The options of the command.

    Attributes
    ----------
    names : sequence of str
        Cases; all if empty.
    quick : bool
        Small meshes.
    seconds : float
        Longest measuring of a case.
    tree, subcycle, indicators, instructions : bool
        Measure the tree operations, what level-wise steps gain, or the error that indicators reach, instead of the cases; count
        instructions too.
    elliptic : bool
        Measure solves of Poisson's equation instead of the cases.
    """

    names: Sequence[str] = ()
    quick: bool = False
    seconds: float = 60.0
    tree: bool = False
    subcycle: bool = False
    indicators: bool = False
    elliptic: bool = False
    instructions: bool = False


def run(request: Request, comm: Comm, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure and return what `amr.bench.tables` shows. Collective.

    Parameters
    ----------
    request : Request
    comm : Comm
    say : callable
        Receives a line before each measurement; called on every rank.

    Raises
    ------
    CaseError
        Unknown case, or what measures one rank asked for on more.
    """
    if comm.size > 1 and (request.tree or request.subcycle or request.indicators or request.instructions):
        raise CaseError("--tree, --subcycle, --indicators and --instructions measure one rank: run them without mpirun")
    result: dict[str, Any] = {
        "version": __version__,
        "processor": _processor(),
        "n_cores": os.cpu_count() or 1,
        "n_ranks": comm.size,
        "n_resting_ranks": comm.n_resting,
        "quick": request.quick,
    }
    if request.tree:
        from amr.bench.tree import SIZES, measure_tree

        result["tree"] = []
        for dim in (2, 3):
            for size in SIZES[:2] if request.quick else SIZES:
                say(f"tree, {dim}D, {size} leaves")
                result["tree"].append(measure_tree(dim, size))
    elif request.subcycle:
        from amr.bench.gain import CASES, measure_gain

        result["gain"] = []
        for name, case in CASES.items():
            say(f"{name}, with and without level-wise steps")
            result["gain"] += measure_gain(name, case, comm, request.quick)
    elif request.indicators:
        from amr.bench import efficiency

        result["efficiency"] = []
        for name in choose_names(request.names, efficiency.CASES) or efficiency.CASES:
            rows = efficiency.measure_efficiency(name, efficiency.CASES[name], comm, request.quick, say=say)
            result["efficiency"] += rows
    elif request.elliptic:
        from amr.bench.elliptic import measure_elliptic

        result["elliptic"] = measure_elliptic(comm, request.quick, say)
    else:
        result["cases"] = []
        for name, case in choose(request.names, request.quick).items():
            say(name)
            result["cases"].append(measure(name, case, comm, request.seconds))
    if request.instructions:
        from amr.bench.instructions import measure_instructions

        say("instructions per cell update")
        result["instructions"] = measure_instructions()
        if result["instructions"]["tool"] is None:
            say("neither perf nor callgrind counts instructions here")
    return result


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Write a result. By one rank.

    Raises
    ------
    AMRError
    """
    write_text(path, json.dumps(result, indent=2) + "\n")


def _processor() -> str:
    """Name of the processor's model."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
