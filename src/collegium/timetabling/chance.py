"""Random numbers inside the compiled search: xorshift64*, one word of state.

References
----------
S. Vigna, "An experimental exploration of Marsaglia's xorshift generators,
scrambled", ACM Trans. Math. Softw. 42(4), 2016, doi:10.1145/2845077
"""

from __future__ import annotations

import numpy as np

from collegium.timetabling.arrays import State
from collegium.timetabling.compiled import compiled, inlined

_MULTIPLIER = np.uint64(0x2545F4914F6CDD1D)
_A, _B, _C, _HALF = np.uint64(12), np.uint64(25), np.uint64(27), np.uint64(32)


@inlined
def draw(s: State, n: int) -> int:
    """Return an integer in [0, n), for n below 2 ** 31."""
    x = s.random[0]
    x ^= x >> _A
    x ^= x << _B
    x ^= x >> _C
    s.random[0] = x
    return np.int64(((x * _MULTIPLIER >> _HALF) * np.uint64(n)) >> _HALF)  # type: ignore[return-value]


@compiled
def draw_unit(s: State) -> float:
    """Return a number in (0, 1)."""
    return (draw(s, 1 << 30) + 0.5) / (1 << 30)


def seeded(seed: int) -> int:
    """Spread a seed over 64 bits (splitmix64), never 0, which would stay 0."""
    z = (seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & (1 << 64) - 1
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & (1 << 64) - 1
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & (1 << 64) - 1
    return (z ^ z >> 31) or 1
