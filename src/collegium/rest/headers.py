"""Read request headers as ASGI gives them, without building a mapping first."""

from __future__ import annotations

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header, several fields of one name joined by commas.

    Parameters
    ----------
    scope : ASGI connection scope of a request.
    name : lower-case field name.
    """
    found: str | None = None
    for key, value in scope["headers"]:
        if key == name:
            text = value.decode("latin-1")
            found = text if found is None else f"{found}, {text}"
    return found
