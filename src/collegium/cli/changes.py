"""What has changed since a timetable was published, as people write it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from collegium.cli.when import split
from collegium.errors import Malformed, NotFound, Unreadable
from collegium.timetabling.changes import (
    Change,
    ClassAdded,
    RoomClosed,
    TimeForbidden,
    apply_changes,
)
from collegium.timetabling.problem import Class, Problem, RoomOption, Time, TimeOption

MOST_BYTES = 10_000_000
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


class Edit(Protocol):
    """One change; says itself in the indices of the problem that it meets."""

    def of(self, problem: Problem) -> Change:
        """Return the change; raise ``Malformed`` or ``NotFound`` where it cannot be."""
        ...


class _When(BaseModel):
    """A time of ITC-2019, with all weeks where none are named."""

    model_config = _STRICT

    days: str = Field(pattern="^[01]+$")
    start: int = Field(ge=0)
    length: int = Field(ge=1)
    weeks: str | None = Field(default=None, pattern="^[01]+$")

    def time(self, problem: Problem) -> Time:
        weeks = "1" * problem.n_weeks if self.weeks is None else self.weeks
        if self.start + self.length > problem.slots_per_day:
            raise Malformed(f"A day has {problem.slots_per_day} slots.")
        return Time(
            _set_of(self.days, problem.n_days, "days"),
            self.start,
            self.length,
            _set_of(weeks, problem.n_weeks, "weeks"),
        )


class _CloseRoom(_When):
    change: Literal["room-closed"]
    room: str

    def of(self, problem: Problem) -> Change:
        return RoomClosed(self.room, self.time(problem))


class _ForbidTime(_When):
    change: Literal["time-forbidden"]
    class_: str = Field(alias="class")

    def of(self, problem: Problem) -> Change:
        return TimeForbidden(self.class_, self.time(problem))


class _TimeOption(_When):
    penalty: int = Field(default=0, ge=0)


class _RoomOption(BaseModel):
    model_config = _STRICT

    id: str
    penalty: int = Field(default=0, ge=0)


class _NewClass(BaseModel):
    model_config = _STRICT

    id: str
    limit: int | None = Field(default=None, ge=0)
    parent: str | None = None
    rooms: list[_RoomOption] | None = None
    times: list[_TimeOption] = Field(min_length=1)


class _AddClass(BaseModel):
    model_config = _STRICT

    change: Literal["class-added"]
    subpart: str
    class_: _NewClass = Field(alias="class")

    def of(self, problem: Problem) -> Change:
        new = self.class_
        classes = {class_.id: c for c, class_ in enumerate(problem.classes)}
        rooms = {room.id: r for r, room in enumerate(problem.rooms)}
        if new.id in classes:
            raise Malformed(f"There is a class {new.id} already.")
        return ClassAdded(
            self.subpart,
            Class(
                id=new.id,
                limit=new.limit,
                parent=None
                if new.parent is None
                else _at(classes, new.parent, "class"),
                needs_room=new.rooms is not None,
                rooms=tuple(
                    RoomOption(_at(rooms, room.id, "room"), room.penalty)
                    for room in new.rooms or ()
                ),
                times=tuple(
                    TimeOption(option.time(problem), option.penalty)
                    for option in new.times
                ),
            ),
        )


_FILE = TypeAdapter(
    list[Annotated[_CloseRoom | _ForbidTime | _AddClass, Field(discriminator="change")]]
)


def read_edits(path: Path) -> Sequence[Edit]:
    """Read a file of changes, a JSON array of objects.

    Raises
    ------
    Unreadable
        When it is no such file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise Unreadable(f"{path}: more than {MOST_BYTES:,} bytes")
    try:
        return _FILE.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise Unreadable(f"{path}: {where or 'all of it'}: {first['msg']}") from error


def closed_room(text: str, problem: Problem) -> Edit:
    """Return a closed room said as ``ROOM`` or ``ROOM=DAYS,START-END[,WEEKS]``."""
    room, when = split(text, problem)
    return _CloseRoom(change="room-closed", room=room, **when)


def forbidden_time(text: str, problem: Problem) -> Edit:
    """Return a forbidden time said as ``CLASS=DAYS,START-END[,WEEKS]``."""
    class_, when = split(text, problem)
    return _ForbidTime.model_validate(
        {"change": "time-forbidden", "class": class_, **when}
    )


def changed(problem: Problem, edits: Iterable[Edit]) -> Problem:
    """Return the problem after the changes, one after the other.

    Raises
    ------
    Malformed
        When a change does not fit; the message says which, counted from 1.
    """
    for number, edit in enumerate(edits, 1):
        try:
            problem = apply_changes(problem, [edit.of(problem)])
        except (Malformed, NotFound) as error:
            raise Malformed(f"Change {number}: {error.detail}") from error
    return problem


def _set_of(text: str, width: int, what: str) -> int:
    if len(text) != width or "1" not in text:
        raise Malformed(f"{what} must be {width} characters of 0 and 1, not {text}.")
    return int(text[::-1], 2)


def _at(numbers: dict[str, int], id_: str, what: str) -> int:
    try:
        return numbers[id_]
    except KeyError:
        raise NotFound(f"There is no {what} {id_}.") from None
