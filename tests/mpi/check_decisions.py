"""Run by test_mpi.py: what ranks decide, each for its own leaves, is what one rank decides, to the last bit."""

import numpy as np

from amr.comm import Comm
from amr.guard.verify import Guard
from amr.indicators import leaf_state
from amr.indicators.leaf_state import LEAF_STATE
from amr.io.snapshot import digest
from amr.simulation import Simulation
from tests.runs import remembered
from tests.test_guard import interior, make
from tests.transfer_tools import regridded, uneven_starts


def check_move(comm, dim, seed):
    """What is remembered of leaves moves with them, from wherever they were."""
    old, new, source, change = regridded(dim, seed)
    rng = np.random.default_rng(seed)
    state = np.frombuffer(rng.integers(0, 120, old.n_leaves * LEAF_STATE.itemsize, np.uint8).tobytes(), LEAF_STATE)
    expected = leaf_state.carry(state, source, change, 2**dim)
    for before in uneven_starts(old.n_leaves, comm.size):
        for after in uneven_starts(new.n_leaves, comm.size):
            own = state[before[comm.rank] : before[comm.rank + 1]].copy()
            moved = leaf_state.move(own, source, change, 2**dim, before, after, comm)
            assert moved.tobytes() == expected[after[comm.rank] : after[comm.rank + 1]].tobytes()
    return set(np.sign(change).tolist())


def disturb(sim):
    """New noise on the left, a moving layer, and a bump that is gone before its trial is over; the same on any ranks."""
    x, own = sim.mesh.cell_centers(), sim.mesh.leaves
    for block, cells in enumerate(interior(sim)):
        rng = np.random.default_rng([sim.step_number, int(sim.mesh.forest.key[own.start + block])])
        x_block = x[:, block]
        smooth = 0.3 * np.sin(2 * np.pi * x_block[0]) * np.sin(2 * np.pi * x_block[1])
        bump = 0.02 * np.tanh((x_block[0] - 0.52 + 0.03 * np.sin(9 * x_block[1] + 0.3 * sim.step_number)) / 0.02)
        gone = (
            0.05 * np.exp(-(((x_block[0] - 0.69) ** 2 + (x_block[1] - 0.25) ** 2) / 2e-4)) * (sim.step_number % 60 == 0)
        )
        cells[:] = smooth + bump + gone + 0.012 * rng.normal(size=cells.shape) * (x_block[0] < 0.25)


def run(comm, watched):
    """Facts of a run with noise, doubts and trials; ``watched`` gets what the guards were asked, of any rank."""
    review = Guard.review

    def spy(self, mesh, leaf, alarms, found, asked, other):
        watched.append(asked)
        return review(self, mesh, leaf, alarms, found, asked, other)

    Guard.review = spy
    case = make(
        "wave", dim=2, roots=4, max_level=2, velocity=0.1, steps=160, time={"end": 1e9, "max_steps": 160, "dt": 1e-4}
    )
    try:
        with Simulation(case, comm=comm) as sim:
            hot = []
            for _ in sim.steps():
                disturb(sim)
                hot.append(sim.decider.n_hot)
            return remembered(sim), hot, sim.mesh.forest.key.tolist(), digest(sim.snapshot())
    finally:
        Guard.review = review


def main() -> None:
    comm = Comm.world()
    for dim in (1, 2, 3):
        seen = [check_move(comm, dim, seed) for seed in range(6 if dim < 3 else 3)]
        assert set.union(*seen) == {-1, 0, 1}
    alone, together = [], []
    expected, found = run(Comm.self_(), alone), run(comm, together)
    assert found == expected
    guard = found[0][0]["guard"]
    assert min(guard[name] for name in ("noise_vetoes", "trials", "commits", "ghost_alarms")) > 0, guard
    assert any(asked.suspects for asked in together)
    assert any(asked.trials for asked in together) == (
        comm.size > 2
    )  # two ranks cut this mesh between siblings' groups
    comm.barrier()


if __name__ == "__main__":
    main()
