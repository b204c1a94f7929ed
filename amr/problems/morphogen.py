"""A morphogen gradient: made at one end, it diffuses and is broken down on its way.

F. Crick, Nature 225 (1970) 420; W. Driever & C. Nusslein-Volhard, Cell 54 (1988) 95.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.problems.base import Problem, ProblemFault, Setting, State, filled


class Morphogen(Problem):
    """Nothing at the start; in the end amplitude exp(-x / lambda) with lambda = sqrt(D / rate) and x from the lower end.

    The exact state is that of the end. The boundaries of the case must fit it: at the lower end a flux amplitude D / lambda into
    the domain, at the upper one what leaves, (D / lambda) q + flux = 0.
    """

    summary: ClassVar[str] = "A morphogen made at the lower end of x, which diffuses and decays; exact steady state"
    requires: ClassVar[tuple[str, ...]] = ("reaction_diffusion",)

    amplitude: float = Field(1.0, gt=0, description="Concentration at the source in the end")
    steady_after: float | None = Field(
        None, ge=0, description="Time after which the exact state is the steady one; default never"
    )

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        params = setting.params
        reaction = params.reaction
        decays = isinstance(reaction, dict) and reaction.get("name") == "decay" and reaction.get("rate", 0.0) > 0
        is_one = (
            len(params.species) == 1 and isinstance(params.diffusivity[0], float | int) and params.diffusivity[0] > 0
        )
        if not (decays and is_one and not reaction.get("production", 0.0)):
            text = 'needs one species with a constant diffusivity above 0 and reaction = { name = "decay", rate = .. } alone'
            yield ProblemFault("name", "morphogen", text)

    @property
    def length(self) -> float:
        """lambda."""
        params = self.setting.params
        return math.sqrt(float(params.diffusivity[0]) / float(params.reaction["rate"]))

    def initial(self, x: np.ndarray) -> State:
        return {self.setting.primitives[0]: filled(0.0, x)}

    def has_exact(self, t: float) -> bool:
        return self.steady_after is not None and t >= self.steady_after

    def exact(self, x: np.ndarray, t: float) -> State:
        if not self.has_exact(t):
            return super().exact(x, t)
        return {self.setting.primitives[0]: self.amplitude * np.exp(-(x[0] - self.setting.lower[0]) / self.length)}
