"""Checks of what diffuses: its boundary conditions, and the integrator that advances it."""

from __future__ import annotations

from typing import Any

from amr.case.choice import Collector
from amr.case.schema import Scheme
from amr.case.text import path
from amr.indicators import AdjointWeighted, Indicator, TrialIndicator
from amr.physics.boundary import Condition
from amr.problems.base import ProblemFault, Setting, state_faults
from amr.scheme.flux import INTEGRATORS, PETSC, fault_of_integrator

_ROBIN = ("a", "b")


def diffusive_condition(
    collector: Collector, key: str, side: dict[str, Any], physics: Any, setting: Setting | None
) -> Condition:
    """The condition of a table ``{ kind = "dirichlet", q = 1.0 }``, "neumann" or "robin"; faults are noted."""
    kind = side["kind"]
    state = {k: v for k, v in side.items() if k != "kind" and not (kind == "robin" and k in _ROBIN)}
    robin = (0.0, 1.0)
    if physics is not None and not physics.diffusivities:
        collector.add(key, f"{kind} is for physics that diffuses, not for {physics.name}", kind)
        return Condition("outflow")
    if not state:
        more = "a = 1.0, b = 0.1, " if kind == "robin" else ""
        collector.add(key, f'{kind} needs a value per variable: {{ kind = "{kind}", {more}q = ... }}', side)
    elif setting is not None:
        faults = state_faults(key, state, setting, whole=False)
        evolved = [] if physics is None else [physics.variables[v] for v in physics.evolved]
        found = list(faults)
        if kind != "dirichlet":
            found += [
                ProblemFault(f"{key}.{name}", value, f"{kind} is for what diffuses: {', '.join(evolved)}")
                for name, value in state.items()
                if name not in evolved
            ]
        collector.add_problem_faults("", found)
    if kind == "robin":
        robin = _robin(collector, key, side)
        bent = physics is not None and [
            name
            for name, each in zip((physics.variables[v] for v in physics.evolved), physics.diffusivities, strict=True)
            if name in state and not each.is_constant
        ]
        if bent:
            collector.add(key, f"robin needs a constant diffusivity of {', '.join(bent)}", kind)
    return Condition(kind, state, robin=robin)


def _robin(collector: Collector, key: str, side: dict[str, Any]) -> tuple[float, float]:
    """a and b of ``a q + b flux = g``."""
    values = []
    for name in _ROBIN:
        value = side.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
            collector.add(
                f"{key}.{name}", "robin needs a and b >= 0, for a q + b (flux into the domain) = q given", value
            )
            value = 1.0
        values.append(float(value))
    if values == [0.0, 0.0]:
        collector.add(key, "a and b must not both be 0", side)
    return values[0], values[1]


def note_integrator_faults(collector: Collector, scheme: Scheme, physics: Any) -> None:
    """Note where the physics and the integrator do not go together."""
    if physics.diffusivities and scheme.integrator != PETSC:
        text = f'physics {physics.name} diffuses: it needs integrator = "petsc", not "{scheme.integrator}"'
        collector.add("scheme.integrator", text, scheme.integrator)
    if fault := fault_of_integrator(physics, scheme.integrator):
        collector.add("scheme.integrator", fault, scheme.integrator)


def is_stepped(collector: Collector, key: str, scheme: Scheme, indicator: Indicator) -> bool:
    """Whether the integrator can make the steps that this indicator wants, if any; else the fault is noted."""
    if scheme.integrator != PETSC or not isinstance(indicator, TrialIndicator | AdjointWeighted):
        return True
    collector.add(f"{key}.name", f"needs an explicit integrator ({', '.join(INTEGRATORS)}), not petsc", indicator.name)
    return False


def note_closed_faults(collector: Collector, physics: Any, conditions: list[Condition]) -> None:
    """Note conditions that would let something through the sides of a physics that is closed by its landscape."""
    if physics is None or physics.energy is None:
        return
    for direction, condition in enumerate(conditions):
        if condition.kind not in ("periodic", "outflow", "reflecting"):
            text = f"nothing passes the sides of physics {physics.name}: periodic or reflecting"
            collector.add(path("boundaries", "xyz"[direction // 2], direction % 2), text, condition.kind)
