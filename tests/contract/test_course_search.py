"""Courses found by words, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.courses import search as courses_search
from collegium.courses.search import fold
from collegium.db.database import Database
from fixtures.asgi import AsgiClient

SEARCH = "/v1/universities/NOWHERE/search"


@pytest.fixture
async def filled(catalogue: AsgiClient, nowhere: str) -> str:
    """Return the address of some courses."""
    courses: list[dict[str, Any]] = [
        {"code": "CS101", "name": "Introduction to Programming"},
        {
            "code": "CS 205",
            "name": "Algorithms",
            "descriptions": {"en": "Programming with data structures and graphs."},
        },
        {
            "code": "PH7",
            "name": "Quantum Mechanics",
            "titles": {"de": "Einführung in die Quantenmechanik"},
        },
        {"code": "AR1", "name": "Café culture, naïvely (and 'quoted\"" + ") *"},
    ]
    for course in courses:
        assert (await catalogue.post(nowhere, course)).status == 201
    return nowhere


async def find(client: AsgiClient, words: str, **query: Any) -> list[str]:
    """Return the codes of the courses found."""
    reply = await client.get(SEARCH, query={"q": words, **query})
    assert reply.status == 200, reply.body
    return [item["code"] for item in reply.json()["items"]]


FINDS = [
    ("programming", ["CS101", "CS 205"]),
    ("PROGRAMMING introduction", ["CS101"]),
    ("prog", ["CS101", "CS 205"]),
    ("prog introduction", []),
    ("introduction prog", ["CS101"]),
    ("cs101", ["CS101"]),
    ("cs205", ["CS 205"]),
    ("cs 205", ["CS 205"]),
    ("einfuhrung", ["PH7"]),
    ("EINFÜHRUNG", ["PH7"]),
    ("caf naively", []),
    ("cafe naively", ["AR1"]),
    ("nothing", []),
    ("programming nothing", []),
]


async def test_words_find_courses(catalogue: AsgiClient, filled: str) -> None:
    """All words must occur, without case and accents; the name counts more.

    The last word may go on.
    """
    for words, codes in FINDS:
        assert await find(catalogue, words) == codes, words


ODD = [
    *(
        '"',
        "'",
        "*",
        "a*",
        "(",
        ")",
        "AND",
        "NOT x",
        "a OR b",
        "NEAR(a b)",
        "a:b",
        "^a",
    ),
    *("-a", "{a}", "a & b", "!a", "a <-> b", "\\", "%", "_", ":*", "tenant:x"),
    *("title body", "' OR 1=1 --", "\u0130", "ﬁ", "程式", "x" * 200, "a " * 100),
]


async def test_no_text_is_an_error(catalogue: AsgiClient, filled: str) -> None:
    """Operators of either database's query language are only text."""
    for words in ODD:
        reply = await catalogue.get(SEARCH, query={"q": words})
        assert reply.status == 200, (words, reply.body)


@given(st.text(max_size=30))
def test_folding_is_final(text: str) -> None:
    """Folded words are letters and digits, and folding them again changes nothing."""
    words = fold(text)
    assert fold(" ".join(words)) == words


async def test_changes_are_found_at_once(catalogue: AsgiClient, filled: str) -> None:
    """A renamed course is found by its new words only, a deleted one not at all."""
    path = f"{filled}/CS101"
    state = await catalogue.get(path)
    state = await catalogue.patch(
        path, {"name": "Zoology"}, headers={"if-match": state.etag}
    )
    assert await find(catalogue, "zoology") == ["CS101"]
    assert await find(catalogue, "introduction programming") == []
    await catalogue.delete(path, headers={"if-match": state.etag})
    assert await find(catalogue, "zoology") == []


async def test_other_universities_are_not_searched(
    catalogue: AsgiClient, filled: str
) -> None:
    """A university finds its own courses; an unknown one is not found itself."""
    await catalogue.post("/v1/universities", {"code": "OTHER", "name": "Other"})
    other = "/v1/universities/OTHER"
    await catalogue.post(f"{other}/courses", {"code": "X", "name": "Programming X"})
    reply = await catalogue.get(f"{other}/search", query={"q": "programming"})
    assert [item["code"] for item in reply.json()["items"]] == ["X"]
    assert await find(catalogue, "programming") == ["CS101", "CS 205"]
    reply = await catalogue.get("/v1/universities/NONE/search", query={"q": "a"})
    assert reply.status == 404


async def test_known_results_are_not_sent_again(
    catalogue: AsgiClient, filled: str
) -> None:
    """While no course changes, a search is answered by 304."""
    reply = await catalogue.get(SEARCH, query={"q": "programming"})
    headers = {"if-none-match": reply.etag}
    again = await catalogue.get(SEARCH, query={"q": "programming"}, headers=headers)
    assert (again.status, again.body) == (304, b"")
    await catalogue.post(filled, {"code": "NEW", "name": "Programming"})
    again = await catalogue.get(SEARCH, query={"q": "programming"}, headers=headers)
    assert again.status == 200
    assert len(again.json()["items"]) == 3


async def test_worst_case_is_bounded(
    catalogue: AsgiClient,
    filled: str,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With more matches than are ranked, an answer comes and says so."""
    reply = await catalogue.get(SEARCH, query={"q": "programming", "limit": 1})
    assert reply.json()["is_complete"] is True
    assert len(reply.json()["items"]) == 1
    monkeypatch.setattr(courses_search, "CANDIDATES", 1)
    reply = await catalogue.get(SEARCH, query={"q": "programming"})
    assert reply.json()["is_complete"] is False
    assert reply.json()["items"]


@pytest.mark.parametrize("query", ["", "q=", "q=a&limit=0", "q=a&limit=51", "x=1"])
async def test_bad_questions(catalogue: AsgiClient, filled: str, query: str) -> None:
    """A search has words, and a limit in its range."""
    assert (await catalogue.get(f"{SEARCH}?{query}")).status == 422
