"""Which of many meetings clash, one against all the rest at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collegium.timetabling.problem import Room
from collegium.timetabling.validate.placed import Meeting


class Calendar:
    """Meetings as arrays, so that one is compared with thousands in microseconds.

    Parameters
    ----------
    meetings : those to compare, in the order in which they are spoken of.
    """

    def __init__(self, meetings: Sequence[Meeting]) -> None:
        self._days = np.array([m.days for m in meetings], np.int64)
        self._weeks = np.array([m.weeks for m in meetings], np.int64)
        self._start = np.array([m.start for m in meetings], np.int64)
        self._end = np.array([m.end for m in meetings], np.int64)

    def clashes_later(
        self, position: int, walk: NDArray[np.int64] | int = 0
    ) -> NDArray[np.bool_]:
        """Return which of those after this one clash with it, (n - position - 1,).

        Parameters
        ----------
        walk : slots needed in between, one for all or (n - position - 1,) of them.
        """
        later = slice(position + 1, None)
        clash = (self._days[later] & self._days[position] != 0) & (
            self._weeks[later] & self._weeks[position] != 0
        )
        clash &= self._start[later] < self._end[position] + walk
        clash &= self._start[position] < self._end[later] + walk
        return clash


class Walks:
    """Slots of walking between the rooms of many meetings.

    Parameters
    ----------
    rooms : all rooms of the problem.
    meetings : in the order in which they are spoken of; no room is near to all.
    """

    def __init__(self, rooms: Sequence[Room], meetings: Sequence[Meeting]) -> None:
        nowhere = len(rooms)
        self._room = np.array(
            [nowhere if m.room is None else m.room for m in meetings], np.int64
        )
        self._slots: NDArray[np.int64] = np.zeros((nowhere + 1, nowhere + 1), np.int64)
        for here, room in enumerate(rooms):
            for there, slots in room.travel.items():
                self._slots[here, there] = slots

    def later(self, position: int) -> NDArray[np.int64]:
        """Return the slots from this meeting's room to those after it."""
        row: NDArray[np.int64] = self._slots[self._room[position]]
        return row[self._room[position + 1 :]]
