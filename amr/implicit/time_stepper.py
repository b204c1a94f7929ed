"""One time step by PETSc's TS: hyperbolic fluxes explicit, by the step kernel; diffusion, reactions and sources implicit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

import amr._kernels.viscous as viscous_kernel
from amr.errors import AMRError, CaseError, SolveError
from amr.implicit.equations import Equations
from amr.implicit.petsc import load_petsc
from amr.implicit.solver import REASONS, last_line
from amr.implicit.time_options import EXPLICIT, TimeOptions
from amr.implicit.undershoots import Undershoots
from amr.scheme.stepper import Checked, Stage, Stepper, StepResult
from amr.scheme.timestep import choose_dt

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.mesh.pool import Layout, Pool
    from amr.physics.boundary import Condition
    from amr.scheme.flux import Scheme
    from amr.scheme.local_mesh import LocalMesh
    from amr.scheme.sources import SourceTerms

_FAILURES = {-1: "the implicit equations of a stage were not solved", -2: "the estimated error rejected too many steps"}
_SNES_REASONS = {
    -1: "a state was outside the domain of the equations",
    -3: "the linear solve failed",
    -4: "the residual is NaN or infinite",
    -5: "the most iterations that are allowed (snes_max_it) were not enough",
    -6: "the line search failed",
    -8: "Newton's method stands at a local minimum of the residual",
    -9: "the residual grew",
}
_KEPT_GROWTH = 1.1
"""A step that could grow by less is kept: matrices and preconditioners of a linear problem serve again."""


class PetscStepper(Stepper):
    """Advances the blocks of this rank by PETSc's TS (types: `amr.implicit.time_options.TYPES`).

    The equations are ``u' + A(u) = G(u)`` per cell, G the hyperbolic flux by the step kernel, without its half-step predictor,
    and A(u) diffusion minus reactions and sources. Explicit types take all of it for the right-hand side. A mesh that changes
    starts the method anew with the same step.

    Parameters
    ----------
    comm, physics, layout, scheme, cfl, timers
        As for `Stepper`; the solves are the phase ``implicit``.
    conditions : sequence of Condition
        Of the case, per direction.
    terms : SourceTerms
        Reactions and sources.
    options : str
        Of PETSc, as on a command line.
    fixed_dt : float, optional
        ``time.dt`` of the case: the step, or the first one where it adapts.
    density : float, optional
        Mean of what may not be negative: undershoots are counted.

    Raises
    ------
    CaseError
        Options that do not fit the equations, or petsc4py is missing.
    """

    def __init__(
        self,
        comm: Comm,
        physics: Any,
        layout: Layout,
        scheme: Scheme,
        cfl: float,
        timers: Any,
        *,
        conditions: Sequence[Condition],
        terms: SourceTerms,
        options: str,
        fixed_dt: float | None,
        density: float | None = None,
    ) -> None:
        super().__init__(comm, physics, layout, scheme, cfl, timers)
        self.conditions, self.terms, self.fixed_dt = conditions, terms, fixed_dt
        has_implicit = bool(physics.diffusivities) or bool(terms) or physics.is_viscous
        self.options = TimeOptions.of(options, physics.has_flux, has_implicit, fixed_dt)
        self._petsc = load_petsc()
        self._mesh: LocalMesh | None = None
        self._pool: Pool | None = None
        self._dt: float | None = None
        self._fault: AMRError | None = None
        self.counts = {"steps": 0, "snes_iterations": 0, "ksp_iterations": 0, "rejected_steps": 0}
        self.seconds = self.residual = 0.0
        self.undershoots = Undershoots(comm, density) if density is not None else None
        is_linear = all(law.is_constant for law in physics.diffusivities) and not terms
        self._is_viscous = physics.is_viscous and self.options.part != EXPLICIT
        if self._is_viscous:
            self.spec = physics.wave_spec  # the kernel's part, and what limits the step
        self.options.insert(is_linear and not self._is_viscous, self._is_viscous)

    # ---- what the time loop asks -----------------------------------------------------------------------------------------

    def next_dt(
        self, mesh: LocalMesh, pool: Pool, max_signal: float, t: float, target: float, fixed: float | None
    ) -> float:
        """Length of the next step: that of the estimated error, at most the CFL number's, not beyond ``target``. Collective."""
        self._use(mesh, pool)
        limit = self.cfl / max_signal if max_signal > 0 else math.inf
        if self.options.is_adaptive:
            self._dt = self._dt or fixed or self._first_dt(t, target)
            wanted = min(self._dt, limit)
        else:
            wanted = fixed or min(limit, self._diffusion_limit(pool))
        return choose_dt(self.cfl, 0.0, t, target, None if wanted == math.inf else wanted)

    def step(self, mesh: LocalMesh, pool: Pool, t: float, dt: float, notice: float = 0.0) -> StepResult:
        """As `Stepper.step`; the accepted length may be less than dt (``StepResult.length``)."""
        self._use(mesh, pool)
        result = StepResult.begin(notice)
        began = perf_counter()
        with self.timers("implicit"):
            result.accepted = self._try(pool, t, dt)
        self.seconds += perf_counter() - began
        if not result.accepted:
            self._ts.restartStep()
            return result
        reached = self._ts.getTime()
        if reached != t + dt:
            result.length = reached - t
        pool.u_new[:] = pool.u  # the static variables
        self._equations.from_vec(self._u.getArray(readonly=True), pool.u_new)
        self.check(mesh, pool.u_new, result)
        result.accepted = result.n_bad == 0
        if not result.accepted:
            self.failure = ""
            self._ts.restartStep()
            return result
        if self.options.is_adaptive:
            self._keep_dt(dt, result.length)
        if self.undershoots is not None:
            self.undershoots.look(pool.u_new[(slice(None), slice(None), *self.layout.interior)])
        self._ts.monitor(self._ts.getStepNumber(), reached, self._u)  # -ts_monitor
        return result

    def state(self) -> dict[str, Any]:
        return {"dt": self._dt, **self.counts, **self._undershoots()}

    def restore(self, state: dict[str, Any]) -> None:
        self._dt = state.get("dt")
        self.counts = {name: int(state.get(name, 0)) for name in self.counts}
        if self.undershoots is not None:
            self.undershoots.restore(state.get("undershoots", {}))

    def report(self) -> dict[str, Any]:
        kind = {"type": self.options.type, "adaptive": self.options.is_adaptive}
        told = {"last_residual": self.residual, "seconds": self.seconds}
        return {**kind, **self.counts, **told, **self._undershoots()}

    def _undershoots(self) -> dict[str, Any]:
        return {} if self.undershoots is None else {"undershoots": self.undershoots.totals()}

    def free(self) -> None:
        self._leave()
        self.options.remove()

    # ---- one mesh --------------------------------------------------------------------------------------------------------

    def _use(self, mesh: LocalMesh, pool: Pool) -> None:
        """Make what depends on the mesh, if it is another one. Collective."""
        self._pool = pool
        if mesh is self._mesh:
            return
        with self.timers("implicit"):
            self._leave()
            self._mesh = mesh
            self._equations = Equations(
                mesh, self.comm, self.physics, self.layout, self.conditions, self.terms, self._flux, self._state,
                self._viscous if self._is_viscous else None,
            )  # fmt: skip
            self._u = self._equations.new_vec()
            self._make_ts()

    def _make_ts(self) -> None:
        petsc, equations = self._petsc, self._equations
        ts = self._ts = petsc.TS().create(self.comm.mpi)
        self._work: list[Any] = []  # TS does not hold what it is given
        kinds = petsc.TS.ProblemType
        ts.setProblemType(kinds.LINEAR if equations.is_linear else kinds.NONLINEAR)
        ts.setExactFinalTime(petsc.TS.ExactFinalTime.STEPOVER)
        ts.setMaxSteps(np.iinfo(np.int32).max - 1)  # the largest number means that none was set
        ts.setErrorIfStepFails(False)
        try:
            ts.setFromOptions()
        except petsc.Error as error:
            raise CaseError(f"petsc.options: {last_line(error)}") from error
        self._work += [self._u.duplicate()]
        if self.options.part == EXPLICIT:
            ts.setRHSFunction(self._guarded(lambda ts, t, u, out: equations.whole(t, u, out)), self._work[0])
        else:
            if self.physics.has_flux:
                ts.setRHSFunction(self._guarded(lambda ts, t, u, out: self._flux(t, u, out)), self._work[0])
            self._work += [self._u.duplicate(), equations.new_mat()]
            ts.setIFunction(
                self._guarded(lambda ts, t, u, rate, out: equations.residual(t, u, rate, out)), self._work[1]
            )
            ts.setIJacobian(
                self._guarded(lambda ts, t, u, rate, shift, mat, pre: equations.jacobian(t, u, shift, mat, pre)),
                self._work[2],
                self._work[2],
            )
        ts.setSolution(self._u)
        self._seen = dict.fromkeys(self.counts, 0)

    def _leave(self) -> None:
        if self._mesh is None:
            return
        for each in (self._ts, self._u, *self._work):
            each.destroy()
        self._equations.free()
        self._mesh = None

    def _guarded(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """PETSc hands errors on as its own: ours are kept."""

        def guarded(*args: Any) -> Any:
            try:
                return work(*args)
            except AMRError as error:
                self._fault = error
                raise

        return guarded

    def _state(self) -> np.ndarray:
        assert self._pool is not None
        return self._pool.u

    def _flux(self, t: float, u: Any, out: Any) -> None:
        """``out`` = G(t, u), by a stage ``dt L(u) = -u + (u + dt L(u))``."""
        mesh, pool, dt = self._mesh, self._pool, self._step_dt
        assert mesh is not None and pool is not None
        given, change = pool.spare, pool.u_new
        self._equations.from_vec(u.getArray(readonly=True), given)
        checked, result = Checked.empty(pool.n_block), StepResult.begin()
        self._advance(mesh, Stage(given, given, change, t, dt, -1.0, 1.0, None), checked, result)
        with self.timers("reflux"):
            mesh.register.reflux(change, dt, mesh.spacing)
        out.setArray(self._equations.to_vec(change) / dt)

    def _viscous(self, t: float, values: np.ndarray) -> np.ndarray:
        """Viscous terms of unknowns (n,), between levels those of the finer side."""
        mesh, pool = self._mesh, self._pool
        assert mesh is not None and pool is not None
        given, change, register = pool.spare, pool.u_new, mesh.register
        self._equations.from_vec(values, given)
        with self.timers("ghosts"):
            mesh.fill_ghosts(given, t)
        with self.timers("kernel"):
            viscous_kernel.rate(
                self.physics.spec, self.layout, given, mesh.spacing, register.face_slot, register.flux, change
            )
        with self.timers("reflux"):
            register.reflux(change, 1.0, mesh.spacing)
        return self._equations.to_vec(change)

    # ---- one step --------------------------------------------------------------------------------------------------------

    def _try(self, pool: Pool, t: float, dt: float) -> bool:
        """One step of TS from ``pool.u``; whether it was done. Else ``failure`` says why."""
        ts = self._ts
        self._step_dt = dt
        if self.physics.has_flux:
            pool.spare[:] = pool.u  # the static variables
        self._u.setArray(self._equations.to_vec(pool.u))
        ts.setTime(t)
        ts.setTimeStep(dt)
        ts.setMaxTime(math.inf)
        number = 0.0
        if self.options.part != EXPLICIT:
            number = dt * self._equations.diffusion_rate(self._u.getArray(readonly=True))
            pc, wanted = ts.getSNES().getKSP().getPC(), self.options.preconditioner(number)
            if pc.getType() != wanted:
                pc.setType(wanted)
        if self.options.part != EXPLICIT and "snes_atol" not in self.options.own:
            # Where the first guess is the solution (a steady state) the residual is round-off, of the terms that cancel in it,
            # and cannot fall by snes_rtol.
            ts.getSNES().setTolerances(atol=(1e-13 + 1e-15 * number) * self._u.norm() / dt)
        self.failure = ""
        try:
            ts.step()
        except self._petsc.Error as error:
            if self._fault is not None:
                raise self._fault from error
            raise SolveError(f"a time step of PETSc failed: {last_line(error)}") from error
        self._count()
        if ts.getConvergedReason() >= 0:
            return True
        self.failure = self._why()
        return False

    def _count(self) -> None:
        """Add what TS has counted since the last call."""
        ts = self._ts
        now = {
            "steps": ts.getStepNumber(),
            "snes_iterations": ts.getSNESIterations(),
            "ksp_iterations": ts.getKSPIterations(),
            "rejected_steps": ts.getStepRejections(),
        }
        for name, value in now.items():
            self.counts[name] += value - self._seen[name]
        self._seen = now
        if self.options.part != EXPLICIT:
            self.residual = float(ts.getSNES().getFunctionNorm())

    def _why(self) -> str:
        reason = self._ts.getConvergedReason()
        text = f"PETSc's TS ({self.options.type}): {_FAILURES.get(reason, f'reason {reason}')}"
        if reason != -1 or self.options.part == EXPLICIT:
            return text
        snes = self._ts.getSNES()
        inner = snes.getConvergedReason()
        text += f", for {_SNES_REASONS.get(inner, f'its reason is {inner}')}"
        if inner == -3:
            linear = snes.getKSP().getConvergedReason()
            text += f" ({REASONS.get(linear, f'reason {linear}')})"
        return text

    def _keep_dt(self, asked: float, length: float | None) -> None:
        """What TS suggests for the next step, to 10 bits: round-off that differs between numbers of ranks does not reach it."""
        assert self._dt is not None
        mantissa, exponent = math.frexp(self._ts.getTimeStep())
        suggested = math.ldexp(math.floor(1024 * mantissa) / 1024, exponent)
        if length is None and asked < self._dt:
            suggested = max(suggested, self._dt)  # the step was cut to hit a time, not for its error
        if not self._dt <= suggested <= _KEPT_GROWTH * self._dt:
            self._dt = suggested

    def _first_dt(self, t: float, target: float) -> float:
        """A hundredth of the time in which the state would change by itself (Hairer, Norsett & Wanner I, II.4). Collective."""
        pool = self._pool
        assert pool is not None
        self._step_dt = target - t
        self._u.setArray(self._equations.to_vec(pool.u))
        if self.physics.has_flux:
            pool.spare[:] = pool.u
        rate = self._u.duplicate()
        self._equations.whole(t, self._u, rate)
        size, speed = self._u.norm(), rate.norm()
        rate.destroy()
        return min(0.01 * size / speed, target - t) if speed > 0 and size > 0 else 0.01 * (target - t)

    def _diffusion_limit(self, pool: Pool) -> float:
        """cfl times the step that forward Euler is stable with, for explicit types; else infinite. Collective."""
        if self.options.part != EXPLICIT:
            return math.inf
        top = self._equations.diffusion_rate(self._equations.to_vec(pool.u))
        return self.cfl / top if top > 0 else math.inf
