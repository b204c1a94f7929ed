"""The commands: what they print, what they return, and that no mistake of a user's shows a traceback or hangs a rank."""

from __future__ import annotations

import json
import tomllib

import pytest

from amr import __version__, cli
from tests.broken_cases import GOOD, all_broken

ALL_BROKEN = all_broken()


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.toml"
    path.write_text(GOOD.replace("out/broken", str(tmp_path / "out")))
    return path


def test_help_has_examples(run):
    status, out, _ = run("--help")
    assert status == 0 and "mpirun -n 8 amr-solve" in out and "--restart" in out
    status, out, _ = run("--help", command=cli.main)
    assert status == 0 and "amr schema" in out


def test_version(run):
    assert run("--version") == (0, f"amr-solve, version {__version__}\n", "")


def test_schema_and_reference(run):
    status, out, _ = run("schema", command=cli.main)
    assert status == 0 and json.loads(out)["title"] == "Case file of amr"
    status, out, _ = run("schema", "--markdown", command=cli.main)
    assert status == 0 and out.startswith("# The case file")


def test_options_of_petsc_stand_behind_two_hyphens(run, good):
    status, out, _ = run(
        good, "--dry-run", "--set", "petsc.options=-ksp_type cg", "--", "-pc_type", "hypre", "-ksp_view"
    )
    assert status == 0
    assert tomllib.loads(out)["petsc"] == {"options": "-ksp_type cg -pc_type hypre -ksp_view"}
    status, _, err = run(good, "--dry-run", "--", "hypre")
    assert status == 2 and "petsc.options" in err and "'hypre' is not the value of an option" in err


def test_a_dry_run_prints_the_resolved_case(run, good, tmp_path):
    status, out, err = run(good, "--dry-run", "--set", "mesh.max_level=3", "--output", tmp_path / "some where")
    assert status == 0
    resolved = tomllib.loads(out)
    assert resolved["mesh"]["max_level"] == 3 and resolved["output"]["directory"] == str(tmp_path / "some where")
    assert resolved["refinement"]["interval"] == 4
    assert "no faults; 2D, 4 variables, levels 0..3, as fine as 256 x 256 cells" in err
    assert run(good, "--dry-run", "--quiet") == (0, "", "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--bogus"], "No such option"),
        ([], "Missing argument"),
        (["case.toml", "--progress", "much"], "'much' is not one of"),
        (["no/such/case.toml"], "no/such/case.toml: cannot be read: No such file"),
        (["cases/sod.toml", "--set", "mesh.max_level"], "must look like section.key=value"),
        (["cases/sod.toml", "--set", "scheme.limiter=minmd"], 'did you mean "minmod"?'),
    ],
)
def test_a_bad_command_line_is_told(run, args, said):
    status, out, err = run(*args)
    assert status == 2 and out == "" and said in err


def test_a_run_writes_its_report(run, good, tmp_path):
    status, out, err = run(good, "--set", "time.end=0.02", "--progress", "lines")
    assert status == 0, err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["steps"] > 0 and report["time"] == 0.02
    assert report["digest"][:16] in out and "Conservation" in out
    assert "step" in err
    assert tomllib.loads((tmp_path / "out" / "case.toml").read_text())["time"]["end"] == 0.02


def test_quiet_prints_nothing_and_verbose_more(run, good):
    assert run(good, "--set", "time.max_steps=1", "--quiet") == (0, "", "")
    status, out, err = run(good, "--set", "time.max_steps=1", "--verbose")
    assert status == 0 and "[mesh]" in out and "NumPy" in err


def test_a_restart_goes_on_to_the_same_digest(run, good, tmp_path):
    def digest(name):
        return json.loads((tmp_path / name / "report.json").read_text())["digest"]

    assert run(good, "--quiet", "--set", "time.max_steps=8", "--output", tmp_path / "whole")[0] == 0
    assert run(good, "--quiet", "--set", "time.max_steps=5", "--output", tmp_path / "half")[0] == 0
    more = ("--set", "time.max_steps=8", "--output", tmp_path / "rest", "--restart", tmp_path / "half")
    assert run(good, "--quiet", *more)[0] == 0
    assert digest("rest") == digest("whole") != digest("half")


def test_a_checkpoint_is_told_drawn_and_exported(run, good, tmp_path):
    assert run(good, "--quiet", "--set", "time.max_steps=2")[0] == 0
    out = tmp_path / "out"
    status, told, _ = run("info", out, command=cli.main)
    assert status == 0 and "good: step 2, time" in told and "momentum_y, energy" in told and ": whole" in told
    status, told, _ = run("info", out, "--case", command=cli.main)
    assert status == 0 and tomllib.loads(told)["problem"]["name"] == "riemann"
    picture = tmp_path / "new" / "a.png"
    status, told, _ = run("plot", out, "--variable", "pressure", "--output", picture, command=cli.main)
    assert status == 0 and told.strip() == str(picture) and picture.read_bytes().startswith(b"\x89PNG")
    mesh = tmp_path / "a.vtu"
    assert (
        run("export", out, "--format", "vtu", "--output", mesh, command=cli.main)[0] == 0 and mesh.stat().st_size > 1000
    )


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["info", "nowhere"], 1, "nowhere: no such checkpoint"),
        (["plot", "nowhere"], 1, "nowhere"),
        (["export", "nowhere", "--format", "vtuu"], 2, "did you mean 'vtu'?"),
        (["export", "nowhere"], 2, "Missing option '--format'"),
        (["solv"], 2, "No such command 'solv'"),
    ],
)
def test_a_bad_tool_command_is_told(run, args, status, said):
    found, out, err = run(*args, command=cli.main)
    assert (found, out) == (status, "") and said in err


@pytest.mark.parametrize("what", ["missing", "foreign"])
def test_a_bad_checkpoint_is_told(run, good, tmp_path, what):
    path = tmp_path / "checkpoint.h5"
    if what == "foreign":
        path.write_bytes(b"not HDF5 at all" * 100)
    status, out, err = run(good, "--restart", path)
    assert status == 1 and "checkpoint.h5" in err and out == ""


def test_a_problem_that_fails_at_run_time_is_told(run, good, tmp_path):
    (tmp_path / "mine.py").write_text("def f(x):\n    return {'density': 1.0, 'velocity': x[:1], 'pressure': 1.0}\n")
    status, _, err = run(good, "--set", "problem={name = 'mine.py:f'}")
    assert status == 1 and "mine.py:f" in err and "velocity has shape" in err


@pytest.mark.parametrize("n", [1, 8])
def test_broken_cases_end_with_status_2_on_every_rank(mpirun, tmp_path, n):
    for i, (text, _) in enumerate(ALL_BROKEN.values()):
        (tmp_path / f"{i:03}.toml").write_text(text)
    done = mpirun(n, ["tests/mpi/broken_cli.py", tmp_path], timeout=180, check=True)
    ranks = json.loads(done.stdout)
    assert len(ranks) == n and len(ranks[0]) == len(ALL_BROKEN) >= 40
    for i, (name, (_, said)) in enumerate(ALL_BROKEN.items()):
        for rank, results in enumerate(ranks):
            status, out, err = results[f"{i:03}.toml"]
            assert (status, out) == (2, ""), name
            assert "Traceback" not in err
            assert all(part in err for part in said) if rank == 0 else err == "", name


@pytest.mark.parametrize("args", [["--bogus"], ["cases/sod.toml", "--set", "mesh.max_levle=1"]])
def test_one_message_and_status_2_under_mpirun(mpirun, args):
    done = mpirun(3, ["-m", "amr", "solve", *args])
    assert done.returncode == 2
    assert done.stderr.count("rror:") == 1 and "Traceback" not in done.stderr


def test_a_defect_on_one_rank_stops_all(mpirun, tmp_path):
    code = """
import sys
from amr import launch
def action(comm):
    if comm.rank == 1:
        raise KeyError("a defect")
    comm.barrier()
sys.exit(launch.run_collective(action))
"""
    done = mpirun(3, ["-c", code], timeout=60)
    assert done.returncode != 0 and "KeyError: 'a defect'" in done.stderr
