"""Physical boundary conditions: the table of kinds and their application to all blocks of a rank at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amr._kernels.boundary import (
    CONSTANT,
    COPY,
    EXTRAPOLATE,
    MIRROR,
    NO_SLIP,
    BoundarySpec,
    boundary_coarse,
    boundary_fill,
    boundary_gather,
    boundary_scatter,
)
from amr._kernels.physics import is_physical
from amr.errors import CaseError, PluginError
from amr.plugins import describe

SIDES = ("lower", "upper")
AXES = "xyz"


@dataclass(frozen=True)
class Kind:
    """How C treats a kind of boundary: ghosts, and the coarse cells outside that give slopes at coarse-fine faces."""

    ghosts: int | None  # None: by a Python function
    coarse: int
    text: str


# The interior slope is kept where a function gives the ghosts, so that prolongation there stays exact for linear data; the other
# kinds are flat or symmetric at the boundary.
KINDS: dict[str, Kind] = {
    "periodic": Kind(COPY, COPY, "the opposite side; the mesh knows these neighbours, there are no ghosts outside"),
    "outflow": Kind(COPY, COPY, "ghosts copy the nearest interior cell"),
    "reflecting": Kind(MIRROR, MIRROR, "a rigid wall: mirror cells, normal velocity reversed"),
    "no_slip": Kind(NO_SLIP, NO_SLIP, "an adiabatic wall that the gas sticks to: mirror cells, velocity 2 v_wall - v"),
    "inflow": Kind(CONSTANT, COPY, "a constant state, given as primitive variables"),
    "dirichlet": Kind(CONSTANT, COPY, "variables held at a value on the side, for what diffuses; others flow out"),
    "neumann": Kind(COPY, COPY, "a flux into the domain, for what diffuses"),
    "robin": Kind(COPY, COPY, "a q + b (flux into the domain) = g, for what diffuses"),
    "function": Kind(None, EXTRAPOLATE, "f(x, t, w) gives the primitive variables of the ghosts"),
}


CONSTANT_KINDS = ("inflow", "dirichlet")
"""Kinds whose ghosts hold a given state."""
DIFFUSIVE_KINDS = ("dirichlet", "neumann", "robin")
"""Kinds for physics that diffuses."""


@dataclass(frozen=True)
class Condition:
    """Boundary condition of one direction.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    state : mapping, optional
        For "inflow" and "dirichlet": primitive variables by name (``velocity`` may be a vector). What is left out is taken from
        the interior. For "neumann": fluxes into the domain by variable; for "robin": g by variable. For "no_slip":
        ``velocity`` (dim,), that of the wall, along it; none for a wall at rest.
    robin : (float, float)
        a and b for "robin".
    function : callable, optional
        For "function": f(x (dim, m), t, w) -> dict. ``w`` holds the primitive variables of the mirror cells inside, (m,) each and
        ``velocity`` (dim, m); primitives missing from the result keep these values.
    name : str
        How messages name the function.
    """

    kind: str
    state: Mapping[str, Any] | None = None
    function: Callable[..., Mapping[str, Any]] | None = None
    name: str = ""
    robin: tuple[float, float] = (0.0, 1.0)


def no_slip_fault(physics: Any, given: Mapping[str, Any], axis: int) -> str:
    """What is wrong with ``{ kind = "no_slip", ... }`` on a side of ``axis``; empty if nothing is."""
    if physics.name != "navier_stokes":
        return f"no_slip needs physics navier_stokes, not {physics.name}: a gas without viscosity slips"
    if set(given) - {"velocity"}:
        return "no_slip takes the velocity of the wall and nothing else"
    velocity = given.get("velocity", [0.0] * physics.dim)
    if np.shape(velocity) != (physics.dim,) or not np.isfinite(np.asarray(velocity, dtype=float)).all():
        return f"velocity must be a list of {physics.dim}, one number per axis of the mesh"
    return "" if velocity[axis] == 0 else f"velocity must be 0 along {AXES[axis]}: a wall moves along itself"


class BoundaryFill:
    """Boundary conditions of a run.

    Parameters
    ----------
    physics : Physics
        For parity, conversion and the names of the primitive variables.
    layout : Layout
    geometry : Geometry
        ``lower`` is read; None does if no condition is a function.
    conditions : sequence of Condition or str
        One per direction (2 * axis + side); a string is a kind that needs nothing else.

    Raises
    ------
    CaseError
        Unknown kind, or state or function missing or in vain.
    """

    def __init__(self, physics: Any, layout: Any, geometry: Any, conditions: Sequence[Condition | str]) -> None:
        self.physics, self.layout, self.geometry = physics, layout, geometry
        self.conditions = [Condition(c) if isinstance(c, str) else c for c in conditions]
        if len(self.conditions) != 2 * layout.dim:
            raise CaseError(f"boundaries: {2 * layout.dim} conditions expected, got {len(self.conditions)}")
        n_var = layout.n_var
        kind, coarse = np.zeros(6, dtype=np.int32), np.zeros(6, dtype=np.int32)
        parity, state = np.ones((3, n_var)), np.zeros((6, n_var))
        self.functions: dict[int, tuple[Callable[..., Mapping[str, Any]], str]] = {}
        for direction, condition in enumerate(self.conditions):
            label = f"boundary {AXES[direction // 2]} {SIDES[direction % 2]}"
            self._check(condition, label)
            row = KINDS[condition.kind]
            kind[direction], coarse[direction] = COPY if row.ghosts is None else row.ghosts, row.coarse
            if condition.kind in CONSTANT_KINDS:
                assert condition.state is not None
                constant = self._constant_state(condition.state, label)
                if constant is None:
                    self.functions[direction] = (_Constant(condition.state), label)
                else:
                    state[direction] = constant
            elif condition.kind == "no_slip":
                state[direction] = self._wall(condition.state or {}, direction, label)
            elif condition.function is not None:
                self.functions[direction] = (
                    condition.function,
                    f"{label}: {condition.name or repr(condition.function)}",
                )
        for axis in range(layout.dim):
            parity[axis] = physics.parity(axis)
        self.spec = BoundarySpec(kind, parity, state)
        self.coarse_spec = BoundarySpec(coarse, parity, state)
        self.mask_spec = BoundarySpec(np.zeros(6, dtype=np.int32), np.ones((3, 1)), np.zeros((6, 1)))

    @staticmethod
    def _check(condition: Condition, label: str) -> None:
        if condition.kind not in KINDS:
            raise CaseError(f"{label}: unknown kind {condition.kind!r}; known: {', '.join(KINDS)}")
        kinds = ("inflow", *DIFFUSIVE_KINDS)
        if (condition.state is not None) != (condition.kind in kinds) and condition.kind != "no_slip":
            raise CaseError(f"{label}: a state belongs to the kinds {', '.join(kinds)} and to no other")
        if (condition.function is not None) != (condition.kind == "function"):
            raise CaseError(f"{label}: a function belongs to the kind 'function' and to no other")

    def _wall(self, given: Mapping[str, Any], direction: int, label: str) -> np.ndarray:
        """What C takes for a wall with no slip (n_var,): csrc/boundary.h."""
        if fault := no_slip_fault(self.physics, given, direction // 2):
            raise CaseError(f"{label}: {fault}")
        dim = self.physics.dim
        velocity = np.array(given.get("velocity", [0.0] * dim), dtype=float)
        row = np.zeros(self.physics.n_var)
        row[1 : dim + 1], row[dim + 1] = 2 * velocity, 2 * (velocity * velocity).sum()
        return row

    def _constant_state(self, state: Mapping[str, Any], label: str) -> np.ndarray | None:
        """Conserved inflow state (n_var,), or None if the state leaves some primitive to the interior."""
        known = np.full((len(self.physics.primitives), 1), np.nan)
        w = self._overlay(state, known, label, CaseError)
        return None if np.isnan(w).any() else np.asarray(self.physics.to_conserved(w))[:, 0]

    def _overlay(self, given: Any, w: np.ndarray, label: str, error: type[Exception]) -> np.ndarray:
        """Primitive array w (n_prim, m) with the variables of the dict ``given`` put in its place."""
        if not isinstance(given, Mapping):
            raise error(f"{label}: must give a dict of primitive variables, not {type(given).__name__}")
        result, m = w.copy(), w.shape[1]
        index = {name: [row] for row, name in enumerate(self.physics.primitives)}
        index.update({name: list(rows) for name, rows in self.physics.vectors.items()})
        for name, value in given.items():
            if name not in index:
                raise error(f"{label}: unknown primitive variable {name!r}; known: {', '.join(index)}")
            rows = index[name]
            is_vector = name in self.physics.vectors
            shape = (len(rows), m) if is_vector else (m,)
            try:
                array = np.asarray(value, dtype=np.float64)
                if is_vector and array.ndim == 1 and len(array) == len(rows):
                    array = array[:, None]
                result[rows] = np.broadcast_to(array, shape)
            except (TypeError, ValueError):
                raise error(f"{label}: {name} must have the shape {shape}, got {np.shape(value)}") from None
            if not np.isfinite(result[rows]).all():
                raise error(f"{label}: {name} is not finite")
        return result

    def evaluate(self, direction: int, x: np.ndarray, t: float, u: np.ndarray) -> np.ndarray:
        """Conserved ghost states (n_var, m) of a function condition at points x (dim, m), mirror states ``u`` (n_var, m).

        Raises
        ------
        PluginError
            The function failed or returned what it must not.
        """
        function, label = self.functions[direction]
        w = np.asarray(self.physics.to_primitive(u))
        try:
            given = function(x.copy(), t, self.physics.unpack_primitives(w))
        except (Exception, SystemExit) as error:
            raise PluginError(f"{label}: {describe(error)}") from error
        ghost = np.ascontiguousarray(self.physics.to_conserved(self._overlay(given, w, label, PluginError)))
        bad = ~is_physical(self.physics.spec, ghost)
        # Where the inside has no meaning either, the step is about to be rejected: the function is not to blame.
        if bad.any() and (bad := bad & is_physical(self.physics.spec, np.ascontiguousarray(u))).any():
            at = int(np.argmax(bad))
            state = np.asarray(self.physics.to_primitive(ghost[:, at : at + 1]))[:, 0]
            values = ", ".join(f"{n} = {v:.6g}" for n, v in zip(self.physics.primitives, state, strict=True))
            place = ", ".join(f"{each:.6g}" for each in x[:, at])
            raise PluginError(f"{label}: gave a state without meaning, {values}, at t = {t:.9g}, x = ({place})")
        return ghost

    def states(self, direction: int, x: np.ndarray, t: float, u: np.ndarray) -> np.ndarray:
        """As `evaluate`, for points x (dim, m, nk, nj, ni) and states ``u`` (m, n_var, nk, nj, ni) of blocks; of their shape."""
        inside = np.moveaxis(u, 1, 0)
        found = self.evaluate(
            direction, x.reshape(len(x), -1), t, np.ascontiguousarray(inside.reshape(len(inside), -1))
        )
        return np.moveaxis(found.reshape(inside.shape), 0, 1)

    def coarse(self, layout: Any, pool: np.ndarray, ops: np.ndarray, is_mask: bool = False) -> None:
        """Fill the layers of the coarse pool outside the domain (rows of `amr.scheme.ops.wall_ops`). In place."""
        boundary_coarse(layout, pool, self.mask_spec if is_mask else self.coarse_spec, ops)

    def plan(self, ops: Sequence[np.ndarray], level: np.ndarray, coords: np.ndarray) -> BoundaryPlan:
        """Prepare fills of the boxes ``ops`` (per direction) of blocks with the given level and coordinates (n_block, 3)."""
        return BoundaryPlan(self, ops, level, coords)


class _Constant:
    """An inflow state that leaves some variables (static ones) to the interior."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)

    def __call__(self, x: np.ndarray, t: float, w: Mapping[str, np.ndarray]) -> Mapping[str, Any]:
        return self.state


class BoundaryPlan:
    """Boundary boxes of one mesh, made by `BoundaryFill.plan`; C fills an axis at a time, a function is called once per side."""

    def __init__(self, fill: BoundaryFill, ops: Sequence[np.ndarray], level: np.ndarray, coords: np.ndarray) -> None:
        self._fill = fill
        self._ops = ops
        self._by_axis = [np.concatenate(ops[2 * a : 2 * a + 2]) for a in range(fill.layout.dim)]
        self._in_c = [
            np.concatenate([ops[d] for d in (2 * a, 2 * a + 1) if d not in fill.functions] or [ops[0][:0]])
            for a in range(fill.layout.dim)
        ]
        self._points = {d: self._cell_centers(ops[d], level, coords) for d in fill.functions if len(ops[d])}

    def _cell_centers(self, ops: np.ndarray, level: np.ndarray, coords: np.ndarray) -> np.ndarray:
        """Centres (dim, m) of the ghost cells, wrapped along periodic axes.

        From integer positions, so that a cell that two blocks see has one centre to the last bit.
        """
        layout, geometry, block = self._fill.layout, self._fill.geometry, ops[:, 1]
        spacing = geometry.spacing(level[block])
        size = ops[:, 8:11].astype(np.int64)
        cells = size.prod(axis=1)
        owner = np.repeat(np.arange(len(ops)), cells)
        p = np.arange(len(owner)) - np.repeat(np.cumsum(cells) - cells, cells)
        x = np.empty((layout.dim, len(owner)))
        for a in range(layout.dim):
            i = p % size[owner, a] + ops[owner, 5 + a]
            p = p // size[owner, a]
            position = coords[block, a].astype(np.int64)[owner] * layout.n + i
            if self._fill.conditions[2 * a].kind == "periodic":
                position %= np.rint((geometry.upper[a] - geometry.lower[a]) / spacing[:, a]).astype(np.int64)[owner]
            x[a] = geometry.lower[a] + (position + 0.5) * spacing[owner, a]
        return x

    def fill(self, u: np.ndarray, t: float) -> None:
        """Fill the ghosts outside the domain. In place, not collective; raises PluginError from a boundary function."""
        fill = self._fill
        for axis, ops in enumerate(self._in_c):
            boundary_fill(fill.layout, u, fill.spec, ops)
            for direction in (2 * axis, 2 * axis + 1):
                if direction in self._points:
                    x = self._points[direction]
                    mirror = np.empty((fill.layout.n_var, x.shape[1]))
                    boundary_gather(fill.layout, u, mirror, self._ops[direction])
                    boundary_scatter(fill.layout, u, fill.evaluate(direction, x, t, mirror), self._ops[direction])

    def fill_mask(self, layout: Any, mask: np.ndarray) -> None:
        """Copy the nearest interior cell to every ghost outside the domain (``layout`` has one variable). In place."""
        for ops in self._by_axis:
            boundary_fill(layout, mask, self._fill.mask_spec, ops)
