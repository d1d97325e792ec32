"""What may be done with universities."""

from __future__ import annotations

from collegium.catalogue.changes import existing_or_new, patched, remove, values_of
from collegium.db.database import Reader
from collegium.db.records import Guard, Record
from collegium.db.work import Work
from collegium.rest.patch import Patch
from collegium.universities.repository import UNIVERSITIES
from collegium.universities.schemas import UniversityIn


async def find_university(reader: Reader, university: str) -> Record:
    """Return a university by its id or code."""
    return await UNIVERSITIES.find(reader, (university,))


async def add_university(work: Work, body: UniversityIn) -> Record:
    """Add a university."""
    return await UNIVERSITIES.add(work, (), values_of(body))


async def assign_university(
    work: Work, guard: Guard, university: str, body: UniversityIn
) -> tuple[Record, bool]:
    """Make a university what the body says; the flag tells whether it is new."""
    keys = (university,)
    record = await existing_or_new(work, guard, UNIVERSITIES, keys, body.code)
    if record is None:
        return await add_university(work, body), True
    return await UNIVERSITIES.change(work, record, values_of(body)), False


async def change_university(
    work: Work, guard: Guard, university: str, changes: Patch[UniversityIn]
) -> Record:
    """Change some members of a university."""
    record, body = await patched(
        work, guard, UNIVERSITIES, (university,), changes, UniversityIn
    )
    return await UNIVERSITIES.change(work, record, values_of(body))


async def remove_university(work: Work, guard: Guard, university: str) -> None:
    """Delete a university that nothing belongs to any more."""
    await remove(work, guard, UNIVERSITIES, (university,))
