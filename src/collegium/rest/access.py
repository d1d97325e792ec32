"""Who may do what: roles, scopes, and what a route declares that it needs.

Every route declares the area that it belongs to (``guarded``) or that it is open to
everybody. From the area and the method follows the scope that is needed:
``courses:read``, ``courses:write``. A role has a set of scopes; a key may have fewer of
them and never more. ``rest.gate`` compares the two, for all routes in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import Scope

Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE = "access"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Area(StrEnum):
    """What routes belong together because the same people use them."""

    UNIVERSITIES = "universities"
    CATALOGUE = "catalogue"
    """Organisations, sessions, buildings, rooms, travel times."""
    COURSES = "courses"
    OFFERINGS = "offerings"
    """Offerings, classes and their limits, course offerings."""
    PLANNING = "planning"
    """Distribution constraints and teaching assignments."""
    PEOPLE = "people"
    """People and their memberships."""
    ENROLMENTS = "enrolments"
    """Course requests and enrolments."""
    PUBLICATIONS = "publications"
    INTERCHANGE = "interchange"
    """Imports, problems and snapshots of a session, with its students."""
    JOBS = "jobs"
    BLOBS = "blobs"
    TASKS = "tasks"
    """Single tasks, sent."""
    RUNNING = "running-tasks"
    """Single tasks, asked for and cancelled; what a parent coordinator also does."""
    FLEET = "fleet"
    """Lists and statistics of workers."""
    MEMBERSHIP = "membership"
    """Workers that announce themselves, and coordinators as members elsewhere."""
    KEYS = "keys"
    AUDIT = "audit"


class Role(StrEnum):
    """What a principal is."""

    OPERATOR = "operator"
    REGISTRAR = "registrar"
    SCHEDULER = "scheduler"
    """Plans the courses of one organisation and of what is below it."""
    STUDENT = "student"
    WORKER = "worker"


def _scopes(*areas: Area, read_only: tuple[Area, ...] = ()) -> frozenset[str]:
    reads = {f"{area}:read" for area in (*areas, *read_only)}
    return frozenset(reads | {f"{area}:write" for area in areas})


ROLE_SCOPES: Mapping[Role, frozenset[str]] = {
    Role.OPERATOR: _scopes(*Area),
    Role.REGISTRAR: _scopes(
        Area.CATALOGUE,
        Area.COURSES,
        Area.OFFERINGS,
        Area.PLANNING,
        Area.PEOPLE,
        Area.ENROLMENTS,
        Area.PUBLICATIONS,
        Area.INTERCHANGE,
        Area.JOBS,
        Area.BLOBS,
        Area.KEYS,
        read_only=(Area.UNIVERSITIES, Area.AUDIT),
    ),
    Role.SCHEDULER: _scopes(
        Area.COURSES,
        Area.OFFERINGS,
        Area.PLANNING,
        read_only=(Area.UNIVERSITIES, Area.CATALOGUE, Area.PUBLICATIONS),
    ),
    Role.STUDENT: _scopes(
        Area.ENROLMENTS,
        read_only=(
            Area.UNIVERSITIES,
            Area.CATALOGUE,
            Area.COURSES,
            Area.OFFERINGS,
            Area.PUBLICATIONS,
            Area.PEOPLE,
        ),
    ),
    Role.WORKER: _scopes(Area.MEMBERSHIP, Area.BLOBS),
}
"""The most that a role may do."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Parameters
    ----------
    name : id of the key, or ``token``, ``worker`` or ``local``.
    role : what it is.
    scopes : what it may do.
    university_id : the only university that it sees, None for all.
    organisation_id : of a scheduler: whose courses, and what belongs to them, it may
        change.
    person_id : of a student: whose requests and enrolments it sees and changes.
    expires_at : when its key ends, None when it does not.
    """

    name: str
    role: Role
    scopes: frozenset[str]
    university_id: str | None = None
    organisation_id: str | None = None
    person_id: str | None = None
    expires_at: str | None = None

    @property
    def is_limited(self) -> bool:
        """Tell whether it may use only some of the rows of its university."""
        return self.organisation_id is not None or self.person_id is not None


LOCAL = Principal("local", Role.OPERATOR, ROLE_SCOPES[Role.OPERATOR])
"""Whoever reaches a coordinator that asks nobody who they are, and the command line."""
TOKEN = Principal("token", Role.OPERATOR, ROLE_SCOPES[Role.OPERATOR])
"""Who shows ``COLLEGIUM_API_TOKEN``."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a route needs.

    Parameters
    ----------
    area : where it belongs; None opens it to everybody.
    limits_itself : whether it shows a key of one university only what is that
        university's, though its path names none; else such keys are refused there.
    """

    area: Area | None
    limits_itself: bool = False

    def scope(self, method: str) -> str | None:
        """Return the scope that a method of the route needs, None for none."""
        if self.area is None:
            return None
        return f"{self.area}:{'read' if method in _SAFE else 'write'}"


OPEN = Access(None)
"""For what tells nothing about anybody: health, metrics, the console's own pages."""


class Admission(Protocol):
    """Sees every request of an application once its route is known."""

    async def __call__(
        self, scope: Scope, access: Access, params: Mapping[str, str]
    ) -> None:
        """Let a request pass, with who asks in its scope, or raise what forbids it.

        Parameters
        ----------
        scope : the request.
        access : what its route needs.
        params : the route's path parameters.
        """

    async def admit_stranger(self, scope: Scope) -> None:
        """Let somebody learn that there is nothing at an address, or raise."""

    def is_asking(self, access: Access) -> bool:
        """Tell whether a route that needs this is closed without a key or token."""


def guarded(access: Access | Area) -> Callable[[Function], Function]:
    """Return a decorator that declares what a route function needs."""
    declared = Access(access) if isinstance(access, Area) else access

    def declare(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, declared)
        return function

    return declare


def access_of(endpoint: Callable[..., Any] | None) -> Access | None:
    """Return what a route function declares, None when it does not."""
    return cast(Access | None, getattr(endpoint, _ATTRIBUTE, None))


def needs_of(routes: Sequence[BaseRoute]) -> Mapping[tuple[str, str], Access]:
    """Return what routes declare, by path and method in lower case."""
    return {
        (context.path_format or "", method.lower()): access
        for context in iter_route_contexts(routes)
        for method in context.methods or ()
        if (access := access_of(context.endpoint)) is not None
    }


def principal_of(scope: Scope) -> Principal:
    """Return who asks."""
    principal: Principal = scope.get("state", {}).get("principal", LOCAL)
    return principal
