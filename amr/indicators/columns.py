"""From the values of several indicators and variables, a column each, to one per block."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

#: How several indicators become one decision.
COMBINATIONS = ("or", "and")


def across(function: np.ufunc, columns: np.ndarray, empty: float = 0.0) -> np.ndarray:
    """Reduce (n, m) over few columns, (n,): several times faster than reducing along an axis. ``empty`` where m = 0."""
    return reduce(function, columns.T) if columns.shape[1] else np.full(len(columns), empty)


def by_variable(columns: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Variable (or indicator, where there is none) -> its columns; each of ``columns`` is (indicator, variable)."""
    found: dict[str, list[int]] = {}
    for column, (label, variable) in enumerate(columns):
        found.setdefault(variable or label, []).append(column)
    return found


def count_hot(hot: np.ndarray, which: np.ndarray, columns: Sequence[Sequence[str]]) -> dict[str, int]:
    """For each variable, those of the leaves ``which``, bool (n,), that are ``hot``, bool (n, m), in one of its columns."""
    return {
        name: int(np.count_nonzero(reduce(np.logical_or, (hot[:, column] for column in own)) & which))
        for name, own in by_variable(columns).items()
    }


def combine_near(near: Sequence[np.ndarray], combine: str, n_block: int) -> np.ndarray:
    """One `near` mask per block from those of the indicators, uint32 (n_block,).

    With "and" a bit stays where every indicator has it: the cells that all of them flag are near that side only then.
    """
    if not near:
        return np.zeros(n_block, dtype=np.uint32)
    return reduce(np.bitwise_or if combine == "or" else np.bitwise_and, near)
