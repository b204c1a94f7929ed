"""More ranks than cores: as many work as there are cores, the others rest and end with them."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.runs import CASES, SOLVE
from tests.test_signals import STOPPED, Started, whole  # noqa: F401

SMALL = ("--set", "mesh.max_level=2", "--set", "time.max_steps=6", "--set", "output.format=none")


def on_cores(n: int, code: str = "from amr.cli import solve; solve()") -> list[str]:
    """What follows ``python`` to run ``code`` with the first ``n`` cores of this machine only."""
    cores = sorted(os.sched_getaffinity(0))[:n]
    return ["-c", f"import os; os.sched_setaffinity(0, {cores})\n{code}"]


def solved(mpirun, n, command, out, **environment):
    done = mpirun(
        n,
        [*command, CASES / "blast_2d.toml", *SMALL, "--output", out],
        check=True,
        env={"AMR_RANKS": "cores", **environment},
    )
    return done, json.loads((out / "report.json").read_text())


@pytest.mark.parametrize(("n_ranks", "most_cores"), [(3, 1), (3, 2), (8, 2), (2, 2)])
def test_as_many_ranks_work_as_there_are_cores(mpirun, tmp_path, n_ranks, most_cores):
    n_cores = min(most_cores, len(os.sched_getaffinity(0)))
    done, report = solved(mpirun, n_ranks, on_cores(n_cores), tmp_path / "out")
    resting = n_ranks - n_cores
    assert (report["n_ranks"], report["n_resting_ranks"]) == (n_cores, resting)
    assert done.stderr.count(f"{n_cores} of {n_ranks} ranks work") == (resting > 0)
    assert (f"({resting} more rest)" in done.stdout) == (resting > 0)
    _, alone = solved(mpirun, 0, SOLVE, tmp_path / "alone")
    assert report["digest"] == alone["digest"] and alone["n_resting_ranks"] == 0


def test_all_ranks_work_on_demand(mpirun, tmp_path):
    done, report = solved(mpirun, 3, on_cores(1), tmp_path / "out", AMR_RANKS="all")
    assert (report["n_ranks"], report["n_resting_ranks"]) == (3, 0) and "ranks work" not in done.stderr


def test_petsc_is_a_matter_of_those_who_work(mpirun, tmp_path):
    arguments = ["--set", "time.end=0.01", "--set", "output.format=none", "--output", tmp_path / "out"]
    mpirun(3, [*on_cores(1), CASES / "jeans.toml", *arguments], check=True, env={"AMR_RANKS": "cores"})
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["n_resting_ranks"] == 2 and report["gravity"]["iterations_mean"] > 1


def test_rest_takes_hardly_any_time(mpirun):
    """Nor does a rank that rests import NumPy; once work is done all have its status."""
    code = """if True:
        import sys, time
        from amr.comm.program import end_together, rest, share_cores
        if share_cores():
            from amr.comm import Comm
            comm = Comm.world()
            assert comm.size == 1 and comm.n_resting == 2
            time.sleep(1.5)
            status = end_together(7)
        else:
            began = time.process_time()
            status = rest()
            assert time.process_time() - began < 0.3
            assert "numpy" not in sys.modules and "amr.comm.group" not in sys.modules
        assert status == 7
    """
    mpirun(3, on_cores(1, code), check=True, env={"AMR_RANKS": "cores"})


def test_the_command_line_alone_imports_no_numpy(mpirun):
    """Or ranks that rest, and --help, would wait for it."""
    mpirun(0, ["-c", "import sys; import amr.cli; assert 'numpy' not in sys.modules"], check=True)


def test_a_fault_is_told_once_and_is_the_status_of_all(mpirun):
    done = mpirun(3, [*on_cores(1), CASES / "sod.toml", "--set", "mesh.max_level=99"], env={"AMR_RANKS": "cores"})
    assert done.returncode == 2 and done.stderr.count("error:") == 1 and "mesh.max_level" in done.stderr


def test_a_defect_ends_all(mpirun):
    code = "import amr.case; amr.case.load_case = None\nfrom amr.cli import solve; solve()"
    done = mpirun(3, [*on_cores(1, code), CASES / "sod.toml"], env={"AMR_RANKS": "cores"})
    assert done.returncode == 70 and done.stderr.count("TypeError") == 1


def test_unknown_choice_is_refused(mpirun):
    done = mpirun(2, [*SOLVE, CASES / "sod.toml"], env={"AMR_RANKS": "half"})
    assert done.returncode == 2 and done.stderr.count("AMR_RANKS = 'half' must be 'cores' or 'all'") == 1


def test_a_signal_to_all_ranks_stops_with_a_checkpoint(whole, tmp_path):  # noqa: F811
    """The ranks that rest must not end at once: the launcher would kill the others."""
    folder, _ = whole
    run = Started(3, [folder / "case.toml", "--output", tmp_path], solve=on_cores(1), ranks="cores")
    run.wait_for(tmp_path / "checkpoint_*.h5")
    for rank in run.ranks():
        os.kill(rank, signal.SIGTERM)
    status, output = run.end()
    assert status == STOPPED, output
    assert json.loads((tmp_path / "report.json").read_text())["n_resting_ranks"] == 2
