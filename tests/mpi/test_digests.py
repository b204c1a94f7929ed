"""The same bits on any number of ranks and after a restart: cells, decisions, totals and counters."""

import json
from pathlib import Path

import pytest

from tests.proof_cases import CASES

SCRIPT = Path(__file__).parent / "digests.py"


@pytest.fixture(scope="module")
def found(mpirun, tmp_path_factory):
    """Rank count -> name of the case -> facts; checkpoints are written by 2 ranks and read by 3 and by 1."""
    folder = tmp_path_factory.mktemp("checkpoints")
    modes = {2: "write", 3: "read", 1: "read", 8: "run"}
    # On a machine of eight cores no rank would poll unless told to.
    waits = {2: "block", 3: "poll", 1: "block", 8: "poll"}
    return {
        n: json.loads(mpirun(n, [SCRIPT, mode, folder], env={"AMR_WAIT": waits[n]}, check=True).stdout)
        for n, mode in modes.items()
    }


@pytest.mark.parametrize("n_ranks", [2, 3, 8])
@pytest.mark.parametrize("name", CASES)
def test_ranks_change_nothing(found, name, n_ranks):
    assert found[n_ranks][name] == found[1][name]


@pytest.mark.parametrize("n_ranks", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_a_restart_from_two_ranks_changes_nothing(found, name, n_ranks):
    assert found[n_ranks][f"{name}, restarted"] == found[1][name]


def test_the_cases_do_what_they_are_for(found):
    one = found[1]
    for name in CASES:
        assert one[name]["steps"] >= 12 and one[name]["regrids"] >= 3, (name, one[name])
        assert (one[name]["leaves"] >= 8) != name.startswith("few blocks"), name
    assert all(one[name]["fallback_cells"] > 0 for name in CASES if "fall-back" in name)
