"""Every file of ``cases/`` runs at small size: physical, conservative, as near to the exact state as it should, and documented."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from amr.case import Case, load_case
from amr.results import make_report
from amr.simulation import Simulation
from tests.conftest import ROOT
from tests.runs import CASES

NAMES = sorted(path.stem for path in CASES.glob("*.toml"))
SMALL_2D = ("mesh.block_cells=8", "mesh.max_level=2")
SMALL_3D = ("mesh.block_cells=8", "mesh.max_level=1")

# What makes a case small; the finest cells are those of the picture or up to four times as wide.
CHANGES: dict[str, tuple[str, ...]] = {
    "blast_2d": SMALL_2D,
    "blast_3d": SMALL_3D,
    "dam_break_radial": SMALL_2D,
    "double_mach": (*SMALL_2D, "time.end=0.1"),
    "implosion": (*SMALL_2D, "time.end=0.2"),
    "kelvin_helmholtz": (*SMALL_2D, "time.end=0.5"),
    "plugins": ("mesh.block_cells=8",),
    "rayleigh_taylor": (*SMALL_3D, "time.end=2.0"),
    "riemann_2d": SMALL_2D,
    "sedov_2d": (*SMALL_2D, "problem.width=0.03"),
    "sedov_3d": (*SMALL_3D, "problem.width=0.06"),
    "shu_osher": ("mesh.max_level=3",),
    "slotted_disc": (*SMALL_2D, "time.end=0.5"),
    "sod": ("mesh.max_level=3",),
    "sod_2d_diagonal": SMALL_2D,
    "sod_2d_x": SMALL_2D,
    "sod_2d_y": SMALL_2D,
    "vortex": ("mesh.root_blocks=[4,4]", "time.end=5.0"),
    "woodward_colella": ("mesh.max_level=3",),
}
# Largest L1 error of the first variable: what was measured and a tenth.
ERRORS: dict[str, float] = {}


@cache
def run(name: str) -> tuple[Case, dict[str, Any], bool]:
    """A case at small size: itself, its report, and whether all cells are finite."""
    case = load_case(CASES / f"{name}.toml", (*CHANGES.get(name, ()), "output.format=none"))
    with Simulation(case) as sim:
        for _ in sim.steps():
            pass
        finite = bool(np.isfinite(sim.pool.u[(..., *sim.layout.interior)]).all())
        return case, make_report(sim), finite


@pytest.mark.parametrize("name", NAMES)
def test_a_case_runs_to_its_end(name: str) -> None:
    case, report, finite = run(name)
    assert finite
    assert report["ended"] == "end" and report["time"] == case.time.end
    assert report["regrids"] > 0
    assert len(report["leaves_per_level"]) == case.mesh.max_level + 1, "the finest level was never used"


@pytest.mark.parametrize("name", NAMES)
def test_every_change_of_a_total_is_explained(name: str) -> None:
    case, report, _ = run(name)
    for variable, each in report["conservation"].items():
        assert each["unexplained"] <= 1e-12, variable
        if case.mesh.dim > 1 and not case.sources and is_closed(case, variable):
            assert abs(each["final"] - each["initial"]) <= 1e-13 * each["scale"], variable


def is_closed(case: Case, variable: str) -> bool:
    """Whether the boundaries let nothing of a variable through; walls push, so momentum needs periodic ones."""
    kinds = {condition.kind for condition in case.boundaries}
    return kinds == {"periodic"} or (kinds <= {"periodic", "reflecting"} and not variable.startswith("momentum"))


@pytest.mark.parametrize("name", NAMES)
def test_the_error_is_within_its_bound(name: str) -> None:
    _, report, _ = run(name)
    assert (report["errors"] is not None) == (name in ERRORS)
    if name in ERRORS:
        variable, norms = next(iter(report["errors"].items()))
        assert norms["L1"] <= ERRORS[name], variable


def test_sod_is_the_same_along_x_and_y() -> None:
    x, y = (run(f"sod_2d_{axis}")[1]["errors"] for axis in "xy")
    assert x["density"] == y["density"] and x["momentum_x"] == y["momentum_y"] and x["energy"] == y["energy"]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_the_case(name: str) -> None:
    page = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")
    assert f"![{name}](pictures/{name}.png)" in page and f"cases/{name}.toml" in page
    assert 1_000 < (ROOT / "docs" / "pictures" / f"{name}.png").stat().st_size < 150_000
