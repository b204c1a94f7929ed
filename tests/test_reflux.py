"""Flux registers on one rank (several ranks: tests/mpi)."""

import numpy as np
import pytest

from amr.mesh.neighbors import COARSER, FINER, OUTSIDE, neighbors
from amr.mesh.tree import Forest
from amr.scheme.ops import face_slot
from amr.scheme.reflux import FluxRegister
from tests.transfer_tools import Comm, Layout, even_starts, geometry_of, interior, random_forest


def register(dim, seed, n=8, periodic=(False,) * 3):
    forest = random_forest(dim, seed, periodic=periodic)
    layout = Layout(dim, n, 2, 2)
    fluxes = FluxRegister(forest, even_starts(forest, 1), Comm.self_(), layout)
    return forest, layout, fluxes, geometry_of(forest, n).spacing(forest.level)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_slots_are_the_faces_between_levels_and_on_the_boundary(dim):
    forest, _, fluxes, spacing = register(dim, 1, periodic=(False, True, False))
    relation = neighbors(forest, np.arange(forest.n_leaves)).relation
    relation = relation[:, [face_slot(dim, d) for d in range(2 * dim)]]
    kept = np.isin(relation, [COARSER, FINER, OUTSIDE])
    assert ((fluxes.face_slot[:, : 2 * dim] >= 0) == kept).all()
    assert (fluxes.face_slot[:, 2 * dim :] == -1).all()
    assert sorted(fluxes.face_slot[fluxes.face_slot >= 0]) == list(range(len(fluxes.flux)))
    assert len(fluxes.boundary_slot) == (relation == OUTSIDE).sum()
    np.testing.assert_allclose(
        (fluxes.boundary_area(spacing) * 8 ** (dim - 1)).sum(), {1: 2, 2: 4, 3: 12}[dim], rtol=1e-14
    )


def fill_flux(forest, layout, fluxes, of_face):
    """Fill every slot with of_face(axis, centre (3, m) in cells of the finest level)."""
    deepest = int(forest.level.max())
    for block, direction in zip(*np.nonzero(fluxes.face_slot >= 0), strict=True):
        axis, side = divmod(int(direction), 2)
        h = 2 ** (deepest - int(forest.level[block]))
        grids = np.meshgrid(
            *[np.arange(layout.n if a < layout.dim and a != axis else 1) for a in (2, 1, 0)], indexing="ij"
        )
        centre = []
        for a in range(3):
            if a >= layout.dim:
                centre.append(np.zeros(grids[0].size))
                continue
            first = forest.coords[block, a] * layout.n
            cell = grids[2 - a].ravel() + 0.5 if a != axis else np.array(side * layout.n)
            centre.append((first + cell) * h * np.ones(grids[0].size))
        fluxes.flux[fluxes.face_slot[block, direction]] = of_face(axis, np.array(centre))


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_flux_linear_along_the_face_needs_no_correction(dim, seed):
    """Averages of a linear flux are the flux at the coarse centre: any misplaced quadrant or direction would show."""
    forest, layout, fluxes, spacing = register(dim, seed)

    def linear(axis, x):
        return np.stack([(axis + 1) * 100 + x[0] + 7 * x[1] - 3 * x[2], 5 * x[2] - x[0] + 2 * x[1] + axis])

    fill_flux(forest, layout, fluxes, linear)
    u = np.zeros((forest.n_leaves, *layout.shape))
    fluxes.reflux(u, 0.1, spacing)
    assert abs(u).max() < 1e-9
    fluxes.flux[:, 1] += np.random.default_rng(0).random(fluxes.flux[:, 1].shape)
    fluxes.reflux(u, 0.1, spacing)
    assert abs(u[:, 0]).max() < 1e-9
    assert abs(u[:, 1]).max() > 0.1


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_correction_makes_the_totals_change_through_the_boundary_alone(dim, seed):
    """Random fluxes: what coarse cells took by their own flux and by the correction is what fine cells gave."""
    forest, layout, fluxes, spacing = register(dim, seed, periodic=(True, False, False))
    rng = np.random.default_rng(seed)
    fluxes.flux[:] = rng.standard_normal(fluxes.flux.shape)
    dt = 0.3
    u = np.zeros((forest.n_leaves, *layout.shape))
    fluxes.reflux(u, dt, spacing)
    volume = spacing[:, :dim].prod(axis=1)
    gained = (interior(u, layout).sum(axis=(2, 3, 4)) * volume[:, None]).sum(axis=0)
    # The step itself: each kept face between levels adds -+ dt * area * flux to its block.
    relation = neighbors(forest, np.arange(forest.n_leaves)).relation
    for direction in range(2 * dim):
        blocks = np.flatnonzero(np.isin(relation[:, face_slot(dim, direction)], [COARSER, FINER]))
        area = volume[blocks] / spacing[blocks, direction // 2]
        total = fluxes.flux[fluxes.face_slot[blocks, direction]].sum(axis=2) * area[:, None] * dt
        gained += (total if direction % 2 == 0 else -total).sum(axis=0)
    assert abs(gained).max() < 1e-12


def test_correction_of_transposed_fluxes_is_the_transposed_correction():
    forest = Forest.uniform(2, (2, 2, 1), (False,) * 3, 1)
    flags = np.array([0, 1, 1, 0], dtype=np.int8)
    forest = forest.adapt(flags)[0]
    layout = Layout(2, 8, 2, 1)
    fluxes = FluxRegister(forest, even_starts(forest, 1), Comm.self_(), layout)
    spacing = geometry_of(forest, 8).spacing(forest.level)
    rng = np.random.default_rng(3)
    mirror = forest.find(forest.level, forest.coords[:, [1, 0, 2]])
    for block, direction in zip(*np.nonzero(fluxes.face_slot >= 0), strict=True):
        twin = fluxes.face_slot[mirror[block], direction ^ 2]
        fluxes.flux[fluxes.face_slot[block, direction]] = rng.standard_normal((1, 8))
        fluxes.flux[twin] = fluxes.flux[fluxes.face_slot[block, direction]]
    u = rng.random((forest.n_leaves, *layout.shape))
    u = u + u[mirror].swapaxes(3, 4)
    fluxes.reflux(u, 0.1, spacing)
    assert (u == u[mirror].swapaxes(3, 4)).all()
