"""``amr explain``: a leaf of a checkpoint, and what is remembered of it, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amr.errors import CaseError, FileFormatError
from amr.guard.audit import Explanation, Place, explain
from amr.indicators import leaf_state
from amr.io.checkpoint import Checkpoint
from amr.mesh.geometry import Geometry


def find_leaf(checkpoint: Checkpoint, at: Sequence[float]) -> int:
    """Number of the leaf that contains a point; of two that share a face, the upper one.

    Raises
    ------
    CaseError
        Not as many coordinates as axes, or a point outside the domain.
    """
    header, dim = checkpoint.header, checkpoint.header["dim"]
    lower, upper = np.array(header["lower"]), np.array(header["upper"])
    x = np.asarray(at, dtype=float)
    told = f"the point ({', '.join(f'{each:g}' for each in at)})"
    if x.shape != (dim,):
        raise CaseError(f"{told} has {x.size} coordinates, but the mesh has {dim} axes")
    if not ((lower <= x) & (x <= upper)).all():
        box = " x ".join(f"[{a:g}, {b:g}]" for a, b in zip(lower, upper, strict=True))
        raise CaseError(f"{told} is outside the domain {box}")
    roots = np.array(header["root_blocks"])
    blocks = roots * 2 ** checkpoint.level.astype(np.int64)[:, None]
    # The last block of an axis holds the upper end of the domain.
    coords = np.minimum(np.floor((x - lower) / (upper - lower) * blocks).astype(np.int64), blocks - 1)
    return int(np.flatnonzero((coords == checkpoint.coords[:, :dim]).all(axis=1))[0])


def explain_leaf(checkpoint: Checkpoint, number: int) -> Explanation:
    """Tell why a leaf is as fine as it is, from the file alone.

    Raises
    ------
    CaseError
        There is no such leaf.
    FileFormatError
        The file holds nothing about decisions.
    """
    if not 0 <= number < checkpoint.n_leaves:
        raise CaseError(f"leaf {number}: {checkpoint.path} has leaves 0 to {checkpoint.n_leaves - 1}")
    header = checkpoint.header
    try:
        decider = checkpoint.meta["decider"]
        columns, patience = decider["columns"], checkpoint.meta["case"]["refinement"]["patience"]
        state = leaf_state.from_checkpoint(checkpoint, slice(number, number + 1))
    except (LookupError, TypeError) as error:
        raise FileFormatError(f"{checkpoint.path}: holds no state of the leaves to explain them from") from error
    if header["max_level"] == 0:
        raise FileFormatError(f"{checkpoint.path}: of a run with mesh.max_level = 0, in which nothing is refined")
    dim = header["dim"]
    geometry = Geometry(header["lower"], header["upper"], header["root_blocks"], header["block_cells"])
    level, coords = int(checkpoint.level[number]), checkpoint.coords[number : number + 1]
    lower, spacing = geometry.origin(level, coords)[0, :dim], geometry.spacing(level)[0, :dim]
    place = Place(
        number,
        checkpoint.n_leaves,
        level,
        header["max_level"],
        lower.tolist(),
        (lower + spacing * header["block_cells"]).tolist(),
        spacing.tolist(),
    )
    return explain(state[0], place, columns, patience)
