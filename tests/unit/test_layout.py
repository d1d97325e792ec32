"""The rules of CONTRIBUTING.md that a script can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "collegium"
FILES = sorted(p for p in SOURCE.rglob("*.py") if "migrations/versions" not in str(p))

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "core", "manager"}

# Files and functions over the limit, each with its reason.
LONG: dict[str, str] = {}


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            body = node.body[1:] if ast.get_docstring(node) else node.body
            start = body[0].lineno if body else first.lineno
            yield node.name, (node.end_lineno or start) - start + 1


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_sizes(path: Path) -> None:
    """Files and functions stay within the limits or state why they do not."""
    name = str(path.relative_to(SOURCE))
    lines = len(path.read_text().splitlines())
    assert lines <= MAX_FILE_LINES or name in LONG
    too_long = [
        f"{name}:{function} has {length} lines"
        for function, length in _functions(path)
        if length > MAX_FUNCTION_LINES and f"{name}:{function}" not in LONG
    ]
    assert not too_long


def test_exceptions_are_still_needed() -> None:
    """An entry of LONG names something that exists."""
    for entry in LONG:
        path, _, function = entry.partition(":")
        assert (SOURCE / path).is_file(), entry
        if function:
            assert function in dict(_functions(SOURCE / path)), entry


def test_names_say_something() -> None:
    """No module is called by a word that would fit anything."""
    assert not {p.stem for p in FILES} & FORBIDDEN_NAMES


def test_walks_resolve() -> None:
    """Every step that docs/walks.md names is a function or class in that file."""
    steps = re.findall(r"`([\w/]+\.py):([\w.]+)`", (ROOT / "docs/walks.md").read_text())
    assert steps
    for path, name in steps:
        tree = ast.parse((SOURCE / path).read_text())
        for part in name.split("."):
            found = [
                node
                for node in ast.iter_child_nodes(tree)
                if getattr(node, "name", None) == part
            ]
            assert found, f"{path}:{name} does not exist"
            tree = found[0]  # type: ignore[assignment]


def test_no_deferred_imports() -> None:
    """No function imports, so that the import rules see everything."""
    offenders = [
        f"{path.relative_to(SOURCE)}:{inner.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not offenders


SQL = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM) ")


def test_sql_stays_out_of_routes_and_schemas() -> None:
    """Routes, schemas and the services of nouns hold no SQL."""
    offenders = [
        str(path.relative_to(SOURCE))
        for path in FILES
        if path.stem in {"routes", "schemas", "service", "resources", "operations"}
        and SQL.search(path.read_text())
    ]
    assert not offenders


def test_promises_name_tests() -> None:
    """Every test that docs/reference/conformance.md names exists."""
    page = (ROOT / "docs/reference/conformance.md").read_text()
    named = re.findall(r"`([\w/]+\.py):(test_\w+)`", page)
    assert named
    missing = [
        f"{path}:{name}"
        for path, name in named
        if f"def {name}(" not in (ROOT / "tests" / path).read_text()
    ]
    assert not missing
