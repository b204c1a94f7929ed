"""The step kernel on single blocks: order, symmetry, conservation, what two blocks see at a shared face."""

import numpy as np
import pytest
from one_block import OneBlock

from amr.scheme.flux import INTEGRATORS


def wave(block, t, speed=0.5):
    """Cell averages (of density exactly) of a density sine advected obliquely by a uniform flow."""
    n, dim = block.n, block.dim
    average = (np.sin(np.pi / n) / (np.pi / n)) ** dim
    phase = 2 * np.pi * (block.x.sum(0) - dim * speed * t)
    return np.vstack([1 + 0.3 * average * np.sin(phase), *[np.full(phase.size, speed)] * dim, np.ones(phase.size)])


@pytest.mark.parametrize("integrator", INTEGRATORS)
@pytest.mark.parametrize(("dim", "sizes"), [(1, (32, 64)), (2, (16, 32)), (3, (16, 32))])
def test_euler_is_second_order(dim, sizes, integrator):
    errors = []
    for n in sizes:
        block = OneBlock("euler", dim, n, integrator=integrator, limiter="none")
        block.set(wave(block, 0))
        errors.append(np.abs(block.run(0.25)[0] - wave(block, 0.25)[0]).mean())
    assert np.log2(errors[0] / errors[1]) >= 1.9
