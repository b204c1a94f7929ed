"""Quick pictures: in 1D lines with the levels, in 2D and for a slice of 3D an image with the outlines of the blocks."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import AMRError, CaseError
from amr.io.files import FAULTS, cannot_write, temporary_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from amr.io.snapshot import Snapshot

AXES = "xyz"
# Pixels along the longer side of an image at most: beyond, fine blocks are averaged before they are sent to rank 0.
MAX_PIXELS = 4096


@dataclass(frozen=True)
class Slice:
    """A plane through a 3D mesh: the axis across it and its position (None: the middle of the domain)."""

    axis: int = 2
    position: float | None = None


def plot_snapshot(
    path: str | Path,
    snapshot: Snapshot,
    variable: str | None = None,
    cut: Slice | None = None,
    outlines: bool = True,
    exact: Callable[[np.ndarray], dict[str, np.ndarray]] | None = None,
    window: tuple[float, float, float, float] | None = None,
) -> Path:
    """Write a PNG of a state. Collective; rank 0 draws.

    Parameters
    ----------
    path : path
    snapshot : Snapshot
    variable : str, optional
        A primitive variable, a component (``velocity_x``) or a vector (its magnitude). Default: all of them in 1D, the
        first one otherwise.
    cut : Slice, optional
        In 3D: where to cut; the middle of the z axis by default.
    outlines : bool
        Draw the edges of the blocks over an image.
    exact : callable, optional
        In 1D: ``exact(x)`` with x (1, m) gives primitive variables (m,) to draw over the numbers.
    window : tuple of float, optional
        In 2D and 3D: the part of the image to show, (left, right, bottom, top).

    Raises
    ------
    CaseError
        Unknown variable, or a slice outside the domain.
    AMRError
        The file cannot be written (on every rank).
    """
    path = Path(path)
    flat = snapshot.layout.dim == 1
    parts: Any = _gather_lines(snapshot, variable) if flat else _gather_image(snapshot, variable, cut or Slice())
    error: AMRError | None = None
    if snapshot.comm.rank == 0:
        try:
            figure = _draw_lines(snapshot, parts, exact) if flat else _draw_image(parts, outlines, window)
            save_figure(figure, path)
        except (*FAULTS, AMRError) as fault:
            error = fault if isinstance(fault, AMRError) else cannot_write(path, fault)
    snapshot.comm.agree(error)
    return path


def plot_checkpoint(
    checkpoint: str | Path,
    path: str | Path | None = None,
    variable: str | None = None,
    cut: Slice | None = None,
    outlines: bool = True,
) -> Path:
    """Write a PNG of a checkpoint (beside it by default), or of the newest one in a directory; see `plot_snapshot`.

    Not collective.

    Raises
    ------
    FileFormatError, CaseError, AMRError
    """
    from amr.comm import Comm
    from amr.io.restart import open_checkpoint

    comm = Comm.self_()
    found = open_checkpoint(checkpoint, comm)
    return plot_snapshot(path or found.path.with_suffix(".png"), found.snapshot(comm), variable, cut, outlines)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches."""
    # Without pyplot: no global state, no display.
    with warnings.catch_warnings():
        # A distribution's matplotlib beside pip's: concerns 3D axes, which we do not use.
        warnings.filterwarnings("ignore", message="Unable to import Axes3D")
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all; the directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    figure.savefig(temporary, format="png", dpi=150, bbox_inches="tight", pad_inches=0.08)
    os.replace(temporary, path)


def plot_names(snapshot: Snapshot) -> list[str]:
    """What can be drawn: scalars, vectors (their magnitude) and components of vectors."""
    names = list(snapshot.primitive_names())
    return names + [name for name in snapshot.physics.primitives if name not in names]


def _check_variable(snapshot: Snapshot, variable: str | None) -> None:
    names = plot_names(snapshot)
    if variable is not None and variable not in names:
        raise CaseError(f"variable: '{variable}' is unknown; known: {', '.join(names)}")


def _values(snapshot: Snapshot, interior: np.ndarray, name: str) -> np.ndarray:
    """One scalar of interiors (m, n_var, nk, nj, ni) as (m, nk, nj, ni)."""
    primitives = snapshot.primitives(interior)
    if name in primitives:
        value = primitives[name]
        flat = np.sqrt((value**2).sum(axis=0)) if value.ndim > 1 else value
    else:
        vector, _, axis = name.rpartition("_")
        flat = primitives[vector][AXES.index(axis)]
    return flat.reshape(len(interior), *interior.shape[2:])


# -- 1D ---------------------------------------------------------------------------------------------------------------


def _gather_lines(snapshot: Snapshot, variable: str | None) -> list[Any]:
    """Per rank: names, x (m,), level (m,), values (n_name, m)."""
    _check_variable(snapshot, variable)
    names = [variable] if variable is not None else list(snapshot.primitive_names())
    x = snapshot.geometry.axis_centers(snapshot.level, snapshot.coords, 0).ravel()
    values = np.empty((len(names), len(x)))
    for part, interior in snapshot.interiors():
        cells = slice(part.start * snapshot.layout.n, part.stop * snapshot.layout.n)
        for row, name in enumerate(names):
            # A vector has one component in 1D, whose sign matters.
            known = snapshot.primitives(interior).get(name)
            if known is not None and known.ndim > 1:
                values[row, cells] = known[0]
            else:
                values[row, cells] = _values(snapshot, interior, name).ravel()
    own = (names, x, np.repeat(snapshot.level, snapshot.layout.n), values)
    return snapshot.comm.gather(own) or []


def _draw_lines(snapshot: Snapshot, parts: list[Any], exact: Callable[..., Any] | None) -> Figure:
    names = parts[0][0]
    x = np.concatenate([part[1] for part in parts])
    level = np.concatenate([part[2] for part in parts])
    values = np.concatenate([part[3] for part in parts], axis=1)
    figure = new_figure(7.0, 1.2 + 1.9 * len(names))
    axes = figure.subplots(len(names) + 1, 1, sharex=True, squeeze=False, height_ratios=[3] * len(names) + [1])[:, 0]
    finest = max(1, int(level.max()))
    state = None
    if exact is not None:
        fine = np.linspace(snapshot.geometry.lower[0], snapshot.geometry.upper[0], 2002)[1:-1]
        state = exact(fine[None, :])
    for row, (name, axis) in enumerate(zip(names, axes, strict=False)):
        # A vector may be given whole or by its component.
        known = None if state is None else next((state[key] for key in (name, f"{name}_x") if key in state), None)
        if known is not None:
            axis.plot(fine, np.broadcast_to(known, (1, len(fine)))[0], color="black", lw=0.8, label="exact")
            axis.legend(loc="best", frameon=False)
        axis.plot(x, values[row], color="0.7", lw=0.8, zorder=1)
        axis.scatter(x, values[row], c=level, cmap="viridis", vmin=0, vmax=finest, s=4, zorder=2)
        axis.set_ylabel(name)
    axes[-1].step(x, level, where="mid", color="0.3", lw=1.0)
    axes[-1].set(ylabel="level", xlabel="x", ylim=(-0.3, finest + 0.3), yticks=range(finest + 1))
    axes[0].set_title(_title(snapshot, f"t = {snapshot.time:.6g}, {len(x)} cells"))
    return figure


def _title(snapshot: Snapshot, text: str) -> str:
    """The case's title, if there is one, and ``text`` with the leaves."""
    finest = int(snapshot.forest.level.max())
    levels = f"levels 0 to {finest}" if finest else "level 0"
    lines = [snapshot.meta.get("case", {}).get("title", ""), f"{text}, {snapshot.n_leaves} leaves, {levels}"]
    return "\n".join(line for line in lines if line)


# -- 2D and slices ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Image:
    """What rank 0 needs to paint: name of the variable, image level and size, extent, labels, blocks of all ranks."""

    title: str
    name: str
    level: int
    n: int
    blocks: tuple[int, int]
    extent: tuple[float, float, float, float]
    labels: tuple[str, str]
    pieces: dict[int, tuple[np.ndarray, np.ndarray]]


def _gather_image(snapshot: Snapshot, variable: str | None, cut: Slice) -> _Image | None:
    """Gather the cells of the plane on rank 0: per level block coordinates (m, 2) and values (m, j, i)."""
    _check_variable(snapshot, variable)
    name = variable or next(iter(snapshot.primitive_names()))
    dim, n = snapshot.layout.dim, snapshot.layout.n
    across = 2 if dim == 2 else cut.axis
    a, b = (axis for axis in range(3) if axis != across)
    geometry, roots = snapshot.geometry, snapshot.forest.root_blocks
    finest = int(snapshot.forest.level.max())
    level = finest
    while level > 0 and max(roots[a], roots[b]) * n << level > MAX_PIXELS:
        level -= 1
    position = _position(snapshot, cut) if dim == 3 else 0.0
    gathered = snapshot.comm.gather(_cut_blocks(snapshot, name, across, position, level))
    if gathered is None:
        return None
    # In SFC order per level, so that the picture is the same for any number of ranks.
    found = sorted({each for piece in gathered for each in piece})
    return _Image(
        title=_title(snapshot, f"t = {snapshot.time:.6g}" + (f", {AXES[across]} = {position:.6g}" if dim == 3 else "")),
        name=name,
        level=level,
        n=n,
        blocks=(roots[a], roots[b]),
        extent=(geometry.lower[a], geometry.upper[a], geometry.lower[b], geometry.upper[b]),
        labels=(AXES[a], AXES[b]),
        pieces={each: _join([piece[each] for piece in gathered if each in piece]) for each in found},
    )


def _cut_blocks(
    snapshot: Snapshot, name: str, across: int, position: float, image_level: int
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """This rank's blocks on the plane: level -> coordinates in the plane (m, 2) and values (m, j, i), at most as fine as
    the image."""
    dim, n, geometry = snapshot.layout.dim, snapshot.layout.n, snapshot.geometry
    along = [axis for axis in range(3) if axis != across]
    pieces: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for part, interior in snapshot.interiors():
        levels, coords = snapshot.level[part], snapshot.coords[part]
        layer = np.zeros(len(levels), dtype=np.int64)
        if dim == 3:
            cells = snapshot.forest.root_blocks[across] * n * 2.0**levels
            share = (position - geometry.lower[across]) / (geometry.upper[across] - geometry.lower[across])
            cell = np.minimum(np.floor(share * cells), cells - 1).astype(np.int64)
            layer = cell - coords[:, across].astype(np.int64) * n
        hit = np.flatnonzero((layer >= 0) & (layer < n))
        if not len(hit):
            continue
        # Array axes (k, j, i) of a block are (z, y, x): take the layer across, keep the rest in order.
        plane = np.moveaxis(_values(snapshot, interior[hit], name), 3 - across, 1)[np.arange(len(hit)), layer[hit]]
        for level in np.unique(levels[hit]):
            at = levels[hit] == level
            small = _pool(plane[at], 1 << max(0, int(level) - image_level))
            pieces.setdefault(int(level), []).append((coords[hit[at]][:, along], small))
    return {level: _join(rows) for level, rows in pieces.items()}


def _join(rows: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([coords for coords, _ in rows]), np.concatenate([values for _, values in rows])


def _position(snapshot: Snapshot, cut: Slice) -> float:
    low, high = snapshot.geometry.lower[cut.axis], snapshot.geometry.upper[cut.axis]
    if cut.position is None:
        return float(0.5 * (low + high))
    if not low <= cut.position <= high:
        raise CaseError(f"position: {AXES[cut.axis]} = {cut.position} is outside the domain, {low} to {high}")
    return cut.position


def _pool(plane: np.ndarray, factor: int) -> np.ndarray:
    """Average cells (m, n, n) over ``factor`` x ``factor``; a whole block to one pixel at most."""
    n = plane.shape[1]
    factor = next(f for f in range(min(factor, n), n + 1) if n % f == 0)
    m = n // factor
    return plane.reshape(-1, m, factor, m, factor).mean(axis=(2, 4))


def _paint(image: _Image) -> np.ndarray:
    """The picture at the image level, (nj, ni); what no block covers stays NaN."""
    canvas = np.full((image.blocks[1] * image.n << image.level, image.blocks[0] * image.n << image.level), np.nan)
    for level, (coords, values) in image.pieces.items():
        if level <= image.level:
            # View the canvas as blocks of this level, and set them all at once.
            size = image.n << (image.level - level)
            blocks = canvas.reshape(canvas.shape[0] // size, size, canvas.shape[1] // size, size)
            scale = size // values.shape[1]
            blocks[coords[:, 1], :, coords[:, 0], :] = values.repeat(scale, axis=1).repeat(scale, axis=2)
            continue
        size = values.shape[1]
        corner = (coords.astype(np.int64) * image.n) >> (level - image.level)
        inside = np.arange(size)
        rows = corner[:, 1, None, None] + inside[None, :, None]
        canvas[rows, corner[:, 0, None, None] + inside[None, None, :]] = values
    return canvas


def _outlines(image: _Image) -> np.ndarray:
    """Closed outlines of all blocks, (m, 5, 2)."""
    low, high = np.array(image.extent[0::2]), np.array(image.extent[1::2])
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])
    parts = [
        low + (coords[:, None, :] + corners[None]) * ((high - low) / (np.array(image.blocks) * 2.0**level))
        for level, (coords, _) in image.pieces.items()
    ]
    return np.concatenate(parts)


def _part(canvas: np.ndarray, extent: tuple[float, ...], window: tuple[float, ...]) -> np.ndarray:
    """The pixels (j, i) of an image of ``extent`` that a window shows, at least one; both (left, right, bottom, top)."""
    places = []
    for axis, n in ((1, canvas.shape[0]), (0, canvas.shape[1])):
        low, high = extent[2 * axis : 2 * axis + 2]
        first, last = ((side - low) / (high - low) * n for side in window[2 * axis : 2 * axis + 2])
        start = min(max(int(first), 0), n - 1)
        places.append(slice(start, min(max(int(np.ceil(last)), start + 1), n)))
    return canvas[places[0], places[1]]


def _draw_image(image: _Image, outlines: bool, window: tuple[float, float, float, float] | None) -> Figure:
    from matplotlib.collections import LineCollection

    canvas = _paint(image)
    x0, x1, y0, y1 = image.extent if window is None else window
    ratio = (y1 - y0) / (x1 - x0)
    width = 8.0 if ratio < 1.2 else max(3.0, 7.0 / ratio + 1.6)
    figure = new_figure(width, min(9.0, max(2.5, (width - 1.3) * ratio + 0.9)))
    axis = figure.subplots()
    seen = _part(canvas, image.extent, (x0, x1, y0, y1))
    shown = axis.imshow(
        canvas,
        origin="lower",
        extent=image.extent,
        interpolation="nearest",
        cmap="viridis",
        vmin=float(np.nanmin(seen)),
        vmax=float(np.nanmax(seen)),
    )
    if outlines:
        lines = _outlines(image)
        thin = 0.4 if len(lines) < 700 or window is not None else 0.2 if len(lines) < 2000 else 0.15
        axis.add_collection(LineCollection(list(lines), colors="white", linewidths=thin, alpha=0.6))
    # As high as the image, whatever its shape.
    bar = axis.inset_axes((1 + 0.025 * min(1.0, ratio + 0.2), 0, 0.03 * min(1.0, ratio + 0.2), 1))
    figure.colorbar(shown, cax=bar, label=image.name)
    axis.set(title=image.title, xlabel=image.labels[0], ylabel=image.labels[1], xlim=(x0, x1), ylim=(y0, y1))
    return figure
