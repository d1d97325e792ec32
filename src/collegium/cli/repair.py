"""``collegium repair``: a published timetable after something has changed."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from collegium.cli.changes import (
    Edit,
    changed,
    closed_room,
    forbidden_time,
    read_edits,
)
from collegium.cli.places import place_of, said
from collegium.cli.watching import watched
from collegium.errors import Malformed
from collegium.timetabling.changes import carry_over
from collegium.timetabling.exact.perturbation import Repair
from collegium.timetabling.exact.perturbation import repair as solve_repair
from collegium.timetabling.instance import prepare
from collegium.timetabling.itc2019 import (
    read_problem,
    read_timetable,
    require_place,
    save,
    write_problem,
    write_timetable,
)
from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import (
    UNASSIGNED,
    Solution,
    solution_of,
    timetable_of,
)
from collegium.timetabling.validate import validate

EXIT_INFEASIBLE = 1
SHOWN_MOVES = 30
"""On stderr; the JSON has all."""
_FORM = "ID=DAYS,START-END[,WEEKS]"


def repair(
    instance: Annotated[
        Path,
        typer.Argument(help="ITC-2019 problem, .xml or .xml.gz", show_default=False),
    ],
    solution: Annotated[
        Path,
        typer.Argument(
            help="Its published timetable, .xml or .xml.gz", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Timetable to write, .xml or .xml.gz", show_default=False
        ),
    ],
    close_room: Annotated[
        list[str] | None,
        typer.Option(
            help=f"A room that is not to be had: ROOM, or {_FORM} as in "
            "'R5=MW,08:00-10:00'. May be repeated.",
            show_default=False,
        ),
    ] = None,
    forbid: Annotated[
        list[str] | None,
        typer.Option(
            help=f"When a class cannot be: {_FORM}. May be repeated.",
            show_default=False,
        ),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(
            help="JSON file of changes, which may also add classes; see the manual.",
            show_default=False,
        ),
    ] = None,
    move_cost: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=10**9,
            help="What moving a class costs, in units of the total  [default: so much "
            "that only what must move moves]",
        ),
    ] = None,
    most_moved: Annotated[
        int | None,
        typer.Option(min=0, help="How many classes may move.", show_default=False),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="Time to search.")] = 30.0,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Where chance begins.")
    ] = 0,
    instance_out: Annotated[
        Path | None,
        typer.Option(help="Write the changed problem, too.", show_default=False),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Show nothing on stderr.")
    ] = False,
) -> int:
    """Mend a published timetable, moving as little as one likes to pay for.

    Students keep the classes that they are in. Progress and the moved classes go to
    stderr. The last line on stdout is one JSON object: feasible, the raw penalties,
    total, moved (class, from, to, students), displaced (those that could not stay),
    placed (those without a place before), students_affected, optimal, seconds and
    out. Ctrl-C ends the search early and writes the best so far. Exit code 0 when the
    timetable is feasible, 1 when no feasible one was found (the best is written), 2
    when a file or a change is not acceptable, or more classes lost their place than
    may move.
    """
    begun_s = time.monotonic()
    old = read_problem(instance)
    published = solution_of(old, read_timetable(solution))
    new = changed(old, _edits(old, close_room or [], forbid or [], changes))
    for path in (out, *([instance_out] if instance_out else [])):
        require_place(path)
    start = carry_over(old, published, new)
    price = _dear(old, published) if move_cost is None else move_cost
    with watched("repairing", seconds, is_quiet=quiet) as goes_on:
        found = solve_repair(
            prepare(new),
            start.solution,
            lost=start.lost,
            most_moved=most_moved,
            move_cost=price,
            seed=seed,
            seconds=seconds,
            goes_on=goes_on,
        )
    report = _report(old, published, new, found)
    report["seconds"] = round(time.monotonic() - begun_s, 2)
    report["out"] = str(out)
    save(out, write_timetable(timetable_of(new, found.solution)))
    if instance_out is not None:
        save(instance_out, write_problem(new))
    if not quiet:
        _show(report)
    print(json.dumps(report))
    return 0 if report["feasible"] else EXIT_INFEASIBLE


def _edits(
    problem: Problem,
    close_room: Sequence[str],
    forbid: Sequence[str],
    changes: Path | None,
) -> list[Edit]:
    edits: list[Edit] = [
        *(closed_room(text, problem) for text in close_room),
        *(forbidden_time(text, problem) for text in forbid),
        *(read_edits(changes) if changes is not None else ()),
    ]
    if not edits:
        raise Malformed(
            "Nothing has changed: give --close-room, --forbid or --changes."
        )
    return edits


def _dear(problem: Problem, published: Solution) -> int:
    """Return a price of a move that no improvement of the timetable is worth."""
    return 10 * (validate(problem, timetable_of(problem, published)).total + 1)


def _report(
    old: Problem, published: Solution, new: Problem, found: Repair
) -> dict[str, Any]:
    """Return what has become of the timetable; costs are the validator's."""
    verdict = validate(new, timetable_of(new, found.solution)).to_dict()
    before = {class_.id: c for c, class_ in enumerate(old.classes)}
    attending: dict[int, set[int]] = {c: set() for c in found.moved}
    for student, classes in enumerate(found.solution.students):
        for c in attending.keys() & set(classes):
            attending[c].add(student)
    moved = [
        {
            "class": new.classes[c].id,
            "from": _place(old, published, before[new.classes[c].id]),
            "to": _place(new, found.solution, c),
            "students": len(attending[c]),
        }
        for c in found.moved
    ]
    placed = [
        class_.id
        for c, class_ in enumerate(new.classes)
        if found.solution.times[c] != UNASSIGNED
        and (
            class_.id not in before or published.times[before[class_.id]] == UNASSIGNED
        )
    ]
    return {
        **verdict,
        "moved": moved,
        "displaced": [new.classes[c].id for c in found.displaced],
        "placed": placed,
        "students_affected": len(set().union(*attending.values())),
        "optimal": found.is_optimal,
    }


def _place(problem: Problem, solution: Solution, c: int) -> dict[str, Any] | None:
    if solution.times[c] == UNASSIGNED:
        return None
    return place_of(problem, c, int(solution.times[c]), int(solution.rooms[c]))


def _show(report: dict[str, Any]) -> None:
    """Show the moved classes as a table."""
    table = Table("class", "from", "to", "students", title="Moved classes")
    for move in report["moved"][:SHOWN_MOVES]:
        places = (said(move["from"]), said(move["to"]))
        table.add_row(move["class"], *places, str(move["students"]))
    console = Console(stderr=True)
    console.print(table)
    more = len(report["moved"]) - SHOWN_MOVES
    if more > 0:
        console.print(f"and {more} more")
