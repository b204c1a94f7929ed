"""The tables of `amr bench`: the same rows on a terminal and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

# Phases with a column of their own, in the order of a step; the rest of the wall time is in the last one.
PHASES = ("kernel", "ghosts", "reflux", "check", "indicate", "guard", "regrid", "mpi_wait")


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of text."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """As a table of Markdown with its title above it."""
        lines = [self.columns, ["---"] + ["---:"] * (len(self.columns) - 1), *self.rows]
        escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
        return f"{self.title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in escaped) + "\n"

    def rich(self) -> RenderableType:
        """For a rich console."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table as RichTable

        table = RichTable(title=self.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for index, name in enumerate(self.columns):
            table.add_column(name, justify="right" if index else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        return table


def tables(result: dict[str, Any]) -> list[Table]:
    """The tables of a result of `amr.bench.command.run` that have rows."""
    made = (
        _case_table(result),
        _phase_table(result),
        _instruction_table(result),
        _tree_table(result),
        _gain_table(result),
        _elliptic_table(result),
        *_efficiency_tables(result),
    )
    return [table for table in made if table.rows]


def _case_table(result: dict[str, Any]) -> Table:
    rows = [
        [
            each["name"] + ("" if each["is_complete"] else " (cut short)"),
            f"{each['rate'] / 1e6:.2f}",
            f"{each['yardstick'] / 1e6:.1f}",
            f"{each['ratio']:.3f}",
            f"{each['leaves']}",
            f"{each['steps']}",
            f"{each['seconds']:.2f}",
            f"{each['memory_ratio']:.2f}",
            f"{each['imbalance']:.3f}",
        ]
        for each in result.get("cases", [])
    ]
    columns = ["case", "M cells/s per rank", "yardstick", "ratio", "blocks", "steps", "seconds", "memory", "imbalance"]
    return Table(_title("Speed", result), columns, rows)


def _phase_table(result: dict[str, Any]) -> Table:
    rows = []
    for each in result.get("cases", []):
        shares = [each["shares"].get(name, 0.0) for name in PHASES]
        rows.append([each["name"], *(f"{100 * share:.1f}" for share in (*shares, 1.0 - sum(shares)))])
    return Table("Share of the wall time, percent", ["case", *PHASES, "other"], rows)


def _instruction_table(result: dict[str, Any]) -> Table:
    counted = result.get("instructions", {"tool": None, "per_cell_update": {}})
    rows = [[name, f"{value:.0f}"] for name, value in counted["per_cell_update"].items()]
    return Table(f"Instructions per cell update ({counted['tool']}, small meshes)", ["case", "instructions"], rows)


def _tree_table(result: dict[str, Any]) -> Table:
    names = ["balance", "mark", "decision", "adapt", "partition", "neighbors", "ghost_plan"]
    kinds = ["replicated", "marking", "local", "peak", "deciding"]
    rows = [
        [
            f"{each['dim']}D, {each['leaves']}",
            *(f"{each['seconds'][name]:.4f}" for name in names),
            f"{each['total_seconds']:.4f}",
            *(f"{each[f'{kind}_bytes']:.0f}" for kind in kinds),
        ]
        for each in result.get("tree", [])
    ]
    # The plan makes the table of neighbours itself, and marking balances: the sum counts them once.
    columns = ["leaves", *names, "sum", *(f"{kind} B/leaf" for kind in kinds)]
    return Table(_title("Tree operations, seconds", result), columns, rows)


def _gain_table(result: dict[str, Any]) -> Table:
    rows = [
        [
            f"{each['name']}, {'level-wise' if each['subcycle'] else 'one step'}, interval {each['interval']}",
            f"{each['seconds']:.2f}",
            f"{each['cell_updates'] / 1e6:.1f}",
            f"{each['steps']}",
            f"{100 * each['leaves'][-1] / sum(each['leaves']):.0f}",
            f"{each['error']:.3e}",
            f"{each['update_gain']:.2f}",
            f"{each['gain']:.2f}",
        ]
        for each in result.get("gain", [])
    ]
    columns = ["run", "CPU seconds", "M cell updates", "steps", "finest %", "error", "gain of updates", "gain"]
    return Table(_title("Level-wise steps", result), columns, rows)


def _elliptic_table(result: dict[str, Any]) -> Table:
    rows = [
        [
            f"{each['dim']}D, {each['unknowns']}, {each['solver']}",
            f"{each['iterations']}",
            *(f"{each[key]:.3f}" for key in ("assembly", "set_up", "solve")),
            f"{100 * each['assembly'] / (each['set_up'] + each['solve']):.0f}",
            f"{(each['assembly'] + each['set_up'] + each['solve']) / each['explicit']:.1f}",
            f"{each['solve'] / each['explicit']:.1f}",
        ]
        for each in result.get("elliptic", [])
    ]
    columns = [
        "unknowns, preconditioner",
        "iterations",
        "assembly",
        "set-up",
        "solve",
        "assembly %",
        "all / step",
        "solve / step",
    ]
    return Table(_title("Poisson's equation, seconds", result), columns, rows)


def _efficiency_tables(result: dict[str, Any]) -> list[Table]:
    """Every run, and for each indicator in how many cases it is near the front."""
    runs = result.get("efficiency", [])
    rows = [
        [
            f"{each['case']}, {each['indicator']}",
            f"level {each['factor']}" if each["indicator"] == "uniform" else f"{each['factor']:g}",
            f"{each['cell_updates'] / 1e6:.2f}",
            f"{each['seconds']:.2f}",
            f"{each['error']:.3e}",
            f"{each['error_over']:.2f}",
            f"{each['updates_over']:.2f}",
            "*" if each["is_near"] else "",
        ]
        for each in runs
    ]
    columns = [
        "case, indicator",
        "factor",
        "M cell updates",
        "CPU seconds",
        "error",
        "error over front",
        "updates over front",
        "near",
    ]
    all_runs = Table(_title("Error against cell updates", result), columns, rows)
    names = dict.fromkeys(each["indicator"] for each in runs)
    cases = {each["case"] for each in runs}
    counts = []
    for name in names:
        mine = [each for each in runs if each["indicator"] == name]
        near = [each for each in mine if each["is_near"]]
        usual = [each for each in near if each["factor"] == 1.0 and name != "uniform"]
        in_cases = (f"{len({each['case'] for each in which})} of {len(cases)}" for which in (near, usual))
        counts.append([name, *in_cases, f"{len(near)} of {len(mine)}"])
    columns = ["indicator", "cases near the front", "thereof with the default threshold", "runs near the front"]
    return [all_runs, Table("Near the front", columns, counts)]


def _title(text: str, result: dict[str, Any]) -> str:
    ranks = f"{result['n_ranks']} rank{'s' * (result['n_ranks'] > 1)}"
    if resting := result.get("n_resting_ranks"):
        ranks += f" ({resting} more rest)"
    return f"{text}: {ranks} on {result['n_cores']} cores of {result['processor']}, amr {result['version']}"
