"""What a simulation gives back: errors, the report, files, and a located message when it fails."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.fallback import find_unphysical
from amr.errors import AMRError, CaseError, SolveError, UnphysicalState
from amr.guard import resolution
from amr.guard.verify import Counters
from amr.implicit.gravity import PREFIX
from amr.implicit.petsc import split_options, unused_options
from amr.indicators.survey import survey
from amr.io.checkpoint import Checkpoint, physics_parameters, write_checkpoint
from amr.io.restart import open_checkpoint
from amr.io.snapshot import Snapshot, digest
from amr.problems.sample import average_pieces, error_sums
from amr.scheme.flux import PETSC
from amr.scheme.timestep import diffusive_share

if TYPE_CHECKING:
    from amr.simulation import Simulation

NORMS = ("L1", "L2", "Linf")


def errors(sim: Simulation) -> dict[str, dict[str, float]] | None:
    """L1, L2 and Linf errors per volume of the evolved conserved variables, or None without an exact state. Collective."""
    case, mesh, layout = sim.case, sim.mesh, sim.layout
    problem, elapsed = case.problem, sim.time - case.time.start
    if not problem.has_exact(elapsed):
        return None
    corner = mesh.geometry.origin(mesh.level, mesh.coords)
    inner = sim.pool.u[(slice(None), slice(None), *layout.interior)]
    sums = {norm: np.empty(inner.shape[:2]) for norm in NORMS}
    for blocks, exact in average_pieces(
        lambda x: problem.exact(x, elapsed),
        sim.physics,
        corner,
        mesh.spacing,
        layout.n,
        problem.quadrature,
        "exact state",
    ):
        u = np.ascontiguousarray(inner[blocks])
        for norm, values in error_sums(u, exact.reshape(u.shape), mesh.cell_volume[blocks]).items():
            sums[norm][blocks] = values
    # Gathered in SFC order and summed there: the same bits on any number of ranks.
    gathered = {name: sim.comm.allgatherv(values) for name, values in sums.items()}
    lower, upper = np.asarray(case.mesh.lower), np.asarray(case.mesh.upper)
    volume = float(np.prod(upper - lower))
    return {
        sim.physics.variables[v]: {
            "L1": math.fsum(gathered["L1"][:, v]) / volume,
            "L2": math.sqrt(math.fsum(gathered["L2"][:, v]) / volume),
            "Linf": float(gathered["Linf"][:, v].max()),
        }
        for v in sim.ledger.evolved
    }


def error_norm(sim: Simulation, variable: str, order: float) -> float:
    """One entry of `errors`: order 1, 2 or infinity. Collective.

    Raises
    ------
    CaseError
        Unknown variable or order, or no exact state at this time.
    """
    norm = {1: "L1", 2: "L2", math.inf: "Linf"}.get(order)
    if norm is None:
        raise CaseError(f"error_norm: order = {order!r} must be 1, 2 or infinity")
    found = errors(sim)
    if found is None:
        raise CaseError(f"error_norm: the problem has no exact state at t = {sim.time:.9g}")
    if variable not in found:
        raise CaseError(f"error_norm: unknown variable {variable!r}; there are {', '.join(found)}")
    return found[variable][norm]


def make_report(sim: Simulation) -> dict[str, Any]:
    """The report of a run (`amr.io.report`). Collective."""
    more = {
        "title": sim.case.title,
        "case": sim.case.source,
        "time": sim.time,
        "ended": "stopped by a signal" if sim.notice.stop else "end" if sim.time >= sim.case.time.end else "max_steps",
        "restarted_from": sim.restarted_from,
    }
    if implicit := sim.stepper.report():
        more["implicit"] = implicit
    with sim.timers("guard"):
        more["guard"] = guard_report(sim)
    if sim.physics.is_viscous:
        share = diffusive_share(sim.comm, sim.stepper.spec, sim.physics.wave_spec, sim.layout, sim.pool.u, sim.mesh)
        more["time_step"] = {"limit": "diffusion" if share > 0.5 else "wave speed", "diffusive_share": share}
    snapshot = sim.snapshot()
    conservation = sim.ledger.report(sim.pool.u, sim.mesh)
    if sim.gravity is not None:
        more["gravity"] = sim.gravity.report(conservation["energy"])
    if options := sim.case.petsc.options:
        more["petsc"] = {"options": options, "unused": _unused(sim, options)}
    return sim.report.finish(snapshot.forest.level, digest(snapshot), conservation, errors(sim), more)


def _unused(sim: Simulation, options: str) -> list[str]:
    """Names of PETSc's options that the run had no use for."""
    if sim.gravity is None and sim.case.scheme.integrator != PETSC:
        return [name for name, _ in split_options(options)]
    return unused_options(options, ("", PREFIX))


def guard_report(sim: Simulation) -> dict[str, Any]:
    """The ``guard`` section of the report: what the guards did, and what the mesh does not resolve now. Collective."""
    decider, mesh, physics, layout, u = sim.decider, sim.mesh, sim.physics, sim.layout, sim.pool.u
    parts = partial(mesh.ghosted, u, sim.time, decider.finder.needs_pool)
    found = survey(decider, mesh, u, parts, sim.trial, sim.time)
    seen = resolution.classify_blocks(physics, layout, u, parts, found.hot.any(axis=1), found.scales)
    each = resolution.classify_variables(physics, layout, u, parts, found.scales, _block_spans(sim))
    # Gathered in SFC order, as everywhere: the same sums on any number of ranks.
    hot, seen, kind, masked = (sim.comm.allgatherv(array, mesh.n_of_rank) for array in (found.hot, seen, *each))
    counters, flicker = decider.totals()
    thresholds, names = decider.thresholds.state, [physics.primitives[v] for v in found.scales]
    section = resolution.report(
        mesh.forest,
        decider.finder.columns,
        hot,
        seen,
        dict(zip(names, kind.T, strict=True)),
        dict(zip(names, masked.T, strict=True)),
        sim.history,
        sim.time,
        Counters(**counters),
        100.0 * flicker / max(1, sim.report.regrids),
    )
    section["threshold_raised"] = {"regrids": thresholds.raised, "highest_factor": thresholds.highest}
    section["target_error"] = {"estimate": thresholds.error_estimate, "multiplier": thresholds.multiplier}
    section["probes"] = sim.probes.report(mesh.forest)
    return section


def _block_spans(sim: Simulation) -> np.ndarray:
    """Range of each primitive variable, components of a vector together, in each local block: float64 (n_block, n_primitive)."""
    physics, layout, n_block = sim.physics, sim.layout, sim.mesh.n_block
    spans = np.empty((n_block, len(physics.primitives)))
    # A megabyte of cells at a time: the peak of a run's memory is that of its steps.
    step = max(1, (1 << 20) // (8 * layout.n_var * layout.cells))
    for part in (slice(first, first + step) for first in range(0, n_block, step)):
        interior = sim.pool.u[(part, slice(None), *layout.interior)].swapaxes(0, 1)
        w = physics.to_primitive(np.ascontiguousarray(interior).reshape(physics.n_var, -1))
        w = w.reshape(len(physics.primitives), interior.shape[1], -1)
        spans[part] = (w.max(axis=2) - w.min(axis=2)).T
    for group in physics.vectors.values():
        spans[:, list(group)] = spans[:, list(group)].max(axis=1, keepdims=True)
    return spans


def note_sampled(sim: Simulation) -> None:
    """Put what the present mesh of the start was found to miss into ``sim.history``. Collective."""
    mesh, sampled = sim.mesh, sim.sampled
    wanted = sim.comm.allreduce_max(np.array([float(sampled.wanted_level.max(initial=-1))]))[0]
    coarsest = mesh.geometry.spacing(int(mesh.forest.level.min()))[0, : sim.layout.dim].max()
    sim.history.add_sampled(sampled, int(wanted), float(coarsest), sim.layout.dim)


def checkpoint_meta(sim: Simulation) -> dict[str, Any]:
    """What a restart needs beside the blocks; independent of the number of ranks. Collective."""
    return {
        "case": sim.case.data,
        "regridded_at": sim.regridded_at,
        "ledger": sim.ledger.state(),
        "stepper": sim.stepper.state(),
        "decider": sim.decider.to_meta(),
        "history": sim.history.to_meta(),
        "probes": sim.probes.to_meta(),
        "counters": sim.report.counters(),
        "gravity": None if sim.gravity is None else sim.gravity.state(),
    }


def open_restart(sim: Simulation, path: str | Path) -> Checkpoint:
    """Open a checkpoint and check that it belongs to the case. Collective."""
    checkpoint = open_checkpoint(path, sim.comm)
    mesh = sim.case.mesh
    checkpoint.require(
        dim=mesh.dim,
        block_cells=mesh.block_cells,
        lower=mesh.lower,
        upper=mesh.upper,
        root_blocks=mesh.root_blocks,
        periodic=mesh.periodic,
        variables=list(sim.physics.variables),
        physics={"name": sim.physics.name, "parameters": physics_parameters(sim.physics)},
    )
    deepest = int(checkpoint.level.max(initial=0))
    if deepest > mesh.max_level:
        raise CaseError(f"mesh.max_level = {mesh.max_level}, but {checkpoint.path} has leaves on level {deepest}")
    return checkpoint


def write(snapshot: Snapshot, path: Path, mpi_io: bool = False) -> None:
    """Write a snapshot in the format that the path's ending names. Collective."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".h5":
        write_checkpoint(path, snapshot, mpi_io)
    elif path.suffix == ".vtu":
        from amr.io.paraview import write_vtu

        write_vtu(path, snapshot, mpi_io)
    elif path.suffix == ".hdf":
        from amr.io.vtkhdf import write_vtkhdf

        write_vtkhdf(path, snapshot, mpi_io)
    elif path.suffix == ".png":
        from amr.io.plot import plot_snapshot

        plot_snapshot(path, snapshot)
    else:
        raise CaseError(f"{path}: a simulation writes .h5 (checkpoint), .vtu, .hdf and .png")


def located_error(sim: Simulation, dt: float, kept: str, what: str = "") -> AMRError:
    """The error of a step that failed, or of a state that cannot be, with the first such cell in SFC order. Collective."""
    retries = sim.case.scheme.max_retries
    if not what and sim.stepper.failure:
        tried = f"the step was tried {retries + 1} times, the last with dt = {2 * dt:.3g}"
        return SolveError(f"{sim.stepper.failure}, at t = {sim.time:.9g}; {tried}; {kept}")
    u = sim.pool.u if what else sim.pool.u_new
    found = find_unphysical(sim.physics.spec, sim.layout, u)
    text = None if found is None else _place(sim, *found)
    texts = [each for each in sim.comm.bcast(sim.comm.gather(text)) if each is not None]
    where = texts[0] if texts else "no cell is unphysical any more"
    if what:
        return UnphysicalState(f"{what}: {where}")
    return UnphysicalState(f"{where}; the step was tried {retries + 1} times, the last with dt = {2 * dt:.3g}; {kept}")


def _place(sim: Simulation, block: int, cell: tuple[int, int, int], state: np.ndarray) -> str:
    dim, mesh = sim.layout.dim, sim.mesh
    w = sim.physics.to_primitive(state[:, None])[:, 0]
    values = ", ".join(f"{name} = {value:.6g}" for name, value in zip(sim.physics.primitives, w, strict=True))
    corner = mesh.geometry.origin(mesh.level, mesh.coords)[block]
    x = corner[:dim] + (np.array(cell[:dim]) + 0.5) * mesh.spacing[block, :dim]
    return (
        f"{values} at t = {sim.time:.9g}, level {mesh.level[block]}, block {mesh.leaves.start + block}, "
        f"cell ({', '.join(map(str, cell[:dim]))}), x = ({', '.join(f'{each:.6g}' for each in x)})"
    )
