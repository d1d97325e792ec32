"""What every peer is made to do; found by name in the peer's worker processes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

BEAT_S = 0.01


def echo(value: Any) -> Any:
    """Return what came in."""
    return value


def nap(seconds: float) -> float:
    """Hold a slot for a time, without using the processor."""
    time.sleep(seconds)
    return seconds


def note(number: int, seconds: float, log: str) -> int:
    """Write down that this task started, hold the slot, return its number.

    Parameters
    ----------
    number : of the task.
    seconds : how long it holds the slot.
    log : file that gets one line for every execution, also the superfluous ones.
    """
    line = f"{number}\n".encode()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line)  # one write, so that lines of processes never mix
    finally:
        os.close(descriptor)
    time.sleep(seconds)
    return number


def beat(seconds: float, file: str) -> float:
    """Compute for a time, and touch a file at each turn as a sign of life."""
    sign = Path(file)
    end_s = time.monotonic() + seconds
    while (now_s := time.monotonic()) < end_s:
        sign.touch()
        while time.monotonic() < now_s + BEAT_S:
            pass
    return seconds


TASKS = {function.__name__: function for function in (echo, nap, note, beat)}
