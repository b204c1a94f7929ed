"""What every equation set offers to the rest of the program: names, parities, conversions between variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from amr._kernels import physics as _c
from amr.errors import CaseError
from amr.names import suggestion
from amr.physics.diffusivity import Diffusivity

AXES = "xyz"
MAX_VAR = 16
NamedSource = tuple[str, Callable[..., Mapping[str, Any]]]
"""A name and a function ``f(x, t, w)`` of rates (`amr.physics.sources.SourceFunction`)."""


class ParameterModel(BaseModel):
    """Base of the parameter models: unknown keys are refused, NaN and infinity too."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


def components(name: str, dim: int) -> tuple[str, ...]:
    """Names of the components of a vector, ``velocity`` -> ``("velocity_x", "velocity_y")`` in 2D."""
    return tuple(f"{name}_{AXES[axis]}" for axis in range(dim))


def named_model(
    key: str, given: dict[str, Any] | str, known: Mapping[str, type[BaseModel]], strict: bool = False
) -> tuple[str, Any]:
    """Name and model that the parameter ``key``, a name or a table ``{ name = ..., ... }``, picks from a table of models.

    Raises
    ------
    CaseError
        An unknown name, or the faults of its keys, one line each.
    """
    table = {"name": given} if isinstance(given, str) else given
    name = table.get("name")
    if not isinstance(name, str) or name not in known:
        hint = suggestion(name, known) if isinstance(name, str) else f"; there are {', '.join(known)}"
        raise CaseError(f"physics.{key}: unknown {key} {name!r}{hint}")
    try:
        return name, known[name].model_validate({k: v for k, v in table.items() if k != "name"}, strict=strict)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        lines = [f"physics.{key}.{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}" for each in faults]
        raise CaseError("\n".join(lines)) from None


class Physics:
    """An equation set in ``dim`` dimensions with its parameters.

    Attributes
    ----------
    name : str
        Name in the case file.
    dim : int
    parameters : ParameterModel
        The validated parameters.
    spec : amr._kernels.physics.PhysicsSpec
        What the kernels receive.
    variables, primitives : tuple of str
        Names of the stored (conserved) and of the primitive variables, in storage order; both have ``n_var`` entries.
    vectors : dict of str to tuple of int
        Vector groups among the primitives: name without component -> indices, one per axis (``velocity``).
    conserved_vectors : dict of str to tuple of int
        The same among the conserved variables (``momentum``).
    static : tuple of int
        Variables that are stored but do not evolve (they have no flux).
    indicator_variables : tuple of str
        Primitives that refinement looks at unless the case says otherwise.
    has_flux : bool
        Whether the equations have a hyperbolic flux.
    diffusivities : tuple of Diffusivity
        One per evolved variable where they diffuse, which the integrator "petsc" sees to; else empty.
    reactions : tuple of (name, function)
        Rates of change in a cell that belong to the equations.
    energy : callable or None
        Energy (m,) at points (dim, m) whose slope drives what diffuses down (`amr.physics.landscapes`).
    petsc_options : str
        Of PETSc, which those of the case come after and win.
    functions : dict
        Plugins of the parameters named by ``plugin_keys``, by their strings.
    is_viscous : bool
        Whether the step kernel has diffusive fluxes for it: these need an integrator with stages.
    """

    name: ClassVar[str]
    dims: ClassVar[tuple[int, ...]] = (1, 2, 3)
    is_viscous: ClassVar[bool] = False
    Parameters: ClassVar[type[ParameterModel]]
    has_flux: ClassVar[bool] = True
    plugin_keys: ClassVar[tuple[str, ...]] = ()
    petsc_options: ClassVar[str] = ""

    def __init__(
        self, dim: int, parameters: ParameterModel, functions: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        if dim not in self.dims:
            offered = " and ".join(f"{d}D" for d in self.dims)
            raise CaseError(f"physics.name = {self.name!r}: offered in {offered}, not in {dim}D")
        self.dim = dim
        self.parameters = parameters
        self.variables: tuple[str, ...] = ()
        self.primitives: tuple[str, ...] = ()
        self.vectors: dict[str, tuple[int, ...]] = {}
        self.conserved_vectors: dict[str, tuple[int, ...]] = {}
        self.static: tuple[int, ...] = ()
        self.indicator_variables: tuple[str, ...] = ()
        self.diffusivities: tuple[Diffusivity, ...] = ()
        self.reactions: tuple[NamedSource, ...] = ()
        self.energy: Callable[[np.ndarray], np.ndarray] | None = None
        self.functions = dict(functions or {})
        self.spec: _c.PhysicsSpec
        self._define()
        if len(set(self.primitives)) != len(self.primitives) or len(set(self.variables)) != len(self.variables):
            raise CaseError(f"physics: variable names must differ, not {', '.join(self.variables)}")

    def _define(self) -> None:
        """Set the names, the groups and ``spec`` from ``dim`` and ``parameters``."""
        raise TypeError(f"{type(self).__name__} must define its variables")

    @property
    def evolved(self) -> tuple[int, ...]:
        """Variables that are not static."""
        return tuple(v for v in range(self.n_var) if v not in self.static)

    @property
    def n_var(self) -> int:
        """Number of stored variables."""
        return len(self.variables)

    @property
    def wave_spec(self) -> _c.PhysicsSpec:
        """``spec`` without second derivatives: its signals are those of waves alone."""
        return self.spec

    def parity(self, axis: int) -> np.ndarray:
        """Sign of each conserved variable, float64 (n_var,), under reflection of ``axis``: -1 for normal components."""
        sign = np.ones(self.n_var)
        for indices in self.conserved_vectors.values():
            sign[indices[axis]] = -1.0
        return sign

    def to_conserved(self, w: np.ndarray) -> np.ndarray:
        """Conserved states of primitive states; shape (n_var, ...) in and out."""
        return self._convert(_c.to_conserved, w)

    def to_primitive(self, u: np.ndarray) -> np.ndarray:
        """Primitive states of conserved states; shape (n_var, ...) in and out."""
        return self._convert(_c.to_primitive, u)

    def is_physical(self, u: np.ndarray) -> np.ndarray:
        """Whether conserved states (n_var, ...) are admissible; bool (...)."""
        return _c.is_physical(self.spec, np.reshape(u, (self.n_var, -1))).reshape(np.shape(u)[1:])

    def max_signal(self, w: np.ndarray, axis: int) -> np.ndarray:
        """Largest absolute signal speed (...) along ``axis`` of primitive states (n_var, ...)."""
        return _c.max_signal(self.spec, axis, np.reshape(w, (self.n_var, -1))).reshape(np.shape(w)[1:])

    def _convert(self, function: Any, states: np.ndarray) -> np.ndarray:
        return function(self.spec, np.reshape(states, (self.n_var, -1))).reshape(np.shape(states))

    def pack_primitives(self, values: Mapping[str, Any], m: int | None = None) -> np.ndarray:
        """Primitive states (n_var, m) from a dict of scalars or arrays (m,) by name.

        A vector group may be given whole, ``velocity`` -> (dim,), (dim, m) or one scalar in 1D, or by component. In 2D and
        3D a group that is missing is a fault, like any other missing, unknown or misshapen entry.

        Raises
        ------
        CaseError
            One line per fault.
        """
        given, faults = self._split_vectors(values)
        faults += [
            f"{name}: not a primitive of {self.name} ({', '.join(self.primitives)})"
            for name in given
            if name not in self.primitives
        ]
        faults += [f"{name}: missing" for name in self.primitives if name not in given]
        arrays = {name: np.asarray(value, dtype=np.float64) for name, value in given.items() if name in self.primitives}
        if m is None:
            m = max((a.size for a in arrays.values()), default=1)
        faults += [
            f"{name}: shape {a.shape}, not ({m},)" for name, a in arrays.items() if a.shape not in ((), (1,), (m,))
        ]
        if faults:
            raise CaseError("\n".join(faults))
        return np.stack([np.broadcast_to(arrays[name], (m,)) for name in self.primitives])

    def _split_vectors(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        given, faults = dict(values), []
        for name, indices in self.vectors.items():
            if name not in given:
                continue
            whole = given.pop(name)
            parts = [whole] if self.dim == 1 and np.ndim(whole) == 0 else list(whole) if np.ndim(whole) else []
            if self.dim == 1 and len(parts) != 1 and np.ndim(whole) == 1:
                parts = [whole]  # (m,) for a vector of one component
            if len(parts) != self.dim:
                faults.append(f"{name}: {len(parts) or 'a scalar'} instead of {self.dim} components")
                parts = [0.0] * self.dim
            given.update({self.primitives[i]: part for i, part in zip(indices, parts, strict=True)})
        return given, faults

    def unpack_primitives(self, w: np.ndarray) -> dict[str, np.ndarray]:
        """Dict of views by name of primitive states (n_var, ...); vector groups whole, (dim, ...)."""
        grouped = {i for indices in self.vectors.values() for i in indices}
        out = {name: w[i] for i, name in enumerate(self.primitives) if i not in grouped}
        out.update({name: w[indices[0] : indices[-1] + 1] for name, indices in self.vectors.items()})
        return out
