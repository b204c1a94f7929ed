"""The commands ``amr-solve`` and ``amr``. A user's mistake gives one message and an exit status, never a traceback."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amr import __version__
from amr.checkpoint_commands import COMMANDS
from amr.errors import AMRError
from amr.escape_command import escape
from amr.guard_command import guard
from amr.launch import run_collective

if TYPE_CHECKING:
    from amr.case import Case
    from amr.comm import Comm

EXIT_UNDER_RESOLVED = 3
_LAUNCHER_RANK = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")
_SOLVE_HELP = """Solve the problem of a case file on an adaptive mesh.

\b
Results go to the directory that the case names: files for ParaView, checkpoints, the case with every default filled in,
and report.json with errors, conservation and timings. docs/case_file.md lists every key of a case file.

\b
Examples:
  amr-solve cases/sod.toml
  mpirun -n 8 amr-solve cases/blast_2d.toml --output out/blast
  amr-solve cases/sod.toml --set mesh.max_level=5 --set scheme.limiter=minmod
  amr-solve cases/sod.toml --set 'problem.left.pressure=2.0' --dry-run
  mpirun -n 3 amr-solve cases/vortex.toml --restart out/vortex
  amr-solve cases/jeans.toml -- -ksp_monitor -pc_type hypre

\b
What stands behind -- are options of PETSc, added to petsc.options of the case.

\b
Exit status: 0 done; 1 failed (the message says why); 2 the case or the command line has faults; 3 done, but under-resolved
at the end (with --strict); 75 stopped by a signal, with a checkpoint to go on from; 70 a defect of the program.
"""


@click.command(
    "amr-solve", help=_SOLVE_HELP, context_settings={"max_content_width": 120, "help_option_names": ["-h", "--help"]}
)
@click.argument("case_file", metavar="CASE.toml", type=click.Path(path_type=Path))
@click.argument("petsc_options", metavar="[-- PETSC OPTIONS]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--set", "overrides", metavar="SECTION.KEY=VALUE", multiple=True, help="Change a key of the case; may be repeated."
)
@click.option("--output", metavar="DIR", type=click.Path(path_type=Path), help="Directory of the results.")
@click.option(
    "--restart",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Go on from a checkpoint, or from the newest in a directory.",
)
@click.option("--strict", is_flag=True, help="Exit with status 3 if the run ends under-resolved.")
@click.option("--dry-run", is_flag=True, help="Check the case, print it with every default filled in, and stop.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--verbose", "-v", is_flag=True, help="Print the resolved case and the versions in use too.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "bar", "lines", "none"]),
    default="auto",
    help="A live bar, or plain lines for a log; auto: a bar with one rank on a terminal.",
)
@click.version_option(__version__, prog_name="amr-solve")
def _solve(
    case_file: Path,
    petsc_options: tuple[str, ...],
    overrides: tuple[str, ...],
    output: Path | None,
    restart: Path | None,
    strict: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    progress: str,
) -> int:
    def action(comm: Comm) -> int:
        case = _load(comm, case_file, overrides, output, shlex.join(petsc_options))
        show = comm.rank == 0 and not quiet
        if show and (dry_run or verbose):
            click.echo(case.to_toml())
        if show and verbose:
            click.echo(_versions(comm), err=True)
        if dry_run:
            if show:
                click.echo(_mesh_summary(case), err=True)
            return 0
        if show and comm.n_resting:
            click.echo(_resting(comm), err=True)
        return _run(comm, case, restart, "none" if quiet else progress, show, strict)

    return run_collective(action)


def _load(comm: Comm, path: Path, overrides: tuple[str, ...], output: Path | None, petsc_options: str) -> Case:
    """The case, or its faults on every rank. Collective."""
    from amr.case import load_case
    from amr.case.text import toml_value

    more = () if output is None else (f"output.directory={toml_value(str(output))}",)
    case, error = None, None
    try:
        case = load_case(path, (*overrides, *more), petsc_options)
    except AMRError as fault:
        error = fault
    comm.agree(error)
    assert case is not None
    return case


def _run(comm: Comm, case: Case, restart: Path | None, progress: str, show: bool, strict: bool) -> int:
    """Solve, and print the report on rank 0. Collective."""
    from amr.io.progress import Progress
    from amr.simulation import Simulation

    with Simulation(case, restart=restart, comm=comm) as sim:
        with Progress(comm, sim.time, case.time.end, progress, case.time.max_steps) as bar:
            report = sim.run(progress=bar)
        if show:
            from amr.io.report import make_console, tables, verdict

            console = make_console(comm)
            for table in tables(report):
                console.print(table)
            console.print(f"results in {case.output.directory}")
            if unused := report.get("petsc", {}).get("unused"):
                names = ", ".join(f"-{name}" for name in unused)
                console.print(f"PETSc had no use for the options {names}", style="bold", soft_wrap=True)
            for line in verdict(report["guard"]):
                console.print(line, style="bold", soft_wrap=True)
        is_under_resolved = strict and report["guard"]["ended_under_resolved"]
        return int(sim.exit_code) or (EXIT_UNDER_RESOLVED if is_under_resolved else 0)


def _mesh_summary(case: Case) -> str:
    mesh = case.mesh
    finest = [n * mesh.block_cells << mesh.max_level for n in mesh.root_blocks]
    spacing = [(high - low) / n for low, high, n in zip(mesh.lower, mesh.upper, finest, strict=True)]
    return (
        f"{case.source}: no faults; {mesh.dim}D, {len(case.physics.variables)} variables, levels 0..{mesh.max_level}, "
        f"as fine as {' x '.join(map(str, finest))} cells of {' x '.join(f'{h:.4g}' for h in spacing)}"
    )


def _resting(comm: Comm) -> str:
    n = comm.size + comm.n_resting
    return f"{comm.size} of {n} ranks work, the others have no core of their own and rest (AMR_RANKS=all: all work)"


def _versions(comm: Comm) -> str:
    import platform

    import numpy

    ranks = f"{comm.size} rank{'s' * (comm.size > 1)}"
    return f"amr {__version__}, Python {platform.python_version()}, NumPy {numpy.__version__}, {ranks}"


@click.group(
    "amr",
    context_settings={"max_content_width": 120, "help_option_names": ["-h", "--help"]},
    help="""Tools around the solver; `amr-solve` runs a case.

\b
Examples:
  amr info out/sod
  amr plot out/sod --variable density --output sod.png
  amr explain out/sod --at 0.5
  amr export out/sod --format vtk
  amr schema > case.schema.json
""",
)
@click.version_option(__version__, prog_name="amr")
def _group() -> None:
    pass


_group.add_command(_solve, "solve")
_group.add_command(guard)
_group.add_command(escape)
for _command in COMMANDS:
    _group.add_command(_command)


@_group.command("schema", help="Print the JSON schema of case files, for editors, or their reference as Markdown.")
@click.option("--markdown", is_flag=True, help="The reference of every key (docs/case_file.md).")
def _schema(markdown: bool) -> int:
    from amr.case import reference

    click.echo(reference.markdown() if markdown else reference.json_schema_text(), nl=False)
    return 0


_BENCH_HELP = """Measure the speed of the solver on this machine: cell updates per second and rank, as a share of a bare kernel.

\b
A ratio of 0.6 says that a blast with its mesh, ghosts and regrids takes 1 / 0.6 of the time that the kernel takes for as
many cells. It may be compared between machines. docs/performance.md says what is measured.

\b
Examples:
  amr bench
  amr bench --quick --case 2d_amr_16
  mpirun -n 2 amr bench --json bench.json
  amr bench --tree --markdown
  amr bench --indicators --case vortex --plot vortex.png
"""


@_group.command("bench", help=_BENCH_HELP)
@click.option("--quick", is_flag=True, help="Small meshes: a few seconds for all cases.")
@click.option("--case", "names", metavar="NAME", multiple=True, help="Only this case; may be repeated.")
@click.option(
    "--seconds",
    metavar="S",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    help="Measure each case for at most S seconds (60).",
)
@click.option("--tree", is_flag=True, help="Measure the operations of the tree instead, up to a million leaves.")
@click.option("--subcycle", is_flag=True, help="Measure what level-wise steps gain instead, in time and error.")
@click.option(
    "--indicators", is_flag=True, help="Measure which error each indicator reaches with how many cell updates."
)
@click.option(
    "--elliptic", is_flag=True, help="Measure solves of Poisson's equation instead, with each preconditioner."
)
@click.option("--plot", "plot_file", metavar="FILE", type=click.Path(path_type=Path), help="With --indicators: a PNG.")
@click.option("--instructions", is_flag=True, help="Count instructions per cell update, too, with perf or callgrind.")
@click.option("--json", "json_file", metavar="FILE", type=click.Path(path_type=Path), help="Write the numbers.")
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
def _bench(json_file: Path | None, plot_file: Path | None, markdown: bool, **options: Any) -> int:
    if plot_file is not None and not options["indicators"]:
        raise click.UsageError("--plot draws what --indicators measures")

    def action(comm: Comm) -> int:
        from amr.bench.command import Request, run, write_json
        from amr.bench.tables import tables
        from amr.io.report import make_console

        result = run(Request(**options), comm, lambda text: _say(comm, text))
        if comm.rank == 0:
            console = make_console(comm)
            console.width = max(console.width, 130)  # a narrow terminal would cut numbers off
            for table in tables(result):
                if markdown:
                    click.echo(table.markdown())
                else:
                    console.print(table.rich())
        error = None
        if comm.rank == 0:
            try:
                if json_file is not None:
                    write_json(json_file, result)
                if plot_file is not None:
                    from amr.bench.efficiency import plot_efficiency

                    plot_efficiency(plot_file, result["efficiency"])
            except AMRError as fault:
                error = fault
        comm.agree(error)
        return 0

    return run_collective(action)


def _say(comm: Comm, text: str) -> None:
    if comm.rank == 0:
        click.echo(f"{text} ...", err=True)


def _enter(command: click.Command, name: str, args: list[str] | None) -> None:
    """Run a command; only the first rank of a job speaks about the command line. Ends the process."""
    args = sys.argv[1:] if args is None else args
    # Help, version and usage errors come before MPI is started: the launcher's variables tell the rank.
    first = all(os.environ.get(v, "0") == "0" for v in _LAUNCHER_RANK)
    status: Any
    try:
        with contextlib.ExitStack() as stack:
            if not first:
                stack.enter_context(
                    contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w", encoding="utf-8")))
                )
            context = command.make_context(name, args)
        with context:
            status = command.invoke(context)
    except click.exceptions.Exit as end:
        status = end.exit_code
    except click.ClickException as error:
        status = error.exit_code
        if first:
            error.show()
        if any(v in os.environ for v in _LAUNCHER_RANK):
            from amr.comm import Comm

            Comm.world().barrier()  # as in run_collective
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status or 0)


def solve(args: list[str] | None = None) -> None:
    """Entry point of ``amr-solve``; ends the process."""
    _enter(_solve, "amr-solve", args)


def main(args: list[str] | None = None) -> None:
    """Entry point of ``amr``; ends the process."""
    _enter(_group, "amr", args)
