"""Exact solutions of one-dimensional Riemann problems, vectorised over the sample points.

References: E. F. Toro, Riemann Solvers and Numerical Methods for Fluid Dynamics, 3rd ed., 2009, chapter 4 (Euler, with
vacuum: 4.6); Toro, Shock-Capturing Methods for Free-Surface Shallow Flows, 2001, chapter 5. s = x/t is the similarity variable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class GasState(NamedTuple):
    """Density, normal velocity and pressure (numbers or arrays)."""

    density: float | np.ndarray
    velocity: float | np.ndarray
    pressure: float | np.ndarray


class WaterState(NamedTuple):
    """Depth and normal velocity."""

    depth: float | np.ndarray
    velocity: float | np.ndarray


def _positive_root(f: Callable[[float], tuple[float, float]], guess: float) -> float:
    """Root of an increasing concave function of x > 0 by Newton, kept positive; ``f`` returns value and derivative."""
    x = guess
    for _ in range(200):
        value, slope = f(x)
        new = x - value / slope
        if new <= 0:
            new = 0.1 * x
        if abs(new - x) <= 1e-15 * (new + x):
            return new
        x = new
    return x


def _gas_branch(p: float, w: GasState, gamma: float) -> tuple[float, float]:
    """Toro (4.6), (4.7) and the derivative: the velocity jump over the wave from ``w`` to pressure p."""
    rho, pk = float(w.density), float(w.pressure)
    if p > pk:
        a = 2 / ((gamma + 1) * rho)
        b = (gamma - 1) / (gamma + 1) * pk
        root = np.sqrt(a / (p + b))
        return (p - pk) * root, root * (1 - (p - pk) / (2 * (p + b)))
    c = np.sqrt(gamma * pk / rho)
    ratio = p / pk
    return 2 * c / (gamma - 1) * (ratio ** ((gamma - 1) / (2 * gamma)) - 1), ratio ** (-(gamma + 1) / (2 * gamma)) / (
        rho * c
    )


def gas_star(left: GasState, right: GasState, gamma: float) -> tuple[float, float] | None:
    """Pressure and velocity between the waves; None when a vacuum opens."""
    cl, cr = (np.sqrt(gamma * w.pressure / w.density) for w in (left, right))
    du = float(right.velocity - left.velocity)
    if 2 * (cl + cr) / (gamma - 1) <= du:
        return None

    def jump(p: float) -> tuple[float, float]:
        (fl, dl), (fr, dr) = _gas_branch(p, left, gamma), _gas_branch(p, right, gamma)
        return fl + fr + du, dl + dr

    # The two-rarefaction guess is never above the root by more than the shocks add: Newton climbs from it.
    z = (gamma - 1) / (2 * gamma)
    guess = ((cl + cr - 0.5 * (gamma - 1) * du) / (cl / left.pressure**z + cr / right.pressure**z)) ** (1 / z)
    p = _positive_root(jump, float(guess))
    u = 0.5 * (left.velocity + right.velocity) + 0.5 * (
        _gas_branch(p, right, gamma)[0] - _gas_branch(p, left, gamma)[0]
    )
    return p, float(u)


def _gas_side(s: np.ndarray, w: GasState, star: tuple[float, float] | None, gamma: float) -> GasState:
    """Left half of the solution: from ``w`` to the contact (or the vacuum), for s left of it."""
    rho, u, p = map(float, w)
    c = np.sqrt(gamma * p / rho)
    g1 = (gamma - 1) / (gamma + 1)
    if star is not None and star[0] > p:
        ratio = star[0] / p
        speed = u - c * np.sqrt((gamma + 1) / (2 * gamma) * ratio + (gamma - 1) / (2 * gamma))
        ahead = s < speed
        density = np.where(ahead, rho, rho * (ratio + g1) / (g1 * ratio + 1))
        return GasState(density, np.where(ahead, u, star[1]), np.where(ahead, p, star[0]))
    tail = u + 2 * c / (gamma - 1) if star is None else star[1] - c * (star[0] / p) ** ((gamma - 1) / (2 * gamma))
    fan = np.clip(s, u - c, tail)
    factor = np.maximum(2 / (gamma + 1) + g1 / c * (u - fan), 0.0)
    velocity = 2 / (gamma + 1) * (c + 0.5 * (gamma - 1) * u + fan)
    velocity = np.where(s <= u - c, u, velocity)
    density = rho * factor ** (2 / (gamma - 1))
    pressure = p * factor ** (2 * gamma / (gamma - 1))
    if star is not None:  # behind the fan the star values themselves, free of the round-off of the powers
        behind = s >= tail
        density = np.where(behind, rho * (star[0] / p) ** (1 / gamma), density)
        velocity, pressure = np.where(behind, star[1], velocity), np.where(behind, star[0], pressure)
    return GasState(density, velocity, pressure)


def gas(s: np.ndarray, left: GasState, right: GasState, gamma: float) -> tuple[GasState, np.ndarray]:
    """Exact solution of the Euler equations at s = x/t.

    Returns
    -------
    GasState
        Arrays shaped like s. Inside a vacuum density and pressure are 0.
    ndarray of bool
        Where s is left of the contact, for tangential velocities and passive scalars.
    """
    star = gas_star(left, right, gamma)
    if star is None:
        contact_left = float(left.velocity + 2 * np.sqrt(gamma * left.pressure / left.density) / (gamma - 1))
        contact_right = float(right.velocity - 2 * np.sqrt(gamma * right.pressure / right.density) / (gamma - 1))
        is_left = s < 0.5 * (contact_left + contact_right)
    else:
        is_left = s < star[1]
    on_left = _gas_side(s, left, star, gamma)
    mirrored = GasState(right.density, -right.velocity, right.pressure)
    on_right = _gas_side(-s, mirrored, None if star is None else (star[0], -star[1]), gamma)
    return (
        GasState(
            np.where(is_left, on_left.density, on_right.density),
            np.where(is_left, on_left.velocity, -np.asarray(on_right.velocity)),
            np.where(is_left, on_left.pressure, on_right.pressure),
        ),
        is_left,
    )


def _water_branch(h: float, w: WaterState, gravity: float) -> tuple[float, float]:
    hk = float(w.depth)
    if h > hk:
        root = np.sqrt(0.5 * gravity * (h + hk) / (h * hk))
        return (h - hk) * root, root - 0.25 * gravity * (h - hk) / (h * h * root)
    return 2 * (np.sqrt(gravity * h) - np.sqrt(gravity * hk)), np.sqrt(gravity / h)


def water_star(left: WaterState, right: WaterState, gravity: float) -> tuple[float, float] | None:
    """Depth and velocity between the waves; None when the bed falls dry."""
    cl, cr = np.sqrt(gravity * left.depth), np.sqrt(gravity * right.depth)
    du = float(right.velocity - left.velocity)
    if 2 * (cl + cr) <= du:
        return None

    def jump(h: float) -> tuple[float, float]:
        (fl, dl), (fr, dr) = _water_branch(h, left, gravity), _water_branch(h, right, gravity)
        return fl + fr + du, dl + dr

    h = _positive_root(jump, float((0.5 * (cl + cr) - 0.25 * du) ** 2 / gravity))
    u = 0.5 * (left.velocity + right.velocity) + 0.5 * (
        _water_branch(h, right, gravity)[0] - _water_branch(h, left, gravity)[0]
    )
    return h, float(u)


def _water_side(s: np.ndarray, w: WaterState, star: tuple[float, float] | None, gravity: float) -> WaterState:
    h, u = map(float, w)
    c = np.sqrt(gravity * h)
    if star is not None and star[0] > h:
        speed = u - c * np.sqrt(0.5 * star[0] * (star[0] + h)) / h
        return WaterState(np.where(s < speed, h, star[0]), np.where(s < speed, u, star[1]))
    tail = u + 2 * c if star is None else star[1] - np.sqrt(gravity * star[0])
    fan = np.clip(s, u - c, tail)
    depth, velocity = ((u + 2 * c - fan) / 3) ** 2 / gravity, (u + 2 * c + 2 * fan) / 3
    depth, velocity = np.where(s <= u - c, h, depth), np.where(s <= u - c, u, velocity)
    if star is not None:
        depth, velocity = np.where(s >= tail, star[0], depth), np.where(s >= tail, star[1], velocity)
    return WaterState(depth, velocity)


def water(s: np.ndarray, left: WaterState, right: WaterState, gravity: float) -> tuple[WaterState, np.ndarray]:
    """Exact solution of the shallow-water equations on a flat bed at s = x/t, and where s is left of the contact."""
    star = water_star(left, right, gravity)
    if star is None:
        edges = left.velocity + 2 * np.sqrt(gravity * left.depth), right.velocity - 2 * np.sqrt(gravity * right.depth)
        is_left = s < 0.5 * (edges[0] + edges[1])
    else:
        is_left = s < star[1]
    on_left = _water_side(s, left, star, gravity)
    mirrored = WaterState(right.depth, -right.velocity)
    on_right = _water_side(-s, mirrored, None if star is None else (star[0], -star[1]), gravity)
    return (
        WaterState(
            np.where(is_left, on_left.depth, on_right.depth),
            np.where(is_left, on_left.velocity, -np.asarray(on_right.velocity)),
        ),
        is_left,
    )


def burgers(s: np.ndarray, left: float, right: float) -> np.ndarray:
    """Exact solution of u_t + (u^2/2)_x = 0 at s = x/t: a shock when left > right, else a rarefaction."""
    if left > right:
        return np.where(s < 0.5 * (left + right), left, right)
    return np.clip(s, left, right)
