"""A server's side of one HTTP/1.1 connection: bounded, and clear about bad framing.

The server's own protocol class waits for ever for the end of a header, keeps whatever
comes until then, and answers what it cannot parse with plain text.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
import uuid_utils
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collegium.errors import CollegiumError, Unreadable
from collegium.rest.guards import SECURITY_FIELDS
from collegium.rest.problems import (
    MEDIA_TYPE,
    HeadersTooLarge,
    HeaderTooSlow,
    MethodUnknown,
    problem_body,
)
from collegium.rest.routing import KNOWN_METHODS

HEADER_READ_S = 20.0
"""Longest time from a connection, or a request's first byte, to its header's end."""
HEADER_BYTES = 64 * 2**10
"""Most bytes that are read of a header; the answer to less says more."""

_METHOD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ")
_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 501: b"Not Implemented"}
_REASONS[431] = b"Request Header Fields Too Large"


class Connection(HttpToolsProtocol):
    """Reads requests from one connection."""

    _header_timer: asyncio.TimerHandle | None = None
    _is_in_header = True
    _header_size = 0
    _first = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._cancel_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a header that is too long or takes too long ends the connection."""
        self._first = data[:34]
        super().data_received(data)
        if not self._is_in_header:
            if self._header_timer is not None:
                self._cancel_timer()
            return
        self._header_size += len(data)
        if self._header_size > HEADER_BYTES:
            self._refuse(HeadersTooLarge(f"A header may have {HEADER_BYTES} bytes."))
        elif self._header_timer is None:
            self._expect_header()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._is_in_header = True
        self._header_size = 0

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._is_in_header = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed."""
        method = _METHOD.match(self._first)
        if method is not None and method[1].decode() not in KNOWN_METHODS:
            self._refuse(MethodUnknown("This server does not know the method."))
        else:
            self._refuse(Unreadable("This is not an HTTP/1.1 request."))

    def _expect_header(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_READ_S, self._header_late)

    def _cancel_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _header_late(self) -> None:
        self._header_timer = None
        if self._header_size == 0:
            self.transport.close()
        elif self._is_in_header:
            self._refuse(
                HeaderTooSlow(f"A header must arrive within {HEADER_READ_S:g} s.")
            )

    def _refuse(self, error: CollegiumError) -> None:
        """Send a problem of our own and end the connection."""
        self._cancel_timer()
        if self.transport.is_closing():
            return
        if self._may_answer():
            self.transport.write(_refusal(error))
        self.transport.close()

    def _may_answer(self) -> bool:
        """Tell whether an answer now would be to the request that is at fault."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        is_its_body = cycle.more_body and not self.pipeline
        return is_its_body and not cycle.response_started


def _refusal(error: CollegiumError) -> bytes:
    request_id = str(uuid_utils.uuid7())
    body: dict[str, Any] = problem_body(error, request_id=request_id)
    content = msgspec.json.encode(body)
    status: int = body["status"]
    fields = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *SECURITY_FIELDS,
    ]
    head = b"HTTP/1.1 %d %b\r\n" % (status, _REASONS[status])
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    return head + lines + b"\r\n" + content
