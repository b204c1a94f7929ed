"""Marking: maximum, bulk, budget, factors by level and region, a target for the estimated error."""

from itertools import combinations

import numpy as np
import pytest

from amr._kernels import sfc
from amr.case import Case
from amr.errors import CaseError
from amr.indicators import Decider, Finder, Marking, Region, ThresholdState, create_indicator
from amr.indicators import thresholds as rules
from amr.io.snapshot import digest
from amr.mesh.pool import Layout
from amr.mesh.tree import Forest
from amr.physics import create_physics
from amr.simulation import Simulation
from tests.indicator_tools import (
    LocalBlocks,
    OneRank,
    ThreadRank,
    balanced_forest,
    bumpy,
    same,
    sampled,
    unit_geometry,
)
from tests.runs import small

ROOTS = {1: [5], 2: [3, 2], 3: [2, 2, 1]}
MARKINGS = [
    Marking("maximum", 0.4),
    Marking("bulk", 0.6),
    Marking("bulk", 0.9, max_leaves=260),
    Marking(max_leaves=120),
    Marking(level_factors=(0.5, 1.0, 3.0)),
]


def blocks_of(forest):
    return LocalBlocks(forest, unit_geometry(forest))


def rule_of(forest, marking, regions=()):
    return rules.ThresholdRule(marking, regions, unit_geometry(forest), OneRank())


# ---- pure functions ---------------------------------------------------------------------------------------------------------


def test_maximum_is_a_fraction_of_the_largest():
    forest = Forest.uniform(1, [3], False, 0)
    rule, mesh, first = rule_of(forest, Marking("maximum", 0.25)), blocks_of(forest), np.array([1.0, 2.0, 1.0])
    assert rule.choose(mesh, first, np.array([0.2, 3.0, 1.0])).tolist() == [0.375, 0.75, 0.375]
    assert (rule.choose(mesh, first, np.zeros(3)) == rules.LEAST).all()


@pytest.mark.parametrize("seed", range(30))
def test_bulk_is_the_smallest_set(seed):
    rng = np.random.default_rng(seed)
    value = rng.choice([rng.random(), *rng.random(9)], 8) ** 3  # with equal ones among them
    theta = rng.uniform(0.05, 0.95)
    marked = value > rules.bulk_threshold(value, theta)
    whole = (value**2).sum()
    assert (value[marked] ** 2).sum() >= theta * whole * (1 - 1e-12)
    enough = [n for n in range(9) if any(sum(c) >= theta * whole * (1 + 1e-12) for c in combinations(value**2, n))]
    least = value[marked].min()
    # Smallest, but for those that equal the last one needed.
    assert marked.sum() - (value == least).sum() < enough[0] <= marked.sum()


def test_bulk_without_anything_to_mark():
    assert rules.bulk_threshold(np.zeros(5), 0.5) == 0
    assert rules.bulk_threshold(np.zeros(0), 0.5) == 0
    assert (np.full(4, 2.0) > rules.bulk_threshold(np.full(4, 2.0), 0.5)).all()


@pytest.mark.parametrize("theta", [0.3, 0.7])
def test_bulk_weights_with_the_volume(theta):
    forest = balanced_forest(2, 3, ROOTS[2], False)
    value = (np.random.default_rng(0).random(forest.n_leaves) + 0.1) * 2.0**forest.level
    rule = rule_of(forest, Marking("bulk", theta))
    mesh = blocks_of(forest)
    marked = value > rule.choose(mesh, rule.first(mesh), value)
    share = value**2 * 0.25 ** forest.level.astype(float)
    order = np.argsort(-share)
    n = int(np.searchsorted(np.cumsum(share[order]), theta * share.sum())) + 1
    assert set(np.flatnonzero(marked)) == set(order[:n])
    assert len(set(forest.level[marked])) > 1


def test_budget_takes_the_smallest_power_that_fits():
    tried = []

    def leaves_at(factor):
        tried.append(factor)
        return int(1000 / factor)

    assert rules.raise_to_fit(leaves_at, 500, 1e9) == 1.25**4
    assert tried == [1.25**k for k in range(5)]
    assert rules.raise_to_fit(lambda factor: 7, 5, 10.0) == 1.25**11  # nothing helps: it ends
    assert rules.raise_to_fit(lambda factor: 5, 5, 10.0) == 1.0


@pytest.mark.parametrize("power", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("start", [1e-3, 1.0, 100.0])
def test_steering_meets_the_target_and_stays(power, start):
    multiplier, history = start, []
    for _ in range(40):
        estimate = 0.02 * multiplier**power
        history.append(multiplier)
        multiplier = rules.steer(multiplier, estimate, 1e-3, estimate, 1e9)
    assert 0.5e-3 <= estimate <= 1e-3
    assert len(set(history[-20:])) == 1
    assert all(0.5 <= b / a <= 2 for a, b in zip(history, history[1:], strict=False))


def test_steering_knows_when_it_is_of_no_use():
    # The error sits on the finest level: refining the rest does not help.
    assert rules.steer(0.3, 5e-3, 1e-3, 1e-4, 10.0) == 0.3
    assert rules.steer(0.3, 5e-3, 1e-3, 4e-3, 10.0) < 0.3
    # Nothing is hot any more, and nothing is there at all.
    assert rules.steer(0.5, 1e-6, 1e-3, 1e-6, 0.4) == 0.8
    assert rules.steer(0.8, 1e-6, 1e-3, 1e-6, 0.4) == 0.8
    assert rules.steer(1.0, 0.0, 1e-3, 0.0, 0.0) == 1.0
    assert rules.steer(rules.LOWEST, 1.0, 1e-3, 1.0, 9.0) == rules.LOWEST


def test_state_survives_a_checkpoint():
    state = ThresholdState(0.37, 3, 1.25**7, 1.5e-4)
    assert ThresholdState.from_meta(state.to_meta()) == state


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({"name": "most"}, ["marking: 'most'"]),
        ({"theta": 1.0, "level_factors": (1.0, 0.0)}, ["theta: 1", "level_factors:"]),
        ({"name": "bulk", "target_error": 1e-3}, ["target_error: "]),
    ],
)
def test_options_that_do_not_go_together(options, texts):
    with pytest.raises(CaseError) as caught:
        Marking(**options).check()
    assert all(text in str(caught.value) for text in texts)
    assert str(caught.value).count("\n") == len(texts) - 1


# ---- factors ------------------------------------------------------------------------------------------------------------------


def test_factors_of_levels_and_regions_multiply():
    forest = Forest.uniform(1, [4], False, 2).adapt(np.array([1, 0, 0, 0], np.int8))[0]
    regions = [Region([0.0], [0.6], factor=2.0), Region([0.5], [1.5], factor=3.0), Region([0.0], [4.0], 1)]
    factor = rules.leaf_factors(blocks_of(forest), unit_geometry(forest), (0.5, 0.25), regions)
    # Leaves [0, .5], [.5, 1], [1, 2], [2, 3], [3, 4]; deeper levels would take the last factor.
    assert factor.tolist() == [0.25 * 2, 0.25 * 2 * 3, 0.5 * 3, 0.5, 0.5]
    part = LocalBlocks(forest, unit_geometry(forest), 1, 4)
    assert rules.leaf_factors(part, unit_geometry(forest), (0.5, 0.25), regions).tolist() == factor[1:4].tolist()
    assert (rules.leaf_factors(blocks_of(forest), unit_geometry(forest), (0.5,)) == 0.5).all()


# ---- decisions ----------------------------------------------------------------------------------------------------------------


class Setting:
    """A mesh of several levels with a state, and deciders over it."""

    def __init__(self, dim, seed=4):
        self.forest = balanced_forest(dim, seed, ROOTS[dim], [True] + [False] * (dim - 1))
        self.physics, self.layout = create_physics("burgers", dim), Layout(dim, 8, 2, 1)
        self.geometry = unit_geometry(self.forest)
        self.u = sampled(self.forest, self.geometry, self.layout, bumpy(dim))

    def decide(self, marking, comm=None, start=0, stop=None, *, refine=None, regions=(), grow_only=False):
        rank = comm or OneRank()
        indicators = [create_indicator(name, self.physics, refine=refine) for name in ("jump", "second_difference")]
        if refine is not None:
            indicators = indicators[:1]
        finder = Finder(rank, self.physics, self.layout, self.geometry, indicators, "or", 4)
        decider = Decider(finder, regions, marking=marking)
        blocks = LocalBlocks(self.forest, self.geometry, start, stop)
        decision = decider.decide(blocks, self.u[start:stop], grow_only=grow_only)
        return decision, decider.thresholds.state


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("marking", MARKINGS, ids=str)
def test_any_number_of_ranks_marks_the_same(dim, marking):
    setting = Setting(dim)
    regions = [Region([0.2] * dim, [0.6] * dim, 1, 0.3)]
    serial, state = setting.decide(marking, regions=regions)
    assert serial.flags.any()
    for cuts in ([0, 7], [0, 0, 3]):
        starts = [*cuts, setting.forest.n_leaves]
        results = ThreadRank.run(
            len(cuts),
            lambda comm, s=starts: setting.decide(marking, comm, s[comm.rank], s[comm.rank + 1], regions=regions),
        )
        assert same([decision for decision, _ in results], serial)
        assert all(found == state for _, found in results)


@pytest.mark.parametrize("dim", [1, 2])
def test_maximum_marks_as_that_absolute_threshold_does(dim):
    """Masks included: what is near hot cells is found at the final threshold, not at an earlier one."""
    setting = Setting(dim)
    relative, _ = setting.decide(Marking("maximum", 0.4), refine=0.05)
    largest = relative.eta.max()
    for refine in (0.05, 0.5):  # what the first pass looked at does not matter
        again, _ = setting.decide(Marking("maximum", 0.4), refine=refine)
        assert (again.flags == relative.flags).all()
        assert (again.near == relative.near).all()
    absolute, _ = setting.decide(Marking(), refine=0.4 * largest)
    assert (absolute.near == relative.near).all()
    assert (absolute.flags == relative.flags).all()
    assert not (relative.near == setting.decide(Marking(), refine=0.05)[0].near).all()


def test_level_factors_are_thresholds_of_the_level():
    setting = Setting(2)
    mixed, _ = setting.decide(Marking(level_factors=(1.0, 4.0, 0.25)), refine=0.05)
    for level, factor in enumerate((1.0, 4.0, 0.25)):
        plain, _ = setting.decide(Marking(), refine=0.05 * factor)
        here = setting.forest.level == level
        assert (mixed.near[here] == plain.near[here]).all()
        assert here.any()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_budget_is_kept_and_no_tighter_than_it_must_be(dim):
    setting = Setting(dim)
    forest = setting.forest
    free, state = setting.decide(Marking())
    wanted = rules.n_leaves_after(forest, free.flags)
    assert wanted == forest.adapt(free.flags)[0].n_leaves
    assert (state.raised, state.highest) == (0, 1.0)
    budget = forest.n_leaves + (wanted - forest.n_leaves) // 3
    held, state = setting.decide(Marking(max_leaves=budget))
    assert forest.adapt(held.flags)[0].n_leaves <= budget
    assert state.raised == 1
    assert state.highest > 1
    assert held.threshold == pytest.approx(state.highest)
    assert setting.decide(Marking(max_leaves=wanted))[1].raised == 0
    grown, _ = setting.decide(Marking(max_leaves=budget), grow_only=True)
    assert forest.adapt(grown.flags)[0].n_leaves <= budget
    assert grown.flags.min() == 0


def test_a_budget_that_cannot_be_kept_coarsens_all_it_may():
    setting = Setting(2)
    decision, state = setting.decide(Marking(max_leaves=6))
    assert state.raised == 1
    assert (decision.near[decision.value > decision.threshold] == 0).all()
    assert (decision.flags <= 0).all()
    assert (decision.flags < 0).any()


@pytest.mark.parametrize("name", ["maximum", "bulk"])
def test_round_off_is_not_refined(name):
    setting = Setting(2)
    noise = 1e-16 * np.random.default_rng(0).normal(size=setting.u.shape)
    setting.u = 1.0 + noise
    decision, _ = setting.decide(Marking(name, 0.1))
    assert (decision.flags <= 0).all()
    assert (decision.near == 0).all()


@pytest.mark.parametrize("marking", MARKINGS, ids=str)
def test_transposed_data_are_marked_transposed(marking):
    forest = balanced_forest(2, 1, [2, 2], False)
    swapped = np.ascontiguousarray(forest.coords[:, [1, 0, 2]])
    order = np.argsort(sfc.encode(2, forest.key_level, forest.level, swapped))
    other = Forest.from_leaves(2, [2, 2], False, 3, forest.level[order], swapped[order])
    one, two = Setting(2), Setting(2)
    one.forest, two.forest = forest, other
    one.geometry = two.geometry = unit_geometry(forest)
    one.u = sampled(forest, one.geometry, one.layout, lambda x, y: np.tanh((x - 0.3 * y * y - 0.8) / 0.05))
    two.u = np.ascontiguousarray(one.u.swapaxes(-1, -2)[order])
    (a, state), (b, other_state) = one.decide(marking), two.decide(marking)
    assert (a.flags[order] == b.flags).all()
    assert (a.threshold[order] == b.threshold).all()
    assert state == other_state
    assert a.flags.any()


# ---- runs ----------------------------------------------------------------------------------------------------------------------


def refusals(**refinement):
    with pytest.raises(CaseError) as caught:
        small("sod", mesh={"max_level": 2}, refinement=refinement)
    return str(caught.value)


def test_cases_that_cannot_be():
    assert 'refinement.marking = "bulky": unknown marking' in refusals(marking="bulky")
    assert "refinement.theta = 1" in refusals(theta=1.0)
    assert "refinement.max_leaves = 1" in refusals(max_leaves=1)
    assert "refinement.level_factors" in refusals(level_factors=[1.0] * 4)
    assert "needs marking" in refusals(marking="bulk", target_error=1e-3, indicators=["jump"])
    assert "needs an indicator that estimates the error" in refusals(target_error=1e-3, indicators=["jump"])


def limited(**refinement) -> Case:
    mesh = {"max_level": 5, "root_blocks": [4], "block_cells": 8}
    return small("sod", mesh=mesh, time={"max_steps": 40}, refinement={"indicators": ["jump"], **refinement})


def most_leaves(case):
    """Most leaves at any time of a run, and the state of its thresholds at the end."""
    with Simulation(case) as sim:
        most = sim.mesh.forest.n_leaves
        for _ in sim.steps():
            most = max(most, sim.mesh.forest.n_leaves)
        return most, sim.decider.thresholds.state


def test_a_run_never_has_more_leaves_than_its_budget():
    free, state = most_leaves(limited())
    assert state.raised == 0
    held, state = most_leaves(limited(max_leaves=free - 5))
    assert free - 12 <= held <= free - 5
    assert state.raised > 0


@pytest.mark.parametrize(
    "options", [{"max_leaves": 20}, {"marking": "bulk", "theta": 0.8}, {"marking": "maximum"}], ids=str
)
def test_a_restart_marks_the_same(options, tmp_path):
    path = tmp_path / "half.h5"
    with Simulation(limited(**options)) as sim:
        for step in sim.steps():
            if step.number == 22:
                sim.write(path)
        whole = digest(sim.snapshot()), sim.decider.thresholds.state
        assert sim.mesh.forest.level.max() > 1
    with Simulation(limited(**options), restart=path) as sim:
        for _ in sim.steps():
            pass
        assert (digest(sim.snapshot()), sim.decider.thresholds.state) == whole
