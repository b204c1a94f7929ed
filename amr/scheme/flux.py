"""Names of limiters, reconstructions, Riemann solvers and integrators: the tables behind the keys of ``[scheme]``."""

from __future__ import annotations

from dataclasses import dataclass

from amr._kernels.physics import riemann_offered
from amr.errors import CaseError
from amr.physics.base import Physics

#: Limiter name -> id (``amr_limiter_id`` of csrc/limiter.h).
LIMITERS: dict[str, int] = {"minmod": 0, "mc": 1, "van_leer": 2, "none": 3}

#: Riemann solver name -> id (``amr_riemann_id`` of csrc/riemann.h).
RIEMANN: dict[str, int] = {"rusanov": 0, "hll": 1, "hllc": 2, "roe": 3, "exact": 4}


@dataclass(frozen=True)
class Reconstruction:
    """From cell averages to the states on both sides of a face.

    Attributes
    ----------
    id : int
        ``amr_reconstruction_id`` of csrc/reconstruct.h.
    ghosts : int
        Ghost cells that it needs: the cells that it looks at from a face.
    predictor : bool
        Whether it has the slopes that a half-step predictor needs.
    edges: bool
        Whether the slopes of a cell along all axes are judged together, so that ghosts beside edges are looked at.
    """

    id: int
    ghosts: int
    predictor: bool
    edges: bool


#: Formulas and references: csrc/reconstruct.h, csrc/reconstruct_ppm.h, csrc/reconstruct_weno.h.
RECONSTRUCTIONS: dict[str, Reconstruction] = {
    "constant": Reconstruction(0, 2, True, False),
    "plm": Reconstruction(1, 2, True, True),
    "ppm": Reconstruction(2, 3, False, False),
    "weno5z": Reconstruction(3, 3, False, False),
}


@dataclass(frozen=True)
class Integrator:
    """Stages ``u^(s) = a u^(0) + b (u^(s-1) + dt L(u^(s-1)))``.

    Attributes
    ----------
    predictor : bool
        Hancock's half-step predictor inside L.
    stages : tuple of (float, float)
        (a, b) of each stage.
    times : tuple of float
        Time of the state that each stage starts from, in units of dt (for boundaries and sources).
    flux_weights : tuple of float
        Weight of each stage's flux in the whole step: the sum of weight * dt * flux is what passed a face.
    """

    predictor: bool
    stages: tuple[tuple[float, float], ...]
    times: tuple[float, ...]
    flux_weights: tuple[float, ...]


#: van Leer 1984 (MUSCL-Hancock); Shu and Osher, J. Comput. Phys. 77 (1988) 439 (SSP).
INTEGRATORS: dict[str, Integrator] = {
    "muscl_hancock": Integrator(True, ((0.0, 1.0),), (0.0,), (1.0,)),
    "ssp_rk2": Integrator(False, ((0.0, 1.0), (0.5, 0.5)), (0.0, 1.0), (0.5, 0.5)),
    "ssp_rk3": Integrator(
        False, ((0.0, 1.0), (0.75, 0.25), (1.0 / 3.0, 2.0 / 3.0)), (0.0, 1.0, 0.5), (1.0 / 6.0, 1.0 / 6.0, 2.0 / 3.0)
    ),
}
#: PETSc's TS has stages of its own (`amr.implicit.time_stepper`).
PETSC = "petsc"
INTEGRATOR_NAMES = (*INTEGRATORS, PETSC)


def find_integrator(name: str) -> Integrator:
    """The row of a name of `INTEGRATOR_NAMES`; that of "petsc" has no stages."""
    return Integrator(False, (), (), ()) if name == PETSC else INTEGRATORS[name]


def fault_of_pair(integrator: str, reconstruction: str) -> str:
    """Why these two known names do not go together; empty if they do."""
    if RECONSTRUCTIONS[reconstruction].predictor or not find_integrator(integrator).predictor:
        return ""
    others = " or ".join(name for name, each in INTEGRATORS.items() if not each.predictor)
    return f"reconstruction = {reconstruction} needs integrator {others}, not {integrator}"


def fault_of_integrator(physics: Physics, integrator: str) -> str:
    """Why a known integrator does not do for an equation set; empty if it does."""
    if not (physics.is_viscous and find_integrator(integrator).predictor):
        return ""
    others = ", ".join(name for name in INTEGRATOR_NAMES if not find_integrator(name).predictor)
    return f"physics {physics.name} needs one of {others}: the predictor of {integrator} knows no diffusion"


def riemann_names(physics: Physics) -> tuple[str, ...]:
    """Names of the Riemann solvers offered for ``physics``."""
    return tuple(name for name, id in RIEMANN.items() if riemann_offered(physics.spec.id, id))


def default_riemann(physics: Physics) -> str:
    """The sharpest of the cheap solvers offered: hllc where it exists, else hll."""
    return "hllc" if "hllc" in riemann_names(physics) else "hll"


@dataclass(frozen=True)
class Scheme:
    """Chosen scheme: the integrator, the ghost cells and the ids that ``amr._kernels.step.advance`` takes.

    ``edges``: whether ghosts beside edges and corners of a block are looked at.
    """

    integrator: Integrator
    limiter: int
    riemann: int
    reconstruction: int
    ghosts: int
    edges: bool

    @property
    def kernel_options(self) -> dict[str, int | bool]:
        """Keyword arguments of ``advance`` that do not change during a run."""
        return {
            "limiter": self.limiter,
            "riemann": self.riemann,
            "reconstruction": self.reconstruction,
            "predictor": self.integrator.predictor,
            "edges": self.edges,
        }


def create_scheme(
    physics: Physics,
    integrator: str = "muscl_hancock",
    reconstruction: str = "plm",
    limiter: str = "mc",
    riemann: str | None = None,
) -> Scheme:
    """Look up the names; ``riemann=None`` takes ``default_riemann``.

    Raises
    ------
    CaseError
        One line per unknown name or solver that the equation set does not have, or for names that do not go together.
    """
    riemann = riemann or default_riemann(physics)
    tables = (
        ("integrator", integrator, INTEGRATOR_NAMES),
        ("reconstruction", reconstruction, RECONSTRUCTIONS),
        ("limiter", limiter, LIMITERS),
        ("riemann", riemann, {name: RIEMANN[name] for name in riemann_names(physics)}),
    )
    faults = [
        f"scheme.{key} = {name!r}: known for {physics.name}: {', '.join(table)}"
        for key, name, table in tables
        if name not in table
    ]
    if not faults and (fault := fault_of_pair(integrator, reconstruction)):
        faults.append(f"scheme.reconstruction = {reconstruction!r}: {fault}")
    if not faults and (fault := fault_of_integrator(physics, integrator)):
        faults.append(f"scheme.integrator = {integrator!r}: {fault}")
    if faults:
        raise CaseError("\n".join(faults))
    chosen = RECONSTRUCTIONS[reconstruction]
    return Scheme(
        find_integrator(integrator), LIMITERS[limiter], RIEMANN[riemann], chosen.id, chosen.ghosts,
        edges=chosen.edges or physics.is_viscous,
    )  # fmt: skip
