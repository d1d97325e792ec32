"""What may be done with offerings and their classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collegium.catalogue.nouns import UNIVERSITY, Noun, referred
from collegium.catalogue.states import Part, require_writable
from collegium.catalogue.weekly import Grid, grid_of
from collegium.db.addresses import Keys, Parent, Reference
from collegium.db.records import Record, Records
from collegium.db.tables import classes, instructional_offerings
from collegium.db.work import Work
from collegium.enrolments import seats, waitlist
from collegium.errors import AlreadyExists, Malformed
from collegium.offerings import parts, repository, tree
from collegium.offerings.repository import Place
from collegium.offerings.schemas import ClassIn, OfferingIn

SESSION = Parent("session_id", "sessions", "session")
LAST = 1 << 40
"""Position of what was not imported: behind all that was, in the order of making."""
_COURSE = Reference("course_id", "courses", "course")
_IN_SESSION = ("university_id", "session_id")


class Offerings(Noun[OfferingIn]):
    """Offerings, each written and read whole."""

    async def values(
        self, work: Work, ids: Keys, body: OfferingIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get, with courses and rooms by id.

        Raises
        ------
        Malformed
            When the parts do not form trees, name what is not there, or have times
            that the session has not.
        StateForbids
            When the session's structure may not change any more.
        """
        await require_writable(work, ids, Part.STRUCTURE)
        await seats.hold(work, ids[-1])
        tree.check_parts(body)
        values = await super().values(work, ids, body, before)
        chosen = tree.controlling(body)
        owners = {"university_id": ids[0]}
        for number, course in enumerate(values["courses"]):
            at = f"/courses/{number}/course_id"
            key = course["course_id"]
            course["course_id"] = await referred(work, owners, _COURSE, key, at)
            course["is_controlling"] = number == chosen
        _refuse_courses_twice(values["courses"])
        await _place_options(work, ids, _options_of(values["configurations"]))
        values["position"] = LAST if before is None else before["position"]
        return values

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Keep courses and parts in tables of their own, too."""
        place = Place(after["university_id"], after["session_id"], after.id)
        value = after.value()
        renamed = before is not None and before["code"] != after["code"]
        if before is None or before["courses"] != after["courses"]:
            await parts.keep_courses(work, place, after.version, value["courses"])
        if (
            before is None
            or renamed
            or before["configurations"] != after["configurations"]
        ):
            configurations = value["configurations"]
            await parts.keep_parts(
                work, place, after["code"], after.version, configurations
            )
            await repository.touch(work, "classes", place.session_id, after.version)
        await repository.touch(
            work, "course_offerings", place.session_id, after.version
        )
        session = (place.university_id, place.session_id)
        await waitlist.after_structure(work, session, place.offering_id)

    async def let_go(self, work: Work, record: Record) -> None:
        """Delete the parts of an offering, unless something else names one.

        Raises
        ------
        StateForbids
            When the session's structure may not change any more.
        StillReferenced
            When a class or a course of it is named elsewhere.
        """
        place = Place(record["university_id"], record["session_id"], record.id)
        ids = (place.university_id, place.session_id)
        await require_writable(work, ids, Part.STRUCTURE)
        await seats.hold(work, ids[-1])
        version = await work.transaction.next_revision()
        await parts.keep_courses(work, place, version, [])
        await parts.keep_parts(work, place, record["code"], version, [])
        await repository.touch(work, "classes", place.session_id, version)
        await repository.touch(work, "course_offerings", place.session_id, version)


class Classes(Noun[ClassIn]):
    """Classes on their own, each part of an offering that changes with it."""

    async def values(
        self, work: Work, ids: Keys, body: ClassIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get, with the ids of what it is in.

        Raises
        ------
        Malformed
            When it names what is not there, or its parent is not in the parent
            subpart.
        Conflict
            When more are enrolled than the new limit allows.
        StateForbids
            When the session's structure may not change any more.
        """
        await require_writable(work, ids, Part.STRUCTURE)
        await seats.hold(work, ids[-1])
        values = await super().values(work, ids, body, before)
        options = {"": values}
        await _place_options(work, ids, options)
        place = Place(ids[0], ids[1], values["offering_id"])
        found = await repository.find_subpart(
            work.transaction, place, body.configuration, body.subpart
        )
        if found is None:
            raise Malformed(
                f"The offering has no subpart {body.subpart!r} in a configuration "
                f"{body.configuration!r}.",
                pointers={"/subpart": "no such subpart"},
            )
        values |= found.columns
        values["code"] = tree.class_code(
            found.offering, body.configuration, body.subpart, body.suffix
        )
        await self._refuse_taken(work, place, values, before)
        await self._check_parent(work, place, values, found.parent_subpart_id)
        if before is None:
            values |= {"enrolled": 0, "position": LAST}
        elif body.limit is not None and body.limit < before["enrolled"]:
            raise repository.below_enrolment(values, "limit")
        return values

    async def _refuse_taken(
        self,
        work: Work,
        place: Place,
        values: Mapping[str, Any],
        before: Record | None,
    ) -> None:
        other = await repository.class_at(
            work.transaction, place, values["subpart_id"], values["suffix"]
        )
        if other is not None and (before is None or other != before.id):
            raise AlreadyExists(
                f"There is a class {values['code']!r} already.",
                pointers={"/suffix": "taken"},
            )

    async def _check_parent(
        self, work: Work, place: Place, values: Mapping[str, Any], above: str | None
    ) -> None:
        parent = values["parent_class_id"]
        if parent is None:
            return
        subpart = await repository.subpart_of(work.transaction, place, parent)
        if above is None or subpart != above:
            raise Malformed(
                "The parent of a class is in the parent subpart.",
                pointers={"/parent_class_id": "not in the parent subpart"},
            )

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Keep rooms and the documents of the offerings that changed."""
        ids = (after["university_id"], after["session_id"])
        value = after.value()
        rooms = [option["room_id"] for option in value["room_options"]]
        await repository.set_rooms(work, ids[0], {after.id: rooms})
        changed = {after["offering_id"]}
        if before is not None:
            changed.add(before["offering_id"])
        for offering_id in sorted(changed):
            await renew(work, Place(*ids, offering_id))
            await waitlist.after_structure(work, ids, offering_id)

    async def let_go(self, work: Work, record: Record) -> None:
        """Refuse where the session forbids it."""
        ids = (record["university_id"], record["session_id"])
        await require_writable(work, ids, Part.STRUCTURE)
        await seats.hold(work, ids[-1])

    async def remove(self, work: Work, guard: Any, keys: Keys) -> None:
        """Delete a class that nothing names, and take it out of its offering."""
        record = await self.records.find(work.transaction, keys)
        await super().remove(work, guard, keys)
        place = Place(
            record["university_id"], record["session_id"], record["offering_id"]
        )
        await renew(work, place)

    async def add(self, work: Work, keys: Keys, body: ClassIn) -> Record:
        """Add a class; those who waited for a seat may have taken one of it."""
        return await self._read_again(work, await super().add(work, keys, body))

    async def _changed(self, work: Work, before: Record, body: ClassIn) -> Record:
        after = await super()._changed(work, before, body)
        return await self._read_again(work, after)

    async def _read_again(self, work: Work, record: Record) -> Record:
        ids = (record["university_id"], record["session_id"], record.id)
        return await self.records.find(work.transaction, ids)


async def renew(work: Work, place: Place) -> None:
    """Make the document of an offering what its parts are now."""
    version = await work.transaction.next_revision()
    document = await parts.read_document(work.transaction, place)
    await repository.store_document(work, place, version, document)
    await repository.touch(work, "instructional_offerings", place.session_id, version)


def _refuse_courses_twice(courses: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for number, course in enumerate(courses):
        if course["course_id"] in seen:
            raise Malformed(
                "A course is named twice.",
                pointers={f"/courses/{number}/course_id": "named before"},
            )
        seen.add(course["course_id"])


def _options_of(configurations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each class of an offering by its JSON pointer."""
    return {
        f"/configurations/{i}/subparts/{j}/classes/{k}": class_
        for i, configuration in enumerate(configurations)
        for j, subpart in enumerate(configuration["subparts"])
        for k, class_ in enumerate(subpart["classes"])
    }


async def _place_options(
    work: Work, ids: Keys, found: Mapping[str, dict[str, Any]]
) -> None:
    """Put the ids of rooms for their codes; refuse what the session has not."""
    keys = {o["room_id"] for class_ in found.values() for o in class_["room_options"]}
    rooms = await repository.room_ids(work.transaction, ids[0], sorted(keys))
    grid = await grid_of(work.transaction, ids)
    assert grid is not None
    for at, class_ in found.items():
        seen: set[str] = set()
        for number, option in enumerate(class_["room_options"]):
            pointer = f"{at}/room_options/{number}/room_id"
            room = rooms.get(option["room_id"])
            if room is None or room in seen:
                wrong = "no such room" if room is None else "named before"
                raise Malformed(
                    f"The room {option['room_id']!r} is {wrong}.",
                    pointers={pointer: wrong},
                )
            seen.add(room)
            option["room_id"] = room
        _check_times(grid, class_, at)


def _check_times(grid: Grid, class_: Mapping[str, Any], at: str) -> None:
    for number, option in enumerate(class_["time_options"]):
        pattern = {name: option[name] for name in ("days", "start", "length", "weeks")}
        wrong = grid.misfits(**pattern)
        if wrong:
            pointer = f"{at}/time_options/{number}"
            raise Malformed(
                "The weekly pattern does not fit the academic session.",
                pointers={f"{pointer}/{name}": text for name, text in wrong.items()},
            )


OFFERINGS = Offerings(
    Records(instructional_offerings, noun="offering", parents=(UNIVERSITY, SESSION)),
    OfferingIn,
)
CLASSES = Classes(
    Records(classes, noun="class", parents=(UNIVERSITY, SESSION)),
    ClassIn,
    references=(
        Reference(
            "offering_id", "instructional_offerings", "offering", within=_IN_SESSION
        ),
        Reference("parent_class_id", "classes", "class", within=_IN_SESSION),
    ),
)
