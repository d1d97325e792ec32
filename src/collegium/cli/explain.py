"""``collegium explain``: what keeps classes from having a place."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from collegium.cli.places import place_of, said
from collegium.cli.watching import watched
from collegium.errors import Malformed, NotFound
from collegium.timetabling.exact.conflicts import Conflict, find_conflict
from collegium.timetabling.explain import Explanation, Spot, explain_class
from collegium.timetabling.instance import prepare
from collegium.timetabling.itc2019 import read_problem, read_timetable
from collegium.timetabling.problem import HardRule, Problem
from collegium.timetabling.solution import Solution, solution_of, timetable_of
from collegium.timetabling.validate import validate

EXIT_BLOCKED = 1
SHOWN = 10
"""Rows of a table on stderr; the JSON has all."""


def explain(
    instance: Annotated[
        Path,
        typer.Argument(help="ITC-2019 problem, .xml or .xml.gz", show_default=False),
    ],
    solution: Annotated[
        Path | None,
        typer.Argument(help="A timetable of it, whole or in part", show_default=False),
    ] = None,
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Id of a class to place; may be repeated  [default: those whose "
            "place breaks a rule or is missing]",
            show_default=False,
        ),
    ] = None,
    effort: Annotated[
        float,
        typer.Option(
            min=0.1, max=3600, help="Seconds for a single question to the exact solver."
        ),
    ] = 5.0,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Show nothing on stderr.")
    ] = False,
) -> int:
    """Say what blocks the places of a class, or why an instance has no timetable.

    With a timetable: every time and room of a class, what forbids it while the others
    stay, by cause and by blocker, and where none is free a smallest set of hard rules
    that cannot hold together. Without one: such a set for the whole instance. Tables
    go to stderr; the last line on stdout is one JSON object: classes (class, places,
    free, by_cause, by_blocker, conflict) or conflict (rules, minimal). Exit code 0
    when each class has a free place or no conflict is found, 1 when not, 2 when a
    file or an id is not acceptable.
    """
    problem = read_problem(instance)
    if solution is None:
        if class_:
            raise Malformed("--class needs a timetable in which the others stand.")
        return _explain_all(problem, effort, is_quiet=quiet)
    held = solution_of(problem, read_timetable(solution))
    indices = _named(problem, class_) if class_ else _in_trouble(problem, held)
    explanations = [explain_class(problem, held, c) for c in indices]
    with watched("asking", None, is_quiet=quiet) as goes_on:
        conflicts = _conflicts(problem, held, indices, explanations, effort, goes_on)
    found = list(zip(indices, explanations, conflicts, strict=True))
    if not quiet:
        for answer in found:
            _show(problem, *answer)
    print(json.dumps({"classes": [_report(problem, *answer) for answer in found]}))
    return 0 if all(explanation.free for explanation in explanations) else EXIT_BLOCKED


def _explain_all(problem: Problem, effort: float, *, is_quiet: bool) -> int:
    with watched("asking", None, is_quiet=is_quiet) as goes_on:
        every = range(len(problem.classes))
        conflict = find_conflict(
            prepare(problem), every, effort=effort, goes_on=goes_on
        )
    if not is_quiet:
        _show_conflict(Console(stderr=True), problem, conflict)
    print(json.dumps({"conflict": _conflict_report(problem, conflict)}))
    return EXIT_BLOCKED if conflict else 0


def _named(problem: Problem, ids: Sequence[str]) -> list[int]:
    numbers = {class_.id: c for c, class_ in enumerate(problem.classes)}
    for id_ in ids:
        if id_ not in numbers:
            raise NotFound(f"There is no class {id_}.")
    return [numbers[id_] for id_ in dict.fromkeys(ids)]


def _in_trouble(problem: Problem, held: Solution) -> list[int]:
    """Return the classes that the validator names, in their order."""
    report = validate(problem, timetable_of(problem, held))
    named = {id_ for violation in report.violations for id_ in violation.classes}
    return [c for c, class_ in enumerate(problem.classes) if class_.id in named]


def _conflicts(
    problem: Problem,
    held: Solution,
    indices: Sequence[int],
    explanations: Sequence[Explanation],
    effort: float,
    goes_on: Callable[[], bool],
) -> list[Conflict | None]:
    """Return for each class without a free place rules that keep it from any."""
    if all(explanation.free for explanation in explanations):
        return [None] * len(indices)
    instance = prepare(problem)
    numbers = {class_.id: c for c, class_ in enumerate(problem.classes)}
    found: list[Conflict | None] = []
    for c, explanation in zip(indices, explanations, strict=True):
        classes = [c, *(numbers[id_] for id_ in explanation.by_blocker)]
        found.append(
            None
            if explanation.free
            else find_conflict(
                instance, classes, held=held, free=[c], effort=effort, goes_on=goes_on
            )
        )
    return found


def _report(
    problem: Problem, c: int, explanation: Explanation, conflict: Conflict | None
) -> dict[str, Any]:
    return {
        "class": explanation.class_id,
        "places": [
            {**place_of(problem, c, spot.time, spot.room), "causes": _causes(spot)}
            for spot in explanation.spots
        ],
        "free": len(explanation.free),
        "by_cause": {str(kind): n for kind, n in _ranked(explanation.by_cause)},
        "by_blocker": dict(_ranked(explanation.by_blocker)),
        "conflict": _conflict_report(problem, conflict),
    }


def _causes(spot: Spot) -> list[dict[str, Any]]:
    return [
        {
            "kind": str(cause.kind),
            "classes": list(cause.classes),
            "distribution": cause.distribution,
        }
        for cause in spot.causes
    ]


def _ranked(counts: Any) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _conflict_report(
    problem: Problem, conflict: Conflict | None
) -> dict[str, Any] | None:
    if conflict is None:
        return None
    return {
        "minimal": conflict.is_minimal,
        "rules": [
            {
                "kind": str(rule.kind),
                **_where(problem, rule.kind, rule.index),
                "classes": [problem.classes[k].id for k in rule.classes],
            }
            for rule in conflict.rules
        ],
    }


def _where(problem: Problem, kind: str, index: int) -> dict[str, Any]:
    if kind in (HardRule.ROOM_UNAVAILABLE, HardRule.ROOM_DOUBLE_BOOKED):
        return {"room": problem.rooms[index].id}
    return {"distribution": index}


def _show(
    problem: Problem, c: int, explanation: Explanation, conflict: Conflict | None
) -> None:
    """Show what forbids the places, by cause and by blocker."""
    console = Console(stderr=True)
    free, n = len(explanation.free), len(explanation.spots)
    console.print(f"class {explanation.class_id}: {free} of {n} places are free")
    for spot in explanation.free[:SHOWN]:
        console.print(f"  {said(place_of(problem, c, spot.time, spot.room))}")
    if explanation.by_cause:
        table = Table("cause", "places", title="What forbids the others")
        for kind, count in _ranked(explanation.by_cause):
            table.add_row(str(kind), str(count))
        console.print(table)
    if explanation.by_blocker:
        table = Table("class", "places", title="Who is in the way")
        for id_, count in _ranked(explanation.by_blocker)[:SHOWN]:
            table.add_row(id_, str(count))
        console.print(table)
    if conflict is not None:
        _show_conflict(console, problem, conflict)


def _show_conflict(
    console: Console, problem: Problem, conflict: Conflict | None
) -> None:
    report = _conflict_report(problem, conflict)
    if report is None:
        console.print("no conflict among the hard rules was found")
        return
    least = "a smallest set of" if report["minimal"] else "some"
    table = Table("rule", "of", "classes", title=f"{least} rules that cannot hold")
    for rule in report["rules"]:
        of = f"room {rule['room']}" if "room" in rule else f"#{rule['distribution']}"
        table.add_row(rule["kind"], of, " ".join(rule["classes"][:SHOWN]))
    console.print(table)
