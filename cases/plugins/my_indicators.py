"""An indicator of one's own: indicators = [{ name = "plugins/my_indicators.py:vorticity", refine = 0.05 }] in 2D."""

import numpy as np


def vorticity(w, spacing, level):
    """Largest change of velocity across a cell that is due to rotation, relative to the range of the velocity."""
    hx, hy = (spacing[:, axis, None, None, None] for axis in (0, 1))
    curl = np.gradient(w["velocity_y"], axis=3) / hx - np.gradient(w["velocity_x"], axis=2) / hy
    change = np.abs(curl) * np.sqrt(hx * hy)
    return change[w.interior].max(axis=(1, 2, 3)) / max(w.scale["velocity"], 1e-300)
