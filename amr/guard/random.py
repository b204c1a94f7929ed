"""Random numbers that depend on what they are for and on nothing else: no state, no order of calls, no rank.

A number is the splitmix64 hash of a counter: seed, level, cell, regrid and draw. References: G. Steele, D. Lea, C. Flood, Fast
splittable pseudorandom number generators, OOPSLA 2014, doi:10.1145/2660193.2660195; J. Salmon et al., Parallel random numbers: as
easy as 1, 2, 3, SC11, doi:10.1145/2063384.2063405 (for the idea of a counter).
"""

from __future__ import annotations

from typing import Any

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_HALF = np.uint64(32)


def mix(x: Any) -> np.ndarray:
    """Finaliser of splitmix64: a bijection of uint64 whose output bits each depend on all input bits. Not in place."""
    x = np.array(x, dtype=np.uint64)
    x ^= x >> np.uint64(30)
    x *= _FIRST
    x ^= x >> np.uint64(27)
    x *= _SECOND
    x ^= x >> np.uint64(31)
    return x


def combine(*parts: Any) -> np.ndarray:
    """Hash of integers, in that order: uint64 of the shape that the parts (ints or int arrays) broadcast to."""
    state = np.zeros((), dtype=np.uint64)
    for part in parts:
        state = mix(state * _GOLDEN + mix(np.asarray(part).astype(np.uint64) + _GOLDEN))
    return state


def uniform_pair(state: np.ndarray, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Two independent numbers in (0, 1) for each hash, float64 of its shape; another ``draw`` gives two others."""
    bits = mix(state + np.uint64((draw + 1) * int(_GOLDEN) & 0xFFFFFFFFFFFFFFFF))
    high, low = bits >> _HALF, bits & np.uint64(0xFFFFFFFF)
    return (high.astype(np.float64) + 0.5) * 2.0**-32, (low.astype(np.float64) + 0.5) * 2.0**-32


def uniform(state: np.ndarray, n: int, first: int = 0) -> np.ndarray:
    """``n`` numbers in (0, 1) for each hash, float64 (n, *shape), from draw ``first`` on (two numbers a draw)."""
    numbers = [part for draw in range(first, first + (n + 1) // 2) for part in uniform_pair(state, draw)]
    return np.stack(numbers[:n])


def pick(state: np.ndarray, n: int, draw: int) -> np.ndarray:
    """A whole number 0 .. n - 1 for each hash, int64 of its shape (n small against 2^32)."""
    return (uniform_pair(state, draw)[0] * n).astype(np.int64)
