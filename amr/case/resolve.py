"""The resolved case: everything that was chosen, as plain TOML values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from amr.case.schema import Boundaries
from amr.plugins import absolute
from amr.problems.plugin import PluginProblem


def resolved_case(
    data: Mapping[str, Any], parts: Mapping[str, Any], boundaries: Boundaries, directory: Path
) -> dict[str, Any]:
    """The case that was read as ``data`` and means ``parts``; plugin files by their absolute path."""
    full = partial(absolute, directory=directory)
    physics, problem = parts["physics"], parts["problem"]
    resolved: dict[str, Any] = {"title": parts["title"]}
    resolved["mesh"] = _plain(parts["mesh"])
    resolved["physics"] = {"name": data["physics"]["name"], **_plain(physics.parameters)}
    keywords = problem.keywords if isinstance(problem, PluginProblem) else {}
    resolved["problem"] = {"name": full(data["problem"]["name"]), **_plain(problem), **keywords}
    resolved["boundaries"] = {}
    for a, axis in enumerate("xyz"[: parts["mesh"].dim]):
        pair = getattr(boundaries, axis) or [{"kind": c.kind} for c in parts["boundaries"][2 * a : 2 * a + 2]]
        resolved["boundaries"][axis] = [full(side["kind"]) if len(side) == 1 else side for side in pair]
    resolved["scheme"] = _plain(parts["scheme"])
    if data.get("sources"):
        entries = [{"name": e} if isinstance(e, str) else e for e in data["sources"]]
        resolved["sources"] = [{**e, "name": full(e["name"])} for e in entries]
    resolved["refinement"] = _plain(parts["refinement"])
    for entry in resolved["refinement"]["indicators"]:
        entry["name"] = full(entry["name"])
    resolved["guard"], resolved["petsc"] = _plain(parts["guard"]), _plain(parts["petsc"])
    resolved["time"], resolved["output"] = _plain(parts["time"]), _plain(parts["output"])
    return resolved


def _plain(model: BaseModel) -> dict[str, Any]:
    """A model as plain TOML values; what is None is left out."""
    return model.model_dump(mode="json", exclude_none=True)
