"""Curves over logarithmic axes, a panel for each case."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from amr.io.files import FAULTS, cannot_write
from amr.io.plot import new_figure, save_figure

Curve = Sequence[tuple[float, float]]
"""Points (x, y)."""

_MARKERS = "osD^v<>Ph*Xdp8"


def plot_curves(
    path: str | Path,
    panels: Mapping[str, Mapping[str, Curve]],
    labels: tuple[str, str],
    strong: Collection[str] = (),
) -> Path:
    """Write a PNG with a log-log panel for each title; a curve has the same colour in all of them. By one rank.

    Parameters
    ----------
    path : path
    panels : mapping
        Title -> name of a curve -> its points; those that are not positive are left out.
    labels : tuple of str
        Of the two axes.
    strong : collection of str
        Names of curves that are drawn thicker, above the others.

    Raises
    ------
    AMRError
        The file cannot be written.
    """
    path = Path(path)
    try:
        from matplotlib import colormaps

        names = list(dict.fromkeys(name for panel in panels.values() for name in panel))
        colors = colormaps["tab20"].colors  # type: ignore[attr-defined]
        n_row = (len(panels) + 1) // 2
        figure = new_figure(10.0, 4.0 * n_row + 1.2)
        axes = figure.subplots(n_row, min(len(panels), 2), squeeze=False).ravel()
        seen = {}
        for axis, (title, panel) in zip(axes, panels.items(), strict=False):
            for name, points in panel.items():
                number, is_strong = names.index(name), name in strong
                seen[name] = axis.loglog(
                    *zip(*((x, y) for x, y in points if x > 0 and y > 0), strict=True),
                    color="black" if number == 0 else colors[(number - 1) % len(colors)],
                    marker=_MARKERS[number % len(_MARKERS)],
                    markersize=5,
                    lw=2.2 if is_strong else 0.9,
                    zorder=3 if is_strong else 2,
                )[0]
            axis.set(title=title, xlabel=labels[0], ylabel=labels[1])
            axis.grid(True, which="both", lw=0.3, alpha=0.5)
        for axis in axes[len(panels) :]:
            axis.remove()
        figure.legend(list(seen.values()), list(seen), loc="outside lower center", ncols=5, frameon=False)
        save_figure(figure, path)
    except FAULTS as fault:
        raise cannot_write(path, fault) from fault
    return path
