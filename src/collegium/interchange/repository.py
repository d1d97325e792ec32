"""What tells whether a session's problem has changed."""

from __future__ import annotations

import hashlib

from collegium.db.database import Reader

_OF_SESSION = (
    "instructional_offerings",
    "classes",
    "distributions",
    "course_requests",
)
_OF_UNIVERSITY = ("people", "rooms", "travel_times")


async def problem_state(reader: Reader, university_id: str, session_id: str) -> str:
    """Return a text that differs once the session's problem may have changed."""
    rows = await reader.fetch_all(
        "SELECT scope, name, revision FROM collections "
        "WHERE scope IN (?, ?) ORDER BY scope, name",
        (university_id, session_id),
    )
    session = await reader.fetch_one(
        "SELECT version FROM sessions WHERE university_id = ? AND id = ?",
        (university_id, session_id),
    )
    known = {
        university_id: _OF_UNIVERSITY,
        session_id: _OF_SESSION,
    }
    parts = [f"{name} {value}" for scope, name, value in rows if name in known[scope]]
    text = f"{session_id} {session and session[0]} {'; '.join(parts)}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
