"""Block sums and the exact, order-independent accumulator."""

from fractions import Fraction

import numpy as np
import pytest
from amr._kernels.sums import FixedSum, block_sums
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from amr.errors import UnphysicalState
from amr.mesh.pool import Layout

tables = arrays(np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(-1e300, 1e300))


@given(values=tables, seed=st.integers(0, 100))
def test_sum_is_exact_and_independent_of_order_and_owner(values, seed):
    total = FixedSum(2)
    total.add(values)
    exact = [sum((Fraction(x) for x in column), Fraction(0)) for column in values.T.tolist()]
    assert [Fraction(i, 2**1074) for i in total.to_ints()] == exact
    assert total.values().tolist() == [float(x) for x in exact]
    shuffled = np.random.default_rng(seed).permutation(values)
    parts = [FixedSum(2), FixedSum(2), FixedSum(2)]
    for row, part in zip(np.array_split(shuffled, 3), parts, strict=True):
        part.add(row)
    assert FixedSum.from_limbs(sum(part.limbs for part in parts)).to_ints() == total.to_ints()
    assert [sum(i) for i in zip(*(part.to_ints() for part in parts), strict=True)] == total.to_ints()
    assert (FixedSum.from_ints(total.to_ints()).limbs == total.limbs).all()


def test_extremes_cancel_exactly():
    total = FixedSum(1)
    tiny, huge = 5e-324, 1.7e308
    for x in (huge, tiny, huge, -huge, 1.0, -huge):
        total.add([[x]])
    assert total.to_ints() == [2**1074 + 1]
    total.add([[-1.0], [-tiny]])
    assert total.values().tolist() == [0.0]


def test_weights_and_refusals():
    total = FixedSum(3)
    values, weights = np.arange(12.0).reshape(4, 3), np.array([0.5, 0.25, 2.0, 1.0])
    total.add(values, weights)
    total.add(np.empty((0, 3)))
    assert total.values() == pytest.approx(weights @ values, rel=1e-15)
    before = total.to_ints()
    for bad in (np.nan, np.inf):
        with pytest.raises(UnphysicalState):
            total.add([[1.0, bad, 1.0]])
    assert total.to_ints() == before
    with pytest.raises(ValueError):
        total.add(values[:, :2])
    with pytest.raises(ValueError):
        total.add(values, weights[:2])


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("n", [8, 14])
def test_block_sums(dim, n):
    layout = Layout(dim, n, 2, 3)
    u = np.random.default_rng(1).normal(size=(4, *layout.shape))
    expected = u[(slice(None), slice(None), *layout.interior)].sum((-1, -2, -3))
    sums = block_sums(layout, u)
    assert sums == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert (block_sums(layout, u[2:3].copy()) == sums[2:3]).all()
    assert (block_sums(layout, u, np.array([3, 0], dtype=np.int32)) == sums[[3, 0]]).all()
    assert block_sums(layout, u, np.zeros(0, dtype=np.int32)).shape == (0, 3)
    assert (block_sums(layout, u, absolute=True) == block_sums(layout, np.abs(u))).all()
    for absent in (-1, 4):
        with pytest.raises(ValueError):
            block_sums(layout, u, np.array([absent], dtype=np.int32))
