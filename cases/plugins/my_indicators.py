"""An indicator of one's own: indicators = [{ name = "plugins/my_indicators.py:vorticity", refine = 0.05 }] in 2D."""

import numpy as np


def vorticity(w, spacing, level):
    """Largest change of velocity across a cell that is due to rotation, relative to the range of the velocity."""
    vx, vy = w["velocity"][:, :, 0, 1:-1, 1:-1]  # one layer of ghosts is enough
    hx, hy = spacing.T[:, :, None, None]
    curl = (vy[:, 1:-1, 2:] - vy[:, 1:-1, :-2]) / (2 * hx) - (vx[:, 2:, 1:-1] - vx[:, :-2, 1:-1]) / (2 * hy)
    change = np.abs(curl).max(axis=(1, 2)) * np.sqrt(spacing[:, 0] * spacing[:, 1])
    return change / max(w.scale["velocity"], 1e-300)
