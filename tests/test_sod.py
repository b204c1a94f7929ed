"""Sod's shock tube: errors against the exact state, uniform and adaptive, along any axis."""

from __future__ import annotations

import numpy as np
import pytest

from amr.results import errors
from tests.runs import l1_error, run, small


def error_and_updates(max_level: int, root_blocks: int) -> tuple[float, int]:
    with run(small("sod", mesh={"max_level": max_level, "root_blocks": [root_blocks]})) as sim:
        found = errors(sim)
        assert found is not None and sim.time == 0.25
        return found["density"]["L1"], sim.report.cell_updates


# What Athena++ gives with PLM, HLLC and VL2.
@pytest.mark.parametrize(("cells", "bound"), [(128, 4.04e-3), (256, 2.21e-3), (512, 1.24e-3)])
def test_uniform_error(cells: int, bound: float) -> None:
    assert error_and_updates(0, cells // 16)[0] <= bound


WIDE = ({"reconstruction": "ppm"}, {"reconstruction": "weno5z"})


@pytest.mark.parametrize("cells", [128, 256])
def test_wide_reconstructions_are_sharper_than_slopes(cells: int) -> None:
    def error(**scheme: str) -> float:
        scheme = {"integrator": "ssp_rk3", "cfl": 0.4, **scheme}  # type: ignore[dict-item]
        return l1_error(small("sod", mesh={"max_level": 0, "root_blocks": [cells // 16]}, scheme=scheme), "density")

    plm, ppm, weno = error(), *(error(**each) for each in WIDE)
    assert ppm < 0.8 * plm and weno < 0.9 * plm


def test_wide_reconstructions_keep_the_short_waves_of_shu_and_osher() -> None:
    """Against four times the cells with plm, which favours plm."""

    def density(cells: int, **scheme: str) -> np.ndarray:
        scheme = {"integrator": "ssp_rk3", "cfl": 0.4, **scheme}  # type: ignore[dict-item]
        with run(small("shu_osher", mesh={"max_level": 0, "root_blocks": [cells // 16]}, scheme=scheme)) as sim:
            return sim.pool.u[:, 0, 0, 0, sim.layout.interior[2]].ravel()

    fine = density(1600).reshape(400, 4).mean(axis=1)
    plm, *wide = (np.abs(density(400, **each) - fine).mean() for each in ({}, *WIDE))
    assert max(wide) < 0.6 * plm


def test_adaptive_mesh_needs_less_than_half_the_updates() -> None:
    uniform, uniform_updates = error_and_updates(0, 32)
    adaptive, adaptive_updates = error_and_updates(2, 8)
    assert adaptive <= 1.1 * uniform
    assert adaptive_updates < 0.5 * uniform_updates


def test_axes_are_equal() -> None:
    """Sod along x and along y: the same numbers, transposed, to the last bit, with refinement."""
    states = []
    for axis in "xy":
        case = small(f"sod_2d_{axis}", mesh={"max_level": 2}, time={"end": 0.05})
        with run(case) as sim:
            forest = sim.mesh.forest
            u = sim.pool.u[(slice(None), slice(None), *sim.layout.interior)][:, :, 0]
            coords = forest.coords[:, :2]
            if axis == "y":  # (density, momentum_x, momentum_y, energy), cells [j, i]
                u = u[:, [0, 2, 1, 3]].swapaxes(2, 3)
                coords = coords[:, ::-1]
            order = np.lexsort((coords[:, 1], coords[:, 0], forest.level))
            states.append((forest.level[order], coords[order], u[order]))
    for along_x, along_y in zip(*states, strict=True):
        assert np.array_equal(along_x, along_y)
    assert len(np.unique(states[0][0])) == 3
