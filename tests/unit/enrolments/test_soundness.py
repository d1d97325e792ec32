"""Damage of each kind, done by hand behind the program's back, and what is found."""

from __future__ import annotations

import apsw
import pytest

from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.soundness import schema_findings
from collegium.enrolments.soundness import findings
from fixtures.registration import Registration, configuration, lesson, time


@pytest.fixture
async def filled(desk: Registration) -> Registration:
    """Return a session with seats taken, parents, and one who waits."""
    parts = configuration(
        ("LEC", [lesson("1", 3, at=time()), lesson("2", 3, at=time("01000"))]),
        ("LAB", [lesson("1", 1, parent="1", at=time("00100"))]),
        limit=3,
    )
    await desk.offer(0, parts)
    await desk.offer_lectures(1, lesson("1", 3, at=time("00010")))
    await desk.enrol(0, 0)
    await desk.enrol(0, 1)
    await desk.enrol(1, 0, wait=True)
    return desk


async def breaches(database: Database) -> dict[str, str]:
    """Return what each check that has found something says."""
    found = {}
    for checks in (schema_findings, findings):
        async for finding in checks(database):
            assert finding.name not in found
            if finding.breaches:
                found[finding.name] = "; ".join(finding.breaches)
    return found


async def test_what_the_program_writes_is_sound(
    filled: Registration, world_database: Database
) -> None:
    """Nothing is found after enrolling, exchanging, waiting and dropping."""
    assert await breaches(world_database) == {}
    more = await filled.enrol(2, 1)
    await filled.drop(more)
    assert await breaches(world_database) == {}


LECTURE = "SELECT id FROM classes WHERE code = 'O0-A-LEC-{}' AND session_id = "
LECTURE += "(SELECT session_id FROM classes WHERE code = 'O1-A-LEC-1')"
AT = '[{"days":"00100","start":96,"length":12,"weeks":"11111111111111","penalty":0}]'
SEATED = "(SELECT enrolment_id FROM class_enrolments)"


@pytest.mark.parametrize(
    ("damage", "check", "says"),
    [
        (
            "UPDATE classes SET enrolled = 2 WHERE code = 'O0-A-LEC-1'",
            "counters",
            "class O0-A-LEC-1 counts 2 and has 1",
        ),
        (
            "UPDATE configurations SET enrolled = 0 WHERE enrolled = 1",
            "counters",
            "counts 0 and has 1",
        ),
        (
            "UPDATE course_offerings SET enrolled = enrolled + 1 WHERE enrolled = 1",
            "counters",
            "course offering",
        ),
        (
            f"UPDATE enrolments SET state = 'cancelled' WHERE id IN {SEATED}",
            "counters",
            "is cancelled and has seats",
        ),
        (
            (
                "DELETE FROM class_enrolments WHERE class_id = "
                "(SELECT id FROM classes WHERE code = 'O0-A-LAB-1')"
            ),
            "classes of students",
            "do not go together",
        ),
        (
            (
                f"UPDATE classes SET parent_class_id = ({LECTURE.format(2)}) "
                "WHERE code = 'O0-A-LAB-1'"
            ),
            "classes of students",
            "do not go together",
        ),
        (
            f"UPDATE classes SET time_options = '{AT}' WHERE code = 'O1-A-LEC-1'",
            "times",
            "has O0-A-LAB-1 and O1-A-LEC-1 at the same time",
        ),
        (
            f"UPDATE enrolments SET class_ids = '[]' WHERE id IN {SEATED}",
            "times",
            "shows other classes",
        ),
        (
            "UPDATE course_offerings SET last_waitlist_seq = 0",
            "turns",
            "can be given again",
        ),
        (
            "UPDATE classes SET \"limit\" = 2 WHERE code = 'O0-A-LAB-1'",
            "waitlists",
            "waits for seats that are free",
        ),
        (
            (
                "UPDATE organisations SET parent_id = (SELECT o.id "
                "FROM organisations o "
                "WHERE o.university_id = organisations.university_id "
                "AND o.code <> organisations.code)"
            ),
            "trees",
            "organisations in a circle",
        ),
        (
            "UPDATE course_offerings SET is_controlling = 0",
            "courses of offerings",
            "offering O0",
        ),
    ],
)
async def test_damage_is_named(
    filled: Registration, world_database: Database, damage: str, check: str, says: str
) -> None:
    """What no constraint forbids is found by the check for it, and named."""
    async with world_database.transaction() as transaction:
        assert await transaction.execute(damage) > 0
    assert says in (await breaches(world_database)).get(check, "nothing found")


COPY = "INSERT INTO {0} SELECT * FROM (SELECT * FROM {0} LIMIT 1); "
LOOSE = (
    "CREATE TABLE copy AS SELECT * FROM {0}; DROP TABLE {0}; "
    "ALTER TABLE copy RENAME TO {0}; "
)
PUBLICATION = (
    "INSERT INTO publications (university_id, id, session_id, number, problem_sha256, "
    "solution_sha256, score, n_classes, published_by, version, created_at, "
    "updated_at) SELECT university_id, 'p{0}', id, {0}, '', '', '{{}}', {1}, '', 1, "
    "'', '' FROM sessions WHERE code = 'OPEN';"
)
IN_FORCE = (
    "INSERT INTO current_publications (university_id, session_id, number) "
    "SELECT university_id, id, {} FROM sessions WHERE code = 'OPEN';"
)


@pytest.mark.parametrize(
    ("damage", "check", "says"),
    [
        (
            "UPDATE classes SET enrolled = 4 WHERE code = 'O0-A-LEC-1'",
            "limits",
            "classes O0-A-LEC-1: 4 in 3",
        ),
        ("UPDATE configurations SET enrolled = -1", "limits", "configurations"),
        (
            "UPDATE course_offerings SET reserved_seats = 0",
            "limits",
            "course offerings",
        ),
        (
            LOOSE.format("enrolments") + COPY.format("enrolments"),
            "enrolments",
            "2 times",
        ),
        (
            LOOSE.format("enrolments")
            + "UPDATE enrolments SET waitlist_seq = NULL WHERE state = 'queued'",
            "turns",
            "waits without a turn",
        ),
        (
            LOOSE.format("enrolments") + "UPDATE enrolments SET waitlist_seq = 1",
            "turns",
            "is taken 2 times",
        ),
        (LOOSE.format("rooms") + COPY.format("rooms"), "codes", "rooms "),
        (LOOSE.format("universities") + COPY.format("universities"), "codes", "HOME"),
        (
            "UPDATE sessions SET parent_id = id WHERE code = 'OPEN'",
            "trees",
            "sessions in a circle",
        ),
        (
            PUBLICATION.format(1, 0) + PUBLICATION.format(3, 0) + IN_FORCE.format(1),
            "publications",
            "2 publications numbered from 1 to 3",
        ),
        (PUBLICATION.format(1, 0), "publications", "none in force"),
        (IN_FORCE.format(7), "publications", "number 7 in force, which is not there"),
        (
            PUBLICATION.format(1, 2) + IN_FORCE.format(1),
            "publications",
            "lost or won placements",
        ),
    ],
)
@pytest.mark.parametrize("world_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("filled")
async def test_what_constraints_forbid_is_named_too(
    world_url: str,
    damage: str,
    check: str,
    says: str,
) -> None:
    """What came into a file while its constraints were off is found and named.

    In SQLite one connection can do without them; the questions are the same anywhere.
    """
    with apsw.Connection(world_url.removeprefix("sqlite:///")) as connection:
        connection.execute(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON"
        )
        connection.execute(damage)
    database = database_at(world_url)
    await database.open()
    try:
        assert says in (await breaches(database)).get(check, "nothing found")
    finally:
        await database.close()
