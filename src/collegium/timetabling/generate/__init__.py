"""Sample universities: realistic, solvable by construction, the same for a seed.

A timetable and the students' classes are made first and kept; limits, listed times
and rooms, and the required constraints are then chosen so that these fulfil them.
So a feasible timetable is known, and it is far from the best.
"""

from __future__ import annotations

from collegium.timetabling.generate.sample import (
    generate,
    generate_with_solution,
    sample_university,
)
from collegium.timetabling.generate.university import (
    SampleBuilding,
    SampleCourse,
    SampleRoom,
    SampleSize,
    SampleUniversity,
)

__all__ = [
    "SampleBuilding",
    "SampleCourse",
    "SampleRoom",
    "SampleSize",
    "SampleUniversity",
    "generate",
    "generate_with_solution",
    "sample_university",
]
