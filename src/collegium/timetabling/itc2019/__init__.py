"""ITC-2019 XML: problems and timetables in and out, from files nobody vouches for.

Everything that is read may be hostile or broken: each way of being so ends in one
of three errors whose text is one line, names the line of the file where there is
one, and says what is wrong there.

References
----------
Format: https://www.itc2019.org/format
"""

from __future__ import annotations

from collegium.timetabling.itc2019.problem_reader import read_problem
from collegium.timetabling.itc2019.problem_writer import write_problem
from collegium.timetabling.itc2019.storage import (
    DEFAULT_LIMITS,
    Limits,
    require_place,
    save,
)
from collegium.timetabling.itc2019.timetable_xml import (
    read_timetable,
    write_timetable,
)

__all__ = [
    "DEFAULT_LIMITS",
    "Limits",
    "read_problem",
    "read_timetable",
    "require_place",
    "save",
    "write_problem",
    "write_timetable",
]
