"""Timers, the report and the progress display."""

from __future__ import annotations

import io
import json
import time

import numpy as np
import pytest
from rich.console import Console

from amr.comm import Comm
from amr.io.progress import Progress
from amr.io.report import Report, process_seconds, tables, write_report
from amr.io.snapshot import digest
from amr.io.timers import Timers
from tests import io_tools

KEYS = {
    "cell_updates", "wall_seconds", "cell_updates_per_second_per_rank", "phase_seconds", "steps", "rejected_steps",
    "fallback_cells", "regrids", "n_leaves", "leaves_per_level", "peak_memory_bytes_per_rank", "start_up_seconds",
    "state_bytes_per_rank", "conservation", "errors", "n_ranks", "digest",
}  # fmt: skip


def test_phases_are_exclusive_and_add_up():
    timers = Timers()
    begin = time.perf_counter()
    with timers("regrid"):
        time.sleep(0.02)
        with timers("ghosts"):
            time.sleep(0.03)
        timers.start("io")
        timers.stop()
    timers.flush()
    total = time.perf_counter() - begin
    assert timers.seconds["regrid"] == pytest.approx(0.02, abs=0.015)
    assert timers.seconds["ghosts"] == pytest.approx(0.03, abs=0.015)
    assert sum(timers.seconds.values()) == pytest.approx(total, abs=2e-3)


def test_a_phase_ends_when_its_body_fails():
    timers = Timers()
    with pytest.raises(ValueError, match="x"), timers("kernel"):
        raise ValueError("x")
    timers.stop()  # one too many does no harm
    with timers("io"):
        time.sleep(0.01)
    assert timers.seconds["io"] >= 0.01 and timers.seconds["kernel"] < 0.01


def test_waiting_for_messages_is_taken_out_of_its_phase():
    comm, timers = Comm.self_(), Timers()
    timers.watch(comm)
    with timers("ghosts"):
        time.sleep(0.02)
        comm.wait_seconds += 0.015
    assert timers.seconds["mpi_wait"] == pytest.approx(0.015)
    assert timers.seconds["ghosts"] == pytest.approx(0.005, abs=0.01)


def test_a_phase_costs_microseconds():
    timers = Timers()
    phase = timers("kernel")
    begin = time.perf_counter()
    for _ in range(2000):
        with phase:
            pass
    assert (time.perf_counter() - begin) / 2000 < 5e-5


def finished(comm, snap):
    report = Report(comm, Timers())
    report.begin(10**6)
    for _ in range(3):
        report.count_step(snap.n_leaves * snap.layout.cells, snap.forest.level, 10**5)
    report.regrids += 1
    ledger = {"boundary": 0.25, "source": 0.0, "fallback": 0.0, "regrid": 1e-17}
    conservation = {"density": {"initial": 1.0, "final": 1.25, "ledger": ledger, "unexplained": 2e-16}}
    errors = {"density": {"L1": 1e-3, "L2": np.float64(2e-3), "Linf": float("nan")}}
    return report.finish(snap.forest.level, digest(snap), conservation, errors, {"title": "Test"})


def test_the_report_has_every_key_and_is_valid_json(tmp_path):
    comm, snap = Comm.self_(), io_tools.snapshot(2)
    report = finished(comm, snap)
    path = write_report(tmp_path / "out" / "report.json", report, comm)
    back = json.loads(path.read_text(), parse_constant=lambda text: pytest.fail(text))
    assert set(back) >= KEYS
    assert {"kernel", "ghosts", "reflux", "indicate", "regrid", "io", "mpi_wait"} <= set(back["phase_seconds"])
    assert back["steps"] == 3 and back["cell_updates"] == 3 * snap.n_leaves * 64
    assert sum(back["leaves_per_level"]) == back["n_leaves"] == snap.n_leaves
    assert back["errors"]["density"] == {"L1": 1e-3, "L2": 2e-3, "Linf": None}
    assert back["title"] == "Test" and back["n_ranks"] == 1 and len(back["digest"]) == 64
    assert back["peak_memory_bytes_per_rank"] > 1e7 and back["state_bytes_per_rank"] == 10**6
    assert 0 < back["start_up_seconds"] < 1e5
    rate = back["cell_updates_per_second_per_rank"] * back["wall_seconds"]
    assert rate == pytest.approx(back["cell_updates"])


def test_counters_go_on_after_a_restart_but_the_rate_is_this_process():
    comm, snap = Comm.self_(), io_tools.snapshot(1)
    first = Report(comm, Timers())
    first.count_step(100, snap.forest.level)
    second = Report(comm, Timers())
    second.restore(json.loads(json.dumps(first.counters())))
    second.begin()
    second.count_step(50, snap.forest.level)
    report = second.finish(snap.forest.level, "0" * 64)
    assert (report["steps"], report["cell_updates"]) == (2, 150)
    assert report["cell_updates_per_second_per_rank"] * report["wall_seconds"] == pytest.approx(50)


def test_the_table_shows_what_a_reader_looks_for():
    stream = io.StringIO()
    console = Console(file=stream, width=120)
    for table in tables(finished(Comm.self_(), io_tools.snapshot(2))):
        console.print(table)
    text = stream.getvalue()
    for word in (
        "Run",
        "Phases",
        "Conservation",
        "unexplained",
        "2.0e-16",
        "boundary",
        "L1",
        "1.0000e-03",
        "x the state",
        "digest",
    ):
        assert word in text


PROGRAM = """
import sys, json
from tests import io_tools
from amr.comm import Comm
from amr.io.report import write_report
from tests.test_report import finished
comm = Comm.world()
report = finished(comm, io_tools.snapshot(2, comm))
write_report(sys.argv[1], report, comm)
"""


def test_ranks_merge_into_one_report(mpirun, tmp_path):
    mpirun(3, ["-c", PROGRAM, tmp_path / "r.json"], check=True, timeout=60)
    many, one = json.loads((tmp_path / "r.json").read_text()), finished(Comm.self_(), io_tools.snapshot(2))
    assert many["n_ranks"] == 3
    for key in ("digest", "cell_updates", "n_leaves", "leaves_per_level", "steps"):
        assert many[key] == one[key]


def test_process_seconds_counts_from_the_start_of_the_process():
    first = process_seconds()
    time.sleep(0.05)
    assert 0.03 < process_seconds() - first < 1.0


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(stream, mode="auto", steps=50, interval=0.0, **options):
    progress = Progress(Comm.self_(), 0.0, 1.0, mode, stream=stream, interval=interval, **options)
    for step in range(1, steps + 1):
        progress.update(step / 50, step, 0.02, [4, 8], step * 1000)
    progress.say("a dump was written")
    progress.close()
    progress.close()
    return stream.getvalue()


def test_plain_lines_tell_time_step_dt_leaves_speed_and_time_left():
    text = shown(io.StringIO())
    last = [line for line in text.splitlines() if line.startswith("step")][-1]
    for part in ("step 50", "t = 1 of 1", "dt = 0.02", "leaves 4+8", "M cells/s", "0:00 left"):
        assert part in last
    assert "a dump was written" in text and "\x1b" not in text


def test_lines_are_throttled_and_the_last_state_is_always_shown():
    lines = [line for line in shown(io.StringIO(), interval=30.0).splitlines() if line.startswith("step")]
    assert len(lines) == 2 and lines[0].startswith("step 1 ") and lines[-1].startswith("step 50 ")


def test_a_bar_on_a_terminal_with_one_rank_only_and_never_when_silent():
    assert "step 50" in shown(Terminal()) and "\x1b" in shown(Terminal())
    assert "\x1b" not in shown(Terminal(), mode="lines")
    assert shown(Terminal(), mode="none") == ""
    many = type("Many", (), {"rank": 0, "size": 8})()
    assert Progress(many, 0.0, 1.0, stream=Terminal()).mode == "lines"
    other = type("Other", (), {"rank": 1, "size": 8})()
    assert Progress(other, 0.0, 1.0, stream=Terminal()).mode == "none"
    with pytest.raises(ValueError, match="mode must be one of"):
        Progress(many, 0.0, 1.0, "baz")


def test_a_limit_of_steps_shortens_the_time_left():
    stream = io.StringIO()
    progress = Progress(Comm.self_(), 0.0, 1e9, "lines", max_steps=11, interval=0.0, stream=stream)
    for step in (1, 6, 11):
        progress.update(float(step), step, 1.0, [1], step)
        time.sleep(0.01)
    assert stream.getvalue().splitlines()[-1].endswith("0:00 left")
