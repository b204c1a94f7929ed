"""What a simulation gives back: errors, the report, files, and a located message when it fails."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.fallback import find_unphysical
from amr.errors import CaseError, UnphysicalState
from amr.io.checkpoint import Checkpoint, physics_parameters, write_checkpoint
from amr.io.restart import open_checkpoint
from amr.io.snapshot import Snapshot, digest
from amr.problems.sample import average_pieces, error_sums

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
    snapshot = sim.snapshot()
    return sim.report.finish(
        snapshot.forest.level, digest(snapshot), sim.ledger.report(sim.pool.u, sim.mesh), errors(sim), more
    )


def checkpoint_meta(sim: Simulation) -> dict[str, Any]:
    """What a restart needs beside the blocks; independent of the number of ranks. Collective."""
    return {
        "case": sim.case.data,
        "regridded_at": sim.regridded_at,
        "thresholds": sim.decider.thresholds.state.to_meta(),
        "ledger": sim.ledger.state(),
        "counters": sim.report.counters(),
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


def located_error(sim: Simulation, dt: float, kept: str, what: str = "") -> UnphysicalState:
    """The error of a state that cannot be, with the place of the first such cell in SFC order. Collective."""
    u = sim.pool.u if what else sim.pool.u_new
    found = find_unphysical(sim.physics.spec, sim.layout, u)
    text = None if found is None else _place(sim, *found)
    texts = [each for each in sim.comm.bcast(sim.comm.gather(text)) if each is not None]
    where = texts[0] if texts else "no cell is unphysical any more"
    if what:
        return UnphysicalState(f"{what}: {where}")
    retries = sim.case.scheme.max_retries
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
