"""``collegium key``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from collegium.cli import main
from collegium.db.connect import database_at
from collegium.keys.repository import Keys
from collegium.rest.access import ROLE_SCOPES, Principal, Role

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the address of a database that is not there yet."""
    return f"sqlite:///{tmp_path / 'c.db'}"


def found(url: str, key: str) -> Principal | None:
    """Return whose key this is, as a coordinator sees it."""

    async def look() -> Principal | None:
        database = database_at(url)
        await database.open()
        try:
            return await Keys(database).find_key(key.encode())
        finally:
            await database.close()

    return asyncio.run(look())


def output(capsys: Capture) -> Any:
    """Return what was printed, as JSON."""
    return json.loads(capsys.readouterr().out)


def test_a_key_is_made_listed_and_revoked(url: str, capsys: Capture) -> None:
    """Printed once with its secret, listed without, and worth nothing in the end."""
    create = ["key", "create", "--role", "operator", "--name", "Me", "--database", url]
    assert main(create) == 0
    made = output(capsys)
    key = made.pop("key")
    principal = found(url, key)
    assert principal is not None
    assert principal.role is Role.OPERATOR
    assert principal.scopes == ROLE_SCOPES[Role.OPERATOR]
    assert main(["key", "list", "--database", url]) == 0
    text = capsys.readouterr().out
    assert json.loads(text) == [made]
    assert key.rpartition("_")[2] not in text
    assert main(["key", "revoke", made["id"], "--database", url]) == 0
    assert output(capsys) == {"revoked": made["id"]}
    assert found(url, key) is None
    assert main(["key", "list", "--database", url]) == 0
    assert output(capsys) == []


def test_scopes_and_days(url: str, capsys: Capture) -> None:
    """A key has what was asked for and ends when it was said."""
    create = ["key", "create", "--role", "worker", "--name", "W", "--database", url]
    options = ["--scope", "blobs:read", "--scope", "membership:write", "--days", "1"]
    assert main([*create, *options]) == 0
    made = output(capsys)
    assert made["scopes"] == ["blobs:read", "membership:write"]
    assert made["created_by"] == "local"
    assert made["expires_at"] > made["created_at"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--role", "king"], "--role is one of operator, registrar"),
        (["--role", "registrar"], "university_id is for registrars"),
        (["--role", "operator", "--university", "U"], "university_id is for"),
        (["--role", "registrar", "--university", "U"], "no university 'U'"),
        (["--role", "student", "--university", "U"], "person_id is for the role"),
        (["--role", "operator", "--days", "0"], "--days: "),
        (["--role", "operator", "--days", "5000"], "--days: "),
        (["--role", "worker", "--scope", "keys:write"], "has no scope 'keys:write'"),
    ],
)
def test_bad_input_is_one_line(
    url: str, capsys: Capture, options: list[str], said: str
) -> None:
    """Exit code 2 and one line that says what to do about it; nothing is made."""
    create = ["key", "create", "--name", "N", "--database", url]
    assert main([*create, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert said in line
    assert main(["key", "list", "--database", url]) == 0
    assert output(capsys) == []


def test_a_key_that_is_not_there(url: str, capsys: Capture) -> None:
    """Nothing is revoked that there is not."""
    assert main(["key", "revoke", "nonsense", "--database", url]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no key 'nonsense'" in line
