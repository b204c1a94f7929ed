"""Instructions per cell update, by the processor's counters (perf) or by simulation (callgrind)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from amr.bench.cases import CASES
from amr.errors import AMRError
from amr.simulation import Simulation

NAMES = ("2d_amr_16", "3d_amr_16")
# The difference of two runs is free of the start-up.
_SHORT, _LONG = 4, 16


def run_steps(name: str, n_step: int) -> None:
    """Advance the quick form of a case by some steps and print the cell updates: what the child process does."""
    with Simulation(replace(CASES[name].quick(), end=1.0).make()) as sim:
        steps = sim.steps()
        for _ in range(n_step):
            next(steps)
        print(sim.report.cell_updates)


def measure_instructions() -> dict[str, Any]:
    """Instructions per cell update of two small cases, start-up left out. Not collective.

    ``tool`` is None where there is none. Callgrind takes minutes; it knows no AVX-512, so that the loops for x86-64-v3 run.

    Raises
    ------
    AMRError
        Callgrind failed.
    """
    for tool in ("perf", "callgrind"):
        found: dict[str, float] = {}
        for name in NAMES:
            short, long = _count(tool, name, _SHORT), _count(tool, name, _LONG)
            if short is None or long is None:
                break
            found[name] = (long[0] - short[0]) / (long[1] - short[1])
        else:
            return {"tool": tool, "per_cell_update": found}
    return {"tool": None, "per_cell_update": {}}


def _count(tool: str, name: str, n_step: int) -> tuple[int, int] | None:
    """Instructions and cell updates of a child process, or None where the tool is not there or does not count."""
    if shutil.which("perf" if tool == "perf" else "valgrind") is None:
        return None
    code = f"from amr.bench.instructions import run_steps; run_steps({name!r}, {n_step})"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "count"
        prefix = ["perf", "stat", "-x", ",", "-e", "instructions:u", "-o", str(out)]
        if tool == "callgrind":
            prefix = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        done = subprocess.run([*prefix, sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode and tool == "callgrind":
            raise AMRError(f"callgrind failed: {done.stderr.strip()[-500:]}")
        if done.returncode or not out.is_file():
            return None  # the system does not let everyone use perf
        pattern = r"^(\d+),.*instructions" if tool == "perf" else r"^(?:summary|totals): (\d+)"
        match = re.search(pattern, out.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
    return (int(match[1]), int(done.stdout.split()[-1])) if match else None
