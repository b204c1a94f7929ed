"""Run by test_mpi.py: PETSc's time steps on every number of ranks are those of one rank, to the tolerance of the solver."""

import numpy as np
from mpi4py import MPI

from amr.comm import Comm
from amr.errors import PluginError
from amr.simulation import Simulation
from tests.runs import made

CASES = {
    # A regrid every second step; the matrix has levels side by side and rows of other ranks.
    "front": (
        {"name": "diffusion", "diffusivity": {"coefficient": 1.0, "exponent": 2.0}},
        {"name": "barenblatt", "radius": 0.2},
        0.02,
    ),
    "imex": (
        {"name": "advection_diffusion", "velocity": [1.0, 0.5], "diffusivity": 0.05},
        {"name": "spots", "inside": {"q": 1.0}, "outside": {"q": 0.0}},
        0.05,
    ),
    # Implicit viscosity, by differences of the residual.
    "gas": (
        {"name": "navier_stokes", "viscosity": 0.5, "prandtl": 0.7},
        {"name": "blast", "radius": 0.2, "pressure_inside": 2.0},
        0.05,
    ),
    "reaction": (
        {
            "name": "reaction_diffusion",
            "species": ["u", "v"],
            "diffusivity": [2e-3, 1e-3],
            "reaction": {"name": "gray_scott"},
        },
        {"name": "spots", "inside": {"u": 0.5, "v": 0.25}, "outside": {"u": 1.0, "v": 0.0}},
        2.0,
    ),
}


def finished(comm, physics, problem, end):
    """Keys and levels of the leaves after every step, and the final cells of this rank."""
    case = made(
        2,
        4,
        mesh={"max_level": 2},
        physics=physics,
        problem=problem,
        scheme={"integrator": "petsc"},
        refinement={"indicators": ["jump"], "interval": 2, "patience": 1},
        time={"end": end},
    )
    with Simulation(case, comm=comm) as sim:
        trees = []
        for step in sim.steps():
            trees.append((step.number, sim.mesh.forest.key.tolist(), sim.mesh.forest.level.tolist()))
        inner = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)]
        return trees, comm.allgatherv(np.ascontiguousarray(inner)), sim.time


def main() -> None:
    comm = Comm.world()
    for name, given in CASES.items():
        trees, cells, time = finished(comm, *given)
        serial_trees, serial_cells, serial_time = finished(Comm.self_(), *given)
        assert len({str(each[1:]) for each in trees}) > 1, name
        assert trees == serial_trees, name
        assert time == serial_time, name
        difference = np.abs(cells - serial_cells).max()
        assert difference <= 1e-7, (name, difference)

    fails = {"name": "diffusion", "diffusivity": f"{__file__}:only_here"}
    try:
        finished(comm, fails, {"name": "constant", "state": {"q": 1.0}}, 0.1)
    except PluginError:
        comm.barrier()
        return
    raise AssertionError("the plugin did not fail")


def only_here(u):
    """A diffusivity that fails on the last rank alone."""
    if MPI.COMM_WORLD.rank == MPI.COMM_WORLD.size - 1:
        raise ValueError("only here")
    return np.ones_like(u)


if __name__ == "__main__":
    main()
