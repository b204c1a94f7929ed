"""Modal indicator: what a block holds in its highest frequencies."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from amr._kernels import cells as _c
from amr.indicators.base import VariableParameters
from amr.indicators.cells import BlockIndicator

if TYPE_CHECKING:
    from amr.indicators.fields import Fields


class ModalParameters(VariableParameters):
    """Thresholds as fractions of the variable's range."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 1.5e-3, 3e-4


class Modal(BlockIndicator):
    """``max over all lines of cells of sqrt(sum over k >= 3 n / 4 of c_k^2 / n) / S``, c_k the orthonormal DCT-II of
    the detrended line.

    The root mean square of what the n cells of a line hold in the highest quarter of the frequencies, S the range of
    the variable over the domain; the straight line that fits best is taken off first. Looks at interior cells only.
    Sees waves that are hardly resolved, and discontinuities unless they lie at the rim of a block. What is resolved
    has values of a few 1e-3, because the ends of a line do not meet: they halve from level to level, and in blocks of
    16 cells a sine is refined until it has about 40 cells. Blind to what is small beside S and, as all, to what the
    averages do not show.

    The threshold was measured for blocks of 16 cells. Those on ratios of modal energies of P.-O. Persson, J. Peraire,
    AIAA paper 2006-112, doi:10.2514/6.2006-112, and S. Hennemann et al., J. Comput. Phys. 426 (2021) 109935,
    doi:10.1016/j.jcp.2020.109935, belong to polynomials of high degree and do not transfer.
    """

    name = "modal"
    Parameters = ModalParameters
    parameters: ModalParameters

    def evaluate(self, fields: Fields) -> np.ndarray:
        """See `BlockIndicator.evaluate`."""
        eta = np.zeros(fields.n_block)
        basis, is_odd = high_modes(fields.layout.n)
        for variable in self.variables:
            scale = max(fields.scales[variable].scale, self.parameters.atol)
            _c.modal(fields.layout, fields.of(variable), basis, is_odd, scale, eta)
        return eta


@lru_cache(maxsize=8)
def high_modes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """First halves of the detrended DCT-II modes k >= 3 n / 4 of n cells, (n_mode, n / 2), and which are odd, int32
    (n_mode,).

    Detrending is a projection, so that the coefficients of a detrended line are those of the line in projected modes.
    Constants are orthogonal to all of them already, and straight lines to the even ones.
    """
    k = np.arange(-(-3 * n // 4), n)
    cell = np.arange(n)
    modes = np.sqrt(2.0 / n) * np.cos(np.pi * np.outer(k, cell + 0.5) / n)
    slope = cell - 0.5 * (n - 1)
    slope /= np.sqrt(slope @ slope)
    is_odd = (k % 2).astype(np.int32)
    modes -= np.where(is_odd, modes @ slope, 0.0)[:, None] * slope
    return np.ascontiguousarray(modes[:, : n // 2]), is_odd
