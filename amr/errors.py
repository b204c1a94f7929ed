"""The errors a user can meet. The command line prints their text alone, once, and exits non-zero."""


class AMRError(Exception):
    """Base of all errors of this package; ``exit_code`` is the status the command line ends with."""

    exit_code = 1


class CaseError(AMRError):
    """A fault of the case file or the command line; the text has one line per fault."""

    exit_code = 2


class MeshError(AMRError):
    """A mesh that cannot be built or represented."""


class UnphysicalState(AMRError):
    """A state without meaning (negative density or pressure, NaN), with its place and time."""


class FileFormatError(AMRError):
    """A file that is damaged, foreign or of an unknown version."""


class PluginError(AMRError):
    """A user's plugin that cannot be loaded or returns what it must not."""


class SolveError(AMRError):
    """A linear or implicit solve that did not converge, with PETSc's reason in words."""
