"""What a problem is: parameters checked by pydantic, an initial state, and where known an exact state and boundary states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, PrivateAttr, WithJsonSchema
from pydantic_core import PydanticCustomError

from amr.names import suggestion
from amr.physics.euler import GASES

State = Mapping[str, Any]
"""Primitive variable -> array (m,) or number; a vector such as ``velocity`` -> array (dim, m) or a list of dim numbers."""

BoundaryFunction = Callable[[np.ndarray, float, State], State]
"""``f(x, t, w)``: x (dim, m) points outside the domain, w the mirror state inside; returns the state at x."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _state_table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PydanticCustomError("state", "must be a table of variables, such as {{ density = 1.0, ... }}")
    for name, entry in value.items():
        if not _is_number(entry) and not (isinstance(entry, list) and entry and all(map(_is_number, entry))):
            raise PydanticCustomError("state", "{name} must be a finite number or a list of them", {"name": name})
    return value


_NUMBER_OR_LIST = {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}
StateTable = Annotated[
    dict[str, Any],
    PlainValidator(_state_table),
    WithJsonSchema({"type": "object", "additionalProperties": _NUMBER_OR_LIST}),
]
"""A constant state in a case file: ``{ density = 1.0, velocity = [0.0], pressure = 1.0 }``."""


@dataclass(frozen=True)
class Setting:
    """What a problem may know of the rest of the case.

    Attributes
    ----------
    dim : int
    physics : str
        Name of the equation set.
    params : Any
        Its validated parameters, by attribute (``gamma``, ``gravity``, ``sound_speed`` ...).
    primitives : tuple of str
        Names of its primitive variables; a vector has one name per component (``velocity_x`` ...).
    lower, upper : ndarray (dim,)
        Corners of the domain.
    periodic : tuple of bool
        Per axis.
    gravity : ndarray (dim,)
        Sum of the gravity sources; zero without one.
    self_gravity : float
        Constant G of self-gravity; zero without.
    energy : callable or None
        Of the physics, where it has a landscape: points (dim, m) to (m,).
    """

    dim: int
    physics: str
    params: Any
    primitives: tuple[str, ...]
    lower: np.ndarray
    upper: np.ndarray
    periodic: tuple[bool, ...]
    gravity: np.ndarray
    self_gravity: float = 0.0
    energy: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def length(self) -> np.ndarray:
        """Size of the domain per axis."""
        return self.upper - self.lower


@dataclass(frozen=True)
class ProblemFault:
    """A parameter that does not fit the rest of the case: its key below ``[problem]``, its value and what is wrong."""

    key: str
    value: Any
    text: str


class Problem(BaseModel):
    """Base of all problems. The fields are the keys of ``[problem]``; `bind` ties them to a case.

    Not collective; nothing is changed in place.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    requires: ClassVar[tuple[str, ...]] = ()
    """Names of the physics it is made for; empty: any."""
    dims: ClassVar[tuple[int, ...]] = (1, 2, 3)
    summary: ClassVar[str] = ""
    quadrature: int = Field(
        0,
        ge=0,
        le=16,
        description="Gauss points per axis and cell that the initial state is averaged over; 0: 3, in 3D 2",
    )

    _setting: Setting | None = PrivateAttr(default=None)

    @property
    def setting(self) -> Setting:
        """The case it was bound to."""
        if self._setting is None:
            raise RuntimeError("a problem must be bound to a case before use")
        return self._setting

    def bind(self, setting: Setting) -> Problem:
        """A copy of this problem that knows the case."""
        default = 2 if setting.dim == 3 else 3
        bound = self.model_copy(update={"quadrature": self.quadrature or default})
        bound._setting = setting
        return bound

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        """Parameters that do not fit the case, one by one."""
        yield from ()

    def initial(self, x: np.ndarray) -> State:
        """State at the start time at points x (dim, m)."""
        raise TypeError(f"{type(self).__name__} defines no initial state")

    def has_exact(self, t: float) -> bool:
        """Whether `exact` is known at time t."""
        return False

    def exact(self, x: np.ndarray, t: float) -> State:
        """Exact state at points x (dim, m) and time t since the start; only where `has_exact`."""
        raise ValueError(f"no exact state is known at t = {t:.9g}")

    def boundary(self, direction: int) -> BoundaryFunction | None:
        """State outside the domain side ``direction`` = 2*axis + side, or None where the problem gives none.

        Without a rule of its own a problem with an exact state gives that.
        """
        if not self.has_exact(0.0):
            return None
        return lambda x, t, w: self.exact(x, t)


def filled(value: float, like: np.ndarray) -> np.ndarray:
    """Array (m,) of ``value`` for points like (dim, m)."""
    return np.full(like.shape[1], float(value))


def displacement(x: np.ndarray, center: list[float] | np.ndarray, setting: Setting) -> np.ndarray:
    """Vectors (dim, m) from ``center`` to the points, in periodic axes from its nearest image."""
    d = x - np.asarray(center, dtype=float)[:, None]
    for axis in np.flatnonzero(setting.periodic):
        length = setting.length[axis]
        # Few points need another image: cheaper than rounding all.
        far = np.abs(d[axis]) > 0.5 * length
        if far.any():
            d[axis, far] -= length * np.rint(d[axis, far] / length)
    return d


def symmetric_sum(terms: np.ndarray) -> np.ndarray:
    """Sum over the axes, (dim, m) -> (m,), with the same bits whatever the order of the axes."""
    if len(terms) < 3:
        return terms.sum(axis=0)
    low, high = np.minimum(terms[0], terms[1]), np.maximum(terms[0], terms[1])
    middle = np.maximum(low, np.minimum(high, terms[2]))
    return np.minimum(low, terms[2]) + middle + np.maximum(high, terms[2])


def radius(d: np.ndarray) -> np.ndarray:
    """Length (m,) of vectors (dim, m), with the same bits whatever the order of the axes."""
    return np.sqrt(symmetric_sum(d * d))


def at_rest(x: np.ndarray) -> np.ndarray:
    """Velocity 0 (dim, m)."""
    return np.zeros_like(x)


def vector_faults(key: str, value: Any, dim: int) -> Iterator[ProblemFault]:
    """The fault of a vector that has not one component per axis."""
    if value is not None and len(value) != dim:
        yield ProblemFault(key, value, f"needs {dim} component{'s' * (dim > 1)}, one per axis of the mesh")


def components(name: str, primitives: tuple[str, ...]) -> list[str]:
    """Component names of a vector: ``velocity`` -> those of velocity_x, velocity_y, velocity_z that exist."""
    return [c for c in (f"{name}_{axis}" for axis in "xyz") if c in primitives]


def known_names(primitives: tuple[str, ...]) -> list[str]:
    """The names a user may give a state by: ``velocity`` stands for its components."""
    names: list[str] = []
    for primitive in primitives:
        base = primitive[:-2] if primitive[-2:] in ("_x", "_y", "_z") else primitive
        if base not in names:
            names.append(base)
    return names


def state_faults(key: str, state: Mapping[str, Any], setting: Setting, whole: bool = True) -> Iterator[ProblemFault]:
    """Faults of a constant state: unknown or (if ``whole``) missing variables, wrong lengths, values without meaning.

    Passive scalars may be left out: they are 0 then.
    """
    names = known_names(setting.primitives)
    dim = setting.dim
    for name, value in state.items():
        numbers = value if isinstance(value, list) else [value]
        if not numbers or not all(map(_is_number, numbers)):
            yield ProblemFault(f"{key}.{name}", value, "must be a finite number or a list of them")
        elif name in setting.primitives and name not in names:  # a component: velocity_x
            if isinstance(value, list):
                yield ProblemFault(f"{key}.{name}", value, "must be a number")
        elif name not in names:
            text = f"unknown variable of {setting.physics}{suggestion(name, names)}"
            yield ProblemFault(f"{key}.{name}", value, text)
        elif components(name, setting.primitives):
            if not isinstance(value, list) or len(value) != dim:
                yield ProblemFault(f"{key}.{name}", value, f"must be a list of {dim}, one number per axis of the mesh")
        elif isinstance(value, list):
            yield ProblemFault(f"{key}.{name}", value, "must be a number, not a list")
        elif name in _positive(setting.physics) and not value > 0:
            yield ProblemFault(f"{key}.{name}", value, "must be positive")
    for name in names if whole else ():
        parts = components(name, setting.primitives)
        given = name in state or (parts and all(part in state for part in parts))
        if not given and name not in getattr(setting.params, "scalars", ()):
            yield ProblemFault(f"{key}.{name}", None, f"missing variable of {setting.physics}")


def _positive(physics: str) -> tuple[str, ...]:
    return {**dict.fromkeys(GASES, ("density", "pressure")), "shallow_water": ("depth",)}.get(physics, ())


def full_state(state: Mapping[str, Any], setting: Setting) -> dict[str, float]:
    """Every primitive variable by component name; what is not given is 0."""
    values = dict.fromkeys(setting.primitives, 0.0)
    for name, value in state.items():
        if isinstance(value, list):
            values.update(zip(components(name, setting.primitives), map(float, value), strict=True))
        else:
            values[name] = float(value)
    return values
