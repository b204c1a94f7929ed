"""From the values of several indicators and variables, a column each, to one per block."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

#: How several indicators become one decision.
COMBINATIONS = ("or", "and")


def combine_values(ratio: np.ndarray, combine: str) -> np.ndarray:
    """One number per block, > 1 where it is to be refined: the largest ("or") or smallest ("and") of eta / refine.

    Parameters
    ----------
    ratio : float64 (n, n_indicators)
    """
    return across(np.maximum if combine == "or" else np.minimum, ratio)


def across(function: np.ufunc, columns: np.ndarray, empty: float = 0.0) -> np.ndarray:
    """Reduce (n, m) over few columns, (n,): several times faster than reducing along an axis. ``empty`` where m = 0."""
    return reduce(function, columns.T) if columns.shape[1] else np.full(len(columns), empty)


def combine_near(near: Sequence[np.ndarray], combine: str, n_block: int) -> np.ndarray:
    """One `near` mask per block from those of the indicators, uint32 (n_block,).

    With "and" a bit stays where every indicator has it: the cells that all of them flag are near that side only then.
    """
    if not near:
        return np.zeros(n_block, dtype=np.uint32)
    return reduce(np.bitwise_or if combine == "or" else np.bitwise_and, near)


def leading_column(ratio: np.ndarray, first: np.ndarray, combine: str) -> np.ndarray:
    """Which column decides whether each leaf is hot: the largest, or with "and" that of the lowest indicator; int (n_leaves,).

    Parameters
    ----------
    ratio : float64 (n_leaves, n_columns)
        Values in units of their thresholds, at least one column.
    first : int (n_indicators + 1,)
        First column of each indicator, and their number.
    combine : str
        "or" or "and".
    """
    if combine == "or":
        return ratio.argmax(axis=1)
    parts = [ratio[:, a:b] for a, b in zip(first[:-1], first[1:], strict=True)]
    lowest = np.stack([part.max(axis=1) for part in parts]).argmin(axis=0)
    inside = np.stack([part.argmax(axis=1) for part in parts])
    return first[lowest] + np.take_along_axis(inside, lowest[None], axis=0)[0]
