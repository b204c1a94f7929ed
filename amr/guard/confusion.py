"""What the classifier says of blocks whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amr.guard.classify import Kind, classify
from amr.guard.generators import FAMILIES, generate
from amr.mesh.pool import Layout
from amr.physics import create_physics

#: Alarm of the measurement, relative to amplitudes of about 1; the differences of most families are far above it.
TAU = 0.02
_GHOSTS = 2
_CHUNK_CELLS = 1 << 20


@dataclass(frozen=True)
class Row:
    """Shares of the classes among the blocks of a family, indexed by `Kind`, and the share of those that are right for it."""

    family: str
    shares: np.ndarray
    right: float


def classify_generated(family: str, dim: int, n: int, count: int, seed: int, with_all: bool = False) -> np.ndarray:
    """Classes of ``count`` blocks of a family, structured as `amr.guard.classify.BLOCK_CLASS`."""
    layout = Layout(dim, n, _GHOSTS, 1)
    spec = create_physics("advection", dim, {"velocity": [1.0] * dim}).spec
    size = max(1, _CHUNK_CELLS // int(np.prod(layout.shape)))
    found = []
    for chunk, first in enumerate(range(0, count, size)):
        u = generate(family, dim, n, min(size, count - first), (seed, chunk), _GHOSTS)[:, None]
        found.append(classify(spec, layout, u, np.arange(len(u)), [0], [1.0], TAU, with_all=with_all))
    return np.concatenate(found)


def measure(dim: int, n: int, count: int, seed: int, families: Sequence[str] = tuple(FAMILIES)) -> list[Row]:
    """Confusion table: a row per family from ``count`` blocks of n^dim cells each."""
    rows = []
    for family in families:
        kinds = np.bincount(classify_generated(family, dim, n, count, seed)["kind"], minlength=len(Kind)) / count
        rows.append(Row(family, kinds, float(kinds[list(FAMILIES[family].right)].sum())))
    return rows
