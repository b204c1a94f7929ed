"""Poisson's equation on refined meshes from ten thousand to a million unknowns: iterations, and seconds of each part."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from amr.comm import Comm
from amr.errors import SolveError
from amr.implicit.operator import CompositeOperator
from amr.implicit.petsc import load_petsc
from amr.implicit.sides import dirichlet
from amr.implicit.solver import LinearSolver
from amr.io.timers import Timers
from amr.mesh.balance import balance_flags
from amr.mesh.geometry import Geometry
from amr.mesh.partition import partition
from amr.mesh.pool import Layout, Pool
from amr.mesh.tree import Forest
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill
from amr.scheme.flux import create_scheme
from amr.scheme.local_mesh import LocalMesh
from amr.scheme.stepper import Stepper

SOLVERS = {"multigrid": "", "gamg": "-pc_type gamg", "hypre": "-pc_type hypre", "ml": "-pc_type ml"}
_BLOCK_CELLS, _N_LEVEL, _RADIUS, _TOLERANCE = 16, 3, 0.3, 1e-8
# Root blocks per axis.
SIZES = {2: (2, 11, 47), 3: (1, 2)}


def measure_elliptic(comm: Comm, is_quick: bool, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Rows of the table of `amr bench --elliptic`. Collective.

    Three levels, the finer ones on a spherical shell; beta = 1, phi = 0 on the sides, a right-hand side of waves, residual 1e-8.
    A preconditioner that this PETSc lacks has no row. Seconds are those of the slowest rank, measured once; beside them those of
    an explicit step of Euler's equations on the same leaves.
    """
    load_petsc()  # not part of the first assembly
    rows = []
    for dim, sizes in SIZES.items():
        for roots in sizes[:1] if is_quick else sizes:
            mesh = _shell(dim, roots, comm)
            say(f"Poisson, {dim}D, {mesh.forest.n_leaves * _BLOCK_CELLS**dim} unknowns")
            start = perf_counter()
            operator = CompositeOperator(mesh, comm, [dirichlet()] * (2 * dim))
            assembly = perf_counter() - start
            rhs = operator.rhs(np.prod(np.sin(5.0 * mesh.cell_centers()), axis=0))
            for name, options in SOLVERS.items():
                row = {"dim": dim, "unknowns": operator.volume.getSize(), "solver": name}
                try:
                    row.update(_measure(operator, rhs, f"{options} -ksp_rtol {_TOLERANCE}", f"{name}_{dim}_{roots}_"))
                except SolveError:
                    continue
                seconds = comm.allreduce_max([assembly, row["set_up"], row["solve"]])
                row.update(assembly=float(seconds[0]), set_up=float(seconds[1]), solve=float(seconds[2]))
                rows.append(row)
            operator.free()
            explicit = _explicit_step(mesh, comm)
            for row in rows:
                row.setdefault("explicit", explicit)
            mesh.free()
    return rows


def _explicit_step(mesh: LocalMesh, comm: Comm) -> float:
    """Seconds of a step of the Euler equations, MUSCL-Hancock with HLLC, on the same leaves: the least of three. Collective."""
    dim = mesh.forest.dim
    physics = create_physics("euler", dim, {"gamma": 1.4})
    layout = Layout(dim, _BLOCK_CELLS, 2, physics.n_var)
    boundary = BoundaryFill(physics, layout, mesh.geometry, ["outflow"] * (2 * dim))
    own = LocalMesh(mesh.forest, mesh.starts, mesh.geometry, comm, layout, physics, boundary)
    pool = Pool(layout)
    pool.resize(own.n_block)
    x = own.cell_centers()
    inner = pool.u[(slice(None), slice(None), *layout.interior)]
    inner[:] = 0.0
    inner[:, 0] = 1.0 + 0.1 * np.prod(np.sin(5.0 * x), axis=0)
    inner[:, -1] = 2.5
    stepper, seconds = Stepper(comm, physics, layout, create_scheme(physics), 0.8, Timers()), []
    for _ in range(3):
        start = perf_counter()
        stepper.step(own, pool, 0.0, 1e-3 * float(own.spacing.min(initial=1.0)))
        seconds.append(perf_counter() - start)
    own.free()
    return float(comm.allreduce_max([min(seconds)])[0])


def _measure(operator: CompositeOperator, rhs: Any, options: str, prefix: str) -> dict[str, Any]:
    start = perf_counter()
    solver = LinearSolver(operator, options, prefix)
    solver.set_up()
    set_up = perf_counter() - start
    info = solver.solve(rhs, operator.mat.createVecRight())
    solver.free()
    return {"iterations": info.iterations, "set_up": set_up, "solve": info.seconds}


def _shell(dim: int, roots: int, comm: Comm) -> LocalMesh:
    """A unit box, refined where a sphere passes."""
    forest = Forest.uniform(dim, roots, False, _N_LEVEL - 1)
    for level in range(_N_LEVEL - 1):
        width = 1.0 / (roots << level)
        distance = np.sqrt((((forest.coords[:, :dim] + 0.5) * width - 0.5) ** 2).sum(axis=1)) - _RADIUS
        flags = (np.abs(distance) < 0.5 * np.sqrt(dim) * width) & (forest.level == level)
        forest = forest.adapt(balance_flags(forest, flags.astype(np.int8)))[0]
    physics = create_physics("advection", dim, {"velocity": [0.0] * dim})
    layout = Layout(dim, _BLOCK_CELLS, 2, physics.n_var)
    geometry = Geometry([0.0] * dim, [1.0] * dim, forest.root_blocks, _BLOCK_CELLS)
    boundary = BoundaryFill(physics, layout, geometry, ["outflow"] * (2 * dim))
    starts = partition(np.ones(forest.n_leaves), comm.size)
    return LocalMesh(forest, starts, geometry, comm, layout, physics, boundary)
