"""Counters of many sources, merged so that any order and any repetition is the same.

Each source counts only its own events, as totals of one incarnation. Merging takes the
larger value of each counter, which is commutative, associative and idempotent: lost,
late and repeated reports do no harm, and every observer ends with the same sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

Key = tuple[str, str]
"""A source and its incarnation; never folded into one, or a repetition would count."""
MOST_KEYS = 200_000
OF_SUMMARIES = ("tasks_refused", "tasks_repeated")
"""What a coordinator counts of itself, and none of its workers counts too."""


class Statistics:
    """State-based replicated counters.

    Parameters
    ----------
    most : sources and incarnations that are kept; of more, nothing is taken in.
    """

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._counters: dict[str, dict[str, dict[str, int]]] = {}
        self._summaries: set[str] = set()
        self._most = most
        self._count = 0

    def report(
        self,
        source: str,
        incarnation: str,
        counters: Mapping[str, int],
        *,
        is_summary: bool = False,
    ) -> None:
        """Take in a report: absolute totals of one incarnation of a source.

        Parameters
        ----------
        is_summary : True when other sources, which are reported too, count the same
            tasks: then this one is left out of the sum.
        """
        known = self._counters.get(source, {}).get(incarnation)
        if known is None:
            if self._count >= self._most:
                return
            self._count += 1
            known = self._counters.setdefault(source, {}).setdefault(incarnation, {})
        if is_summary:
            self._summaries.add(source)
        for name, value in counters.items():
            if value > known.get(name, 0):
                known[name] = value

    def merge(self, other: Statistics) -> None:
        """Take in everything that another observer knows."""
        for (source, incarnation), counters in other.state().items():
            is_summary = other.is_summary(source)
            self.report(source, incarnation, counters, is_summary=is_summary)

    def is_summary(self, source: str) -> bool:
        """Tell whether what a source counts is counted by others as well."""
        return source in self._summaries

    def of(self, source: str) -> dict[str, int]:
        """Return the totals of a source over all its incarnations."""
        total: Counter[str] = Counter()
        for counters in self._counters.get(source, {}).values():
            total.update(counters)
        return dict(total)

    def by_source(self) -> dict[str, dict[str, int]]:
        """Return the totals of every source."""
        return {source: self.of(source) for source in self._counters}

    def total(self) -> dict[str, int]:
        """Return the totals over all sources, each task counted once."""
        total: Counter[str] = Counter()
        for source in self._counters:
            counters = self.of(source)
            if source in self._summaries:
                counters = {n: v for n, v in counters.items() if n in OF_SUMMARIES}
            total.update(counters)
        return dict(total)

    def state(self) -> dict[Key, dict[str, int]]:
        """Return a copy of everything, by source and incarnation."""
        return {
            (source, incarnation): dict(counters)
            for source, incarnations in self._counters.items()
            for incarnation, counters in incarnations.items()
        }
