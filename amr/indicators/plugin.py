"""A user's NumPy function as an indicator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from amr.errors import CaseError, PluginError
from amr.indicators.base import Indicator, Thresholds, set_thresholds
from amr.names import suggestion
from amr.plugins import describe

if TYPE_CHECKING:
    from amr.indicators.fields import Fields
    from amr.mesh.pool import Layout
    from amr.physics.base import Physics


#: Cells, ghosts included, of the blocks that a plugin is called with.
CELLS = 1 << 15


class PluginParameters(Thresholds):
    """Thresholds of a plugin; further keys of its table are passed to the function as keywords."""

    def defaults(self) -> tuple[float, float]:
        """See `Thresholds.defaults`."""
        return 1.0, 0.5


class BlockFields(Mapping[str, np.ndarray]):
    """What a plugin indicator receives: read-only arrays (n_block, nk, nj, ni) by primitive variable, with ghosts.

    A vector is there by component (``velocity_x``) and whole (``velocity``: (dim, n_block, nk, nj, ni)). They are made when
    they are asked for, and hold for the call.

    Parameters
    ----------
    fields : Fields
    u : float64 (n_block, n_var, nk, nj, ni)
        Conserved variables of some blocks, ghosts filled.

    Attributes
    ----------
    n_block : int
    interior : tuple of slice
        ``values[w.interior]`` are the interior cells.
    scale : dict of str to float
        Range of each variable over the whole domain, the same on every rank; vectors as one.
    """

    def __init__(self, fields: Fields, u: np.ndarray) -> None:
        names, vectors = fields.physics.primitives, fields.physics.vectors
        self._fields, self._u, self.n_block = fields, u, len(u)
        self._made: dict[tuple[int, ...], np.ndarray] = {}
        # Variables that are made together, and which of these a name stands for.
        self._place: dict[str, tuple[tuple[int, ...], int | slice]] = {}
        for i, name in enumerate(names):
            group = next((tuple(g) for g in vectors.values() if i in g), (i,))
            self._place[name] = group, group.index(i)
        self._place.update({name: (tuple(group), slice(None)) for name, group in vectors.items()})
        self.scale = {name: fields.scales[group[0]].scale for name, (group, _) in self._place.items()}
        self.interior: tuple[Any, ...] = (Ellipsis, *fields.layout.interior)

    def __getitem__(self, name: str) -> np.ndarray:
        group, part = self._place[name]
        if group not in self._made:
            values = self._fields.values(self._u, group)
            values.setflags(write=False)
            self._made[group] = values
        return self._made[group][part]

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __len__(self) -> int:
        return len(self._place)


class PluginIndicator(Indicator):
    """Calls ``function(w, spacing, level, **keywords)`` for the local blocks, many at a time (`CELLS`).

    The value of a block must depend on that block alone (and on ``w.scale``), never on which others are there at the same
    time. A block above ``refine`` is buffered on all its sides, because the function does not say where in it.

    Parameters
    ----------
    label : str
        The text in the case file.
    function : callable
        Returns one number per block.
    physics : Physics
    parameters : mapping, optional
        ``refine``, ``coarsen`` and the function's keywords.
    refine, coarsen : float, optional
        Thresholds of ``[refinement]``.

    Raises
    ------
    CaseError
        A keyword that the function does not take, or one missing that it needs; one line each.
    """

    name = "plugin"

    def __init__(
        self,
        label: str,
        function: Callable[..., Any],
        physics: Physics,
        parameters: Mapping[str, Any] | None = None,
        refine: float | None = None,
        coarsen: float | None = None,
    ) -> None:
        given = dict(parameters or {})
        own = {key: given.pop(key) for key in ("refine", "coarsen") if key in given}
        check_keywords(function, given)
        self.label, self.function, self.keywords, self.physics = label, function, given, physics
        self.refine, self.coarsen = set_thresholds(PluginParameters.model_validate(own), refine, coarsen)
        self.variables = tuple(range(len(physics.primitives)))

    def evaluate(self, w: BlockFields, spacing: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Value of each of some blocks, float64 (n_block,) (not collective).

        Parameters
        ----------
        w : BlockFields
        spacing : float64 (n_block, dim)
        level : int8 (n_block,)

        Raises
        ------
        PluginError
            On this rank alone.
        """
        try:
            result = self.function(w, spacing.copy(), level.copy(), **self.keywords)
            eta = np.asarray(result, dtype=np.float64)
        except (Exception, SystemExit) as error:  # whatever the user's function raises
            raise PluginError(f'indicator "{self.label}": {describe(error)}') from error
        if eta.shape != (w.n_block,):
            raise PluginError(
                f'indicator "{self.label}": returned an array of shape {eta.shape}, not one number for each of the '
                f"{w.n_block} blocks, ({w.n_block},)"
            )
        if np.isnan(eta).any():
            count = int(np.isnan(eta).sum())
            raise PluginError(f'indicator "{self.label}": returned NaN for {count} of {w.n_block} blocks')
        return eta


def some_blocks(layout: Layout, n_block: int) -> list[slice]:
    """All blocks, as many at a time as NumPy works on quickest: what a function makes on the way then stays in the cache."""
    step = max(1, CELLS // int(np.prod(layout.shape[1:])))
    return [slice(first, min(first + step, n_block)) for first in range(0, n_block, step)]


def evaluate_plugins(
    plugins: Mapping[int, PluginIndicator], fields: Fields, u: np.ndarray, spacing: np.ndarray, level: np.ndarray,
    eta: np.ndarray,
) -> None:  # fmt: skip
    """Write the values of all blocks to the columns of ``eta`` (n_block, n_columns) that ``plugins`` names. Not collective.

    Raises
    ------
    PluginError
        On this rank alone.
    """
    for some in some_blocks(fields.layout, len(u)):
        w = BlockFields(fields, u[some])
        for column, indicator in plugins.items():
            eta[some, column] = indicator.evaluate(w, spacing[some], level[some])


def centre_bit(dim: int) -> np.uint32:
    """The bit of a `near` mask that says that a block has a hot cell at all."""
    return np.uint32(1 << (3**dim // 2))


def near_everywhere(hot: np.ndarray, buffer: int, dim: int) -> np.ndarray:
    """`near` masks, uint32 (n_block,), of blocks of which is known only whether they are ``hot`` (bool (n_block,)), not where."""
    everywhere = np.uint32((1 << 3**dim) - 1)
    return np.where(hot, everywhere if buffer > 0 else centre_bit(dim), np.uint32(0))


def check_keywords(function: Callable[..., Any], keywords: Mapping[str, Any]) -> None:
    """CaseError, one line per fault, unless ``function`` can be called with three arguments and these keywords."""
    try:
        accepted = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a callable without a signature: the call itself will tell
        return
    positional = [p for p in accepted if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    faults = []
    if len(positional) < 3 and not any(p.kind is p.VAR_POSITIONAL for p in accepted):
        faults.append(f"name: must be a function of (w, spacing, level), not of {len(positional)} arguments")
    free = [p for p in positional[3:] if p.kind is p.POSITIONAL_OR_KEYWORD]
    free += [p for p in accepted if p.kind is p.KEYWORD_ONLY]
    names = [p.name for p in free]
    if not any(p.kind is p.VAR_KEYWORD for p in accepted):
        for key in keywords:
            if key not in names:
                known = suggestion(key, [*names, "refine", "coarsen"])
                faults.append(f"{key}: the plugin takes no such keyword{known}")
    faults += [
        f"{p.name}: missing keyword of the plugin" for p in free if p.default is p.empty and p.name not in keywords
    ]
    if faults:
        raise CaseError("\n".join(faults))
