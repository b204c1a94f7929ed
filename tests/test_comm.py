"""One rank: the calls that must work without mpirun (several ranks: tests/mpi)."""

import numpy as np
import pytest

from amr.comm import Comm, exchange_once
from amr.comm.program import check_launcher
from amr.errors import CaseError, UnphysicalState


def test_one_rank_collectives():
    comm = Comm.self_()
    values = np.array([1.0, 2.0])
    result = comm.allreduce_max(values)
    assert result.tolist() == [1, 2] and result is not values
    assert comm.allgatherv(np.eye(2)).tolist() == [[1, 0], [0, 1]]
    assert exchange_once(comm, {}, {}) == {}
    comm.agree(None)
    with pytest.raises(UnphysicalState, match="pressure"):
        comm.agree(UnphysicalState("pressure = -1"))


def test_launcher_of_another_mpi_is_refused(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    with pytest.raises(CaseError, match="different MPI"):
        check_launcher()


def test_unknown_way_of_waiting_is_refused(monkeypatch):
    monkeypatch.setenv("AMR_WAIT", "sleep")
    with pytest.raises(CaseError, match="AMR_WAIT = 'sleep' must be 'poll' or 'block'"):
        check_launcher()
