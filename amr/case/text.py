"""Faults of a case as text, and a case as TOML: no rule of the schema is here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from amr.names import suggestion

_MISSING = object()
_PLAIN = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "finite_number": "must be finite",
    "string_too_short": "must not be empty",
    "multiple_of": "must be even",
}


@dataclass(frozen=True)
class Fault:
    """One fault of a case: where it is, what stands there (`_MISSING` if nothing does) and what is wrong with it."""

    key: str
    value: Any
    text: str

    def __str__(self) -> str:
        return (
            f"{self.key}: {self.text}" if self.value is _MISSING else f"{self.key} = {shown(self.value)}: {self.text}"
        )


def fault(key: str, text: str, value: Any = _MISSING) -> Fault:
    """A fault; leave ``value`` out where the key is missing."""
    return Fault(key, value, text)


def shown(value: Any, width: int = 60) -> str:
    """A value as TOML, shortened to ``width`` characters."""
    try:
        text = toml_value(value)
    except TypeError:
        text = repr(value)
    return text if len(text) <= width else text[: width - 4] + " ..."


def path(*parts: str | int) -> str:
    """``("mesh", "lower", 0)`` -> ``mesh.lower[0]``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def model_faults(error: ValidationError, model: type[BaseModel], *prefix: str | int) -> list[Fault]:
    """The faults that pydantic found in a table read as ``model``, in our words."""
    found = []
    for item in error.errors(include_url=False):
        loc, kind, context = item["loc"], item["type"], item.get("ctx", {})
        key = path(*prefix, *loc)
        if kind == "extra_forbidden":
            found.append(fault(key, f"unknown key{suggestion(loc[-1], known_keys(model))}", item["input"]))
        elif kind == "missing":
            found.append(fault(key, f"missing key{_explained(model, loc)}"))
        elif kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
            sign = {"greater_than": ">", "greater_than_equal": ">=", "less_than": "<", "less_than_equal": "<="}[kind]
            bound = next(context[k] for k in ("gt", "ge", "lt", "le") if k in context)
            found.append(fault(key, f"must be {sign} {bound:g}", item["input"]))
        elif kind in ("too_short", "too_long"):
            limit = context.get("min_length", context.get("max_length"))
            found.append(
                fault(
                    key, f"must have {'at least' if kind == 'too_short' else 'at most'} {limit} entries", item["input"]
                )
            )
        else:
            message = _PLAIN.get(kind) or item["msg"].removeprefix("Value error, ")
            found.append(fault(key, message, item["input"]))
    return found


def _explained(model: type[BaseModel], loc: tuple[Any, ...]) -> str:
    field = model.model_fields.get(str(loc[0])) if len(loc) == 1 else None
    return f" ({field.description})" if field is not None and field.description else ""


def known_keys(model: type[BaseModel]) -> list[str]:
    """The keys a table read as ``model`` may have."""
    return [f.alias or name for name, f in model.model_fields.items()]


def report(faults: Iterable[Fault], source: str) -> str:
    """All faults of a case, one line each below a heading."""
    lines = list(dict.fromkeys(map(str, faults)))
    count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    return "\n".join([f"{source}: {count}", *(f"  {line}" for line in lines)])


# ---- TOML ------------------------------------------------------------------------------------------------------------------


def toml_value(value: Any) -> str:
    """A value in TOML, tables inline.

    Raises
    ------
    TypeError
        TOML has no such value.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        text = repr(value)  # shortest text that reads back as the same number
        return text if any(c in text for c in ".e") else text + ".0"
    if isinstance(value, str):
        return _toml_string(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _toml_string(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}
    return '"' + "".join(escapes.get(c, c if c.isprintable() else f"\\U{ord(c):08X}") for c in text) + '"'


def _toml_key(key: str) -> str:
    return key if key and all(c.isascii() and (c.isalnum() or c in "_-") for c in key) else _toml_string(key)


def toml_document(data: Mapping[str, Any]) -> str:
    """A two-level dictionary as a TOML file: plain keys first, then one section per table; None is left out."""
    lines = [
        f"{_toml_key(k)} = {toml_value(v)}" for k, v in data.items() if v is not None and not isinstance(v, Mapping)
    ]
    for name, section in data.items():
        if isinstance(section, Mapping):
            lines += ["", f"[{_toml_key(name)}]"]
            lines += [f"{_toml_key(k)} = {toml_value(v)}" for k, v in section.items() if v is not None]
    return "\n".join(lines).lstrip("\n") + "\n"
