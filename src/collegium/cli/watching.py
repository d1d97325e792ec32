"""A bar while something is computed in this process, which Ctrl-C ends early."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def watched(
    what: str, seconds: float | None, *, is_quiet: bool
) -> Iterator[Callable[[], bool]]:
    """Yield what to ask whether to go on; it moves the bar, and Ctrl-C makes it no.

    Parameters
    ----------
    what : what is being done.
    seconds : how long it may take; None when nobody knows.
    is_quiet : show nothing.
    """
    begun_s = time.monotonic()
    is_wanted = True

    def stop(*_: Any) -> None:
        nonlocal is_wanted
        is_wanted = False

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=is_quiet,
    )
    bar = progress.add_task(what, total=seconds)

    def goes_on() -> bool:
        if seconds is not None:
            progress.update(bar, completed=time.monotonic() - begun_s)
        return is_wanted

    before = signal.signal(signal.SIGINT, stop)
    try:
        with progress:
            yield goes_on
    finally:
        signal.signal(signal.SIGINT, before)
