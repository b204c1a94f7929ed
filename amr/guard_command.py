"""The commands ``amr guard ...``: what the safeguards find on data whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from amr.bench.tables import Table


@click.group("guard", help="Measure how well the safeguards against aliasing tell truth from artefact.")
def guard() -> None:
    pass


_CLASSES_HELP = """Class blocks whose truth is known, and print which share of each family gets which class.

\b
Smooth data, waves, packets, jumps, noise and odd-even modes are generated as cell averages; docs/guards.md says what the
classes mean. "right" is the share of the blocks with a class that is right for them; the families of the second table
are hard or ambiguous.

\b
Examples:
  amr guard classes
  amr guard classes --dim 1 --block-cells 32 --count 1000
"""


@guard.command("classes", help=_CLASSES_HELP)
@click.option("--dim", type=click.IntRange(1, 3), default=2, help="Dimension (2).")
@click.option("--block-cells", metavar="N", type=click.IntRange(8, 64), default=16, help="Cells per axis, even (16).")
@click.option("--count", metavar="N", type=click.IntRange(min=1), default=400, help="Blocks of each family (400).")
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=1, help="Of the random numbers (1).")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
def _classes(dim: int, block_cells: int, count: int, seed: int, markdown: bool) -> int:
    from amr.bench.tables import Table
    from amr.guard.classify import Kind
    from amr.guard.confusion import measure
    from amr.guard.generators import FAMILIES

    if block_cells % 2:
        raise click.BadParameter("must be even", param_hint="--block-cells")
    columns = ["truth", *(kind.label for kind in Kind), "right"]
    rows: dict[bool, list[list[str]]] = {False: [], True: []}
    for row in measure(dim, block_cells, count, seed):
        family = FAMILIES[row.family]
        numbers = [f"{share:.3f}" for share in (*row.shares, row.right)]
        rows[family.is_hard].append([family.label, *numbers])
    title = f"Classes of {count} blocks per row, {dim}D, {block_cells} cells per axis, seed {seed}"
    _print([Table(title, columns, rows[False]), Table("Hard or ambiguous", columns, rows[True])], markdown)
    return 0


_SAMPLING_HELP = """Sample initial states whose truth is known, and print which share of the blocks that need refinement is found.

\b
Each cell of the table is "recall | false positives": the share alarmed of the blocks that deviate from a reconstruction of their
averages by more than the tolerance, and of those that deviate by less than half of it. Indicators on point samples and on exact
averages stand beside the guarded sampling; docs/guards.md describes families and methods.

\b
Examples:
  amr guard sampling
  amr guard sampling --dim 2 --trials 10 --markdown
"""


@guard.command("sampling", help=_SAMPLING_HELP)
@click.option("--dim", type=click.IntRange(1, 3), default=1, help="Dimension (1).")
@click.option(
    "--trials", metavar="N", type=click.IntRange(min=1), help="States of each family (40, in 2D 10, in 3D 3)."
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=1, help="Of the random numbers (1).")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
def _sampling(dim: int, trials: int | None, seed: int, markdown: bool) -> int:
    from amr.bench.recall import measure, table

    trials = trials or {1: 40, 2: 10, 3: 3}[dim]
    result = measure(dim, trials, seed, lambda text: click.echo(f"{text} ...", err=True))
    _print([table(result, f"Sampling of {trials} states per row, {dim}D, seed {seed}")], markdown)
    cost = result.per_cell
    click.echo(
        f"guarded sampling: {cost['all']:.2f} evaluations per cell with scouts and zoom, {cost['scouts']:.3f} by scouts"
    )
    return 0


def _print(tables: list[Table], as_markdown: bool) -> None:
    from rich.console import Console

    for table in tables:
        if as_markdown:
            click.echo(table.markdown())
        else:
            Console(width=200, highlight=False).print(table.rich())
