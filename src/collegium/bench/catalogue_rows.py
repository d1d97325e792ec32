"""A catalogue of any number of courses, made as fast as the database takes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import asyncpg

from collegium.catalogue.changes import values_of
from collegium.courses.schemas import CourseIn
from collegium.courses.search import index
from collegium.courses.service import COURSES
from collegium.db.connect import database_at
from collegium.db.database import Transaction
from collegium.db.migrate import migrate
from collegium.db.work import Work, timestamp, utc_clock
from collegium.universities.schemas import UniversityIn
from collegium.universities.service import UNIVERSITIES

TOPIC_EVERY = 222
"""One course in so many has the same topic: 450 in 100,000."""
_BATCH = 5000


async def fill(url: str, size: int) -> None:
    """Make the university ``U`` with courses ``C0000000`` and so on.

    Parameters
    ----------
    url : address of an empty database.
    size : number of courses.
    """
    database = database_at(url)
    await database.open()
    try:
        await migrate(database)
        async with database.transaction() as transaction:
            work = Work(transaction, timestamp(utc_clock()))
            university = UniversityIn(code="U", name="U")
            record = await UNIVERSITIES.add(work, (), university)
            for first in range(0, size, _BATCH):
                numbers = range(first, min(size, first + _BATCH))
                await _add(transaction, work, record.id, numbers)
    finally:
        await database.close()
    if database.dialect == "postgresql":
        await _settle(url)


async def _settle(url: str) -> None:
    """Do at once what autovacuum does within a minute; plans are guesses before."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _add(
    transaction: Transaction, work: Work, university_id: str, numbers: range
) -> None:
    rows = list(_rows(work, university_id, numbers))
    columns = COURSES.records.columns
    await transaction.execute_many(
        f"INSERT INTO courses ({', '.join(columns)}) "
        f"VALUES ({', '.join('?' for _ in columns)})",
        [[row[column] for column in columns] for row in rows],
    )
    found = ((row["id"], _with_texts(row)) for row in rows)
    await index(transaction, university_id, found)


def _rows(work: Work, university_id: str, numbers: range) -> Iterator[dict[str, Any]]:
    body = CourseIn(code="C", name="C", credits=5.0, subject_code="CS", level="master")
    shared = values_of(body) | {
        "university_id": university_id,
        "titles": "{}",
        "other_codes": "[]",
        "version": 1,
        "created_at": work.now,
        "updated_at": work.now,
    }
    for number in numbers:
        topic = f"topic{number % TOPIC_EVERY:03}"
        yield shared | {
            "id": f"01900000-0000-7000-8000-{number:012x}",
            "code": f"C{number:07}",
            "number": str(number),
            "name": f"Course {number} on {topic}",
            "descriptions": '{"en":"Lectures and exercises on '
            f'{topic}, with much to read and more to do for part {number % 997}"}}',
        }


def _with_texts(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "titles": {},
        "other_codes": [],
        "descriptions": {"en": row["descriptions"][7:-2]},
    }
