"""Round spots of one state in another: seeds of a pattern, or blobs that spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import (
    Problem,
    ProblemFault,
    Setting,
    State,
    StateTable,
    displacement,
    full_state,
    radius,
    state_faults,
    vector_faults,
)


class Spots(Problem):
    """The state ``inside`` in balls around the centres, ``outside`` elsewhere, with a smooth edge between."""

    summary: ClassVar[str] = "Round spots of one state in another, with smooth edges; anything that diffuses"
    requires: ClassVar[tuple[str, ...]] = ("diffusion", "advection_diffusion", "reaction_diffusion")

    inside: StateTable = Field(description="State in the spots")
    outside: StateTable = Field(description="State around them")
    centers: list[list[float]] | None = Field(
        None, min_length=1, description="Default one, in the centre of the domain"
    )
    radius: float = Field(0.1, gt=0, description="Of the spots, to the middle of the edge")
    edge: float = Field(0.02, gt=0, description="Width: the state goes as (1 - tanh(2 (r - radius) / edge)) / 2")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from state_faults("inside", self.inside, setting)
        yield from state_faults("outside", self.outside, setting)
        for i, center in enumerate(self.centers or []):
            yield from vector_faults(f"centers[{i}]", center, setting.dim)

    def initial(self, x: np.ndarray) -> State:
        setting = self.setting
        centers = [0.5 * (setting.lower + setting.upper)] if self.centers is None else self.centers
        share = np.zeros(x.shape[1])
        for center in centers:
            r = radius(displacement(x, np.asarray(center, dtype=float), setting))
            share = np.maximum(share, 0.5 * (1 - np.tanh(2 * (r - self.radius) / self.edge)))
        inside, outside = full_state(self.inside, setting), full_state(self.outside, setting)
        return {name: outside[name] + share * (inside[name] - outside[name]) for name in outside}
