"""Who is let in with which token."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from starlette.types import Scope

from collegium.errors import Unauthenticated
from collegium.rest.gate import coordinator_gate, worker_gate

API, WORKER = SecretStr("the clients' own"), SecretStr("the workers' own")
CLIENT_PATHS = ["/v1/universities", "/v1/jobs", "/v1/workers", "/v1/stats", "/v1/blobs"]
WORKER_PATHS = ["/v1/workers/w1", "/v1/blobs/0a"]
OPEN_PATHS = ["/", "/health/live", "/metrics", "/openapi.json", "/ui/console.js"]


def scope_of(path: str, token: SecretStr | None) -> Scope:
    """Return the scope of a request that shows a token."""
    fields = []
    if token is not None:
        shown = f"Bearer {token.get_secret_value()}"
        fields.append((b"authorization", shown.encode()))
    return {"type": "http", "path": path, "headers": fields}


def is_let_in(
    configured: tuple[SecretStr | None, SecretStr | None],
    path: str,
    token: SecretStr | None,
) -> bool:
    """Tell whether a coordinator with these two tokens takes a request."""
    gate = coordinator_gate(*configured)
    try:
        if gate is not None:
            gate(scope_of(path, token))
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize("path", WORKER_PATHS)
@pytest.mark.parametrize("configured", [(API, WORKER), (API, None), (None, WORKER)])
def test_any_token_closes_what_workers_use(
    configured: tuple[SecretStr | None, SecretStr | None], path: str
) -> None:
    """Blobs and announcements need one of the tokens as soon as either is set."""
    assert not is_let_in(configured, path, None)
    assert not is_let_in(configured, path, SecretStr("wrong"))
    for token in (API, WORKER):
        assert is_let_in(configured, path, token) is (token in configured)


@pytest.mark.parametrize("path", CLIENT_PATHS)
def test_clients_need_their_own(path: str) -> None:
    """A worker's token does not open what clients use."""
    for configured in [(API, WORKER), (API, None)]:
        assert is_let_in(configured, path, API)
        assert not is_let_in(configured, path, WORKER)
        assert not is_let_in(configured, path, None)


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_some_things_are_for_everybody(path: str) -> None:
    """Health, metrics and the pages of the console need no token."""
    assert is_let_in((API, WORKER), path, None)


def test_without_tokens_there_is_no_gate() -> None:
    """On loopback, where this is allowed, nothing is checked."""
    assert coordinator_gate(None, None) is None
    assert worker_gate(None) is None
