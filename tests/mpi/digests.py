"""Run the cases of tests/proof_cases.py and print what must not depend on the number of ranks, as JSON, from rank 0.

digests.py write FOLDER     on the way, write a checkpoint of each case half way through
digests.py read FOLDER      run each case, and once more from its checkpoint
digests.py run              run each case
"""

import json
import sys
from pathlib import Path

from amr.comm import Comm
from amr.io.snapshot import digest
from amr.results import guard_report
from amr.simulation import Simulation
from tests.proof_cases import CASES
from tests.runs import remembered

HALF = 9


def facts(sim):
    """What a report says of the solution, without times and rank counts."""
    report = sim.ledger.report(sim.pool.u, sim.mesh)
    return {
        "digest": digest(sim.snapshot()),
        "time": sim.time,
        "conservation": report,
        "leaves": len(sim.mesh.forest.level),
        "guard": guard_report(sim),
        "remembered": remembered(sim),
        **{name: getattr(sim.report, name) for name in sim.report.COUNTERS},
    }


def main(mode, folder):
    comm = Comm.world()
    found = {}
    for number, (name, make) in enumerate(CASES.items()):
        case, path = make(), Path(folder) / f"{number}.h5"
        with Simulation(case, comm=comm) as sim:
            for step in sim.steps():
                if mode == "write" and step.number == HALF:
                    sim.write(path)
            found[name] = facts(sim)
        if mode == "read":
            with Simulation(case, restart=path, comm=comm) as sim:
                assert sim.step_number == HALF
                for _ in sim.steps():
                    pass
                found[f"{name}, restarted"] = facts(sim)
    if comm.rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main(*[*sys.argv[1:], "."][:2])
