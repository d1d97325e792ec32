"""What an ITC-2019 problem becomes in the tables of a session: rows and faults.

No database here: a problem and what is there already in, rows out.
"""

from __future__ import annotations

from typing import Any

from collegium.catalogue.weekly import MOST_WEEKS, Grid
from collegium.interchange.draft import (
    Codes,
    Draft,
    json_text,
    new_id,
    other_codes,
)
from collegium.interchange.holdings import HeldRoom, Holdings
from collegium.interchange.plan_offerings import plan_offerings
from collegium.timetabling.problem import Problem, Room

MOST_SEATS = 1_000_000


def plan_import(
    problem: Problem,
    codes: Codes,
    holdings: Holdings,
    *,
    university_id: str,
    session_id: str,
) -> Draft:
    """Return what taking in a problem would do."""
    place = {"university_id": university_id, "session_id": session_id}
    draft = Draft(problem, codes, holdings, place)
    _check_grid(draft)
    _plan_weights(draft)
    room_ids = _plan_rooms(draft)
    _plan_travel(draft, room_ids)
    planned = plan_offerings(draft, room_ids)
    _plan_distributions(draft, planned.class_ids)
    _plan_students(draft, planned.course_offering_ids)
    return draft


def _check_grid(draft: Draft) -> None:
    problem, grid = draft.problem, draft.holdings.grid
    wanted = Grid(problem.n_weeks, problem.n_days, problem.slots_per_day)
    if wanted != grid:
        draft.fault(
            "problem",
            f"has {wanted.n_weeks} weeks of {wanted.n_days} days of "
            f"{wanted.slots_per_day} slots, the session has {grid.n_weeks} of "
            f"{grid.n_days} of {grid.slots_per_day}",
        )
    if problem.n_weeks > MOST_WEEKS:
        draft.fault("problem", f"has more than {MOST_WEEKS} weeks")
    if draft.holdings.n_offerings:
        draft.fault("session", "has offerings already; a file fills an empty one")


def _plan_weights(draft: Draft) -> None:
    weights = draft.problem.weights
    draft.rows["session_problems"].append(
        {
            **draft.place,
            "name": draft.problem.name,
            "time_weight": weights.time,
            "room_weight": weights.room,
            "distribution_weight": weights.distribution,
            "student_weight": weights.student,
        }
    )


def _plan_rooms(draft: Draft) -> list[str]:
    """Return the ids of the rooms, new or not."""
    ids = []
    for position, room in enumerate(draft.problem.rooms):
        code = draft.codes.rooms[position]
        held = draft.holdings.rooms.get(code)
        if room.capacity > MOST_SEATS:
            draft.fault(f"room {room.id}", f"has more than {MOST_SEATS} seats")
        session_id = draft.place["session_id"]
        blocked = [
            {**draft.pattern(time), "session_id": session_id}
            for time in room.unavailable
        ]
        draft.count("rooms", is_new=held is None)
        if held is None:
            ids.append(new_id())
            draft.rows["rooms"].append(_room_row(draft, ids[-1], code, room, blocked))
        else:
            ids.append(held.id)
            _meet_room(draft, room, code, held, blocked)
        of_room = {**draft.place, "room_id": ids[-1]}
        if room.unavailable:
            draft.rows["room_unavailability"].append(of_room)
        draft.rows["session_rooms"].append(
            {**of_room, "external_id": room.id, "position": position}
        )
    return ids


def _room_row(
    draft: Draft, id_: str, code: str, room: Room, blocked: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        **draft.university,
        "id": id_,
        "code": code,
        "room_type": "general_purpose",
        "capacity": room.capacity,
        "features": "[]",
        "unavailability": json_text(blocked),
        "other_codes": other_codes(room.id),
    }


def _meet_room(
    draft: Draft,
    room: Room,
    code: str,
    held: HeldRoom,
    blocked: list[dict[str, Any]],
) -> None:
    where = f"room {room.id}"
    if held.capacity != room.capacity:
        draft.fault(
            where, f"{code} has {held.capacity} seats here, not {room.capacity}"
        )
    sessions = {time["session_id"] for time in held.unavailability}
    if sessions & {None, draft.place["session_id"]}:
        draft.fault(where, f"{code} is unavailable in this session already")
    if blocked:
        draft.blocked.append((held.id, json_text([*held.unavailability, *blocked])))


def _plan_travel(draft: Draft, room_ids: list[str]) -> None:
    rooms = draft.problem.rooms
    known_rooms = {held.id for held in draft.holdings.rooms.values()}
    for here, room in enumerate(rooms):
        for there in range(here):
            slots = room.travel.get(there)
            first, second = sorted((room_ids[here], room_ids[there]))
            known = draft.holdings.travel.get((first, second))
            is_met = first in known_rooms and second in known_rooms
            if known is not None or (is_met and slots):
                if (known or 0) != (slots or 0):
                    draft.fault(
                        f"room {room.id}",
                        f"takes {known or 0} slots to room {rooms[there].id} here, not "
                        f"{slots or 0}",
                    )
                continue
            if slots is not None:
                draft.count("travel times", is_new=True)
                draft.rows["travel_times"].append(
                    {
                        **draft.university,
                        "id": new_id(),
                        "from_room_id": first,
                        "to_room_id": second,
                        "slots": slots,
                    }
                )


def _plan_distributions(draft: Draft, class_ids: list[str]) -> None:
    for position, distribution in enumerate(draft.problem.distributions):
        named = [class_ids[index] for index in distribution.classes]
        of_this = {**draft.place, "distribution_id": new_id()}
        draft.count("distributions", is_new=True)
        draft.rows["distributions"].append(
            {
                **draft.place,
                "id": of_this["distribution_id"],
                "type": str(distribution.type),
                "parameters": json_text(distribution.parameters),
                "is_required": int(distribution.required),
                "penalty": distribution.penalty,
                "class_ids": json_text(named),
                "position": position,
            }
        )
        draft.rows["distribution_classes"].extend(
            {**of_this, "class_id": class_id} for class_id in named
        )


def _plan_students(draft: Draft, course_offering_ids: list[str]) -> None:
    for position, student in enumerate(draft.problem.students):
        code = draft.codes.students[position]
        person_id = draft.holdings.people.get(code)
        draft.count("people", is_new=person_id is None)
        if person_id is None:
            person_id = new_id()
            draft.rows["people"].append(
                {
                    **draft.university,
                    "id": person_id,
                    "code": code,
                    "name": f"Student {code}",
                    "names": "{}",
                    "other_codes": other_codes(student.id),
                }
            )
        of_student = {**draft.place, "student_id": person_id}
        draft.rows["session_students"].append(
            {**of_student, "external_id": student.id, "position": position}
        )
        for priority, course in enumerate(student.courses):
            draft.count("requests", is_new=True)
            draft.rows["course_requests"].append(
                {
                    **of_student,
                    "id": new_id(),
                    "course_offering_id": course_offering_ids[course],
                    "priority": priority,
                    "alternatives": "[]",
                    "is_waitlist_ok": 1,
                }
            )
