"""Broken case files: each is the good one with some keys changed, and what its message must say."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

from amr.case.text import toml_document

GOOD = """
title = "good"

[mesh]
lower = [0.0, 0.0]
upper = [1.0, 1.0]
root_blocks = [2, 2]
block_cells = 16
max_level = 2

[physics]
name = "euler"
gamma = 1.4

[problem]
name = "riemann"
offset = 0.5
left = { density = 1.0, velocity = [0.0, 0.0], pressure = 1.0 }
right = { density = 0.125, velocity = [0.0, 0.0], pressure = 0.1 }

[boundaries]
x = ["outflow", "reflecting"]
y = ["periodic", "periodic"]

[scheme]
riemann = "hllc"

[refinement]
indicators = ["lohner", { name = "jump", variables = ["density"], refine = 0.1 }]

[time]
end = 0.1

[output]
directory = "out/broken"
format = "none"
"""

DELETE = object()
GRAVITY = [{"name": "gravity", "g": [0.0, -1.0]}]
BURGERS = {"name": "burgers"}

#: Name -> (changes by dotted key, texts that must all be in the message).
BROKEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown section": ({"mseh": {"lower": [0.0]}}, ["mseh", "unknown section", '"mesh"']),
    "PETSc options without a name": (
        {"petsc.options": "ksp_type cg"},
        ["petsc.options", "'ksp_type' is not the value"],
    ),
    "missing section": ({"time": DELETE}, ["time: missing section"]),
    "all required sections missing": (
        {"mesh": DELETE, "physics": DELETE, "problem": DELETE, "time": DELETE},
        ["4 faults", "mesh: missing", "physics: missing", "problem: missing", "time: missing"],
    ),
    "section is not a table": ({"mesh": 3}, ["mesh = 3", "must be a table"]),
    "title is not a string": ({"title": 3}, ["title = 3", "must be a string"]),
    "unknown key": ({"mesh.max_levle": 3}, ["mesh.max_levle = 3", "unknown key", '"max_level"']),
    "missing key": ({"mesh.lower": DELETE}, ["mesh.lower", "missing key", "Lower corner"]),
    "number as a string": ({"mesh.max_level": "3"}, ['mesh.max_level = "3"', "whole number"]),
    "fraction for a whole number": ({"mesh.block_cells": 16.5}, ["mesh.block_cells = 16.5", "whole number"]),
    "odd block cells": ({"mesh.block_cells": 15}, ["mesh.block_cells = 15", "even"]),
    "few block cells": ({"mesh.block_cells": 4}, ["mesh.block_cells = 4", ">= 8"]),
    "many block cells": ({"mesh.block_cells": 128}, ["mesh.block_cells = 128", "<= 64"]),
    "string among numbers": ({"mesh.lower": [0.0, "a"]}, ['mesh.lower[1] = "a"', "must be a number"]),
    "four dimensions": ({"mesh.lower": [0.0] * 4}, ["mesh.lower", "at most 3"]),
    "dimensions disagree": ({"mesh.upper": [1.0]}, ["mesh.upper = [1.0]", "2 entries"]),
    "root blocks disagree": ({"mesh.root_blocks": [2, 2, 2]}, ["mesh.root_blocks = [2, 2, 2]", "2 entries"]),
    "no root blocks": ({"mesh.root_blocks": [2, 0]}, ["mesh.root_blocks[1] = 0", ">= 1"]),
    "upper below lower": ({"mesh.upper": [1.0, -1.0]}, ["mesh.upper[1] = -1.0", "greater than mesh.lower[1] = 0"]),
    "infinite domain": ({"mesh.upper": [1.0, float("inf")]}, ["mesh.upper[1]", "finite"]),
    "not a number": ({"time.end": float("nan")}, ["time.end = nan", "finite"]),
    "negative level": ({"mesh.max_level": -1}, ["mesh.max_level = -1", ">= 0"]),
    "too many levels": ({"mesh.max_level": 25}, ["mesh.max_level = 25", "<= 20 in 2D"]),
    "too many blocks": ({"mesh.root_blocks": [2**40, 1]}, ["mesh.root_blocks", "more blocks"]),
    "periodic is no list of flags": ({"mesh.periodic": [1, 0]}, ["mesh.periodic = [1, 0]", "true, false"]),
    "periodic disagrees": ({"mesh.periodic": [True, True]}, ["boundaries.x", "agree with mesh.periodic"]),
    "periodic of another dimension": ({"mesh.periodic": [True]}, ["mesh.periodic", "2 entries"]),
    "one side periodic": ({"boundaries.y": ["periodic", "outflow"]}, ["boundaries.y", "both sides"]),
    "boundary of a missing axis": ({"boundaries.z": ["outflow"] * 2}, ["boundaries.z", "2 dimensions"]),
    "one boundary": ({"boundaries.x": ["outflow"]}, ["boundaries.x", "at least 2"]),
    "unknown boundary": ({"boundaries.x": ["outflow", "reflect"]}, ["boundaries.x[1]", '"reflecting"']),
    "boundary is a number": ({"boundaries.x": [1, "outflow"]}, ["boundaries.x[0] = 1", "must be a name"]),
    "inflow without a state": ({"boundaries.x": ["inflow", "outflow"]}, ["boundaries.x[0]", "needs a state"]),
    "inflow with an unknown variable": (
        {"boundaries.x": [{"kind": "inflow", "densty": 1.0}, "outflow"]},
        ["boundaries.x[0].densty = 1.0", '"density"'],
    ),
    "inflow with a negative pressure": (
        {"boundaries.x": [{"kind": "inflow", "pressure": -1.0}, "outflow"]},
        ["boundaries.x[0].pressure = -1.0", "positive"],
    ),
    "outflow with a state": (
        {"boundaries.x": [{"kind": "outflow", "density": 1.0}, "outflow"]},
        ["boundaries.x[0]", "only inflow"],
    ),
    "boundary plugin missing": ({"boundaries.x": ["none.py:f", "outflow"]}, ["boundaries.x[0]", "no file"]),
    "problem gives no boundary": (
        {"problem": {"name": "blast"}, "boundaries.x": ["problem", "outflow"]},
        ["boundaries.x[0]", "gives no state"],
    ),
    "unknown physics": ({"physics.name": "eular"}, ["physics", "eular", '"euler"']),
    "physics without a name": ({"physics.name": DELETE}, ["physics.name", "missing", "euler"]),
    "gamma too small": ({"physics.gamma": 1.0}, ["physics.gamma = 1.0", "> 1"]),
    "gamma as a string": ({"physics.gamma": "1.4"}, ['physics.gamma = "1.4"', "must be a number"]),
    "unknown physics key": ({"physics.gama": 1.4}, ["physics.gama", '"gamma"']),
    "scalar twice": ({"physics.scalars": ["a", "a"]}, ["physics", "differ"]),
    "velocity vector of another dimension": (
        {"physics": {"name": "advection", "velocity": [1.0]}, "problem": {"name": "sine"}, "scheme.riemann": "hll"},
        ["physics.velocity", "2D"],
    ),
    "advection without a velocity": ({"physics": {"name": "advection"}, "problem": {"name": "sine"}}, ["velocity"]),
    "shallow water in 3D": (
        {
            "physics": {"name": "shallow_water"},
            "problem": {"name": "dam_break"},
            "mesh": {"lower": [0.0] * 3, "upper": [1.0] * 3, "root_blocks": [2] * 3},
        },
        ["shallow_water", "not in 3D"],
    ),
    "unknown problem": ({"problem": {"name": "sedow"}}, ["problem.name", '"sedov"']),
    "problem of other physics": ({"problem": {"name": "dam_break"}}, ["problem.name", "shallow_water, not euler"]),
    "problem of another dimension": (
        {
            "mesh": {"lower": [0.0], "upper": [1.0], "root_blocks": [2]},
            "boundaries": {},
            "problem": {"name": "implosion"},
        },
        ["problem.name", "2D and 3D, not 1D"],
    ),
    "unknown problem key": ({"problem.lefft": {}}, ["problem.lefft", '"left"']),
    "state without a pressure": (
        {"problem.left": {"density": 1.0, "velocity": [0.0, 0.0]}},
        ["problem.left.pressure", "missing variable"],
    ),
    "state with an unknown variable": ({"problem.left.presure": 1.0}, ["problem.left.presure", '"pressure"']),
    "state with a short velocity": ({"problem.left.velocity": [0.0]}, ["problem.left.velocity = [0.0]", "list of 2"]),
    "state with a negative density": ({"problem.right.density": -1.0}, ["problem.right.density = -1.0", "positive"]),
    "state is a number": ({"problem.left": 1.0}, ["problem.left = 1.0", "table of variables"]),
    "zero normal": ({"problem.normal": [0.0, 0.0]}, ["problem.normal", "zero vector"]),
    "rayleigh_taylor without gravity": ({"problem": {"name": "rayleigh_taylor"}}, ["problem.name", "needs gravity"]),
    "unknown configuration": (
        {"problem": {"name": "riemann_2d", "configuration": 33}},
        ["problem.configuration = 33", "unknown configuration"],
    ),
    "problem plugin file missing": ({"problem": {"name": "nowhere.py:f"}}, ["problem.name", "no file"]),
    "problem plugin module missing": ({"problem": {"name": "no_such_package:f"}}, ["problem.name", "cannot import"]),
    "problem plugin function missing": ({"problem": {"name": "math:f"}}, ["problem.name", "has no f"]),
    "unknown limiter": ({"scheme.limiter": "minmd"}, ["scheme.limiter", '"minmod"']),
    "unknown integrator": ({"scheme.integrator": "ssp_rk4"}, ["scheme.integrator", "ssp_rk3"]),
    "unknown reconstruction": ({"scheme.reconstruction": "weno5"}, ["scheme.reconstruction", '"weno5z"']),
    "reconstruction without a predictor": (
        {"scheme.reconstruction": "ppm", "physics": DELETE},
        [
            'scheme.reconstruction = "ppm"',
            "reconstruction = ppm needs integrator ssp_rk2 or ssp_rk3",
            "physics: missing",
        ],
    ),
    "unknown riemann solver": ({"scheme.riemann": "hlc"}, ["scheme.riemann", '"hllc"']),
    "riemann solver of other physics": (
        {"physics": BURGERS, "problem": {"name": "sine"}},
        ["scheme.riemann", "not offered for physics burgers", "rusanov"],
    ),
    "cfl above one": ({"scheme.cfl": 1.5}, ["scheme.cfl = 1.5", "<= 1"]),
    "cfl zero": ({"scheme.cfl": 0.0}, ["scheme.cfl = 0.0", "> 0"]),
    "subcycling": (
        {"scheme.subcycle": True, "scheme.integrator": "ssp_rk3"},
        ["scheme.subcycle = true", "one stage (muscl_hancock)", "ssp_rk3"],
    ),
    "unknown source": ({"sources": ["gravty"]}, ["sources[0].name", '"gravity"']),
    "source without its key": ({"sources": ["gravity"]}, ["sources[0].g", "missing key"]),
    "source of another dimension": (
        {"sources": [{"name": "gravity", "g": [1.0]}]},
        ["sources[0].g = [1.0]", "2 entries"],
    ),
    "source of other physics": (
        {"sources": GRAVITY, "physics": BURGERS, "problem": {"name": "sine"}, "scheme.riemann": "hll"},
        ["sources[0].name", "needs physics euler"],
    ),
    "sources are no list": ({"sources": "gravity"}, ["sources", "must be a list"]),
    "unknown indicator": ({"refinement.indicators": ["lohnr"]}, ["refinement.indicators[0]", '"lohner"']),
    "indicator with an unknown key": (
        {"refinement.indicators": [{"name": "jump", "refien": 1.0}]},
        ["refinement.indicators[0].refien", '"refine"'],
    ),
    "indicator of an unknown variable": (
        {"refinement.indicators": [{"name": "jump", "variables": ["dens"]}]},
        ["refinement.indicators[0].variables", "density"],
    ),
    "thresholds in the wrong order": (
        {"refinement.refine": 0.1, "refinement.coarsen": 0.2},
        ["refinement.coarsen", "below"],
    ),
    "unknown combination": ({"refinement.combine": "xor"}, ["refinement.combine", "or"]),
    "unknown prolongation": ({"refinement.prolongation": "low-pass"}, ["refinement.prolongation", '"low_pass"']),
    "buffer larger than a block": ({"refinement.buffer": 17}, ["refinement.buffer", "mesh.block_cells = 16"]),
    "buffer is a word": ({"refinement.buffer": "wide"}, ["refinement.buffer", '"auto"']),
    "regrid interval too long": ({"refinement.interval": 40}, ["refinement.buffer", "shorten refinement.interval"]),
    "regrid interval zero": ({"refinement.interval": 0}, ["refinement.interval = 0", ">= 1"]),
    "region too deep": (
        {"refinement.regions": [{"lower": [0.0, 0.0], "upper": [0.5, 0.5], "level": 5}]},
        ["refinement.regions[0].level = 5", "mesh.max_level = 2"],
    ),
    "region of another dimension": (
        {"refinement.regions": [{"lower": [0.0], "upper": [0.5], "level": 1}]},
        ["refinement.regions[0].lower", "2 entries"],
    ),
    "end before start": ({"time.start": 1.0}, ["time.end = 0.1", "greater than time.start = 1"]),
    "negative fixed step": ({"time.dt": -0.1}, ["time.dt = -0.1", "> 0"]),
    "no steps": ({"time.max_steps": -5}, ["time.max_steps = -5", ">= 0"]),
    "unknown format": ({"output.format": "vtk"}, ["output.format", '"vtu"']),
    "format of another dimension": ({"output.format": "vtkhdf-amr"}, ["output.format", "3D only"]),
    "no output interval": ({"output.every": 0.0}, ["output.every = 0.0", "> 0"]),
    "keep no checkpoint": ({"output.keep": 0}, ["output.keep = 0", ">= 1"]),
    "faults everywhere": (
        {
            "mesh.max_levle": 1,
            "physics.gamma": 0.5,
            "problem.left.pressure": -1.0,
            "scheme.limiter": "mcc",
            "time.end": -1.0,
        },
        ["5 faults", "max_levle", "physics.gamma", "problem.left.pressure", "scheme.limiter", "time.end"],
    ),
}

#: Texts that are not even a table of keys -> what the message must say.
BROKEN_TEXT: dict[str, tuple[str, list[str]]] = {
    "empty file": ("", ["mesh: missing section", "time: missing section"]),
    "not TOML": ("[mesh\nlower = 1", ["not valid TOML", "line 1"]),
    "key twice": ("[mesh]\nlower = [0.0]\nlower = [0.0]\n", ["not valid TOML", "line 3"]),
    "a date": (GOOD.replace("end = 0.1", "end = 2024-01-01"), ["time.end", "number"]),
}


def broken_text(changes: dict[str, Any]) -> str:
    """The good case with keys changed, as TOML."""
    data = copy.deepcopy(tomllib.loads(GOOD))
    for key, value in changes.items():
        *parents, last = key.split(".")
        place = data
        for part in parents:
            place = place.setdefault(part, {})
        if value is DELETE:
            del place[last]
        else:
            place[last] = value
    return toml_document(data)


def all_broken() -> dict[str, tuple[str, list[str]]]:
    """Name -> (text of the case file, what its message must say)."""
    made = {name: (broken_text(changes), said) for name, (changes, said) in BROKEN.items()}
    return {**made, **BROKEN_TEXT}
