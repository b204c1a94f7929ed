"""Launch the check scripts of this folder on 1, 2 and 3 ranks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SETTINGS = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMP_NUM_THREADS": "1",
}


def run_ranks(script: Path, n_ranks: int, *args: str) -> str:
    """Standard output of ``mpirun -n n_ranks python script``; the test fails unless it exits with status 0."""
    command = ["mpirun", "-n", str(n_ranks), sys.executable, str(script), *args]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **SETTINGS, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
def test_comm(n_ranks):
    run_ranks(HERE / "check_comm.py", n_ranks)
