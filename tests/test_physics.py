"""Equation sets: names, conversions, parities, refusals; the tables of names."""

import numpy as np
import pytest
from amr._kernels.physics import PhysicsSpec, is_physical

from amr.errors import CaseError
from amr.physics import PHYSICS, create_physics
from amr.scheme.flux import INTEGRATORS, create_scheme, default_riemann, riemann_names

SETS = [
    ("advection", {"velocity": [1.0, 2.0, 3.0]}),
    ("advection", {"velocity_field": True}),
    ("burgers", {}),
    ("acoustics", {"density": 2.0, "sound_speed": 3.0}),
    ("euler", {"gamma": 1.6, "scalars": ["dye"]}),
    ("navier_stokes", {"gamma": 1.3, "scalars": ["dye"], "viscosity": 0.1, "prandtl": 0.7, "schmidt": 2.0}),
    ("shallow_water", {"gravity": 9.81}),
    ("diffusion", {"diffusivity": 0.5}),
    ("advection_diffusion", {"velocity": [1.0, 2.0, 3.0], "diffusivity": {"coefficient": 2.0, "exponent": 1.0}}),
    ("fokker_planck", {"temperature": 0.5, "landscape": {"name": "double_well", "barrier": 2.0}}),
    (
        "reaction_diffusion",
        {"species": ["a", "b", "c"], "diffusivity": [0.0, 1.0, 2.0], "reaction": {"name": "decay", "rate": 1.0}},
    ),
]


def all_sets():
    for name, parameters in SETS:
        for dim in PHYSICS[name].dims:
            cut = {**parameters, "velocity": parameters["velocity"][:dim]} if "velocity" in parameters else parameters
            yield pytest.param(create_physics(name, dim, cut), id=f"{name}{len(cut)}-{dim}d")


def test_table_is_complete():
    assert {name for name, _ in SETS} == set(PHYSICS)


@pytest.mark.parametrize("physics", list(all_sets()))
def test_conversions_invert_each_other(physics):
    w = np.abs(np.random.default_rng(0).normal(size=(physics.n_var, 5, 7))) + 0.1
    u = physics.to_conserved(w)
    assert u.shape == w.shape and physics.is_physical(u).all() and physics.is_physical(u).shape == (5, 7)
    assert physics.to_primitive(u) == pytest.approx(w, rel=1e-13)
    assert physics.to_conserved(np.empty((physics.n_var, 0))).shape == (physics.n_var, 0)


@pytest.mark.parametrize("physics", list(all_sets()))
def test_names_and_parities(physics):
    assert len(physics.variables) == len(physics.primitives) == physics.n_var == physics.spec.n_var
    assert set(physics.indicator_variables) <= set(physics.primitives)
    for axis in range(physics.dim):
        sign = physics.parity(axis)
        odd = [name for name, s in zip(physics.variables, sign, strict=True) if s < 0]
        assert odd == [name for name in physics.variables if name.endswith("_" + "xyz"[axis])]


@pytest.mark.parametrize("physics", list(all_sets()))
def test_pack_and_unpack(physics):
    w = np.random.default_rng(0).normal(size=(physics.n_var, 6))
    named = physics.unpack_primitives(w)
    assert (physics.pack_primitives(named) == w).all()
    assert (physics.pack_primitives(dict(zip(physics.primitives, w, strict=True))) == w).all()
    constant = physics.pack_primitives({name: a[..., 0] for name, a in named.items()}, m=3)
    assert (constant == w[:, :1]).all() and constant.shape == (physics.n_var, 3)


def test_pack_lists_every_fault():
    physics = create_physics("euler", 2)
    with pytest.raises(CaseError) as error:
        physics.pack_primitives(
            {"density": np.ones(3), "velocity": [1.0], "presure": 1.0, "velocity_x": np.ones(4)}, m=3
        )
    lines = str(error.value).splitlines()
    assert len(lines) >= 3 and any("presure" in x for x in lines) and any("pressure: missing" in x for x in lines)
    assert create_physics("euler", 1).pack_primitives({"density": 1, "velocity": 2, "pressure": [3, 4]}).tolist() == [
        [1, 1], [2, 2], [3, 4]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "dim", "parameters", "text"),
    [
        ("eulre", 1, {}, "did you mean 'euler'"),
        ("shallow_water", 3, {}, "not in 3D"),
        ("euler", 1, {"gamma": 0.9}, "physics.gamma"),
        ("euler", 1, {"gama": 1.4}, "physics.gama"),
        ("euler", 1, {"gamma": float("nan")}, "physics.gamma"),
        ("euler", 2, {"scalars": [f"s{i}" for i in range(13)]}, "at most 12"),
        ("euler", 2, {"scalars": ["density"]}, "must differ"),
        ("advection", 2, {"velocity": [1.0]}, "1 components in 2D"),
        ("advection", 2, {}, "velocity"),
        ("advection", 2, {"velocity": [1.0, 1.0], "velocity_field": True}, "either"),
        ("acoustics", 2, {"sound_speed": -1}, "physics.sound_speed"),
        ("burgers", 2, {"velocity": [1.0]}, "physics.velocity"),
    ],
)
def test_faulty_physics_is_refused(name, dim, parameters, text):
    with pytest.raises(CaseError) as error:
        create_physics(name, dim, parameters)
    assert text in str(error.value)


def test_riemann_solvers_per_physics():
    offered = {
        name: riemann_names(create_physics(name, 1, {**p, "velocity": [1.0]} if "velocity" in p else p))
        for name, p in SETS
    }
    assert offered == {
        "advection": ("rusanov", "hll"),
        "burgers": ("rusanov", "hll"),
        "acoustics": ("rusanov", "hll"),
        "euler": ("rusanov", "hll", "hllc", "roe", "exact"),
        "navier_stokes": ("rusanov", "hll", "hllc", "roe", "exact"),
        "shallow_water": ("rusanov", "hll", "hllc"),
        "diffusion": ("rusanov", "hll"),
        "advection_diffusion": ("rusanov", "hll"),
        "reaction_diffusion": ("rusanov", "hll"),
        "fokker_planck": ("rusanov", "hll"),
    }
    assert default_riemann(create_physics("euler", 1)) == "hllc"
    with pytest.raises(CaseError) as error:
        create_scheme(create_physics("burgers", 1), riemann="hllc", limiter="superbee", integrator="euler")
    assert [line.split(" ")[0] for line in str(error.value).splitlines()] == [
        "scheme.integrator", "scheme.limiter", "scheme.riemann"
    ]  # fmt: skip


def test_integrators_are_consistent():
    """Each stage is a convex combination, the flux weights follow from the stages and sum to one."""
    for integrator in INTEGRATORS.values():
        weights: list[float] = []
        for a, b in integrator.stages:
            assert a + b == pytest.approx(1, rel=1e-15)
            weights = [b * x for x in weights] + [b]
        assert weights == pytest.approx(integrator.flux_weights, rel=1e-15)
        time = 0.0
        for (_, b), expected in zip(integrator.stages, integrator.times, strict=True):
            assert time == pytest.approx(expected)
            time = b * (time + 1)


def test_spec_refuses_what_the_core_does_not_offer():
    for bad in ((4, 2, 3), (4, 4, 6), (5, 3, 4), (9, 1, 1), (2, 1, 2, 1), (4, 1, 20, 17)):
        with pytest.raises(ValueError):
            PhysicsSpec(*bad)


def test_unphysical_states_are_told_apart():
    spec = create_physics("euler", 1).spec
    u = np.array([[1, 1, 1, -1, 0, np.nan, np.inf], [0, 2, 1e308, 0, 0, 0, 0], [1, 1.9, 1, 1, 1, 1, 1]], dtype=float)
    assert is_physical(spec, u).tolist() == [True, False, False, False, False, False, False]
