"""Take in the roles of users as memberships."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from collegium.errors import CollegiumError
from collegium.interchange.oneroster.files import NO_ROLE, ROLES_BACK
from collegium.interchange.oneroster.roster import Roster, put
from collegium.interchange.oneroster.rows import Row, note_unread
from collegium.people.schemas import MembershipIn
from collegium.people.service import MEMBERSHIPS

_ONE_DAY = datetime.timedelta(days=1)
_BREATH = 100


async def take_roles(roster: Roster, rows: Iterable[Row]) -> None:
    """Take in roles."""
    for number, row in enumerate(rows):
        if number % _BREATH == 0:
            await roster.breathe()
        if row.ours("role") == NO_ROLE:
            continue
        is_known = roster.refers(row, "userSourcedId", roster.people)
        if not (is_known and roster.refers(row, "orgSourcedId", roster.orgs)):
            continue
        role = row.ours("role") or ROLES_BACK.get(row["role"])
        if role is None:
            detail = f"{row['role']!r} is no role here: it is not read"
            roster.report.notice(row.line, "role", detail)
            continue
        note_unread(row, ("userProfileSourcedId",), roster.report)
        try:
            await _take_role(roster, row, role)
        except CollegiumError as error:
            roster.note(row, "", error)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_context=False):
                roster.report.fault(row.line, "role", item["msg"])


async def _take_role(roster: Roster, row: Row, role: str) -> None:
    ends = roster.date(row, "endDate")
    body = MembershipIn.model_validate(
        {
            "person_id": roster.people[row["userSourcedId"]],
            "organisation_id": roster.orgs[row["orgSourcedId"]],
            "role": role,
            "start_date": roster.date(row, "beginDate"),
            # Theirs is the day on which it is over.
            "end_date": None if ends is None else ends - _ONE_DAY,
        }
    )
    owner = (roster.university_id,)
    before = await _held(roster, body)
    record = None
    if before is not None:
        reader = roster.work.transaction
        record = await MEMBERSHIPS.records.find(reader, (*owner, before))
    _, action = await put(roster.work, MEMBERSHIPS, owner, record, body)
    roster.report.count("memberships", action, row.line)


async def _held(roster: Roster, body: MembershipIn) -> str | None:
    """Return the id of the membership that says the same, None without one."""
    organisation, params = "organisation_id IS NULL", [body.person_id, str(body.role)]
    if body.organisation_id is not None:
        organisation = "organisation_id = ?"
        params.append(body.organisation_id)
    row: Any = await roster.work.transaction.fetch_one(
        "SELECT id FROM memberships WHERE university_id = ? AND person_id = ? "
        f"AND role = ? AND {organisation}",
        (roster.university_id, *params),
    )
    return None if row is None else str(row[0])
