"""Types of PETSc's TS that are offered, and the options that its solvers start from."""

from __future__ import annotations

from dataclasses import dataclass, field

from amr.errors import CaseError
from amr.implicit.petsc import load_petsc, split_options
from amr.names import suggestion

EXPLICIT, IMEX, IMPLICIT = "explicit", "imex", "implicit"

#: Types of ``-ts_type`` by what they do with the equations: all of them explicit; hyperbolic fluxes explicit, the rest implicit;
#: all implicit.
TYPES = {
    "euler": EXPLICIT,
    "ssp": EXPLICIT,
    "rk": EXPLICIT,
    "arkimex": IMEX,
    "theta": IMPLICIT,
    "cn": IMPLICIT,
    "beuler": IMPLICIT,
    "bdf": IMPLICIT,
    "rosw": IMPLICIT,
}
#: Explicit types that estimate their error, so that the step can follow from it.
_ESTIMATING = ("rk",)

# Chebyshev smoothers would keep the eigenvalues of the first matrix, and it goes from near the identity to near the Laplacian.
_SOLVER = "-ksp_type fgmres -ksp_max_it 500 -mg_levels_ksp_type richardson -mg_levels_pc_type sor"
_LINEAR = "-ksp_rtol 1e-10"
# One preconditioner per stage. Not longer: the bits of a run do not depend on where it was restarted.
_NEWTON = "-ksp_rtol 1e-6 -snes_rtol 1e-10 -snes_stol 0 -snes_max_it 20 -snes_lag_preconditioner 20"
# Products with the Jacobian by differences of the residual.
_MATRIX_FREE = "-snes_mf_operator"
_MULTIGRID = 1000.0
"""Above this diffusion number multigrid is worth its set-up; below, incomplete factors of each rank's block."""
_STEPS = "-ts_rtol 1e-4 -ts_atol 1e-6"


@dataclass(frozen=True)
class TimeOptions:
    """What a case asks of TS.

    Attributes
    ----------
    type : str
        A key of `TYPES`.
    is_adaptive : bool
        The step follows from the estimated error.
    own : dict
        The options of the case.
    inserted : dict
        What is in PETSc's database now.
    """

    type: str
    is_adaptive: bool
    own: dict[str, str | None]
    inserted: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, has_flux: bool, has_implicit: bool, fixed_dt: float | None) -> TimeOptions:
        """From the options of a case.

        Parameters
        ----------
        text : str
            ``petsc.options``.
        has_flux : bool
            The equations have a hyperbolic flux.
        has_implicit : bool
            They have a part to be solved implicitly: diffusion, viscosity, reactions, sources.
        fixed_dt : float, optional
            ``time.dt``.

        Raises
        ------
        CaseError
            A type that is not offered, or not for these equations.
        """
        own = dict(split_options(text))
        kind = own.get("ts_type") or ("arkimex" if has_implicit else "ssp")
        if kind not in TYPES:
            raise CaseError(f"petsc.options: -ts_type {kind} is not offered{suggestion(kind, TYPES)}")
        if not has_implicit and TYPES[kind] != EXPLICIT:
            offered = ", ".join(name for name, each in TYPES.items() if each == EXPLICIT)
            raise CaseError(
                f"petsc.options: -ts_type {kind} has nothing to solve, for all is hyperbolic: take {offered}"
            )
        if has_flux and TYPES[kind] == IMPLICIT:
            raise CaseError(
                f"petsc.options: -ts_type {kind} would solve for the hyperbolic flux, too, whose limiters have no derivative; "
                "take arkimex (flux explicit, diffusion implicit), ssp or rk"
            )
        adapt = own.get("ts_adapt_type")
        may_adapt = not has_flux and fixed_dt is None and (TYPES[kind] != EXPLICIT or kind in _ESTIMATING)
        is_adaptive = may_adapt if adapt is None else adapt != "none"
        if is_adaptive and TYPES[kind] == EXPLICIT and kind not in _ESTIMATING:
            raise CaseError(f"petsc.options: -ts_type {kind} has no estimate of its error: -ts_adapt_type none")
        if not is_adaptive and not has_flux and fixed_dt is None and TYPES[kind] != EXPLICIT:
            raise CaseError("petsc.options: with -ts_adapt_type none the step must be given: time.dt")
        return cls(kind, is_adaptive, own)

    def preconditioner(self, number: float) -> str:
        """``-pc_type`` of the case, or one for this diffusion number: step times the sum over axes of 2 D / spacing^2."""
        return self.own.get("pc_type") or ("gamg" if number > _MULTIGRID else "bjacobi")

    @property
    def part(self) -> str:
        """`EXPLICIT`, `IMEX` or `IMPLICIT`."""
        return TYPES[self.type]

    def insert(self, is_linear: bool, has_matrix_free: bool = False) -> None:
        """Put the defaults and the case's options into PETSc's database. The same on every rank.

        ``has_matrix_free``: the matrix of the Jacobian is for the preconditioner alone.
        """
        # Rosenbrock methods take one Newton step a stage: nothing corrects what a linear solve leaves.
        solver = _LINEAR if is_linear or self.type == "rosw" else _NEWTON
        defaults = f"-ts_type {self.type} {_STEPS} {_SOLVER} {solver} {_MATRIX_FREE if has_matrix_free else ''}"
        adapt = "basic" if self.is_adaptive else "none"
        database = load_petsc().Options()
        self.inserted.update({"ts_adapt_type": adapt, **dict(split_options(defaults)), **self.own})
        for name, value in self.inserted.items():
            database.setValue(name, value)

    def remove(self) -> None:
        """Take them out again, so that another run in this process does not find them."""
        database = load_petsc().Options()
        for name in self.inserted:
            database.delValue(name)
        self.inserted.clear()
