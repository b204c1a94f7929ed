"""tools/run on a clone whose interpreter is a stub (so that nothing is downloaded), and what the real build links."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Plays /usr/bin/python3 and .venv/bin/python: says in $CALLS what it was asked for.
PYTHON = r"""#!/bin/sh
case "$*" in
  *mpi4py.__path__*) echo "$STUB/dist-packages/mpi4py" ;;
  *purelib*) echo "$CLONE/.venv/site" ;;
  "-m venv "*)
    echo venv >>"$CALLS"
    mkdir -p "$CLONE/.venv/bin" "$CLONE/.venv/site"
    cp "$0" "$CLONE/.venv/bin/python"
    cp "$0" "$CLONE/.venv/bin/pip" ;;
  *"-m pip install"*"[test,lint]"*)
    echo pip >>"$CALLS"
    exec sleep "${STUB_SLEEP:-0}" ;;
  *setup.py*)
    echo build >>"$CALLS"
    if grep -q broken csrc/core.c; then
      echo "core.c:1: error: broken"
      exit 1
    fi
    touch amr/_kernels/module.stub.so ;;
esac
"""
DPKG_QUERY = r"""#!/bin/sh
for name; do
  case "$name" in -*|"$STUB_MISSING") ;; *) printf 'installed:%s ' "$name" ;; esac
done
"""
APT_GET = '#!/bin/sh\necho "apt-get $*" >>"$CALLS"\n'


class Clone:
    """A folder with what tools/run looks at, in a path with a space."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a clone"
        self.calls = folder / "calls"
        for name in ("tools/run", "tools/constraints.txt", "pyproject.toml", "setup.py"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        for name in ("csrc/core.c", "csrc/core.h", "amr/_kernels/module.pyx", "amr/_kernels/module.pxd"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text("\n")
        for name in ("dist-packages/mpi4py", "dist-packages/mpi4py-3.1.4.egg-info"):
            (folder / name).mkdir(parents=True)
        for name, text in (("python", PYTHON), ("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET)):
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(text)
            program.chmod(0o755)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AMR_")},
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "AMR_PYTHON": str(folder / "bin" / "python"),
            "CALLS": str(self.calls),
            "CLONE": str(self.root),
            "STUB": str(folder),
        }

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "tools" / "run", *command],
            env={**self.env, **env},
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell that starts pytest in the background has it ignore SIGINT, and all that it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *command: str, **env: str) -> tuple[int, str, str]:
        process = self.start(*command, **env)
        stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout, stderr

    def made(self) -> list[str]:
        """What was made since the last question."""
        text = self.calls.read_text() if self.calls.exists() else ""
        self.calls.unlink(missing_ok=True)
        return text.splitlines()


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


def test_run_makes_the_environment_once_and_passes_status_and_output(clone):
    status, stdout, stderr = clone.run("sh", "-c", "echo out; pwd; exit 7")
    assert (status, stdout) == (7, "out\n/\n")
    assert clone.made() == ["venv", "build", "pip"]
    assert "ready after" in stderr
    began = time.perf_counter()
    status, stdout, stderr = clone.run("sh", "-c", 'echo "$VIRTUAL_ENV"')
    assert time.perf_counter() - began < 0.5
    assert (status, stdout, stderr, clone.made()) == (0, f"{clone.root}/.venv\n", "", [])


def test_run_sets_what_mpirun_needs(clone):
    names = "OMPI_MCA_rmaps_base_oversubscribe PRTE_MCA_rmaps_default_mapping_policy OMP_NUM_THREADS"
    _, stdout, _ = clone.run("sh", "-c", " ".join(f"echo ${name};" for name in names.split()), OMP_NUM_THREADS="3")
    assert stdout.split() == ["1", ":oversubscribe", "3"]


@pytest.mark.parametrize(
    ("changed", "made"),
    [
        ("csrc/core.h", ["build"]),
        ("amr/_kernels/module.pyx", ["build"]),
        ("setup.py", ["build"]),
        ("pyproject.toml", ["build", "pip"]),
        ("tools/constraints.txt", ["build", "pip"]),
        ("README.md", []),
    ],
)
def test_run_redoes_what_a_change_needs(clone, changed, made):
    clone.run("true")
    clone.made()
    with open(clone.root / changed, "a") as file:
        file.write("# changed\n")
    assert clone.run("true")[0] == 0
    assert clone.made() == made
    assert clone.run("true")[0] == 0
    assert clone.made() == []


def test_run_builds_again_when_a_module_is_gone_or_flags_differ(clone):
    clone.run("true")
    clone.made()
    (clone.root / "amr/_kernels/module.stub.so").unlink()
    clone.run("true")
    assert clone.made() == ["build"]
    clone.run("true", AMR_CFLAGS="-DANOTHER_SET_OF_FLAGS")
    assert clone.made() == ["build"]


def test_runs_at_the_same_time_make_one_environment(clone):
    started = [clone.start("sh", "-c", f"echo {n}", STUB_SLEEP="0.5") for n in range(8)]
    assert [process.communicate(timeout=60)[0] for process in started] == [f"{n}\n" for n in range(8)]
    assert clone.made() == ["venv", "build", "pip"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_run_interrupted_starts_over(clone, stop):
    process = clone.start("true", STUB_SLEEP="30")
    while not clone.calls.exists() or "pip" not in clone.calls.read_text():
        time.sleep(0.02)
    os.killpg(process.pid, stop)
    assert process.wait(timeout=30) != 0
    clone.made()
    assert clone.run("true")[0] == 0
    assert clone.made() == ["venv", "build", "pip"]


def test_run_shows_why_a_stage_failed_and_recovers(clone):
    (clone.root / "csrc/core.c").write_text("broken\n")
    status, stdout, stderr = clone.run("echo", "must not run")
    assert (status, stdout) == (1, "")
    assert "core.c:1: error: broken" in stderr
    (clone.root / "csrc/core.c").write_text("mended\n")
    assert clone.run("true")[0] == 0


def test_run_leaves_an_environment_that_it_did_not_make(clone):
    (clone.root / ".venv").mkdir()
    mine = clone.root / ".venv" / "mine"
    mine.touch()
    status, _, stderr = clone.run("true")
    assert status == 1 and "was not made by tools/run" in stderr and mine.exists()


def test_run_installs_missing_distribution_packages_or_says_how(clone):
    (clone.root.parent / "bin" / "sudo").write_text("#!/bin/sh\nexit 1\n")
    (clone.root.parent / "bin" / "sudo").chmod(0o755)
    status, _, stderr = clone.run("true", STUB_MISSING="openmpi-bin")
    calls = clone.made()
    if os.geteuid() == 0:
        assert status == 0 and calls[0].endswith("install -y --no-install-recommends openmpi-bin")
    else:
        assert status == 1 and "apt-get install -y --no-install-recommends openmpi-bin'" in stderr and calls == []


# ---- the real build ----------------------------------------------------------------------------------------------------


def needed_libraries(module: Path) -> set[str]:
    listing = subprocess.run(["readelf", "-d", module], capture_output=True, text=True, check=True).stdout
    return {line.split("[")[1].split("]")[0].split(".so")[0] for line in listing.splitlines() if "(NEEDED)" in line}


@pytest.mark.slow
def test_wheel_links_neither_mpi_nor_petsc(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy2(ROOT / name, source)
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "lib*", "bdist*", "sanitize", "werror", "*.log")
    for name in ("amr", "csrc", "build"):  # with the objects there are: only links are made again
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, source / name, ignore=ignore)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, source],
        check=True,
        cwd=tmp_path,
    )
    (wheel,) = tmp_path.glob("amr-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
        names = archive.namelist()
    modules = list((tmp_path / "wheel").rglob("*.so"))
    sources = {path.stem for path in (ROOT / "amr" / "_kernels").glob("*.pyx")}
    assert {module.name.split(".")[0] for module in modules} == sources
    for module in modules:
        assert needed_libraries(module) <= {"libc", "libm", "libpthread", "ld-linux-x86-64", "libasan", "libubsan"}
    python_files = {str(path.relative_to(ROOT)) for path in (ROOT / "amr").rglob("*.py")}
    assert python_files <= set(names)
    assert not [name for name in names if name.endswith((".c", ".h", ".pyx")) or name.startswith("tests")]
    (entry_points,) = (tmp_path / "wheel").glob("*.dist-info/entry_points.txt")
    assert "amr-solve = amr.cli:solve" in entry_points.read_text()


# ---- the environment ---------------------------------------------------------------------------------------------------

KSP = """
import sys, petsc4py
petsc4py.init(sys.argv)
from petsc4py import PETSc
n = 64
A = PETSc.Mat().createAIJ([n, n], nnz=3)
for i in range(*A.getOwnershipRange()):
    for j in range(max(i - 1, 0), min(i + 2, n)):
        A[i, j] = 2.0 if i == j else -1.0
A.assemble()
x, b = A.createVecs()
b.set(1.0)
ksp = PETSc.KSP().create()
ksp.setOperators(A)
ksp.setTolerances(rtol=1e-12)
ksp.getPC().setType("gamg")
ksp.solve(b, x)
A.mult(x, b)
b.shift(-1.0)
assert ksp.getConvergedReason() > 0 and b.norm() < 1e-8, (ksp.getConvergedReason(), b.norm())
assert PETSc.ScalarType(1j if PETSc.ScalarType is complex else 1).dtype.kind == "f"
"""


@pytest.mark.parametrize("n", [1, 2])
def test_petsc_solves_with_ksp_and_a_multigrid_preconditioner(mpirun, n):
    mpirun(n, ["-c", KSP], check=True)


def test_mpirun_starts_more_ranks_than_cores_of_one_world(mpirun):
    code = "from mpi4py import MPI; c = MPI.COMM_WORLD; assert c.size == 8; assert c.allreduce(c.rank) == 28"
    mpirun(8, ["-c", code], check=True)


def test_mpirun_ends_ranks_that_hang(mpirun):
    code = "from mpi4py import MPI; MPI.COMM_WORLD.rank or MPI.COMM_WORLD.recv(source=1)"
    began = time.perf_counter()
    with pytest.raises(pytest.fail.Exception, match="hung for 2"):
        mpirun(2, ["-c", code], timeout=2)
    assert time.perf_counter() - began < 30
