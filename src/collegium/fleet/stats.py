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


class Statistics:
    """State-based replicated counters."""

    def __init__(self) -> None:
        self._counters: dict[str, dict[str, dict[str, int]]] = {}

    def report(
        self, source: str, incarnation: str, counters: Mapping[str, int]
    ) -> None:
        """Take in a report: absolute totals of one incarnation of a source."""
        known = self._counters.setdefault(source, {}).setdefault(incarnation, {})
        for name, value in counters.items():
            if value > known.get(name, 0):
                known[name] = value

    def merge(self, other: Statistics) -> None:
        """Take in everything that another observer knows."""
        for (source, incarnation), counters in other.state().items():
            self.report(source, incarnation, counters)

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
        """Return the totals over all sources."""
        total: Counter[str] = Counter()
        for source in self._counters:
            total.update(self.of(source))
        return dict(total)

    def state(self) -> dict[Key, dict[str, int]]:
        """Return a copy of everything, by source and incarnation."""
        return {
            (source, incarnation): dict(counters)
            for source, incarnations in self._counters.items()
            for incarnation, counters in incarnations.items()
        }
