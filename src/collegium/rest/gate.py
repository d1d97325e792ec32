"""Who may come in: tokens and keys, compared without telling how much is right."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr
from starlette.types import Scope

from collegium.errors import Forbidden, NotFound, Unauthenticated
from collegium.rest.access import (
    LOCAL,
    ROLE_SCOPES,
    TOKEN,
    Access,
    Area,
    Principal,
    Role,
)
from collegium.rest.guards import IS_KNOWN, Gate
from collegium.rest.headers import header

KEY_PREFIX = b"cgk_"
"""How every key begins, so that people and scanners of secrets know one."""
UNIVERSITY = "university"
"""The path parameter that leads to a university."""

_OPEN_PATHS = ("/health/", "/openapi.json", "/metrics", "/ui/")
_WORKER_AREAS = frozenset({Area.MEMBERSHIP, Area.BLOBS})
"""What workers ask of a coordinator."""
_SHOW_ONE = "Send a valid key or token: Authorization: Bearer ..."


class KeyBook(Protocol):
    """Where keys are looked up, each time anew: a revoked key ends at once."""

    async def find_key(self, presented: bytes) -> Principal | None:
        """Return whose key this is; None when it is unknown, wrong or expired."""

    async def find_university(self, code: str) -> str | None:
        """Return the id of the university of a code, None without one."""


def worker_gate(token: SecretStr | None) -> Gate | None:
    """Return the gate of a worker: everything but health needs the token."""
    if token is None:
        return None
    accepted = _encoded(token)

    def gate(scope: Scope) -> None:
        path: str = scope["path"]
        if path != "/" and not path.startswith(_OPEN_PATHS):
            require_token(scope, [accepted])

    return gate


def require_token(scope: Scope, accepted: Iterable[bytes]) -> None:
    """Turn a request away that does not show one of the tokens.

    Raises
    ------
    Unauthenticated
        When it shows none, or another one.
    """
    presented = _presented(scope)
    # Every token is compared, so that time tells nothing.
    matches = [hmac.compare_digest(presented or b"", token) for token in accepted]
    if presented is None or not any(matches):
        raise Unauthenticated("Send a valid token: Authorization: Bearer ...")
    # From here on it is known who asks, also for whoever counts requests.
    scope.setdefault("state", {})[IS_KNOWN] = True


@dataclass(frozen=True, slots=True)
class CoordinatorGate:
    """Finds out who asks, and lets them do what their role and key allow: all routes.

    Workers must show who they are as soon as any token is set: who wants clients to
    show who they are does not want strangers to take their tasks or to read and write
    what these are made of. Everything else is open until it is required.

    Parameters
    ----------
    api_token, worker_token : what operators and the fleet may show in place of a key.
    is_required : nobody gets in without a key or token.
    has_parent : the fleet's token also opens what a parent asks of a member.
    keys : where keys are looked up; None where there are none.
    """

    api_token: SecretStr | None = None
    worker_token: SecretStr | None = None
    is_required: bool = False
    has_parent: bool = False
    keys: KeyBook | None = None
    _tokens: list[tuple[bytes, Principal]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if self.api_token is not None:
            self._tokens.append((_encoded(self.api_token), TOKEN))
        if self.worker_token is not None:
            self._tokens.append((_encoded(self.worker_token), self._worker()))

    def _worker(self) -> Principal:
        scopes = ROLE_SCOPES[Role.WORKER]
        if self.has_parent:
            scopes |= {f"{Area.RUNNING}:read", f"{Area.RUNNING}:write"}
        return Principal("worker", Role.WORKER, scopes)

    async def __call__(
        self, scope: Scope, access: Access, params: Mapping[str, str]
    ) -> None:
        """Let a request pass, or turn it away.

        Raises
        ------
        Unauthenticated
            When it must say who it is and does not; a key that is wrong, expired or
            revoked is the same as none.
        NotFound
            When it is about a university that it may not see.
        Forbidden
            When its role or its key does not reach so far.
        """
        needed = access.scope(scope["method"])
        if needed is None:
            return
        principal = await self._identify(scope, access)
        scope["state"]["principal"] = principal
        if principal is not LOCAL:
            scope["state"][IS_KNOWN] = True
        if principal.university_id is not None:
            if UNIVERSITY in params:
                await self._require_own(principal.university_id, params[UNIVERSITY])
            elif not access.limits_itself:
                raise Forbidden("This needs a key that is not of one university.")
        if needed not in principal.scopes:
            raise Forbidden(f"This needs the scope {needed}.")

    async def admit_stranger(self, scope: Scope) -> None:
        """Let somebody learn that there is nothing at an address.

        Raises
        ------
        Unauthenticated
            When they must say who they are and do not.
        """
        await self._identify(scope, _NOWHERE)

    async def _identify(self, scope: Scope, access: Access) -> Principal:
        presented = _presented(scope)
        if presented is not None:
            found = self._bearer(presented)
            if found is None and presented.startswith(KEY_PREFIX):
                if self.keys is not None:
                    found = await self.keys.find_key(presented)
                if found is None:
                    # Whoever shows a key means it: without it, nothing is open either.
                    raise Unauthenticated(_SHOW_ONE)
            if found is not None:
                return found
        if self.is_asking(access):
            raise Unauthenticated(_SHOW_ONE)
        return LOCAL

    def is_asking(self, access: Access) -> bool:
        """Tell whether a route that needs this is closed without a key or token."""
        is_for_workers = access.area in _WORKER_AREAS and bool(self._tokens)
        return access.area is not None and (self.is_required or is_for_workers)

    def _bearer(self, presented: bytes) -> Principal | None:
        # Every token is compared, so that time tells nothing.
        matches = [
            principal
            for token, principal in self._tokens
            if hmac.compare_digest(presented, token)
        ]
        return matches[0] if matches else None

    async def _require_own(self, own_id: str, key: str) -> None:
        """Refuse another university with the words for one that is not there."""
        if key != own_id and (
            self.keys is None or await self.keys.find_university(key) != own_id
        ):
            raise NotFound(f"There is no university {key!r}.")


_NOWHERE = Access(Area.CATALOGUE)


def _presented(scope: Scope) -> bytes | None:
    """Return the bearer token that a request shows, None without one."""
    scheme, _, shown = (header(scope, b"authorization") or "").partition(" ")
    return shown.strip().encode("latin-1") if scheme.lower() == "bearer" else None


def _encoded(token: SecretStr) -> bytes:
    return token.get_secret_value().encode()
