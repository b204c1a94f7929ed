"""Run by test_mpi.py on several ranks: collectives, agreement on errors, repeated exchange."""

import os

import numpy as np

from amr.comm import Comm, Exchange, exchange_once
from amr.comm.program import check_launcher
from amr.errors import MeshError, PluginError


def main() -> None:
    comm = Comm.world()
    check_launcher()
    rank, size = comm.rank, comm.size
    assert os.environ.get("AMR_WAIT") in (None, "poll" if comm.polls else "block")
    assert comm.allreduce_max([rank, -rank]).tolist() == [size - 1, 0]
    assert comm.allreduce_min([rank, -rank]).tolist() == [0, 1 - size]
    assert comm.allreduce_sum_int([1, rank]).tolist() == [size, size * (size - 1) // 2]
    rows = comm.allgatherv(np.full((rank, 2), rank % 2, dtype=bool))
    assert rows.shape == (size * (size - 1) // 2, 2) and rows.dtype == bool
    assert comm.alltoall(10 * rank + np.arange(size)).tolist() == [10 * r + rank for r in range(size)]
    assert comm.bcast({"a": rank}) == {"a": 0}
    gathered = comm.gather(rank)
    assert (gathered == list(range(size))) if rank == 0 else gathered is None

    comm.agree(None)
    for bad in {0, size - 1}:
        mine = PluginError(f"plugin f failed on rank {rank}") if rank >= bad else None
        try:
            comm.agree(mine)
        except PluginError as error:
            assert str(error) == f"plugin f failed on rank {bad}"
        else:
            raise AssertionError("every rank must raise")
    lowest = comm.allreduce_min([3.5, comm.error_rank(MeshError("broken") if rank == size - 1 else None)])[1]
    try:
        comm.raise_lowest(lowest, MeshError("broken") if rank == size - 1 else None)
    except MeshError as error:
        assert str(error) == "broken"
    else:
        raise AssertionError("every rank must raise")

    others = [r for r in range(size) if r != rank]
    send = {r: np.zeros(3) for r in others}
    recv = {r: np.zeros(3) for r in others}
    exchange = Exchange(comm, send, recv, tag=7)
    for turn in range(3):
        for r in others:
            send[r][:] = [rank, r, turn]
        exchange.start()
        exchange.wait()
        for r in others:
            assert recv[r].tolist() == [r, rank, turn]
    exchange.free()
    once = exchange_once(comm, {r: np.arange(rank + 1) for r in others}, {r: r + 1 for r in others}, dtype=np.int64)
    for r in others:
        assert once[r].tolist() == list(range(r + 1))
    half = comm.split(rank % 2)
    assert half.size == (size + 1 - rank % 2) // 2 and Comm.self_().size == 1
    comm.barrier()


if __name__ == "__main__":
    main()
