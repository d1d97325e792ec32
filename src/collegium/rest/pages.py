"""Walk through collections page by page, without counting or skipping rows."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from collegium.errors import Malformed
from collegium.rest.answers import REVALIDATE, Answer, Represented
from collegium.rest.etag import is_not_modified

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
KEPT_BYTES = 16 * 2**20
"""Bodies of pages that are kept: some six hundred pages of fifty courses."""
_SEAL_BYTES = 8
# Names of plain letters, and values that need no other writing.
_PLAIN_QUERY = re.compile(r"(?:[a-z_]+=[\w.,:~+%-]*(?:&|$))*", re.ASCII)
_IN_PATHS = "/:@!$&'()*+,;=~"


class PageQuery(BaseModel):
    """How to walk through a collection.

    A noun's own query narrows ``sort`` to the columns that can be sorted by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sort: str = "code"

    limit: int = Field(
        default=DEFAULT_LIMIT,
        ge=1,
        le=LARGEST_LIMIT,
        description="Number of items on a page.",
    )
    cursor: str | None = Field(
        default=None,
        max_length=1024,
        description="Where the page begins: taken from a link, never made up.",
    )


class Position(msgspec.Struct, array_like=True, frozen=True):
    """Where a page begins.

    Parameters
    ----------
    values : sort values and id of the last item before the page.
    is_backward : the page ends there instead, and is read against the order.
    walk : what the walk is through; a cursor does not fit another order or filter.
    """

    values: tuple[str | int | float, ...]
    is_backward: bool
    walk: str


class CursorSeal:
    """Makes cursors from positions, and positions from cursors that it made.

    Parameters
    ----------
    key : secret that all coordinators of one database share.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def close(self, position: Position) -> str:
        """Return the cursor of a position."""
        raw = msgspec.json.encode(position)
        return base64.urlsafe_b64encode(self._seal(raw) + raw).rstrip(b"=").decode()

    def open(self, cursor: str, *, walk: str) -> Position:
        """Return the position of a cursor.

        Raises
        ------
        Malformed
            When the cursor was not made here, or for another walk.
        """
        fault = Malformed(
            "Take the cursor from a link of a page of the same collection, with the "
            "same order and filter.",
            pointers={"/cursor": "not a cursor of this collection"},
        )
        try:
            sealed = base64.b64decode(
                cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True
            )
        except (binascii.Error, ValueError):
            raise fault from None
        seal, raw = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(raw)):
            raise fault
        position = msgspec.json.decode(raw, type=Position)
        if position.walk != walk:
            raise fault
        return position

    def _seal(self, raw: bytes) -> bytes:
        return hashlib.blake2b(raw, key=self._key, digest_size=_SEAL_BYTES).digest()


class Page(Protocol):
    """Some items of a collection, in order."""

    @property
    def etag(self) -> str:
        """Tag of the collection's state."""

    @property
    def items(self) -> list[Any]:
        """The items; each can be represented."""

    def edge(self, item: Any) -> tuple[str | int | float, ...]:
        """Return where an item stands in the order."""

    has_before: bool
    has_after: bool


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of the pages around one."""

    first: str
    prev: str | None
    next: str | None

    def header(self) -> bytes:
        """Return the value of the Link header (RFC 8288)."""
        named = (("first", self.first), ("prev", self.prev), ("next", self.next))
        return ", ".join(f'<{url}>; rel="{rel}"' for rel, url in named if url).encode()


def links(request: Request, page: Page, seal: CursorSeal, *, walk: str) -> Links:
    """Return the addresses around a page, other query parameters kept."""
    path = request.scope.get("root_path", "") + quote(request.scope["path"], _IN_PATHS)
    kept = _without_cursor(request)

    def address(cursor: str | None) -> str:
        # A cursor has only characters that stand for themselves.
        query = kept if cursor is None else f"{kept}&cursor={cursor}".lstrip("&")
        return f"{path}?{query}" if query else path

    def beside(item: Any, *, is_backward: bool) -> str:
        return address(seal.close(Position(page.edge(item), is_backward, walk)))

    items = page.items
    return Links(
        first=address(None),
        prev=beside(items[0], is_backward=True) if page.has_before else None,
        next=beside(items[-1], is_backward=False) if page.has_after else None,
    )


def _without_cursor(request: Request) -> str:
    """Return the query without its cursor, written so that it can stand in a header."""
    query: str = request.scope["query_string"].decode("latin-1")
    if _PLAIN_QUERY.fullmatch(query):
        return "&".join(p for p in query.split("&") if not p.startswith("cursor="))
    items = request.query_params.multi_items()
    return urlencode([(k, v) for k, v in items if k != "cursor"])


@dataclass(frozen=True, slots=True)
class WrittenPage:
    """A page as it goes to clients.

    Parameters
    ----------
    etag : of the state of the collection that it shows.
    link : value of the Link header.
    body : its JSON.
    """

    etag: str
    link: bytes
    body: bytes

    def answer(self, cache_control: bytes = REVALIDATE) -> Answer:
        """Answer a GET of the collection with this page."""
        fields = [
            (b"etag", self.etag.encode()),
            (b"cache-control", cache_control),
            (b"content-type", b"application/json"),
            (b"link", self.link),
        ]
        return Answer(200, self.body, fields)


class WrittenPages:
    """The pages that were asked for last, each for the state that it shows.

    A page is found by its whole address and the present tag of its collection, which
    is read from the database each time; so it is never older than the collection.

    Parameters
    ----------
    size_bytes : of all bodies together, at most.
    """

    def __init__(self, size_bytes: int = KEPT_BYTES) -> None:
        self._limit_bytes = size_bytes
        self._size_bytes = 0
        self._pages: OrderedDict[tuple[str, ...], WrittenPage] = OrderedDict()

    def find(self, key: tuple[str, ...]) -> WrittenPage | None:
        """Return the page of an address and a state, if it is still kept."""
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    def keep(self, key: tuple[str, ...], page: WrittenPage) -> None:
        """Keep a page, and let go of those that were not asked for the longest."""
        before = self._pages.pop(key, None)
        self._size_bytes += len(page.body) - (len(before.body) if before else 0)
        self._pages[key] = page
        while self._size_bytes > self._limit_bytes:
            _, oldest = self._pages.popitem(last=False)
            self._size_bytes -= len(oldest.body)


def written(page: Page, around: Links) -> WrittenPage:
    """Return a page as it goes to clients."""
    items: list[Represented] = page.items
    ends = msgspec.json.encode({"next": around.next, "prev": around.prev})
    body = b'{"items":[%b],%b' % (b",".join(i.to_json() for i in items), ends[1:])
    return WrittenPage(page.etag, around.header(), body)


def paged(page: Page, around: Links, *, cache_control: bytes = REVALIDATE) -> Answer:
    """Answer a GET of a collection with one page of it."""
    return written(page, around).answer(cache_control)


def not_modified(
    request: Request, etag: str, *, cache_control: bytes = REVALIDATE
) -> Answer | None:
    """Answer 304 when the client has this state of the collection already."""
    if not is_not_modified(request.scope, etag):
        return None
    fields = [(b"etag", etag.encode()), (b"cache-control", cache_control)]
    return Answer(304, b"", fields)
