"""Richardson's estimate of the error of a step, by a step on half the cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from amr.indicators.base import Thresholds
from amr.indicators.trial import TrialIndicator, conserved_scales, evolved, scaled, trimmed

if TYPE_CHECKING:
    from amr.scheme.trial import Trial

#: Order of the schemes in smooth flow.
ORDER = 2


class RichardsonParameters(Thresholds):
    """Thresholds as fractions of the variables' ranges, per step."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 1e-3, 1e-4


class Richardson(TrialIndicator):
    """``|R u_2 - u_c| / (2^(p+1) - 2) / S``: the error of one step.

    u_2 is the state after two trial steps, R the restriction, u_c the restricted state after one step of twice the
    length on cells twice as wide, p = 2 the order of the scheme. Two steps err by 2 C dt^(p+1), the large one by
    2^(p+1) C dt^(p+1): the difference over the denominator is C dt^(p+1). S is the range of a conserved variable over
    the domain, vectors as one; the value of a cell is the largest over the conserved variables. Falls by 8 from level
    to level in smooth flow; does not converge at discontinuities, where it says little more than that there is one.
    Blind to what neither mesh carries.

    It estimates the error of the solution, too: the mean over a block, times the steps of the run.

    Notes
    -----
    Costs about 3.5 steps per regrid (three, and the ghost plan of the coarse blocks).

    References
    ---------- M. J. Berger, J. Oliger, J. Comput. Phys. 53 (1984) 484, doi:10.1016/0021-9991(84)90073-1; M. J.
    Berger, P. Colella, J. Comput. Phys. 82 (1989) 64, doi:10.1016/0021-9991(89)90035-1.
    """

    name = "richardson"
    Parameters = RichardsonParameters
    estimates_error = True
    needs_coarse = True

    def evaluate(self, trial: Trial) -> np.ndarray:
        """See `TrialIndicator.evaluate`."""
        assert trial.restricted is not None and trial.coarse is not None
        layout, scales = trial.layout, conserved_scales(self.physics, trial)
        half = replace(layout, n=layout.n // 2)
        apart = trimmed(half, trial.restricted, 0) - trimmed(half, trial.coarse, 0)
        values = np.zeros((len(apart), *apart.shape[2:]))
        for v in evolved(self.physics):
            np.maximum(values, scaled(apart[:, v], float(scales[v])), out=values)
        values /= 2.0 ** (ORDER + 1) - 2
        for axis in range(layout.dim):
            values = np.repeat(values, 2, axis=-1 - axis)
        return np.ascontiguousarray(values).reshape(len(values), layout.cells)

    def error_share(self, trial: Trial, values: np.ndarray) -> np.ndarray:
        """See `TrialIndicator.error_share`: the mean over the cells times the steps of the run."""
        # Sorted, so that the sum has the same bits for mirrored and transposed data.
        return trial.n_steps * np.sort(values, axis=1).sum(axis=1) / values.shape[1]
