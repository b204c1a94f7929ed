"""The cases: a periodic blast of an ideal gas, gamma 5/3, as in cases/blast_2d.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from amr.case import Case
from amr.errors import CaseError
from amr.names import suggestion


@dataclass(frozen=True)
class BenchCase:
    """What is run, and the span of physical time that is measured: the same states on every machine and in every version.

    Attributes
    ----------
    cells : int
        Of level 0, per axis.
    block_cells, max_level : int
    begin, end : float
        Times; what comes before ``begin`` is not measured: the mesh grows and memory is touched for the first time.
    integrator, reconstruction : str
    by_default : bool
        Whether it is run if no case is named.
    """

    dim: int
    cells: int
    block_cells: int
    max_level: int
    begin: float
    end: float
    integrator: str = "muscl_hancock"
    reconstruction: str = "plm"
    by_default: bool = True

    def make(self) -> Case:
        """The case for `amr.Simulation`."""
        return Case.from_dict(
            {
                "mesh": {
                    "lower": [-0.5] * self.dim,
                    "upper": [0.5] * self.dim,
                    "root_blocks": [self.cells // self.block_cells] * self.dim,
                    "block_cells": self.block_cells,
                    "max_level": self.max_level,
                    "periodic": True,
                },
                "physics": {"name": "euler", "gamma": 5 / 3},
                "problem": {"name": "blast"},
                "scheme": {
                    "integrator": self.integrator,
                    "reconstruction": self.reconstruction,
                    "riemann": "hllc",
                },
                "time": {"end": self.end},
                "output": {"format": "none"},
            }
        )

    def quick(self) -> BenchCase:
        """The same on a small mesh, two levels fewer or a uniform mesh of fewer cells, and for a few tenths of a second."""
        end = 0.05 if self.dim == 2 else 0.01
        if self.max_level:
            return replace(self, max_level=self.max_level - 2, begin=0.001, end=end)
        return replace(self, cells=128 if self.dim == 2 else 64, begin=0.001, end=end)


def _cases() -> dict[str, BenchCase]:
    table = {}
    for n in (16, 32, 64):
        table[f"2d_uniform_{n}"] = BenchCase(2, 512, n, 0, 0.002, 0.03)
    for n in (16, 32, 64):
        table[f"3d_uniform_{n}"] = BenchCase(3, 128, n, 0, 0.001, 0.005)
    for n in (16, 8):
        table[f"2d_amr_{n}"] = BenchCase(2, 64, n, 4, 0.03, 0.055)
    for n in (16, 8):
        table[f"3d_amr_{n}"] = BenchCase(3, 32, n, 3, 0.005, 0.01)
    for reconstruction in ("ppm", "weno5z"):
        for name in ("2d_amr_16", "3d_amr_16"):
            table[f"{name}_{reconstruction}"] = replace(
                table[name], integrator="ssp_rk3", reconstruction=reconstruction
            )
    # For its memory: at such a size the ratio no longer counts what every run takes.
    table["3d_amr_16_large"] = BenchCase(3, 64, 16, 4, 0.0001, 0.0006, by_default=False)
    return table


CASES = _cases()


def choose(names: Sequence[str], quick: bool) -> dict[str, BenchCase]:
    """Name -> case, in the order of the table; all that are run by default where ``names`` is empty.

    Raises
    ------
    CaseError
        A name is not in the table.
    """
    chosen = choose_names(names, CASES) or [name for name, case in CASES.items() if case.by_default]
    return {name: CASES[name].quick() if quick else CASES[name] for name in chosen}


def choose_names(names: Sequence[str], table: Mapping[str, Any]) -> list[str]:
    """``names`` in the order of the table.

    Raises
    ------
    CaseError
        A name is not in the table.
    """
    unknown = [f"no case {name!r}{suggestion(name, table)}" for name in names if name not in table]
    if unknown:
        raise CaseError("\n".join(unknown))
    return [name for name in table if name in names]
