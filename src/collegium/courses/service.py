"""What may be done with courses."""

from __future__ import annotations

from typing import Any

from collegium.catalogue.changes import existing_or_new, patched, remove, values_of
from collegium.courses import repository
from collegium.courses.repository import COURSES
from collegium.courses.schemas import CourseIn
from collegium.db.database import Reader
from collegium.db.records import Guard, Record
from collegium.db.work import Work
from collegium.errors import Malformed
from collegium.rest.patch import Patch


async def find_course(reader: Reader, university: str, course: str) -> Record:
    """Return a course by its id or code."""
    return await COURSES.find(reader, (university, course))


async def add_course(work: Work, university: str, body: CourseIn) -> Record:
    """Add a course to a university's catalogue."""
    values, needed = await _values(work, university, body)
    record = await COURSES.add(work, (university,), values)
    return await _with_prerequisites(work, record, needed)


async def assign_course(
    work: Work, guard: Guard, university: str, course: str, body: CourseIn
) -> tuple[Record, bool]:
    """Make a course what the body says; the flag tells whether it is new."""
    keys = (university, course)
    record = await existing_or_new(work, guard, COURSES, keys, body.code)
    if record is None:
        return await add_course(work, university, body), True
    return await _changed(work, university, record, body), False


async def change_course(
    work: Work, guard: Guard, university: str, course: str, changes: Patch[CourseIn]
) -> Record:
    """Change some members of a course."""
    record, body = await patched(
        work, guard, COURSES, (university, course), changes, CourseIn
    )
    return await _changed(work, university, record, body)


async def remove_course(work: Work, guard: Guard, university: str, course: str) -> None:
    """Delete a course that nothing refers to any more."""
    await remove(work, guard, COURSES, (university, course))


async def _changed(
    work: Work, university: str, record: Record, body: CourseIn
) -> Record:
    values, needed = await _values(work, university, body)
    after = await COURSES.change(work, record, values)
    if after is record:
        return record
    return await _with_prerequisites(work, after, needed)


async def _values(
    work: Work, university: str, body: CourseIn
) -> tuple[dict[str, Any], list[str]]:
    """Return a body's values with courses by id, and those ids."""
    values = values_of(body)
    needed: dict[str, None] = {}
    if values["prerequisites"] is not None:
        pending = [(values["prerequisites"], "/prerequisites")]
        while pending:
            rule, pointer = pending.pop()
            for number, part in enumerate(rule.get("rules", ())):
                pending.append((part, f"{pointer}/rules/{number}"))
            if rule["kind"] == "course":
                rule["course"] = await _course_id(
                    work, university, rule["course"], f"{pointer}/course"
                )
                needed[rule["course"]] = None
    return values, list(needed)


async def _course_id(work: Work, university: str, key: str, pointer: str) -> str:
    found = await COURSES.lookup(work.transaction, (university, key))
    if found is None:
        raise Malformed(
            f"There is no course {key!r} to be a prerequisite.",
            pointers={pointer: "no such course"},
        )
    return found.id


async def _with_prerequisites(work: Work, record: Record, needed: list[str]) -> Record:
    await repository.set_prerequisites(work, record, needed)
    if needed and await repository.needs_itself(work.transaction, record):
        raise Malformed(
            "The course would be its own prerequisite.",
            pointers={"/prerequisites": "leads back to this course"},
        )
    return record
