"""Messages between a process that serves HTTP and the processes that do the work.

A frame is the length of its body in four bytes, little endian, then the body in
MessagePack. The peer is a process of our own on the same socket pair, so nothing here
guards against a hostile one; the length is bounded against a corrupted one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from collegium.errors import Malformed

LARGEST_BODY = 1 << 30
_LENGTH = struct.Struct("<I")


class Run(msgspec.Struct, tag=True):
    """Do this task. ``blobs`` maps each hash to the file that holds its bytes."""

    id: str
    workload: str
    input: bytes
    blobs: dict[str, str]
    deadline_s: float


class Stop(msgspec.Struct, tag=True):
    """Stop working on this task."""

    id: str


class Progress(msgspec.Struct, tag=True):
    """How far a task is."""

    id: str
    progress: dict[str, Any]


class Done(msgspec.Struct, tag=True):
    """A task has its result."""

    id: str
    output: bytes
    seconds: float
    resident_bytes: int


class Failed(msgspec.Struct, tag=True):
    """A task has ended without a result; ``error`` is the class of the error."""

    id: str
    error: str
    detail: str
    seconds: float
    resident_bytes: int


class Fork(msgspec.Struct, tag=True):
    """Make a child that serves the socket passed along with this frame."""


class Kill(msgspec.Struct, tag=True):
    """Kill this child."""

    pid: int


class Ready(msgspec.Struct, tag=True):
    """The fork server has imported and warmed up everything."""

    workloads: list[str]


class Forked(msgspec.Struct, tag=True):
    """The child asked for, in the order of asking."""

    pid: int


class Exited(msgspec.Struct, tag=True):
    """A child is gone and reaped; ``code`` is negative for the signal it died of."""

    pid: int
    code: int


Message = Run | Stop | Progress | Done | Failed | Fork | Kill | Ready | Forked | Exited

_decoder = msgspec.msgpack.Decoder(Message)
_encoder = msgspec.msgpack.Encoder()


def encode(message: Message) -> bytes:
    """Return the frame of a message."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Cuts a stream of bytes into messages, however the bytes are split up."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield every message that is complete with ``data``.

        Raises
        ------
        Malformed
            When the stream cannot be ours.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > LARGEST_BODY:
                raise Malformed("A frame between processes has an impossible length.")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            try:
                message = _decoder.decode(body)
            except msgspec.DecodeError as error:
                raise Malformed("A frame between processes is damaged.") from error
            yield message
