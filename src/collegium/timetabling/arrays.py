"""The arrays that the compiled solver works on, and the names of their columns.

``Model`` never changes after an instance was prepared and may be shared between
threads; ``State`` belongs to one search. Integers only: every cost is exact.
Rows that belong to one class (its times, rooms, pairs ...) stand together, and the
class's row in ``Model.classes`` says where they begin and end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collegium.timetabling.memory import (
    List32,
    List64,
    ListU64,
    Memory,
    Table16,
    Table32,
    Table64,
    TableU8,
    Whole,
)

I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

# Columns of Model.classes.
TIMES, TIMES_END = 0, 1
ROOMS, ROOMS_END = 2, 3
PAIRS, PAIRS_END = 4, 5
GROUPS, GROUPS_END = 6, 7
MATES = 8  # first row of State.mates
ROSTER = 9  # first place in State.roster
LIMIT = 10
PARENT = 11
ORDER = 12  # which subpart of its configuration, in the order of building
CONFIGURATION = 13
COURSE = 14
CLASS_COLUMNS = 15

# Columns of Model.times (what a time is) and of Model.class_times / class_rooms.
DAYS, START, END, WEEKS = 0, 1, 2, 3
WHICH, PENALTY = 0, 1

# Columns of Model.pairs.
OTHER, KIND, PARAMETER, SOFT, HARD, COPIES = 0, 1, 2, 3, 4, 5
PAIR_COLUMNS = 6

# Columns of Model.groups.
G_KIND, G_FIRST, G_SECOND, G_MEMBERS, G_MEMBERS_END = 0, 1, 2, 3, 4
G_ATOMS, G_ATOMS_END, G_CELLS, G_PENALTY, G_HARD = 5, 6, 7, 8, 9
GROUP_COLUMNS = 10
MAX_DAYS, MAX_DAY_LOAD, MAX_BREAKS, MAX_BLOCK = 0, 1, 2, 3  # values of G_KIND

# Columns of Model.requests (one row per student and requested course).
STUDENT, REQUESTED, SEATS, SEATS_END = 0, 1, 2, 3

# Columns of Model.courses, Model.configurations and Model.subparts.
C_CLASSES, C_CLASSES_END, C_REQUESTS, C_REQUESTS_END = 0, 1, 2, 3
FIRST, LAST = 0, 1

# Columns of State.at: where a class is now.
AT_TIME, AT_ROOM, AT_TIME_ROW, AT_ROOM_ROW = 0, 1, 2, 3

# Columns of State.mates: a class with common students, and how many they are.
MATE, JOINT = 0, 1

# Places in State.totals.
TIME_COST, ROOM_COST, DISTRIBUTION_COST, STUDENT_COST = 0, 1, 2, 3  # weighted
SOFT_COST, HARD_COUNT, PENALISED = 4, 5, 6  # sum of the four; pairs; with weights
BEST_COSTS = 7  # the first four of the best timetable
BEST_HARD, BEST_SOFT, UNSAVED = 11, 12, 13
EVALUATED, ACCEPTED = 14, 15
HARD_UNIT = 16  # what a hard violation costs at first
TOTALS = 17

# Places in Model.weights.
WEIGHT_TIME, WEIGHT_ROOM, WEIGHT_DISTRIBUTION, WEIGHT_STUDENT = 0, 1, 2, 3

# Places in State.shares.
SHARE_STUDENT, SHARE_PLACE, SHARE_SWAP, SHARE_FAMILY = 0, 1, 2, 3
SHARE_FOLLOWED, STUDENT_HEAT = 4, 5

NEVER_MEET, NO_MATES = -2, -1


class Model(Memory):
    """What is given: the instance, after preprocessing.

    Parameters
    ----------
    n_times : number of distinct times; row ``n_times`` of the tables is "no time".
    n_rooms : number of rooms; row ``n_rooms`` of the tables is "no room".
    weights : (4,) time, room, distribution, student.
    n_weeks : weeks, by which the Max* constraints divide.
    relation : ((n_times + 1) ** 2,) gap between two times in slots in the upper 16
        bits, the pair constraints that they break in the lower 16.
    times : (n_times + 1, 4) day set, start slot, end slot, week set.
    travel : (n_rooms + 1, n_rooms + 1) slots.
    closed : (n_rooms + 1, n_times + 1) 1 where the room is not to be had.
    classes : (n_classes, CLASS_COLUMNS).
    class_times, class_rooms : (n, 2) which time or room, unweighted penalty.
    pairs : (n, PAIR_COLUMNS) the other class and what the two must or should do.
    class_groups : (n,) the rows of ``groups`` that a class is in.
    groups : (n, GROUP_COLUMNS) the Max* constraints.
    members : (n,) classes of the groups.
    atoms : (n, 2) set of weeks that no time of the group tells apart, their number.
    movable : (n,) classes with more than one placement.
    kin : (n,) those of them that must or should share a time, days or a room.
    seats : (n_seats,) the request that a seat of ``State.enrolled`` belongs to.
    students : (n_students, 2) first and last seat.
    requests : (n_requests, 4).
    flexible : (n,) requests that can be met in more than one way.
    courses : (n_courses, 4).
    course_classes, course_requests : (n,) rows named by ``courses``.
    configurations : (n, 2) rows of ``subparts``; (n, 2) rows of ``subpart_classes``.
    """

    n_times: Whole
    n_rooms: Whole
    weights: List64
    n_weeks: Whole
    relation: List32
    times: Table64
    travel: Table32
    closed: TableU8
    classes: Table32
    class_times: Table32
    class_rooms: Table32
    pairs: Table32
    class_groups: List32
    groups: Table64
    members: List32
    atoms: Table64
    movable: List32
    kin: List32
    seats: List32
    students: Table32
    requests: Table32
    flexible: List32
    courses: Table32
    course_classes: List32
    course_requests: List32
    configurations: Table32
    subparts: Table32
    subpart_classes: List32


class State(Memory):
    """What a search changes.

    Parameters
    ----------
    at : (n_classes, 4) time, room, and their rows in class_times and class_rooms.
    cost : (n_classes,) penalised cost of a class: its penalties and all that it
        shares with one other class; the Max* constraints are not in it.
    in_room : (n_rooms, n) the classes in a room; room_size : (n_rooms,) how many.
    room_place : (n_classes,) where a class stands in ``in_room``.
    mates : (n, 2) per class the classes with common students, and how many.
    mate_count : (n_classes,) rows of ``mates`` in use.
    mate_place : (n_classes, n_classes) row of ``mates`` relative to the class's
        first, NO_MATES or NEVER_MEET.
    enrolled : (n_seats,) class in a seat or -1; roster_place : (n_seats,).
    roster : per class the seats that hold it; attendance : (n_classes,) how many.
    cells : violation of each (group, atom, day); raw : (n_groups,) their sums.
    pair_weight, room_weight, group_weight : what a hard violation costs.
    totals : (TOTALS,).
    shares : (6,) of 1024 trials those of students; of 1024 others those of one class,
        with the exchanges of two, and with families; the rest are ejection chains; of
        1024 of all these those that students follow; and the temperature of students
        in 1024ths of that of classes.
    random : (1,) state of the random numbers.
    scratch : (6, n) working space of the moves.
    followers : (n, 1 + width) requests that have changed chains, and their former ones.
    best_at : (n_classes, 2) best rows; best_enrolled : (n_seats,).
    """

    at: Table32
    cost: List64
    in_room: Table32
    room_size: List32
    room_place: List32
    mates: Table32
    mate_count: List32
    mate_place: Table16
    enrolled: List32
    roster_place: List32
    roster: List32
    attendance: List32
    cells: List32
    raw: List64
    pair_weight: List64
    room_weight: List64
    group_weight: List64
    totals: List64
    shares: List32
    random: ListU64
    scratch: Table32
    followers: Table32
    best_at: Table32
    best_enrolled: List32
