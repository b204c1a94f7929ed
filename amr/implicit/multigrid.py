"""Geometric multigrid on the forest's own levels, for PETSc's PCMG.

A coarser mesh is the forest without its finest leaves, level by level; when level 0 is left, its blocks have half the cells. Each
mesh has the composite operator with the averages of the coefficients. What is restricted are balances, by sums; interpolation is
linear (P. Wesseling, *An Introduction to Multigrid Methods*, 1992, section 5.3: together of high enough order for equations of
second order).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels.coarsen import interpolation
from amr.implicit.csr import csr_matrix
from amr.implicit.operator import CompositeOperator
from amr.implicit.petsc import load_petsc
from amr.implicit.sides import Side
from amr.mesh.geometry import Geometry
from amr.mesh.neighbors import neighbors
from amr.mesh.pool import Layout
from amr.physics import create_physics
from amr.physics.boundary import BoundaryFill
from amr.scheme.local_mesh import LocalMesh

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.tree import Forest

FEW = 500
"""Unknowns of the coarsest mesh that are solved for directly."""


@dataclass(frozen=True)
class _Mesh:
    """A mesh of the hierarchy: leaves, the first one of each rank (n_ranks + 1,), cells per axis of a block."""

    forest: Forest
    starts: np.ndarray
    n: int

    @property
    def cells(self) -> int:
        return self.n**self.forest.dim

    def sizes(self, rank: int) -> tuple[int, int]:
        """Unknowns of a rank and of all."""
        return int(self.starts[rank + 1] - self.starts[rank]) * self.cells, self.forest.n_leaves * self.cells

    def coarser(self, least: int) -> tuple[_Mesh, np.ndarray, np.ndarray] | None:
        """The next mesh, with the leaf there and the octant in it of each leaf here (-1: the leaf is the same).

        None at the end, or where blocks of level 0 would be halved though there are no more than ``least`` unknowns.
        """
        forest = self.forest
        n_leaf = forest.n_leaves
        deepest = int(forest.level.max())
        if deepest == 0:
            if self.n % 4 or n_leaf * self.cells <= least:
                return None
            return _Mesh(forest, self.starts, self.n // 2), np.arange(n_leaf), np.zeros(n_leaf, dtype=np.int8)
        flags = np.where(forest.level == deepest, np.int8(-1), np.int8(0))
        coarse, source, change = forest.adapt(flags)
        parent = np.searchsorted(source, np.arange(n_leaf), side="right") - 1
        octant = np.where(change[parent] < 0, np.arange(n_leaf) - source[parent], -1).astype(np.int8)
        # A parent lives where its first child does.
        return _Mesh(coarse, np.searchsorted(source, self.starts), self.n), parent, octant


@dataclass(frozen=True)
class _Level:
    """A coarser mesh, its operator, and the matrices from it to the next finer one.

    ``prolong`` interpolates; ``spread``, with one entry a row, is the transpose of the restriction.
    """

    mesh: LocalMesh
    operator: CompositeOperator
    prolong: Any
    spread: Any


class Hierarchy:
    """The meshes below that of an operator. Collective to make.

    Parameters
    ----------
    operator : CompositeOperator

    Attributes
    ----------
    levels : list
        The finest first, without the operator's own mesh.
    """

    def __init__(self, operator: CompositeOperator) -> None:
        self.operator = operator
        self.levels: list[_Level] = []
        self.version = operator.version
        mesh, robin = operator.mesh, [(1.0, 0.0) if side is None else (side.a, side.b) for side in operator.sides]
        fine, above = _Mesh(mesh.forest, mesh.starts, operator.layout.n), operator
        while (step := fine.coarser(FEW if self.levels else 0)) is not None:
            coarse, parent, octant = step
            prolong, spread = _transfer(fine, coarse, parent, octant, mesh.geometry, robin, operator.comm)
            below = self._local_mesh(coarse)
            homogeneous = ["periodic" if side is None else Side(side.a, side.b) for side in operator.sides]
            made = CompositeOperator(below, operator.comm, homogeneous, *self._coefficients(above, below, spread))
            self.levels.append(_Level(below, made, prolong, spread))
            fine, above = coarse, made

    @property
    def n_coarsest(self) -> int:
        """Unknowns of the coarsest mesh."""
        return (self.levels[-1].operator if self.levels else self.operator).volume.getSize()

    def attach(self, pc: Any) -> None:
        """Make ``pc`` a multigrid on these meshes. Collective."""
        pc.setType("mg")
        pc.setMGLevels(len(self.levels) + 1)
        for number, level in zip(range(len(self.levels) - 1, -1, -1), self.levels, strict=True):
            pc.setMGInterpolation(number + 1, level.prolong)
            pc.setMGRestriction(number + 1, level.spread)  # PETSc sees from its sizes that it is the transpose
            pc.getMGSmoother(number).setOperators(level.operator.mat)

    def update(self) -> None:
        """Follow new coefficients of the operator. Collective."""
        if self.version == self.operator.version:
            return
        self.version, above = self.operator.version, self.operator
        for level in self.levels:
            level.operator.update(*self._coefficients(above, level.mesh, level.spread))
            above = level.operator

    def free(self) -> None:
        """Give back what MPI and PETSc hold. Collective."""
        for level in self.levels:
            level.operator.free()
            level.mesh.free()
            level.prolong.destroy()
            level.spread.destroy()
        self.levels = []

    def _local_mesh(self, coarse: _Mesh) -> LocalMesh:
        old, dim = self.operator.mesh.geometry, coarse.forest.dim
        geometry = Geometry(old.lower[:dim].tolist(), old.upper[:dim].tolist(), coarse.forest.root_blocks, coarse.n)
        layout = Layout(dim, coarse.n, 2 if coarse.n > 2 else 1, 1)
        physics = create_physics("advection", dim, {"velocity": [0.0] * dim})
        kinds = ["periodic" if side is None else "outflow" for side in self.operator.sides]
        boundary = BoundaryFill(physics, layout, geometry, kinds)
        return LocalMesh(coarse.forest, coarse.starts, geometry, self.operator.comm, layout, physics, boundary)

    def _coefficients(self, fine: CompositeOperator, mesh: LocalMesh, spread: Any) -> list[float | np.ndarray]:
        """Averages of beta and alpha over the coarser cells."""
        found: list[float | np.ndarray] = []
        for values in fine.coefficients:
            if isinstance(values, float):
                found.append(values)
                continue
            vec = fine.to_vec(values)
            vec.pointwiseMult(vec, fine.volume)
            sums = spread.createVecRight()
            spread.multTranspose(vec, sums)
            shape = (mesh.n_block, *(mesh.geometry.block_cells[::-1]))
            found.append(sums.getArray().reshape(shape) / mesh.cell_volume[:, None, None, None])
            vec.destroy()
            sums.destroy()
        return found


def _transfer(
    fine: _Mesh, coarse: _Mesh, parent: np.ndarray, octant: np.ndarray, geometry: Geometry,
    robin: list[tuple[float, float]], comm: Comm,
) -> tuple[Any, Any]:  # fmt: skip
    """Interpolation to the finer mesh and the transpose of the restriction to the coarser one, PETSc matrices. Collective."""
    lo, hi = int(fine.starts[comm.rank]), int(fine.starts[comm.rank + 1])
    at = parent[lo:hi].astype(np.int32)
    leaves, row_of = np.unique(at, return_inverse=True)
    table = neighbors(coarse.forest, leaves)
    # As the matrix sees a side of the domain (csrc/elliptic.c), with what it gives set to zero.
    outside = np.ones((len(leaves), 6))
    spacing = geometry.spacing(coarse.forest.level[leaves]) * (geometry.n / coarse.n)
    for direction, (a, b) in enumerate(robin):
        h = spacing[:, direction // 2]
        outside[:, direction] = (2 * b - a * h) / (2 * b + a * h)
    sizes = fine.sizes(comm.rank), coarse.sizes(comm.rank)
    n_row, integer = sizes[0][0], load_petsc().IntType
    start, own = np.empty(n_row + 1, dtype=integer), np.empty(n_row, dtype=integer)
    col, value = interpolation(
        fine.forest.dim, fine.n, coarse.n, lo, at, np.ascontiguousarray(octant[lo:hi]),
        table.relation[row_of], table.leaf[row_of], coarse.forest.coords[at], outside[row_of], start, own,
    )  # fmt: skip
    each = np.arange(n_row + 1, dtype=integer)
    return csr_matrix(comm, sizes, start, col, value), csr_matrix(comm, sizes, each, own, np.ones(n_row))
