"""Freed classes that would meet in one room, as sets of which one may be chosen.

For a room and a moment, at most one of the placements that cover the moment is
chosen. It is enough to look at the moments at which a placement begins.
"""

from __future__ import annotations

import numpy as np

from collegium.timetabling.arrays import DAYS, END, I32, I64, START, U8, WEEKS, Model
from collegium.timetabling.compiled import compiled
from collegium.timetabling.exact.coupling import hashed


@compiled
def room_exclusions(m: Model, times: I32, owners: I32) -> tuple[I32, I32]:
    """List the sets of placements of one room that share a moment.

    Parameters
    ----------
    times : (n,) the time of each placement; owners : (n,) its class.

    Returns
    -------
    numbers of placements in all sets and where each set begins; sets with one
    class only are left out, and so is a set whose moment was seen with the same
    placements.
    """
    seen = np.zeros(0, np.uint64)
    found = np.empty(0, np.int32)
    ends = np.zeros(1, np.int32)
    for weeks in _week_atoms(m, times):
        for day in range(7):
            for start in _starts(m, times, weeks, day):
                inside = _inside(m, times, weeks, day, start)
                name = _name(inside, owners)
                if name != 0 and not np.any(seen == name):
                    seen = np.append(seen, name)
                    found = np.concatenate(
                        (found, np.flatnonzero(inside).astype(np.int32))
                    )
                    ends = np.append(ends, np.int32(len(found)))
    return found, ends


@compiled
def _starts(m: Model, times: I32, weeks: int, day: int) -> I64:
    starts = np.zeros(0, np.int64)
    for a in range(len(times)):
        if _meets(m, times[a], weeks, day):
            starts = np.append(starts, m.times[times[a], START])
    return np.unique(starts)


@compiled
def _inside(m: Model, times: I32, weeks: int, day: int, slot: int) -> U8:
    """Mark the times that cover a slot."""
    inside = np.zeros(len(times), np.uint8)
    for a in range(len(times)):
        t = times[a]
        if m.times[t, START] <= slot < m.times[t, END] and _meets(m, t, weeks, day):
            inside[a] = 1
    return inside


@compiled
def _name(inside: U8, owners: I32) -> np.uint64:
    """Return a number for a set with two classes or more, 0 for others."""
    name = np.uint64(0)
    first, several = -1, False
    for a in range(len(inside)):
        if inside[a]:
            name += hashed(a)
            several |= first >= 0 and owners[a] != owners[first]
            first = a
    return name if several else np.uint64(0)


@compiled
def _meets(m: Model, t: int, weeks: int, day: int) -> bool:
    return m.times[t, WEEKS] & weeks != 0 and m.times[t, DAYS] >> day & 1 != 0


@compiled
def _week_atoms(m: Model, times: I32) -> I64:
    """Cut the weeks into sets that none of these times tells apart."""
    atoms = np.zeros(0, np.int64)
    everything = 0
    for t in times:
        everything |= m.times[t, WEEKS]
    atoms = np.append(atoms, everything)
    for t in times:
        weeks = m.times[t, WEEKS]
        for i in range(len(atoms)):
            inside = atoms[i] & weeks
            if inside != 0 and inside != atoms[i]:
                atoms = np.append(atoms, atoms[i] & ~weeks)
                atoms[i] = inside
    return atoms
