"""Small runs of what is measured with a hundred thousand courses."""

from __future__ import annotations

import pytest

from collegium.bench import catalogue
from collegium.bench.catalogue import Plan, bench_catalogue
from collegium.errors import Misconfigured
from fixtures.postgresql import Postgresql

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

STATUSES = {
    "bare": [200],
    "get": [200],
    "not_modified": [304],
    "page": [200],
    "page_again": [200],
    "search": [200],
    "create": [201],
}


def test_each_case_asks_what_it_says_on_sqlite() -> None:
    """No answer is an error, and the verdict follows the figures of both sizes."""
    steps: list[str] = []
    report = bench_catalogue(
        Plan((1000, 2000), rounds=1, seconds=0.2, connections=4), steps.append
    )
    for found in report["sizes"].values():
        assert {name: c["statuses"] for name, c in found["cases"].items()} == STATUSES
    ratios = report["sizes"]["1000"]["cases"]
    for name, target in report["targets"].items():
        assert report["met"][name] == (ratios[name]["ratio"] >= target)
    assert report["met"].keys() - report["targets"].keys() == {
        "get_at_2000",
        "page_at_2000",
        "create_at_2000",
    }
    assert report["is_met"] == all(report["met"].values())


def test_the_orm_answers_too_on_postgresql(postgresql: Postgresql) -> None:
    """What is compared with it is judged by that alone."""
    name = postgresql.create()
    plan = Plan((1000,), postgresql.url(name), rounds=1, seconds=0.2, connections=4)
    report = bench_catalogue(plan, lambda _: None)
    cases = report["sizes"]["1000"]["cases"]
    assert {name: c["statuses"] for name, c in cases.items()} == {
        **STATUSES,
        "orm": [200],
    }
    assert report["met"].keys() == {"orm"}
    assert report["met"]["orm"] == (report["get_to_orm"] >= 3.0)


def test_without_what_the_orm_needs_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One clear error says what to install, before anything is filled."""
    monkeypatch.setattr(catalogue, "find_spec", lambda _: None)
    with pytest.raises(Misconfigured, match=r"collegium\[orm\]"):
        bench_catalogue(Plan((1000,), "postgresql://x/y"), lambda _: None)
