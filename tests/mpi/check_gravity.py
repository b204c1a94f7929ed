"""Run by test_mpi.py: gas with self-gravity on every number of ranks is that of one rank, to the solver's tolerance."""

import numpy as np

from amr.comm import Comm
from amr.simulation import Simulation
from tests.test_gravity import falling, jeans

TOLERANCE = 1e-8  # per largest density; of the decisions none differs


def cases():
    """An adaptive mesh in empty space; a periodic box of two levels in 3D."""
    yield falling(end=0.1)
    yield jeans(3, 2, [1, 0, 1], end=0.3, amplitude=0.2, region=True)


def run(case, comm):
    """Interiors of the local blocks, the leaves, and the energies."""
    with Simulation(case, comm=comm) as sim:
        for _ in sim.steps():
            pass
        u = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)].copy()
        forest = sim.mesh.forest
        return u, forest.level, forest.key, sim.mesh.leaves, sim.gravity.energy, sim.step_number


def main() -> None:
    comm = Comm.world()
    for case in cases():
        u, level, key, leaves, energy, steps = run(case, comm)
        serial, serial_level, serial_key, _, serial_energy, serial_steps = run(case, Comm.self_())
        assert np.array_equal(level, serial_level) and np.array_equal(key, serial_key) and steps == serial_steps
        mine = serial[leaves]
        assert np.abs(u - mine).max(initial=0.0) <= TOLERANCE * np.abs(serial[:, 0]).max()
        assert abs(energy - serial_energy) <= TOLERANCE * abs(serial_energy)
        worst = comm.allreduce_max([np.abs(u - mine).max(initial=0.0)])[0]
        if comm.rank == 0:
            print(f"{case.mesh.dim}D, {len(level)} leaves, {steps} steps: differs by {worst:.1e}")


main()
