"""Bad input of every kind gives one message from one rank, an exit status, no traceback and no hang, on any number of ranks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import pytest

from tests.broken_cases import GOOD, all_broken
from tests.conftest import run_ranks
from tests.plugins.faults import WAYS
from tests.runs import SOLVE

HERE = Path(__file__).parent
PLUGINS = HERE.parent / "plugins" / "faults.py"
BROKEN = all_broken()
RUNNING = f"""
sources = ["{PLUGINS}:SOURCE"]
[mesh]
lower = [0.0, 0.0]
upper = [1.0, 1.0]
root_blocks = [4, 4]
block_cells = 8
max_level = 1
[physics]
name = "euler"
[problem]
name = "{PLUGINS}:PROBLEM"
[boundaries]
x = ["outflow", "BOUNDARY"]
y = ["outflow", "outflow"]
[refinement]
indicators = ["{PLUGINS}:INDICATOR", "jump"]
interval = 2
[time]
end = 0.05
[output]
format = "none"
"""


def running(**plugins: str) -> str:
    """A case that is sound but for the plugins named."""
    text = RUNNING
    names = {"problem": f"{PLUGINS}:disc", "boundary": "outflow", **{k: f"{PLUGINS}:{v}" for k, v in plugins.items()}}
    for kind in ("problem", "boundary"):
        text = text.replace(f"{PLUGINS}:{kind.upper()}" if kind == "problem" else "BOUNDARY", names[kind])
    text = text.replace(f'"{PLUGINS}:SOURCE"', f'"{names["source"]}"' if "source" in names else "")
    return text.replace(f'"{PLUGINS}:INDICATOR", ', f'"{names["indicator"]}", ' if "indicator" in names else "")


class Batch:
    """Files and command lines for one call of faults.py."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.commands = folder, {}

    def add(self, name: str, text: str | None, *args: object) -> None:
        """A case file with ``text`` and further arguments; None: the arguments alone."""
        first = []
        if text is not None:
            path = self.folder / f"{len(self.commands)}.toml"
            path.write_text(text)
            first = [str(path), "--output", str(self.folder / "out" / str(len(self.commands))), "--quiet"]
        self.commands[name] = [*first, *map(str, args)]

    def run(self, n_ranks: int) -> dict[str, list]:
        """Name -> per rank (exit status, stdout, stderr)."""
        (self.folder / "commands.json").write_text(json.dumps(self.commands))
        return json.loads(run_ranks(n_ranks, [HERE / "faults.py", self.folder], check=True, timeout=200).stdout)


def check(found: list, code: int, *said: str) -> None:
    """Every rank left with ``code``, rank 0 alone spoke, and said this."""
    assert [status for status, _, _ in found] == [code] * len(found), found
    assert [rank for rank, (_, out, err) in enumerate(found) if out or err] == [0], found
    _, out, err = found[0]
    assert not out and "Traceback" not in err
    for part in said:
        assert part in err, (part, err)


# ---- broken cases --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 8], ids="{} ranks".format)
def broken(request, tmp_path_factory):
    """What the ranks said of each broken case file."""
    batch = Batch(tmp_path_factory.mktemp("broken"))
    for name, (text, _) in BROKEN.items():
        batch.add(name, text)
    batch.add("no file", None, batch.folder / "nowhere.toml")
    batch.add("a directory", None, batch.folder)
    (batch.folder / "binary.toml").write_bytes(b"\xff\xfe\x00\x01")
    batch.add("binary", None, batch.folder / "binary.toml")
    batch.add("bad override", GOOD, "--set", "mesh.max_levle=3")
    batch.add("unknown option", GOOD, "--outputs", "x")
    batch.add("no argument", None)
    return batch.run(request.param)


COMMAND_LINE = {
    "no file": "nowhere.toml: cannot be read",
    "a directory": "cannot be read",
    "binary": "not a text file in UTF-8",
    "bad override": "max_levle",
    "unknown option": "--outputs",
    "no argument": "Missing argument",
}


def test_every_broken_case_is_refused_once(broken):
    assert len(BROKEN) >= 40
    for name, (_, said) in BROKEN.items():
        check(broken[name], 2, "error: ", *said)


@pytest.mark.parametrize("name", COMMAND_LINE)
def test_a_bad_command_line_is_refused_once(broken, name):
    check(broken[name], 2, COMMAND_LINE[name])


@pytest.mark.parametrize("name", ["faults everywhere", "not TOML"])
def test_mpirun_gives_the_status_and_the_message_once(mpirun, tmp_path, name):
    text, said = BROKEN[name]
    (tmp_path / "bad.toml").write_text(text)
    run = mpirun(8, [*SOLVE, tmp_path / "bad.toml"], timeout=60)
    assert run.returncode == 2 and not run.stdout and "Traceback" not in run.stderr, run
    for part in said:
        assert run.stderr.count(part) == 1 or part in ("physics.gamma", "line 1"), (part, run.stderr)


# ---- plugins that fail on one rank, files, restarts ----------------------------------------------------------------------


def plugin_faults() -> dict[str, str]:
    kinds = ("problem", "source", "boundary", "indicator")
    return {f"{kind} {how}": running(**{kind: f"{kind}_{how}"}) for kind in kinds for how in WAYS}


RESTARTS = {
    "missing": (1, "no such checkpoint"),
    "empty directory": (1, "no checkpoint to go on from"),
    "text": (1, "not a sound checkpoint"),
    "foreign": (1, "not a checkpoint of amr"),
    "truncated": (1, "not a sound checkpoint", "beside it"),
    "damaged": (1, "checksum of block"),
    "block_cells": (1, "block_cells is 8 there, but 16"),
    "root_blocks": (1, "root_blocks is [4, 4] there, but [8, 8]"),
    "dim": (1, "dim is 2 there, but 1"),
    "physics": (1, "variables is"),
    "gamma": (1, "physics is", "1.4", "1.6"),
    "max_level": (2, "mesh.max_level = 0", "leaves on level 1"),
    "already there": (0,),
}


def add_restarts(batch: Batch) -> None:
    """Ways in which a restart goes wrong; the checkpoint is made here."""
    sound = batch.folder / "sound"
    (batch.folder / "sound.toml").write_text(running())
    run_ranks(0, [*SOLVE, batch.folder / "sound.toml", "--output", sound, "--quiet"], check=True)
    (good,) = sound.glob("checkpoint_*.h5")
    data = good.read_bytes()
    bad = {"text": b"not a checkpoint\n" * 100, "truncated": data[: len(data) // 2]}
    bad["damaged"] = data[:-1000] + bytes([data[-1000] ^ 1]) + data[-999:]
    for name, content in bad.items():
        folder = batch.folder / name
        folder.mkdir()
        (folder / "checkpoint_00000099.h5").write_bytes(content)
        if name == "truncated":
            shutil.copy(good, folder / "checkpoint_00000001.h5")
    (batch.folder / "empty directory").mkdir()
    (batch.folder / "foreign").mkdir()
    with h5py.File(batch.folder / "foreign" / "checkpoint_00000099.h5", "w") as file:
        file["u"] = [1.0]
    files = {name: batch.folder / name / "checkpoint_00000099.h5" for name in (*bad, "foreign")}
    files |= {"missing": batch.folder / "nowhere.h5", "empty directory": batch.folder / "empty directory"}
    one = running().replace("lower = [0.0, 0.0]", "lower = [0.0]").replace("[1.0, 1.0]", "[1.0]")
    one = one.replace("[4, 4]", "[4]").replace('y = ["outflow", "outflow"]', "").replace(f"{PLUGINS}:disc", "constant")
    one = one.replace('constant"', 'constant"\nstate = { density = 1.0, velocity = [0.0], pressure = 1.0 }')
    changed = {
        "block_cells": running().replace("block_cells = 8", "block_cells = 16"),
        "root_blocks": running().replace("root_blocks = [4, 4]", "root_blocks = [8, 8]"),
        "max_level": running().replace("max_level = 1", "max_level = 0"),
        "dim": one,
        "physics": running().replace('name = "euler"', 'name = "euler"\nscalars = ["dye"]'),
        "gamma": running().replace('name = "euler"', 'name = "euler"\ngamma = 1.6'),
        "already there": running(),
    }
    for name in RESTARTS:
        batch.add(f"restart {name}", changed.get(name, running()), "--restart", files.get(name, good))


@pytest.fixture(scope="module", params=[1, 3], ids="{} ranks".format)
def faults(request, tmp_path_factory):
    """What the ranks said of each fault that shows only when a run is under way."""
    batch = Batch(tmp_path_factory.mktemp("faults"))
    for name, text in plugin_faults().items():
        batch.add(name, text)
    batch.add("boundary negative", running(boundary="boundary_negative"))
    add_restarts(batch)
    (batch.folder / "a file").write_text("")
    batch.add("output is a file", running(), "--output", batch.folder / "a file")
    batch.add("output below a file", running(), "--output", batch.folder / "a file" / "out")
    batch.add("output cannot be made", running(), "--output", "/proc/nowhere/out")
    batch.add("disk full everywhere", running())
    batch.add("disk full on the last rank", running())
    batch.add("disk full of dumps everywhere", running().replace('"none"', '"vtu"'))
    batch.add("disk full of dumps on the last rank", running().replace('"none"', '"vtu"'))
    batch.add("the job goes on", running())
    found = batch.run(request.param)
    found["left behind"] = [str(path) for path in batch.folder.rglob("*.tmp")]
    return found


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("kind", ["problem", "source", "boundary", "indicator"])
def test_a_plugin_that_fails_on_one_rank_is_told_once(faults, kind, how):
    found = faults[f"{kind} {how}"]
    said = {"raises": "ValueError: cannot go on", "exits": "SystemExit: 3"}.get(how, "")
    check(found, 1, f"error: {kind}", f"faults.py:{kind}_{how}", said)
    lines = found[0][2].strip().splitlines()
    assert len(lines) == 1, lines


def test_a_boundary_state_without_meaning_is_told_with_its_place(faults):
    check(faults["boundary negative"], 1, "boundary x upper", "without meaning, density = -1, ", "x = (1.0")


@pytest.mark.parametrize("name", RESTARTS)
def test_a_restart_that_cannot_be_is_told_once(faults, name):
    code, *said = RESTARTS[name]
    if code:
        check(faults[f"restart {name}"], code, *said)
    else:
        assert faults[f"restart {name}"] == [[0, "", ""]] * len(faults[f"restart {name}"])


@pytest.mark.parametrize("name", ["output is a file", "output below a file", "output cannot be made"])
def test_results_that_cannot_be_written_are_told_once(faults, name):
    check(faults[name], 1, "error: cannot write ")


@pytest.mark.parametrize("what", ["", " of dumps"])
@pytest.mark.parametrize("where", ["everywhere", "on the last rank"])
def test_a_full_disk_is_told_once(faults, what, where):
    check(faults[f"disk full{what} {where}"], 1, "error: cannot write ", ".vtu" if what else ".h5")
    assert not faults["left behind"]
    assert faults["the job goes on"] == [[0, "", ""]] * len(faults["the job goes on"])


DEFECT = """
import sys
from amr.simulation import Simulation
from amr.cli import solve
regrid = Simulation.regrid
def broken(self):
    if self.comm.rank == 1:
        raise ZeroDivisionError("a defect")
    return regrid(self)
Simulation.regrid = broken
solve()
"""


def test_a_defect_on_one_rank_stops_all(mpirun, tmp_path):
    """What is no AMRError is told with its traceback, and the ranks that would wait for ever are ended."""
    (tmp_path / "case.toml").write_text(running())
    run = mpirun(3, ["-c", DEFECT, tmp_path / "case.toml", "--output", tmp_path / "out", "--quiet"], timeout=60)
    assert run.returncode == 70 and run.stderr.count("ZeroDivisionError: a defect") == 1, run
