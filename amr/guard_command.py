"""The commands ``amr guard ...``: what the safeguards find on data whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from amr.bench.tables import Table


@click.group("guard", help="Measure how well the safeguards against aliasing tell truth from artefact.")
def guard() -> None:
    pass


def _print(tables: list[Table], as_markdown: bool) -> None:
    from rich.console import Console

    for table in tables:
        if as_markdown:
            click.echo(table.markdown())
        else:
            Console(width=130, highlight=False).print(table.rich())
