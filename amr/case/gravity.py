"""What self-gravity asks of the rest of a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amr.case.choice import Collector
from amr.case.schema import Scheme
from amr.case.text import path
from amr.physics.sources import SelfGravity
from amr.scheme.flux import INTEGRATORS


def find_self_gravity(sources: Sequence[tuple[str, Any, Any]]) -> SelfGravity | None:
    """The first entry of ``sources`` that is self-gravity."""
    return next((source for _, _, source in sources if isinstance(source, SelfGravity)), None)


def check_self_gravity(
    collector: Collector, entries: Any, periodic: Sequence[bool], scheme: Scheme | None, found: SelfGravity | None
) -> None:
    """Note what does not go together with self-gravity."""
    if found is None:
        return
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries]
    places = [i for i, name in enumerate(names) if name == "self_gravity"]
    if len(places) > 1:
        collector.add(path("sources", places[1], "name"), "stands there twice", "self_gravity")
    if any(periodic) and not all(periodic):
        text = "self_gravity needs all axes to be periodic, or none (then the gas is alone in space)"
        collector.add("mesh.periodic", text, list(periodic))
    if scheme is None:
        return
    if scheme.subcycle:
        collector.add("scheme.subcycle", "must be false with self_gravity: the potential is that of all levels", True)
    # An integrator of another kind has no stages that a kick could stand before and after.
    if scheme.integrator not in INTEGRATORS:
        collector.add("scheme.integrator", "is not offered with self_gravity", scheme.integrator)
