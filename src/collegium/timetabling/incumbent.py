"""The best timetable of a search, copied only when it is about to be left."""

from __future__ import annotations

from collegium.timetabling.arrays import (
    AT_ROOM_ROW,
    AT_TIME_ROW,
    BEST_COSTS,
    BEST_HARD,
    BEST_SOFT,
    HARD_COUNT,
    SOFT_COST,
    UNSAVED,
    State,
)
from collegium.timetabling.compiled import compiled, inlined


@inlined
def note_best(s: State) -> None:
    """Note that the present timetable is the best so far, if it is."""
    hard, soft = s.totals[HARD_COUNT], s.totals[SOFT_COST]
    if hard < s.totals[BEST_HARD] or (
        hard == s.totals[BEST_HARD] and soft < s.totals[BEST_SOFT]
    ):
        s.totals[BEST_HARD] = hard
        s.totals[BEST_SOFT] = soft
        s.totals[UNSAVED] = 1
        for k in range(4):
            s.totals[BEST_COSTS + k] = s.totals[k]


@compiled
def save_best(s: State) -> None:
    """Copy the present timetable if it is a noted best; call before leaving it."""
    if s.totals[UNSAVED] == 1:
        s.totals[UNSAVED] = 0
        for c in range(len(s.at)):
            s.best_at[c, 0] = s.at[c, AT_TIME_ROW]
            s.best_at[c, 1] = s.at[c, AT_ROOM_ROW]
        for seat in range(len(s.enrolled)):
            s.best_enrolled[seat] = s.enrolled[seat]
