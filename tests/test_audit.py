"""Why a leaf is as fine as it is, in words and fields, and what the report says of the resolution."""

from __future__ import annotations

import json
import math
from functools import partial

import numpy as np
import pytest

from amr import cli
from amr.errors import CaseError, FileFormatError
from amr.guard import audit, resolution
from amr.guard.classify import Kind
from amr.guard.resolution import History
from amr.indicators import leaf_state
from amr.indicators.columns import count_hot
from amr.indicators.leaf_state import Bar, Cause
from amr.indicators.survey import survey
from amr.io.checkpoint import Checkpoint, write_checkpoint
from amr.io.explain import explain_leaf, find_leaf
from amr.results import guard_report
from amr.simulation import Simulation
from tests import io_tools
from tests.runs import made, remembered, small

COLUMNS = [["multiresolution", "density"], ["lohner", "pressure"], ["my.py:f", ""]]


def state(**values):
    """A leaf that was there at the last regrid, with an indicator at 0.4 of its threshold 0.005."""
    leaf = leaf_state.start(1)
    known = {"since": 5, "value": 0.4, "refine": 0.005, "parent": 0.75}
    for name, value in {**known, **values}.items():
        leaf[name] = value
    return leaf[0]


def told(level=2, max_level=4, dim=2, **values):
    place = audit.Place(3, 40, level, max_level, [0.25] * dim, [0.5] * dim, [0.25 / 16] * dim)
    return audit.explain(state(**values), place, COLUMNS, patience=3)


# ---- in words ------------------------------------------------------------------------------------------------------------

WHY = {
    Cause.ROOT: "root block",
    Cause.INDICATOR: "The indicator multiresolution of density called for it",
    Cause.SAMPLING: "Samples of the initial state",
    Cause.PROBE: "Samples of a source or of a boundary function",
    Cause.REGION: "refinement.regions",
    Cause.BUFFER: "refinement.buffer",
    Cause.TRIAL: "on trial, regrid 2 of 4",
    Cause.PATIENCE: "for 2 regrids in a row; after 3 it coarsens",
    Cause.SIBLING: "not all of its siblings",
    Cause.BALANCE: "2:1 balance",
}
COARSER = {
    Cause.ROOT: "root blocks are the coarsest",
    Cause.INDICATOR: "3 regrids in a row",
    Cause.SAMPLING: "0.75 of the threshold for coarsening",
    Cause.PROBE: "regrids without such a finding",
    Cause.REGION: "A lower level of that region",
    Cause.BUFFER: "the block nearby cools down",
    Cause.TRIAL: "in 2 regrids, unless a detail above 0.001",
    Cause.PATIENCE: "so far it was calm in 2",
    Cause.SIBLING: "all of its siblings",
    Cause.BALANCE: "finer neighbour coarsens",
}


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_told_and_what_would_coarsen(cause):
    trial = {"trial": 1, "age": 2, "cause": Cause.PATIENCE} if cause == Cause.TRIAL else {"cause": cause}
    found = told(level=0 if cause == Cause.ROOT else 2, calm=2, **trial)
    assert WHY[cause] in found.why[0] and COARSER[cause] in found.coarser[0]
    assert "0.002, not above the threshold 0.005 (0.4 of it)" in found.why[1]
    others = [text for other, text in WHY.items() if other != cause]
    assert not any(text in found.why[0] for text in others)


NOT_FINER = {
    Bar.NONE: ("Nothing asks for more", "threshold of multiresolution of density below 0.002 (it is 0.005)"),
    Bar.MAX_LEVEL: ("mesh.max_level = 2 is reached", "A mesh.max_level above 2."),
    Bar.NOISE: ("noise, in which no mesh finds more: alarms are turned down for 16 more regrids (veto 2", "classify"),
    Bar.ODD_EVEN: ("alternates from cell to cell", "does not alternate"),
    Bar.GHOST: ("bought nothing: alarms are turned down for 8 more regrids (ghost alarm 1", "above 2 x 0.03"),
    Bar.HOLD: ("held back, regrid 2 of 3", "the end of the hold"),
    Bar.TRIAL: ("on trial itself", "A detail above 0.004"),
}


@pytest.mark.parametrize("bar", Bar)
def test_every_bar_is_told_and_what_would_refine(bar):
    waits = {"noise_wait": 16, "noises": 2, "ghost_wait": 8, "ghosts": 1, "hold": 2, "alarm_rms": 0.03}
    value = 0.4 if bar == Bar.NONE else 1.5
    found = told(max_level=2 if bar == Bar.MAX_LEVEL else 4, bar=bar, value=value, cause=Cause.BUFFER, **waits)
    why, change = NOT_FINER[bar]
    assert why in found.why_not_finer[0] and change in found.finer[0]
    if bar != Bar.NONE:
        assert "0.0075, above the threshold 0.005 (1.5 of it)" in found.why_not_finer[1]


def test_the_column_names_indicator_and_variable():
    assert "The indicator lohner of pressure is" in told(cause=Cause.BUFFER, column=1).why[1]
    assert "The indicator my.py:f is" in told(cause=Cause.BUFFER, column=2).why[1]


@pytest.mark.parametrize("kind", Kind)
def test_the_class_is_told(kind):
    assert f"calls it {kind.label}." in told(kind=kind).content[0]


def test_a_leaf_without_a_class_or_values_says_so():
    assert "not classed" in told().content[0]
    new = told(last=1, since=0, value=0, refine=0, cause=Cause.BUFFER)
    assert "refined at the last regrid" in new.why[0] and "refinement.buffer" in new.why[0]
    assert "not known yet" in new.why_not_finer[0]
    assert "joined" in told(last=-1, since=0, refine=0).why[0]
    assert "finest level" in told(level=2, max_level=2).why_not_finer[0]
    assert "its parent would need it" in told(cause=Cause.PATIENCE).why[0]
    place = audit.Place(0, 1, 0, 2, [0.0], [1.0], [0.1])
    assert "no indicator" in audit.explain(state(), place, [], 3).why[1]


# ---- from a checkpoint -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_leaf_of_a_point_contains_it(dim, tmp_path):
    snap = io_tools.snapshot(dim)
    checkpoint = Checkpoint(write_checkpoint(tmp_path / "a.h5", snap))
    lower = snap.geometry.origin(snap.forest.level, snap.forest.coords)[:, :dim]
    upper = lower + 8 * snap.geometry.spacing(snap.forest.level)[:, :dim]
    for x in np.random.default_rng(dim).uniform(io_tools.LOWER[:dim], io_tools.UPPER[:dim], (50, dim)):
        number = find_leaf(checkpoint, x)
        assert (lower[number] <= x).all() and (x <= upper[number]).all()
    for number in range(0, snap.n_leaves, 5):
        assert find_leaf(checkpoint, lower[number]) == number
    assert find_leaf(checkpoint, io_tools.UPPER[:dim]) == snap.n_leaves - 1
    with pytest.raises(CaseError, match=r"outside the domain \[-0.5, 0.5\]"):
        find_leaf(checkpoint, [7.0] * dim)
    with pytest.raises(CaseError, match=f"{dim + 1} coordinates, but the mesh has {dim} axes"):
        find_leaf(checkpoint, [0.0] * (dim + 1))
    with pytest.raises(FileFormatError, match="no state of the leaves"):
        explain_leaf(checkpoint, 0)


@pytest.fixture(scope="module")
def blast(tmp_path_factory):
    """A run of a blast, its checkpoint, and what its report says."""
    path = tmp_path_factory.mktemp("blast") / "a.h5"
    with Simulation(small("blast_2d", mesh={"max_level": 2}, time={"max_steps": 40})) as sim:
        for _ in sim.steps():
            pass
        sim.write(path)
        sim.write(path.with_suffix(".vtu"))
        leaf, columns = sim.decider.leaf.copy(), sim.decider.finder.columns
        return path, sim, leaf, columns, guard_report(sim)


def test_a_run_is_explained_with_the_numbers_of_its_last_regrid(blast):
    path, sim, leaf, columns, _ = blast
    checkpoint = Checkpoint(path)
    hot = np.flatnonzero(leaf["bar"] == Bar.MAX_LEVEL)
    assert len(hot) and (sim.mesh.forest.level[hot] == 2).all()
    for number in hot[:5]:
        found = explain_leaf(checkpoint, int(number))
        label, variable = columns[leaf["column"][number]]
        value = float(leaf["value"][number]) * float(leaf["refine"][number])
        assert f"{label} of {variable} is {value:.4g}, above" in found.why_not_finer[1]
        assert "above the threshold 0.004" in found.why_not_finer[1]
    for number in range(checkpoint.n_leaves):
        assert all(found for found in explain_leaf(checkpoint, number).sections().values())
    with pytest.raises(CaseError, match="leaf -1"):
        explain_leaf(checkpoint, -1)


def test_the_command_explains_a_place(blast, run):
    path = blast[0]
    status, out, _ = run("explain", path, "--at", "-0.05,0.01", command=cli.main)
    number = find_leaf(Checkpoint(path), [-0.05, 0.01])
    assert status == 0 and f"Leaf {number} of" in out and "Why it is this fine" in out and "\x1b" not in out
    assert run("explain", path, "--leaf", number, command=cli.main)[:2] == (0, out)
    for args in ([], ["--at", "0,0", "--leaf", "1"], ["--at", "0,x"]):
        assert run("explain", path, *args, command=cli.main)[0] == 2
    assert run("explain", path, "--at", "0,7", command=cli.main)[2].startswith("error: the point (0, 7) is outside")


def test_a_run_without_refinement_has_nothing_to_explain_but_restarts(tmp_path):
    case = small("sod", mesh={"max_level": 0}, time={"max_steps": 2})
    with Simulation(case) as sim:
        list(sim.steps())
        sim.write(tmp_path / "a.h5")
        assert not sim.snapshot().fields
        before = guard_report(sim)
    with pytest.raises(FileFormatError, match="max_level = 0"):
        explain_leaf(Checkpoint(tmp_path / "a.h5"), 0)
    with Simulation(case, restart=tmp_path / "a.h5") as sim:
        assert guard_report(sim) == before


# ---- in ParaView -----------------------------------------------------------------------------------------------------------


def test_fields_are_written_for_paraview(blast):
    meshio = pytest.importorskip("meshio")
    path, sim, leaf, _, _ = blast
    data = meshio.read(path.with_suffix(".vtu")).cell_data
    cells = sim.layout.cells
    for name, values in audit.leaf_fields(leaf).items():
        assert np.array_equal(np.asarray(data[name][0]).reshape(-1, cells), np.repeat(values[:, None], cells, axis=1))
    assert len(np.unique(data["cause"][0])) > 2


def test_a_leaf_that_only_its_trial_keeps_is_on_trial():
    leaf = np.array([state(trial=1, cause=c) for c in (Cause.PATIENCE, Cause.BUFFER)] + [state(cause=Cause.PATIENCE)])
    assert audit.leaf_fields(leaf)["cause"].tolist() == [Cause.TRIAL, Cause.BUFFER, Cause.PATIENCE]


# ---- the report ------------------------------------------------------------------------------------------------------------


def test_fractions_count_hot_leaves_of_the_finest_level_once():
    forest = io_tools.forest(2)
    hot = np.ones((forest.n_leaves, 3), dtype=bool)
    hot[:, 1] = False
    columns = [["jump", "density"], ["lohner", "density"], ["f.py:f", ""]]
    share = (forest.level == 2).sum() / (6 * 16)
    counts = count_hot(hot, forest.level == forest.max_level, columns)
    found = resolution.hot_fractions(forest, counts)
    assert found == {"density": pytest.approx(share), "f.py:f": pytest.approx(share)} and 0 < share < 1
    assert math.fsum(resolution.volume_fractions(forest)) == pytest.approx(1.0, abs=1e-15)


def test_space_time_is_weighted_with_the_time_since_the_last_regrid():
    share, history = 0.25, History(since=1.0)
    history.add_regrid({"q": share}, 1.5)
    history.add_regrid({"q": 0.0}, 3.0)
    history = History.from_meta(json.loads(json.dumps(history.to_meta())))
    assert history.space_time_fractions({"q": 0.0}, 3.0)["q"] == pytest.approx(share * 0.5 / 2.0)
    assert history.space_time_fractions({"q": share}, 4.0)["q"] == pytest.approx(share * 1.5 / 3.0)
    assert History().space_time_fractions({"q": 0.25}, 0.0) == {"q": 0.25}


def test_percentiles_are_nearest_ranks():
    values = np.array([3.0, np.inf, 1.0, 2.0])
    assert [resolution.percentile(values, p) for p in (5, 50, 75, 100)] == [1.0, 2.0, 3.0, np.inf]
    assert resolution.percentile(values[:0], 5) is None


def test_the_report_counts_what_the_run_did(blast):
    _, sim, leaf, _, found = blast
    forest = sim.mesh.forest
    assert {name: found[name] for name in sim.decider.guard.to_meta()} == sim.decider.guard.to_meta()
    for name in ("density", "pressure"):
        each = found["under_resolved"][name]
        assert 0 < each["volume_fraction"] <= (forest.level == 2).sum() / (16 * 16)
        assert sum(each["volume_fraction_by_class"].values()) == pytest.approx(each["volume_fraction"])
        assert 0 < each["space_time_fraction"] < 1
    assert found["classes"]["discontinuity"] > 0
    assert sum(found["classes"].values()) >= (leaf["bar"] == Bar.MAX_LEVEL).sum() // 2
    assert found["flicker_per_100_regrids"] == 100 * sim.decider.flicker / sim.report.regrids
    assert found["scout_width_99"] > 0 and found["sampling"]["evaluations"] > 16 * 16 * 16


def test_a_survey_leaves_the_next_decision_as_it_was():
    case = small("blast_2d", mesh={"max_level": 2}, time={"max_steps": 12})
    with Simulation(case) as sim, Simulation(case) as other:
        for each in (sim, other):
            for _ in each.steps():
                pass
            np.multiply(each.pool.u, 3.0, out=each.pool.u)  # so that the next decision has other scales
        mesh, scales = other.mesh, other.decider.finder.fields.scales
        found = survey(other.decider, mesh, other.pool.u, partial(mesh.ghosted, other.pool.u, other.time, False))
        assert other.decider.finder.fields.scales is scales and found.scales != scales
        assert sim.regrid() == other.regrid()
        assert (sim.mesh.forest.key == other.mesh.forest.key).all()
        assert remembered(sim) == remembered(other)


WEAK = """
import numpy as np
def weak(x):
    wave = np.where(x[0] < 0.25, np.sin(2 * np.pi * 40 * x[0]), 0.0)
    return {"q": np.where((x[0] > 0.45) & (x[0] < 0.8), 1.0, 0.0) + 1e-3 * wave}
"""


def test_a_weak_wave_beside_a_jump_is_masked_by_its_scale(tmp_path):
    (tmp_path / "weak.py").write_text(WEAK)
    case = made(
        1, 8, mesh={"block_cells": 16}, physics={"name": "advection", "velocity": [1.0]},
        problem={"name": f"{tmp_path / 'weak.py'}:weak"}, time={"end": 1.0, "max_steps": 0},
    )  # fmt: skip
    with Simulation(case) as sim:
        found = guard_report(sim)
    # Two blocks hold the wave of 3.2 cells; it is too weak to be hot.
    assert found["masked_by_scale"]["q"] == 0.25
    assert found["under_resolved"]["q"]["volume_fraction_by_class"]["under-resolved"] == 0.0


def wave_case(tmp_path, waves, **more):
    text = f"""
[mesh]
lower = [0.0]
upper = [1.0]
root_blocks = [4]
block_cells = 16
max_level = 0
periodic = true
[physics]
name = "advection"
velocity = [1.0]
[problem]
name = "sine"
waves = [{waves}]
[guard]
sampling = {str(more.get("sampling", False)).lower()}
[time]
end = 0.5
max_steps = 1
[output]
directory = "{tmp_path / "out"}"
format = "none"
"""
    path = tmp_path / "wave.toml"
    path.write_text(text)
    return path


def test_a_run_that_ends_under_resolved_says_so_last_and_strictly_fails(tmp_path, run):
    case = wave_case(tmp_path, 20)  # 3.2 cells per wave
    status, out, _ = run(case, "--progress", "none")
    assert status == 0
    assert out.strip().splitlines()[-1] == (
        "UNDER-RESOLVED at the end: q in 100 % of the volume, on max_level: 100 % of what is above its threshold there"
    )
    status, out, _ = run(case, "--quiet", "--strict")
    assert (status, out) == (3, "")
    guard = json.loads((tmp_path / "out" / "report.json").read_text())["guard"]
    assert guard["ended_under_resolved"] and guard["wanted_level"] is None and guard["scout_width_99"] is None
    assert guard["classes"]["under-resolved"] == 4
    assert guard["cells_per_wave"]["p50"] == pytest.approx(3.2, abs=0.3)


def test_a_resolved_run_passes_strictly(tmp_path, run):
    status, out, _ = run(wave_case(tmp_path, 1, sampling=True), "--strict", "--progress", "none")
    assert status == 0 and "UNDER-RESOLVED" not in out and "Resolution" in out


def test_what_the_samples_wanted_is_told(tmp_path, run):
    # The averages of 128 waves on 64 cells are all 0: only the samples tell.
    status, out, _ = run(wave_case(tmp_path, 128, sampling=True), "--strict", "--progress", "none")
    guard = json.loads((tmp_path / "out" / "report.json").read_text())["guard"]
    assert status == 3 and guard["wanted_level"] >= 3
    assert (
        out.strip()
        .splitlines()[-1]
        .startswith(f"UNDER-RESOLVED at the start: the initial state wants level {guard['wanted_level']}")
    )
