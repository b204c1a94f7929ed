"""Small cases with regrids that together use every part of the solver: ranks and restarts must change nothing in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from amr.case import Case
from tests.runs import made, small

STATES = Path(__file__).parent / "plugins" / "states.py"
VISCOUS = STATES.parent / "viscous.py"
NARROW = STATES.parent / "narrow.py"


GAS = {"name": "navier_stokes", "viscosity": 0.01, "prandtl": 0.7}


def torn(
    dim: int, integrator: str = "muscl_hancock", physics: dict[str, str | float] | None = None, **scheme: str | bool
) -> Case:
    """The case that needs the positivity fall-back, periodic, on ``dim`` axes."""
    return made(
        dim,
        {1: 4, 2: 2, 3: 2}[dim],
        mesh={"max_level": {1: 3, 2: 2, 3: 1}[dim]},
        physics=physics or {"name": "euler"},
        problem={"name": f"{STATES}:torn"},
        scheme={"integrator": integrator, **scheme},
        # In 2D and 3D every block would refine: one corner only, so that coarse-fine faces need the fall-back too.
        refinement={"indicators": ["jump"]}
        if dim == 1
        else {"indicators": [], "regions": [{"lower": [0.1] * dim, "upper": [0.4] * dim, "level": 4 - dim}]},
        # The state jumps from one half of the domain to the other: sampled, every block would refine.
        guard={"enabled": False},
        time={"end": 0.03},
    )


CASES: dict[str, Callable[[], Case]] = {
    "sod 1D, hancock": lambda: small(
        "sod", mesh={"max_level": 3, "root_blocks": [4], "block_cells": 8}, time={"max_steps": 50}
    ),
    "shu-osher 1D, ssp_rk3": lambda: small(
        "shu_osher", mesh={"max_level": 2, "root_blocks": [8]}, scheme={"integrator": "ssp_rk3"}, time={"max_steps": 30}
    ),
    "woodward-colella 1D, walls": lambda: small(
        "woodward_colella", mesh={"max_level": 2, "root_blocks": [4]}, time={"max_steps": 60}
    ),
    "torn 1D, fall-back": lambda: torn(1),
    "torn 2D, fall-back": lambda: torn(2),
    "double mach 2D, function boundaries": lambda: small(
        "double_mach", mesh={"max_level": 2, "root_blocks": [4, 1], "block_cells": 8}, time={"end": 0.04}
    ),
    "rayleigh-taylor 2D, source": lambda: small(
        "rayleigh_taylor", mesh={"max_level": 2, "block_cells": 8}, time={"max_steps": 30}
    ),
    "plugins 2D, all four": lambda: small("plugins", mesh={"max_level": 2, "block_cells": 8}, time={"end": 0.06}),
    "slotted disc 2D, prescribed velocity": lambda: small(
        "slotted_disc", mesh={"max_level": 2, "root_blocks": [2, 2]}, time={"max_steps": 25}
    ),
    "dam break 2D, shallow water, ssp_rk2": lambda: small(
        "dam_break_radial",
        mesh={"max_level": 1, "root_blocks": [4, 4], "block_cells": 8},
        scheme={"integrator": "ssp_rk2"},
        time={"max_steps": 20},
    ),
    "blast 3D": lambda: small(
        "blast_3d",
        mesh={"max_level": 1, "root_blocks": [3, 3, 3], "block_cells": 8},
        refinement={"interval": 2},
        time={"max_steps": 15},
    ),
    "few blocks 1D, plugins": lambda: made(
        1,
        2,
        mesh={"lower": [1.0], "upper": [2.0], "max_level": 1, "periodic": False},
        physics={"name": "euler"},
        problem={"name": f"{STATES}:hump"},
        boundaries={"x": [f"{STATES}:open_end", "reflecting"]},
        sources=[f"{STATES}:drag"],
        refinement={"indicators": [{"name": f"{STATES}:range_of_density", "refine": 0.4, "coarsen": 0.3}]},
        time={"max_steps": 15, "end": 1.0},
    ),
    "probes 2D, source and jet between the cells": lambda: made(
        2,
        2,
        mesh={"max_level": 2, "block_cells": 16, "periodic": False},
        physics={"name": "advection", "velocity": [1.0, 0.0]},
        problem={"name": f"{NARROW}:stream"},
        boundaries={"x": [f"{NARROW}:jet", "outflow"], "y": ["outflow", "outflow"]},
        sources=[f"{NARROW}:source_one", f"{NARROW}:smooth"],
        refinement={"interval": 1},
        time={"max_steps": 24, "end": 1.0},
    ),
    "implosion 2D, weno5z, ssp_rk3": lambda: small(
        "implosion",
        mesh={"max_level": 2, "block_cells": 8},
        scheme={"integrator": "ssp_rk3", "reconstruction": "weno5z"},
        time={"max_steps": 20},
    ),
    "vortex 2D, low-pass": lambda: small(
        "vortex",
        mesh={"max_level": 2, "root_blocks": [4, 4], "block_cells": 8},
        refinement={"prolongation": "low_pass", "interval": 2, "buffer": 2},
        time={"max_steps": 24},
    ),
    "torn 2D, ppm, fall-back": lambda: torn(2, "ssp_rk2", reconstruction="ppm"),
    "blast 3D, ppm, ssp_rk3": lambda: small(
        "blast_3d",
        mesh={"max_level": 1, "root_blocks": [3, 3, 3], "block_cells": 8},
        scheme={"integrator": "ssp_rk3", "reconstruction": "ppm"},
        refinement={"interval": 2},
        time={"max_steps": 12},
    ),
    "torn 2D, fall-back, navier_stokes": lambda: torn(2, "ssp_rk3", {**GAS, "viscosity": 1e-3}),
    "lid 2D, navier_stokes, walls without slip": lambda: made(
        2,
        2,
        mesh={"max_level": 2, "periodic": False},
        physics={**GAS, "scalars": ["dye"], "schmidt": 1.0},
        problem={"name": f"{VISCOUS}:dyed"},
        boundaries={"x": ["no_slip"] * 2, "y": ["no_slip", {"kind": "no_slip", "velocity": [1.0, 0.0]}]},
        scheme={"integrator": "ssp_rk2"},
        refinement={"indicators": [{"name": "vorticity", "refine": 0.1}]},
        time={"max_steps": 30, "end": 1.0},
    ),
    "blast 3D, navier_stokes": lambda: small(
        "blast_3d",
        mesh={"max_level": 1, "root_blocks": [3, 3, 3], "block_cells": 8},
        physics=GAS,
        scheme={"integrator": "ssp_rk3"},
        refinement={"interval": 2},
        time={"max_steps": 12},
    ),
    "torn 3D, fall-back": lambda: torn(3, limiter="none"),
    "blast 2D, subcycled": lambda: small(
        "blast_2d", mesh={"max_level": 3, "block_cells": 8}, scheme={"subcycle": True}, time={"max_steps": 18}
    ),
    "double mach 2D, subcycled": lambda: small(
        "double_mach",
        mesh={"max_level": 2, "root_blocks": [4, 1], "block_cells": 8},
        scheme={"subcycle": True},
        time={"max_steps": 18},
    ),
    "torn 2D, subcycled": lambda: torn(2, subcycle=True),
    "torn 3D, subcycled": lambda: torn(3, subcycle=True, limiter="none"),
    "rayleigh-taylor 2D, source, subcycled": lambda: small(
        "rayleigh_taylor",
        mesh={"max_level": 2, "block_cells": 8},
        scheme={"subcycle": True},
        refinement={"interval": 3},
        time={"max_steps": 18},
    ),
    "blast 2D, trial steps to a target": lambda: small(
        "blast_2d",
        mesh={"max_level": 2, "block_cells": 8},
        refinement={"indicators": ["richardson", "entropy_production", "weak_residual"], "target_error": 2e-3},
        time={"max_steps": 18},
    ),
    "double mach 2D, trial steps, function boundaries": lambda: small(
        "double_mach",
        mesh={"max_level": 2, "root_blocks": [4, 1], "block_cells": 8},
        refinement={"indicators": ["richardson", {"name": "uncertainty_gradient", "refine": 2.0}], "max_leaves": 40},
        time={"max_steps": 18},
    ),
    "kelvin-helmholtz 2D, sensors, bulk with a budget": lambda: small(
        "kelvin_helmholtz",
        mesh={"max_level": 2, "root_blocks": [4, 4], "block_cells": 8},
        refinement={
            "indicators": ["vorticity", "shock_sensor", "pressure_jump", "scalar_gradient", "modal"],
            "marking": "bulk",
            "theta": 0.7,
            "max_leaves": 100,
            "level_factors": [1.0, 1.0, 2.0],
        },
        time={"max_steps": 18},
    ),
    "acoustics 2D, adjoint": lambda: small("adjoint", mesh={"block_cells": 8}, time={"end": 0.95, "max_steps": 40}),
    "acoustics 3D, adjoint, subcycled": lambda: made(
        3,
        2,
        mesh={"max_level": 2, "periodic": False},
        physics={"name": "acoustics"},
        problem={"name": "acoustic_pulse", "width": 0.1, "center": [0.3, 0.4, 0.5]},
        scheme={"subcycle": True},
        refinement={
            "indicators": [
                {
                    "name": "adjoint",
                    "goal": {"lower": [0.6] * 3, "upper": [0.8] * 3, "variable": "velocity_y", "time": 0.4},
                }
            ]
        },
        time={"end": 0.5, "max_steps": 18},
    ),
    "dam break 2D, adjoint about the mean depth": lambda: small(
        "dam_break_radial",
        mesh={"max_level": 1, "root_blocks": [4, 4], "block_cells": 8},
        refinement={
            "indicators": [
                {
                    "name": "adjoint",
                    "goal": {"lower": [0.5, 0.5], "upper": [0.7, 0.9], "variable": "depth"},
                    "snapshots": 7,
                }
            ]
        },
        time={"max_steps": 20},
    ),
    "torn 3D, trial steps, maximum": lambda: torn(3, limiter="none").replace(
        refinement={"indicators": ["entropy_production", "weak_residual"], "marking": "maximum", "interval": 3}
    ),
}
