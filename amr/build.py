"""From a case to the objects of the lower layers, which never see the case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amr.comm import Comm
from amr.comm.program import check_launcher
from amr.guard.probes import Probes, Target
from amr.guard.sampling import Sampled, Sampler
from amr.guard.verify import Guard as RegridGuard
from amr.implicit.gravity import SelfGravity
from amr.implicit.split import SplitSources
from amr.implicit.time_stepper import PetscStepper
from amr.indicators import AdjointWeighted, Decider, Finder, Indicator, Marking, Region, VariableIndicator
from amr.indicators.adjoint_solve import Backward
from amr.indicators.base import find_variables
from amr.io.outputs import OutputOptions
from amr.io.timers import Timers
from amr.mesh.geometry import Geometry
from amr.mesh.pool import Layout, Pool
from amr.mesh.tree import Forest
from amr.physics.boundary import DIFFUSIVE_KINDS, BoundaryFill, Condition
from amr.physics.sources import SOURCES
from amr.problems.sample import average_pieces, conserved_state
from amr.scheme.flux import PETSC, Scheme, create_scheme
from amr.scheme.sources import SourceTerms
from amr.scheme.stepper import Stepper
from amr.scheme.subcycle import SubcycledStepper

if TYPE_CHECKING:
    from amr.case import Case
    from amr.case.schema import Guard
    from amr.physics.base import Physics
    from amr.problems.base import Problem
    from amr.scheme.local_mesh import LocalMesh


class InitialState:
    """Cell averages of a problem's initial state, and what its samples say about the mesh.

    Parameters
    ----------
    problem : Problem
    physics : Physics
    layout : Layout
    name : str
        What to call the problem in an error.
    guard : Guard, optional
        The section of the case; needed by `sample`.
    comm : Comm, optional
        Needed by `sample`.
    """

    def __init__(
        self,
        problem: Problem,
        physics: Physics,
        layout: Layout,
        name: str,
        guard: Guard | None = None,
        comm: Comm | None = None,
    ) -> None:
        self.problem, self.physics, self.layout, self.name = problem, physics, layout, name
        self._guard, self._comm = guard, comm
        self._sampler: Sampler | None = None

    @property
    def is_guarded(self) -> bool:
        """Whether the case asks for `sample` in place of `fill`."""
        return self._guard is not None and self._guard.enabled and self._guard.sampling

    def fill(self, u: np.ndarray, mesh: LocalMesh, variables: Sequence[int] | None = None) -> None:
        """Write the averages into the interiors of ``u`` (all variables, or those given), in place. Not collective."""
        corner = mesh.geometry.origin(mesh.level, mesh.coords)
        inner = u[(slice(None), slice(None), *self.layout.interior)]
        for blocks, averages in average_pieces(
            self.problem.initial, self.physics, corner, mesh.spacing, self.layout.n, self.problem.quadrature, self.name
        ):
            for v in range(self.layout.n_var) if variables is None else variables:
                inner[blocks, v] = averages[:, v].reshape(-1, *inner.shape[2:])

    def sample(self, u: np.ndarray, mesh: LocalMesh) -> Sampled:
        """As `fill`, and look for what the cells do not resolve. Collective.

        The averages are those of `fill` to the last bit but in cells that were bisected: where jittered points disagree with the
        Gauss points, in blocks that are not alarmed or cannot be refined.

        Parameters
        ----------
        u : float64 (n_block, n_var, nk, nj, ni)
            Its interiors are overwritten.
        mesh : LocalMesh
            Read: ``level``, ``coords``, ``geometry`` and ``forest.max_level``.

        Returns
        -------
        Sampled
            Per block of this rank the alarm, whether it is noise and the level that is wanted.

        Raises
        ------
        PluginError
            The problem failed; the same on every rank.
        """
        sampler = self._sampler = self._sampler or self._make_sampler(mesh.geometry)
        inner = u[(slice(None), slice(None), *self.layout.interior)]
        inner = inner.squeeze(axis=tuple(range(2, 5 - self.layout.dim)))
        return sampler.sample(inner, mesh.level, mesh.coords, mesh.forest.max_level)

    def _make_sampler(self, geometry: Geometry) -> Sampler:
        assert self._guard is not None and self._comm is not None
        physics = self.physics
        return Sampler(
            lambda x: conserved_state(self.problem.initial, physics, x, self.name),
            geometry,
            self._comm,
            physics.n_var,
            self.problem.quadrature,
            tolerance=self._guard.tolerance,
            seed=self._guard.seed,
            with_scouts=self._guard.scouts,
            groups=list(physics.conserved_vectors.values()),
            fixed=physics.static,
            floors=self._floors,
        )

    def _floors(self, u: np.ndarray) -> np.ndarray:
        """Magnitudes (n_var,) that velocities and momenta of states (n_var, m) are seen beside: those at the signal speed."""
        floors = np.zeros(len(u))
        w = self.physics.to_primitive(u)
        signal = np.max([self.physics.max_signal(w, axis) for axis in range(self.physics.dim)], axis=0)
        for name, indices in self.physics.conserved_vectors.items():
            floors[list(indices)] = np.max(signal * np.abs(u[0]) if name == "momentum" else signal)
        return floors


def make_stepper(case: Case, parts: Parts, timers: Timers) -> Stepper:
    """What advances the blocks of a rank."""
    common = (parts.comm, parts.physics, parts.layout, parts.scheme, case.scheme.cfl, timers)
    if case.scheme.integrator == PETSC:
        terms = SourceTerms([*parts.physics.reactions, *case.sources], parts.physics, parts.layout)
        return PetscStepper(
            *common,
            conditions=parts.boundary.conditions,
            terms=terms,
            options=f"{parts.physics.petsc_options} {case.petsc.options}",
            fixed_dt=case.time.dt,
            density=None
            if parts.physics.energy is None
            else 1.0 / math.prod(parts.geometry.upper - parts.geometry.lower),
        )
    return (SubcycledStepper if case.scheme.subcycle else Stepper)(*common)


def split_sources(case: Case, parts: Parts, timers: Timers) -> SplitSources:
    """What is done before and after a step; PETSc's steps have the sources within."""
    is_within = case.scheme.integrator == PETSC
    sources = SourceTerms([], parts.physics, parts.layout) if is_within else parts.sources
    return SplitSources(parts.comm, sources, parts.gravity, timers)


@dataclass(frozen=True)
class Parts:
    """What a simulation is made of."""

    comm: Comm
    physics: Physics
    layout: Layout
    geometry: Geometry
    forest: Forest
    pool: Pool
    boundary: BoundaryFill
    scheme: Scheme
    sources: SourceTerms
    gravity: SelfGravity | None
    initial: InitialState
    probes: Probes
    decider: Decider
    output: OutputOptions


def build(case: Case, comm: Comm | None) -> Parts:
    """Make the parts of a simulation; ``comm`` is the world by default. Collective."""
    if comm is None:
        comm = Comm.world()
        check_launcher()
    mesh, physics, output = case.mesh, case.physics, case.output
    dim = mesh.dim
    scheme = create_scheme(
        physics, case.scheme.integrator, case.scheme.reconstruction, case.scheme.limiter, case.scheme.riemann
    )
    layout = Layout(dim, mesh.block_cells, scheme.ghosts, physics.n_var)
    geometry = Geometry(mesh.lower, mesh.upper, mesh.root_blocks, mesh.block_cells)
    conditions = [
        Condition(
            boundary.kind,
            state=boundary.state if boundary.kind in ("inflow", "no_slip", *DIFFUSIVE_KINDS) else None,
            function=boundary.function,
            name=boundary.name,
            robin=boundary.robin,
        )
        for boundary in case.boundaries
    ]
    boundary = BoundaryFill(physics, layout, geometry, conditions)
    sources = SourceTerms(list(case.sources), physics, layout)
    return Parts(
        comm=comm,
        physics=physics,
        layout=layout,
        geometry=geometry,
        forest=Forest.uniform(dim, mesh.root_blocks, mesh.periodic, mesh.max_level),
        pool=Pool(layout),
        boundary=boundary,
        scheme=scheme,
        sources=sources,
        gravity=_self_gravity(case, comm, layout, geometry),
        probes=_probes(case, comm, geometry, sources, boundary),
        initial=InitialState(
            case.problem, physics, layout, f"problem {case.data['problem']['name']}", case.guard, comm
        ),
        decider=_decider(case, comm, physics, layout, geometry),
        output=OutputOptions(
            directory=Path(output.directory or "out"),
            name=Path(case.source).stem,
            format=output.format,
            start=case.time.start,
            every=output.every,
            every_steps=output.every_steps,
            checkpoint_every=output.checkpoint_every,
            checkpoint_every_steps=output.checkpoint_every_steps,
            checkpoint_seconds=output.checkpoint_seconds,
            keep=output.keep,
            plot=output.plot,
            mpi_io=output.mpi_io,
        ),
    )


def _with_adjoint(
    indicator: Indicator, case: Case, comm: Comm, physics: Physics, layout: Layout, geometry: Geometry
) -> Indicator:
    """The indicator; if it is adjoint-weighted, with the adjoint states. Collective."""
    if not isinstance(indicator, AdjointWeighted):
        return indicator
    mesh, options, level = case.mesh, case.scheme, indicator.parameters.level
    system = indicator.system_of(lambda: _mean(case, physics, geometry)[0])
    level = min(1, mesh.max_level) if level is None else level
    backward = Backward(
        comm,
        layout,
        geometry,
        Forest.uniform(mesh.dim, mesh.root_blocks, mesh.periodic, level, level),
        [boundary.kind in ("reflecting", "no_slip") for boundary in case.boundaries],
        create_scheme(system.physics, options.integrator, options.reconstruction, options.limiter),
        options.cfl,
        Timers(),
    )
    return indicator.solved(system, backward, case.time.start, case.time.end)


def _self_gravity(case: Case, comm: Comm, layout: Layout, geometry: Geometry) -> SelfGravity | None:
    if case.self_gravity is None:
        return None
    return SelfGravity(comm, layout, geometry, case.self_gravity.G, all(case.mesh.periodic), case.petsc.options)


def _mean(case: Case, physics: Physics, geometry: Geometry) -> list[float]:
    """Means of the conserved variables of the initial state, on the mesh of level 0. Every rank does the whole."""
    forest = Forest.uniform(case.mesh.dim, case.mesh.root_blocks)
    corner, spacing = geometry.origin(forest.level, forest.coords), geometry.spacing(forest.level)
    name = f"problem {case.data['problem']['name']}"
    pieces = average_pieces(case.problem.initial, physics, corner, spacing, geometry.n, case.problem.quadrature, name)
    averages = np.concatenate([np.moveaxis(each, 1, 0).reshape(physics.n_var, -1) for _, each in pieces], axis=1)
    return [math.fsum(values) / len(values) for values in averages]


def _probes(case: Case, comm: Comm, geometry: Geometry, sources: SourceTerms, boundary: BoundaryFill) -> Probes:
    options, targets = case.guard, []
    if options.enabled and options.scouts:
        # Those that are built in do not depend on the place.
        targets = [
            Target(f"source {name}", partial(sources.rate, only=number))
            for number, (name, _) in enumerate(sources.sources)
            if name not in SOURCES
        ]
        for direction, (_, label) in boundary.functions.items():
            if boundary.conditions[direction].kind == "function":
                targets.append(Target(label, partial(boundary.states, direction), direction))
    return Probes(
        targets,
        geometry,
        sources.layout,
        comm,
        options.tolerance,
        case.time.end - case.time.start,
        options.seed,
        list(sources.physics.conserved_vectors.values()),
    )


def _decider(case: Case, comm: Comm, physics: Physics, layout: Layout, geometry: Geometry) -> Decider:
    refinement, options = case.refinement, case.guard
    guard = None
    if options.enabled and (options.classify or options.verify) and case.mesh.max_level > 0:
        variables = {v: None for each in case.indicators if isinstance(each, VariableIndicator) for v in each.variables}
        default = find_variables(physics, physics.indicator_variables)
        guard = RegridGuard(physics, layout, tuple(variables) or default, options.classify, options.verify)
    indicators = [_with_adjoint(each, case, comm, physics, layout, geometry) for each in case.indicators]
    return Decider(
        Finder(comm, physics, layout, geometry, indicators, refinement.combine, case.buffer, guard),
        patience=refinement.patience,
        regions=[Region(tuple(each.lower), tuple(each.upper), each.level, each.factor) for each in refinement.regions],
        marking=Marking(
            refinement.marking,
            refinement.theta,
            refinement.max_leaves,
            tuple(refinement.level_factors),
            refinement.target_error,
        ),
    )
