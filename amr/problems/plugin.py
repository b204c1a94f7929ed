"""A problem that a user gives as a function of the points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from pydantic import PrivateAttr

from amr.problems.base import BoundaryFunction, Problem, State


class PluginProblem(Problem):
    """Initial state ``f(x)`` with x float64 (dim, n); returns primitive variable -> array (n,), ``velocity`` -> (dim, n).

    Further keys of ``[problem]`` are passed as keywords. An exact state may hang on the function: ``f.exact = g`` with
    ``g(x, t)`` returning the same kind of mapping.
    """

    summary: ClassVar[str] = "A user's function"

    _name: str = PrivateAttr("")
    _function: Callable[..., State] | None = PrivateAttr(None)
    _keywords: dict[str, Any] = PrivateAttr(default_factory=dict)

    def with_function(self, name: str, function: Callable[..., State], keywords: dict[str, Any]) -> PluginProblem:
        """A copy that calls ``function(x, **keywords)``."""
        new = self.model_copy()
        new._name, new._function, new._keywords = name, function, keywords
        return new

    @property
    def keywords(self) -> dict[str, Any]:
        """The keys that are passed on."""
        return self._keywords

    @property
    def _exact(self) -> Callable[..., State] | None:
        return getattr(self._function, "exact", None)

    def initial(self, x: np.ndarray) -> State:
        assert self._function is not None
        return self._function(x, **self._keywords)

    def has_exact(self, t: float) -> bool:
        return self._exact is not None

    def exact(self, x: np.ndarray, t: float) -> State:
        if self._exact is None:
            return super().exact(x, t)
        return self._exact(x, t, **self._keywords)

    def boundary(self, direction: int) -> BoundaryFunction | None:
        return None if self._exact is None else lambda x, t, w: self.exact(x, t)
