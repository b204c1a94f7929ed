"""`amr bench` runs and its numbers mean what they say; no time is asserted."""

import json
from dataclasses import replace

import numpy as np
import pytest

from amr._kernels import yardstick
from amr.bench import efficiency
from amr.bench.cases import CASES, BenchCase, choose
from amr.bench.gain import l1_error, radial_profile
from amr.bench.instructions import measure_instructions
from amr.bench.tables import tables
from amr.bench.tree import measure_tree
from amr.cli import main
from amr.comm import Comm
from amr.errors import CaseError
from amr.mesh.pool import Layout
from amr.simulation import Simulation

SMALLEST = ["-m", "amr", "bench", "--quick", "--case", "2d_amr_16", "--case", "3d_uniform_32"]


@pytest.mark.parametrize("n_ranks", [0, 2])
def test_command(mpirun, tmp_path, n_ranks):
    done = mpirun(n_ranks, [*SMALLEST, "--json", tmp_path / "bench.json"], check=True)
    result = json.loads((tmp_path / "bench.json").read_text())
    assert result["n_ranks"] == max(n_ranks, 1) and result["quick"]
    assert {each["name"] for each in result["cases"]} == {"2d_amr_16", "3d_uniform_32"}
    for each in result["cases"]:
        assert each["rate"] > 0 and each["steps"] > 0 and each["is_complete"]
        assert each["ratio"] == pytest.approx(each["rate"] / each["yardstick"])
        assert each["rate"] == pytest.approx(each["cell_updates"] / each["seconds"] / result["n_ranks"])
        assert sum(each["shares"].values()) == pytest.approx(1.0)
        assert min(each["shares"].values()) >= 0 and each["shares"]["kernel"] > 0
        assert each["memory_ratio"] > 1  # u and u_new
        assert 1 <= each["imbalance"] <= result["n_ranks"]
    uniform = result["cases"][0]
    assert uniform["leaves"] == 8 and uniform["state_bytes"] == 8 * 5 * 36**3 * 8
    assert "3d_uniform_32" in done.stdout and "kernel" in done.stdout


def test_markdown_shows_what_the_json_holds(mpirun, tmp_path):
    path = tmp_path / "bench.json"
    out = mpirun(0, [*SMALLEST[:5], "2d_amr_16", "--markdown", "--json", path], check=True).stdout
    (each,) = json.loads(path.read_text())["cases"]
    row = next(line for line in out.splitlines() if line.startswith("| 2d_amr_16 |")).split(" | ")
    assert row[1] == f"{each['rate'] / 1e6:.2f}" and row[3] == f"{each['ratio']:.3f}"


def test_cut_short(mpirun, tmp_path):
    path = tmp_path / "bench.json"
    out = mpirun(0, [*SMALLEST[:5], "2d_amr_16", "--seconds", "1e-9", "--json", path], check=True).stdout
    (each,) = json.loads(path.read_text())["cases"]
    assert each["steps"] == 1 and not each["is_complete"] and "cut short" in out


@pytest.mark.parametrize(
    "options, message",
    [
        (["--case", "2d_amr_17"], "no case '2d_amr_17'; did you mean \"2d_amr_16\"?"),
        (["--case", "x" * 9, "--case", "2d_amr_16"], "no case 'xxxxxxxxx'"),
    ],
)
def test_unknown_case(mpirun, options, message):
    done = mpirun(0, ["-m", "amr", "bench", *options])
    assert done.returncode == 2 and done.stderr.startswith(f"error: {message}") and done.stderr.count("error") == 1


def test_tree_is_for_one_rank(mpirun):
    done = mpirun(2, ["-m", "amr", "bench", "--tree"])
    assert (
        done.returncode
        and done.stderr.count("error: --tree, --subcycle, --indicators and --instructions measure one rank") == 1
    )


def test_gain_of_level_wise_steps(mpirun, tmp_path):
    path = tmp_path / "gain.json"
    out = mpirun(0, ["-m", "amr", "bench", "--subcycle", "--quick", "--markdown", "--json", path], check=True).stdout
    rows = json.loads(path.read_text())["gain"]
    assert out.count("level-wise, interval") == len(rows) / 2 == 10
    for name in {each["name"] for each in rows}:
        mine = [each for each in rows if each["name"] == name]
        plain, level_wise = ([each for each in mine if each["subcycle"] == kind] for kind in (False, True))
        best = min(each["seconds"] for each in plain)
        assert all(each["gain"] == pytest.approx(best / each["seconds"]) for each in mine)
        for one, other in zip(plain, level_wise, strict=True):
            assert one["interval"] == other["interval"]
            assert name == "3d_amr" or other["cell_updates"] < one["cell_updates"]
            assert other["steps"] <= one["steps"]
            assert 0 < other["error"] < 1.1 * one["error"]


def test_efficiency_of_indicators(tmp_path):
    """A vortex: one that sees it comes near the finest mesh for fewer cells; a shock sensor does not see it."""
    case = replace(efficiency.CASES["vortex"], end=1.0, max_level=3)
    chosen = ("multiresolution", "shock_sensor")
    rows = efficiency.measure_efficiency("vortex", case, Comm.self_(), quick=True, indicators=chosen)
    assert [(each["indicator"], each["factor"]) for each in rows] == [
        *((efficiency.UNIFORM, level) for level in (0, 1)), *((name, 1.0) for name in chosen)
    ]  # fmt: skip
    coarse, fine, sees, blind = rows
    assert coarse["cell_updates"] < sees["cell_updates"] < 0.5 * fine["cell_updates"]
    assert 0 < fine["error"] < 0.4 * coarse["error"] and sees["error"] < 1.2 * fine["error"]
    assert sees["is_near"] and not blind["is_near"] and blind["error"] > 2 * sees["error"]
    efficiency.plot_efficiency(tmp_path / "curves.png", rows)
    assert (tmp_path / "curves.png").stat().st_size > 1000
    every, near = tables({"efficiency": rows, "n_ranks": 1, "n_cores": 1, "processor": "", "version": ""})
    assert len(every.rows) == 4 and every.rows[2][4] == f"{sees['error']:.3e}"
    assert near.rows[1:] == [
        ["multiresolution", "1 of 1", "1 of 1", "1 of 1"],
        ["shock_sensor", *["0 of 1"] * 2, "0 of 1"],
    ]


def test_judgement_of_efficiency():
    """Near the front: neither much worse than what costs as much nor much dearer than what is as good; and of some use."""
    runs = {
        "uniform": (1, 1.0),
        "useless": (2, 0.9),
        "best": (10, 0.1),
        "close": (11, 0.11),
        "worse": (12, 0.2),
        "dear": (20, 0.1),
    }
    rows = [{"indicator": name, "factor": 0, "cell_updates": n, "error": e} for name, (n, e) in runs.items()]
    efficiency.judge(rows)
    assert [row["indicator"] for row in rows if row["is_near"]] == ["best", "close"]
    assert [row["error_over"] for row in rows] == pytest.approx([1, 1, 1, 1.1, 2, 1])
    assert [row["updates_over"] for row in rows] == pytest.approx([1, 1, 1, 1.1, 1.2, 2])


def test_density_on_the_finest_level_is_conservative():
    """Coarse leaves count as lines, fine ones as they are, wherever they lie."""
    case = replace(efficiency.CASES["double_mach"], end=0.01, max_level=2).make()
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        found = efficiency.density(sim)
        centers = sim.mesh.cell_centers()[:, :, 0]
        inner = sim.pool.u[(slice(None), 0, 0, *sim.layout.interior[1:])]
        h = 4.0 / found.shape[1]
        assert len({*sim.mesh.level}) == 3 and found.shape == (128, 512)
        assert found.sum() * h * h == pytest.approx((inner.sum(axis=(1, 2)) * sim.mesh.cell_volume).sum(), rel=1e-12)
        fine = sim.mesh.level == 2
        i, j = (np.floor(x[fine] / h).astype(int) for x in centers)
        assert (found[j, i] == inner[fine]).all()


def test_plot_is_of_indicators(mpirun):
    done = mpirun(0, ["-m", "amr", "bench", "--plot", "x.png"])
    assert done.returncode == 2 and "--plot draws what --indicators measures" in done.stderr


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_radial_profile_is_the_solution(dim):
    """The error of the case against it falls as the case's mesh is refined."""
    coarse, fine = (BenchCase(dim, {1: 256, 2: 128, 3: 16}[dim], 8, level, 0.0, 0.03) for level in (0, 2))
    exact = radial_profile(fine.make(), Comm.self_())
    found = []
    for bench in (coarse, fine):
        with Simulation(bench.make()) as sim:
            for _ in sim.steps():
                pass
            found.append(l1_error(sim, exact))
    assert found[1] < 0.75 * found[0]


def test_every_case_is_a_case():
    for name, bench in CASES.items():
        for each in (bench, bench.quick()):
            case = each.make()
            assert f"{case.mesh.dim}d" == name.split("_")[0] and str(case.mesh.block_cells) == name.split("_")[2]
            assert (case.mesh.max_level > 0) == ("amr" in name) and 0 < each.begin < each.end == case.time.end
    assert list(choose(["3d_amr_8", "2d_amr_16"], quick=False)) == ["2d_amr_16", "3d_amr_8"]
    assert (
        set(CASES) - set(choose([], quick=True)) == {"3d_amr_16_large"} == set(choose(["3d_amr_16_large"], quick=True))
    )
    with pytest.raises(CaseError, match="There are: 2d_uniform_16"):
        choose(["nothing"], quick=True)


@pytest.mark.parametrize("dim", [2, 3])
def test_yardstick_is_a_scheme(dim):
    """A uniform state stays, a smooth one is transported, and the mass of a block changes through its faces alone."""
    layout = Layout(dim, 16, 2, dim + 2)
    scratch = np.empty(yardstick.scratch_size(layout))
    u = np.zeros((2, *layout.shape))
    u[:, 0], u[:, 1], u[:, -1] = 1.0, 0.5, 2.5 + 0.125
    kept = u.copy()
    yardstick.advance(layout, u, scratch, 3, 0.1)
    np.testing.assert_allclose(u, kept, rtol=1e-14)
    # A density wave that moves with v = 0.5 along x at constant pressure; the ghosts are those of t = 0, so one step only.
    x = np.arange(-2, 18) + 0.5
    rho = 1 + 0.1 * np.sin(0.2 * x)
    u[:, 0], u[:, 1], u[:, -1] = rho, 0.5 * rho, 2.5 + 0.125 * rho
    dt = 0.4
    yardstick.advance(layout, u, scratch, 1, dt)
    moved = 1 + 0.1 * np.sin(0.2 * (x - 0.5 * dt))
    inner = u[(slice(None), 0, *layout.interior)]
    still = np.abs(rho[2:-2] - moved[2:-2]).max()
    assert np.abs(inner - moved[2:-2]).mean() < 0.01 * still  # the limiter clips the crest
    assert (u[:, 0, ..., :2] == rho[:2]).all()


def test_yardstick_refuses():
    for layout in (Layout(1, 16, 2, 3), Layout(2, 16, 4, 4), Layout(2, 16, 2, 5)):
        with pytest.raises(ValueError, match="two or three dimensions"):
            yardstick.advance(layout, np.ones((1, *layout.shape)), np.empty(10**5), 1, 0.1)
    layout = Layout(2, 16, 2, 4)
    with pytest.raises(ValueError, match="doubles of scratch"):
        yardstick.advance(layout, np.ones((1, *layout.shape)), np.empty(10), 1, 0.1)


@pytest.mark.parametrize("dim", [2, 3])
def test_tree(dim):
    found = measure_tree(dim, 1000)
    assert found["leaves"] >= 1000 and all(value >= 0 for value in found["seconds"].values())
    assert found["seconds"]["neighbors"] > 0 and found["peak_bytes"] >= found["local_bytes"] > 0
    # Level, coordinates and key of a leaf are 1 + 12 + 8 bytes.
    assert 21 <= found["replicated_bytes"] < 25
    assert found["marking_bytes"] < 30 < 200 < found["deciding_bytes"]
    assert found["seconds"]["mark"] > found["seconds"]["balance"]


def test_no_tool_for_instructions(monkeypatch):
    monkeypatch.setenv("PATH", "")
    counted = measure_instructions()
    assert counted == {"tool": None, "per_cell_update": {}}
    assert tables({"instructions": counted, "n_ranks": 1, "n_cores": 1, "processor": "", "version": ""}) == []


def test_elliptic(run):
    status, out, _ = run("bench", "--elliptic", "--quick", "--markdown", command=main)
    rows = [line.split("|") for line in out.splitlines() if line.startswith(("| 2D", "| 3D"))]
    assert status == 0 and {row[1].split(", ")[2].strip() for row in rows} >= {"multigrid", "gamg"}
    assert all(0 < int(row[2]) < 30 for row in rows)
    assert all(float(row[7]) > float(row[8]) > 0 for row in rows)  # all of it and the solve alone, in explicit steps
