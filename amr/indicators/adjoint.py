"""Adjoint-weighted error: what the details of the cells mean for one number that the run is made for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from amr._kernels.adjoint import weigh_detail
from amr.errors import CaseError
from amr.indicators.adjoint_solve import AdjointStates, AdjointSystem, Backward, adjoint_of, linear_fault
from amr.indicators.base import Thresholds
from amr.indicators.cells import CellIndicator
from amr.names import suggestion

if TYPE_CHECKING:
    from amr._kernels.ghosts import GhostPlan
    from amr.indicators.decision import BlocksOfRank
    from amr.indicators.fields import Fields


class Goal(BaseModel):
    """Keys of ``goal``: the integral of a conserved variable over a box at a time."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    lower: tuple[float, ...] = Field(min_length=1, max_length=3, description="Lower corner of the box")
    upper: tuple[float, ...] = Field(min_length=1, max_length=3, description="Upper corner of the box")
    variable: str = Field(description="Conserved variable that is integrated over the box")
    time: float | None = Field(None, description="When; default time.end")


class AdjointParameters(Thresholds):
    """Thresholds as fractions of the first variable's range, where an error matters most for the goal."""

    goal: Goal = Field(description="{ lower, upper, variable, time }: a box, what is integrated over it, and when")
    level: int | None = Field(
        None, ge=0, description="Uniform mesh of the backward solution; default 1, or 0 where mesh.max_level is 0"
    )
    snapshots: int | None = Field(
        None,
        ge=1,
        description="Intervals between the adjoint states that are kept; default: no wave crosses half of the box in one",
    )
    depth: float | None = Field(
        None, gt=0, description="Shallow water: depth to linearise about; default the mean of the initial state"
    )

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 4e-4, 4e-5


class AdjointWeighted(CellIndicator):
    """``max over axes, both pairs of the cell, and snapshots of |v . d| / (S max |v|)``, v the adjoint state of a goal.

    The goal is J = integral of a conserved variable over a box at a time T. v solves the adjoint equations backwards from
    v = (1 for that variable, in the box) at T: an error e that is made at time t changes J by the integral of
    v(t) . e. d is the detail of `Multiresolution` with its sign, the vector of all conserved variables of one pair of cells:
    waves that do not travel to the box in time have v . d = 0, however steep they are. v is taken at the two snapshots
    before and after t (the larger value counts), for a cell that is wider than those of the backward mesh in all that lie
    in it. |v| = sum over the variables of |v_k| unit_k, the largest over all cells and snapshots, and
    S = max over the variables of range / unit: unit_k is what variable k of a wave is in units of the first one
    (acoustics: velocity 1 / (density c); shallow water: momentum c). So the value is at most the detail in units of S, and
    ``refine`` is what `Multiresolution` would take where an error matters most. 0 after T.

    Blind to what does not reach the goal, by intention; to what the backward mesh does not carry; and as all to
    what the cell averages do not show. Sources must not depend on the state, which the adjoint equations do not know of;
    shallow water must stay near rest.

    References
    ----------
    B. N. Davis, R. J. LeVeque, Analysis and performance evaluation of adjoint-guided adaptive mesh refinement for linear
    hyperbolic PDEs using Clawpack, ACM Trans. Math. Softw. 46 (2020), doi:10.1145/3392775: there the estimate
    is Richardson's, and v the largest over a range of T.
    """

    name = "adjoint"
    Parameters = AdjointParameters
    parameters: AdjointParameters
    #: None until `solved`.
    states: AdjointStates | None = None
    system: AdjointSystem
    end: float

    def pick(self) -> tuple[int, ...]:
        """See `FamilyIndicator.pick`."""
        if fault := linear_fault(self.physics):
            raise CaseError(f"name: {fault}")
        goal = self.parameters.goal
        if goal.variable not in self.physics.variables:
            known = suggestion(goal.variable, self.physics.variables)
            raise CaseError(
                f"goal.variable: {goal.variable!r} is not a conserved variable of {self.physics.name}{known}"
            )
        if self.parameters.depth is not None and self.physics.name != "shallow_water":
            raise CaseError(f"depth: is for shallow_water, not {self.physics.name}")
        return tuple(range(len(self.physics.primitives)))

    def faults(
        self, lower: list[float], upper: list[float], max_level: int, start: float, end: float
    ) -> Iterator[tuple[str, str, Any]]:
        """Key, text and value of what does not fit the domain ``lower``..``upper``, the levels or the times of a run."""
        goal, level, dim = self.parameters.goal, self.parameters.level, len(lower)
        for key, corner in (("lower", goal.lower), ("upper", goal.upper)):
            if len(corner) != dim:
                yield f"goal.{key}", f"must have {dim} entries, one per axis", list(corner)
        for axis, (low, high) in enumerate(zip(goal.lower, goal.upper, strict=False)):
            if not low < high:
                yield f"goal.upper[{axis}]", f"must be greater than goal.lower[{axis}] = {low:g}", high
            elif axis < dim and not lower[axis] <= low < high <= upper[axis]:
                text = f"the box must lie in the domain, which is {lower[axis]:g}..{upper[axis]:g} on this axis"
                yield f"goal.lower[{axis}]", text, low
        if goal.time is not None and not start < goal.time <= end:
            yield "goal.time", f"must be after time.start = {start:g} and no later than time.end = {end:g}", goal.time
        if level is not None and level > max_level:
            yield "level", f"must be <= mesh.max_level = {max_level}", level

    def system_of(self, mean_depth: Callable[[], float]) -> AdjointSystem:
        """The adjoint equations; ``mean_depth`` is asked where they need it and the case does not say."""
        depth = self.parameters.depth
        if depth is None and self.physics.name == "shallow_water":
            depth = mean_depth()
        return adjoint_of(self.physics, depth)

    def solved(self, system: AdjointSystem, backward: Backward, start: float, end: float) -> AdjointWeighted:
        """This indicator with the adjoint states of a run from ``start`` to ``end``. Collective; nothing is changed here."""
        goal, result = self.parameters.goal, copy(self)
        result.end = end if goal.time is None else goal.time
        duration = result.end - start
        n = self.parameters.snapshots or backward.n_snapshots(system, np.subtract(goal.upper, goal.lower), duration)
        variable = self.physics.variables.index(goal.variable)
        result.system = system
        result.states = backward.run(system, variable, goal.lower, goal.upper, duration, n)
        return result

    def place(self, mesh: BlocksOfRank, time: float) -> None:
        """See `CellIndicator.place`."""
        if self.states is None:
            raise CaseError("adjoint: the adjoint states of the run are needed first")
        self._coords, level = mesh.forest.coords[mesh.leaves], mesh.level.astype(np.int32)
        self._finer, when = self.states.level - level, self.states.around(self.end - time)
        self._weight = self.states.v[when]
        roots = self._coords >> level[:, None]
        self._is_reached = self.states.reached[when].any(axis=0)[tuple(roots[:, ::-1].T)]

    def fill(
        self,
        fields: Fields,
        u: np.ndarray,
        blocks: np.ndarray,
        plan: GhostPlan | None,
        weight: np.ndarray,
        out: np.ndarray,
    ) -> None:
        """See `CellIndicator.fill`."""
        assert self.states is not None  # `place` has seen to it
        scale = max(fields.scales[v].scale / self.system.primitive_unit[v] for v in self.variables)
        norm = scale * self.states.largest
        first = self._coords * np.int32(fields.layout.n)
        factor = 1.0 / norm if norm > 0 else 0.0
        chosen = blocks[self._is_reached[blocks]]
        weigh_detail(fields.layout, u, chosen, first, self._finer, self._weight, factor, out, plan)
