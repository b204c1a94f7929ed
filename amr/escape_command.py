"""The command ``amr escape``: mean times that Langevin dynamics stays in the wells of a case, beside Kramers' formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amr.errors import CaseError
from amr.launch import run_collective

if TYPE_CHECKING:
    from amr.bench.tables import Table
    from amr.case import Case
    from amr.comm import Comm


@dataclass(frozen=True)
class Escape:
    """Escape from one well at one temperature.

    Attributes
    ----------
    temperature : float
    well : tuple of float
        Its place.
    barrier : float
        Least energy of its saddles above it.
    time : float
        Mean time until another well is reached, from the Fokker-Planck operator on the mesh.
    kramers : float
        That of Eyring and Kramers, for low temperatures.
    cells, iterations : int
        Of the mesh and of the linear solve.
    """

    temperature: float
    well: tuple[float, ...]
    barrier: float
    time: float
    kramers: float
    cells: int
    iterations: int

    @property
    def ratio(self) -> float:
        """1 in the limit of low temperatures."""
        return self.time / self.kramers


def measure(case: Case, temperatures: Sequence[float], comm: Comm) -> list[Escape]:
    """Escape times from every well of a case with physics fokker_planck. Collective.

    The mesh at each temperature is the one that the case starts on from equilibrium. A well counts as reached where its parabola
    is half a temperature high.

    Raises
    ------
    CaseError
        Another physics, or fewer than two wells with a saddle between them.
    SolveError
        No convergence, or a well without a cell.
    """
    import numpy as np

    from amr.implicit.escape import escape_time
    from amr.implicit.fokker_planck import FokkerPlanckOperator, reduced_energy
    from amr.physics.fokker_planck import FokkerPlanck
    from amr.physics.kramers import survey
    from amr.simulation import Simulation

    physics = case.physics
    if not isinstance(physics, FokkerPlanck):
        raise CaseError(f"escape times are those of physics fokker_planck, not of {physics.name}")
    found = comm.agreed(
        lambda: survey(physics.energy, np.array(case.mesh.lower, float), np.array(case.mesh.upper, float))
    )
    barriers = [
        min(
            (s.energy - well.energy for s in found.saddles if i in s.wells and s.wells[0] != s.wells[1]),
            default=math.inf,
        )
        for i, well in enumerate(found.wells)
    ]
    if not any(math.isfinite(each) for each in barriers):
        raise CaseError("the landscape has no two wells with a saddle between them inside the domain")
    rows = []
    for temperature in temperatures:
        changed = case.replace(
            physics={"temperature": temperature}, problem={"name": "langevin", "start": "equilibrium"}
        )
        with Simulation(changed, comm=comm) as sim:
            psi = reduced_energy(sim.mesh, comm, physics.energy, temperature)
            operator = FokkerPlanckOperator(sim.mesh, comm, psi, temperature)
            x = sim.mesh.cell_centers()
            cores = [well.is_near(x, temperature) for well in found.wells]
            for i, well in enumerate(found.wells):
                if math.isinf(barriers[i]):
                    continue
                time, info = escape_time(operator, cores, i, case.petsc.options, "escape_")
                kramers = 1.0 / found.escape_rate(i, temperature)
                rows.append(
                    Escape(
                        temperature, tuple(map(float, well.place)), barriers[i], time, kramers,
                        operator.mat.getSize()[0], info.iterations,
                    )
                )  # fmt: skip
            operator.free()
    return rows


def table(rows: Sequence[Escape]) -> Table:
    """The rows as a table to print."""
    from amr.bench.tables import Table

    columns = ["T", "well", "barrier / T", "cells", "escape time", "Kramers", "ratio"]
    cells = [
        [
            f"{row.temperature:g}",
            f"({', '.join(f'{c:.3f}' for c in row.well)})",
            f"{row.barrier / row.temperature:.2f}",
            str(row.cells),
            f"{row.time:.5g}",
            f"{row.kramers:.5g}",
            f"{row.ratio:.3f}",
        ]
        for row in rows
    ]
    return Table("Mean escape times", columns, cells)


_HELP = """Print how long Langevin dynamics stays in each well of a case, on average, beside Kramers' formula.

\b
The case has physics fokker_planck. For each temperature (that of the case without the option) the backward equation is solved on
the mesh that the case starts on from equilibrium; docs/langevin.md says how. The ratio of both times goes to 1 as T falls.

\b
Examples:
  amr escape cases/langevin.toml
  amr escape cases/langevin.toml --temperature 0.4 --temperature 0.3 --temperature 0.2
  mpirun -n 4 amr escape cases/langevin.toml --set mesh.max_level=4 --markdown
"""


@click.command("escape", help=_HELP)
@click.argument("case_file", metavar="CASE.toml", type=click.Path(path_type=Path))
@click.option(
    "--temperature",
    "temperatures",
    metavar="T",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    help="Instead of the case's; may be repeated.",
)
@click.option(
    "--set", "overrides", metavar="SECTION.KEY=VALUE", multiple=True, help="Change a key of the case; may be repeated."
)
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
def escape(case_file: Path, temperatures: tuple[float, ...], overrides: tuple[str, ...], markdown: bool) -> int:
    def action(comm: Comm) -> int:
        from amr.case import load_case

        case = comm.agreed(lambda: load_case(case_file, overrides))
        wanted = temperatures or (getattr(case.physics.parameters, "temperature", 1.0),)
        found = table(measure(case, wanted, comm))
        if comm.rank == 0:
            if markdown:
                click.echo(found.markdown())
            else:
                from amr.io.report import make_console

                make_console(comm).print(found.rich())
        return 0

    return run_collective(action)
