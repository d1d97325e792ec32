"""When classes of one student meet at the same time: decisions without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collegium.enrolments.chains import Chain, Offered, OfferedClass, choose_chain
from collegium.errors import TimeConflict
from collegium.timetabling.problem import Time


@dataclass(frozen=True, slots=True)
class Taken:
    """A class that a student takes already, when it meets."""

    code: str
    time: Time


def overlap(one: Time | None, other: Time | None) -> bool:
    """Tell whether two times share a slot of a day of a week.

    What is not settled shares nothing.
    """
    if one is None or other is None:
        return False
    return (
        one.weeks & other.weeks != 0
        and one.days & other.days != 0
        and one.start < other.start + other.length
        and other.start < one.start + one.length
    )


def clash(class_: OfferedClass, taken: Sequence[Taken]) -> Taken | None:
    """Return the first of the taken classes that meets when a class does."""
    return next((t for t in taken if overlap(class_.time, t.time)), None)


def conflict_of(
    offered: Offered, class_ids: Sequence[str], taken: Sequence[Taken]
) -> TimeConflict | None:
    """Return why classes cannot be taken at once, None when they can."""
    for number, class_id in enumerate(class_ids):
        class_ = offered.classes[class_id]
        own = [
            Taken(other.code, other.time)
            for other in (offered.classes[id_] for id_ in class_ids[:number])
            if other.time is not None
        ]
        other = clash(class_, [*taken, *own])
        if other is not None:
            return TimeConflict(
                f"The class {class_.code} meets when {other.code} does.",
                pointers={"/class_ids": f"{class_.code} overlaps {other.code}"},
            )
    return None


def free_chain(
    offered: Offered,
    taken: Sequence[Taken],
    *,
    is_overlap_allowed: bool,
    is_seat_needed: bool = True,
) -> Chain | None:
    """Return classes that a student can take, the emptiest first; None without any.

    Parameters
    ----------
    offered : the offering.
    taken : what else the student takes.
    is_overlap_allowed : the student may be needed in two places at once.
    is_seat_needed : full classes do not count.
    """
    if is_overlap_allowed:
        return choose_chain(
            offered,
            lambda _: True,
            lambda _one, _other: True,
            is_seat_needed=is_seat_needed,
        )
    return choose_chain(
        offered,
        lambda class_: clash(class_, taken) is None,
        lambda one, other: not overlap(one.time, other.time),
        is_seat_needed=is_seat_needed,
    )
