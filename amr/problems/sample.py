"""Cell averages of a state given as a function of position, by Gauss-Legendre points, and error norms against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from amr.errors import CaseError, PluginError
from amr.guard.nodes import cell_points, gauss_points, mean_of_points
from amr.physics.base import Physics
from amr.plugins import describe
from amr.problems.base import State

CHUNK_POINTS = 1 << 14
"""Points evaluated at once: a variable of them stays in a cache, and the memory of a large mesh is not multiplied."""


def average_pieces(
    function: Callable[[np.ndarray], State],
    physics: Physics,
    corner: np.ndarray,
    spacing: np.ndarray,
    n: int,
    quadrature: int = 3,
    name: str = "problem",
) -> Iterator[tuple[slice, np.ndarray]]:
    """Cell averages of the conserved variables over whole blocks, some blocks at a time.

    Parameters
    ----------
    function : callable
        Points x (dim, m) -> mapping of primitive variable to values.
    physics : Physics
        Packs primitives and makes conserved variables of them.
    corner, spacing : float64 (n_block, >= dim)
        Lower corner of each block's interior and its cell size per axis.
    n : int
        Cells per axis of a block.
    quadrature : int
        Gauss points per axis and cell.
    name : str
        What to call ``function`` in an error.

    Yields
    ------
    blocks : slice
        Which blocks; no more than make ``CHUNK_POINTS`` points (at least one).
    averages : float64 (m, n_var, n, ..., n)
        With ``dim`` cell axes, x last. Not collective. A state that is constant over a cell is returned to the last bit, and
        the sum over the points does not depend on the order of the axes, so that symmetric states stay symmetric.

    Raises
    ------
    PluginError
        The function failed or returned what it must not.
    """
    n_block, dim = corner.shape[0], physics.dim
    node, weight = gauss_points(dim, quadrature)
    n_point = node.shape[1]
    chunk = max(1, CHUNK_POINTS // (n_point * n**dim))
    # Without blocks (more ranks than blocks) the user's function is not called: it may fail on nothing.
    for first in range(0, n_block, chunk):
        blocks = slice(first, min(first + chunk, n_block))
        x = cell_points(corner[blocks], spacing[blocks], n, node).reshape(dim, -1)
        u = conserved_state(function, physics, x, name).reshape(physics.n_var, -1, n_point)
        yield blocks, np.moveaxis(mean_of_points(u, weight).reshape(physics.n_var, -1, *(n,) * dim), 0, 1)


def conserved_state(function: Callable[[np.ndarray], State], physics: Physics, x: np.ndarray, name: str) -> np.ndarray:
    """Conserved variables (n_var, m) of the function's state at the points x (dim, m). Not collective.

    Raises
    ------
    PluginError
        The function failed or returned what it must not.
    """
    m = x.shape[1]
    try:
        state = function(x)
        given = {variable: np.asarray(value, dtype=float) for variable, value in dict(state).items()}
    except (Exception, SystemExit) as fault:
        raise PluginError(f"{name}: {describe(fault)}") from fault
    for variable, value in given.items():
        if value.shape not in ((), (m,), (x.shape[0],), (x.shape[0], m)):
            raise PluginError(
                f"{name}: {variable} has shape {value.shape} for {m} points; expected ({m},), or ({x.shape[0]}, {m}) for a vector"
            )
        bad = ~np.isfinite(value)
        if bad.any():
            at = x[:, int(np.argmax(np.atleast_2d(bad).any(axis=0)))] if value.shape[-1:] == (m,) else x[:, 0]
            raise PluginError(f"{name}: {variable} is not finite at x = ({', '.join(f'{c:.6g}' for c in at)})")
    # Constants fill the points; passive scalars that are not given are 0.
    full = {k: np.broadcast_to(v, (m,)) if v.ndim == 0 else v for k, v in given.items()}
    for scalar in getattr(physics.parameters, "scalars", ()):
        full.setdefault(scalar, np.zeros(m))
    try:
        return physics.to_conserved(physics.pack_primitives(full, m))
    except CaseError as fault:
        raise PluginError(f"{name}: " + "; ".join(str(fault).splitlines())) from fault


def error_sums(u: np.ndarray, exact: np.ndarray, volume: np.ndarray) -> dict[str, np.ndarray]:
    """Contributions of each local block to the error norms; not collective.

    Parameters
    ----------
    u, exact : float64 (n_block, n_var, ...)
        Interior cell averages.
    volume : float64 (n_block,)
        Volume of one cell of each block.

    Returns
    -------
    dict of str to float64 (n_block, n_var)
        ``L1``: sum of |u - exact| volume; ``L2``: sum of the squares times volume; ``Linf``: maximum. The norms are
        sum(L1)/V, sqrt(sum(L2)/V) and max(Linf) with V the volume of the domain, summed in SFC order by the caller.
    """
    difference = np.abs(u - exact).reshape(u.shape[0], u.shape[1], -1)
    cell = volume[:, None]
    return {
        "L1": difference.sum(axis=2) * cell,
        "L2": (difference * difference).sum(axis=2) * cell,
        "Linf": difference.max(axis=2, initial=0.0),
    }
