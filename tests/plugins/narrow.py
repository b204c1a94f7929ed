"""Sources and boundary functions that are narrower than a cell of 64 per axis, as plugins of test cases."""

import numpy as np

H = 1 / 64


def bump(x, at, width):
    """A Gaussian; ``width``, in cells, is that of where it is above a hundredth: six standard deviations."""
    return np.exp(-0.5 * sum((x[a] - at[a] * H) ** 2 for a in range(len(x))) / (width * H / 6) ** 2)


def calm(x):
    """One smooth period along every axis."""
    return {"q": 0.5 * np.prod(np.sin(2 * np.pi * x), axis=0)}


def stream(x):
    """The same but along x."""
    return {"q": 0.5 * np.prod(np.sin(2 * np.pi * x[1:]), axis=0)}


def _source(width, corner):
    # On a corner of cells, out of sight of their centres.
    return lambda x, t, w: {"q": bump(x, corner[: len(x)], width)}


WIDTHS = {"tenth": 0.1, "third": 0.3, "half": 0.5, "one": 1.0}
for _name, _width in WIDTHS.items():
    globals()[f"source_{_name}"] = _source(_width, (24, 40, 24))


def smooth(x, t, w):
    """Six cells per standard deviation, swinging."""
    return {"q": np.sin(9 * t) * bump(x, (24, 40, 24)[: len(x)], 36.0)}


def everywhere(x, t, w):
    """Of the state alone, with a kink where it is 0."""
    return {"q": -np.maximum(w["q"], 0)}


def restless(x, t, w):
    """Another value at each call."""
    return {"q": np.random.default_rng().random(x.shape[1:])}


def four(x, t, w):
    """Narrow sources at points that are mirror images in the middle of the unit square."""
    folded = np.sort(np.minimum(x, 1 - x), axis=0)
    return {"q": bump(folded, (10, 24), 0.4)}


def jet(x, t, w):
    """Inflow through a slit (a hole in 3D) narrower than a cell."""
    return {"q": stream(x)["q"] + bump(x[1:], (24, 40), 0.5 * (len(x) - 1))}


def broad(x, t, w):
    """Inflow through a wide opening."""
    return {"q": (1 + t) * stream(x)["q"] + bump(x[1:], (24, 40), 36.0)}
