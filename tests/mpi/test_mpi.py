"""Run the check scripts of this folder on 1, 2 and 3 ranks."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("check_*.py")))
def test_script(mpirun, script, n_ranks):
    mpirun(n_ranks, [HERE / script], check=True)


@pytest.mark.parametrize("wait", ["poll", "block"])
def test_both_ways_of_waiting(mpirun, wait):
    for script in ("check_comm.py", "check_ghosts.py"):
        mpirun(3, [HERE / script], env={"AMR_WAIT": wait}, check=True)


def test_ranks_that_share_a_core_poll(mpirun):
    code = f"""if True:
        import os
        os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})
        from amr.comm import Comm
        assert Comm.world().polls and Comm.world().split(0).polls and not Comm.self_().polls
    """
    mpirun(2, ["-c", code], check=True)
    mpirun(1, ["-c", "from amr.comm import Comm; assert not Comm.world().polls"], check=True)
