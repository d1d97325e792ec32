"""The reference that is written by the program."""

from __future__ import annotations

import pytest
from reference_pages import REFERENCE, errors_page, pages, rest_page

from collegium.rest.problems import KINDS
from collegium.settings import CoordinatorSettings, WorkerSettings


@pytest.mark.parametrize("name", ["rest.md", "errors.md", "settings.md"])
def test_pages_are_up_to_date(name: str) -> None:
    """What is in docs/reference is what the program says; else run ``make docs``."""
    assert (REFERENCE / name).read_text() == pages()[name]


def test_every_error_is_listed() -> None:
    """Each type that an answer may have is in the table, with its status."""
    page = errors_page()
    for kind in KINDS.values():
        assert f"| `{kind.type}` | {kind.status} |" in page


def test_a_new_resource_would_be_listed() -> None:
    """An operation that is in the OpenAPI document is in the table."""
    operation = {
        "tags": ["things"],
        "description": "List things.",
        "parameters": [{"in": "query", "name": "colour"}],
        "responses": {"200": {}, "304": {}, "404": {}},
        "x-scope": "things:read",
    }
    page = rest_page({"paths": {"/v1/things": {"get": operation}}})
    row = "| GET | `/v1/things` | List things. | `things:read` | `colour` | 200, 304 |"
    assert row in page


def test_every_setting_says_what_it_means() -> None:
    """No setting of either program is without an explanation."""
    page = pages()["settings.md"]
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    n_settings = len(CoordinatorSettings.model_fields) + len(
        WorkerSettings.model_fields
    )
    assert len(rows) == n_settings
    assert [row[0] for row in rows if row[2].strip(" |") == ""] == []
