"""Refinement indicators, marking and regrid decisions. Formulas, thresholds and blind spots: docs/indicators.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from amr.errors import CaseError
from amr.indicators.adjoint import AdjointWeighted
from amr.indicators.base import Indicator, Thresholds, VariableIndicator, VariableParameters
from amr.indicators.cells import FamilyIndicator
from amr.indicators.decision import Decision
from amr.indicators.entropy import EntropyProduction
from amr.indicators.finder import Finder
from amr.indicators.jump import Jump
from amr.indicators.lohner import Lohner
from amr.indicators.marking import Region
from amr.indicators.modal import Modal
from amr.indicators.multiresolution import Multiresolution
from amr.indicators.plugin import BlockFields, PluginIndicator, PluginParameters
from amr.indicators.regrid import Decider
from amr.indicators.richardson import Richardson
from amr.indicators.second_difference import SecondDifference
from amr.indicators.sensors import PressureJump, ScalarGradient, ShockSensor, Vorticity
from amr.indicators.thresholds import MARKINGS, Marking, ThresholdState
from amr.indicators.trial import TrialIndicator
from amr.indicators.uncertainty_gradient import UncertaintyGradient
from amr.indicators.weak_residual import WeakResidual
from amr.names import suggestion

if TYPE_CHECKING:
    from amr.physics.base import Physics

__all__ = [
    "INDICATORS",
    "MARKINGS",
    "AdjointWeighted",
    "BlockFields",
    "Decider",
    "Decision",
    "Finder",
    "Indicator",
    "Marking",
    "PluginIndicator",
    "PluginParameters",
    "Region",
    "ThresholdState",
    "Thresholds",
    "TrialIndicator",
    "UncertaintyGradient",
    "VariableIndicator",
    "VariableParameters",
    "create_indicator",
]

#: Indicators by their name in the case file.
INDICATORS: dict[str, type[VariableIndicator] | type[FamilyIndicator]] = {
    cls.name: cls
    for cls in (
        Multiresolution,
        Jump,
        Lohner,
        SecondDifference,
        Modal,
        ScalarGradient,
        Vorticity,
        ShockSensor,
        PressureJump,
        EntropyProduction,
        WeakResidual,
        Richardson,
        UncertaintyGradient,
        AdjointWeighted,
    )
}


def create_indicator(
    name: str,
    physics: Physics,
    parameters: Mapping[str, Any] | None = None,
    *,
    refine: float | None = None,
    coarsen: float | None = None,
    function: Callable[..., Any] | None = None,
) -> Indicator:
    """Indicator from what a case says.

    Parameters
    ----------
    name : str
        A name in `INDICATORS`, or the text of a plugin.
    physics : Physics
    parameters : mapping, optional
        The keys of the indicator's table but for ``name``.
    refine, coarsen : float, optional
        Thresholds of ``[refinement]``, for an indicator whose table has none.
    function : callable, optional
        What the plugin text resolved to.

    Raises
    ------
    CaseError
        Unknown name, or keys that are not offered; one line ``key: text`` per fault.
    """
    given = dict(parameters or {})
    try:
        if function is not None:
            return PluginIndicator(name, function, physics, given, refine, coarsen)
        if name not in INDICATORS:
            raise CaseError(f"name: unknown indicator {name!r}{suggestion(name, INDICATORS)}")
        cls = INDICATORS[name]
        return cls(physics, cls.Parameters.model_validate(given), refine, coarsen)
    except ValidationError as error:
        raise CaseError("\n".join(_fault(item) for item in error.errors(include_url=False))) from None


def _fault(item: Mapping[str, Any]) -> str:
    """``key: text`` of a fault that pydantic found; one that concerns two thresholds stands at ``coarsen``."""
    key = ".".join(map(str, item["loc"])) or "coarsen"
    return f"{key}: {item['msg'].removeprefix('Value error, coarsen = ')}"
