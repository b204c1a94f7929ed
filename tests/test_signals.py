"""Runs that are stopped or killed: what they leave behind goes on to the same digest."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import LAUNCHER, ROOT
from tests.runs import SOLVE

CASE = """
sources = ["slow.py:wait"]
[mesh]
lower = [0.0, 0.0]
upper = [1.0, 1.0]
root_blocks = [4, 4]
block_cells = 8
max_level = 2
periodic = true

[physics]
name = "euler"

[problem]
name = "blast"
radius = 0.2

[refinement]
indicators = ["jump"]

[time]
end = 1.0
max_steps = 40

[output]
format = "none"
checkpoint_every_steps = 1
"""
# A source that does nothing but wait, as long as the environment says: runs to be caught in the middle are slow.
SLOW = """
import os, time

def wait(x, t, w):
    time.sleep(float(os.environ.get("AMR_TEST_WAIT", "0")))
    return {}
"""
STOPPED = 75


@pytest.fixture(scope="module")
def whole(tmp_path_factory, mpirun):
    """Folder with the case, and the digest of the run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "case.toml").write_text(CASE)
    (folder / "slow.py").write_text(SLOW)
    mpirun(0, [*SOLVE, folder / "case.toml", "--output", folder / "out", "--quiet"], check=True)
    return folder, report(folder / "out")["digest"]


def report(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


class Started:
    """``amr-solve`` running in the background on n ranks (0: without mpirun), in a process group of its own."""

    def __init__(
        self, n: int, args: list, wait: float = 0.02, solve: Sequence[str] = SOLVE, ranks: str = "all"
    ) -> None:
        launcher = ["mpirun", "-n", str(n)] if n else []
        environment = {
            **os.environ,
            **LAUNCHER,
            "PYTHONPATH": str(ROOT),
            "AMR_TEST_WAIT": str(wait),
            "AMR_RANKS": ranks,
        }
        command = [*launcher, sys.executable, *solve, *map(os.fspath, args), "--quiet"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )  # fmt: skip

    def ranks(self) -> list[int]:
        """Process ids of the ranks; the process itself without mpirun."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children] or [self.process.pid]

    def wait_for(self, path: Path, seconds: float = 60.0) -> None:
        """Wait until ``path`` (a glob pattern) is there."""
        until = time.monotonic() + seconds
        while not list(path.parent.glob(path.name)):
            assert self.process.poll() is None and time.monotonic() < until, self.end()
            time.sleep(0.002)

    def end(self, seconds: float = 60.0) -> tuple[int, str]:
        """Exit status and what was printed; the test fails if it hangs."""
        try:
            output = self.process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"hung; printed {self.process.communicate()[0]}")
        return self.process.returncode, output

    def kill(self) -> None:
        """kill -9 of every rank and of mpirun, as a node failure would."""
        for pid in {*self.ranks(), self.process.pid}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def go_on(mpirun, case: Path, out: Path, n: int) -> str:
    """Restart from the newest sound checkpoint in ``out`` and return the digest at the end."""
    mpirun(n, [*SOLVE, case, "--output", out, "--restart", out, "--quiet"], check=True)
    found = report(out)
    assert found["steps"] == 40 and found["restarted_from"] is not None
    assert not list(out.glob("*.tmp")), "what the killed run left is cleared"
    return found["digest"]


# ---- kill -9 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_ranks", [2, 1, 3], ids="restart on {}".format)
def test_kill_9_at_any_moment(whole, mpirun, tmp_path, n_ranks):
    """Two ranks write a checkpoint each step and are killed at a random moment."""
    folder, expected = whole
    out = tmp_path / "out"
    run = Started(2, [folder / "case.toml", "--output", out])
    run.wait_for(out / "checkpoint_*.h5")
    time.sleep(random.uniform(0.0, 0.5))
    run.kill()
    run.end()
    assert go_on(mpirun, folder / "case.toml", out, n_ranks) == expected


# Kills a rank within the next checkpoint: before the temporary file has all its bytes, before it is renamed, before the
# oldest is dropped.
MOMENTS = ["file.write_at", "os.fsync", "os.replace", "prune"]
KILLER = """
import os, signal, sys
import amr.io.checkpoint, amr.io.files, amr.io.outputs
moment, rank, countdown = sys.argv.pop(1), int(sys.argv.pop(1)), 7

def deadly(function):
    def call(*args, **keywords):
        global countdown
        countdown -= 1
        if countdown == 0 and int(os.environ.get("OMPI_COMM_WORLD_RANK", "0")) == rank:
            if moment == "file.write_at":
                args[0].__class__.write_at = function
                function(args[0], args[1], args[2].reshape(-1)[: args[2].size // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **keywords)
    return call

class Deadly:
    def __init__(self, module, name):
        self.module, self.name = module, name
        setattr(self, name, deadly(getattr(module, name)))
    def __getattr__(self, name):
        return getattr(self.module, name)

files = amr.io.files
if moment == "file.write_at":
    files.SharedFile.write_at = deadly(files.SharedFile.write_at)
elif moment == "prune":
    amr.io.outputs.prune_checkpoints = deadly(amr.io.outputs.prune_checkpoints)
else:
    files.os = Deadly(os, moment.removeprefix("os."))
from amr.cli import solve
solve()
"""


@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_9_within_a_checkpoint(whole, mpirun, tmp_path, moment):
    folder, expected = whole
    out = tmp_path / "out"
    (tmp_path / "killer.py").write_text(KILLER)
    rank = "1" if moment == "file.write_at" else "0"
    run = mpirun(2, [tmp_path / "killer.py", moment, rank, folder / "case.toml", "--output", out, "--quiet"])
    assert run.returncode not in (0, 1, 2, STOPPED), run
    left = sorted(path.name for path in out.glob("checkpoint_*"))
    assert left and not (out / "report.json").exists()
    assert (f"{left[-1]}".endswith(".tmp")) == (moment != "prune"), left
    assert go_on(mpirun, folder / "case.toml", out, 2) == expected


def test_a_damaged_newest_checkpoint_is_passed_over(whole, mpirun, tmp_path):
    """What a disc does to a file after it was complete; the report says which file was taken."""
    folder, expected = whole
    out = tmp_path / "out"
    mpirun(0, [*SOLVE, folder / "case.toml", "--output", out, "--set", "time.max_steps=12", "--quiet"], check=True)
    newest, older = sorted(out.glob("checkpoint_*.h5"), reverse=True)
    data = bytearray(newest.read_bytes())
    data[-1000] ^= 1
    newest.write_bytes(data)
    assert go_on(mpirun, folder / "case.toml", out, 0) == expected
    assert report(out)["restarted_from"] == str(older)


# ---- signals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1], ids=lambda s: s.name)
@pytest.mark.parametrize("target", ["one process", "one of two ranks", "mpirun"])
def test_a_signal_ends_a_run_with_a_checkpoint(whole, mpirun, tmp_path, number, target):
    folder, expected = whole
    out = tmp_path / "out"
    run = Started(0 if target == "one process" else 2, [folder / "case.toml", "--output", out])
    run.wait_for(out / "checkpoint_*.h5")
    os.kill(run.process.pid if target != "one of two ranks" else run.ranks()[1], number)
    status, output = run.end()
    # Open MPI's mpirun passes SIGUSR1 on; at SIGTERM and SIGINT it ends the job with a status of its own (docs/decisions/0006).
    own = target == "mpirun" and number != signal.SIGUSR1
    assert status == (1 if own else STOPPED), output
    assert "Traceback" not in output
    if not own:
        stopped = report(out)
        assert stopped["ended"] == "stopped by a signal" and 0 < stopped["steps"] < 40
        assert (out / f"checkpoint_{stopped['steps']:08d}.h5").exists()
    assert go_on(mpirun, folder / "case.toml", out, 3 if target == "one of two ranks" else 0) == expected


def test_a_second_interrupt_ends_at_once(tmp_path):
    """Ctrl-C twice: the step that would never end is not waited for."""
    (tmp_path / "slow.py").write_text(SLOW)
    # Scouts would ask the source before the first step.
    (tmp_path / "case.toml").write_text(CASE + "[guard]\nscouts = false\n")
    run = Started(0, [tmp_path / "case.toml", "--output", tmp_path / "out"], wait=30)
    run.wait_for(tmp_path / "out" / "case.toml")
    for _ in range(2):
        time.sleep(0.3)
        os.kill(run.process.pid, signal.SIGINT)
    status, output = run.end(10)
    assert status == 130 and "Traceback" not in output
