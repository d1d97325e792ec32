"""When something is, as people type it in a shell."""

from __future__ import annotations

import re
from typing import Any

from collegium.errors import Malformed
from collegium.timetabling.problem import Problem

_LETTERS = "MTWRFSU"
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)")
_MINUTES_A_DAY = 24 * 60


def split(text: str, problem: Problem) -> tuple[str, dict[str, Any]]:
    """Return what is meant and when, said as ``ID`` or ``ID=DAYS,START-END[,WEEKS]``.

    Days are 0 and 1, or letters of MTWRFSU; start and end are slots, or times of the
    day as in 08:00; weeks are 0 and 1. Without a time it is always.

    Returns
    -------
    The id, and days, start, length and weeks as ITC-2019 has them.

    Raises
    ------
    Malformed
        When it cannot be understood, or does not fit the problem.
    """
    id_, equals, when = text.rpartition("=")
    parts = when.split(",")
    if not equals:
        days = "1" * problem.n_days
        return text, {"days": days, "start": 0, "length": problem.slots_per_day}
    if len(parts) not in (2, 3) or "-" not in parts[1]:
        raise Malformed(f"{text}: not of the form ID=DAYS,START-END[,WEEKS]")
    start, end = (_slot(part, problem, text) for part in parts[1].split("-", 1))
    if end <= start:
        raise Malformed(f"{text}: ends before it begins")
    return id_, {
        "days": _day_bits(parts[0], problem, text),
        "start": start,
        "length": end - start,
        **({"weeks": _bits(parts[2], text)} if len(parts) == 3 else {}),
    }


def _slot(text: str, problem: Problem, whole: str) -> int:
    """Return a slot said as its number or by the clock."""
    clock = _CLOCK.fullmatch(text)
    if clock:
        minutes = int(clock[1]) * 60 + int(clock[2])
        slot, rest = divmod(minutes * problem.slots_per_day, _MINUTES_A_DAY)
        if rest:
            raise Malformed(f"{whole}: no slot begins at {text}")
        return slot
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Malformed(f"{whole}: {text!r} is neither a slot nor a time of the day")
    return int(text)


def _day_bits(text: str, problem: Problem, whole: str) -> str:
    if text and set(text) <= set(_LETTERS):
        wanted = {_LETTERS.index(letter) for letter in text}
        if max(wanted) >= problem.n_days:
            raise Malformed(f"{whole}: there are {problem.n_days} days")
        return "".join("01"[day in wanted] for day in range(problem.n_days))
    return _bits(text, whole)


def _bits(text: str, whole: str) -> str:
    if not re.fullmatch("[01]+", text):
        raise Malformed(f"{whole}: {text!r} is not of 0 and 1, nor of {_LETTERS}")
    return text
