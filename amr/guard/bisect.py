"""Cells that their Gauss points do not do justice to, bisected until they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from amr.guard.nodes import gauss_points, lagrange, mean_of_points

if TYPE_CHECKING:
    from amr.guard.counted import CountedFunction

DEPTH = {1: 4, 2: 3, 3: 2}
"""Most bisections by dimension. A jump cuts 2^((dim - 1) depth) of the pieces, each with an error of its own of their volume, so
that errors add up to 2^(-depth (dim + 1) / 2) of the jump: less than a tenth for these."""
_CHUNK = 1 << 14


def lebesgue(n: int) -> float:
    """Lebesgue constant on [0, 1] of the polynomial through n Gauss nodes: taken at the ends."""
    return float(np.abs(lagrange(n, np.array(0.0))).sum())


def lagrange_gap(gauss: np.ndarray, jitter: np.ndarray, t: np.ndarray, n: int) -> np.ndarray:
    """Largest difference between jittered values of a cell and the polynomial through its Gauss values.

    Parameters
    ----------
    gauss : float64 (m, n^dim), jitter : float64 (m, n_jitter)
        Values of m cells.
    t : float64 (dim, m, n_jitter)
        Where the jittered points lie in [0, 1]^dim.
    n : int
        Gauss points per axis.

    Returns
    -------
    float64 (m,)
    """
    value = gauss[:, :, None]
    for position in t[::-1]:  # the last axis of the points is the fastest
        value = np.einsum("mpaj,amj->mpj", value.reshape(len(gauss), -1, n, value.shape[-1]), lagrange(n, position))
    return np.abs(value[:, 0] - jitter).max(axis=-1)


def bisected_averages(sampled: CountedFunction, level: np.ndarray, index: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Averages of cells from those of their 2^dim parts, which are bisected again where they are as rough.

    Parameters
    ----------
    sampled : CountedFunction
        What is evaluated, and where.
    level : int (m,), index : int64 (dim, m)
        The cells.
    limit : float64 (n_var,)
        A cell is rough when a jittered value is farther than that from the polynomial of the Gauss values.

    Returns
    -------
    float64 (n_var, m)
    """
    per_cell = 2**sampled.dim * (sampled.quadrature**sampled.dim + sampled.lattice.n_jitter)
    chunk = max(1, _CHUNK // per_cell)
    parts = [
        _bisect(sampled, level[i : i + chunk], index[:, i : i + chunk], limit, DEPTH[sampled.dim])
        for i in range(0, len(level), chunk)
    ]
    return np.concatenate(parts, axis=1) if parts else np.empty((sampled.n_var, 0))


def _bisect(
    sampled: CountedFunction, level: np.ndarray, index: np.ndarray, limit: np.ndarray, depth: int
) -> np.ndarray:
    dim, q = sampled.dim, sampled.quadrature
    corners = np.indices((2,) * dim).reshape(dim, 1, -1)
    level = np.repeat(level + 1, 2**dim)
    index = (2 * index[:, :, None] + corners).reshape(dim, -1)
    node, weight = gauss_points(dim, q)
    t = sampled.lattice.jitter(level, index)
    t_all = np.concatenate([np.broadcast_to(node[:, None, :], (*index.shape, node.shape[1])), t], axis=-1)
    u = sampled.function(sampled.lattice.points(level[:, None], index[..., None], t_all))
    gauss, jitter = u[..., : node.shape[1]], u[..., node.shape[1] :]
    mean = mean_of_points(gauss, weight)
    if depth > 1:
        gaps = [lagrange_gap(gauss[v], jitter[v], t, q) for v in range(sampled.n_var)]
        rough = np.flatnonzero((np.stack(gaps) > limit[:, None]).any(axis=0))
        if len(rough):
            mean[:, rough] = _bisect(sampled, level[rough], index[:, rough], limit, depth - 1)
    parts = np.sort(mean.reshape(sampled.n_var, -1, 2**dim), axis=-1)  # the order of the axes leaves no trace
    return parts[..., 0] + (parts - parts[..., :1]).sum(axis=-1) * 2.0**-dim
