"""What people see of a running job on stderr: a line that renews itself, or a log."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

LOG_INTERVAL_S = 2.0
"""Between two lines where no terminal could renew one."""


class Display:
    """A progress bar with objective, violations and speed; without a terminal, lines.

    Parameters
    ----------
    budget_s : seconds of the whole job; None when it is not bounded by time.
    is_quiet : show nothing.
    """

    def __init__(self, budget_s: float | None, *, is_quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._is_log = not is_quiet and not self._console.is_terminal
        self._logged_s = -LOG_INTERVAL_S
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[news]}"),
            console=self._console,
            disable=is_quiet or self._is_log,
            refresh_per_second=5,
        )
        self._task = self._progress.add_task("starting", total=budget_s, news="")

    def __enter__(self) -> Display:
        """Begin to show."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the last state on the screen."""
        self._progress.stop()

    def show(self, progress: dict[str, Any]) -> None:
        """Show a timetable job's progress."""
        elapsed_s = progress.get("elapsed_s", 0.0)
        if self._is_log and elapsed_s - self._logged_s >= LOG_INTERVAL_S:
            self._logged_s = elapsed_s
            self._console.print(f"{elapsed_s:.0f} s: {news(progress)}", soft_wrap=True)
        self._progress.update(
            self._task,
            description="solving",
            completed=elapsed_s,
            news=news(progress),
        )


def news(progress: dict[str, Any]) -> str:
    """Return a job's progress in words: the best that has been checked, and speed."""
    live: list[dict[str, Any]] = progress.get("live") or []
    parts = []
    best = _best(progress, live)
    if best is None:
        parts.append("no timetable yet")
    else:
        violations, objective = best
        parts.append(f"objective {objective:,}")
        parts.append(f"{violations:,} violations" if violations else "feasible")
    speed = sum(one.get("moves_per_s") or 0 for one in live)
    if speed:
        parts.append(f"{speed:,} moves/s")
    if progress.get("running"):
        parts.append(f"{progress['running']} at work")
    return ", ".join(parts)


def _best(
    progress: dict[str, Any], live: list[dict[str, Any]]
) -> tuple[int, int] | None:
    """Return violations and objective of the best, checked or still claimed."""
    known = [one for one in (progress, *live) if one.get("objective") is not None]
    if not known:
        return None
    return min((one["violations"], one["objective"]) for one in known)
