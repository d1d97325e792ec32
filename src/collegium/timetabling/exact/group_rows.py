"""The four constraints over groups of classes, as exact rows of a program.

Each is said as "this variable is at least that", so that minimising makes the
variable what the constraint means. What staying classes do is a constant. The
official rounding down is exact too: the least integer ``q`` with
``n_weeks * q >= penalty * sum - (n_weeks - 1)`` is the quotient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collegium.timetabling import arrays, grouped
from collegium.timetabling.arrays import (
    AT_TIME,
    DAYS,
    END,
    G_ATOMS,
    G_ATOMS_END,
    G_FIRST,
    G_HARD,
    G_KIND,
    G_MEMBERS,
    G_MEMBERS_END,
    G_PENALTY,
    G_SECOND,
    START,
    WEEKS,
    WEIGHT_DISTRIBUTION,
    Model,
    State,
)
from collegium.timetabling.exact.program import ProgramBuilder


@dataclass(frozen=True)
class Meeting:
    """What may happen on one day of the weeks of one atom.

    Parameters
    ----------
    column : the variable that says whether it does; None when it does for certain.
    owner : the class.
    """

    column: int | None
    owner: int
    start: int
    end: int


@dataclass(frozen=True)
class Choice:
    """A time that a freed class may have, and the column that says so."""

    owner: int
    column: int
    time: int


def add_group(
    builder: ProgramBuilder,
    m: Model,
    s: State,
    g: int,
    choices: Sequence[Choice],
    is_kept: bool,
) -> None:
    """Add the variables and rows of one Max* constraint.

    Parameters
    ----------
    choices : the times of the freed members; all other members stay.
    is_kept : whether the constraint is required and kept now, so that it must stay
        so; otherwise its cost is minimised.
    """
    row = m.groups[g].tolist()
    free = {choice.owner for choice in choices}
    members = m.members[row[G_MEMBERS] : row[G_MEMBERS_END]].tolist()
    fixed = [int(s.at[c, AT_TIME]) for c in members if c not in free]
    if row[G_KIND] == arrays.MAX_DAYS:
        _add_days(builder, m, row, g, s, choices, fixed, is_kept)
        return
    terms: list[tuple[int, int]] = []
    constant = 0
    for atom in range(row[G_ATOMS], row[G_ATOMS_END]):
        weeks, n_weeks = m.atoms[atom].tolist()
        for day in range(7):
            meetings = _meetings(m, choices, fixed, weeks, day)
            violation = _violation(builder, row, meetings, is_kept)
            if isinstance(violation, int):
                constant += n_weeks * violation
            else:
                terms.extend((column, n_weeks) for column in violation)
    if is_kept:
        return
    _add_cost(builder, m, s, g, row, terms, constant)


def _add_cost(
    builder: ProgramBuilder,
    m: Model,
    s: State,
    g: int,
    row: Sequence[int],
    terms: Sequence[tuple[int, int]],
    constant: int,
) -> None:
    columns = [column for column, _ in terms]
    if row[G_HARD]:
        unit = int(grouped.hard_unit(m, g))
        weights = [k for _, k in terms]
        price = int(s.group_weight[g])
    else:
        unit = m.n_weeks if row[G_KIND] != arrays.MAX_DAYS else 1
        weights = [row[G_PENALTY] * k for _, k in terms]
        constant = row[G_PENALTY] * constant - (unit - 1)
        price = int(m.weights[WEIGHT_DISTRIBUTION])
    cost = builder.add_variable(1 << 30, price)
    builder.at_least(cost, columns, weights, constant, unit)


def _add_days(
    builder: ProgramBuilder,
    m: Model,
    row: Sequence[int],
    g: int,
    s: State,
    choices: Sequence[Choice],
    fixed: Iterable[int],
    is_kept: bool,
) -> None:
    used = 0
    for t in fixed:
        used |= int(m.times[t, DAYS])
    columns = []
    for day in range(7):
        if used >> day & 1:
            continue
        on_day: dict[int, list[int]] = {}
        for choice in choices:
            if m.times[choice.time, DAYS] >> day & 1:
                on_day.setdefault(choice.owner, []).append(choice.column)
        if on_day:
            columns.append(builder.add_variable(1))
            for own in on_day.values():
                builder.at_least(columns[-1], own, [1] * len(own))
    over = used.bit_count() - row[G_FIRST]
    if is_kept:
        builder.add_row(columns, [1] * len(columns), high=-over)
        return
    excess = builder.add_variable(7)
    builder.at_least(excess, columns, [1] * len(columns), over)
    _add_cost(builder, m, s, g, row, [(excess, 1)], 0)


def _meetings(
    m: Model, choices: Sequence[Choice], fixed: Sequence[int], weeks: int, day: int
) -> list[Meeting]:
    found = []
    for number, t in enumerate(fixed):
        if m.times[t, WEEKS] & weeks and m.times[t, DAYS] >> day & 1:
            start, end = int(m.times[t, START]), int(m.times[t, END])
            found.append(Meeting(None, -1 - number, start, end))
    for choice in choices:
        t = choice.time
        if m.times[t, WEEKS] & weeks and m.times[t, DAYS] >> day & 1:
            start, end = int(m.times[t, START]), int(m.times[t, END])
            found.append(Meeting(choice.column, choice.owner, start, end))
    return sorted(found, key=lambda meeting: (meeting.start, meeting.end))


def _violation(
    builder: ProgramBuilder,
    row: Sequence[int],
    meetings: Sequence[Meeting],
    is_kept: bool,
) -> list[int] | int:
    """Return the columns whose sum is the violation of a day, or the constant."""
    kind, first, second = row[G_KIND], row[G_FIRST], row[G_SECOND]
    if kind == arrays.MAX_DAY_LOAD:
        return _load(builder, meetings, first, is_kept)
    if kind == arrays.MAX_BREAKS:
        return _breaks(builder, meetings, first, second, is_kept)
    return _long_blocks(builder, meetings, first, second, is_kept)


def _load(
    builder: ProgramBuilder, meetings: Sequence[Meeting], most: int, is_kept: bool
) -> list[int] | int:
    constant = sum(x.end - x.start for x in meetings if x.column is None) - most
    columns = [x.column for x in meetings if x.column is not None]
    lengths = [x.end - x.start for x in meetings if x.column is not None]
    return _excess(builder, columns, lengths, constant, is_kept)


def _excess(
    builder: ProgramBuilder,
    columns: Sequence[int],
    weights: Sequence[int],
    constant: int,
    is_kept: bool,
) -> list[int] | int:
    """Say that ``weights @ columns + constant``, if positive, is a violation."""
    if not columns:
        return max(0, constant)
    if constant + sum(weights) <= 0:
        return 0
    if is_kept:
        builder.add_row(columns, weights, high=-constant)
        return 0
    excess = builder.add_variable(1 << 20)
    builder.at_least(excess, columns, weights, constant)
    return [excess]


@dataclass(frozen=True)
class _Timeline:
    """A day's meetings by the moments at which blocks can begin."""

    moments: Sequence[int]
    starting: Sequence[Sequence[Meeting]]
    covering: Sequence[Sequence[Meeting]]  # that an earlier start joins to the moment


def _timeline(meetings: Sequence[Meeting], gap: int) -> _Timeline:
    moments = sorted({x.start for x in meetings})
    return _Timeline(
        moments,
        [[x for x in meetings if x.start == moment] for moment in moments],
        [
            [x for x in meetings if x.start < moment <= x.end + gap]
            for moment in moments
        ],
    )


def _begins(builder: ProgramBuilder, line: _Timeline, k: int) -> int | None:
    """Return a variable that is 1 if a block begins at moment k; None: never."""
    if any(x.column is None for x in line.covering[k]):
        return None
    begins = builder.add_variable(1)
    covering = [x.column for x in line.covering[k] if x.column is not None]
    for starter, columns in _by_owner(line.starting[k]):
        certain = starter < 0
        builder.at_least(
            begins,
            [*covering, *([] if certain else columns)],
            [-1] * len(covering) + [1] * (0 if certain else len(columns)),
            1 if certain else 0,
        )
    return begins


def _by_owner(meetings: Sequence[Meeting]) -> list[tuple[int, list[int]]]:
    """Collect columns by class; a class that stays has none."""
    columns: dict[int, list[int]] = {}
    for x in meetings:
        own = columns.setdefault(x.owner, [])
        if x.column is not None:
            own.append(x.column)
    return list(columns.items())


def _breaks(
    builder: ProgramBuilder,
    meetings: Sequence[Meeting],
    most: int,
    gap: int,
    is_kept: bool,
) -> list[int] | int:
    if all(x.column is None for x in meetings):
        return max(0, _count_blocks(meetings, gap) - most - 1)
    line = _timeline(meetings, gap)
    begins = [_begins(builder, line, k) for k in range(len(line.moments))]
    columns = [b for b in begins if b is not None]
    return _excess(builder, columns, [1] * len(columns), -most - 1, is_kept)


def _count_blocks(meetings: Sequence[Meeting], gap: int) -> int:
    count, reach = 0, -(1 << 30)
    for x in meetings:
        if x.start > reach + gap:
            count += 1
        reach = max(reach, x.end)
    return count


def _long_blocks(
    builder: ProgramBuilder,
    meetings: Sequence[Meeting],
    longest: int,
    gap: int,
    is_kept: bool,
) -> list[int] | int:
    line = _timeline(meetings, gap)
    found: list[int] = []
    for k, moment in enumerate(line.moments):
        late = [x for x in meetings if x.start >= moment and x.end > moment + longest]
        if late:
            begins = _begins(builder, line, k)
            if begins is not None:
                column = builder.add_variable(0 if is_kept else 1)
                _add_block(builder, line, k, begins, late, column)
                found.append(column)
    return found


def _add_block(
    builder: ProgramBuilder,
    line: _Timeline,
    k: int,
    begins: int,
    late: Sequence[Meeting],
    too_long: int,
) -> None:
    """Say that a block beginning at moment k is too long with one of ``late``.

    A block of a single class is never too long, so a class that begins the block
    and is itself too long needs a second one.
    """
    running: int | None = begins
    alone = [x for x in late if x.start == line.moments[k]]
    for j in range(k, len(line.moments)):
        if j > k:
            running = _runs_on(builder, line, j, running)
            if running is None:
                return
        here = line.starting[j]
        for x in here:
            if x in late and j > k:
                _charge(builder, too_long, running, [x])
        for x in alone:
            for y in here:
                if y.owner != x.owner:
                    _charge(builder, too_long, running, [x, y])


def _runs_on(
    builder: ProgramBuilder, line: _Timeline, j: int, running: int | None
) -> int | None:
    """Return a variable that is 1 if the block still runs at moment j."""
    covering = line.covering[j]
    if running is None or not covering:
        return None
    if any(x.column is None for x in covering):
        return running
    goes_on = builder.add_variable(1)
    for _, columns in _by_owner(covering):
        builder.at_least(goes_on, [running, *columns], [1] * (len(columns) + 1), -1)
    return goes_on


def _charge(
    builder: ProgramBuilder,
    too_long: int,
    running: int | None,
    together: Sequence[Meeting],
) -> None:
    columns = [x.column for x in together if x.column is not None]
    conditions = [running, *columns] if running is not None else columns
    found = [column for column in conditions if column is not None]
    builder.at_least(too_long, found, [1] * len(found), 1 - len(found))
