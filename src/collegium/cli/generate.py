"""``collegium generate``: a sample problem of any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from collegium.timetabling import generate as samples
from collegium.timetabling.itc2019 import save, write_problem, write_timetable


def generate(
    out: Annotated[
        Path, typer.Option(help="Where to write the problem, .xml or .xml.gz")
    ],
    classes: Annotated[int, typer.Option(help="Number of classes")] = 300,
    students: Annotated[
        int | None, typer.Option(help="Number of students; default: 20 for 3 classes")
    ] = None,
    rooms: Annotated[
        int | None, typer.Option(help="Number of rooms; default: 2 for 15 classes")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another university")] = 0,
    solution: Annotated[
        Path | None,
        typer.Option(help="Where to write a feasible timetable of it, too"),
    ] = None,
) -> None:
    """Make up a university's timetabling problem.

    Two campuses, courses of several forms, students in curricula, and all types of
    constraint, as ITC-2019 XML. It has a feasible timetable by construction. The
    same options always give the same file. Prints one JSON object with its sizes.
    """
    default = samples.SampleSize.of_classes(classes)
    size = samples.SampleSize(
        n_classes=classes,
        n_students=default.n_students if students is None else students,
        n_rooms=default.n_rooms if rooms is None else rooms,
    )
    problem, timetable = samples.generate_with_solution(size, seed)
    save(out, write_problem(problem))
    if solution is not None:
        save(solution, write_timetable(timetable))
    sizes = {
        "name": problem.name,
        "classes": len(problem.classes),
        "courses": len(problem.courses),
        "rooms": len(problem.rooms),
        "students": len(problem.students),
        "distributions": len(problem.distributions),
    }
    print(json.dumps(sizes))
