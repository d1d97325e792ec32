"""The database itself keeps universities apart, whatever the program does."""

from __future__ import annotations

import pytest

from collegium.db.database import CheckViolated, Database, ReferenceViolated
from collegium.errors import CollegiumError
from fixtures.asgi import AsgiClient
from fixtures.nouns import NOUNS, NounCase
from fixtures.world import AWAY, HOME

REFERENCES = [
    pytest.param(noun, member, id=f"{name}-{member}")
    for name, noun in NOUNS.items()
    for member in noun.refers
    if "/" not in member
]


async def refused(database: Database, sql: str, *params: str) -> CollegiumError:
    """Return the error with which the database refuses a statement."""
    with pytest.raises(CollegiumError) as caught:
        await execute(database, sql, *params)
    return caught.value


async def execute(database: Database, sql: str, *params: str) -> int:
    """Run one statement in a transaction of its own."""
    async with database.transaction() as transaction:
        return await transaction.execute(sql, params)


@pytest.mark.parametrize(("noun", "member"), REFERENCES)
async def test_no_row_refers_to_another_university(
    world: AsgiClient, world_database: Database, noun: NounCase, member: str
) -> None:
    """A foreign key leads to a row of the same university, or the write fails."""
    made = await world.post(noun.collection, noun.full)
    assert made.status == 201, made.body
    kind, code = noun.refers[member], noun.full[member]
    theirs = (await world.get(f"{AWAY}/{kind}/{code}")).json()["id"]
    table = noun.collection.rpartition("/")[2].replace("-", "_")
    sql = f"UPDATE {table} SET {member} = ? WHERE id = ?"
    own = made.json()["id"]
    assert isinstance(
        await refused(world_database, sql, theirs, own),
        ReferenceViolated | CheckViolated,
    )
    ours = (await world.get(f"{HOME}/{kind}/{code}")).json()["id"]
    assert await execute(world_database, sql, ours, own) == 1


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("organisations", "parent_id = id"),
        ("sessions", "parent_id = id"),
        ("sessions", "state = 'open'"),
        ("sessions", "end_date = '2000-01-01'"),
        ("sessions", "n_weeks = 0"),
        ("rooms", "capacity = -1"),
        ("rooms", "exam_capacity = -1"),
        ("buildings", "campus_type = 'school'"),
        ("buildings", "latitude = 91"),
        ("travel_times", "slots = -1"),
        ("travel_times", "from_building_id = to_building_id"),
        ("travel_times", "to_building_id = NULL"),
        ("travel_times", "from_building_id = NULL, to_building_id = NULL"),
        ("memberships", "end_date = '2000-01-01'"),
    ],
)
async def test_rules_of_rows_are_held(
    world: AsgiClient, world_database: Database, table: str, change: str
) -> None:
    """What one row may not say is refused by the database, whoever says it."""
    for name in ("travel times", "memberships"):
        made = await world.post(NOUNS[name].collection, NOUNS[name].full)
        assert made.status == 201
    error = await refused(world_database, f"UPDATE {table} SET {change}")
    assert isinstance(error, CheckViolated)
