"""A uniform flow: whatever the mesh does, it must stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import Problem, ProblemFault, Setting, State, StateTable, filled, full_state, state_faults


class Constant(Problem):
    """One state everywhere; exact at all times where the boundaries let it be."""

    summary: ClassVar[str] = "One state everywhere; any physics, exact at all times"

    state: StateTable = Field(description="Primitive state")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from state_faults("state", self.state, setting)

    def initial(self, x: np.ndarray) -> State:
        return {name: filled(value, x) for name, value in full_state(self.state, self.setting).items()}

    def has_exact(self, t: float) -> bool:
        return True

    def exact(self, x: np.ndarray, t: float) -> State:
        return self.initial(x)
