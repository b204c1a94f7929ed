"""What stands before and after the hyperbolic step: half a step of the sources and of self-gravity (Strang splitting)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.implicit.gravity import SelfGravity
    from amr.scheme.local_mesh import LocalMesh
    from amr.scheme.sources import SourceTerms
    from amr.scheme.stepper import Stepper


class SplitSources:
    """The sources and self-gravity of a run; false if there are none.

    Self-gravity is outermost: its potential is that of the density at the ends of a step.

    Parameters
    ----------
    comm : Comm
    sources : SourceTerms
    gravity : SelfGravity, optional
    timers : Timers
        Receives the phases ``source`` and ``gravity``.
    """

    def __init__(self, comm: Comm, sources: SourceTerms, gravity: SelfGravity | None, timers: Any) -> None:
        self.comm, self.sources, self.gravity, self.timers = comm, sources, gravity, timers

    def __bool__(self) -> bool:
        return bool(self.sources) or self.gravity is not None

    def signal(self, signal: float, mesh: LocalMesh, u: np.ndarray) -> float:
        """The signal that dt follows from: that of the waves, or more. Collective."""
        if self.gravity is None:
            return signal
        with self.timers("gravity"):
            return max(signal, self.gravity.signal(mesh, u))

    def first(self, mesh: LocalMesh, u: np.ndarray, t: float, dt: float, stepper: Stepper) -> np.ndarray:
        """The half before a step of length dt at time t, in place; sums of the changes (n_block, n_var). Collective."""
        change = np.zeros(u.shape[:2])
        if self.gravity is not None:
            with self.timers("gravity"):
                change += self.gravity.begin(mesh, u, dt)
                stepper.mass_flux = self.gravity.mass_flux
        return change + self._sources(mesh, u, t, 0.5 * dt)

    def last(self, mesh: LocalMesh, u: np.ndarray, u_new: np.ndarray, t: float, dt: float) -> np.ndarray:
        """The half after the step, which was accepted and has moved ``u`` to ``u_new``; as `first`."""
        if self.gravity is not None:
            with self.timers("gravity"):
                self.gravity.moved(u, u_new)
        change = self._sources(mesh, u_new, t + 0.5 * dt, 0.5 * dt)
        if self.gravity is not None:
            with self.timers("gravity"):
                change = change + self.gravity.finish(mesh, u_new, dt)
        return change

    def accept(self, u_new: np.ndarray) -> None:
        """The step is done. Collective."""
        if self.gravity is not None:
            with self.timers("gravity"):
                self.gravity.accept(u_new)

    def free(self) -> None:
        """Give back what MPI and PETSc hold."""
        if self.gravity is not None:
            self.gravity.free()

    def _sources(self, mesh: LocalMesh, u: np.ndarray, t: float, dt: float) -> np.ndarray:
        if not self.sources:
            return np.zeros(u.shape[:2])
        with self.timers("source"):
            return self.comm.agreed(lambda: self.sources.advance(u, mesh, t, dt))
