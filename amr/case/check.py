"""Checks of a case: each section by its model, then what must fit between sections. Nothing stops at the first fault."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from amr.case.choice import Collector, read_indicators, read_physics, read_problem, read_sources
from amr.case.diffusive import diffusive_condition, is_stepped, note_closed_faults, note_integrator_faults
from amr.case.gravity import check_self_gravity, find_self_gravity
from amr.case.resolve import resolved_case
from amr.case.schema import ORDER, REQUIRED, SECTIONS, Boundaries, Mesh, Refinement, Scheme
from amr.case.text import Fault, path
from amr.errors import CaseError
from amr.implicit.petsc import split_options
from amr.indicators import INDICATORS, AdjointWeighted, Indicator, TrialIndicator, UncertaintyGradient
from amr.mesh.tree import COORD_BITS, KEY_LEVEL
from amr.names import suggestion
from amr.physics.boundary import DIFFUSIVE_KINDS, Condition, no_slip_fault
from amr.physics.sources import Gravity
from amr.problems.base import Problem, Setting, state_faults
from amr.scheme.flux import (
    INTEGRATORS,
    RECONSTRUCTIONS,
    default_riemann,
    fault_of_pair,
    find_integrator,
    riemann_names,
)
from amr.scheme.trial import coarse_fault


def check(data: Mapping[str, Any], directory: Path, output: str) -> tuple[dict[str, Any], list[Fault]]:
    """Check and resolve a case.

    Parameters
    ----------
    data : mapping
        The case as `tomllib` reads it.
    directory : Path
        Where relative plugin files are looked for.
    output : str
        Default of ``output.directory``.

    Returns
    -------
    dict, list of Fault
        The parts of a `amr.case.Case` (complete only when there are no faults), and the faults.
    """
    checker = _Checker(directory)
    parts = checker.run(data, output)
    return parts, checker.faults


class _Checker(Collector):
    """Collects the faults of one case."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.sections: dict[str, Any] = {}

    def run(self, data: Mapping[str, Any], output: str) -> dict[str, Any]:
        self._top(data)
        for name, model in SECTIONS.items():
            if name in data or name not in REQUIRED:
                self.sections[name] = self.read(model, data.get(name, {}), name)
        mesh: Mesh | None = self.sections.get("mesh")
        if mesh is not None and not self._mesh(mesh):
            mesh = None
        physics = read_physics(self, data["physics"], mesh) if "physics" in data else None
        sources = read_sources(self, data.get("sources", []), physics, mesh)
        setting = self._setting(mesh, physics, sources)
        problem = read_problem(self, data["problem"], setting) if "problem" in data else None
        self.problem_name = str(data["problem"]["name"]) if problem is not None else ""
        conditions = self._boundaries(mesh, physics, problem, setting)
        note_closed_faults(self, physics, conditions)
        scheme = self._scheme(physics)
        self_gravity = find_self_gravity(sources)
        if setting is not None:
            check_self_gravity(self, data.get("sources", []), setting.periodic, scheme, self_gravity)
        indicators = self._indicators(physics)
        buffer = self._refinement(mesh)
        self._time()
        self._petsc()
        written = self._output(mesh, output)
        if self.faults:
            return {}
        assert mesh is not None and setting is not None and scheme is not None
        mesh = mesh.model_copy(update={"periodic": list(setting.periodic)})
        parts = {
            "title": data.get("title", ""),
            "mesh": mesh,
            "physics": physics,
            "problem": problem,
            "boundaries": tuple(conditions),
            "scheme": scheme,
            "sources": tuple((name, function) for name, function, _ in sources if function is not None),
            "self_gravity": self_gravity,
            "refinement": self.sections["refinement"],
            "indicators": tuple(indicators),
            "buffer": buffer,
            "guard": self.sections["guard"],
            "petsc": self.sections["petsc"],
            "time": self.sections["time"],
            "output": written,
        }
        parts["data"] = resolved_case(data, parts, self.sections["boundaries"], self.directory)
        return parts

    # ---- sections by themselves ------------------------------------------------------------------------------------------

    def _top(self, data: Mapping[str, Any]) -> None:
        for key, value in data.items():
            if key not in ORDER:
                self.add(key, f"unknown section{suggestion(key, ORDER)}", value)
        for key in REQUIRED:
            if key not in data:
                self.add(key, "missing section")
        if not isinstance(data.get("title", ""), str):
            self.add("title", "must be a string", data["title"])

    # ---- what must fit together ------------------------------------------------------------------------------------------

    def _mesh(self, mesh: Mesh) -> bool:
        """Note the faults of the mesh; return whether its dimension is beyond doubt."""
        dim = mesh.dim
        for key, value in (("upper", mesh.upper), ("root_blocks", mesh.root_blocks)):
            if len(value) != dim:
                self.add(f"mesh.{key}", f"must have {dim} entries like mesh.lower, one per axis", value)
        for axis, (low, high) in enumerate(zip(mesh.lower, mesh.upper, strict=False)):
            if not low < high:
                self.add(f"mesh.upper[{axis}]", f"must be greater than mesh.lower[{axis}] = {low:g}", high)
        if isinstance(mesh.periodic, list) and len(mesh.periodic) != dim:
            self.add("mesh.periodic", f"must have {dim} entries, one per axis", mesh.periodic)
        # As in amr.mesh.tree: what limits the depth is the bits of a key, and of the int32 coordinates.
        bits = (max(mesh.root_blocks) - 1).bit_length()
        deepest = min(KEY_LEVEL[dim], COORD_BITS[dim] - bits, 31 - bits)
        if deepest < 0:
            self.add(
                "mesh.root_blocks", f"more blocks on an axis than there are numbers for in {dim}D", mesh.root_blocks
            )
        elif mesh.max_level > deepest:
            text = f"must be <= {deepest} in {dim}D with {max(mesh.root_blocks)} root blocks on an axis"
            self.add("mesh.max_level", text, mesh.max_level)
        return len(mesh.upper) == dim and len(mesh.root_blocks) == dim

    def _setting(self, mesh: Mesh | None, physics: Any, sources: list[tuple[str, Any, Any]]) -> Setting | None:
        if mesh is None or physics is None:
            return None
        gravity = sum((np.array(s.g, dtype=float) for _, _, s in sources if isinstance(s, Gravity)), np.zeros(mesh.dim))
        lower, upper = np.array(mesh.lower, dtype=float), np.array(mesh.upper, dtype=float)
        periodic = self._periodic_axes(mesh)
        own = find_self_gravity(sources)
        rest = (lower, upper, periodic, gravity, own.G if own else 0.0, physics.energy)
        return Setting(mesh.dim, physics.name, physics.parameters, physics.primitives, *rest)

    def _periodic_axes(self, mesh: Mesh) -> tuple[bool, ...]:
        """Which axes are periodic, from mesh.periodic or else from the boundaries."""
        given = mesh.periodic
        if isinstance(given, bool):
            return (given,) * mesh.dim
        if isinstance(given, list):
            return tuple((given + [False] * mesh.dim)[: mesh.dim])  # a wrong length is told elsewhere
        sides = [getattr(self.sections.get("boundaries"), axis, None) or [] for axis in "xyz"[: mesh.dim]]
        return tuple(any(s["kind"] == "periodic" for s in pair) for pair in sides)

    def _boundaries(
        self, mesh: Mesh | None, physics: Any, problem: Problem | None, setting: Setting | None
    ) -> list[Condition]:
        given: Boundaries | None = self.sections.get("boundaries")
        if mesh is None or given is None:
            return []
        conditions = []
        periodic = self._periodic_axes(mesh)
        for a, axis in enumerate("xyz"):
            pair = getattr(given, axis)
            if a >= mesh.dim:
                if pair is not None:
                    self.add(f"boundaries.{axis}", f"the mesh has {mesh.dim} dimension{'s' * (mesh.dim > 1)}")
                continue
            if pair is None:
                pair = [{"kind": "periodic" if periodic[a] else "outflow"}] * 2
            kinds = [side["kind"] for side in pair]
            if any((kind == "periodic") != periodic[a] for kind in kinds) and self.sound("mesh.periodic"):
                text = (
                    "both sides must be periodic, or none"
                    if mesh.periodic is None
                    else f"must agree with mesh.periodic = {mesh.periodic}".lower()
                )
                self.add(f"boundaries.{axis}", text, kinds)
                continue
            conditions += [self._condition(2 * a + s, side, physics, problem, setting) for s, side in enumerate(pair)]
        return conditions

    def _condition(
        self, direction: int, side: dict[str, Any], physics: Any, problem: Problem | None, setting: Setting | None
    ) -> Condition:
        kind, key = side["kind"], path("boundaries", "xyz"[direction // 2], direction % 2)
        if kind == "inflow":
            state = {k: v for k, v in side.items() if k != "kind"}
            if not state:
                self.add(key, 'inflow needs a state: { kind = "inflow", density = ..., ... }', side)
            elif setting is not None:
                self.add_problem_faults("", list(state_faults(key, state, setting, whole=False)))
            return Condition(kind, state)
        if kind in DIFFUSIVE_KINDS:
            return diffusive_condition(self, key, side, physics, setting)
        if kind == "no_slip":
            state = {k: v for k, v in side.items() if k != "kind"}
            if physics is not None and (fault := no_slip_fault(physics, state, direction // 2)):
                self.add(key, fault, side if state else kind)
            return Condition(kind, state)
        if kind == "problem" and problem is not None:
            function = problem.boundary(direction)
            if function is None:
                self.add(key, "this problem gives no state outside this side", kind)
            return Condition("function", function=self._since_start(function), name=f"problem {self.problem_name}")
        if ":" in kind:
            return Condition("function", function=self.plugin(kind, "boundaries", key, {}), name=kind)
        return Condition(kind)

    def _since_start(self, function: Any) -> Any:
        """A problem counts time from the start of the case."""
        time = self.sections.get("time")
        start = 0.0 if time is None else time.start
        return function if start == 0 else lambda x, t, w: function(x, t - start, w)

    def _scheme(self, physics: Any) -> Scheme | None:
        scheme: Scheme | None = self.sections.get("scheme")
        if scheme is None:
            return None
        if fault := fault_of_pair(scheme.integrator, scheme.reconstruction):
            self.add("scheme.reconstruction", fault, scheme.reconstruction)
        if physics is None:
            return scheme
        offered = riemann_names(physics)
        note_integrator_faults(self, scheme, physics)
        if scheme.subcycle and len(find_integrator(scheme.integrator).stages) != 1:
            single = ", ".join(name for name, each in INTEGRATORS.items() if len(each.stages) == 1)
            text = f"true needs an integrator of one stage ({single}), not {scheme.integrator}"
            self.add("scheme.subcycle", text, scheme.subcycle)
        if scheme.riemann is None:
            return scheme.model_copy(update={"riemann": default_riemann(physics)})
        if scheme.riemann not in offered:
            text = f"is not offered for physics {physics.name}; there are {', '.join(offered)}"
            self.add("scheme.riemann", text, scheme.riemann)
        return scheme

    def _indicators(self, physics: Any) -> list[Indicator]:
        refinement: Refinement | None = self.sections.get("refinement")
        if refinement is None:
            return []
        found = read_indicators(self, refinement, physics)
        if len(found) < len(refinement.indicators):
            return found
        for i, indicator in enumerate(found):
            self._indicator(found, indicator, path("refinement", "indicators", i))
        if refinement.target_error is not None and not any(each.estimates_error for each in found):
            offered = ", ".join(name for name, each in INDICATORS.items() if each.estimates_error)
            text = f"needs an indicator that estimates the error: {offered}"
            self.add("refinement.target_error", text, refinement.target_error)
        return found

    def _indicator(self, indicators: list[Indicator], indicator: Indicator, key: str) -> None:
        """Note what an indicator needs of the other ones, the mesh and the scheme."""
        scheme: Scheme | None = self.sections.get("scheme")
        mesh: Mesh | None = self.sections.get("mesh")
        if isinstance(indicator, UncertaintyGradient):
            try:
                indicator.source(indicators)
            except CaseError as error:
                of = indicator.parameters.of
                self.add(f"{key}.of", str(error).partition(": ")[2], *([] if of is None else [of]))
        time = self.sections.get("time")
        if isinstance(indicator, AdjointWeighted) and mesh is not None and time is not None:
            for where, text, value in indicator.faults(mesh.lower, mesh.upper, mesh.max_level, time.start, time.end):
                self.add(f"{key}.{where}", text, value)
        if scheme is not None and not is_stepped(self, key, scheme, indicator):
            return
        if not isinstance(indicator, TrialIndicator) or scheme is None or mesh is None:
            return
        if scheme.subcycle:
            self.add(
                f"{key}.name", "needs scheme.subcycle = false: a trial step moves all levels at once", indicator.name
            )
        if indicator.needs_coarse and (
            fault := coarse_fault(mesh.block_cells, RECONSTRUCTIONS[scheme.reconstruction].ghosts)
        ):
            self.add(f"{key}.name", fault, indicator.name)

    def _refinement(self, mesh: Mesh | None) -> int:
        """Note what does not fit the mesh; return the buffer in cells."""
        refinement: Refinement | None = self.sections.get("refinement")
        scheme: Scheme | None = self.sections.get("scheme")
        if refinement is None:
            return 0
        if refinement.refine is not None and refinement.coarsen is not None and refinement.coarsen >= refinement.refine:
            self.add(
                "refinement.coarsen", f"must be below refinement.refine = {refinement.refine:g}", refinement.coarsen
            )
        buffer = refinement.buffer
        if mesh is None:
            return 0
        if buffer == "auto":
            buffer = math.ceil((0.8 if scheme is None else scheme.cfl) * refinement.interval) + 1
        sound = self.sound(
            "refinement.buffer", "refinement.interval", "scheme.cfl", "mesh.block_cells", "mesh.max_level"
        )
        if sound and mesh.max_level > 0 and buffer > mesh.block_cells:
            hint = "; shorten refinement.interval or enlarge mesh.block_cells" if refinement.buffer == "auto" else ""
            text = f"{buffer} cells, but must be <= mesh.block_cells = {mesh.block_cells}{hint}"
            self.add("refinement.buffer", text, refinement.buffer)
        for i, region in enumerate(refinement.regions):
            self._region(mesh, region, i)
        self._marking(mesh, refinement)
        return int(buffer)

    def _marking(self, mesh: Mesh, refinement: Refinement) -> None:
        roots = math.prod(mesh.root_blocks)
        if refinement.max_leaves is not None and refinement.max_leaves < roots:
            text = f"must be >= {roots}, the blocks of level 0"
            self.add("refinement.max_leaves", text, refinement.max_leaves)
        if len(refinement.level_factors) > mesh.max_level + 1 and self.sound("mesh.max_level"):
            text = f"more entries than levels; there are levels 0..{mesh.max_level}"
            self.add("refinement.level_factors", text, refinement.level_factors)
        if refinement.target_error is not None and refinement.marking != "absolute":
            text = f'sets the thresholds itself: needs marking = "absolute", not "{refinement.marking}"'
            self.add("refinement.target_error", text, refinement.target_error)

    def _region(self, mesh: Mesh, region: Any, i: int) -> None:
        if region.level > mesh.max_level and self.sound("mesh.max_level"):
            self.add(
                path("refinement", "regions", i, "level"), f"must be <= mesh.max_level = {mesh.max_level}", region.level
            )
        for side in ("lower", "upper"):
            corner = getattr(region, side)
            if len(corner) != mesh.dim:
                self.add(path("refinement", "regions", i, side), f"must have {mesh.dim} entries, one per axis", corner)
        for axis, (low, high) in enumerate(zip(region.lower, region.upper, strict=False)):
            if low > high:
                self.add(path("refinement", "regions", i, "upper", axis), f"must not be below lower = {low:g}", high)

    def _time(self) -> None:
        time = self.sections.get("time")
        if time is not None and not time.end > time.start and self.sound("time.start"):
            self.add("time.end", f"must be greater than time.start = {time.start:g}", time.end)

    def _petsc(self) -> None:
        petsc = self.sections.get("petsc")
        if petsc is None:
            return
        try:
            split_options(petsc.options)
        except CaseError as error:
            self.add("petsc.options", str(error).partition(": ")[2], petsc.options)

    def _output(self, mesh: Mesh | None, default: str) -> Any:
        output = self.sections.get("output")
        if output is None:
            return None
        if mesh is not None and output.format == "vtkhdf-amr" and mesh.dim != 3:
            self.add("output.format", f"is offered in 3D only, not in {mesh.dim}D; take vtu or vtkhdf", output.format)
        return output if output.directory else output.model_copy(update={"directory": default})
