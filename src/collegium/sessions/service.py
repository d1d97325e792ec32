"""What may be done with academic sessions."""

from __future__ import annotations

import datetime
from typing import Any

from collegium.catalogue.nouns import UNIVERSITY, Tree
from collegium.catalogue.states import SessionState, require_step
from collegium.catalogue.weekly import MOST_WEEKS
from collegium.db.addresses import Keys, Reference
from collegium.db.records import Record, Records
from collegium.db.tables import sessions
from collegium.db.work import Work
from collegium.errors import StateForbids
from collegium.sessions.schemas import SessionIn

_GRID = ("first_week_date", "n_weeks", "n_days", "slots_per_day")
"""What weekly patterns mean; fixed once something uses it."""


class Sessions(Tree[SessionIn]):
    """Academic sessions, which form trees and have a life."""

    async def values(
        self, work: Work, ids: Keys, body: SessionIn, before: Record | None
    ) -> dict[str, Any]:
        """Return what the columns get: the weeks of the dates unless given."""
        values = await super().values(work, ids, body, before)
        first = body.first_week_date or _monday(body.start_date)
        values["first_week_date"] = first.isoformat()
        if body.n_weeks is None:
            weeks = (body.end_date - first).days // 7 + 1
            values["n_weeks"] = min(max(weeks, 1), MOST_WEEKS)
        if before is not None:
            require_step(SessionState(before["state"]), body.state)
        return values

    async def settle(self, work: Work, before: Record | None, after: Record) -> None:
        """Refuse a session that would be part of itself, or another grid in use.

        Whoever uses the grid holds the session's row while doing so, and this comes
        after that row has been written: so nobody can begin to use it unseen.
        """
        await super().settle(work, before, after)
        if before is not None:
            await self._require_same_grid(work, before, after)

    async def _require_same_grid(
        self, work: Work, before: Record, after: Record
    ) -> None:
        moved = [name for name in _GRID if before[name] != after[name]]
        if not moved:
            return
        pointers = {f"/{name}": "in use" for name in moved}
        if before["state"] != SessionState.PLANNING:
            raise StateForbids(
                "Weeks, days and slots can be changed in planning only.",
                pointers=pointers,
            )
        users = await self.records.referrers(
            work.transaction, after, apart_from={"sessions"}
        )
        if users:
            raise StateForbids(
                "Weeks, days and slots cannot be changed while these use them: "
                f"{'; '.join(users)}.",
                pointers=pointers,
            )

    async def let_go(self, work: Work, record: Record) -> None:
        """Refuse to delete a session that students know of.

        Raises
        ------
        StateForbids
            When it is not in planning.
        """
        if record["state"] != SessionState.PLANNING:
            raise StateForbids(
                f"The academic session is {record['state']}: only one in planning can "
                "be deleted."
            )


def _monday(date: datetime.date) -> datetime.date:
    return date - datetime.timedelta(days=date.weekday())


SESSIONS = Sessions(
    Records(sessions, noun="session", parents=(UNIVERSITY,)),
    SessionIn,
    references=(Reference("parent_id", "sessions", "session"),),
)
