"""The quadratic through the averages of 3^d cells: what a block's own cells say about the places between.

In a cell with centre 0 and width 1, R(x) = A + sum_a (g_a x_a + s_a (x_a^2 - 1/12)) + sum_{a<b} c_ab x_a x_b. It keeps
the average A, and every quadratic is met. At the rim of a block the stencil is that of the next cell inside, so no neighbour is
needed; as its error is larger there (by up to 3: the third derivative's), deviations count half: `TRUST_AT_RIM`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_TWELFTH = 1.0 / 12.0

TRUST_AT_RIM = 0.5


def trust(n: int, dim: int) -> np.ndarray:
    """What deviations in each cell of a block count: 1, and `TRUST_AT_RIM` at its rim; float64 (n^dim,)."""
    weight = np.full((n,) * dim, TRUST_AT_RIM)
    weight[(slice(1, -1),) * dim] = 1.0
    return weight.reshape(-1)


def n_terms(dim: int) -> int:
    """Coefficients of the quadratic: 3, 6, 10 in 1D, 2D, 3D."""
    return (dim + 1) * (dim + 2) // 2


def terms(x: np.ndarray) -> np.ndarray:
    """What the coefficients multiply at the points x (dim, *shape), from the cell's centre in cells: (n_terms, *shape)."""
    dim = len(x)
    products = [x[a] * x[b] for a in range(dim) for b in range(a + 1, dim)]
    return np.stack([np.ones_like(x[0]), *x, *(x * x - _TWELFTH), *products])


def coefficients(averages: np.ndarray, dim: int) -> np.ndarray:
    """Coefficients of every cell, in the order of `terms`: A, the g_a, the s_a, the c_ab with a < b.

    Parameters
    ----------
    averages : float64 (..., n, ..., n)
        Blocks with ``dim`` cell axes, x last; at least 3 cells along each.

    Returns
    -------
    float64 (..., n_terms, n^dim)
    """
    lead = averages.shape[: averages.ndim - dim]
    out = np.empty((*lead, n_terms(dim), *averages.shape[averages.ndim - dim :]))
    piece: Any = (slice(None),) * len(lead)
    out[(*piece, 0)] = averages
    for a in range(dim):
        _slopes(averages, -1 - a, out[(*piece, 1 + a)], out[(*piece, 1 + dim + a)])
    place = 1 + 2 * dim
    for a in range(dim):
        for b in range(a + 1, dim):
            _slopes(out[(*piece, 1 + a)], -1 - b, out[(*piece, place)], None)
            place += 1
    return out.reshape(*lead, n_terms(dim), averages.shape[-1] ** dim)


def _slopes(values: np.ndarray, axis: int, slope: np.ndarray, bend: np.ndarray | None) -> None:
    """Write the slope and half the second difference of each cell along an axis."""
    v, g = np.moveaxis(values, axis, 0), np.moveaxis(slope, axis, 0)
    g[1:-1] = v[2:] - v[:-2]
    g[1:-1] *= 0.5
    # Parabolas of the second and the last but one cell, seen from the cells at the rim.
    first, last = v[0] - 2.0 * v[1] + v[2], v[-3] - 2.0 * v[-2] + v[-1]
    g[0], g[-1] = g[1] - first, g[-2] + last
    if bend is None:
        return
    s = np.moveaxis(bend, axis, 0)
    s[1:-1] = v[2:] - 2.0 * v[1:-1]
    s[1:-1] += v[:-2]
    s[0], s[-1] = first, last
    s *= 0.5


def face_gap(c: np.ndarray, dim: int, n: int) -> np.ndarray:
    """Half the largest jump of the reconstruction across the middles of a block's inner faces.

    Parameters
    ----------
    c : float64 (..., n_terms, n^dim)
        From `coefficients`.

    Returns
    -------
    float64 (...)
    """
    lead = c.shape[:-2]
    bend = c[..., 1 + dim : 1 + 2 * dim, :]
    middle = c[..., 0, :] - _TWELFTH * bend.sum(axis=-2)
    worst = np.zeros(lead)
    for a in range(dim):
        base = (middle + 0.25 * bend[..., a, :]).reshape(*lead, *(n,) * dim)
        slope = (0.5 * c[..., 1 + a, :]).reshape(base.shape)
        base, slope = np.moveaxis(base, -1 - a, 0), np.moveaxis(slope, -1 - a, 0)
        gap = np.abs((base[:-1] + slope[:-1]) - (base[1:] - slope[1:]))
        worst = np.maximum(worst, np.moveaxis(gap, 0, -1).reshape(*lead, -1).max(axis=-1))
    return 0.5 * worst


def reconstruct_at(averages: np.ndarray, block: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The reconstruction at points of single blocks.

    Parameters
    ----------
    averages : float64 (n_block, n_var, n, ..., n)
        With dim cell axes, x last.
    block : int (m,)
    x : float64 (dim, m)
        In cells from the lower corner of each block.

    Returns
    -------
    float64 (n_var, m)
    """
    dim, n = len(x), averages.shape[-1]
    cell = np.clip(np.floor(x).astype(np.int64), 0, n - 1)
    centre = np.clip(cell, 1, n - 2)
    offsets = np.indices((3,) * dim).reshape(dim, -1)[::-1] - 1
    near = tuple(centre[a][:, None] + offsets[a] for a in range(dim))[::-1]
    values = averages[(block[:, None], slice(None), *near)]  # (m, 3^dim, n_var)
    return np.einsum("omv,om->vm", np.swapaxes(values, 0, 1), _stencil(offsets, x - (centre + 0.5)))


def _stencil(offsets: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Weights (3^dim, m) of the averages at those offsets (dim, 3^dim) in the middle cell's quadratic at x (dim, m)."""
    dim = len(x)
    bend = 0.5 * (x * x - _TWELFTH)
    weight = np.zeros((offsets.shape[1], x.shape[1]))
    for place, offset in enumerate(offsets.T):
        away = np.flatnonzero(offset)
        if len(away) == 0:
            weight[place] = 1.0 - 2.0 * bend.sum(axis=0)
        elif len(away) == 1:
            weight[place] = 0.5 * offset[away[0]] * x[away[0]] + bend[away[0]]
        elif len(away) == 2 and dim > 1:
            weight[place] = 0.25 * offset[away].prod() * x[away].prod(axis=0)
    return weight
