"""Who may come in: bearer tokens, compared without telling how much of one is right."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from pydantic import SecretStr
from starlette.types import Scope

from collegium.errors import Unauthenticated
from collegium.rest.guards import Gate
from collegium.rest.headers import header

_OPEN_PATHS = ("/health/", "/openapi.json", "/metrics", "/ui/")
_WORKER_PATHS = ("/v1/workers/", "/v1/blobs/")
"""What workers ask of a coordinator."""
_PARENT_PATHS = ("/v1/tasks/", "/v1/self")
"""What a parent asks of a coordinator, with the token that it has for workers."""


def worker_gate(token: SecretStr | None) -> Gate | None:
    """Return the gate of a worker: everything but health needs the token."""
    if token is None:
        return None
    accepted = _encoded([token])

    def gate(scope: Scope) -> None:
        if not _is_open(scope["path"]):
            require_token(scope, accepted)

    return gate


def coordinator_gate(
    api_token: SecretStr | None,
    worker_token: SecretStr | None,
    *,
    has_parent: bool = False,
) -> Gate | None:
    """Return the gate of a coordinator.

    Workers get in with either token where they have to, as soon as one is set: who
    wants clients to show who they are does not want strangers to take their tasks or to
    read and write what these are made of. Everything else needs the clients' token, and
    is open when none is set. A coordinator with a parent gives in to the fleet's token
    wherever a worker would.
    """
    for_clients = _encoded([api_token])
    for_workers = _encoded([worker_token])
    if not for_clients and not for_workers:
        return None

    def gate(scope: Scope) -> None:
        path: str = scope["path"]
        if _is_open(path):
            return
        if path.startswith(_WORKER_PATHS):
            require_token(scope, for_workers + for_clients)
        elif for_clients:
            is_ours = has_parent and path.startswith(_PARENT_PATHS)
            accepted = for_clients + for_workers if is_ours else for_clients
            require_token(scope, accepted)

    return gate


def require_token(scope: Scope, accepted: Iterable[bytes]) -> None:
    """Turn a request away that does not show one of the tokens.

    Raises
    ------
    Unauthenticated
        When it shows none, or another one.
    """
    scheme, _, shown = (header(scope, b"authorization") or "").partition(" ")
    presented = shown.strip().encode("latin-1")
    # Every token is compared, so that time tells nothing.
    matches = [hmac.compare_digest(presented, token) for token in accepted]
    if scheme.lower() != "bearer" or not any(matches):
        raise Unauthenticated("Send a valid token: Authorization: Bearer ...")


def needs_token(path: str) -> bool:
    """Tell whether a gate lets nobody in at this path without a token."""
    return not _is_open(path)


def _encoded(tokens: Iterable[SecretStr | None]) -> tuple[bytes, ...]:
    return tuple(t.get_secret_value().encode() for t in tokens if t is not None)


def _is_open(path: str) -> bool:
    return path == "/" or path.startswith(_OPEN_PATHS)
