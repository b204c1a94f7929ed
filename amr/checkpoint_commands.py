"""The commands ``amr export``, ``plot``, ``explain`` and ``info``: what can be done with a checkpoint, on one rank."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from amr.errors import AMRError

_CHECKPOINT = click.argument("checkpoint", metavar="CHECKPOINT", type=click.Path(path_type=Path))


def _serial(action: Callable[[], None]) -> int:
    """Do something on one rank; a user's mistake gives one message. Return the exit status."""
    try:
        action()
    except AMRError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    return 0


def _opened(path: Path) -> Any:
    """A verified checkpoint: a file, or the newest of a directory."""
    from amr.comm import Comm
    from amr.io.restart import open_checkpoint

    checkpoint = open_checkpoint(path, Comm.self_())
    for reason in checkpoint.skipped:
        click.echo(f"passed over: {reason}", err=True)
    return checkpoint


@click.command("export", help="Write a checkpoint, or the newest of a directory, in a format of meshio.")
@_CHECKPOINT
@click.option("--format", "name", metavar="NAME", required=True, help="vtu, vtk, xdmf, med, gmsh, tecplot ...")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Default: beside the checkpoint.")
def _export(checkpoint: Path, name: str, output: Path | None) -> int:
    def action() -> None:
        from amr.io.export import check_format, export_checkpoint

        check_format(name)
        click.echo(export_checkpoint(_opened(checkpoint).path, name, output))

    return _serial(action)


@click.command(
    "plot", help="Draw a checkpoint, or the newest of a directory: lines in 1D, an image in 2D, a slice in 3D."
)
@_CHECKPOINT
@click.option("--variable", metavar="NAME", help="Primitive variable; default all in 1D, else the first.")
@click.option("--output", metavar="PNG", type=click.Path(path_type=Path), help="Default: beside the checkpoint.")
@click.option("--axis", type=click.Choice(["x", "y", "z"]), default="z", help="Across the slice of a 3D mesh.")
@click.option("--position", type=float, help="Of the slice; default the middle of the domain.")
@click.option("--no-outlines", is_flag=True, help="Leave out the edges of the blocks.")
def _plot(
    checkpoint: Path, variable: str | None, output: Path | None, axis: str, position: float | None, no_outlines: bool
) -> int:
    def action() -> None:
        from amr.io.plot import Slice, plot_checkpoint

        cut = Slice("xyz".index(axis), position)
        click.echo(plot_checkpoint(_opened(checkpoint).path, output, variable, cut, not no_outlines))

    return _serial(action)


_EXPLAIN_HELP = """Say in words why a place of a checkpoint, or of the newest of a directory, is as fine as it is.

What keeps it from being finer, and what would change it. The numbers are those of the last regrid before the checkpoint.

\b
Examples:
  amr explain out/sod --at 0.5
  amr explain out/blast/checkpoint_00000200.h5 --at 0.1,-0.2
  amr explain out/blast --leaf 17
"""


@click.command("explain", help=_EXPLAIN_HELP)
@_CHECKPOINT
@click.option("--at", metavar="X[,Y[,Z]]", help="A point; the leaf that contains it is explained.")
@click.option("--leaf", metavar="N", type=int, help="A leaf by its number, from 0, in the order of the checkpoint.")
def _explain(checkpoint: Path, at: str | None, leaf: int | None) -> int:
    if (at is None) == (leaf is None):
        raise click.UsageError("give one of --at and --leaf")
    try:
        point = None if at is None else [float(part) for part in at.split(",")]
    except ValueError:
        raise click.BadParameter(f"{at!r} is not a list of numbers like 0.1,0.2", param_hint="--at") from None

    def action() -> None:
        from rich.markup import escape

        from amr.comm import Comm
        from amr.io.explain import explain_leaf, find_leaf
        from amr.io.report import make_console

        opened = _opened(checkpoint)
        number = leaf if leaf is not None else find_leaf(opened, point or [])
        told = explain_leaf(opened, number)
        console = make_console(Comm.self_())
        for heading, sentences in told.sections().items():
            console.print(f"[bold]{heading}[/bold]")
            for sentence in sentences:
                console.print(f"  {escape(sentence)}", soft_wrap=True)

    return _serial(action)


@click.command("info", help="Say what is in a checkpoint, or the newest of a directory, and whether it is whole.")
@_CHECKPOINT
@click.option("--case", "show_case", is_flag=True, help="Print the resolved case that wrote it instead.")
def _info(checkpoint: Path, show_case: bool) -> int:
    def action() -> None:
        from amr.case.text import toml_document

        opened = _opened(checkpoint)
        if show_case:
            click.echo(toml_document(opened.meta["case"]), nl=False)
            return
        forest, title = opened.forest(), opened.meta.get("case", {}).get("title") or "without a title"
        levels = " + ".join(map(str, forest.leaves_per_level))
        click.echo(
            f"{opened.path}: whole\n{title}: step {opened.step}, time {opened.time:.9g}\n"
            f"{forest.dim}D, {forest.n_leaves} leaves ({levels}) of {opened.header['block_cells']} cells per axis\n"
            f"variables: {', '.join(opened.header['variables'])}"
        )

    return _serial(action)


COMMANDS = (_export, _plot, _explain, _info)
