"""Choices of a case by name: physics, problem, sources, indicators. Each name has a table; the table has the keys."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from amr import plugins
from amr.case.schema import Mesh, Refinement
from amr.case.text import Fault, fault, model_faults, path
from amr.errors import CaseError, PluginError
from amr.indicators import INDICATORS, Indicator, create_indicator
from amr.names import suggestion
from amr.physics import PHYSICS
from amr.physics.base import Physics
from amr.physics.sources import SOURCES, Gravity, SelfGravity, Source, SourceFunction
from amr.problems import PROBLEMS
from amr.problems.base import Problem, ProblemFault, Setting
from amr.problems.plugin import PluginProblem


def _validate(model: type[BaseModel], table: dict[str, Any]) -> Any:
    """Nothing is converted, but a list may stand for a tuple: the rules that pydantic has for JSON."""
    return model.model_validate_json(json.dumps(table, default=str), strict=True)


class Collector:
    """Reads tables and collects their faults, so that all are told at once.

    Parameters
    ----------
    directory : Path
        Where relative plugin files are looked for.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.faults: list[Fault] = []
        self.dropped: set[str] = set()

    def add(self, key: str, text: str, *value: Any) -> None:
        """Note a fault of ``key``; without a value where nothing stands there."""
        self.faults.append(fault(key, text, *value))

    def add_problem_faults(self, prefix: str, faults: list[ProblemFault]) -> None:
        """Note faults that a problem or a state reports."""
        for f in faults:
            self.add(prefix + f.key, f.text, *([] if f.value is None else [f.value]))

    def read(self, model: type[BaseModel], table: Any, *prefix: str | int) -> Any:
        """The table as ``model``, or None, with its faults noted.

        So that the checks between sections still run, keys at fault are left out and remembered in ``dropped``, where the
        rest makes a model.
        """
        if not isinstance(table, dict):
            self.add(path(*prefix), "must be a table", table)
            return None
        try:
            return _validate(model, table)
        except ValidationError as error:
            self.faults += model_faults(error, model, *prefix)
            wrong = {item["loc"][0] for item in error.errors(include_url=False) if item["loc"]}
        if not wrong:
            return None
        self.dropped |= {path(*prefix, key) for key in wrong}
        try:
            return _validate(model, {k: v for k, v in table.items() if k not in wrong})
        except ValidationError:
            return None

    def sound(self, *keys: str) -> bool:
        """Whether none of these keys was at fault by itself."""
        return not self.dropped & set(keys)

    def named(self, table: Any, known: Mapping[str, Any], *prefix: str | int) -> tuple[str, dict[str, Any]] | None:
        """Name and parameters of a table that picks from ``known`` (or names a plugin), or None with the fault noted."""
        key = path(*prefix)
        if not isinstance(table, dict):
            self.add(key, "must be a table", table)
            return None
        name = table.get("name")
        if name is None:
            self.add(f"{key}.name", f"missing key; there are {', '.join(known)}")
        elif not isinstance(name, str) or not name:
            self.add(f"{key}.name", f"must be a name; there are {', '.join(known)}", name)
        else:
            return name, {k: v for k, v in table.items() if k != "name"}
        return None

    def plugin(self, name: str, kind: str, key: str, known: Mapping[str, Any]) -> Any:
        """The object that a plugin string or an entry point names; None with the fault noted."""
        try:
            found = plugins.resolve(name, f"amr.{kind}", self.directory)
        except PluginError as error:
            self.add(key, str(error), name)
            return None
        if found is None:
            self.add(
                key, f"unknown {'physics' if kind == 'physics' else kind.rstrip('s')}{suggestion(name, known)}", name
            )
        return found


def read_physics(collector: Collector, table: Any, mesh: Mesh | None) -> Physics | None:
    """The equation set of ``[physics]``, or None with faults noted."""
    named = collector.named(table, PHYSICS, "physics")
    if named is None:
        return None
    name, parameters = named
    physics = PHYSICS.get(name) or collector.plugin(name, "physics", "physics.name", PHYSICS)
    if physics is None:
        return None
    parameters, functions = _physics_plugins(collector, physics, parameters)
    read = collector.read(physics.Parameters, parameters, "physics")
    if read is None or mesh is None or functions is None:
        return None
    try:
        return physics(mesh.dim, read, functions) if functions else physics(mesh.dim, read)
    except CaseError as error:
        for line in str(error).splitlines():
            key, _, text = line.partition(": ")
            collector.add(key, text)
        return None


def _physics_plugins(
    collector: Collector, physics: type[Physics], parameters: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The parameters with the paths of plugins made absolute, and the plugins by these; None for one with a fault, noted."""
    functions: dict[str, Any] = {}
    is_sound = True

    def resolved(value: Any, key: str) -> Any:
        nonlocal is_sound
        if not isinstance(value, str) or ":" not in value:
            return value
        name = plugins.absolute(value, collector.directory)
        functions[name] = collector.plugin(name, "physics", key, {})
        is_sound = is_sound and functions[name] is not None
        return name

    changed = dict(parameters)
    for key in physics.plugin_keys:
        value = parameters.get(key)
        if isinstance(value, list):
            changed[key] = [resolved(each, path("physics", key, i)) for i, each in enumerate(value)]
        elif value is not None:
            changed[key] = resolved(value, f"physics.{key}")
    return changed, functions if is_sound else None


def read_sources(
    collector: Collector, entries: Any, physics: Physics | None, mesh: Mesh | None
) -> list[tuple[str, SourceFunction | None, Source | None]]:
    """Name, function (None: self-gravity) and (for those of the table) model of each source."""
    if not isinstance(entries, list):
        collector.add("sources", "must be a list of names, plugins or tables { name = ..., ... }", entries)
        return []
    found = [_read_source(collector, entry, i, physics, mesh) for i, entry in enumerate(entries)]
    return [source for source in found if source is not None]


def _read_source(
    collector: Collector, entry: Any, i: int, physics: Physics | None, mesh: Mesh | None
) -> tuple[str, SourceFunction | None, Source | None] | None:
    named = collector.named({"name": entry} if isinstance(entry, str) else entry, SOURCES, "sources", i)
    if named is None:
        return None
    name, parameters = named
    key = path("sources", i, "name")
    if name not in SOURCES:
        function = collector.plugin(name, "sources", key, SOURCES)
        for extra, value in parameters.items():
            collector.add(path("sources", i, extra), "a plugin source takes no keys", value)
        return None if function is None else (name, function, None)
    source: Source | None = collector.read(SOURCES[name], parameters, "sources", i)
    if source is None or mesh is None or physics is None:
        return None
    if physics.name not in source.requires:
        collector.add(key, f"needs physics {' or '.join(source.requires)}, not {physics.name}", name)
    elif isinstance(source, Gravity) and len(source.g) != mesh.dim:
        collector.add(path("sources", i, "g"), f"must have {mesh.dim} entries, one per axis", source.g)
    else:
        return name, None if isinstance(source, SelfGravity) else source.function(mesh.dim), source
    return None


def read_problem(collector: Collector, table: Any, setting: Setting | None) -> Problem | None:
    """The problem of ``[problem]``, bound to the case, or None with faults noted."""
    named = collector.named(table, PROBLEMS, "problem")
    if named is None:
        return None
    name, parameters = named
    if name in PROBLEMS:
        problem = collector.read(PROBLEMS[name], parameters, "problem")
    else:
        problem = _plugin_problem(collector, name, parameters)
    if problem is None or setting is None:
        return None
    if problem.requires and setting.physics not in problem.requires:
        collector.add("problem.name", f"needs physics {' or '.join(problem.requires)}, not {setting.physics}", name)
    elif setting.dim not in problem.dims:
        offered = " and ".join(f"{d}D" for d in problem.dims)
        collector.add("problem.name", f"is made for {offered}, not {setting.dim}D", name)
    else:
        faults = list(problem.faults(setting))
        collector.add_problem_faults("problem.", faults)
        if not faults:
            return problem.bind(setting)
    return None


def _plugin_problem(collector: Collector, name: str, parameters: dict[str, Any]) -> Problem | None:
    """A user's function f(x, **keys), or a subclass of Problem."""
    function = collector.plugin(name, "problems", "problem.name", PROBLEMS)
    if function is None:
        return None
    if isinstance(function, type) and issubclass(function, Problem):
        return collector.read(function, parameters, "problem")
    own = {k: v for k, v in parameters.items() if k in PluginProblem.model_fields}
    keywords = {k: v for k, v in parameters.items() if k not in own}
    accepted = inspect.signature(function).parameters.values()
    names = [p.name for p in accepted if p.kind is p.KEYWORD_ONLY or p.default is not p.empty]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in accepted)
    for key, value in keywords.items():
        if key not in names and not takes_any:
            collector.add(f"problem.{key}", f"the plugin takes no such keyword{suggestion(key, names)}", value)
    for p in accepted:
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty and p.name not in keywords:
            collector.add(f"problem.{p.name}", "missing keyword of the plugin")
    read = collector.read(PluginProblem, own, "problem")
    return None if read is None else read.with_function(name, function, keywords)


def read_indicators(collector: Collector, refinement: Refinement, physics: Physics | None) -> list[Indicator]:
    """The indicators of ``[refinement]``; faults are noted."""
    found = [_read_indicator(collector, entry, i, refinement, physics) for i, entry in enumerate(refinement.indicators)]
    return [indicator for indicator in found if indicator is not None]


def _read_indicator(
    collector: Collector, entry: dict[str, Any], i: int, refinement: Refinement, physics: Physics | None
) -> Indicator | None:
    key = path("refinement", "indicators", i)
    name, parameters = entry["name"], {k: v for k, v in entry.items() if k != "name"}
    function = None
    if name not in INDICATORS:
        function = collector.plugin(name, "indicators", key, INDICATORS)
        if function is None:
            return None
    elif collector.read(INDICATORS[name].Parameters, parameters, "refinement", "indicators", i) is None:
        return None
    if physics is None or not collector.sound(*(path("refinement", "indicators", i, k) for k in parameters)):
        return None
    try:
        return create_indicator(
            name, physics, parameters, refine=refinement.refine, coarsen=refinement.coarsen, function=function
        )
    except CaseError as error:
        for line in str(error).splitlines():
            where, _, text = line.partition(": ")
            collector.add(f"{key}.{where}", text)
        return None
