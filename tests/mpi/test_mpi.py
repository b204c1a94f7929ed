"""Run the check scripts of this folder on 1, 2 and 3 ranks."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("check_*.py")))
def test_script(mpirun, script, n_ranks):
    mpirun(n_ranks, [HERE / script], check=True)
