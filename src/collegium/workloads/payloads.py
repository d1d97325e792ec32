"""How problems and solutions travel, and what a process remembers of them."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

from collegium.errors import Invalid, Malformed, TaskFailed, TooLarge
from collegium.timetabling.itc2019 import read_problem
from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import Solution
from collegium.workloads.base import TaskContext

SOLUTION_LIMIT_BYTES = 64 << 20
"""Of the JSON of one solution; the largest public instance takes about 2 MiB."""
PROBLEMS_KEPT = 3
"""What one process remembers of each kind; the largest takes some 100 MiB."""
_GZIP_WINDOW_BITS = 31
_FAST = 1

Made = TypeVar("Made")


def pack(solution: Solution) -> bytes:
    """Return a solution as gzip-compressed JSON; equal solutions give equal bytes."""
    squeeze = zlib.compressobj(_FAST, wbits=_GZIP_WINDOW_BITS)
    return squeeze.compress(solution.to_json()) + squeeze.flush()


def unpack(data: bytes, problem: Problem) -> Solution:
    """Read what ``pack`` wrote, trusting nothing.

    Raises
    ------
    Malformed
        When it is damaged, or no solution of this problem.
    TooLarge
        When it unpacks to more than the limit.
    """
    stretch = zlib.decompressobj(wbits=_GZIP_WINDOW_BITS)
    try:
        body = stretch.decompress(data, SOLUTION_LIMIT_BYTES + 1)
    except zlib.error as error:
        raise Malformed(f"Not a packed solution: {error}") from error
    if len(body) > SOLUTION_LIMIT_BYTES:
        raise TooLarge(f"A solution has at most {SOLUTION_LIMIT_BYTES} bytes.")
    if not stretch.eof:
        raise Malformed("Not a packed solution: its end is missing.")
    return Solution.from_json(body, problem)


def to_text(data: bytes) -> str:
    """Return bytes as text for JSON."""
    return base64.b64encode(data).decode()


def from_text(text: str) -> bytes:
    """Return the bytes that ``to_text`` was given.

    Raises
    ------
    Malformed
        When it is not such a text.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"Not base64: {error}") from error


def problem_of(context: TaskContext, sha256: str) -> Problem:
    """Return the problem of a blob, read once in a process.

    Raises
    ------
    TaskFailed
        When the blob is not a readable problem.
    """

    def read() -> Problem:
        try:
            return read_problem(context.blob(sha256))
        except Invalid as error:
            raise TaskFailed(f"The problem cannot be read: {error.detail}") from error

    return remembered(context, "problems", sha256, read)


def remembered(
    context: TaskContext, kind: str, key: str, make: Callable[[], Made]
) -> Made:
    """Return what this process made of a blob before, or make it now."""
    shelf: dict[str, Any] = context.memory.setdefault(kind, {})
    made: Made = shelf.pop(key) if key in shelf else make()
    shelf[key] = made  # the last used one stands last
    while len(shelf) > PROBLEMS_KEPT:
        del shelf[next(iter(shelf))]
    return made
