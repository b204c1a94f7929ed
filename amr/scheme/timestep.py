"""The length of a time step, from the CFL number and the times that a run must hit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

import amr._kernels.step as step_kernel
from amr.errors import UnphysicalState

if TYPE_CHECKING:
    from amr._kernels.physics import PhysicsSpec
    from amr.comm import Comm
    from amr.mesh.pool import Layout
    from amr.scheme.local_mesh import LocalMesh


def diffusive_share(
    comm: Comm, spec: PhysicsSpec, wave_spec: PhysicsSpec, layout: Layout, u: np.ndarray, mesh: LocalMesh
) -> float:
    """How much of the largest signal of the state ``u``, which limits the next step, diffusion adds to that of waves. Collective.

    ``spec``: the terms that a stage has; ``wave_spec``: those without second derivatives.

    Returns
    -------
    float
        1 - (largest signal of waves alone) / (largest signal); above 0.5 it is diffusion that limits the step.
    """
    tops = comm.allreduce_max(
        [
            float((step_kernel.check(each, layout, u, mesh.spacing)[0] * mesh.substep).max(initial=0.0))
            for each in (spec, wave_spec)
        ]
    )
    return float(1.0 - tops[1] / tops[0]) if tops[0] > 0 else 0.0


def choose_dt(cfl: float, max_signal: float, t: float, target: float, fixed: float | None = None) -> float:
    """Length of the next step.

    Parameters
    ----------
    cfl : float
        CFL number, <= 1 in any dimension.
    max_signal : float
        Maximum over cells of the sum over axes of wave speed / spacing, with diffusion + 2 diffusivity / spacing^2 [1/s].
    t : float
        Present time.
    target : float
        Next time the run must hit (an output, the end), > t.
    fixed : float, optional
        A constant step asked for by the user.

    Returns
    -------
    float
        cfl / max_signal (or ``fixed``), shortened to hit ``target``; when two such steps would pass it, half the way,
        so that no sliver of a step is left.
    """
    dt = fixed if fixed is not None else (cfl / max_signal if max_signal > 0 else math.inf)
    left = target - t
    if dt >= left * (1 - 1e-12):
        return left
    if 2 * dt > left:
        dt = 0.5 * left
    if not t + dt > t:
        raise UnphysicalState(f"the time step fell to {dt:.3g} at t = {t:.9g}: wave speeds have grown without bound")
    return dt
