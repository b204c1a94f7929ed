"""Solution of linear systems by PETSc's Krylov methods."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, cast

from amr.errors import SolveError
from amr.implicit.multigrid import FEW, Hierarchy
from amr.implicit.petsc import insert_options, load_petsc, remove_options, split_options

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.implicit.operator import CompositeOperator

# Faces between levels make the matrix nonsymmetric, so no conjugate gradients.
DEFAULTS = "-ksp_type fgmres -ksp_rtol 1e-10 -ksp_max_it 500 -pc_type mg"
# PCMG on the forest's own levels (amr.implicit.multigrid).
_MULTIGRID = (
    "-mg_levels_ksp_type richardson -mg_levels_ksp_max_it 1 -mg_levels_ksp_norm_type none -mg_levels_pc_type sor"
)
# Its coarsest mesh, if that has too many unknowns for a direct solution.
_MULTIGRID_LARGE = (
    "-mg_coarse_ksp_type fgmres -mg_coarse_ksp_rtol 0.05 -mg_coarse_ksp_max_it 20 -mg_coarse_pc_type gamg"
)
# The coarsest matrix of a singular one is singular.
_SINGULAR, _SINGULAR_LARGE = "-mg_coarse_pc_type svd", "-mg_coarse_mg_coarse_pc_type svd"

# The reasons of KSPConvergedReason.
REASONS = {
    2: "the residual fell below ksp_rtol times the right-hand side",
    3: "the residual fell below ksp_atol",
    4: "the iterations that were asked for are done",
    9: "the residual fell below ksp_atol",
    1: "the residual fell below ksp_rtol times the right-hand side",
    -2: "the method broke down: its vectors are zero",
    -3: "the most iterations that are allowed (ksp_max_it) were not enough",
    -4: "the residual grew beyond ksp_divtol times the first one",
    -5: "the Krylov method broke down",
    -6: "the initial residual is orthogonal to its preconditioned one",
    -7: "the method needs a symmetric matrix, and this one is not",
    -8: "the preconditioner is indefinite, and the method needs a definite one",
    -9: "the residual is NaN or infinite",
    -10: "the matrix is indefinite, and the method needs a definite one",
    -11: "the preconditioner could not be set up, or failed",
}


@dataclass(frozen=True)
class SolveInfo:
    """How a solve went.

    Attributes
    ----------
    iterations : int
    residual : float
        Last norm of the residual that the method watched.
    reason : str
        Why it stopped.
    seconds : float
        Wall time of this rank, set-up of the preconditioner included.
    """

    iterations: int
    residual: float
    reason: str
    seconds: float


class System(Protocol):
    """What is solved: a `CompositeOperator`, or a matrix made of one."""

    @property
    def mat(self) -> Any:
        """The matrix."""

    @property
    def comm(self) -> Comm:
        """The ranks it is spread over."""

    @property
    def has_multigrid(self) -> bool:
        """Whether it is one of those that `amr.implicit.multigrid` makes coarser ones of; others get GAMG for PCMG."""

    @property
    def is_singular(self) -> bool:
        """Whether `remove_mean` makes a solution unique."""

    def remove_mean(self, vec: Any) -> None:
        """Take the part in the null space from a vector. In place, collective."""


class LinearSolver:
    """A Krylov method and a preconditioner for an operator. Collective to make.

    Parameters
    ----------
    operator : System
        May be updated between solves; after a regrid a new one needs a new solver.
    options : str
        Of PETSc, as on a command line; they win over `DEFAULTS`.
    prefix : str
        Of this solver's options in PETSc's database.

    Raises
    ------
    CaseError
        The options are not such.
    SolveError
        PETSc knows no such method.
    """

    def __init__(self, operator: System, options: str = "", prefix: str = "") -> None:
        petsc = load_petsc()
        self.operator = operator
        self._hierarchy: Hierarchy | None = None
        self._error: type[Exception] = petsc.Error
        defaults = [DEFAULTS, _SINGULAR if operator.is_singular else ""]
        is_multigrid = dict(split_options(f"{DEFAULTS} {options}")).get("pc_type") == "mg"
        if is_multigrid and not operator.has_multigrid:
            options = f"{options} -pc_type gamg"
        elif is_multigrid:
            self._hierarchy = Hierarchy(cast("CompositeOperator", operator))
            defaults.append(_MULTIGRID)
            if not self._hierarchy.levels:  # blocks that cannot be halved
                self._hierarchy, options = None, f"{options} -pc_type gamg"
            elif self._hierarchy.n_coarsest > FEW:
                defaults += [_MULTIGRID_LARGE, _SINGULAR_LARGE if operator.is_singular else ""]
        self._options = " ".join([*defaults, options]), prefix
        insert_options(*self._options)
        self.ksp: Any = petsc.KSP().create(operator.comm.mpi)
        self.ksp.setOptionsPrefix(prefix)
        self.ksp.setOperators(operator.mat)
        try:
            if self._hierarchy is not None:
                self._hierarchy.attach(self.ksp.getPC())
            self.ksp.setFromOptions()
        except petsc.Error as error:
            raise SolveError(f"PETSc options: {last_line(error)}") from error

    def set_up(self) -> float:
        """Set the preconditioner up now, which `solve` would do; its wall time in seconds. Collective."""
        start = perf_counter()
        self._follow()
        self._call(self.ksp.setUp)
        return perf_counter() - start

    def solve(self, rhs: Any, x: Any) -> SolveInfo:
        """Solve for ``x``, whose values are the first guess. In place, collective.

        The mean over the volume of x is 0 where the operator is singular.

        Raises
        ------
        SolveError
            It did not converge, on every rank; x holds the last iterate.
        """
        start = perf_counter()
        self._follow()
        self.ksp.setInitialGuessNonzero(True)
        self._call(lambda: self.ksp.solve(rhs, x))
        number, reason = self.ksp.getIterationNumber(), self.ksp.getConvergedReason()
        words = REASONS.get(reason, f"PETSc's reason {reason}")
        if reason <= 0:
            raise SolveError(
                f"a linear solve of {x.getSize()} unknowns ({self.ksp.getType()}, {self.ksp.getPC().getType()}) failed after "
                f"{number} iterations, residual {self.ksp.getResidualNorm():.3g}: {words}"
            )
        if self.operator.is_singular:
            self.operator.remove_mean(x)
        return SolveInfo(number, self.ksp.getResidualNorm(), words, perf_counter() - start)

    def free(self) -> None:
        """Give PETSc's objects back. Collective."""
        self.ksp.destroy()
        remove_options(*self._options)
        if self._hierarchy is not None:
            self._hierarchy.free()

    def _follow(self) -> None:
        """Let the coarser meshes have the operator's coefficients."""
        if self._hierarchy is not None:
            self._hierarchy.update()

    def _call(self, work: Any) -> None:
        """Run a call of PETSc; its errors become ours."""
        try:
            work()
        except self._error as error:
            raise SolveError(f"a linear solve failed: {last_line(error)}") from error


def last_line(error: Exception) -> str:
    """The last line of what PETSc says."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].partition("] ")[2] or lines[-1]
