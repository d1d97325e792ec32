"""Which classes of an offering can be taken together: decisions without I/O.

A chain is exactly one class of each subpart of one configuration, where each class that
has a parent comes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from collegium.errors import ClassesUnfit
from collegium.timetabling.problem import Time

MOST_STEPS = 20_000
"""A choice gives up after so many attempts to put a class into a chain."""


@dataclass(frozen=True, slots=True)
class OfferedClass:
    """A class as somebody who would take it sees it.

    Parameters
    ----------
    id, code : its names.
    configuration_id, subpart_id, parent_id : where it is, and what comes with it.
    free : seats left, None without a limit.
    is_cancelled : nobody may take it any more.
    time : when it meets, None while that is not settled.
    """

    id: str
    code: str
    configuration_id: str
    subpart_id: str
    parent_id: str | None
    free: int | None
    is_cancelled: bool
    time: Time | None

    @property
    def is_open(self) -> bool:
        """Tell whether a seat is left."""
        return self.free is None or self.free > 0


@dataclass(frozen=True, slots=True)
class Offered:
    """An offering as somebody who would take it sees it.

    Parameters
    ----------
    subparts : ids of the subparts of each configuration, in order.
    free : seats left in each configuration, None without a limit.
    course_free : seats left in each course offering, None without reserved seats.
    classes : by id.
    """

    subparts: Mapping[str, Sequence[str]]
    free: Mapping[str, int | None]
    course_free: Mapping[str, int | None]
    classes: Mapping[str, OfferedClass]

    def is_open(self, configuration_id: str) -> bool:
        """Tell whether a seat of a configuration is left."""
        free = self.free[configuration_id]
        return free is None or free > 0

    def is_course_open(self, course_offering_id: str) -> bool:
        """Tell whether a seat is left for those who take it as this course."""
        # Of another offering only where rows are damaged: no seat then.
        free = self.course_free.get(course_offering_id, 0)
        return free is None or free > 0


@dataclass(frozen=True, slots=True)
class Chain:
    """Classes that are taken together, by id, in the order of their subparts."""

    configuration_id: str
    class_ids: tuple[str, ...]


def chain_of(offered: Offered, class_ids: Collection[str]) -> Chain:
    """Return chosen classes as a chain.

    Raises
    ------
    ClassesUnfit
        When they are not one of each subpart of one configuration, a parent is
        missing, or one of them is cancelled.
    """
    classes = [offered.classes.get(id_) for id_ in class_ids]
    known = [class_ for class_ in classes if class_ is not None]
    if len(known) != len(classes):
        raise _unfit("A class is not of this offering.")
    configurations = {class_.configuration_id for class_ in known}
    if len(configurations) != 1:
        raise _unfit("The classes are not all of one configuration.")
    (configuration_id,) = configurations
    wanted = offered.subparts[configuration_id]
    if sorted(class_.subpart_id for class_ in known) != sorted(wanted):
        raise _unfit(
            f"It takes exactly one class of each of {len(wanted)} subparts of the "
            "configuration."
        )
    taken = {class_.id for class_ in known}
    for class_ in known:
        if class_.parent_id is not None and class_.parent_id not in taken:
            raise _unfit(f"The class {class_.code} comes with its parent only.")
        if class_.is_cancelled:
            raise _unfit(f"The class {class_.code} is cancelled.")
    order = {subpart: number for number, subpart in enumerate(wanted)}
    known.sort(key=lambda class_: order[class_.subpart_id])
    return Chain(configuration_id, tuple(class_.id for class_ in known))


def choose_chain(
    offered: Offered,
    is_possible: Callable[[OfferedClass], bool],
    goes_with: Callable[[OfferedClass, OfferedClass], bool],
    *,
    is_seat_needed: bool = True,
) -> Chain | None:
    """Return a chain, of the emptiest classes first; None when there is none.

    Parameters
    ----------
    offered : the offering.
    is_possible : whether a class may be in the chain at all.
    goes_with : whether two classes may be in one chain.
    is_seat_needed : full classes and configurations do not count.
    """
    for configuration_id in _emptiest_first(offered):
        if is_seat_needed and not offered.is_open(configuration_id):
            continue
        columns = [
            [
                class_
                for class_ in _by_room(offered, subpart)
                if not class_.is_cancelled
                and (class_.is_open or not is_seat_needed)
                and is_possible(class_)
            ]
            for subpart in offered.subparts[configuration_id]
        ]
        found = _Search(columns, goes_with).run()
        if found:
            return Chain(configuration_id, tuple(class_.id for class_ in found))
    return None


class _Search:
    """Depth first, the subpart with the fewest classes first."""

    def __init__(
        self,
        columns: Sequence[Sequence[OfferedClass]],
        goes_with: Callable[[OfferedClass, OfferedClass], bool],
    ) -> None:
        self._columns = columns
        self._order = sorted(range(len(columns)), key=lambda i: len(columns[i]))
        self._goes_with = goes_with
        self._n_steps = 0
        self._subpart_of = {c.id: c.subpart_id for column in columns for c in column}

    def run(self) -> list[OfferedClass] | None:
        """Return one class of each column, None when there is no such choice."""
        chosen: dict[int, OfferedClass] = {}
        if not self._columns or not self._extend(chosen):
            return None
        return [chosen[i] for i in range(len(self._columns))]

    def _extend(self, chosen: dict[int, OfferedClass]) -> bool:
        if len(chosen) == len(self._columns):
            return True
        column = self._order[len(chosen)]
        for class_ in self._columns[column]:
            self._n_steps += 1
            if self._n_steps > MOST_STEPS:
                return False
            if all(self._fits(class_, other) for other in chosen.values()):
                chosen[column] = class_
                if self._extend(chosen):
                    return True
                del chosen[column]
        return False

    def _fits(self, one: OfferedClass, other: OfferedClass) -> bool:
        return (
            self._allows(one, other)
            and self._allows(other, one)
            and self._goes_with(one, other)
        )

    def _allows(self, child: OfferedClass, other: OfferedClass) -> bool:
        """Tell whether the other one is not in the place of the child's parent."""
        if child.parent_id is None or child.parent_id == other.id:
            return True
        return self._subpart_of.get(child.parent_id) not in (None, other.subpart_id)


def _emptiest_first(offered: Offered) -> list[str]:
    def key(configuration_id: str) -> tuple[bool, int, str]:
        free = offered.free[configuration_id]
        return (free is not None, -(free or 0), configuration_id)

    return sorted(offered.subparts, key=key)


def _by_room(offered: Offered, subpart: str) -> list[OfferedClass]:
    classes = [c for c in offered.classes.values() if c.subpart_id == subpart]
    return sorted(classes, key=lambda c: (c.free is not None, -(c.free or 0), c.code))


def _unfit(detail: str) -> ClassesUnfit:
    return ClassesUnfit(detail, pointers={"/class_ids": "do not go together"})
