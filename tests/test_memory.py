"""The memory of a run is that of two copies of its state, and little else."""

import json

import numpy as np
import pytest

from amr.mesh.pool import Layout, Pool
from amr.results import make_report
from tests.runs import made, run

PROGRAM = """
import json, sys
from amr.bench.cases import BenchCase
from amr.io.report import peak_memory_bytes
from amr.results import make_report
from amr.simulation import Simulation

before = peak_memory_bytes()
with Simulation(BenchCase(3, 32, 16, 3, 0.0, 1.0).make()) as sim:
    for step in sim.steps():
        if step.number == 5:
            break
    report = make_report(sim)
    sizes = [peak_memory_bytes() - before, report["state_bytes_per_rank"], sim.pool.u.nbytes]
print(json.dumps(sizes + [report["regrids"]]))
"""


def test_memory_of_a_run(mpirun):
    """Initial state on growing meshes, steps, a regrid, the digest and the ledger of the report."""
    *_, last = mpirun(0, ["-c", PROGRAM], check=True).stdout.splitlines()
    added, state, final, regrids = json.loads(last)
    assert regrids == 1 and state >= final and state > 1.5e8
    assert 2.0 < added / state <= 2.3


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_pool_keeps_the_state_when_it_makes_room(dim):
    pool = Pool(Layout(dim, 8, 2, 3), 2)
    pool.u[...] = 7.0
    assert len(pool.reserve_new(9)) == 9 and (pool.u == 7.0).all()
    pool.reserve_new(9)[...] = 5.0
    pool.commit_new(9)
    assert pool.u.shape == pool.u_new.shape == (9, *pool.layout.shape) and (pool.u == 5.0).all()
    assert not np.shares_memory(pool.u, pool.u_new)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_sources_do_not_depend_on_the_chunks(dim, monkeypatch):
    def digest():
        gravity = {"name": "gravity", "g": [0.3, -0.2, 0.1][:dim]}
        sections = {"physics": {"name": "euler"}, "problem": {"name": "blast"}, "sources": [gravity]}
        with run(made(dim, 4, **sections, mesh={"max_level": 1}, time={"end": 1.0, "max_steps": 3})) as sim:
            report = make_report(sim)
        assert report["conservation"]["momentum_x"]["ledger"]["source"] != 0
        assert report["conservation"]["momentum_x"]["unexplained"] < 1e-13
        return report["digest"]

    whole = digest()
    monkeypatch.setattr("amr.scheme.sources.CHUNK_CELLS", 3 * 8**dim)
    assert digest() == whole
