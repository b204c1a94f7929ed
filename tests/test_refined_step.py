"""Ghosts, kernel, reflux and regrid together on refined meshes: totals, symmetry, free stream."""

import numpy as np
import pytest
from amr._kernels.indicate import JUMP, LOHNER, LOHNER_FLASH, MULTIRESOLUTION, Indicated, indicate
from amr._kernels.step import advance, scratch_size

from amr.mesh.balance import balance_flags
from amr.mesh.pool import aligned_zeros
from amr.mesh.tree import Forest
from amr.physics.boundary import BoundaryFill
from amr.scheme.flux import create_scheme
from amr.scheme.ghosts import GhostFill, Pools
from amr.scheme.reflux import FluxRegister
from amr.scheme.transfer import regrid_move
from tests.transfer_tools import Comm, Layout, cell_centers, conditions, euler, even_starts, geometry_of, interior


class Run:
    """The time loop in its shortest form, on one rank."""

    def __init__(self, forest, physics, kind, initial, n=8, **scheme):
        self.physics, self.comm = physics, Comm.self_()
        self.scheme = create_scheme(physics, **scheme)
        self.layout = Layout(forest.dim, n, self.scheme.ghosts, physics.n_var)
        geometry = geometry_of(forest, n)
        self.boundary = BoundaryFill(physics, self.layout, geometry, conditions(forest, kind))
        self.scratch = aligned_zeros((scratch_size(self.layout),))
        self.set_mesh(forest)
        x = cell_centers(forest, np.arange(forest.n_leaves), self.layout, geometry)
        w = np.asarray(initial(x))
        u = physics.to_conserved(w.reshape(len(w), -1)).reshape(w.shape)
        self.u = np.ascontiguousarray(np.moveaxis(u, 0, 1))

    def set_mesh(self, forest):
        self.forest, self.starts = forest, even_starts(forest, 1)
        self.spacing = geometry_of(forest, self.layout.n).spacing(forest.level)
        self.ghosts = GhostFill(forest, self.starts, self.comm, self.layout, self.physics.spec, self.boundary)
        self.fluxes = FluxRegister(forest, self.starts, self.comm, self.layout, self.ghosts.table)

    def step(self, dt):
        """One step, or the first stage of one."""
        new = aligned_zeros(self.u.shape)
        blocks = np.arange(len(self.u), dtype=np.int32)
        self.ghosts.fill(self.u, 0.0)
        advance(
            self.physics.spec, self.layout, self.u, self.u, new, blocks, self.spacing, self.scratch, dt=dt, a=0.0, b=1.0,
            face_slot=self.fluxes.face_slot, flux=self.fluxes.flux, **self.scheme.kernel_options,
        )  # fmt: skip
        self.fluxes.reflux(new, dt, self.spacing)
        self.u = new

    def regrid(self, flags):
        self.ghosts.fill(self.u, 0.0)
        old, starts = self.forest, self.starts
        new, source, change = old.adapt(balance_flags(old, flags))
        u = aligned_zeros((new.n_leaves, *self.layout.shape))
        even = even_starts(new, 1)
        regrid_move(old, starts, new, even, source, change, self.comm, self.layout, self.physics.spec, self.u, u)
        self.set_mesh(new)
        self.u = u

    def totals(self):
        volume = geometry_of(self.forest, self.layout.n).volumes(self.forest.level)
        return (interior(self.u, self.layout).sum(axis=(2, 3, 4)) * volume[:, None]).sum(axis=0)


def refined(dim, root, periodic=(False,) * 3):
    """Three levels, symmetric under exchange of the axes."""
    forest = Forest.uniform(dim, root, periodic, 2)
    for _ in range(2):
        low = (forest.coords[:, :dim] == 0).all(axis=1)
        forest = forest.adapt(balance_flags(forest, low.astype(np.int8)))[0]
    return forest


def blast(x):
    inside = ((x - 0.4) ** 2).sum(axis=0) < 0.3**2
    return [np.ones(x.shape[1:]), *[np.zeros(x.shape[1:])] * len(x), np.where(inside, 10.0, 0.1)]


PPM = {"integrator": "ssp_rk2", "reconstruction": "ppm"}


@pytest.mark.parametrize("scheme", [{}, PPM], ids=str)
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("kind", ["reflecting", "periodic"])
def test_totals_are_kept_through_steps_and_regrids(dim, kind, scheme):
    root = tuple(2 if a < dim else 1 for a in range(3))
    forest = refined(dim, root, (kind == "periodic",) * 3)
    run = Run(forest, euler(dim), kind, blast, **scheme)
    before = run.totals()
    rng = np.random.default_rng(dim)
    n_level = []
    for _ in range(3):
        n_level.append(len(set(run.forest.level)))
        for _ in range(3):
            run.step(2e-3)
        run.regrid(rng.choice([-1, 0, 1], size=run.forest.n_leaves, p=[0.5, 0.4, 0.1]).astype(np.int8))
    after = run.totals()
    conserved = [0, dim + 1] if kind == "reflecting" else range(dim + 2)
    for v in conserved:
        assert abs(after[v] - before[v]) < 1e-13 * max(abs(before[v]), before[dim + 1])
    assert max(n_level) > 1


@pytest.mark.parametrize("scheme", [{}, PPM], ids=str)
def test_two_dimensional_blast_stays_symmetric_to_the_last_bit(scheme):
    run = Run(refined(2, (2, 2, 1)), euler(2), "reflecting", blast, **scheme)
    for _ in range(10):
        run.step(2e-3)
    twin = run.forest.find(run.forest.level, run.forest.coords[:, [1, 0, 2]])
    mirrored = run.u[twin][:, [0, 2, 1, 3]].swapaxes(3, 4)
    assert (interior(mirrored, run.layout) == interior(run.u, run.layout)).all()
    assert abs(interior(run.u, run.layout)[:, 1]).max() > 0.1


@pytest.mark.parametrize("scheme", [{}, PPM], ids=str)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_uniform_flow_over_a_refined_mesh_stays_uniform(dim, scheme):
    root = tuple(2 if a < dim else 1 for a in range(3))
    state = [1.3, *[0.7] * dim, 0.9]
    run = Run(refined(dim, root), euler(dim), "outflow", lambda x: [np.full(x.shape[1:], v) for v in state], **scheme)
    start = interior(run.u, run.layout).copy()
    for _ in range(5):
        run.step(3e-3)
    np.testing.assert_allclose(interior(run.u, run.layout), start, rtol=1e-13)


@pytest.mark.parametrize("kind", ["periodic", "reflecting"])
@pytest.mark.parametrize(("dim", "n"), [(1, 8), (2, 8), (2, 16), (3, 8), (3, 16)])
def test_ghosts_filled_by_the_kernel_are_those_of_the_pool(dim, n, kind):
    """The same bits of states, face fluxes and indicators, whatever the ghosts held before; the interiors are only read."""
    root = tuple(2 if a < dim else 1 for a in range(3))
    run = Run(refined(dim, root, (kind == "periodic",) * 3), euler(dim), kind, blast, n)
    blocks = np.arange(len(run.u), dtype=np.int32)
    bare = np.empty_like(run.u)
    (group,) = run.ghosts.groups

    def strip():
        bare[...] = np.nan
        interior(bare, run.layout)[...] = interior(run.u, run.layout)

    strip()
    group.start(Pools.one(bare))
    group.wait()
    options = {"dt": 2e-3, "a": 0.0, "b": 1.0, "face_slot": run.fluxes.face_slot, **run.scheme.kernel_options}
    made, made_flux = np.zeros_like(run.u), np.zeros_like(run.fluxes.flux)
    part = run.physics.spec, run.layout
    advance(
        *part, bare, bare, made, blocks, run.spacing, run.scratch, flux=made_flux, ghosts=run.ghosts.plan, **options
    )
    assert run.ghosts.plan.seconds > 0
    np.testing.assert_array_equal(interior(bare, run.layout), interior(run.u, run.layout))

    seen = []
    jobs = [
        {"id": kind, "variable": v, "column": c, "scale": 1.0, "buffer": 3, "filter": 0.05, "floor": 0.0}
        for c, (kind, v) in enumerate([(JUMP, 0), (LOHNER, dim + 1), (MULTIRESOLUTION, 0), (LOHNER_FLASH, dim + 1)])
    ]
    tau = np.full((len(blocks), 4), 0.1)
    for some in (jobs[:3], jobs):  # without FLASH's estimate the faces do
        strip()
        found = Indicated(tau, run.layout.n_var, low=tau)
        indicate(*part, bare, blocks, some, found, run.ghosts.plan)
        seen.append((some, found))
        np.testing.assert_array_equal(interior(bare, run.layout), interior(run.u, run.layout))

    run.ghosts.fill(run.u, 0.0)
    filled, flux = np.zeros_like(run.u), np.zeros_like(run.fluxes.flux)
    advance(*part, run.u, run.u, filled, blocks, run.spacing, run.scratch, flux=flux, **options)
    np.testing.assert_array_equal(interior(made, run.layout), interior(filled, run.layout))
    np.testing.assert_array_equal(made_flux, flux)
    for some, made_found in seen:
        found = Indicated(tau, run.layout.n_var, low=tau)
        indicate(*part, run.u, blocks, some, found)
        for name in ("eta", "near", "parent", "detail", "lowest", "highest"):
            np.testing.assert_array_equal(getattr(made_found, name), getattr(found, name), err_msg=name)
        assert found.eta[:, : len(some)].max() > 0.1
