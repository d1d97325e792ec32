"""How long tasks of each kind take, as their answers tell."""

from __future__ import annotations

KEPT_SHARE = 0.9
"""Of a longer time this much is remembered with each shorter one."""


class Durations:
    """Peak averages of run times: one that takes long is remembered for some time.

    Parameters
    ----------
    short_s : seconds below which a kind of task is short.
    """

    def __init__(self, short_s: float) -> None:
        self._short_s = short_s
        self._run_s: dict[str, float] = {}

    def is_short(self, workload: str) -> bool:
        """Tell whether tasks of this kind have proved to be short."""
        return self._run_s.get(workload, self._short_s) < self._short_s

    def note(self, workload: str, seconds: float) -> None:
        """Take in how long a task has run."""
        known_s = self._run_s.get(workload, seconds)
        faded_s = KEPT_SHARE * known_s + (1.0 - KEPT_SHARE) * seconds
        self._run_s[workload] = max(seconds, faded_s)
