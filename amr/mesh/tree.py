"""The leaves of a forest of binary trees, quadtrees or octrees as flat arrays in Morton order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amr._kernels.sfc import Leaves, decode, encode
from amr.errors import MeshError

# Depth at which keys are taken, and bits of one coordinate at that depth (62, 2 * 31 or 3 * 21 bits fit an int64).
KEY_LEVEL = {1: 30, 2: 20, 3: 15}
COORD_BITS = {1: 62, 2: 31, 3: 21}


def _axes(values: Sequence[int] | int, dim: int, inactive: int, name: str) -> tuple[int, int, int]:
    """Give a value per axis; inactive axes get ``inactive``."""
    given = [values] * dim if np.isscalar(values) else list(values)  # type: ignore[arg-type]
    if len(given) not in (dim, 3):
        raise MeshError(f"{name} has {len(given)} entries, the mesh has {dim} axes")
    return tuple(int(v) for v in [*given[:dim], *[inactive] * (3 - dim)])  # type: ignore[return-value]


class Forest:
    """Leaves of a forest of trees over a box of root blocks: immutable, replicated on all ranks, nothing is collective.

    Made by `uniform`, `from_leaves`, `from_keys` or `adapt`, not by the constructor.

    Attributes
    ----------
    dim : int
        Space dimension, 1 to 3.
    root_blocks : tuple of 3 int
        Root blocks per axis, 1 in an inactive axis.
    periodic : tuple of 3 bool
        Axes whose two sides are joined; False in an inactive axis.
    max_level : int
        Deepest level `adapt` makes; level 0 is a root block.
    key_level : int
        Depth at which keys are taken: ``KEY_LEVEL[dim]``, less where very many root blocks need the bits.
    level : int8 (n_leaves,)
    coords : int32 (n_leaves, 3)
        Block coordinates on the leaf's own level, 0 in inactive axes.
    key : int64 (n_leaves,)
        Morton index of the leaf's lowest corner at depth ``key_level``, strictly increasing.
    """

    __slots__ = ("_leaves", "coords", "dim", "key", "key_level", "level", "max_level", "periodic", "root_blocks")

    def __init__(
        self,
        dim: int,
        root_blocks: Sequence[int] | int,
        periodic: Sequence[bool] | bool,
        max_level: int,
        level: np.ndarray,
        coords: np.ndarray,
        key: np.ndarray,
    ) -> None:
        self.dim, self.max_level = dim, max_level
        self.root_blocks = _axes(root_blocks, dim, 1, "root_blocks")
        self.periodic = tuple(bool(p) for p in _axes(periodic, dim, 0, "periodic"))
        self.key_level = _key_level(dim, self.root_blocks, max_level)
        if not 0 < len(level) < 2**31:
            raise MeshError(f"a mesh of {len(level)} leaves is not possible: at least 1, at most 2^31 - 1")
        self.level, self.coords, self.key = level, coords, key
        for array in (level, coords, key):
            array.setflags(write=False)
        self._leaves = Leaves(dim, self.key_level, self.root_blocks, self.periodic, level, coords, key)

    def __reduce__(self) -> tuple:
        return Forest, (
            self.dim,
            self.root_blocks,
            self.periodic,
            self.max_level,
            self.level.copy(),
            self.coords.copy(),
            self.key.copy(),
        )

    def __repr__(self) -> str:
        deepest = int(self.level.max())
        return f"Forest({self.dim}D, root_blocks={self.root_blocks[: self.dim]}, {self.n_leaves} leaves, levels 0..{deepest})"

    @property
    def n_leaves(self) -> int:
        """Number of leaves of the whole mesh."""
        return len(self.level)

    @property
    def n_children(self) -> int:
        """Children of a block, 2^dim."""
        return 1 << self.dim

    @property
    def deepest_level(self) -> int:
        """Largest ``max_level`` possible with these root blocks."""
        return _deepest_level(self.dim, self.root_blocks)

    @property
    def leaves_per_level(self) -> np.ndarray:
        """Number of leaves on each level 0..max_level, int64 (max_level + 1,)."""
        return np.bincount(self.level, minlength=self.max_level + 1)

    @classmethod
    def uniform(
        cls,
        dim: int,
        root_blocks: Sequence[int] | int,
        periodic: Sequence[bool] | bool = False,
        max_level: int = 0,
        level: int = 0,
    ) -> Forest:
        """All blocks of one level.

        Parameters
        ----------
        dim, root_blocks, periodic, max_level
            As the attributes; ``root_blocks`` and ``periodic`` may be one value for all axes.
        level : int
            Level of the leaves.

        Raises
        ------
        MeshError
            No such dimension, a count below 1, or more levels than the keys can hold.
        """
        if dim not in KEY_LEVEL:
            raise MeshError(f"dimension {dim} is not possible: 1, 2 or 3")
        roots = _axes(root_blocks, dim, 1, "root_blocks")
        key_level = _key_level(dim, roots, max_level)
        if not 0 <= level <= max_level:
            raise MeshError(f"level {level} is not within 0..{max_level}")
        n_axis = [count << level for count in roots[:dim]] + [1] * (3 - dim)
        if n_axis[0] * n_axis[1] * n_axis[2] >= 2**31:
            raise MeshError(f"a uniform mesh of {n_axis[0]} x {n_axis[1]} x {n_axis[2]} blocks has too many leaves")
        grid = np.meshgrid(*(np.arange(count, dtype=np.int32) for count in n_axis), indexing="ij")
        coords = np.stack([axis.ravel() for axis in grid], axis=1)
        levels = np.full(len(coords), level, np.int8)
        key = encode(dim, key_level, levels, coords)
        order = np.argsort(key)
        return cls(dim, roots, periodic, max_level, levels, np.ascontiguousarray(coords[order]), key[order])

    @classmethod
    def from_leaves(
        cls,
        dim: int,
        root_blocks: Sequence[int] | int,
        periodic: Sequence[bool] | bool,
        max_level: int,
        level: np.ndarray,
        coords: np.ndarray,
    ) -> Forest:
        """Forest with exactly these leaves, given in Morton order (for restarts).

        Parameters
        ----------
        dim, root_blocks, periodic, max_level
            As the attributes.
        level : int array (n,)
        coords : int array (n, 3) or (n, dim)
            Block coordinates on each leaf's level.

        Raises
        ------
        MeshError
            The leaves overlap, do not cover the domain, are out of order or out of range. 2:1 balance is not asked for.
        """
        roots = _axes(root_blocks, dim, 1, "root_blocks")
        key_level = _key_level(dim, roots, max_level)
        raw_level, raw_coords = np.asarray(level), np.asarray(coords)
        if (
            raw_level.ndim != 1
            or raw_coords.ndim != 2
            or len(raw_coords) != len(raw_level)
            or raw_coords.shape[1] < dim
        ):
            raise MeshError(f"leaves of shape {raw_level.shape}, {raw_coords.shape}; wanted (n,), (n, 3)")
        if len(raw_level) == 0 or raw_level.min() < 0 or raw_level.max() > max_level:
            raise MeshError(f"a leaf has a level outside 0..{max_level}")
        new_level = raw_level.astype(np.int8)
        end = np.array(roots[:dim], np.int64) << new_level[:, None].astype(np.int64)
        outside = ((raw_coords[:, :dim] < 0) | (raw_coords[:, :dim] >= end)).any(axis=1)
        if outside.any():
            i = int(np.argmax(outside))
            raise MeshError(f"leaf {i} (level {new_level[i]}, {raw_coords[i].tolist()}) lies outside the domain")
        new_coords = np.zeros((len(new_level), 3), np.int32)
        new_coords[:, :dim] = raw_coords[:, :dim]
        key = encode(dim, key_level, new_level, new_coords)
        _check_cover(dim, key_level, roots, new_level, key)
        return cls(dim, roots, periodic, max_level, new_level, new_coords, key)

    @classmethod
    def from_keys(
        cls,
        dim: int,
        root_blocks: Sequence[int] | int,
        periodic: Sequence[bool] | bool,
        max_level: int,
        level: np.ndarray,
        key: np.ndarray,
    ) -> Forest:
        """As `from_leaves`, from the arrays ``level`` and ``key`` of another forest with the same root blocks."""
        key_level = _key_level(dim, _axes(root_blocks, dim, 1, "root_blocks"), max_level)
        levels = np.ascontiguousarray(level)
        keys = np.ascontiguousarray(key, dtype=np.int64)
        if levels.ndim != 1 or levels.shape != keys.shape or not len(levels):
            raise MeshError(f"level and key of shapes {levels.shape} and {keys.shape}; wanted (n,), (n,)")
        if levels.min() < 0 or levels.max() > max_level:
            raise MeshError(f"a leaf has a level outside 0..{max_level}")
        coords = decode(dim, key_level, levels.astype(np.int8), keys)
        if (keys < 0).any() or (encode(dim, key_level, levels.astype(np.int8), coords) != keys).any():
            raise MeshError("a key is not the corner of a block of its level")
        return cls.from_leaves(dim, root_blocks, periodic, max_level, levels, coords)

    def find(self, level: np.ndarray | int, coords: np.ndarray) -> np.ndarray:
        """Leaf that contains the lowest corner of each block (level, coords): the leaf itself, one that contains it, or
        the first within it.

        Parameters
        ----------
        level : int array (m,) or int
            From 0 to ``deepest_level``.
        coords : int array (m, 3)
            Periodic axes wrap.

        Returns
        -------
        int32 (m,)
            Leaf index, -1 outside the domain.
        """
        raw = np.asarray(coords)
        if raw.size and not -(2**31) <= raw.min() <= raw.max() < 2**31:
            raise MeshError("a position does not fit 32 bits")
        positions = np.ascontiguousarray(raw, dtype=np.int32)
        levels = np.ascontiguousarray(np.broadcast_to(np.asarray(level), (len(positions),)), dtype=np.int8)
        if len(levels) and not 0 <= levels.min() <= levels.max() <= self.deepest_level:
            raise MeshError(f"a position has a level outside 0..{self.deepest_level}")
        return self._leaves.find(levels, positions)

    def adapt(self, flags: np.ndarray) -> tuple[Forest, np.ndarray, np.ndarray]:
        """Refine leaves flagged +1, replace sibling groups flagged -1 by their parent.

        The flags are carried out as they are: pass them through `amr.mesh.balance.balance_flags` to keep 2:1 balance.

        Parameters
        ----------
        flags : int8 (n_leaves,)

        Returns
        -------
        forest : Forest
        source : int32 (n_new,)
            Old leaf that the new leaf is a copy or a child of; for a parent the first of its 2^dim old children.
        change : int8 (n_new,)
            0 copied, +1 child of ``source``, -1 parent of ``source .. source + 2^dim - 1``.

        Raises
        ------
        MeshError
            A refinement at max_level, or a coarsening that is not part of a whole group of siblings.
        """
        wanted = np.ascontiguousarray(flags, dtype=np.int8)
        if wanted.shape != self.level.shape:
            raise MeshError(f"{wanted.shape} flags for {self.n_leaves} leaves")
        count = self._leaves.adapt_count(self.max_level, wanted)
        if count < 0:
            i = -1 - count
            raise MeshError(
                f"flag {wanted[i]} of leaf {i} (level {self.level[i]}, {self.coords[i].tolist()}) cannot be carried out"
            )
        level, coords, key, source, change = self._leaves.adapt(wanted, count)
        new = Forest(self.dim, self.root_blocks, self.periodic, self.max_level, level, coords, key)
        return new, source, change


def _key_level(dim: int, roots: tuple[int, int, int], max_level: int) -> int:
    """Depth of the keys; MeshError when there is no such mesh or its coordinates need more bits than there are."""
    if dim not in KEY_LEVEL:
        raise MeshError(f"dimension {dim} is not possible: 1, 2 or 3")
    if min(roots) < 1:
        raise MeshError(f"root_blocks = {roots[:dim]}: at least one block per axis")
    if max_level < 0:
        raise MeshError(f"max_level = {max_level} is negative")
    deepest = _deepest_level(dim, roots)
    if max_level > deepest:
        raise MeshError(
            f"max_level = {max_level} with {max(roots)} root blocks on an axis: at most {max(deepest, 0)} levels in {dim}D"
        )
    return min(KEY_LEVEL[dim], COORD_BITS[dim] - _bits(roots))


def _bits(roots: tuple[int, int, int]) -> int:
    """Bits of a root block's coordinate."""
    return (max(roots) - 1).bit_length()


def _deepest_level(dim: int, roots: tuple[int, int, int]) -> int:
    """Level at which a coordinate runs out of bits: in the key, or in an int32."""
    return min(KEY_LEVEL[dim], COORD_BITS[dim] - _bits(roots), 31 - _bits(roots))


def _check_cover(dim: int, key_level: int, roots: tuple[int, int, int], level: np.ndarray, key: np.ndarray) -> None:
    """MeshError unless the leaves are in order, disjoint and fill the box of root blocks."""
    size = np.left_shift(np.uint64(1), (dim * (key_level - level.astype(np.int64))).astype(np.uint64))
    late = key[1:].astype(np.uint64) < key[:-1].astype(np.uint64) + size[:-1]
    if late.any():
        i = int(np.argmax(late))
        raise MeshError(f"leaves {i} and {i + 1} overlap or are not in Morton order")
    # Disjoint and inside the domain: the sum cannot overflow, and equals the domain's only if nothing is missing.
    if int(size.sum(dtype=np.uint64)) != (roots[0] * roots[1] * roots[2]) << (dim * key_level):
        raise MeshError("the leaves do not cover the domain")
