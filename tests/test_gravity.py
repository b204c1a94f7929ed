"""Self-gravity: the potential, Jeans' dispersion relation, conservation of the total energy, balance, restart."""

import math
from pathlib import Path

import numpy as np
import pytest

import amr.implicit.gravity as gravity_module
from amr._kernels import gravity as kernel
from amr.comm import Comm
from amr.errors import CaseError
from amr.implicit.gravity import SelfGravity
from amr.implicit.multipole import Multipole
from amr.mesh.pool import Layout
from amr.results import make_report
from amr.simulation import Simulation
from tests.elliptic_tools import local_mesh, norms, refined_forest
from tests.runs import made, run

STATES = f"{Path(__file__).parent / 'plugins' / 'gravity_states.py'}"


def jeans(dim, n, waves, *, end, G=1.0, region=False, **problem):
    """A Jeans wave with c^2 = 0.2 in the unit box of n blocks of 8 cells along each axis."""
    more = {}
    if region:
        box = {"lower": [0.25] * dim, "upper": [0.5] * dim, "level": 1}
        more = {
            "refinement": {"indicators": [], "regions": [box]},
            "guard": {"enabled": False},
            "mesh": {"max_level": 1},
        }
    scheme = {
        "integrator": problem.pop("integrator", "muscl_hancock"),
        "reconstruction": problem.pop("reconstruction", "plm"),
    }
    return made(
        dim, n,
        physics={"name": "euler", "gamma": 5 / 3},
        problem={"name": "jeans", "waves": waves, "amplitude": 1e-5, "pressure": 0.12, **problem},
        sources=[{"name": "self_gravity", "G": G}],
        scheme=scheme, time={"end": end}, **more,
    )  # fmt: skip


def amplitude(sim):
    """Of the wave that the case has started, by projection."""
    problem = sim.case.problem
    k = problem.wave_vector
    x = sim.mesh.cell_centers()
    rho = sim.pool.u[:, 0][(slice(None), *sim.layout.interior)]
    wave = np.cos(np.tensordot(k, x, 1))
    weight = sim.mesh.cell_volume[:, None, None, None]
    # The average of a cosine over a cell is smaller than its value at the centre.
    sinc = np.prod([np.sinc(k[a] * sim.mesh.spacing[:, a] / (2 * np.pi)) for a in range(len(k))], axis=0)
    return 2 * ((rho - problem.density) * wave * weight / sinc[:, None, None, None]).sum() / problem.amplitude


def energies(sim):
    """The section ``gravity`` of the report."""
    return sim.gravity.report(sim.ledger.report(sim.pool.u, sim.mesh)["energy"])


# ---- Jeans' dispersion relation ---------------------------------------------------------------------------------------------


def rate_error(dim, n, waves, region):
    """Relative error of the measured growth rate or frequency of a standing wave."""
    exact = math.sqrt(abs(jeans(dim, n, waves, end=1.0).problem.omega_squared))
    end = 1.0 / exact  # cosh(1) where it grows, cos(1) where it swings
    with run(jeans(dim, n, waves, end=end, region=region)) as sim:
        assert len(np.unique(sim.mesh.forest.level)) == 1 + region
        found = amplitude(sim)
    measured = math.acosh(found) if sim.case.problem.omega_squared < 0 else math.acos(found)
    return abs(measured - 1.0)


@pytest.mark.parametrize("region", [False, True])
@pytest.mark.parametrize(
    ("dim", "waves", "sizes", "bound"),
    [
        (1, [1], (4, 8), 2.4e-3),
        (1, [2], (4, 8), 4e-3),
        (2, [1, 0], (4, 8), 2e-3),
        (2, [1, 2], (4, 8), 1e-2),
        (3, [0, 0, 1], (4,), 1e-2),
        (3, [1, 1, 1], (4,), 1e-2),
    ],
)
def test_a_wave_has_the_rate_of_jeans(dim, waves, sizes, bound, region):
    grows = sum(w * w for w in waves) * 0.2 * 4 * np.pi**2 < 4 * np.pi
    assert grows == (sum(waves) == 1)
    found = [rate_error(dim, n, waves, region) for n in sizes]
    assert found[-1] <= bound, found
    if len(found) > 1:
        assert math.log2(found[0] / found[1]) >= 1.7, found


@pytest.mark.parametrize("integrator", ["muscl_hancock", "ssp_rk2", "ssp_rk3"])
@pytest.mark.parametrize("waves", [[1], [2]])
def test_a_travelling_wave_is_of_second_order(integrator, waves):
    errors = []
    for n in (4, 8):
        with run(jeans(1, n, waves, end=1.0, kind="travelling", integrator=integrator)) as sim:
            errors.append([sim.error_norm(name, order=1) for name in ("density", "momentum_x")])
    assert np.all(np.array(errors[1]) <= np.array(errors[0]) / 3.3), errors


# ---- conservation -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("integrator", ["muscl_hancock", "ssp_rk2", "ssp_rk3"])
@pytest.mark.parametrize(("dim", "waves"), [(1, [1]), (2, [1, 1]), (3, [1, 0, 1])])
def test_the_total_energy_is_conserved_on_one_level(dim, waves, integrator):
    with run(jeans(dim, 2, waves, end=0.5, amplitude=0.3, integrator=integrator)) as sim:
        found, ledger = energies(sim), sim.ledger.report(sim.pool.u, sim.mesh)
    potential = found["potential_energy"]
    assert abs(potential["final"] - potential["initial"]) > 1e-2 * abs(potential["initial"])
    assert abs(found["total_energy"]["drift_of_potential_energy"]) <= 1e-10, found
    assert all(each["unexplained"] <= 1e-14 for each in ledger.values())
    for a in range(dim):
        each = ledger[f"momentum_{'xyz'[a]}"]
        assert abs(each["final"]) <= 1e-9 * max(each["scale"], 1e-3)


def drift(n, region=False):
    with run(jeans(1, n, [1], end=0.5, amplitude=0.3, region=region)) as sim:
        return abs(energies(sim)["total_energy"]["drift_of_potential_energy"])


@pytest.mark.parametrize(("dim", "n", "waves"), [(1, 4, [1]), (2, 4, [1, 1]), (3, 2, [1, 0, 1])])
def test_the_total_energy_is_conserved_between_levels(dim, n, waves):
    """Where the operator is not symmetric, and in a box whose mesh changes but for what the regrids do."""
    with run(jeans(dim, n, waves, end=0.5, amplitude=0.3, region=True)) as sim:
        assert sim.gravity._field.faces.n_all > 0
        assert abs(energies(sim)["total_energy"]["drift_of_potential_energy"]) <= 1e-10


VISCOUS = {"name": "navier_stokes", "viscosity": 1e-5, "prandtl": 0.7}


@pytest.mark.parametrize("physics", [{}, VISCOUS])
def test_the_total_energy_changes_in_regrids_only(physics):
    case = falling(end=0.3, periodic=True, sources=[{"name": "self_gravity", "G": 2.0}], physics=physics)
    with run(case) as sim:
        found = energies(sim)
        assert len(np.unique(sim.mesh.forest.level)) > 1 and found["potential_energy"]["by_regrids"] != 0
    scale = abs(found["potential_energy"]["initial"])
    by_regrids = found["potential_energy"]["by_regrids"]
    assert abs(found["total_energy"]["drift"] - by_regrids) <= 1e-10 * scale, found
    assert abs(by_regrids) <= 1e-3 * scale, found


def test_work_at_the_centres_of_the_cells_would_not_conserve(monkeypatch):
    """What the conservative source is for: the same scheme with density velocity . g as the source of the energy."""

    class Plain:
        rate = staticmethod(kernel.rate)
        work_done = staticmethod(lambda *arguments: None)

        @staticmethod
        def kick(*arguments):
            return kernel.kick(*arguments[:-1], False)

    conservative = drift(8)
    monkeypatch.setattr(gravity_module, "kernel", Plain)
    plain = drift(8)
    assert conservative <= 1e-10 and plain >= 1e-4, (conservative, plain)


def falling(g=0.0, end=0.2, periodic=False, sources=None, physics=None):
    """A clump that falls together in space (or a box) and is accelerated along x."""
    both = [{"name": "self_gravity", "G": 2.0}, {"name": "gravity", "g": [g, 0.0]}]
    return made(
        2, 4,
        mesh={"max_level": 2, "periodic": periodic},
        physics={"name": "euler", "gamma": 5 / 3, **(physics or {})},
        problem={"name": f"{STATES}:clump", "width": 0.15, "center": 0.45, "pressure": 0.05},
        sources=sources or both,
        scheme={"integrator": "ssp_rk2" if physics else "muscl_hancock"},
        time={"end": end},
    )  # fmt: skip


def test_regrids_and_sources_go_together():
    """The mesh follows a clump that falls together in space; a constant acceleration beside it moves the whole."""
    g, end = 0.2, 0.2
    with run(falling(g, end)) as sim:
        found, ledger = energies(sim), sim.ledger.report(sim.pool.u, sim.mesh)
        assert sim.report.regrids >= 3 and len(np.unique(sim.mesh.forest.level)) > 1
    assert all(each["unexplained"] <= 1e-13 for each in ledger.values())
    mass = ledger["density"]["initial"]
    assert ledger["momentum_x"]["ledger"]["source"] == pytest.approx(mass * g * end, rel=1e-3)
    assert abs(ledger["momentum_y"]["ledger"]["source"]) <= 1e-3 * mass * g * end
    assert found["potential_energy"]["final"] < found["potential_energy"]["initial"]
    assert found["solves"] > sim.step_number and found["iterations_max"] < 40


# ---- the potential ----------------------------------------------------------------------------------------------------------


def gaussian_potential(dim, r, width):
    """Of unit mass, density ~ exp(-r^2 / width^2), with G = 1."""
    s = r / width
    erf = np.vectorize(math.erf)(s)
    if dim == 1:
        return 2 * np.pi * (r * erf + width * np.exp(-s * s) / math.sqrt(np.pi))
    if dim == 3:
        return -erf / r
    # 2 ln r + E1(s^2): E1(z) = -gamma - ln z + integral of (1 - exp(-v)) / v from 0 to z.
    node, weight = np.polynomial.legendre.leggauss(60)
    v = 0.5 * (s * s)[..., None] * (node + 1)
    integral = (0.5 * (s * s)[..., None] * weight * -np.expm1(-v) / v).sum(axis=-1)
    return 2 * math.log(width) - np.euler_gamma + integral


def isolated_error(dim, roots, comm=None):
    """L2 error of the potential of a Gaussian off the middle of a box of two levels, per its range."""
    comm, width = comm or Comm.self_(), 0.08
    mesh = local_mesh(
        refined_forest(dim, roots, [False] * dim, [([0.25] * 3, [0.75] * 3)]), comm, length=(1.0, 1.0, 1.0)
    )
    layout = Layout(dim, 8, 2, dim + 2)
    center = np.array([0.47, 0.52, 0.5])[:dim].reshape(-1, 1, 1, 1, 1)
    r = np.sqrt(((mesh.cell_centers() - center) ** 2).sum(axis=0))
    u = np.ones((mesh.n_block, *layout.shape))
    u[(slice(None), 0, *layout.interior)] = np.exp(-((r / width) ** 2)) / (math.sqrt(np.pi) * width) ** dim
    solver = SelfGravity(comm, layout, mesh.geometry, 1.0, is_periodic=False)
    exact = gaussian_potential(dim, r, width)
    error = norms(solver.potential(mesh, u) - exact, mesh)[0] / np.ptp(exact)
    solver.free()
    mesh.free()
    return error


@pytest.mark.parametrize(("dim", "sizes", "bound"), [(1, (4, 8), 5e-4), (2, (4, 8), 3e-4), (3, (2, 4), 3e-3)])
def test_the_potential_in_empty_space_is_of_second_order(dim, sizes, bound):
    found = [isolated_error(dim, n) for n in sizes]
    assert found[1] <= bound and found[1] <= found[0] / 3.3, found


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_multipoles_fall_off_as_they_should(dim):
    """Against the sum over all cells, far away: what the expansion leaves out, the octupole, falls with r^-3 relative."""
    mesh = local_mesh(refined_forest(dim, 2, [False] * dim, [([0.0] * 3, [0.5] * 3)]))
    x = mesh.cell_centers()
    weight = np.broadcast_to(mesh.cell_volume[:, None, None, None], x.shape[1:])
    rho = np.random.default_rng(0).random(x.shape[1:])
    moments = Multipole.of(rho, mesh, Comm.self_())
    mass = (rho * weight).ravel()
    assert moments.mass == pytest.approx(mass.sum(), rel=1e-13)
    error = []
    for distance in (8.0, 16.0):
        points = moments.center[:, None] + distance * np.eye(dim) + 0.3 * distance * np.eye(dim)[::-1]
        r = np.sqrt(((points[:, :, None] - x.reshape(dim, 1, -1)) ** 2).sum(axis=0))
        kernels = {1: 2 * np.pi * r, 2: 2 * np.log(r), 3: -1 / r}[dim]
        exact = kernels @ mass
        error.append(np.abs(moments.potential(points, 1.0) - exact).max() / (1.0 if dim == 2 else np.abs(exact).max()))
    if dim == 1:
        assert max(error) <= 1e-13
    else:
        assert error[0] <= 1e-4 and error[1] <= error[0] / 6.5, error


# ---- balance ----------------------------------------------------------------------------------------------------------------


def unrest(n, dim=1):
    """Largest momentum in an isothermal slab between walls after a sound crossing of its height, in units of c."""
    case = made(
        dim, n,
        mesh={"lower": [-1.2], "upper": [1.2], "periodic": False},
        physics={"name": "euler", "gamma": 5 / 3},
        problem={"name": f"{STATES}:slab", "G": 1.0, "sound_speed": 0.5},
        boundaries={"x": ["reflecting", "reflecting"]},
        sources=[{"name": "self_gravity", "G": 1.0}],
        time={"end": 0.4},
    )  # fmt: skip
    with run(case) as sim:
        u = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]
        found = energies(sim)
        assert abs(found["total_energy"]["drift_of_potential_energy"]) <= 1e-8
        return float(np.abs(u[:, 1]).max()) / 0.5


def test_a_slab_in_balance_stays_at_rest():
    found = [unrest(n) for n in (4, 8, 16)]
    assert found[2] <= 1.9e-3 and found[2] <= found[1] / 2.5 and found[1] <= found[0] / 4, found


# ---- the rest of the program ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_periodic", [True, False])
def test_a_restart_in_the_middle_has_the_same_bits(tmp_path, is_periodic):
    """On the same number of ranks: the checkpoint holds the potential, which is the first guess of the next."""
    case = jeans(2, 4, [1, 0], end=0.5, amplitude=0.2) if is_periodic else falling()
    with Simulation(case) as sim:
        for step in sim.steps():
            if step.number == 3:
                sim.write(tmp_path / "middle.h5")
        whole = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)].copy()
        energy, initial, regrids = sim.gravity.energy, sim.gravity.initial, sim.gravity.by_regrids
        assert sim.step_number >= 6
    with Simulation(case, tmp_path / "middle.h5") as sim:
        for _ in sim.steps():
            pass
        assert np.array_equal(sim.pool.u[(slice(None), slice(None), *sim.layout.interior)], whole)
        assert (sim.gravity.energy, sim.gravity.initial, sim.gravity.by_regrids) == (energy, initial, regrids)
        assert is_periodic or sim.report.regrids > 0


def test_a_step_that_is_rejected_leaves_the_gas_as_it_was():
    case = jeans(1, 2, [1], end=1.0)
    with Simulation(case) as sim:
        sim.gravity.prepare(sim.mesh, sim.pool.u)
        inner = (slice(None), slice(None), *sim.layout.interior)
        before, energy = sim.pool.u[inner].copy(), sim.gravity.energy
        result = sim._try_step(50.0)
        assert not result.accepted
        assert np.array_equal(sim.pool.u[inner], before) and sim.gravity.energy == energy
        assert all(each["unexplained"] == 0 for each in sim.ledger.report(sim.pool.u, sim.mesh).values())


def test_the_potential_is_in_the_snapshot_and_the_solves_in_the_report(tmp_path):
    case = jeans(1, 2, [1], end=0.05).replace(output={"directory": str(tmp_path), "format": "vtu"})
    with Simulation(case) as sim:
        report = sim.run()
        field = sim.snapshot().fields["potential"]
    assert field.shape == (2, 1, 1, 8) and np.abs(field).max() == pytest.approx(1e-5 / np.pi, rel=0.1)
    assert report["gravity"]["solves"] == report["steps"] + 1
    assert any(b'Name="potential"' in path.read_bytes() for path in tmp_path.glob("*.vtu"))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"mesh": {"periodic": [True, False]}}, "all axes to be periodic, or none"),
        ({"scheme": {"subcycle": True}}, "must be false with self_gravity"),
        ({"sources": [{"name": "self_gravity", "G": 1.0}] * 2}, "stands there twice"),
        ({"sources": [{"name": "self_gravity", "G": 0.0}]}, "must be > 0"),
        ({"physics": {"name": "burgers"}, "problem": {"name": "sine"}}, "needs physics euler or navier_stokes"),
        ({"sources": []}, 'needs sources = [{ name = "self_gravity"'),
        ({"problem": {"waves": [0, 0]}}, "needs a wave along one axis"),
    ],
)
def test_what_does_not_go_together_is_refused(change, text):
    with pytest.raises(CaseError, match=text.replace("[", r"\[")):
        jeans(2, 2, [1, 0], end=1.0).replace(**change)


def test_options_that_nobody_asks_for_are_told(tmp_path):
    options = "-ksp_type bcgs -kps_rtol 1e-9"
    case = jeans(1, 2, [1], end=0.02).replace(petsc={"options": options}, output={"directory": str(tmp_path)})
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        assert make_report(sim)["petsc"] == {"options": options, "unused": ["kps_rtol"]}
    plain = case.replace(sources=[], problem={"name": "euler_wave"})
    with Simulation(plain) as sim:
        assert make_report(sim)["petsc"]["unused"] == ["ksp_type", "kps_rtol"]
