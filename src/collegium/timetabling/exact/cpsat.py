"""Solving a program with OR-Tools CP-SAT on one thread: quick on small parts.

The model is written straight into the solver's message type, which is ten times
faster than its modelling layer and spares the import of pandas.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
from ortools.sat.python import cp_model_helper as cp

from collegium.timetabling.exact.program import NO_BOUND, Outcome, Program

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
    effort : deterministic limit (about seconds of one core); the same program, seed
        and effort give the same outcome unless ``seconds`` cuts it short.
    seconds : limit in wall time.
    goes_on : asked several times a second; False ends the search.
    """
    wrapper = cp.SolveWrapper()
    wrapper.set_parameters(_parameters(effort, seconds, seed))
    response = _solve(wrapper, _message(program), goes_on)
    optimal = response.status == cp.CpSolverStatus.OPTIMAL
    values, bound = program.hint, response.best_objective_bound
    if optimal or response.status == cp.CpSolverStatus.FEASIBLE:
        values = np.array(list(response.solution), np.int64)
    effort_used = response.deterministic_time
    return Outcome(values, program.value(values), bound, optimal, effort_used)


def is_feasible(
    program: Program, effort: float, goes_on: Callable[[], bool] | None = None
) -> bool | None:
    """Say whether any point keeps all rows; None when the effort was not enough.

    The hint and the costs are of no account.
    """
    message = _message(program)
    message.clear_objective()
    message.clear_solution_hint()
    wrapper = cp.SolveWrapper()
    wrapper.set_parameters(_parameters(effort, _LONGEST_S, 0))
    status = _solve(wrapper, message, goes_on).status
    if status == cp.CpSolverStatus.INFEASIBLE:
        return False
    found = status in (cp.CpSolverStatus.OPTIMAL, cp.CpSolverStatus.FEASIBLE)
    return True if found else None


def _solve(
    wrapper: cp.SolveWrapper,
    message: cp.CpModelProto,
    goes_on: Callable[[], bool] | None,
) -> cp.CpSolverResponse:
    if goes_on is None:
        return wrapper.solve(message)  # type: ignore[no-untyped-call]
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(wrapper.solve, message)
        while not wait([future], timeout=_LOOK_S).done:
            if not goes_on():
                wrapper.stop_search()
        return future.result()


def _parameters(effort: float, seconds: float, seed: int) -> cp.SatParameters:
    parameters = cp.SatParameters()
    parameters.num_workers = 1
    parameters.max_deterministic_time = effort
    parameters.max_time_in_seconds = seconds
    parameters.random_seed = seed
    return parameters


def _message(program: Program) -> cp.CpModelProto:
    message = cp.CpModelProto()
    for upper in program.upper.tolist():
        message.variables.add().domain.extend([0, upper])
    columns, coefficients = program.columns.tolist(), program.coefficients.tolist()
    ends = program.ends.tolist()
    rows = zip(
        ends, ends[1:], program.low.tolist(), program.high.tolist(), strict=False
    )
    plain = _has_unit_rows(program)
    for (first, last, low, high), unit in zip(rows, plain, strict=True):
        constraint = message.constraints.add()
        if unit and high == 1 and low <= 0:
            constraint.at_most_one.literals.extend(columns[first:last])
        elif unit and high == 1 and low == 1:
            constraint.exactly_one.literals.extend(columns[first:last])
        else:
            constraint.linear.vars.extend(columns[first:last])
            constraint.linear.coeffs.extend(coefficients[first:last])
            constraint.linear.domain.extend([max(low, -NO_BOUND), min(high, NO_BOUND)])
    charged = np.flatnonzero(program.cost)
    message.objective.vars.extend(charged.tolist())
    message.objective.coeffs.extend(program.cost[charged].tolist())
    message.solution_hint.vars.extend(range(program.n))
    message.solution_hint.values.extend(program.hint.tolist())
    return message


def _has_unit_rows(program: Program) -> list[bool]:
    """Say for each row whether it is a plain sum of 0/1 variables."""
    odd = (program.coefficients != 1) | (program.upper[program.columns] != 1)
    before = np.concatenate([[0], np.cumsum(odd)])
    counts = before[program.ends[1:]] - before[program.ends[:-1]]
    unit: list[bool] = (counts == 0).tolist()
    return unit
