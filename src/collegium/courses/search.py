"""Find courses by words.

Texts and questions are folded alike before the database sees them, so that both
databases index and find the same words: letters and digits only, no case, no accents.
Each word begins with a mark of its university, so that a university's search costs
nothing for the courses of others.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collegium.db.database import Database, Dialect, Row, Transaction

CANDIDATES = 2000
"""So many of the matching courses are ranked: the bound on the cost of a search."""
MOST_WORDS = 10
_AT_ONCE = 500
"""Courses that one statement indexes."""
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
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain).casefold()
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    return _WORD.findall(plain)


def words_of(mark: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """Return the words of a course's title and body.

    Parameters
    ----------
    mark : what each word begins with.
    values : of the columns, structures as values.
    """
    title = [values["code"], values["subject_code"], values["number"], values["name"]]
    # CS101 is also found as CS 101, and the other way round.
    title.append("".join(fold(values["code"])))
    title.extend(values["titles"].values())
    body = [*values["descriptions"].values()]
    body.extend(other["code"] for other in values["other_codes"])
    return _marked(mark, title), _marked(mark, body)


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
    mark = mark_of(university_id)
    words = [(id_, *words_of(mark, values)) for id_, values in courses]
    await index_words(transaction, university_id, words)


async def index_words(
    transaction: Transaction,
    university_id: str,
    courses: Sequence[tuple[str, str, str]],
) -> None:
    """Make courses findable by words that are known already.

    Parameters
    ----------
    courses : id of each, and its title and body as ``words_of`` returns them.
    """
    for first in range(0, len(courses), _AT_ONCE):
        # One statement for many rows: SQLite writes the index after each statement
        # that has triggers, and writing it for each row takes most of the time.
        part = courses[first : first + _AT_ONCE]
        places = ", ".join(["(?, ?, ?, ?)"] * len(part))
        await transaction.execute(
            "INSERT INTO course_words (university_id, course_id, title, body) "
            f"VALUES {places} ON CONFLICT (university_id, course_id) "
            "DO UPDATE SET title = excluded.title, body = excluded.body",
            [value for row in part for value in (university_id, *row)],
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
    mark = mark_of(university_id)
    words = [mark + word for word in fold(text)[:MOST_WORDS]]
    if not words:
        return Found((), is_complete=True)
    question = _QUESTIONS[database.dialect](words)
    sql = _SEARCHES[database.dialect]
    rows = await database.scan(sql, (question, CANDIDATES + 1, limit, university_id))
    seen = rows[0][2] if rows else 0
    return Found([row[:2] for row in rows], is_complete=seen <= CANDIDATES)


# Marks may, rarely, be alike: what is found is also asked for its university.
_SEARCHES: dict[Dialect, str] = {
    "sqlite": (
        "SELECT w.university_id, w.course_id, (SELECT count(*) FROM ("
        "  SELECT 1 FROM course_search WHERE course_search MATCH ?1 LIMIT ?2)) FROM ("
        " SELECT id, score FROM ("
        "  SELECT rowid AS id, bm25(course_search, 8.0, 1.0) AS score"
        "  FROM course_search WHERE course_search MATCH ?1 LIMIT ?2)"
        " ORDER BY score, id LIMIT ?3"
        ") best CROSS JOIN course_words w ON w.id = best.id"
        " WHERE w.university_id = ?4 ORDER BY best.score, best.id"
    ),
    "postgresql": (
        "SELECT university_id, course_id, total FROM ("
        " SELECT id, university_id, course_id, ts_rank(vector, asked) AS score,"
        " count(*) OVER () AS total FROM ("
        "  SELECT id, university_id, course_id, vector, asked"
        "  FROM course_words, to_tsquery('simple', ?) AS asked"
        "  WHERE vector @@ asked LIMIT ?) AS matching"
        " ORDER BY score DESC, id LIMIT ?"
        ") AS best WHERE university_id = ? ORDER BY score DESC, id"
    ),
}


def _fts5_question(words: Sequence[str]) -> str:
    return " AND ".join(f'"{word}"' for word in words) + " *"


def _tsquery(words: Sequence[str]) -> str:
    return " & ".join(f"'{word}'" for word in words) + ":*"


_QUESTIONS = {"sqlite": _fts5_question, "postgresql": _tsquery}


@functools.lru_cache(maxsize=1024)
def mark_of(university_id: str) -> str:
    """Return what each word of a university's courses begins with: eight letters."""
    number = int.from_bytes(hashlib.blake2b(university_id.encode()).digest()[:5])
    return "".join(chr(ord("a") + (number >> 5 * n & 31) % 26) for n in range(8))


def _marked(mark: str, texts: Iterable[str | None]) -> str:
    words = [word for text in texts if text for word in fold(text)]
    return mark + f" {mark}".join(words) if words else ""
