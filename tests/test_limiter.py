"""Properties of the slope limiters."""

import numpy as np
import pytest
from amr._kernels.physics import limit
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from amr.scheme.flux import LIMITERS

LIMITED = [name for name in LIMITERS if name != "none"]
# Differences whose product neither overflows nor underflows.
value = st.floats(-1e100, 1e100, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-100)
pairs = arrays(np.float64, st.tuples(st.just(2), st.integers(1, 40)), elements=value)


@pytest.mark.parametrize("name", LIMITED)
@given(ab=pairs)
def test_limited_slope_is_total_variation_diminishing(name, ab):
    a, b = ab
    slope = limit(LIMITERS[name], a, b)
    bound = 2 * np.minimum(np.abs(a), np.abs(b)) * (1 + 1e-15)
    assert (np.abs(slope) <= bound).all()
    assert (slope[a * b <= 0] == 0).all() and (slope * a >= 0).all()


@pytest.mark.parametrize("name", LIMITERS)
@given(ab=pairs)
def test_limiter_is_symmetric_and_odd(name, ab):
    a, b = ab
    slope = limit(LIMITERS[name], a, b)
    assert (slope == limit(LIMITERS[name], b, a)).all()
    assert (slope == -limit(LIMITERS[name], -a, -b)).all()


@pytest.mark.parametrize("name", LIMITERS)
def test_linear_data_keep_their_slope(name):
    a = np.linspace(-3, 3, 61)
    assert limit(LIMITERS[name], a, a) == pytest.approx(a, rel=1e-15)


def test_known_values():
    a, b = np.array([1.0, 1.0, -1.0, 1.0, 0.0]), np.array([2.0, 9.0, -3.0, -1.0, 5.0])
    assert limit(LIMITERS["minmod"], a, b) == pytest.approx([1, 1, -1, 0, 0])
    assert limit(LIMITERS["mc"], a, b) == pytest.approx([1.5, 2, -2, 0, 0])
    assert limit(LIMITERS["van_leer"], a, b) == pytest.approx([4 / 3, 1.8, -1.5, 0, 0])
    assert limit(LIMITERS["none"], a, b) == pytest.approx([1.5, 5, -2, 0, 2.5])
