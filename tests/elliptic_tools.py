"""Meshes and manufactured solutions for the tests of the composite operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from amr.comm import Comm
from amr.implicit.operator import CompositeOperator
from amr.implicit.sides import Side, dirichlet, neumann
from amr.implicit.solver import LinearSolver, SolveInfo
from amr.mesh.balance import balance_flags
from amr.mesh.geometry import Geometry
from amr.mesh.partition import partition
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill
from amr.scheme.local_mesh import LocalMesh

BoxOf = tuple[Sequence[float], Sequence[float]]
LENGTH = (1.0, 1.25, 0.75)  # of the domain: another spacing on each axis


def local_mesh(forest: Forest, comm: Comm | None = None, n: int = 8, length: Sequence[float] = LENGTH) -> LocalMesh:
    """The mesh of this rank with lower corner 0; even partition."""
    comm = comm or Comm.self_()
    dim = forest.dim
    physics = create_physics("advection", dim, {"velocity": [1.0] * dim})
    layout = Layout(dim, n, 2, physics.n_var)
    geometry = Geometry([0.0] * dim, length[:dim], forest.root_blocks, n)
    kinds = ["periodic" if forest.periodic[d // 2] else "outflow" for d in range(2 * dim)]
    boundary = BoundaryFill(physics, layout, geometry, kinds)
    starts = partition(np.ones(forest.n_leaves), comm.size)
    return LocalMesh(forest, starts, geometry, comm, layout, physics, boundary)


def refined_forest(dim: int, roots: int, periodic: Sequence[bool], boxes: Sequence[BoxOf]) -> Forest:
    """Blocks that overlap box m (corners in units of the domain) are refined to level m + 1 at least."""
    forest = Forest.uniform(dim, roots, periodic, len(boxes))
    for level, (lower, upper) in enumerate(boxes):
        width = 1.0 / (roots << level)
        at = forest.coords[:, :dim] * width
        inside = (at < np.array(upper[:dim]) - 1e-9) & (at + width > np.array(lower[:dim]) + 1e-9)
        flags = (inside.all(axis=1) & (forest.level == level)).astype(np.int8)
        forest = forest.adapt(balance_flags(forest, flags))[0]
    return forest


@dataclass
class Smooth:
    """phi = product of sines, beta = exp of a sum of sines (1-periodic in units of the domain); with a jump of beta across x =
    ``interface`` (in units of the domain) phi has the kink that keeps the flux continuous."""

    dim: int
    is_beta_variable: bool = False
    jump: float = 1.0
    interface: float = 0.5
    alpha: float = 0.0
    waves: Sequence[float] = (1.0, 1.0, 1.0)
    shift: Sequence[float] = (0.3, 0.2, 0.4)
    k: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.k = [2 * np.pi * w / h for w, h in zip(self.waves, LENGTH, strict=True)]

    def _beta(self, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """beta and the gradient of its logarithm."""
        k = [2 * np.pi / h for h in LENGTH]
        if not self.is_beta_variable:
            level = np.zeros(x.shape[1:])
            slope = [np.zeros(x.shape[1:])] * self.dim
        else:
            level = 0.3 * sum(np.sin(k[a] * x[a] + a) for a in range(self.dim))
            slope = [0.3 * k[a] * np.cos(k[a] * x[a] + a) for a in range(self.dim)]
        return np.exp(level) * np.where(x[0] < self.interface * LENGTH[0], 1.0, self.jump), slope

    def beta(self, x: np.ndarray) -> np.ndarray:
        return self._beta(x)[0]

    def _factors(self, x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """Factors of phi along each axis with their first and second derivatives."""
        value, first, second = [], [], []
        for a in range(self.dim):
            angle = self.k[a] * x[a] + self.shift[a]
            if a == 0 and self.jump != 1.0:
                angle = self.k[0] * (x[0] - self.interface * LENGTH[0])
                scale = np.where(x[0] < self.interface * LENGTH[0], 1.0, 1.0 / self.jump)
            else:
                scale = np.ones_like(x[a])
            value.append(scale * np.sin(angle))
            first.append(scale * self.k[a] * np.cos(angle))
            second.append(-(self.k[a] ** 2) * value[-1])
        return value, first, second

    def phi(self, x: np.ndarray) -> np.ndarray:
        return np.prod(self._factors(x)[0], axis=0)

    def gradient(self, x: np.ndarray) -> list[np.ndarray]:
        value, first, _ = self._factors(x)
        return [np.prod(value[:a] + [first[a]] + value[a + 1 :], axis=0) for a in range(self.dim)]

    def f(self, x: np.ndarray) -> np.ndarray:
        value, _, second = self._factors(x)
        beta, slope = self._beta(x)
        gradient = self.gradient(x)
        laplace = sum(np.prod(value[:a] + [second[a]] + value[a + 1 :], axis=0) for a in range(self.dim))
        drift = sum(slope[a] * gradient[a] for a in range(self.dim))
        return -beta * (laplace + drift) + self.alpha * self.phi(x)

    def sides(self, kinds: Sequence[str], periodic: Sequence[bool]) -> list[Side | str]:
        """Conditions per direction that phi fulfils; ``kinds`` are taken in turn."""
        found: list[Side | str] = []
        for direction in range(2 * self.dim):
            kind = "periodic" if periodic[direction // 2] else kinds[direction % len(kinds)]
            slope = self._outward(direction)
            if kind == "periodic":
                found.append(kind)
            elif kind == "dirichlet":
                found.append(dirichlet(lambda x, t: self.phi(x)))
            elif kind == "neumann":
                found.append(neumann(slope))
            else:
                found.append(Side(2.0, 0.7, lambda x, t, slope=slope: 2.0 * self.phi(x) + 0.7 * slope(x, t)))
        return found

    def _outward(self, direction: int) -> Callable[[np.ndarray, float], np.ndarray]:
        sign = 1.0 if direction % 2 else -1.0
        return lambda x, t: sign * self.gradient(x)[direction // 2]


def solve(
    exact: Smooth, mesh: LocalMesh, kinds: Sequence[str], comm: Comm | None = None, options: str = ""
) -> tuple[np.ndarray, SolveInfo]:
    """Error (n_block, nk, nj, ni) of the numerical solution, and how the solve went."""
    comm = comm or Comm.self_()
    x = mesh.cell_centers()
    operator = CompositeOperator(mesh, comm, exact.sides(kinds, mesh.forest.periodic), exact.beta(x), exact.alpha)
    rhs = operator.rhs(exact.f(x))
    phi = operator.mat.createVecRight()
    solver = LinearSolver(operator, f"-ksp_rtol 1e-12 {options}")
    info = solver.solve(rhs, phi)
    error = operator.from_vec(phi, np.empty(operator.shape)) - exact.phi(x)
    if operator.is_singular:
        weight = mesh.cell_volume[:, None, None, None]
        error -= (error * weight).sum() / np.broadcast_to(weight, error.shape).sum()
    solver.free()
    operator.free()
    return error, info


def norms(error: np.ndarray, mesh: LocalMesh) -> tuple[float, float]:
    """L2 per volume, and maximum."""
    weight = np.broadcast_to(mesh.cell_volume[:, None, None, None], error.shape)
    return float(np.sqrt((error**2 * weight).sum() / weight.sum())), float(np.abs(error).max())
