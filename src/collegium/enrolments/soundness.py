"""Whether seats, classes, times and turns are what they must be, counted anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import groupby

import msgspec

from collegium.db.database import Database, Row
from collegium.db.soundness import MOST_SHOWN, Check, Finding
from collegium.enrolments import waitlist
from collegium.enrolments.conflicts import overlap
from collegium.enrolments.repository import (
    UNFIT,
    read_offered,
    read_queue,
    taken_sql,
    time_of,
)

_COUNTED = (
    "SELECT '{noun} ' || {name} || ' counts ' || CAST(c.enrolled AS TEXT) "
    "|| ' and has ' || CAST(count(e.id) AS TEXT) FROM {table} c {join} "
    "GROUP BY c.university_id, c.id, {name}, c.enrolled "
    "HAVING c.enrolled <> count(e.id)"
)
_DIRECT = (
    "LEFT JOIN enrolments e ON e.university_id = c.university_id "
    "AND e.{column} = c.id AND e.state = 'associated'"
)

LIMITS = Check(
    "limits",
    "nowhere are more enrolled than allowed",
    tuple(
        f"SELECT '{table.replace('_', ' ')} ' || {shown} || ': ' "
        f"|| CAST(enrolled AS TEXT) || ' in ' || CAST({limit} AS TEXT) FROM {table} "
        f"WHERE enrolled > {limit} OR enrolled < 0"
        for table, shown, limit in (
            ("classes", "code", '"limit"'),
            ("configurations", "code", '"limit"'),
            ("course_offerings", "id", "reserved_seats"),
        )
    ),
)
COUNTERS = Check(
    "counters",
    "all equal the rows that they count",
    (
        _COUNTED.format(
            noun="class",
            name="c.code",
            table="classes",
            join="LEFT JOIN class_enrolments x ON x.university_id = c.university_id "
            "AND x.class_id = c.id LEFT JOIN enrolments e "
            "ON e.university_id = x.university_id AND e.id = x.enrolment_id "
            "AND e.state = 'associated'",
        ),
        _COUNTED.format(
            noun="configuration",
            name="c.id",
            table="configurations",
            join=_DIRECT.format(column="configuration_id"),
        ),
        _COUNTED.format(
            noun="course offering",
            name="c.id",
            table="course_offerings",
            join=_DIRECT.format(column="course_offering_id"),
        ),
        (
            "SELECT 'enrolment ' || e.id || ' is ' || e.state || ' and has seats' "
            "FROM enrolments e WHERE e.state <> 'associated' AND EXISTS (SELECT 1 "
            "FROM class_enrolments x WHERE x.university_id = e.university_id "
            "AND x.enrolment_id = e.id)"
        ),
    ),
)
LIVE = Check(
    "enrolments",
    "no student is in an offering twice",
    (
        (
            "SELECT 'student ' || student_id || ' is in offering ' || offering_id "
            "|| ' ' || CAST(count(*) AS TEXT) || ' times' FROM enrolments "
            "WHERE state IN ('pending', 'queued', 'associated') "
            "GROUP BY university_id, session_id, student_id, offering_id "
            "HAVING count(*) > 1"
        ),
    ),
)
CHAINS = Check(
    "classes of students",
    "one of each subpart of one configuration, with their parents",
    (
        (
            "SELECT 'enrolment ' || e.id || ' has classes that do not go together' "
            f"FROM enrolments e WHERE e.state = 'associated' AND ({UNFIT})"
        ),
    ),
)
TURNS = Check(
    "turns",
    "all differ, and none will be given again",
    (
        (
            "SELECT 'enrolment ' || id || ' waits without a turn' FROM enrolments "
            "WHERE state = 'queued' AND waitlist_seq IS NULL"
        ),
        (
            "SELECT 'turn ' || CAST(waitlist_seq AS TEXT) || ' of offering ' "
            "|| offering_id || ' is taken ' || CAST(count(*) AS TEXT) || ' times' "
            "FROM enrolments WHERE waitlist_seq IS NOT NULL "
            "GROUP BY university_id, session_id, offering_id, waitlist_seq "
            "HAVING count(*) > 1"
        ),
        (
            "SELECT 'enrolment ' || e.id || ' has a turn that can be given again' "
            "FROM enrolments e WHERE e.waitlist_seq > (SELECT max(c.last_waitlist_seq) "
            "FROM course_offerings c WHERE c.university_id = e.university_id "
            "AND c.session_id = e.session_id AND c.offering_id = e.offering_id)"
        ),
    ),
)


async def findings(database: Database) -> AsyncIterator[Finding]:
    """Yield what each check of enrolments has found."""
    for check in (LIMITS, COUNTERS, LIVE, CHAINS, TURNS):
        yield await check.run(database)
    yield await _times(database)
    yield await _waiting(database)


async def _times(database: Database) -> Finding:
    """Look for students who are needed in two places at once, session by session."""
    found: list[str] = []
    sessions = await database.scan(
        "SELECT DISTINCT university_id, session_id FROM enrolments "
        "WHERE state = 'associated'"
    )
    for session in sessions:
        rows = await database.scan(
            taken_sql(
                "e.student_id, e.id, e.is_overlap_allowed, e.class_ids, c.id, c.code",
                "e.university_id = ? AND e.session_id = ? AND e.state = 'associated'",
            )
            + " ORDER BY e.student_id, e.id, c.code",
            tuple(session),
        )
        for _, of_student in groupby(rows, key=lambda row: row[0]):
            found.extend(_faults_of_student(list(of_student)))
    return Finding(
        "times", found[:MOST_SHOWN], "no student is needed in two places at once"
    )


def _faults_of_student(rows: list[Row]) -> Iterator[str]:
    for enrolment_id, of_enrolment in groupby(rows, key=lambda row: row[1]):
        classes = list(of_enrolment)
        listed = msgspec.json.decode(classes[0][3])
        if sorted(listed) != sorted(row[4] for row in classes):
            yield f"enrolment {enrolment_id} shows other classes than it takes"
    strict = [(row[5], time_of(row[6], row[7:])) for row in rows if not row[2]]
    for number, (code, time) in enumerate(strict):
        for other, other_time in strict[:number]:
            if overlap(time, other_time):
                yield f"student {rows[0][0]} has {other} and {code} at the same time"


async def _waiting(database: Database) -> Finding:
    """Look for somebody who waits for seats that are free."""
    found: list[str] = []
    offerings = await database.scan(
        "SELECT DISTINCT university_id, session_id, offering_id FROM enrolments "
        "WHERE state = 'queued'"
    )
    for university_id, session_id, offering_id in offerings:
        session = (university_id, session_id)
        offered = await read_offered(database, session, offering_id)
        for waiting in await read_queue(database, session, offering_id):
            chain = await waitlist.possible(database, session, offered, waiting)
            if chain is not None:
                found.append(
                    f"enrolment {waiting.enrolment_id} waits for seats that are free"
                )
    return Finding("waitlists", found[:MOST_SHOWN], "nobody waits for a free seat")
