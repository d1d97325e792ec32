"""What the courses of a problem become: offerings with all their parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collegium.interchange.draft import (
    Draft,
    from_above,
    json_text,
    new_id,
    other_codes,
)
from collegium.timetabling.problem import Class, Configuration, Course

MOST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Planned:
    """The ids of what a problem's courses and classes become, in their order."""

    course_offering_ids: list[str]
    class_ids: list[str]


def plan_offerings(draft: Draft, room_ids: list[str]) -> Planned:
    """Plan the rows of all offerings and of their parts."""
    classes = _Classes(draft, room_ids)
    planned = Planned([], classes.ids)
    for position, course in enumerate(draft.problem.courses):
        code = draft.codes.courses[position]
        course_id = _course_id(draft, course, code)
        offering = {**draft.place, "offering_id": new_id()}
        planned.course_offering_ids.append(new_id())
        document = [
            _plan_configuration(draft, classes, configuration, number, code, offering)
            for number, configuration in enumerate(course.configurations)
        ]
        draft.count("offerings", is_new=True)
        draft.rows["instructional_offerings"].append(
            {
                **draft.place,
                "id": offering["offering_id"],
                "code": code,
                "courses": json_text(
                    [
                        {
                            "course_id": course_id,
                            "is_controlling": True,
                            "reserved_seats": None,
                        }
                    ]
                ),
                "configurations": json_text(document),
                "other_codes": "[]",
                "external_id": course.id,
                "position": position,
            }
        )
        draft.rows["course_offerings"].append(
            {
                **offering,
                "id": planned.course_offering_ids[-1],
                "course_id": course_id,
                "is_controlling": 1,
                "enrolled": 0,
                "last_waitlist_seq": 0,
            }
        )
    classes.put_in_order()
    return planned


def _course_id(draft: Draft, course: Course, code: str) -> str:
    course_id = draft.holdings.courses.get(code)
    draft.count("courses", is_new=course_id is None)
    if course_id is not None:
        return course_id
    row = {
        **draft.university,
        "id": new_id(),
        "code": code,
        "name": f"Course {code}",
        "titles": "{}",
        "descriptions": "{}",
        "other_codes": other_codes(course.id),
    }
    draft.rows["courses"].append(row)
    return str(row["id"])


def _plan_configuration(
    draft: Draft,
    classes: _Classes,
    configuration: Configuration,
    position: int,
    offering: str,
    place: dict[str, str],
) -> dict[str, Any]:
    """Plan the rows of a configuration; return it as the document has it."""
    code = str(position + 1)
    within = {**place, "configuration_id": new_id()}
    draft.rows["configurations"].append(
        {
            **place,
            "id": within["configuration_id"],
            "code": code,
            "enrolled": 0,
            "external_id": configuration.id,
            "position": position,
        }
    )
    parents = _parents(draft, configuration)
    ids = [new_id() for _ in parents]
    for number in from_above(parents):
        parent = parents[number]
        draft.rows["subparts"].append(
            {
                **within,
                "id": ids[number],
                "parent_subpart_id": None if parent is None else ids[parent],
                "code": str(number + 1),
                "kind": "other",
                "external_id": configuration.subparts[number].id,
                "position": number,
            }
        )
    subparts = []
    for number, subpart in enumerate(configuration.subparts):
        parent = parents[number]
        here = {**within, "subpart_id": ids[number]}
        names = (offering, code, str(number + 1))
        subparts.append(
            {
                "code": names[2],
                "kind": "other",
                "parent": None if parent is None else str(parent + 1),
                "external_id": subpart.id,
                "classes": classes.plan(subpart.classes, here, names),
            }
        )
    return {
        "code": code,
        "name": None,
        "limit": None,
        "external_id": configuration.id,
        "subparts": subparts,
    }


def _parents(draft: Draft, configuration: Configuration) -> list[int | None]:
    """Return the parent of each subpart, as the parents of its classes say."""
    number_of = {
        index: number
        for number, subpart in enumerate(configuration.subparts)
        for index in subpart.classes
    }
    parents: list[int | None] = []
    for number, subpart in enumerate(configuration.subparts):
        named = [draft.problem.classes[index].parent for index in subpart.classes]
        above = {number_of.get(parent) for parent in named if parent is not None}
        parents.append(above.pop() if len(above) == 1 else None)
        is_wrong = parents[-1] in (number, None)
        if is_wrong and any(parent is not None for parent in named):
            parents[-1] = None
            _refuse_parents(draft, subpart.id)
    if _leads_back(parents):
        _refuse_parents(draft, configuration.id)
        return [None] * len(parents)
    return parents


def _refuse_parents(draft: Draft, id_: str) -> None:
    draft.fault(
        f"subpart {id_}",
        "the parents of its classes are not all in one other subpart above it in the "
        "same configuration",
    )


def _leads_back(parents: list[int | None]) -> bool:
    for start in range(len(parents)):
        at: int | None = start
        for _ in parents:
            at = None if at is None else parents[at]
        if at is not None:
            return True
    return False


class _Classes:
    """Plans classes, in the end each behind its parent."""

    def __init__(self, draft: Draft, room_ids: list[str]) -> None:
        self.ids = [new_id() for _ in draft.problem.classes]
        self._draft = draft
        self._room_ids = room_ids
        self._suffixes: dict[int, str] = {}
        for course in draft.problem.courses:
            for configuration in course.configurations:
                for subpart in configuration.subparts:
                    for number, index in enumerate(subpart.classes, 1):
                        self._suffixes[index] = str(number)

    def plan(
        self, indices: tuple[int, ...], place: dict[str, str], names: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        """Plan the rows of a subpart's classes; return them as the document has them.

        Parameters
        ----------
        indices : of the classes.
        place : columns that say which subpart they are in.
        names : codes of the offering, the configuration and the subpart.
        """
        documents = []
        for position, index in enumerate(indices):
            class_ = self._draft.problem.classes[index]
            self._check(class_)
            self._draft.count("classes", is_new=True)
            shown = self._document(index, class_)
            documents.append(shown)
            parent = class_.parent
            self._draft.rows["classes"].append(
                {
                    **place,
                    "id": self.ids[index],
                    "parent_class_id": None if parent is None else self.ids[parent],
                    "code": "-".join((*names, shown["suffix"])),
                    "configuration": names[1],
                    "subpart": names[2],
                    "suffix": shown["suffix"],
                    "limit": class_.limit,
                    "enrolled": 0,
                    "needs_room": int(class_.needs_room),
                    "room_options": json_text(shown["room_options"]),
                    "time_options": json_text(shown["time_options"]),
                    "is_cancelled": 0,
                    "external_id": class_.id,
                    "position": position,
                }
            )
            self._draft.rows["class_rooms"].extend(
                {
                    **self._draft.university,
                    "class_id": self.ids[index],
                    "room_id": option["room_id"],
                }
                for option in shown["room_options"]
            )
        return documents

    def _document(self, index: int, class_: Class) -> dict[str, Any]:
        parent = class_.parent
        return {
            "limit": class_.limit,
            "needs_room": class_.needs_room,
            "room_options": [
                {"room_id": self._room_ids[option.room], "penalty": option.penalty}
                for option in class_.rooms
            ],
            "time_options": [
                {**self._draft.pattern(option.time), "penalty": option.penalty}
                for option in class_.times
            ],
            "is_cancelled": False,
            "external_id": class_.id,
            "suffix": self._suffixes[index],
            "parent": None if parent is None else self._suffixes[parent],
        }

    def _check(self, class_: Class) -> None:
        numbers = [class_.limit or 0]
        numbers += [option.penalty for option in class_.rooms]
        numbers += [option.penalty for option in class_.times]
        if max(numbers) > MOST_NUMBER:
            self._draft.fault(
                f"class {class_.id}", f"has a number larger than {MOST_NUMBER}"
            )

    def put_in_order(self) -> None:
        """Put each class behind its parent."""
        order = from_above([class_.parent for class_ in self._draft.problem.classes])
        place = {self.ids[index]: number for number, index in enumerate(order)}
        self._draft.rows["classes"].sort(key=lambda row: place[row["id"]])
