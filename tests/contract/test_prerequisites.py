"""Which courses a course may ask for."""

from __future__ import annotations

from typing import Any

from fixtures.asgi import AsgiClient
from fixtures.courses import CS, create
from fixtures.replies import matching, problem_of


async def test_prerequisites_are_courses_of_the_university(
    catalogue: AsgiClient, nowhere: str
) -> None:
    """A rule may nest; its courses are kept by id, and must be there."""
    ids = {
        code: (await create(catalogue, nowhere, code=code)).json()["id"]
        for code in ("A1", "A2")
    }
    rule: dict[str, Any] = {
        "kind": "any",
        "rules": [
            {"kind": "course", "course": "A1", "min_grade": "C"},
            {
                "kind": "at_least",
                "count": 1,
                "rules": [{"kind": "course", "course": ids["A2"], "min_grade": None}],
            },
            {"kind": "permission", "of": "dean"},
        ],
    }
    reply = await create(catalogue, nowhere, code="B", prerequisites=rule)
    rule["rules"][0]["course"] = ids["A1"]
    assert reply.json()["prerequisites"] == rule
    wrong = {"kind": "all", "rules": [{"kind": "course", "course": "NONE"}]}
    refused = await catalogue.post(nowhere, {**CS, "code": "C", "prerequisites": wrong})
    errors = problem_of(refused, 422, "malformed")["errors"]
    assert errors[0]["pointer"] == "/prerequisites/rules/0/course"


async def test_no_course_needs_itself(catalogue: AsgiClient, nowhere: str) -> None:
    """A rule that leads back to its own course, over any steps, is refused."""
    await create(catalogue, nowhere, code="A")
    for before, code in (("A", "B"), ("B", "C")):
        rule = {"kind": "course", "course": before}
        await create(catalogue, nowhere, code=code, prerequisites=rule)
    for needed in ("A", "B", "C"):
        state = await catalogue.get(f"{nowhere}/A")
        refused = await catalogue.patch(
            f"{nowhere}/A",
            {"prerequisites": {"kind": "course", "course": needed}},
            headers=matching(state),
        )
        problem_of(refused, 422, "malformed")
        assert (await catalogue.get(f"{nowhere}/A")).body == state.body
