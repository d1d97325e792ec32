"""A small integer program, in arrays, that any exact solver can be given.

Minimise ``cost @ x`` over integers ``0 <= x <= upper`` with ``low <= row @ x <= high``
for every row. The hint is a feasible point to start from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from collegium.timetabling.arrays import I32, I64

NO_BOUND = 1 << 40


@dataclass(frozen=True)
class Program:
    """An integer program.

    Parameters
    ----------
    upper, cost, hint : (n,) per variable.
    ends : (n_rows + 1,) where the terms of a row begin.
    columns, coefficients : (n_terms,).
    low, high : (n_rows,); beyond NO_BOUND is no bound.
    """

    upper: I64
    cost: I64
    hint: I64
    ends: I64
    columns: I32
    coefficients: I64
    low: I64
    high: I64

    @property
    def n(self) -> int:
        """Number of variables."""
        return len(self.upper)

    def value(self, x: I64) -> int:
        """Return the cost of a point."""
        return int(self.cost @ x)

    def is_satisfied(self, x: I64) -> bool:
        """Say whether a point keeps all bounds and rows."""
        terms = self.coefficients * x[self.columns]
        sums = np.add.reduceat(np.append(terms, 0), self.ends[:-1])
        sums[self.ends[:-1] == self.ends[1:]] = 0
        rows = bool(np.all((self.low <= sums) & (sums <= self.high)))
        return rows and bool(np.all((x >= 0) & (x <= self.upper)))


@dataclass(frozen=True)
class Outcome:
    """What an exact solver has to say about a program.

    Parameters
    ----------
    values : (n,) the best point known, at worst the hint.
    cost : its cost.
    bound : no point costs less.
    proven : no point costs less than the values.
    effort : deterministic measure of the work done (the solver's own unit, roughly
        seconds), so that decisions based on it can be repeated.
    """

    values: I64
    cost: int
    bound: float
    proven: bool
    effort: float


@dataclass
class ProgramBuilder:
    """Collects variables and rows; knows the hint's value of each variable."""

    upper: list[int] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)
    hint: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])
    columns: list[int] = field(default_factory=list)
    coefficients: list[int] = field(default_factory=list)
    low: list[int] = field(default_factory=list)
    high: list[int] = field(default_factory=list)

    def add_variable(self, upper: int, cost: int = 0, hint: int = 0) -> int:
        """Add a variable and return its column."""
        self.upper.append(upper)
        self.cost.append(cost)
        self.hint.append(hint)
        return len(self.upper) - 1

    def add_variables(self, cost: Sequence[int], hint: Sequence[int]) -> int:
        """Add 0/1 variables and return the column of the first."""
        first = len(self.upper)
        self.upper.extend([1] * len(cost))
        self.cost.extend(cost)
        self.hint.extend(hint)
        return first

    def add_row(
        self,
        columns: Sequence[int],
        coefficients: Sequence[int],
        low: int = -NO_BOUND,
        high: int = NO_BOUND,
    ) -> None:
        """Add ``low <= coefficients @ x[columns] <= high``."""
        self.columns.extend(columns)
        self.coefficients.extend(coefficients)
        self.ends.append(len(self.columns))
        self.low.append(low)
        self.high.append(high)

    def at_least(
        self,
        variable: int,
        columns: Sequence[int],
        coefficients: Sequence[int],
        constant: int = 0,
        unit: int = 1,
    ) -> None:
        """Add ``unit * variable >= coefficients @ x[columns] + constant``.

        Raises the variable's hint to what the row demands, so that variables that
        only ever have to be large enough are hinted right when their rows are added
        after all rows of the variables they depend on.
        """
        self.add_row(
            [variable, *columns], [unit, *(-k for k in coefficients)], low=constant
        )
        needed = constant + sum(
            k * self.hint[c] for c, k in zip(columns, coefficients, strict=True)
        )
        self.hint[variable] = max(self.hint[variable], -(-needed // unit))

    def build(self) -> Program:
        """Return what was collected as arrays."""
        return Program(
            np.array(self.upper, np.int64),
            np.array(self.cost, np.int64),
            np.array(self.hint, np.int64),
            np.array(self.ends, np.int64),
            np.array(self.columns, np.int32),
            np.array(self.coefficients, np.int64),
            np.array(self.low, np.int64),
            np.array(self.high, np.int64),
        )
