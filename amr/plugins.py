"""Objects that a case names: ``"file.py:name"``, ``"package.module:name"`` or the name of an installed entry point."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from amr.errors import PluginError
from amr.names import suggestion

GROUPS = ("amr.indicators", "amr.problems", "amr.physics", "amr.boundaries", "amr.sources")
"""Entry-point groups that an installed package may fill."""


def is_plugin(name: str) -> bool:
    """Whether a name says where its object is: ``"file.py:name"`` or ``"package.module:name"``."""
    return ":" in name


def resolve(name: str, group: str, directory: str | Path = ".") -> Any:
    """The object that ``name`` stands for. Not collective.

    Parameters
    ----------
    name : str
        ``"file.py:name"`` with a path relative to ``directory``, ``"package.module:name"``, or an entry point's name.
    group : str
        One of `GROUPS`, where a name without a colon is looked up.
    directory : path
        Usually that of the case file.

    Returns
    -------
    object
        None if ``name`` has no colon and no installed package offers it.

    Raises
    ------
    PluginError
        The file, module or name does not exist, or its code fails; or the object is not callable.
    """
    where, colon, attribute = name.rpartition(":")
    if not colon:
        return _entry_point(name, group)
    if not where or not attribute:
        raise PluginError('must look like "file.py:name" or "package.module:name"')
    module = _load_file(Path(directory) / where) if where.endswith(".py") else _import(where)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = [n for n in vars(module) if not n.startswith("_")]
            raise PluginError(f"{where} has no {attribute}{suggestion(attribute, known)}")
        found = getattr(found, part)
    return _callable(found, f"{attribute} of {where}")


def absolute(name: str, directory: Path) -> str:
    """A plugin's name with the path of its file made absolute; other names are returned as they are."""
    file, colon, rest = name.rpartition(":")
    return f"{(directory / file).resolve()}:{rest}" if colon and file.endswith(".py") else name


def describe(error: BaseException) -> str:
    """``"ValueError: text (my_file.py, line 7)"``: what a user's code raised, and the last line of hers that it passed.

    Files of this package and of NumPy are not hers.
    """
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    own = str(Path(__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((own, "<")) and "/numpy/" not in frame.filename
    ]
    return f"{text} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else text


def _callable(found: Any, what: str) -> Any:
    if not callable(found):
        raise PluginError(f"{what} is a {type(found).__name__}, not a function")
    return found


def _load_file(file: Path) -> ModuleType:
    file = file.resolve()
    # One module per file: several plugins of a file share its state, and it is run once.
    key = f"amr_plugin_{hashlib.sha256(str(file).encode()).hexdigest()[:16]}"
    if key in sys.modules:
        return sys.modules[key]
    if not file.is_file():
        raise PluginError(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(key, file)
    assert spec is not None and spec.loader is not None  # the name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module
    if str(file.parent) not in sys.path:
        # At the end: a plugin may import its neighbours, also later, within a function, but they hide nothing.
        sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[key]
        raise PluginError(f"{file}{_line(error, str(file))}: {type(error).__name__}: {error}") from error
    return module


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise PluginError(f"cannot import {name}: {type(error).__name__}: {error}") from error


def _entry_point(name: str, group: str) -> Any:
    from importlib.metadata import entry_points  # slow to import; most names are in a table

    found = {entry.value: entry for entry in entry_points(group=group, name=name)}
    if not found:
        return None
    if len(found) > 1:
        raise PluginError(
            f"several packages offer {name}: {', '.join(sorted(found))}; write one as package.module:name"
        )
    (entry,) = found.values()
    try:
        loaded = entry.load()
    except (Exception, SystemExit) as error:
        raise PluginError(f"cannot load {entry.value} for {name}: {type(error).__name__}: {error}") from error
    return _callable(loaded, entry.value)


def _line(error: BaseException, file: str) -> str:
    """``", line 7"``: the last line of ``file`` that the error passed."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f", line {lines[-1]}" if lines else ""
