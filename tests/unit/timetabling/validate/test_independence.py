"""What the judge is made of, and who may lean on it."""

from __future__ import annotations

import grimp
import pytest

CORE = "collegium.timetabling"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Return who imports whom."""
    return grimp.build_graph("collegium")


def test_the_judge_shares_no_code_with_the_solver(graph: grimp.ImportGraph):
    """The judge is built on nothing but the data and the errors."""
    upstream = graph.find_upstream_modules(f"{CORE}.validate", as_package=True)
    allowed = {CORE, f"{CORE}.problem", f"{CORE}.solution"}
    assert f"{CORE}.problem" in upstream
    assert upstream - allowed <= {"collegium", "collegium.errors"}


def test_the_solver_does_not_lean_on_the_judge(graph: grimp.ImportGraph):
    """Only what makes samples or explains a verdict asks the judge; no search does."""
    asking = (f"{CORE}.generate", f"{CORE}.explain")
    downstream = graph.find_downstream_modules(f"{CORE}.validate", as_package=True)
    inside = {m for m in downstream if m.startswith(f"{CORE}.")}
    assert {m for m in inside if not m.startswith(asking)} == set()
    assert f"{CORE}.explain" in inside, "the rule would hold of nothing"


def test_the_judge_is_plain(graph: grimp.ImportGraph):
    """The core knows no web, no database and no command line."""
    core = graph.find_upstream_modules(CORE, as_package=True)
    outside = {m for m in core if not m.startswith(CORE)}
    assert outside <= {"collegium", "collegium.errors"}
