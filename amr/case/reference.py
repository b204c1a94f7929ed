"""The reference of case files, made from the models themselves: a JSON schema for editors and a page of Markdown."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from amr.case.schema import ORDER, REQUIRED, SECTIONS
from amr.case.text import toml_value
from amr.physics import PHYSICS
from amr.physics.sources import SOURCES
from amr.problems import PROBLEMS
from amr.problems.plugin import PluginProblem

Row = tuple[str, str, type[BaseModel], str]
"""A name of a table: the name, what it is, the model of its keys, and a key that is explained elsewhere."""


def json_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of case files."""
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {
        "title": {"type": "string", "description": "What the case is, for reports and pictures"}
    }
    for name, model in SECTIONS.items():
        properties[name] = _schema(model, definitions)
    named = {name: physics.Parameters for name, physics in PHYSICS.items()}
    properties["physics"] = {"description": "Equation set", "oneOf": _choices(named, None, definitions)}
    properties["problem"] = {
        "description": "Initial state",
        "oneOf": _choices(PROBLEMS, PluginProblem, definitions),
    }
    choices = [{"type": "string", "pattern": ":"}, *_choices(SOURCES, None, definitions)]
    properties["sources"] = {"type": "array", "description": "Source terms", "items": {"anyOf": choices}}
    order = list(ORDER)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Case file of amr",
        "type": "object",
        "properties": {name: properties[name] for name in order},
        "required": list(REQUIRED),
        "additionalProperties": False,
        "$defs": definitions,
    }


def json_schema_text() -> str:
    """`json_schema` as text."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _schema(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _without_null(model.model_json_schema())
    definitions.update(schema.pop("$defs", {}))
    return schema


def _choices(
    table: dict[str, Any], plugin: type[BaseModel] | None, definitions: dict[str, Any]
) -> list[dict[str, Any]]:
    """One schema per row of a table of names; a plugin takes keys of its own."""
    found = []
    for name, model in table.items():
        schema = _schema(model, definitions)
        schema["properties"] = {"name": {"const": name}, **schema.get("properties", {})}
        schema["required"] = ["name", *schema.get("required", [])]
        found.append(schema)
    if plugin is not None:
        schema = _schema(plugin, definitions)
        pattern = {"type": "string", "pattern": ":"}
        found.append({**schema, "properties": {"name": pattern, **schema["properties"]}, "additionalProperties": True})
    return found


def _without_null(schema: Any) -> Any:
    """TOML has no null: what may be None may be left out."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: _without_null(value) for key, value in schema.items() if not (key == "default" and value is None)}
    if {"type": "null"} in schema.get("anyOf", []):
        rest = [item for item in schema.pop("anyOf") if item != {"type": "null"}]
        schema.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    return schema


# ---- Markdown --------------------------------------------------------------------------------------------------------------

_HEAD = """# The case file

<!-- Made by `amr schema --markdown`; tests/test_case.py fails when it is out of date. -->

A case is a TOML file. `amr-solve CASE.toml --dry-run` checks it, lists all its faults at once and prints it with every default
filled in; `--set section.key=value` changes a key for one run; `amr schema` prints a JSON schema for editors. Paths of plugins
are relative to the case file, the output directory to where the program is started.

`title = "..."` stands before the first section. The sections {required} are required.
"""
_SECTION_TEXT = {
    "boundaries": """A condition is a name, a table or a plugin `"file.py:f"` with `f(x, t, w)`: `x` (dim, m) points outside the
domain, `t` the time, `w` the mirror state inside by primitive variable (`velocity` as (dim, m)); it returns the state at `x`.""",
}


def markdown() -> str:
    """The reference page of the case file."""
    required = ", ".join(f"`[{name}]`" for name in REQUIRED)
    lines = [_HEAD.format(required=required)]
    for name in ORDER[1:]:
        if name == "physics":
            lines += _table_of_choices(
                "physics", "`name` picks the equations; the other keys are theirs.", _physics_rows()
            )
        elif name == "problem":
            lines += _table_of_choices("problem", _PROBLEM_TEXT, _problem_rows())
        elif name == "sources":
            rows: list[Row] = [(n, str(m.__doc__), m, "") for n, m in SOURCES.items()]
            lines += _table_of_choices("sources", _SOURCES_TEXT, rows)
        else:
            model = SECTIONS[name]
            lines += [f"## [{name}]", "", str(model.__doc__), "", _SECTION_TEXT.get(name, ""), "", *_keys(model), ""]
    return _tidy(lines)


_PROBLEM_TEXT = """`name` picks the initial state; the other keys are its own. A plugin `name = "file.py:f"` is a function
`f(x)` of points `x` (dim, n) that returns a dictionary of primitive variable to array (n,), `velocity` to (dim, n); further keys
are passed to it as keywords, and an exact state may hang on it as `f.exact = g` with `g(x, t)`. Every problem has the key
`quadrature`: Gauss points per axis and cell that the initial state is averaged over (default 3, in 3D 2).

A state such as `left` is a table of all primitive variables: `{ density = 1.0, velocity = [0.0, 0.0], pressure = 1.0 }`. Passive
scalars that are left out are 0."""
_SOURCES_TEXT = """A list beside the title, or one `[[sources]]` table each: `sources = [{ name = "gravity", g = [0.0, -0.1] }]`.
A plugin `"file.py:f"` is a function `f(x, t, w)`: `x` (dim, n_block, nk, nj, ni) cell centres, `t` the time, `w` primitive
variables by name; it returns a dictionary of conserved variable to rate of change per volume."""


def _physics_rows() -> list[Row]:
    rows: list[Row] = []
    for name, physics in PHYSICS.items():
        where = "" if physics.dims == (1, 2, 3) else f" {_dims(physics.dims)}."
        rows.append((name, _one_line(physics.__doc__) + where, physics.Parameters, ""))
    return rows


def _problem_rows() -> list[Row]:
    rows: list[Row] = []
    for name, problem in PROBLEMS.items():
        needs = f"Physics: {', '.join(problem.requires) or 'any'}."
        where = "" if problem.dims == (1, 2, 3) else f" {_dims(problem.dims)}."
        rows.append((name, f"{problem.summary}. {needs}{where}", problem, "quadrature"))
    return rows


def _dims(dims: tuple[int, ...]) -> str:
    return "Only in " + " and ".join(f"{d}D" for d in dims)


def _table_of_choices(title: str, text: str, rows: list[Row]) -> list[str]:
    lines = [f"## [{title}]" if title != "sources" else "## sources", "", text, ""]
    for name, about, model, leave_out in rows:
        lines += [f"### {name}", "", _one_line(about), "", *_keys(model, leave_out), ""]
    return lines


def _keys(model: type[BaseModel], leave_out: str = "") -> list[str]:
    rows = []
    schema = _without_null(model.model_json_schema())
    for name, field in model.model_fields.items():
        if name == leave_out:
            continue
        if field.is_required():
            default = "required"
        elif field.default_factory is not None:
            value = field.get_default(call_default_factory=True)
            default = f"`{toml_value(value)}`" if value else "none"
        else:
            default = "" if field.default in (None, "") else f"`{toml_value(field.default)}`"
        kind = _type(schema["properties"][name])
        rows.append(f"| `{name}` | {kind} | {default} | {_cell(field.description or '')} |")
    return ["| key | type | default | meaning |", "|---|---|---|---|", *rows] if rows else ["No keys of its own."]


_TYPES = {"number": "number", "integer": "whole number", "string": "string", "boolean": "true/false", "object": "table"}


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "enum" in schema:
        return ", ".join(f"`{name}`" for name in schema["enum"])
    if "const" in schema:
        return f"`{toml_value(schema['const'])}`"
    if "$ref" in schema:
        return "table"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(item) for item in schema["anyOf"]))
    if schema.get("type") == "array":
        item = _type(schema.get("items", {}))
        for one, many in (("number", "numbers"), ("string", "strings"), ("table", "tables")):
            item = item.replace(one, many)
        return f"list of {item}"
    return _TYPES.get(schema.get("type", ""), "any") + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    signs = (("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="))
    return ",".join(f" {sign} {schema[key]:g}" for key, sign in signs if key in schema)


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def _one_line(text: str | None) -> str:
    return " ".join((text or "").replace("``", "`").split())


def _tidy(lines: list[str]) -> str:
    """Lines joined, with one empty line where there are several."""
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"
