"""When a coordinator asks for keys, and when it does not start at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from collegium.cli import main
from collegium.coordinator import server
from collegium.errors import Misconfigured
from collegium.settings import CoordinatorSettings

TOKEN = SecretStr("a token")


@pytest.mark.parametrize(
    ("given", "is_required"),
    [
        ({}, False),
        ({"auth": "required"}, True),
        ({"api_token": TOKEN}, True),
        ({"api_token": TOKEN, "auth": "off"}, True),
        ({"worker_token": TOKEN}, False),
        ({"host": "0.0.0.0"}, True),
    ],
)
def test_when_keys_are_demanded(given: dict[str, object], is_required: bool) -> None:
    """When it is said, with an API token, and beyond this machine."""
    settings = CoordinatorSettings.model_validate(given)
    assert settings.is_auth_required is is_required


def test_auth_is_one_of_two() -> None:
    """Anything else is a mistake, not a choice."""
    with pytest.raises(ValidationError):
        CoordinatorSettings.model_validate({"auth": "yes"})


@pytest.mark.parametrize(
    ("given", "has_key", "is_safe"),
    [
        ({"api_token": TOKEN, "worker_token": TOKEN}, False, True),
        ({"api_token": TOKEN}, True, False),
        ({"worker_token": TOKEN}, True, False),
        ({"worker_token": TOKEN, "auth": "required"}, False, False),
        ({"worker_token": TOKEN, "auth": "required"}, True, True),
        ({"auth": "required"}, True, False),
    ],
)
def test_what_is_needed_beyond_this_machine(
    given: dict[str, object], has_key: bool, is_safe: bool
) -> None:
    """The fleet's token, and the API token or keys with one of an operator."""
    settings = CoordinatorSettings.model_validate({"host": "0.0.0.0", **given})
    if is_safe:
        settings.refuse_exposure(lambda: has_key)
        return
    with pytest.raises(Misconfigured, match="collegium key create"):
        settings.refuse_exposure(lambda: has_key)


def test_on_loopback_nothing_is_needed() -> None:
    """And no database is asked."""

    def never() -> bool:
        raise AssertionError("asked for keys")

    CoordinatorSettings(host="127.0.0.1").refuse_exposure(never)


def test_a_server_looks_into_its_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does not start until the database has an operator's key."""
    url = f"sqlite:///{tmp_path / 'c.db'}"
    settings = CoordinatorSettings(
        host="0.0.0.0", database=url, worker_token=TOKEN, auth="required"
    )
    with pytest.raises(Misconfigured, match="operator's key"):
        server.run(settings)
    create = ["key", "create", "--role", "operator", "--name", "N", "--database", url]
    assert main(create) == 0
    assert capsys.readouterr().out
    settings.refuse_exposure(lambda: server.has_key(settings))
