"""Whether somebody gets seats, must wait, or is refused: decisions without I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from collegium.enrolments.chains import Chain, Offered, chain_of, choose_chain
from collegium.enrolments.conflicts import Taken, conflict_of, free_chain
from collegium.errors import Conflict, TimeConflict


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to take.

    Parameters
    ----------
    course_offering_id : as which course.
    class_ids : which classes; empty when any will do.
    is_overlap_allowed : they may meet when others of the student do.
    """

    course_offering_id: str
    class_ids: Sequence[str]
    is_overlap_allowed: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a wish.

    Parameters
    ----------
    chain : the classes to take, or that are wanted; None when any would do.
    full : what has no seat left, None when there are seats.
    """

    chain: Chain | None
    full: str | None


def decide(
    offered: Offered,
    wish: Wish,
    taken: Sequence[Taken],
    *,
    held: Collection[str] = (),
) -> Decision:
    """Return what becomes of a wish.

    Parameters
    ----------
    offered : the offering.
    wish : what is wanted of it.
    taken : what else the student takes.
    held : ids of all in which the student has a seat already.

    Raises
    ------
    ClassesUnfit
        When nobody can take the classes together.
    TimeConflict
        When the student takes something at the same time.
    Conflict
        When there is nothing to choose from.
    """
    if not wish.class_ids:
        return _choose(offered, wish, taken)
    chain = chain_of(offered, wish.class_ids)
    if not wish.is_overlap_allowed:
        conflict = conflict_of(offered, chain.class_ids, taken)
        if conflict is not None:
            raise conflict
    return Decision(chain, full_part(offered, chain, wish.course_offering_id, held))


def full_part(
    offered: Offered, chain: Chain, course_offering_id: str, held: Collection[str]
) -> str | None:
    """Return what of a chain has no seat left, as a person calls it; or None."""
    for class_id in chain.class_ids:
        if class_id not in held and not offered.classes[class_id].is_open:
            return f"the class {offered.classes[class_id].code}"
    configuration = chain.configuration_id
    if configuration not in held and not offered.is_open(configuration):
        return "the configuration"
    if course_offering_id not in held and not offered.is_course_open(
        course_offering_id
    ):
        return "the seats kept for the course"
    return None


def _choose(offered: Offered, wish: Wish, taken: Sequence[Taken]) -> Decision:
    allowed = wish.is_overlap_allowed
    if not offered.is_course_open(wish.course_offering_id):
        full = "the seats kept for the course"
    else:
        chain = free_chain(offered, taken, is_overlap_allowed=allowed)
        if chain is not None:
            return Decision(chain, None)
        full = "every choice of classes that go with the student's others"
    possible = free_chain(
        offered, taken, is_overlap_allowed=allowed, is_seat_needed=False
    )
    if possible is None:
        raise _why_none(offered, taken)
    return Decision(None, full)


def _why_none(offered: Offered, taken: Sequence[Taken]) -> Conflict:
    chain = choose_chain(
        offered, lambda _: True, lambda _one, _other: True, is_seat_needed=False
    )
    if chain is None:
        return Conflict("The offering has no classes that can be taken together.")
    return conflict_of(offered, chain.class_ids, taken) or TimeConflict(
        "Each choice of classes meets when others of the student do."
    )
