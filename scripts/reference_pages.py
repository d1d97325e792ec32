"""Write the pages of docs/reference that the program itself can tell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from settings_page import settings_page

from collegium.coordinator.app import create_app
from collegium.errors import CollegiumError
from collegium.rest.openapi import SCOPE
from collegium.rest.problems import KINDS
from collegium.settings import CoordinatorSettings

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the program. -->"
METHODS = ("get", "post", "put", "patch", "delete")

REST = """# Resources of a coordinator

{note}

Every resource answers `HEAD` like `GET`, and `OPTIONS` with its methods. Entity tags,
conditions, pages and errors are the same everywhere: a `GET` carries an `ETag` and is
answered 304 when `If-None-Match` has it; a `PUT`, `PATCH` or `DELETE` of something that
exists needs `If-Match` (428 without, 412 when it has changed); a `POST` may carry an
`Idempotency-Key`; lists are `{{"items": [...], "next": ..., "prev": ...}}` and say the
same in `Link`. Where keys are demanded, a request needs one with the scope named here
(401 without a key, 403 without the scope, and 404 for a university that the key is not
of): see [keys and roles](../howto/keys-and-roles.md). The whole description is at
`/openapi.json`; errors are listed in [errors](errors.md).
"""

ERRORS = """# Errors

{note}

Every error is `application/problem+json` (RFC 9457) with `type`, `title`, `status`,
`detail`, `instance`, `request_id`, and `errors` where single members are at fault:
`[{{"pointer": "/capacity", "detail": "..."}}]`. The `type` stays the same for ever; it
is what a program should look at.

| type | status | title | means |
|---|---|---|---|
"""


def main() -> int:
    """Write all pages."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text)
    return 0


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    app = create_app(CoordinatorSettings(database="sqlite:///never-opened.db"))
    return {
        "rest.md": rest_page(app.openapi()),
        "errors.md": errors_page(),
        "settings.md": settings_page(NOTE),
    }


def rest_page(document: dict[str, Any]) -> str:
    """Return the table of resources.

    Parameters
    ----------
    document : an OpenAPI document.
    """
    tags: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                (tag, *_) = operation.get("tags", ["others"])
                tags.setdefault(tag, []).append(_row(method, path, operation))
    parts = [REST.format(note=NOTE)]
    for tag, rows in tags.items():
        head = "| method | path | does | needs | takes | answers |\n"
        head += "|---|---|---|---|---|---|"
        parts.append("\n".join([f"## {tag.capitalize()}\n", head, *rows, ""]))
    return "\n".join(parts)


def _row(method: str, path: str, operation: dict[str, Any]) -> str:
    does = operation.get("description", "").splitlines()[:1]
    takes = ", ".join(_taken(operation))
    answers = ", ".join(code for code in sorted(operation["responses"]) if code < "400")
    needs = f"`{operation[SCOPE]}`" if SCOPE in operation else ""
    cells = (method.upper(), f"`{path}`", *(does or [""]), needs, takes, answers)
    return f"| {' | '.join(cells)} |"


def _taken(operation: dict[str, Any]) -> Iterator[str]:
    for media_type, content in (
        operation.get("requestBody", {}).get("content", {}).items()
    ):
        schema = content.get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        yield f"{name} as `{media_type}`" if name else f"`{media_type}`"
    for parameter in operation.get("parameters", ()):
        # What is the same everywhere stands in the document once, and above here.
        if parameter.get("in") == "query":
            yield f"`{parameter['name']}`"


def errors_page() -> str:
    """Return the table of errors."""
    rows = [
        f"| `{kind.type}` | {kind.status} | {kind.title} | {_meaning(class_)} |"
        for class_, kind in sorted(
            KINDS.items(), key=lambda item: (item[1].status, item[1].slug)
        )
    ]
    return ERRORS.format(note=NOTE) + "\n".join(rows) + "\n"


def _meaning(class_: type[Exception]) -> str:
    if class_ is CollegiumError:
        return "A fault of the program; the server's log has more, by the request id."
    return (class_.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
