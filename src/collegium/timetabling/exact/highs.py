"""Solving a program with HiGHS on one thread: the better one on large parts.

HiGHS is not told the hint: starting points have made it report optima that do not
exist when its presolve had changed the columns. It is asked for something better
than the hint instead, and what it returns is checked against the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import highspy
import numpy as np

from collegium.timetabling.exact.program import NO_BOUND, Outcome, Program

_OPTIMAL = highspy.HighsModelStatus.kOptimal
_INFEASIBLE = (  # all variables are bounded
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
)

# Presolve of HiGHS 1.13 to 1.16 forgets a row that is a clique after it has tried all
# points of another row (its issue 3216): optima and infeasibility that do not exist.
_NO_ENUMERATION = 1 << 16

_LONGEST_S = 3600.0
_LOOK_S = 0.2  # how often a caller is asked whether to go on


def minimise(
    program: Program,
    *,
    effort: float,
    seconds: float = _LONGEST_S,
    seed: int = 0,
    goes_on: Callable[[], bool] | None = None,
) -> Outcome:
    """Minimise a program; the hint is the answer when nothing better is found.

    Parameters
    ----------
    effort, seconds : the smaller of them is a limit in wall time, since HiGHS has
        no deterministic clock.
    goes_on : asked several times a second; False ends the search.
    """
    solver = _Silent()  # type: ignore[no-untyped-call]
    for name, value in {
        "threads": 1,
        "random_seed": seed & 0x7FFFFFFF,
        "time_limit": float(min(effort, seconds)),
        "presolve_rule_off": _NO_ENUMERATION,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": 0.999,  # costs are whole numbers
    }.items():
        solver.setOptionValue(name, value)
    best = program.value(program.hint)
    solver.passModel(_model(program, best - 1))
    if goes_on is not None:
        _ask(solver, goes_on)
    solver.run()
    status = solver.getModelStatus()
    spent = solver.getRunTime()
    if status in _INFEASIBLE:
        return Outcome(program.hint, best, best, True, spent)
    values = np.rint(np.array(solver.getSolution().col_value)).astype(np.int64)
    if len(values) != program.n or not program.is_satisfied(values):
        return Outcome(program.hint, best, -np.inf, False, spent)
    cost = program.value(values)
    bound = solver.getInfo().mip_dual_bound
    return Outcome(values, cost, bound, status == _OPTIMAL, spent)


class _Silent(highspy.Highs):
    """HiGHS that does not print its banner, which constructing it otherwise does."""

    def enableCallbacks(self) -> None:  # noqa: N802, as HiGHS calls it
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


def _ask(solver: highspy.Highs, goes_on: Callable[[], bool]) -> None:
    asked_s = time.perf_counter()

    def look(event: highspy.HighsCallbackEvent) -> None:
        nonlocal asked_s
        if time.perf_counter() - asked_s > _LOOK_S:
            asked_s = time.perf_counter()
            if not goes_on():
                event.interrupt()

    solver.cbSimplexInterrupt += look
    solver.cbMipInterrupt += look


def _model(program: Program, most_cost: int) -> highspy.HighsLp:
    """Return the program with the demand to cost at most so much."""
    charged = np.flatnonzero(program.cost).astype(np.int32)
    lp = highspy.HighsLp()
    lp.num_col_ = program.n
    lp.num_row_ = len(program.low) + 1
    lp.col_cost_ = program.cost.astype(float)
    lp.col_lower_ = np.zeros(program.n)
    lp.col_upper_ = program.upper.astype(float)
    low = np.where(program.low <= -NO_BOUND, -np.inf, program.low)
    high = np.where(program.high >= NO_BOUND, np.inf, program.high)
    lp.row_lower_ = np.append(low, -np.inf)
    lp.row_upper_ = np.append(high, most_cost)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    ends = np.append(program.ends, program.ends[-1] + len(charged))
    lp.a_matrix_.start_ = ends.astype(np.int32)
    lp.a_matrix_.index_ = np.append(program.columns, charged)
    lp.a_matrix_.value_ = np.append(program.coefficients, program.cost[charged]).astype(
        float
    )
    lp.integrality_ = [highspy.HighsVarType.kInteger] * program.n
    return lp
