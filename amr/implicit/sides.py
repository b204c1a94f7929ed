"""Boundary conditions of elliptic operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from amr.errors import CaseError

AXES, SIDES = "xyz", ("lower", "upper")
Value = float | Callable[[np.ndarray, float], np.ndarray | float]


@dataclass(frozen=True)
class Side:
    """Robin's condition ``a phi + b dphi/dn = g`` on a side of the domain, with the outward normal n.

    Attributes
    ----------
    a, b : float
        At least 0 and not both 0.
    g : float or callable
        A constant or ``g(x, t)`` of points x (dim, m) on the side: (m,) or one number.
    """

    a: float
    b: float
    g: Value = 0.0


def dirichlet(value: Value = 0.0) -> Side:
    """``phi = value``."""
    return Side(1.0, 0.0, value)


def neumann(slope: Value = 0.0) -> Side:
    """``dphi/dn = slope``, outwards: the flux beta dphi/dn comes into the domain where it is positive."""
    return Side(0.0, 1.0, slope)


def check_sides(boundaries: Sequence[Side | str], periodic: Sequence[bool]) -> tuple[Side | None, ...]:
    """One condition per direction (2 axis + side), None where the axis is periodic.

    Parameters
    ----------
    boundaries : sequence of Side or "periodic"
    periodic : sequence of bool
        Of the mesh, per active axis.

    Raises
    ------
    CaseError
    """
    if len(boundaries) != 2 * len(periodic):
        raise CaseError(f"{len(boundaries)} boundary conditions for {2 * len(periodic)} sides")
    sides: list[Side | None] = []
    for direction, given in enumerate(boundaries):
        label = f"boundary {AXES[direction // 2]} {SIDES[direction % 2]}"
        is_periodic = periodic[direction // 2]
        if is_periodic != (given == "periodic"):
            raise CaseError(f"{label}: {given!r} on a mesh that is {'' if is_periodic else 'not '}periodic there")
        if is_periodic:
            sides.append(None)
            continue
        if not isinstance(given, Side):
            raise CaseError(f"{label}: {given!r} is neither a Side nor 'periodic'")
        if not (0 <= given.a < np.inf and 0 <= given.b < np.inf and given.a + given.b > 0):
            raise CaseError(f"{label}: a = {given.a}, b = {given.b} must be at least 0 and not both 0")
        sides.append(given)
    return tuple(sides)
