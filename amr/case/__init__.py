"""The case: a TOML file read, checked whole and resolved. Every fault is listed at once, with its key, value and nearest name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amr.case import check as case_check
from amr.case.schema import Guard, Mesh, Output, Petsc, Refinement, Scheme, Time
from amr.case.text import fault, report, toml_document
from amr.errors import CaseError
from amr.indicators import Indicator
from amr.physics.base import Physics
from amr.physics.boundary import Condition
from amr.physics.sources import SelfGravity, SourceFunction
from amr.problems.base import Problem


@dataclass(frozen=True)
class Case:
    """A validated, resolved case; made by `load_case` or `Case.from_dict`.

    Attributes
    ----------
    title : str
    mesh, scheme, refinement, guard, petsc, time, output
        The sections (`amr.case.schema`), defaults filled in; ``mesh.periodic`` is a list, ``scheme.riemann`` a name,
        ``output.directory`` a path.
    physics : Physics
    problem : Problem
        Bound to this case.
    boundaries : tuple of Condition
        Per direction = 2*axis + side.
    sources : tuple of (name, function)
        ``function(x, t, w)`` -> rates by conserved variable.
    self_gravity : SelfGravity, optional
        Which is not among ``sources``.
    indicators : tuple of Indicator
        With their thresholds, each bound to the physics.
    buffer : int
        Cells; the number that ``refinement.buffer = "auto"`` means here.
    data : dict
        The resolved case as plain TOML values; plugin paths are absolute.
    source : str
        The file it was read from, for messages.
    """

    title: str
    mesh: Mesh
    physics: Physics
    problem: Problem
    boundaries: tuple[Condition, ...]
    scheme: Scheme
    sources: tuple[tuple[str, SourceFunction], ...]
    self_gravity: SelfGravity | None
    refinement: Refinement
    indicators: tuple[Indicator, ...]
    buffer: int
    guard: Guard
    petsc: Petsc
    time: Time
    output: Output
    data: dict[str, Any]
    source: str

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], directory: str | Path = ".", source: str = "case", output: str = "out"
    ) -> Case:
        """Check and resolve a dictionary that is laid out like a case file.

        Parameters
        ----------
        data : mapping
            Sections by name, values as `tomllib` gives them.
        directory : path
            Where relative plugin files are looked for.
        source : str
            Name for messages.
        output : str
            Default of ``output.directory``.

        Raises
        ------
        CaseError
            With one line per fault.
        """
        parts, faults = case_check.check(data, Path(directory), output)
        if faults:
            raise CaseError(report(faults, source))
        return cls(**parts, source=source)

    def replace(self, **sections: Mapping[str, Any] | Sequence[Any] | str) -> Case:
        """A new case with some keys changed: ``case.replace(mesh={"max_level": 5})``.

        The keys given are merged into their section; another ``name`` replaces the section. A value of None removes a key,
        so that its default returns. ``sources`` and ``title`` are replaced whole.

        Raises
        ------
        CaseError
            The new case has faults.
        """
        data = {name: dict(value) if isinstance(value, dict) else value for name, value in self.data.items()}
        for name, given in sections.items():
            if not isinstance(given, Mapping):
                data[name] = given
                continue
            old = data.get(name, {})
            if "name" in given and given["name"] != old.get("name"):
                old = {}
            merged = {**old, **given}
            data[name] = {key: value for key, value in merged.items() if value is not None}
        return Case.from_dict(data, source=self.source, output=str(self.output.directory))

    def to_toml(self) -> str:
        """The resolved case as a TOML file that reads back as the same case."""
        return toml_document(self.data)


def load_case(path: str | Path, overrides: Sequence[str] = (), petsc_options: str = "") -> Case:
    """Read, check and resolve a case file.

    Parameters
    ----------
    path : path
        A TOML file.
    overrides : sequence of str
        ``section.key=value`` with TOML values; a bare word is a string.
    petsc_options : str
        Added to ``petsc.options``.

    Raises
    ------
    CaseError
        The file cannot be read, or its faults, one per line.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CaseError(f"{path}: is not a text file in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise CaseError(f"{path}: not valid TOML: {error}") from error
    faults = [text for text in (_override(data, item) for item in overrides) if text is not None]
    if faults:
        raise CaseError(report((fault("--set " + item, text) for item, text in faults), str(path)))
    if petsc_options:
        section = data.setdefault("petsc", {})
        if isinstance(section, dict) and isinstance(section.get("options", ""), str):
            section["options"] = f"{section.get('options', '')} {petsc_options}".strip()
    return Case.from_dict(data, path.parent, str(path), f"out/{path.stem}")


def _override(data: dict[str, Any], item: str) -> tuple[str, str] | None:
    """Apply ``section.key=value`` to ``data`` in place; return the item and what is wrong with it, or None."""
    key, sign, text = item.partition("=")
    parts = key.strip().split(".")
    if not sign or not all(parts):
        return item, 'must look like section.key=value, such as "mesh.max_level=5"'
    try:
        value = _toml_or_word(text.strip())
    except tomllib.TOMLDecodeError as error:
        return item, f"not a TOML value: {error}"
    place: Any = data
    for depth, part in enumerate(parts):
        is_last = depth == len(parts) - 1
        if isinstance(place, list):
            if not part.isdecimal() or int(part) >= len(place):
                return item, f"{'.'.join(parts[:depth])} is a list with entries 0 .. {len(place) - 1}"
            part_key: Any = int(part)
        elif isinstance(place, dict):
            part_key = part
        else:
            return item, f"{'.'.join(parts[:depth])} is not a table"
        if is_last:
            place[part_key] = value
        elif isinstance(place, list):
            place = place[part_key]
        else:
            place = place.setdefault(part_key, {})
    return None


def _toml_or_word(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text and not set(text) & set("[]{}\"'=,\n"):
            return text
        raise
