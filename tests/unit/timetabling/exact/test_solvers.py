"""The exact solvers on whole programs, without a timetable around them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from collegium.timetabling.exact import cpsat, highs
from collegium.timetabling.exact.program import NO_BOUND, Program

# A part of three classes: HiGHS 1.16.0 with all its presolve solves it to the end and
# then translates its answer into one that breaks a row.
_COSTS = [0, 3, 1, 3, 1, 3, 1, 2, 0, 0, 0, 1, 1, 1, 3, 3]
_HINT = [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0, 0]
_ROWS: list[tuple[dict[int, int], int, int]] = [
    ({0: 1}, 1, 1),
    ({1: 1, 2: 1, 3: 1, 4: 1}, 1, 1),
    ({1: 1, 2: 1, 8: -1}, 0, 0),
    ({3: 1, 4: 1, 9: -1}, 0, 0),
    ({5: 1, 6: 1, 7: 1}, 1, 1),
    ({5: 1, 6: 1, 10: -1}, 0, 0),
    ({11: 1, 0: -1, 2: -1, 4: -1}, -1, NO_BOUND),
    ({12: 1, 0: -1, 6: -1, 7: -1}, -1, NO_BOUND),
    ({13: 1, 1: -1, 3: -1, 6: -1, 7: -1}, -1, NO_BOUND),
    ({13: 1, 2: -1, 4: -1, 5: -1}, -1, NO_BOUND),
    ({14: 1, 3: -1, 5: -1}, -1, NO_BOUND),
    ({15: 1, 4: -1, 6: -1}, -1, NO_BOUND),
]


@pytest.mark.parametrize("minimise", [cpsat.minimise, highs.minimise])
def test_the_optimum_is_that_of_trying_everything(minimise):
    """The optimum is that of trying everything, and it is proven."""
    program = _program()
    outcome = minimise(program, effort=5.0)
    points = (np.array(x) for x in product((0, 1), repeat=program.n))
    least = min(program.value(x) for x in points if program.is_satisfied(x))
    assert outcome.proven
    assert outcome.cost == least


def _program() -> Program:
    terms = [terms for terms, _, _ in _ROWS]
    return Program(
        upper=np.ones(len(_COSTS), np.int64),
        cost=np.array(_COSTS),
        hint=np.array(_HINT),
        ends=np.cumsum([0, *map(len, terms)]),
        columns=np.array([c for row in terms for c in row], np.int32),
        coefficients=np.array([k for row in terms for k in row.values()]),
        low=np.array([low for _, low, _ in _ROWS]),
        high=np.array([high for _, _, high in _ROWS]),
    )
