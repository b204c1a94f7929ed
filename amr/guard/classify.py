"""The spectral guard: what an alarmed block holds.

A jump of the solution, a wave too short for the mesh, noise and a mode of two cells all alarm an indicator, and ask for
different things. They differ in how mean squares of differences change when the data are restricted by 2, in how few cells
carry them, in whether the data go up and down again there, and in how flat their spectrum is. Formulas: csrc/classify.h;
measurements: docs/guards.md, printed by ``amr guard classes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

import amr._kernels.classify as _c

if TYPE_CHECKING:
    import numpy.typing as npt

    from amr._kernels.ghosts import GhostPlan
    from amr._kernels.physics import PhysicsSpec
    from amr.mesh.pool import Layout

BLOCK_CLASS = _c.BLOCK_CLASS


class Kind(IntEnum):
    """What a block holds."""

    SMOOTH = _c.SMOOTH
    RESOLVED_WAVE = _c.RESOLVED_WAVE
    UNDER_RESOLVED = _c.UNDER_RESOLVED
    DISCONTINUITY = _c.DISCONTINUITY
    NOISE = _c.NOISE
    ODD_EVEN = _c.ODD_EVEN

    @property
    def label(self) -> str:
        """Name in reports."""
        return _LABELS[self]


_LABELS = {
    Kind.SMOOTH: "smooth",
    Kind.RESOLVED_WAVE: "resolved wave",
    Kind.UNDER_RESOLVED: "under-resolved",
    Kind.DISCONTINUITY: "discontinuity",
    Kind.NOISE: "noise",
    Kind.ODD_EVEN: "odd-even",
}

#: Block sizes for which limits were measured; between them they are interpolated in log2 n.
SIZES = (8, 16, 32, 64)


@dataclass(frozen=True)
class _Limits:
    """Limits of a dimension; tuples by block size.

    Tuned on the families of `amr.guard.generators` with seed 7; ``amr guard classes`` measures them with other seeds. Blocks
    of 16 cells in 1D and 2D have the limits of the prototype of this guard. New are monotone rows (measured on the shipped
    cases and on evolved packets, too: fronts are captured in many ways, and short packets are no jumps), both ends of PR of
    noise (single waves and jumps with noise are no noise), and what parts a jump with an odd-even ripple from a ripple and
    from noise (PR of odd-even, chi of noise). Blocks of 8, 32 and 64 cells and 3D were set here.
    """

    narrow_pr: tuple[float, ...]
    noise_flh: tuple[float, ...]
    noise_pr_least: tuple[float, ...]
    noise_pr_most: float
    noise_chi: float


_LIMITS = {
    1: _Limits(
        narrow_pr=(0.27, 0.21, 0.12, 0.06),
        noise_flh=(0.5, 0.2, 0.2, 0.2),
        noise_pr_least=(0.27, 0.21, 0.20, 0.20),
        noise_pr_most=1.0,
        noise_chi=1.0,
    ),
    2: _Limits(
        narrow_pr=(0.30, 0.235, 0.15, 0.08),
        noise_flh=(0.85, 0.5, 0.5, 0.5),
        noise_pr_least=(0.30, 0.27, 0.33, 0.37),
        noise_pr_most=0.6,
        noise_chi=0.5,
    ),
    3: _Limits(
        narrow_pr=(0.30, 0.235, 0.15, 0.08),
        noise_flh=(0.9, 0.5, 0.5, 0.5),
        noise_pr_least=(0.35, 0.39, 0.41, 0.42),
        noise_pr_most=0.6,
        noise_chi=0.5,
    ),
}
_JUMP_MONO, _STEEP_PR, _JUMP_Q1 = 0.35, 1.7, (1.75, 1.6, 1.6, 1.6)
_JUMP_Q2, _RESOLVED_Q1, _WAVE_CELLS, _ODD_EVEN_CHI, _ODD_EVEN_PR = 1.3, 1.1, 16.0, 0.8, 0.75


def class_limits(dim: int, n: int, tau: float) -> dict[str, Any]:
    """Limits of the decision, as ``amr_class_limits`` of csrc/classify.h names them.

    Parameters
    ----------
    dim, n : int
        Dimension and cells per axis of a block.
    tau : float
        Threshold of the second-difference alarm: below a quarter of it a variable is smooth.
    """

    def by_size(values: tuple[float, ...]) -> float:
        return float(np.interp(np.log2(n), np.log2(SIZES), values))

    own = _LIMITS[dim]
    return {
        "alarm": tau / 4,
        "jump_mono": _JUMP_MONO,
        "steep_pr": _STEEP_PR * by_size(own.narrow_pr),
        "narrow_pr": by_size(own.narrow_pr),
        "jump_q1": by_size(_JUMP_Q1),
        "jump_q2": _JUMP_Q2,
        "resolved_q1": _RESOLVED_Q1,
        "wave_cells": _WAVE_CELLS,
        "odd_even_chi": _ODD_EVEN_CHI,
        "odd_even_pr": _ODD_EVEN_PR,
        "noise_flh": by_size(own.noise_flh),
        "noise_q3": 1 / 6 - dim / 4,
        "noise_pr": (by_size(own.noise_pr_least), own.noise_pr_most),
        "noise_chi": own.noise_chi,
    }


def classify(
    spec: PhysicsSpec,
    layout: Layout,
    u: np.ndarray,
    blocks: npt.ArrayLike,
    variables: npt.ArrayLike,
    scales: npt.ArrayLike,
    tau: float,
    ghosts: GhostPlan | None = None,
    with_all: bool = False,
) -> np.ndarray:
    """Class of each of some blocks. Not collective.

    Each variable is classed by itself. The class of a block is that of the variable that decides: one that is
    under-resolved, else one with a discontinuity, else one that is resolved; noise and odd-even decide only where no alarmed
    variable says otherwise.

    Parameters
    ----------
    spec : PhysicsSpec
    layout : Layout
        8 to 64 cells per axis, at least two ghosts.
    u : float64 (n_block, n_var, nk, nj, ni)
        Pool of conserved variables.
    blocks : int (m,)
        Blocks of the pool to be classed.
    variables : int (n_pick,)
        Primitive variables to look at.
    scales : float64 (n_pick,)
        What their differences are measured by.
    tau : float
        A variable whose second differences are all below tau / 4 of its scale is not alarmed.
    ghosts : GhostPlan, optional
        Makes the ghosts, from the pools set with its ``read``; else those of ``u`` are taken.
    with_all : bool
        Compute features that the decision does not need, too.

    Returns
    -------
    (m,) of BLOCK_CLASS
        ``kind`` (`Kind`), the ``variable`` that decided, and its features: ``amplitude`` and ``rms`` (of second differences,
        in units of the scale), ``q1``, ``q2``, ``q3``, ``PR``, ``mono``, ``chi``, ``flh``, ``cells_per_wave``, as
        csrc/classify.h has them; NaN where the decision did not need them. A label NOISE is that of one block at one time:
        too weak for a veto in 1D (docs/guards.md).

    Raises
    ------
    ValueError
        Arrays that do not fit the layout, or a layout that is not offered.
    """
    return _c.classify(
        spec,
        layout,
        u,
        np.ascontiguousarray(blocks, dtype=np.int32),
        np.ascontiguousarray(variables, dtype=np.int32),
        np.ascontiguousarray(scales, dtype=np.float64),
        class_limits(layout.dim, layout.n, tau),
        ghosts,
        with_all,
    )
