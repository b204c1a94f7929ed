"""The report of a run: ``report.json`` and the table at the end."""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import AMRError
from amr.io.files import write_text
from amr.io.timers import Timers

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from amr.comm import Comm

__all__ = ["Report", "Timers", "process_seconds", "write_report"]

_IMPORTED = time.monotonic()
# Phases that every report lists, so that a reader need not ask whether a key is there.
PHASES = ("kernel", "ghosts", "reflux", "indicate", "guard", "regrid", "io", "mpi_wait", "other")


class Report:
    """Counters of a run and the report made of them. Counters are of the whole job and the same on every rank.

    Attributes
    ----------
    steps, rejected_steps, cell_updates, fallback_cells, regrids, prolong_fallbacks : int
        Of the run since t = 0, over restarts (see `counters`, `restore`).
    state_bytes : int
        The most that the conserved variables of this rank, ghosts included, have taken after a step; of this process.
    """

    COUNTERS = ("steps", "rejected_steps", "cell_updates", "fallback_cells", "regrids", "prolong_fallbacks")

    def __init__(self, comm: Comm, timers: Timers) -> None:
        self.comm, self.timers = comm, timers
        self.steps = self.rejected_steps = self.cell_updates = 0
        self.fallback_cells = self.regrids = self.prolong_fallbacks = 0
        self.level: np.ndarray = np.zeros(0, dtype=np.int8)
        self.start_up_seconds = 0.0
        self.state_bytes = 0
        self._begin = time.perf_counter()
        self._updates_before = 0
        timers.watch(comm)

    def begin(self, state_bytes: int = 0) -> None:
        """End of the start-up, with a state of so many bytes on this rank: from here on wall time and phases are counted."""
        self.start_up_seconds = process_seconds()
        self.state_bytes = state_bytes
        self._begin = time.perf_counter()
        self._updates_before = self.cell_updates
        self.timers.reset()

    def count_step(self, cell_updates: int, level: np.ndarray, state_bytes: int = 0) -> None:
        """Count an accepted step of ``cell_updates`` cells on leaves of these levels, int8 (n_leaves,); ``state_bytes``: of this
        rank's conserved variables, ghosts included."""
        self.steps += 1
        self.cell_updates += cell_updates
        self.level = level
        self.state_bytes = max(self.state_bytes, state_bytes)

    def counters(self) -> dict[str, int]:
        """What a checkpoint keeps: independent of the number of ranks."""
        return {name: int(getattr(self, name)) for name in self.COUNTERS}

    def restore(self, counters: dict[str, int]) -> None:
        """Go on counting from a checkpoint's `counters`."""
        for name in self.COUNTERS:
            setattr(self, name, int(counters.get(name, 0)))
        self._updates_before = self.cell_updates

    @property
    def wall_seconds(self) -> float:
        """Since `begin`, by this rank's clock."""
        return time.perf_counter() - self._begin

    def leaves_per_level(self) -> list[int]:
        """Leaves of levels 0, 1, ... up to the finest present."""
        return np.bincount(self.level).tolist() if len(self.level) else []

    def finish(
        self,
        level: np.ndarray,
        digest: str,
        conservation: dict[str, Any] | None = None,
        errors: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Make the report. Collective.

        Parameters
        ----------
        level : int8 (n_leaves,)
            Levels of the final leaves.
        digest : str
            `amr.io.snapshot.digest` of the final state.
        conservation : dict, optional
            Variable -> {"initial", "final", "ledger": {cause: change}, "unexplained"}.
        errors : dict, optional
            Variable -> {"L1", "L2", "Linf"}; None where the problem has no exact state.
        more : dict, optional
            Further keys (the case's title, the final time, why the run stopped ...).

        Returns
        -------
        dict
            On every rank. Seconds: `wall_seconds` is the slowest rank's, `phase_seconds` the mean over ranks (they add up
            to the mean wall time), `phase_seconds_max` the slowest rank's of each. ``cell_updates`` counts the run since
            t = 0, the rate only this process's share after a restart.
        """
        self.level = level
        self.timers.flush()
        own = (
            self.wall_seconds,
            dict(self.timers.seconds),
            peak_memory_bytes(),
            self.state_bytes,
            self.start_up_seconds,
        )
        gathered = self.comm.gather(own)
        merged = self.comm.bcast(None if gathered is None else _merge(gathered))
        wall = merged["wall_seconds"]
        rate = (self.cell_updates - self._updates_before) / wall / self.comm.size if wall > 0 else 0.0
        return {
            **(more or {}),
            **self.counters(),
            **merged,
            "cell_updates_per_second_per_rank": rate,
            "n_leaves": len(level),
            "leaves_per_level": self.leaves_per_level(),
            "conservation": conservation or {},
            "errors": errors,
            "n_ranks": self.comm.size,
            "n_resting_ranks": self.comm.n_resting,
            "digest": digest,
        }


def _merge(gathered: list[tuple[float, dict[str, float], int, int, float]]) -> dict[str, Any]:
    walls, phases, peaks, states, start_ups = zip(*gathered, strict=True)
    names = dict.fromkeys([*PHASES, *(name for seconds in phases for name in seconds)])
    per_rank = {name: [seconds.get(name, 0.0) for seconds in phases] for name in names}
    return {
        "wall_seconds": max(walls),
        "phase_seconds": {name: sum(values) / len(values) for name, values in per_rank.items()},
        "phase_seconds_max": {name: max(values) for name, values in per_rank.items()},
        "peak_memory_bytes_per_rank": max(peaks),
        "state_bytes_per_rank": max(states),
        "start_up_seconds": max(start_ups),
    }


def write_report(path: str | Path, report: dict[str, Any], comm: Comm) -> Path:
    """Write a report as JSON, atomically, by rank 0. Collective.

    Raises
    ------
    AMRError
        The file cannot be written (on every rank).
    """
    error = None
    if comm.rank == 0:
        try:
            write_text(Path(path), json.dumps(_finite(report), indent=2) + "\n")
        except AMRError as fault:
            error = fault
    comm.agree(error)
    return Path(path)


def _finite(value: Any) -> Any:
    """JSON has no NaN: null stands for it; NumPy scalars become Python's."""
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, np.generic | np.ndarray):
        return _finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def peak_memory_bytes() -> int:
    """Largest resident memory of this process so far."""
    try:
        # Not that of the process which started this one, as getrusage has it on Linux.
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def process_seconds() -> float:
    """Seconds since this process started (since this module's import where the system does not tell)."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        return max(0.0, uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return time.monotonic() - _IMPORTED


# -- the table --------------------------------------------------------------------------------------------------------


def make_console(comm: Comm) -> Console:
    """Where tables are printed: the terminal, or plain text of a fixed width."""
    from rich.console import Console

    # Rank 0 of Open MPI always seems to have a terminal: plain text, as wide as a log's, on more than one rank.
    plain = comm.size > 1 or not sys.stdout.isatty()
    return Console(width=120 if plain else None, force_terminal=False if plain else None, highlight=False)


def tables(report: dict[str, Any]) -> list[RenderableType]:
    """A report as rich tables: the run, its phases, the guards, conservation, errors."""
    out = [_run_table(report), _phase_table(report)]
    if "guard" in report:
        out.append(_guard_table(report["guard"]))
    if "gravity" in report:
        out.append(_gravity_table(report["gravity"]))
    if report["conservation"]:
        out.append(_conservation_table(report["conservation"]))
    if report["errors"]:
        out.append(_error_table(report["errors"]))
    return out


def _table(title: str, *columns: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_header=any(columns[1:]))
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left", no_wrap=True)
    return table


def _run_table(report: dict[str, Any]) -> Any:
    table = _table("Run", "", "")
    leaves = " + ".join(str(n) for n in report["leaves_per_level"])
    rate = report["cell_updates_per_second_per_rank"]
    peak, state = report["peak_memory_bytes_per_rank"], report["state_bytes_per_rank"]
    rows = {
        "steps": f"{report['steps']} ({report['rejected_steps']} rejected)",
        **_limit_row(report.get("time_step")),
        "cell updates": f"{report['cell_updates']:,}",
        "fallback cells": f"{report['fallback_cells']:,}",
        "regrids": f"{report['regrids']}",
        "leaves": f"{leaves} = {report['n_leaves']}",
        "wall time": f"{report['wall_seconds']:.2f} s (start-up {report['start_up_seconds']:.2f} s)",
        "speed": f"{rate / 1e6:.3g} M cells/s per rank, {report['n_ranks']} ranks"
        + (f" ({report['n_resting_ranks']} more rest)" if report["n_resting_ranks"] else ""),
        "peak memory": f"{peak / 2**20:.0f} MiB per rank" + (f", {peak / state:.1f} x the state" if state else ""),
        "digest": report["digest"][:16],
    }
    if "implicit" in report:
        each = report["implicit"]
        rows["PETSc"] = (
            f"{each['type']}: {each['steps']:,} steps, {each['rejected_steps']:,} rejected; {each['snes_iterations']:,} Newton, "
            f"{each['ksp_iterations']:,} linear iterations"
        )
        if undershoots := report["implicit"].get("undershoots"):
            least = "" if undershoots["least"] is None else f"; least {undershoots['least']:.3g}"
            rows["negative"] = f"{undershoots['cells']:,} of the cell updates{least}"
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def _limit_row(time_step: dict[str, Any] | None) -> dict[str, str]:
    """What limits the step, for equations with diffusion."""
    if time_step is None:
        return {}
    share = 100 * time_step["diffusive_share"]
    return {"step limited by": f"{time_step['limit']} (diffusion: {share:.3g} % of the limit at the end)"}


def _phase_table(report: dict[str, Any]) -> Any:
    table = _table("Phases", "phase", "seconds", "slowest rank", "share")
    seconds, slowest = report["phase_seconds"], report["phase_seconds_max"]
    total = sum(seconds.values()) or 1.0
    for name in sorted(seconds, key=seconds.__getitem__, reverse=True):
        if slowest[name] > 0.0:
            table.add_row(name, f"{seconds[name]:.3f}", f"{slowest[name]:.3f}", f"{100 * seconds[name] / total:.1f} %")
    return table


def _guard_table(guard: dict[str, Any]) -> Any:
    table = _table("Resolution", "", "")
    classes = ", ".join(f"{n} {name}" for name, n in guard["classes"].items() if n)
    wave, width = guard["cells_per_wave"], guard["scout_width_99"]
    raised = guard["threshold_raised"]
    rows = {
        "alarms": f"{guard['alarms']:,}; {guard['trials']:,} trials, {guard['commits']:,} committed, "
        f"{guard['ghost_alarms']:,} ghosts",
        "turned down": f"{guard['noise_vetoes']:,} as noise, {guard['holds']:,} held back",
        "flicker": f"{guard['flicker_per_100_regrids']:.1f} per 100 regrids",
        "hot leaves at the end": classes or "none",
    }
    if wave["p50"] is not None:
        rows["cells per wave in them"] = f"{wave['p5']:.3g} (5 %), {wave['p50']:.3g} (median)"
    if width is not None:
        rows["samples at t = 0"] = (
            f"{guard['sampling']['evaluations']:,}; find 99 % of all features of width {width:.3g}"
        )
    for each in guard["probes"]:
        rows[each["name"]] = (
            f"{each['alarms']:,} alarms, {each['on_max_level']:,} more on max_level; probes find 99 % of all features of "
            f"width {each['scout_width_99']:.3g} where the mesh is coarsest"
        )
    if raised["regrids"]:
        rows["budget"] = (
            f"raised the thresholds in {raised['regrids']} regrids, up to {raised['highest_factor']:.3g} times"
        )
    for name, each in guard["under_resolved"].items():
        if each["volume_fraction"] or each["space_time_fraction"]:
            space, both = 100 * each["volume_fraction"], 100 * each["space_time_fraction"]
            rows[f"{name}: beyond max_level"] = f"{space:.3g} % of the volume at the end, {both:.3g} % of space-time"
    for name, fraction in guard["masked_by_scale"].items():
        if fraction:
            rows[f"{name}: masked by its scale"] = f"{100 * fraction:.3g} % of the volume"
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def verdict(guard: dict[str, Any]) -> list[str]:
    """Last lines of a run about what is under-resolved, from the ``guard`` section of its report: notes, then the verdict."""
    notes, lines = [], []
    for name, each in guard["under_resolved"].items():
        by_class = each["volume_fraction_by_class"]
        volume, of_all = by_class["under-resolved"], 100 / (each["volume_fraction"] or 1.0)
        if not volume:
            continue
        others = ", ".join(f"{of_all * v:.3g} % {k}" for k, v in by_class.items() if v and k != "under-resolved")
        where = (
            f"in {100 * volume:.3g} % of the volume, on max_level: "
            f"{100 * each['share']:.3g} % of what is above its threshold there{others and f' ({others})'}"
        )
        if each["ended_under_resolved"]:
            lines.append(f"UNDER-RESOLVED at the end: {name} {where}")
        else:
            notes.append(f"note: {name} is under-resolved {where}")
    if guard["wanted_level"] is not None:
        lines.append(
            f"UNDER-RESOLVED at the start: the initial state wants level {guard['wanted_level']}, above max_level"
        )
    return notes + lines


def _gravity_table(gravity: dict[str, Any]) -> Any:
    table = _table("Self-gravity", "", "")
    total, potential = gravity["total_energy"], gravity["potential_energy"]
    mean, most = gravity["iterations_mean"], gravity["iterations_max"]
    table.add_row("solves", f"{gravity['solves']:,}; {mean:.1f} iterations, {most} at most; {gravity['seconds']:.2f} s")
    table.add_row("potential energy", f"{potential['initial']:.9g} -> {potential['final']:.9g}")
    table.add_row("total energy", f"{total['initial']:.9g} -> {total['final']:.9g}, drift {total['drift']:+.1e}")
    return table


def _conservation_table(conservation: dict[str, Any]) -> Any:
    causes = list(dict.fromkeys(cause for each in conservation.values() for cause in each.get("ledger", {})))
    table = _table("Conservation", "variable", "initial", "final", *causes, "unexplained")
    for name, each in conservation.items():
        changes = [f"{each.get('ledger', {}).get(cause, 0.0):+.3e}" for cause in causes]
        table.add_row(name, f"{each['initial']:.9g}", f"{each['final']:.9g}", *changes, f"{each['unexplained']:.1e}")
    return table


def _error_table(errors: dict[str, Any]) -> Any:
    norms = ("L1", "L2", "Linf")
    table = _table("Errors", "variable", *norms)
    for name, each in errors.items():
        table.add_row(name, *(f"{each[norm]:.4e}" for norm in norms))
    return table
