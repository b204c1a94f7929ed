"""Positions: the same bits from every block and level, and under a permutation of the axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.errors import MeshError
from amr.mesh.geometry import Geometry

LEVELS = np.array([0, 1, 3])
COORDS = np.array([[0, 0, 0], [3, 1, 0], [11, 5, 0]])


def test_numbers():
    geometry = Geometry([-0.5, 0.0], [1.5, 3.0], (2, 3, 1), 8)
    np.testing.assert_array_equal(geometry.spacing(LEVELS)[:, 0], 0.125 / 2.0**LEVELS)
    np.testing.assert_array_equal(geometry.spacing(LEVELS)[:, 2], 1.0)
    np.testing.assert_array_equal(geometry.origin(LEVELS, COORDS)[1], [-0.5 + 3 * 0.5, 0.5, 0.0])
    centers = geometry.cell_centers(LEVELS, COORDS)
    assert centers.shape == (2, 3, 1, 8, 8)
    np.testing.assert_array_equal(centers[0, 0, 0, 0], -0.5 + 0.125 * (np.arange(8) + 0.5))
    np.testing.assert_array_equal(centers[1, 1, 0, :, 4], 0.5 + 0.0625 * (np.arange(8) + 0.5))
    assert geometry.cell_centers(LEVELS, COORDS, g=2).shape == (2, 3, 1, 12, 12)
    np.testing.assert_array_equal(geometry.cell_centers(LEVELS, COORDS, g=2)[:, :, :, 2:-2, 2:-2], centers)
    np.testing.assert_array_equal(geometry.volumes(LEVELS), 0.125**2 / 4.0**LEVELS)
    np.testing.assert_array_equal(geometry.areas(LEVELS)[:, 0], 0.125 / 2.0**LEVELS)


corner = st.floats(-1e3, 1e3).map(lambda v: round(v, 3))


@given(
    lower=st.lists(corner, min_size=3, max_size=3),
    size=st.lists(st.floats(0.1, 10), min_size=3, max_size=3),
    roots=st.lists(st.integers(1, 5), min_size=3, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_permuted_axes_and_shared_points_have_equal_bits(lower, size, roots):
    upper = [a + b for a, b in zip(lower, size, strict=True)]
    geometry = Geometry(lower, upper, roots, 8)
    coords = np.array([[1, 2, 3], [5, 0, 7], [2, 9, 4]])
    centers = geometry.cell_centers(LEVELS, coords)
    for perm in ([1, 2, 0], [2, 1, 0], [1, 0, 2]):
        other = Geometry([lower[a] for a in perm], [upper[a] for a in perm], [roots[a] for a in perm], 8)
        np.testing.assert_array_equal(other.spacing(LEVELS), geometry.spacing(LEVELS)[:, perm])
        np.testing.assert_array_equal(other.origin(LEVELS, coords[:, perm]), geometry.origin(LEVELS, coords)[:, perm])
        np.testing.assert_array_equal(other.volumes(LEVELS), geometry.volumes(LEVELS))
        moved = other.cell_centers(LEVELS, coords[:, perm])
        axes = [0, *(1 + np.array([2 - perm[2 - k] for k in range(3)]))]
        for new_axis, old_axis in enumerate(perm):
            np.testing.assert_array_equal(moved[new_axis], centers[old_axis].transpose(axes))
    # a corner shared by a block and its first child, a ghost cell shared with the block beside
    np.testing.assert_array_equal(geometry.origin(LEVELS, coords), geometry.origin(LEVELS + 1, 2 * coords))
    beside = geometry.axis_centers(LEVELS, coords + [1, 0, 0], 0, g=2)
    np.testing.assert_array_equal(geometry.axis_centers(LEVELS, coords, 0, g=2)[:, -4:], beside[:, :4])


def test_level_may_be_one_number():
    geometry = Geometry([0.0], [1.0], (4, 1, 1), 16)
    assert geometry.spacing(2).shape == (1, 3)
    assert geometry.cell_centers(2, np.array([[5, 0, 0]])).shape == (1, 1, 1, 1, 16)
    assert geometry.volumes(2)[0] == 1 / 256 and geometry.areas(2)[0, 0] == 1.0


@pytest.mark.parametrize(
    ("lower", "upper", "roots"),
    [
        ([0.0], [0.0], [1]),
        ([0.0, 0.0], [1.0], [1]),
        ([0.0], [np.inf], [1]),
        ([0.0], [1.0], [1, 1]),
        ([np.nan], [1.0], [1]),
    ],
)
def test_wrong_boxes_are_refused(lower, upper, roots):
    with pytest.raises(MeshError):
        Geometry(lower, upper, roots, 8)
