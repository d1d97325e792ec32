"""Which HTTP answer each error gives: one table, one body (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from collegium import errors

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)


class UnsupportedMediaType(errors.Invalid):
    """The body is not in a media type that this resource takes.

    Parameters
    ----------
    detail : one sentence for the person who has to act on it.
    accepted : the media types that would be taken.
    """

    def __init__(self, detail: str, *, accepted: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.accepted = accepted


class MethodNotAllowed(errors.Invalid):
    """The resource does not offer this method.

    Parameters
    ----------
    detail : one sentence for the person who has to act on it.
    allowed : the methods that the resource offers.
    """

    def __init__(self, detail: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.allowed = allowed


class MethodUnknown(errors.Invalid):
    """No resource of this server offers this method."""


class HeadersTooLarge(errors.TooLarge):
    """The request's header fields are larger than allowed."""


class HeaderTooSlow(errors.DeadlineExceeded):
    """The request's header did not arrive in time."""


class BodyTooSlow(errors.DeadlineExceeded):
    """The request's body did not arrive in time."""


class WrongDigest(errors.Unreadable):
    """The body is not what the digest that came with it says."""


class RateLimited(errors.CollegiumError):
    """The caller has made as many requests as it may for now.

    Parameters
    ----------
    detail : one sentence for the person who has to act on it.
    retry_after_s : seconds until the next request may come.
    """

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class StillRunning(errors.Conflict):
    """The first request with this Idempotency-Key has not ended yet."""

    retry_after_s = 1


class KeyReused(errors.Invalid):
    """The Idempotency-Key was used before with another request."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The fixed part of a problem: what stays the same each time it occurs.

    Parameters
    ----------
    status : HTTP status code.
    slug : last part of the problem's ``type``, ``/problems/{slug}``; never changes.
    title : short text, the same for every occurrence.
    """

    status: int
    slug: str
    title: str

    @property
    def type(self) -> str:
        """The problem's identifying URI reference."""
        return f"/problems/{self.slug}"


KINDS: dict[type[Exception], Kind] = {
    errors.Unreadable: Kind(400, "unreadable", "The request cannot be read"),
    WrongDigest: Kind(400, "wrong-digest", "The body is not what its digest says"),
    errors.Unauthenticated: Kind(401, "unauthenticated", "Say who you are"),
    errors.Forbidden: Kind(403, "forbidden", "Not allowed"),
    errors.NotFound: Kind(404, "not-found", "No such resource"),
    MethodNotAllowed: Kind(405, "method-not-allowed", "Method not allowed"),
    HeaderTooSlow: Kind(408, "header-too-slow", "The header did not arrive in time"),
    BodyTooSlow: Kind(408, "body-too-slow", "The body did not arrive in time"),
    errors.Conflict: Kind(409, "conflict", "The present state forbids it"),
    errors.AlreadyExists: Kind(409, "already-exists", "The name is taken"),
    errors.AlreadyEnrolled: Kind(409, "already-enrolled", "Enrolled already"),
    errors.ClassFull: Kind(409, "class-full", "No seat is left"),
    errors.TimeConflict: Kind(409, "time-conflict", "Classes meet at the same time"),
    errors.BelowEnrolment: Kind(409, "below-enrolment", "More are enrolled"),
    errors.StillReferenced: Kind(409, "still-referenced", "Others depend on it"),
    errors.StateForbids: Kind(409, "state-forbids", "Not in this state"),
    errors.Cancelled: Kind(409, "cancelled", "Cancelled on request"),
    StillRunning: Kind(409, "still-running", "The first request has not ended"),
    errors.PreconditionFailed: Kind(
        412, "precondition-failed", "The resource has changed"
    ),
    errors.TooLarge: Kind(413, "too-large", "Larger than allowed"),
    UnsupportedMediaType: Kind(
        415, "unsupported-media-type", "Media type not supported"
    ),
    errors.Invalid: Kind(422, "invalid", "The input is not acceptable"),
    errors.Malformed: Kind(422, "malformed", "The input breaks a rule"),
    errors.ClassesUnfit: Kind(422, "classes-unfit", "Classes do not go together"),
    KeyReused: Kind(422, "key-reused", "Idempotency-Key used for another request"),
    errors.TaskFailed: Kind(422, "task-failed", "The task fails wherever it runs"),
    errors.PreconditionRequired: Kind(
        428, "precondition-required", "The request must be conditional"
    ),
    RateLimited: Kind(429, "rate-limited", "Too many requests"),
    HeadersTooLarge: Kind(431, "headers-too-large", "Header fields too large"),
    errors.Misconfigured: Kind(500, "misconfigured", "The server is misconfigured"),
    errors.CollegiumError: Kind(500, "internal", "Something went wrong here"),
    MethodUnknown: Kind(501, "method-unknown", "Method not implemented"),
    errors.Unavailable: Kind(503, "unavailable", "Not now; try again later"),
    errors.Overloaded: Kind(503, "overloaded", "Too much work is waiting"),
    errors.DatabaseUnavailable: Kind(
        503, "database-unavailable", "The database does not answer"
    ),
    errors.WorkerUnreachable: Kind(503, "worker-unreachable", "No worker answers"),
    errors.TaskLost: Kind(503, "task-lost", "The process running the task died"),
    errors.LoopDetected: Kind(
        508, "loop-detected", "Coordinators are each other's parents"
    ),
    errors.DeadlineExceeded: Kind(504, "deadline-exceeded", "No time left"),
}
"""The one table from error to answer; a class without a line has its base's."""

_CLASSES_BY_STATUS: dict[int, type[errors.CollegiumError]] = {
    404: errors.NotFound,
    413: errors.TooLarge,
    422: errors.Malformed,
}


class FieldProblem(BaseModel):
    """One offending field."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the request's body.")
    detail: str = Field(description="What is wrong there.")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Stable identifier: /problems/ and a name.")
    title: str = Field(description="The same for every occurrence of the type.")
    status: int = Field(description="The HTTP status code of this answer.")
    detail: str = Field(description="What to do about it, in one sentence.")
    instance: str = Field(description="Path of the request.")
    request_id: str = Field(description="Names this request in the server's log.")
    errors: list[FieldProblem] | None = Field(
        default=None, description="The offending fields, when there are some."
    )


def kind_of(error: BaseException) -> Kind:
    """Return the line of the table that fits an error best."""
    for class_ in type(error).__mro__:
        if class_ in KINDS:
            return KINDS[class_]
    return KINDS[errors.CollegiumError]


def problem_body(
    error: BaseException, *, instance: str = "", request_id: str = ""
) -> dict[str, Any]:
    """Return an error as the members of a problem document."""
    kind = kind_of(error)
    detail = "The reason is in the server's log."
    pointers: Mapping[str, str] = {}
    if isinstance(error, errors.CollegiumError):
        detail = error.detail
        pointers = error.pointers
    body: dict[str, Any] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        "request_id": request_id,
    }
    if pointers:
        body["errors"] = [
            {"pointer": pointer, "detail": text} for pointer, text in pointers.items()
        ]
    return body


def problem_response(error: Exception, scope: Scope) -> Response:
    """Answer a request with the problem that an error stands for."""
    error = _as_ours(error)
    state = scope.get("state") or {}
    request_id = str(state.get("request_id", ""))
    body = problem_body(error, instance=scope["path"], request_id=request_id)
    if body["status"] >= 500 and not isinstance(error, errors.Unavailable):
        _log.error("request %s failed", request_id, exc_info=error)
    return Response(
        msgspec.json.encode(body),
        status_code=body["status"],
        headers={"cache-control": "no-store", **_headers(error, scope)},
        media_type=MEDIA_TYPE,
    )


def _as_ours(error: Exception) -> Exception:
    """Translate what the web framework raises."""
    if isinstance(error, RequestValidationError):
        return errors.Malformed(
            "The request does not match the description of this resource.",
            pointers={
                "/" + "/".join(map(str, item["loc"][1:])): str(item["msg"])
                for item in error.errors()
            },
        )
    if not isinstance(error, HTTPException):
        return error
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return MethodNotAllowed(
            "This resource does not offer the method.",
            allowed=tuple(part.strip() for part in allowed.split(",") if part),
        )
    if error.status_code == 415:
        return UnsupportedMediaType(str(error.detail), accepted=())
    class_ = _CLASSES_BY_STATUS.get(error.status_code)
    if class_ is None:
        fallback = errors.Invalid if error.status_code < 500 else errors.Unavailable
        return fallback(str(error.detail))
    return class_(str(error.detail))


def _headers(error: Exception, scope: Scope) -> Mapping[str, str]:
    if isinstance(error, errors.Unavailable | StillRunning | RateLimited):
        return {"retry-after": str(error.retry_after_s)}
    if isinstance(error, MethodNotAllowed):
        return {"allow": ", ".join(error.allowed)}
    if isinstance(error, errors.Unauthenticated):
        return {"www-authenticate": "Bearer"}
    if isinstance(error, UnsupportedMediaType) and error.accepted:
        name = "accept-patch" if scope["method"] == "PATCH" else "accept-post"
        return {name: ", ".join(error.accepted)}
    # The rest of a body that is not wanted is not read: the connection ends here.
    if isinstance(error, errors.TooLarge | BodyTooSlow):
        return {"connection": "close"}
    return {}
