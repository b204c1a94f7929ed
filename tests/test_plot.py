"""Pictures: what is painted is what the blocks hold."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest

from amr.comm import Comm
from amr.errors import AMRError, CaseError
from amr.io import plot
from amr.io.checkpoint import write_checkpoint
from amr.io.plot import Slice, plot_checkpoint, plot_names, plot_snapshot
from tests import io_tools


def is_picture(path):
    image = matplotlib.image.imread(path)
    return image.shape[0] > 100 and image.std() > 0.02


def painted(snap, variable, cut=None):
    """The canvas and the positions of its pixels, each (nj, ni)."""
    image = plot._gather_image(snap, variable, cut or Slice())
    canvas = plot._paint(image)
    x0, x1, y0, y1 = image.extent
    x = x0 + (np.arange(canvas.shape[1]) + 0.5) * (x1 - x0) / canvas.shape[1]
    y = y0 + (np.arange(canvas.shape[0]) + 0.5) * (y1 - y0) / canvas.shape[0]
    return image, canvas, *np.meshgrid(x, y)


@pytest.mark.parametrize("variable", ["density", "velocity", "velocity_y", "pressure"])
def test_an_image_holds_the_state_at_its_place(variable):
    snap = io_tools.snapshot(2, n=16)
    _, canvas, x, y = painted(snap, variable)
    state = io_tools.primitive_state(np.stack([x, y]), 2)
    state["velocity_y"] = state["velocity"][1]
    state["velocity"] = np.hypot(*state["velocity"])
    # Blocks of level 0 are constant over 4 x 4 pixels.
    assert np.abs(canvas - state[variable]).max() < 0.12
    assert np.abs(canvas - state[variable]).mean() < 0.02


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("share", [0.0, 0.41, 1.0])
def test_a_slice_holds_the_plane(axis, share):
    snap = io_tools.snapshot(3)
    low, high = io_tools.LOWER[axis], io_tools.UPPER[axis]
    position = low + share * (high - low)
    image, canvas, x, y = painted(snap, "density", Slice(axis, position))
    assert image.labels == tuple(a for i, a in enumerate("xyz") if i != axis)
    points = np.insert(np.stack([x, y]), axis, position, axis=0)
    assert np.abs(canvas - io_tools.primitive_state(points, 3)["density"]).max() < 0.15


def test_a_large_image_is_averaged_down_to_its_limit(monkeypatch):
    snap = io_tools.snapshot(2, n=8, max_level=3)
    _, full, _, _ = painted(snap, "density")
    for limit in (100, 50, 24):
        monkeypatch.setattr(plot, "MAX_PIXELS", limit)
        _, canvas, _, _ = painted(snap, "density")
        assert max(canvas.shape) <= limit
        factor = full.shape[0] // canvas.shape[0]
        down = full.reshape(canvas.shape[0], factor, canvas.shape[1], factor).mean(axis=(1, 3))
        assert np.allclose(canvas, down, atol=1e-12)
    assert plot._pool(np.arange(36.0).reshape(1, 6, 6), 4).shape == (1, 1, 1)


def test_outlines_are_the_blocks():
    snap = io_tools.snapshot(2)
    lines = plot._outlines(plot._gather_image(snap, None, Slice()))
    assert len(lines) == snap.n_leaves
    origin = snap.geometry.origin(snap.forest.level, snap.forest.coords)[:, :2]
    assert {tuple(np.round(p, 9)) for p in lines[:, 0]} == {tuple(np.round(p, 9)) for p in origin}
    size = np.prod(lines[:, 2] - lines[:, 0], axis=1).sum()
    assert size == pytest.approx(1.5)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_checkpoint_becomes_a_picture(dim, tmp_path):
    checkpoint = write_checkpoint(tmp_path / "a.h5", io_tools.snapshot(dim))
    assert is_picture(plot_checkpoint(checkpoint))
    assert (tmp_path / "a.png").is_file()
    for name in ("velocity", "velocity_x"):
        assert is_picture(plot_checkpoint(checkpoint, tmp_path / "b.png", name, Slice(0, 0.1), outlines=False))
    assert not list(tmp_path.glob("*.tmp"))


def test_lines_show_all_variables_levels_and_the_exact_state(tmp_path):
    snap = io_tools.snapshot(1)
    parts = plot._gather_lines(snap, None)
    figure = plot._draw_lines(snap, parts, lambda x: io_tools.primitive_state(x, 1))
    assert [axis.get_ylabel() for axis in figure.axes] == ["density", "pressure", "velocity", "level"]
    x, y = figure.axes[2].lines[1].get_data()
    assert np.allclose(y, x) and (np.diff(x) > 0).all()
    assert figure.axes[0].lines[0].get_label() == "exact"
    assert is_picture(plot_snapshot(tmp_path / "a.png", snap, exact=lambda x: io_tools.primitive_state(x, 1)))


PROGRAM = """
import sys
from amr.comm import Comm
from amr.io.plot import plot_snapshot
from tests import io_tools
comm = Comm.world()
for dim in (1, 2, 3):
    plot_snapshot(f"{sys.argv[1]}/{dim}.png", io_tools.snapshot(dim, comm))
"""


def test_three_ranks_draw_the_same_picture(mpirun, tmp_path):
    mpirun(3, ["-c", PROGRAM, tmp_path], check=True, timeout=60)
    for dim in (1, 2, 3):
        plot_snapshot(tmp_path / "one.png", io_tools.snapshot(dim))
        one, many = (matplotlib.image.imread(tmp_path / name) for name in ("one.png", f"{dim}.png"))
        assert np.array_equal(one, many)


def test_what_cannot_be_drawn_is_refused(tmp_path):
    snap = io_tools.snapshot(3)
    assert plot_names(snap) == ["density", "pressure", "velocity", "velocity_x", "velocity_y", "velocity_z"]
    with pytest.raises(CaseError, match="'entropy' is unknown; known: density"):
        plot_snapshot(tmp_path / "a.png", snap, "entropy")
    with pytest.raises(CaseError, match=r"z = 7.0 is outside the domain, 1.0 to 2.0"):
        plot_snapshot(tmp_path / "a.png", snap, cut=Slice(2, 7.0))
    (tmp_path / "file").touch()
    with pytest.raises(AMRError, match="cannot write"):
        plot_snapshot(tmp_path / "file" / "a.png", io_tools.snapshot(1))
    assert Comm.self_().rank == 0


def test_a_window_shows_a_part(tmp_path):
    snap = io_tools.snapshot(2)
    whole = plot_snapshot(tmp_path / "whole.png", snap)
    low, high = io_tools.LOWER, io_tools.UPPER
    window = (low[0], 0.5 * (low[0] + high[0]), low[1], low[1] + 0.1 * (high[1] - low[1]))
    part = plot_snapshot(tmp_path / "part.png", snap, window=window)
    assert is_picture(part)
    heights = [matplotlib.image.imread(path).shape[0] for path in (whole, part)]
    assert heights[1] < heights[0]


def test_the_colours_of_a_window_are_those_of_its_cells():
    canvas = np.arange(12.0).reshape(3, 4)
    extent = (0.0, 4.0, 0.0, 3.0)
    assert np.array_equal(plot._part(canvas, extent, extent), canvas)
    assert np.array_equal(plot._part(canvas, extent, (1.0, 2.5, 0.5, 1.0)), canvas[0:1, 1:3])
    assert plot._part(canvas, extent, (9.0, 10.0, 9.0, 10.0)).shape == (1, 1)
