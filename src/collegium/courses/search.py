"""Find courses by words.

Texts and questions are folded alike before the database sees them, so that both
databases index and find the same words: letters and digits only, no case, no accents.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collegium.db.database import Database, Dialect, Row, Transaction

CANDIDATES = 2000
"""So many of the matching courses are ranked: the bound on the cost of a search."""
MOST_WORDS = 10
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Found:
    """The best of the courses that match.

    Parameters
    ----------
    rows : university's id and course's id, the best first.
    is_complete : no course was left out of the ranking.
    """

    rows: Sequence[Row]
    is_complete: bool


def fold(text: str) -> list[str]:
    """Return the words of a text without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))


def words_of(values: Mapping[str, Any]) -> tuple[str, str]:
    """Return the folded title and body of a course.

    Parameters
    ----------
    values : of the columns, structures as values.
    """
    title = [values["code"], values["subject_code"], values["number"], values["name"]]
    # CS101 is also found as CS 101, and the other way round.
    title.append("".join(fold(values["code"])))
    title.extend(values["titles"].values())
    body = [*values["descriptions"].values()]
    body.extend(other["code"] for other in values["other_codes"])
    return _folded(title), _folded(body)


async def index(
    transaction: Transaction,
    university_id: str,
    courses: Iterable[tuple[str, Mapping[str, Any]]],
) -> None:
    """Make courses findable by the words that they have now.

    Parameters
    ----------
    transaction : in which the courses were written.
    university_id : whose they are.
    courses : id and values of each.
    """
    tenant = _tenant(university_id)
    await transaction.execute_many(
        "INSERT INTO course_words (university_id, course_id, tenant, title, body) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (university_id, course_id) "
        "DO UPDATE SET title = excluded.title, body = excluded.body",
        [(university_id, id_, tenant, *words_of(values)) for id_, values in courses],
    )


async def search(
    database: Database, university_id: str, text: str, limit: int
) -> Found:
    """Return the courses in which all words of a text occur, the best first.

    The last word may be the beginning of one. Words in code and name count more.

    Raises
    ------
    DeadlineExceeded
        When the answer takes too long.

    Notes
    -----
    The index finds matches in time that grows with the number of courses that have the
    rarest of the words; ranking costs as much for each of at most ``CANDIDATES``.
    """
    words = fold(text)[:MOST_WORDS]
    if not words:
        return Found((), is_complete=True)
    question = _QUESTIONS[database.dialect](_tenant(university_id), words)
    sql = _SEARCHES[database.dialect]
    rows = await database.scan(sql, (question, CANDIDATES + 1, limit))
    seen = rows[0][2] if rows else 0
    return Found([row[:2] for row in rows], is_complete=seen <= CANDIDATES)


_SEARCHES: dict[Dialect, str] = {
    "sqlite": (
        "SELECT w.university_id, w.course_id, found.total FROM ("
        " SELECT id, score, count(*) OVER () AS total FROM ("
        "  SELECT rowid AS id, bm25(course_search, 0.0, 8.0, 1.0) AS score"
        "  FROM course_search WHERE course_search MATCH ? LIMIT ?)"
        " ORDER BY score, id LIMIT ?"
        ") found JOIN course_words w ON w.id = found.id ORDER BY found.score, found.id"
    ),
    "postgresql": (
        "SELECT university_id, course_id, total FROM ("
        " SELECT id, university_id, course_id, ts_rank(vector, asked) AS score,"
        " count(*) OVER () AS total FROM ("
        "  SELECT id, university_id, course_id, vector, asked"
        "  FROM course_words, to_tsquery('simple', ?) AS asked"
        "  WHERE vector @@ asked LIMIT ?) AS matching"
        ") AS ranked ORDER BY score DESC, id LIMIT ?"
    ),
}


def _fts5_question(tenant: str, words: Sequence[str]) -> str:
    asked = " AND ".join(f'"{word}"' for word in words)
    return f'tenant : "{tenant}" AND {{title body}} : ({asked} *)'


def _tsquery(tenant: str, words: Sequence[str]) -> str:
    return " & ".join([tenant, *(f"'{word}'" for word in words)]) + ":*"


_QUESTIONS = {"sqlite": _fts5_question, "postgresql": _tsquery}


def _tenant(university_id: str) -> str:
    return "t" + university_id.replace("-", "")


def _folded(texts: Iterable[str | None]) -> str:
    return " ".join(word for text in texts if text for word in fold(text))
