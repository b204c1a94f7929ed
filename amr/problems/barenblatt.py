"""A front of heat that conducts better the hotter it is: it keeps its form, and its edge moves with a finite speed.

G. I. Barenblatt, Prikl. Mat. Mekh. 16 (1952) 67; R. E. Pattle, Q. J. Mech. Appl. Math. 12 (1959) 407.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from amr.physics.diffusivity import PowerLaw
from amr.problems.base import Problem, ProblemFault, Setting, State, displacement, radius, vector_faults


class Barenblatt(Problem):
    """dq/dt = div(c q^n grad q) from a point source, zero outside its front; exact while the front is inside the domain.

    With beta = 1 / (d n + 2) and s = 1 + t / t0, t0 = n beta radius^2 / (2 c peak^n), the front stands at radius s^beta and
    q = peak s^(-d beta) (1 - r^2 / front^2)^(1/n).
    """

    summary: ClassVar[str] = "A heat front of nonlinear conduction (Barenblatt-Pattle); exact"
    requires: ClassVar[tuple[str, ...]] = ("diffusion",)

    peak: float = Field(1.0, gt=0, description="In the centre at the start")
    radius: float = Field(0.2, gt=0, description="Of the front at the start")
    center: list[float] | None = Field(None, description="Default the centre of the domain")

    def faults(self, setting: Setting) -> Iterator[ProblemFault]:
        yield from vector_faults("center", self.center, setting.dim)
        law = setting.params.diffusivity
        if not (isinstance(law, PowerLaw) and law.exponent > 0 and law.coefficient > 0):
            yield ProblemFault(
                "name", "barenblatt", "needs [physics] diffusivity = { coefficient, exponent } with both above 0"
            )

    def initial(self, x: np.ndarray) -> State:
        return self.exact(x, 0.0)

    def has_exact(self, t: float) -> bool:
        return True

    def exact(self, x: np.ndarray, t: float) -> State:
        setting, law = self.setting, self.setting.params.diffusivity
        middle = 0.5 * (setting.lower + setting.upper) if self.center is None else np.array(self.center, dtype=float)
        n = law.exponent
        beta = 1 / (setting.dim * n + 2)
        s = 1 + t * 2 * law.coefficient * self.peak**n / (n * beta * self.radius**2)
        r = radius(displacement(x, middle, setting)) / (self.radius * s**beta)
        inside = np.maximum(0.0, 1 - r * r)
        return {"q": self.peak * s ** (-setting.dim * beta) * inside ** (1 / n)}
