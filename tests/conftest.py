"""What every test may ask for: ``mpirun(n, args)`` runs a Python command line on n ranks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# As tools/run sets them, for a pytest that was started without it: root, more ranks than cores, one thread per rank.
LAUNCHER = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMP_NUM_THREADS": "1",
    "AMR_RANKS": "all",  # commands distribute over all ranks on any machine, too
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts ``mpirun``, so that ``-m "not mpi"`` leaves it out."""
    for item in items:
        if "mpirun" in getattr(item, "fixturenames", ()) or item.path.parent == ROOT / "tests" / "mpi":
            item.add_marker("mpi")


def run_ranks(
    n: int,
    args: Sequence[str | os.PathLike[str]],
    *,
    timeout: float = 120.0,
    check: bool = False,
    cwd: str | os.PathLike[str] = ROOT,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``mpirun -n N python ARGS...`` and wait.

    Parameters
    ----------
    n : int
        Number of ranks; 0 runs without ``mpirun``.
    args : sequence of str or path
        What follows ``python``: a script, or ``["-c", code]``, or ``["-m", "amr.cli", ...]``.
    timeout : float
        Seconds after which every rank is killed and the test fails with what was printed so far.
    check : bool
        Fail the test, showing both streams, unless the exit status is 0.
    cwd, env : path, mapping
        Working folder (the clone), and variables on top of the present ones.

    Returns
    -------
    subprocess.CompletedProcess
        With ``returncode``, ``stdout`` and ``stderr`` as text.
    """
    launcher = ["mpirun", "-n", str(n)] if n else []
    command = [*launcher, sys.executable, *map(os.fspath, args)]
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **LAUNCHER, "PYTHONPATH": python_path, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # SIGTERM first: mpirun ends its ranks, whose process groups SIGKILL would miss; mpirun itself hangs on at times.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            stdout, stderr = process.communicate(timeout=3)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
        pytest.fail(f"{command} hung for {timeout} s\nstdout:\n{stdout}\nstderr:\n{stderr}")
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        raise
    if check and process.returncode:
        pytest.fail(f"{command} exited with {process.returncode}\nstdout:\n{stdout}\nstderr:\n{stderr}")
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


@pytest.fixture(scope="session")
def mpirun() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The function ``run_ranks`` above: ``mpirun(3, ["-c", code], check=True).stdout``."""
    return run_ranks


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``run(*args, command=amr.cli.solve)`` runs a command in this process: exit status, standard output and error."""
    from amr import cli

    def call(*args: object, command: Callable[[list[str]], None] = cli.solve) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            command([str(a) for a in args])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert isinstance(end.value.code, int)
        return end.value.code, captured.out, captured.err

    return call
