"""Every error that Collegium raises on purpose; knows no HTTP.

::

    CollegiumError
    ├── Invalid               the caller's input is wrong
    │   ├── Unreadable        a file or body that cannot be read at all
    │   ├── TooLarge          more than a bound allows
    │   └── Malformed         readable, but breaks a rule of its format
    │       └── ClassesUnfit  classes that nobody can take together
    ├── NotFound              no such thing
    ├── Conflict              the state of things forbids it
    │   ├── AlreadyExists     a unique code or id is taken
    │   │   └── AlreadyEnrolled
    │   ├── ClassFull         no seat is left
    │   ├── TimeConflict      a student cannot be in two places at once
    │   ├── BelowEnrolment    a limit below the number of those enrolled
    │   ├── StillReferenced   something else depends on it
    │   └── StateForbids      not in this state of its life
    ├── PreconditionFailed    somebody else was faster (If-Match)
    ├── PreconditionRequired  a write without If-Match
    ├── Forbidden             the caller may not
    │   └── Unauthenticated   nobody knows who the caller is
    ├── Unavailable           not now, perhaps later
    │   ├── Overloaded        a bounded queue is full
    │   ├── DatabaseUnavailable
    │   ├── WorkerUnreachable no answer from a worker; elsewhere may help
    │   └── TaskLost          the process running a task died; elsewhere may help
    ├── TaskFailed            the task itself fails, wherever it runs
    ├── DeadlineExceeded      no time left
    ├── Cancelled             somebody asked to stop
    └── Misconfigured         a setting makes a start impossible
"""

from __future__ import annotations


class CollegiumError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    detail : one sentence for the person who has to act on it.
    pointers : JSON pointers of the offending fields, with what is wrong there.
    """

    def __init__(
        self, detail: str = "", *, pointers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail or (self.__doc__ or "").strip().splitlines()[0])
        self.pointers = pointers or {}

    @property
    def detail(self) -> str:
        """The sentence for the person who has to act on it."""
        return str(self.args[0])


class Invalid(CollegiumError):
    """The input is not acceptable."""


class Unreadable(Invalid):
    """The input cannot be read."""


class TooLarge(Invalid):
    """The input is larger than allowed."""


class Malformed(Invalid):
    """The input breaks a rule of its format."""


class ClassesUnfit(Malformed):
    """The classes are not one of each subpart of one configuration."""


class NotFound(CollegiumError):
    """There is no such resource."""


class Conflict(CollegiumError):
    """The present state does not allow this."""


class AlreadyExists(Conflict):
    """A resource of that name exists already."""


class AlreadyEnrolled(AlreadyExists):
    """The student takes the offering, or waits for a seat, already."""


class ClassFull(Conflict):
    """No seat is left."""


class TimeConflict(Conflict):
    """Two classes meet at the same time."""


class BelowEnrolment(Conflict):
    """More are enrolled than the new limit allows."""


class StillReferenced(Conflict):
    """Other resources depend on this one."""


class StateForbids(Conflict):
    """Not possible in the present state."""


class PreconditionFailed(CollegiumError):
    """The resource has changed since it was read."""


class PreconditionRequired(CollegiumError):
    """A write needs If-Match with the ETag that was read."""


class Forbidden(CollegiumError):
    """The caller is not allowed to do so."""


class Unauthenticated(Forbidden):
    """The caller must say who they are."""


class Unavailable(CollegiumError):
    """Not possible now; try again later.

    Parameters
    ----------
    retry_after_s : whole seconds after which trying again makes sense.
    """

    def __init__(self, detail: str = "", *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """Too much work is waiting already."""


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""


class WorkerUnreachable(Unavailable):
    """A worker did not answer."""


class TaskLost(Unavailable):
    """The process that ran the task died."""


class LoopDetected(CollegiumError):
    """Coordinators have been named as each other's parents."""


class TaskFailed(CollegiumError):
    """The task failed and would fail anywhere."""


class DeadlineExceeded(CollegiumError):
    """The deadline has passed."""


class Cancelled(CollegiumError):
    """Cancelled on request."""


class Misconfigured(CollegiumError):
    """The settings do not allow a start."""
