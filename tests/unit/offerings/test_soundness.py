"""What the doctor finds in offerings."""

from __future__ import annotations

import pytest

from collegium.db.database import Database
from collegium.offerings.soundness import offering_findings
from fixtures.asgi import AsgiClient
from fixtures.catalogue import catalogue_app

ASTRAY = """
UPDATE classes SET parent_class_id = (SELECT p.id FROM classes p
    WHERE p.university_id = classes.university_id AND p.code = 'OFFERING-1-LEC-1')
WHERE code = 'OFFERING-1-LEC-0'
"""


def database() -> Database:
    """Return the database of the catalogue that is being tested."""
    found: Database = catalogue_app().state.catalogue.database
    return found


async def breaches() -> set[str]:
    """Return the names of the checks that find something."""
    found = [finding async for finding in offering_findings(database())]
    return {finding.name for finding in found if finding.breaches}


async def spoil(statement: str) -> None:
    """Change rows behind the back of the program."""
    async with database().transaction() as transaction:
        await transaction.execute(statement)


async def test_all_is_well(world: AsgiClient) -> None:
    """What was written through the API is sound."""
    assert await breaches() == set()


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE classes SET subpart = 'X'", "classes"),
        ("UPDATE course_offerings SET is_controlling = 0", "documents"),
        ("UPDATE configurations SET name = 'Other'", "documents"),
        ("UPDATE course_offerings SET reserved_seats = 3", "documents"),
        (ASTRAY, "classes"),
    ],
)
async def test_what_is_spoilt_is_found(
    world: AsgiClient, statement: str, name: str
) -> None:
    """Each check finds what only somebody outside of the program could have done."""
    await spoil(statement)
    assert name in await breaches()
