"""The sections of a case file: every key, its type, its default and what it means. The only defaults of the program.

``[physics]``, ``[problem]``, the sources and the indicators have the keys of the model that their ``name`` picks from its table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError, core_schema

from amr.indicators.thresholds import MARKINGS
from amr.names import suggestion
from amr.physics.boundary import DIFFUSIVE_KINDS
from amr.scheme.flux import INTEGRATOR_NAMES, LIMITERS, RECONSTRUCTIONS, RIEMANN
from amr.scheme.transfer import PROLONGATIONS

BOUNDARY_KINDS = ("periodic", "outflow", "reflecting", "no_slip", "inflow", "problem", *DIFFUSIVE_KINDS)
STATE_KINDS = ("inflow", *DIFFUSIVE_KINDS)
OUTPUT_FORMATS = ("vtu", "vtkhdf", "vtkhdf-amr", "none")


class Section(BaseModel):
    """Base of the sections: unknown keys are faults, nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def wrong(text: str) -> PydanticCustomError:
    """A fault with a text of our own."""
    return PydanticCustomError("case", "{text}", {"text": text})


@dataclass(frozen=True)
class NameIn:
    """Mark of a field whose value is a name in a table."""

    what: str
    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.names)}

    def _check(self, value: str) -> str:
        if value not in self.names:
            raise wrong(f"unknown {self.what}{suggestion(value, self.names)}")
        return value


@dataclass(frozen=True)
class Form:
    """Mark of a field that may take several forms: ``check`` returns the value or raises `wrong`."""

    check: Callable[[Any], Any]
    schema: dict[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)


def _periodic(value: Any) -> bool | list[bool]:
    if isinstance(value, bool) or (isinstance(value, list) and value and all(isinstance(v, bool) for v in value)):
        return value
    raise wrong("must be true, false or a list of these, one per axis")


def _buffer(value: Any) -> int | str:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise wrong('must be "auto" or a number of cells >= 0')


def _condition(value: Any) -> dict[str, Any]:
    """A boundary condition in its table form: ``{"kind": name or "file.py:f", ...}``."""
    table = {"kind": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise wrong('must be a name such as "outflow", a table { kind = "inflow", ... } or a plugin "file.py:f"')
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise wrong(f"a boundary table needs kind = one of {', '.join(BOUNDARY_KINDS)}")
    if ":" not in kind and kind not in BOUNDARY_KINDS:
        raise wrong(f"unknown boundary condition{suggestion(kind, BOUNDARY_KINDS)}")
    extra = set(table) - {"kind"} - ({"velocity"} if kind == "no_slip" else set())
    if kind not in STATE_KINDS and extra:
        names = ", ".join(k for k in table if k in extra)
        raise wrong(f"only {', '.join(STATE_KINDS)} take values; {kind} knows no {names}")
    return table


_CONDITION_SCHEMA = {
    "anyOf": [
        {"type": "string", "enum": [k for k in BOUNDARY_KINDS if k not in STATE_KINDS]},
        {"type": "string", "pattern": ":"},
        {"type": "object", "properties": {"kind": {"enum": list(BOUNDARY_KINDS)}}, "required": ["kind"]},
    ]
}
_PERIODIC_SCHEMA = {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "boolean"}}]}
_BUFFER_SCHEMA = {"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0}]}
Condition = Annotated[dict[str, Any], Form(_condition, _CONDITION_SCHEMA)]
"""A boundary condition as a table."""


def _choice(value: Any) -> dict[str, Any]:
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise wrong('must be a name, a plugin "file.py:f" or a table { name = "...", ... }')
    return table


_CHOICE_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["name"]}]}
Choice = Annotated[dict[str, Any], Form(_choice, _CHOICE_SCHEMA)]
"""An entry of a list of choices as a table: a name and parameters."""


class Mesh(Section):
    """The domain, its root blocks and how deep they may be refined."""

    lower: list[float] = Field(
        min_length=1, max_length=3, description="Lower corner of the domain; its length is the dimension"
    )
    upper: list[float] = Field(min_length=1, max_length=3, description="Upper corner of the domain")
    root_blocks: list[Annotated[int, Field(ge=1)]] = Field(
        min_length=1, max_length=3, description="Blocks per axis on level 0, the coarsest"
    )
    block_cells: int = Field(16, ge=8, le=64, multiple_of=2, description="Cells per axis of a block; even")
    max_level: int = Field(0, ge=0, description="Finest level; each level halves the cells. 0: uniform mesh")
    periodic: Annotated[Any, Form(_periodic, _PERIODIC_SCHEMA)] = Field(
        None,
        description="Periodic axes: true, false or a list, one per axis; follows from the boundaries when left out",
    )

    @property
    def dim(self) -> int:
        """Space dimension."""
        return len(self.lower)


class Boundaries(Section):
    """What stands outside each side of the domain: `[lower side, upper side]` per axis."""

    x: list[Condition] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description='"periodic", "outflow", "reflecting" (a wall that the gas slips along), "no_slip" (navier_stokes: '
        'an adiabatic wall that it sticks to, { kind = "no_slip", velocity = [...] } if it moves), "problem" (what it gives), '
        '{ kind = "inflow", density = 1.0, ... } or a plugin "file.py:f"; for what diffuses also '
        '{ kind = "dirichlet", q = 1.0 }, { kind = "neumann", q = 0.1 } (flux into the domain) and '
        '{ kind = "robin", a = 1.0, b = 0.1, q = 1.0 } (a q + b flux = q given); '
        "default outflow, or periodic where mesh.periodic says so",
    )
    y: list[Condition] | None = Field(None, min_length=2, max_length=2, description="As x; 2D and 3D only")
    z: list[Condition] | None = Field(None, min_length=2, max_length=2, description="As x; 3D only")


class Scheme(Section):
    """How the equations are solved."""

    integrator: Annotated[str, NameIn("integrator", INTEGRATOR_NAMES)] = Field(
        "muscl_hancock",
        description="muscl_hancock (one ghost fill a step; not navier_stokes), ssp_rk2, ssp_rk3, or petsc: PETSc's TS, explicit, "
        "implicit or both ([time_integration.md](time_integration.md)); what diffuses needs it",
    )
    reconstruction: Annotated[str, NameIn("reconstruction", tuple(RECONSTRUCTIONS))] = Field(
        "plm",
        description="constant: first order; plm: limited slopes, second order; ppm (parabolas) and weno5z (weighted "
        "stencils): sharper, with integrator ssp_rk2 or ssp_rk3 only, up to fourth and fifth order",
    )
    limiter: Annotated[str, NameIn("limiter", tuple(LIMITERS))] = Field(
        "mc",
        description="plm only (ppm has its own): minmod (most diffusive), mc, van_leer, none (smooth tests only)",
    )
    riemann: Annotated[str, NameIn("Riemann solver", tuple(RIEMANN))] | None = Field(
        None,
        description="rusanov, hll: any physics; hllc: euler, shallow_water; roe, exact: euler. "
        "Default hllc where offered, else hll",
    )
    cfl: float = Field(
        0.8,
        gt=0,
        le=1,
        description="dt = cfl / max over cells of the sum over axes of wave speed / spacing, for navier_stokes + 2 diffusivity / "
        "spacing^2",
    )
    subcycle: bool = Field(
        False,
        description="true: level-wise steps, the finest levels take 2, 4, ... up to refinement.interval steps while the coarser "
        "ones take one; needs muscl_hancock. false: all levels take the same step",
    )
    max_retries: int = Field(
        8, ge=0, le=40, description="How often a step that fails is tried again with half its length"
    )


class Region(Section):
    """A box that is refined at least to a level."""

    lower: list[float] = Field(min_length=1, max_length=3, description="Lower corner")
    upper: list[float] = Field(min_length=1, max_length=3, description="Upper corner")
    level: int = Field(0, ge=0, description="Blocks that overlap the box are refined to at least this level")
    factor: float = Field(1.0, gt=0, description="Multiplier of all thresholds of the blocks that overlap the box")


class Refinement(Section):
    """Where the mesh is refined, and how often that is decided."""

    indicators: list[Choice] = Field(
        default_factory=lambda: [{"name": "multiresolution"}],
        description="Names, plugins or tables { name, variables, refine, coarsen, ... }",
    )
    refine: float | None = Field(
        None, gt=0, description="Refine a block where an indicator is above; default: the indicator's own"
    )
    coarsen: float | None = Field(
        None,
        ge=0,
        description="Coarsen where all are below on the cells of the parent; default: the indicator's own, mostly refine / 2",
    )
    patience: int = Field(
        3, ge=1, le=255, description="Regrids in a row that a block must have been without need before it coarsens"
    )
    combine: Annotated[str, NameIn("combination", ("or", "and"))] = Field(
        "or", description='Refine where any ("or") or all ("and") of the indicators say so'
    )
    marking: Annotated[str, NameIn("marking", MARKINGS)] = Field(
        "absolute",
        description="absolute: refine above the thresholds; maximum: above theta times the largest value; bulk (Dörfler): the "
        "smallest set of blocks with theta of the sum of value^2 volume",
    )
    theta: float = Field(0.5, gt=0, lt=1, description="Fraction for marking = maximum and bulk")
    max_leaves: int | None = Field(
        None, ge=1, description="Budget: thresholds are raised by 1.25 until the mesh has no more blocks than this"
    )
    level_factors: list[Annotated[float, Field(gt=0)]] = Field(
        default_factory=list,
        description="Multipliers of the thresholds of level 0, 1, ...; the last one for all deeper ones",
    )
    target_error: float | None = Field(
        None,
        gt=0,
        description="Steer the thresholds until the estimated L1 error per volume, in units of the variables' ranges, is below",
    )
    interval: int = Field(4, ge=1, description="Steps between two regrids")
    buffer: Annotated[Any, Form(_buffer, _BUFFER_SCHEMA)] = Field(
        "auto",
        description='Cells around a feature that are refined with it; "auto": ceil(cfl * interval) + 1, '
        "so that nothing escapes before the next regrid",
    )
    prolongation: Annotated[str, NameIn("prolongation", tuple(PROLONGATIONS))] = Field(
        "limited",
        description="How the blocks that a regrid splits are filled. limited: linear, MC slopes; low_pass: polynomials through "
        "five cells an axis where these are smooth, which make the least image of a wave beyond the coarse mesh's Nyquist limit",
    )
    regions: list[Region] = Field(
        default_factory=list,
        description="Boxes { lower, upper, level, factor } with a least level or thresholds of their own",
    )


class Guard(Section):
    """Safeguards against aliasing: what the mesh cannot resolve, or has never sampled, is looked for ([guards.md](guards.md))."""

    enabled: bool = Field(True, description="false switches all guards off")
    tolerance: float = Field(
        0.02,
        gt=0,
        lt=1,
        description="Deviation from the cells' reconstruction that matters, relative to the variable's range",
    )
    sampling: bool = Field(
        True,
        description="Test the initial state at random points between the Gauss points; bisect cells that these disagree in",
    )
    scouts: bool = Field(
        True,
        description="Send walkers from outlying samples towards what the samples just miss; probe sources and boundary functions",
    )
    classify: bool = Field(
        True, description="Tell waves, discontinuities, noise and odd-even patterns apart in alarmed blocks"
    )
    verify: bool = Field(
        True, description="Undo refinement that brought no new information, and wait before trying again"
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="Of the random points; the same seed gives the same mesh on any number of ranks"
    )


class Time(Section):
    """From when to when."""

    end: float = Field(description="Time to stop at")
    start: float = Field(0.0, description="Time of the initial state")
    max_steps: int | None = Field(None, ge=0, description="Stop after so many steps")
    dt: float | None = Field(None, gt=0, description="Fixed step instead of the one that cfl gives")


class Output(Section):
    """What is written, where and when."""

    directory: str = Field(
        "", min_length=1, description="Directory of the results; default out/ and the name of the case file"
    )
    format: Annotated[str, NameIn("output format", OUTPUT_FORMATS)] = Field(
        "vtu", description="vtu (+ .pvd time series), vtkhdf, vtkhdf-amr (3D only) or none"
    )
    every: float | None = Field(None, gt=0, description="Time between dumps; the steps hit these times")
    every_steps: int | None = Field(None, ge=1, description="Steps between dumps")
    checkpoint_every: float | None = Field(None, gt=0, description="Time between checkpoints")
    checkpoint_every_steps: int | None = Field(None, ge=1, description="Steps between checkpoints")
    checkpoint_seconds: float | None = Field(None, gt=0, description="Wall-clock seconds between checkpoints")
    keep: int = Field(2, ge=1, description="Checkpoints that are kept")
    plot: bool = Field(False, description="Also draw a PNG with every dump")
    mpi_io: bool = Field(False, description="Write with MPI's collective calls: for network file systems")


class Petsc(Section):
    """The implicit and elliptic solves ([implicit.md](implicit.md)); a case without any takes no notice of it."""

    options: str = Field(
        "",
        description='Options of PETSc as on a command line, "-ksp_type cg -pc_type hypre -ksp_monitor"; those behind -- on the '
        "command line of amr-solve are added",
    )


SECTIONS: dict[str, type[Section]] = {
    "mesh": Mesh,
    "boundaries": Boundaries,
    "scheme": Scheme,
    "refinement": Refinement,
    "guard": Guard,
    "petsc": Petsc,
    "time": Time,
    "output": Output,
}
"""The sections whose keys do not depend on a name, in the order they are written."""
ORDER = (
    "title",
    "mesh",
    "physics",
    "problem",
    "boundaries",
    "scheme",
    "sources",
    "refinement",
    "guard",
    "petsc",
    "time",
    "output",
)
"""Top-level keys in the order they are written."""
REQUIRED = ("mesh", "physics", "problem", "time")
