"""What the indicators, and the guards where they raise an alarm, find in the blocks of this rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from amr._kernels import indicate as _c
from amr._kernels.leaf_state import LeavesFound
from amr.errors import CaseError, PluginError
from amr.indicators.base import Indicator, VariableIndicator
from amr.indicators.columns import COMBINATIONS, across, combine_near
from amr.indicators.families import Families, Found
from amr.indicators.fields import Fields
from amr.indicators.plugin import PluginIndicator, centre_bit, evaluate_plugins, near_everywhere
from amr.indicators.review import Guards, Part, Parts, findings
from amr.indicators.trial import TrialIndicator

if TYPE_CHECKING:
    from amr.comm import Comm
    from amr.indicators.decision import BlocksOfRank
    from amr.mesh.geometry import Geometry
    from amr.mesh.pool import Layout
    from amr.physics.base import Physics
    from amr.scheme.trial import TrialMaker


@dataclass(frozen=True)
class Present:
    """The state that is looked at; attributes as the parameters of `Decider.decide`."""

    mesh: BlocksOfRank
    u: np.ndarray
    parts: Parts
    sampled: np.ndarray | None = None
    held: np.ndarray | None = None
    trial: TrialMaker | None = None
    time: float = 0.0


class Finder:
    """The indicators of a run, their columns and what differences of the variables are measured by.

    Parameters
    ----------
    comm : Comm
    physics : Physics
    layout : Layout
    geometry : Geometry
    indicators : sequence of Indicator
    combine : str
        "or": a block refines where any indicator is above its ``refine``; "and": where all are. Either way it coarsens only
        where all are below their ``coarsen``.
    buffer : int
        Cells around a hot cell that are to be as fine as it will be; at most the cells of a block.
    guard : Guards, optional

    Attributes
    ----------
    first : int32 (n_indicators + 1,)
        A column per variable of an indicator: the first one of each indicator, and their number.
    fields : Fields
        With the scales.
    timed : callable
        ``with timed("guard"): ...`` counts what the guards take; nobody counts by default.

    Raises
    ------
    CaseError
        A buffer wider than a block, an unknown combination.
    """

    def __init__(
        self,
        comm: Comm,
        physics: Physics,
        layout: Layout,
        geometry: Geometry,
        indicators: Sequence[Indicator],
        combine: str = "or",
        buffer: int = 4,
        guard: Guards | None = None,
    ) -> None:
        if combine not in COMBINATIONS:
            raise CaseError(f"combine: {combine!r} is none of {', '.join(COMBINATIONS)}")
        if not 0 <= buffer <= layout.n:
            raise CaseError(f"buffer: {buffer} cells, but must be within 0..{layout.n}, the cells of a block")
        self.comm, self.physics, self.layout, self.geometry = comm, physics, layout, geometry
        self.indicators, self.combine, self.buffer, self.guard = tuple(indicators), combine, buffer, guard
        widths = [len(i.variables) if isinstance(i, VariableIndicator) else 1 for i in self.indicators]
        self.first = np.concatenate([[0], np.cumsum(widths)]).astype(np.int32)
        variables = [v for indicator in self.indicators for v in indicator.variables]
        self.fields = Fields(physics, layout, [*variables, *(guard.variables if guard else ())])
        self.families = Families(self.indicators, self.first, layout, geometry)
        self.timed: Callable[[str], AbstractContextManager[None]] = lambda phase: nullcontext()
        self._can_fail = any(isinstance(indicator, PluginIndicator) for indicator in self.indicators)
        self._of_level: np.ndarray | None = None  # own thresholds, (2, n_levels, n_columns)

    @property
    def needs_pool(self) -> bool:
        """Whether an indicator looks at all local blocks at once, with the ghosts of the pool: plugins and trial steps do."""
        return self._can_fail or self.families.needs_pool

    @cached_property
    def columns(self) -> list[list[str]]:
        """Indicator and variable of each column of the values; no variable ("") where an indicator looks at several at once."""
        names = self.physics.primitives
        return [
            [each.label, "" if v is None else names[v]]
            for each in self.indicators
            for v in (each.variables if isinstance(each, VariableIndicator) else [None])
        ]

    def own_thresholds(self, mesh: BlocksOfRank) -> tuple[np.ndarray, np.ndarray]:
        """``refine`` and ``coarsen`` of each local leaf and column, before marking strategies."""
        forest = mesh.forest
        if self._of_level is None or len(self._of_level[0]) != forest.max_level + 1:
            levels = np.arange(forest.max_level + 1, dtype=np.int8)
            each = [indicator.thresholds(levels, forest.max_level, forest.dim) for indicator in self.indicators]
            of_level = np.empty((2, len(levels), int(self.first[-1])))
            for i, both in enumerate(each):
                of_level[:, :, self.first[i] : self.first[i + 1]] = np.stack(both)[:, :, None]
            self._of_level = of_level
        refine, coarsen = self._of_level
        return refine.take(mesh.level, axis=0), coarsen.take(mesh.level, axis=0)

    def find(
        self, present: Present, limits: tuple[np.ndarray, np.ndarray], values: Found, again: bool = False
    ) -> np.ndarray:
        """What is found in the local leaves, structured (n_block,) as `findings` says. Collective.

        Parameters
        ----------
        present : Present
        limits : (float64 (n_block, n_columns), float64 (n_block, n_columns))
            What makes a leaf hot, and what it must not exceed to be looked at on its parent's cells.
        values : Found
            Of the families, which do not depend on limits: made unless this is done ``again``.

        Raises
        ------
        PluginError
            On every rank, if a plugin fails on one.
        """
        mesh, u, parts = present.mesh, present.u, present.parts
        found = self._indicate(u, parts(again=again), limits)
        if self.fields.follow(found.lowest, found.highest, u, self.comm):
            found = self._indicate(u, parts(again=True), limits)
        if self._can_fail:
            self.comm.agree(self._evaluate_plugins(mesh, u, found))
        if not again:
            self.families.evaluate(values, self.fields, mesh, u, parts, present.trial, present.time)
        self.families.fold(values, found, self.buffer)
        near = self._near(found)
        local = np.zeros(len(u), dtype=findings(int(self.first[-1])))
        local["eta"], local["parent"], local["detail"], local["near"] = found.eta, found.parent, found.detail, near
        local["error"] = values.error
        local["sampled"], local["held"] = (False if each is None else each for each in (present.sampled, present.held))
        if self.guard:
            is_hot = (near & centre_bit(self.layout.dim)) != 0
            alarmed = (is_hot & (mesh.level < mesh.forest.max_level)).nonzero()[0].astype(np.int32)
            with self.timed("guard"):
                local["look"][alarmed] = self.guard.look(u, parts, alarmed, self.fields.scales)
        self.families.derive(mesh, local, limits[0], self.buffer, self.combine, self.comm)
        return local

    def error(self, found: np.ndarray, indicator: int) -> np.ndarray:
        """Estimated L1 error per volume of the local leaves, by one of the indicators."""
        if isinstance(self.indicators[indicator], TrialIndicator):
            return found["error"]
        return self.by_indicator(found["eta"])[:, indicator]

    def _indicate(self, u: np.ndarray, parts: Iterable[Part], limits: tuple[np.ndarray, np.ndarray]) -> Any:
        found = _c.Indicated(limits[0], self.layout.n_var, limits[1], self.fields.variables)
        jobs = self._jobs()
        for blocks, plan in parts:
            if len(blocks):
                _c.indicate(self.physics.spec, self.layout, u, blocks, jobs, found, plan)
        return found

    def _near(self, found: Any) -> np.ndarray:
        """Combined masks of the local blocks: those of an indicator's variables are joined in any case."""
        own = [
            across(np.bitwise_or, found.near[:, self.first[i] : self.first[i + 1]])
            for i in range(len(self.indicators))
            if i not in self.families.derived
        ]
        return combine_near(own, self.combine, len(found.near))

    def _evaluate_plugins(self, mesh: BlocksOfRank, u: np.ndarray, found: Any) -> PluginError | None:
        """Set the plugins' columns; the first error on this rank."""
        spacing = mesh.spacing[:, : self.layout.dim]
        plugins = {self.first[i]: each for i, each in enumerate(self.indicators) if isinstance(each, PluginIndicator)}
        try:
            evaluate_plugins(plugins, self.fields, u, spacing, mesh.level, found.eta)
        except PluginError as failure:
            return failure
        for column in plugins:
            eta = found.eta[:, column]
            found.near[:, column] = near_everywhere(eta > found.tau[:, column], self.buffer, self.layout.dim)
            # A plugin is not asked about restricted blocks: their number of cells would surprise it.
            found.parent[:, column] = eta
        return None

    def leaves(self, found: np.ndarray, refine: np.ndarray, coarsen: np.ndarray) -> LeavesFound:
        """What was found, with the thresholds of its columns."""
        return LeavesFound(found, self.first, self.combine == "and", refine, coarsen)

    def by_indicator(self, columns: np.ndarray) -> np.ndarray:
        """Largest of each indicator's columns, (n_block, n_indicators)."""
        found = np.zeros((len(columns), len(self.indicators)))
        for i in range(len(self.indicators)):
            found[:, i] = across(np.maximum, columns[:, self.first[i] : self.first[i + 1]])
        return found

    def _jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = []
        for i, indicator in enumerate(self.indicators):
            if isinstance(indicator, VariableIndicator):
                jobs += indicator.jobs(self.fields, self.buffer, int(self.first[i]))
        seen = {job["variable"] for job in jobs if job["id"] == _c.MULTIRESOLUTION}
        for variable in self.guard.variables if self.guard else ():
            if variable not in seen:
                scale = self.fields.scales[variable].scale
                jobs.append({"id": _c.MULTIRESOLUTION, "variable": variable, "column": -1, "buffer": 0, "scale": scale})
        return jobs
