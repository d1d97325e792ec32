"""Entity tags and the conditions that requests set on them (RFC 9110, section 13)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.types import Scope

from collegium.errors import PreconditionFailed, PreconditionRequired, Unreadable
from collegium.rest.headers import header

_TAG = re.compile(r'\s*(?:(W/)?("[\x21\x23-\x7e\x80-\xff]*"))?\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class TagList:
    """The value of an If-Match or If-None-Match header.

    Parameters
    ----------
    strong : strong tags, quotes included.
    weak : what stands behind ``W/``, quotes included.
    any : the value was ``*``.
    """

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    any: bool = False

    @classmethod
    def parse(cls, text: str, field: str) -> TagList:
        """Read a header's value.

        Raises
        ------
        Unreadable
            When it is neither ``*`` nor a list of entity tags.
        """
        if text.strip() == "*":
            return cls(any=True)
        strong: set[str] = set()
        weak: set[str] = set()
        position = 0
        while position < len(text):
            match = _TAG.match(text, position)
            if match is None:
                raise Unreadable(f"{field} is not a list of entity tags.")
            position = match.end()
            if match[2] is not None:
                (weak if match[1] else strong).add(match[2])
        if not strong and not weak:
            raise Unreadable(f"{field} names no entity tag.")
        return cls(frozenset(strong), frozenset(weak))

    def matches_strongly(self, etag: str | None) -> bool:
        """Compare as If-Match does; ``etag`` is None when there is no resource."""
        return etag is not None and (self.any or etag in self.strong)

    def matches_weakly(self, etag: str | None) -> bool:
        """Compare as If-None-Match does."""
        if etag is None:
            return False
        return self.any or etag in self.strong or etag in self.weak


def is_not_modified(scope: Scope, etag: str) -> bool:
    """Tell whether a GET or HEAD already has the representation of this tag."""
    text = header(scope, b"if-none-match")
    if text is None:
        return False
    if text == etag:
        return True
    return TagList.parse(text, "If-None-Match").matches_weakly(etag)


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The conditions under which a write may happen."""

    if_match: TagList | None = None
    if_none_match: TagList | None = None

    @classmethod
    def of(cls, scope: Scope) -> Preconditions:
        """Read the conditions of a request.

        Raises
        ------
        Unreadable
            When a header is not a list of entity tags.
        """
        match = header(scope, b"if-match")
        none_match = header(scope, b"if-none-match")
        return cls(
            None if match is None else TagList.parse(match, "If-Match"),
            None if none_match is None else TagList.parse(none_match, "If-None-Match"),
        )

    def __call__(self, etag: str | None) -> None:
        """Let a write pass or stop it.

        Parameters
        ----------
        etag : of the present state; None when the resource does not exist yet.

        Raises
        ------
        PreconditionFailed
            When a condition does not hold; also If-Match where nothing exists.
        PreconditionRequired
            When something exists and the request sets no condition.
        """
        if self.if_match is not None:
            if not self.if_match.matches_strongly(etag):
                raise PreconditionFailed(
                    "The resource is not (or no longer) what If-Match says: "
                    "read it again and repeat the change with its new ETag."
                )
        elif etag is not None and self.if_none_match is None:
            raise PreconditionRequired(
                "Send If-Match with the ETag of the state that this changes "
                "(the ETag header of a GET), so that no other change gets lost."
            )
        if self.if_none_match is not None and self.if_none_match.matches_weakly(etag):
            raise PreconditionFailed("The resource exists already.")
