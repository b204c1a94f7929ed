"""PETSc when it is needed: loading it, and its options."""

from __future__ import annotations

import ctypes
import shlex
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from amr.comm import Comm
from amr.errors import CaseError, SolveError

_INSTALL = (
    "this case needs PETSc, and petsc4py cannot be loaded ({}). Debian and Ubuntu: apt-get install python3-petsc4py; "
    "elsewhere: pip install petsc4py, with the MPI that mpi4py uses (docs/install.md)"
)


def load_petsc() -> Any:
    """The module ``petsc4py.PETSc``, initialised. The first call is collective over all ranks of the program that work.

    Raises
    ------
    CaseError
        petsc4py is not installed, or does not fit this Python or NumPy.
    """
    try:
        import petsc4py

        _start(petsc4py)
        from petsc4py import PETSc
    except (ImportError, ValueError, OSError) as error:
        raise CaseError(_INSTALL.format(error)) from error
    return PETSc


@lru_cache(maxsize=1)
def _start(petsc4py: Any) -> None:
    """Initialise PETSc, once."""
    # Signals are ours (amr.signals): PETSc would print a trace and abort.
    petsc4py.init(["amr", "-no_signal_handler"], comm=Comm.world().mpi)


def split_options(text: str) -> list[tuple[str, str | None]]:
    """Names, without their hyphen, and values of options as on a command line: ``"-ksp_type cg -ksp_monitor"``.

    Raises
    ------
    CaseError
        A quotation that does not end, or a value without a name before it.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CaseError(f"PETSc options {text!r}: {error}") from error
    found: list[tuple[str, str | None]] = []
    for word in words:
        if word.startswith("-") and word[1:2].isalpha():
            found.append((word[1:], None))
        elif found and found[-1][1] is None:
            found[-1] = (found[-1][0], word)
        else:
            raise CaseError(f'PETSc options: {word!r} is not the value of an option; write "-name value -flag"')
    return found


def insert_options(text: str, prefix: str = "") -> None:
    """Put options into PETSc's database, each name with ``prefix`` before it; later ones win. The same on every rank."""
    database = load_petsc().Options(prefix)
    for name, value in split_options(text):
        database.setValue(name, value)


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """PETSc's own functions, for what petsc4py lacks: those of the library that it has loaded."""
    found = ctypes.CDLL(load_petsc().__file__)
    pointer = ctypes.c_void_p
    found.MatSetPreallocationCOO.argtypes = [pointer, ctypes.c_ssize_t, pointer, pointer]
    found.MatSetValuesCOO.argtypes = [pointer, pointer, ctypes.c_int]
    for function in (found.MatUpdateMPIAIJWithArray, found.MatSeqAIJGetArray, found.MatSeqAIJRestoreArray):
        function.argtypes = [pointer, pointer]
    found.PetscOptionsUsed.argtypes = [pointer, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]
    return found


def check(name: str, code: int) -> None:
    """Raise a `SolveError` where a function of PETSc has returned a code of failure."""
    if code:
        raise SolveError(f"PETSc's {name} failed with code {code}")


def unused_options(text: str, prefixes: Sequence[str]) -> list[str]:
    """Names among the options that no object of PETSc's has asked for so far, with any of the prefixes: misspelt, perhaps."""

    def is_used(name: str) -> bool:
        flag = ctypes.c_int(0)
        library().PetscOptionsUsed(None, name.encode(), ctypes.byref(flag))
        return bool(flag.value)

    return [name for name, _ in split_options(text) if not any(is_used(prefix + name) for prefix in prefixes)]


def remove_options(text: str, prefix: str = "") -> None:
    """Take out again what `insert_options` has put in: PETSc's database has room for some hundred names only."""
    database = load_petsc().Options(prefix)
    for name, _ in split_options(text):
        database.delValue(name)
