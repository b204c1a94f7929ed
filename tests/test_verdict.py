"""The verdict at the end of a run: captured fronts on max_level pass, waves that the mesh cannot carry do not."""

from __future__ import annotations

import json

import pytest

from amr.guard.resolution import LEAST_SHARE
from amr.io.report import verdict
from amr.results import guard_report
from tests.runs import CASES, made, run, small

CAPTURED = ("sod", "burgers", "dam_break", "shu_osher", "sod_2d_x", "sod_2d_diagonal", "dam_break_radial")
HIGH_ORDER = {"integrator": "ssp_rk3", "reconstruction": "weno5z"}


def judged(case):
    """The ``guard`` section at the end of a run."""
    with run(case) as sim:
        return guard_report(sim)


@pytest.mark.parametrize("name", CAPTURED)
def test_fronts_on_the_finest_level_are_discontinuities(name):
    found = judged(small(name))
    assert not found["ended_under_resolved"] and verdict(found) == []
    assert found["classes"]["discontinuity"] > 0 and found["classes"]["under-resolved"] == 0


def test_a_grid_line_beside_fronts_is_noted_and_no_verdict():
    """The blast leaves ridges of two cells along the axes of the mesh: a few blocks beside its fronts."""
    found = judged(small("blast_2d"))
    assert not found["ended_under_resolved"] and found["classes"]["discontinuity"] > 80
    for name, each in found["under_resolved"].items():
        by_class, all_ = each["volume_fraction_by_class"], each["volume_fraction"]
        assert 0 < each["share"] == by_class["under-resolved"] / all_ < LEAST_SHARE, name
    lines = verdict(found)
    assert len(lines) == 2 and all(line.startswith("note: ") for line in lines)
    assert lines[0].startswith("note: density is under-resolved in 0.781 % of the volume, on max_level: 8 % of what")
    assert "discontinuity" in lines[0]


def packet(dim, max_level, cells_per_wave, **sections):
    finest = 4 * 16 * 2**max_level
    return made(
        dim,
        4,
        mesh={"block_cells": 16, "max_level": max_level},
        physics={"name": "advection", "velocity": [1.0, 0.5][:dim]},
        problem={"name": "wave_packet", "waves": [round(finest / cells_per_wave), 0][:dim], "width": 0.12, "background": 0.5},
        time={"end": 0.01},
        **sections,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", [{}, HIGH_ORDER], ids=["plm", "weno"])
@pytest.mark.parametrize(("dim", "max_level"), [(1, 0), (1, 2), (2, 1)])
def test_a_packet_of_three_cells_per_wave_is_under_resolved(dim, max_level, scheme):
    found = judged(packet(dim, max_level, 3, scheme=scheme))["under_resolved"]["q"]
    assert found["ended_under_resolved"] and found["share"] >= 0.5
    fine = judged(packet(dim, max_level, 8, scheme=scheme))["under_resolved"]["q"]
    assert not fine["ended_under_resolved"] and fine["share"] == 0


@pytest.mark.parametrize("dim", [1, 2])
def test_strict_fails_for_a_packet(dim, tmp_path, run):
    path, out = tmp_path / "packet.toml", tmp_path / "out"
    case = packet(dim, 1, 3, guard={"sampling": False})  # so that there is nothing to be said of the start
    path.write_text(case.replace(output={"directory": str(out)}).to_toml())
    status, text, _ = run(path, "--strict", "--progress", "none")
    last = text.strip().splitlines()[-1]
    assert status == 3 and last.startswith("UNDER-RESOLVED at the end: q in ") and "above its threshold there" in last
    assert json.loads((out / "report.json").read_text())["guard"]["under_resolved"]["q"]["ended_under_resolved"]


@pytest.mark.parametrize("name", ["sod", "blast_2d"])
def test_strict_passes_for_shocks(name, tmp_path, run):
    more = ("--set", f"output.directory={tmp_path / 'out'}", "--set", "output.format=none")
    status, text, _ = run(CASES / f"{name}.toml", "--strict", "--progress", "none", *more)
    assert status == 0 and "UNDER-RESOLVED" not in text
