"""Workers announce themselves here, and clients send single tasks."""

from __future__ import annotations

import asyncio
import math
import re
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.types import Scope

from collegium.errors import Cancelled, Malformed, Unreadable
from collegium.fleet.overview import statistics, worker_view
from collegium.fleet.service import Fleet
from collegium.fleet.submissions import Submission, Submissions, succeeded
from collegium.fleet.tasks import Task, TaskAnswer
from collegium.membership.tasks import TaskTable
from collegium.protocol import (
    DEADLINE_HEADER,
    HEARTBEAT_HEADER,
    TRACE_HEADER,
    Announcement,
    TaskStatus,
    TaskSubmission,
    WorkerList,
    WorkerView,
)
from collegium.rest.access import Area, guarded, principal_of
from collegium.rest.answers import Answer, location_in, shown
from collegium.rest.bodies import (
    JSON,
    BodyLimits,
    decoded,
    malformed,
    read_body,
    require_media_type,
)
from collegium.rest.headers import header
from collegium.rest.idempotency import claim_of
from collegium.rest.openapi import UNCONDITIONAL
from collegium.rest.structs import answered, described_body, document_of
from collegium.rest.traffic import Traffic

Body = TypeVar("Body")

MOST_WAIT_S = 60.0
"""Longest time that ``Prefer: respond-async, wait=`` can have."""
_WAIT = re.compile(r"wait=(\d{1,9})", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ANNOUNCEMENT_LIMITS = BodyLimits(size_bytes=2**20, read_s=10.0)
_announcements = msgspec.json.Decoder(Announcement)
_submissions = msgspec.json.Decoder(TaskSubmission)
_encoder = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")
_NO_STORE = (b"cache-control", b"no-store")
_PREFER_VARIES = (b"vary", b"prefer")


class Leaving(BaseModel):
    """Which start of a worker leaves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    incarnation: str | None = Field(default=None, max_length=64)


def workers_router() -> APIRouter:
    """Return the routes under ``/v1/workers``; the state holds the ``fleet``."""
    router = APIRouter(tags=["fleet"])

    @router.put(
        "/{worker_id}",
        openapi_extra=described_body(Announcement) | UNCONDITIONAL,
        responses=answered(WorkerView, "It is new here.", 201)
        | {204: {"description": "It was known; what it says was taken in."}},
    )
    @guarded(Area.MEMBERSHIP)
    async def announce_worker(request: Request, worker_id: str) -> Answer:
        """Register, report and stay registered: one idempotent announcement."""
        fleet: Fleet = request.app.state.fleet
        _require_id(worker_id)
        require_media_type(request.scope, (JSON,))
        said = _read(_announcements, await read_body(request, _ANNOUNCEMENT_LIMITS))
        is_new = fleet.announce(worker_id, said)
        heartbeat = b"%d" % int(1000.0 * fleet.heartbeat_s)
        fields = [_NO_STORE, (HEARTBEAT_HEADER.encode(), heartbeat)]
        if not is_new:
            return Answer(204, b"", fields)
        location = location_in(request, "/v1/workers", worker_id)
        fields += [_JSON, (b"location", location.encode())]
        return Answer(201, _encoder.encode(worker_view(fleet, worker_id)), fields)

    @router.delete("/{worker_id}", status_code=204, openapi_extra=UNCONDITIONAL)
    @guarded(Area.MEMBERSHIP)
    async def forget_worker(
        request: Request, worker_id: str, query: Annotated[Leaving, Query()]
    ) -> Answer:
        """Take a worker out; 204 also when it is not there."""
        fleet: Fleet = request.app.state.fleet
        _require_id(worker_id)
        fleet.leave(worker_id, query.incarnation)
        return Answer(204, b"", [_NO_STORE])

    @router.get("", responses=answered(WorkerList, "The workers."))
    @guarded(Area.FLEET)
    async def list_workers(request: Request) -> Answer:
        """List the workers that are known here, in the order of joining."""
        fleet: Fleet = request.app.state.fleet
        views = [worker_view(fleet, member.id) for member in fleet.registry.members]
        return shown(request, document_of(WorkerList(views)))

    @router.get("/{worker_id}", responses=answered(WorkerView, "The worker."))
    @guarded(Area.MEMBERSHIP)
    async def show_worker(request: Request, worker_id: str) -> Answer:
        """Show one worker: its state, what it runs, what it has done."""
        fleet: Fleet = request.app.state.fleet
        return shown(request, document_of(worker_view(fleet, worker_id)))

    return router


def stats_router(traffic: Traffic) -> APIRouter:
    """Return the routes under ``/v1/stats``; the state holds the ``fleet``.

    Parameters
    ----------
    traffic : what counts the requests of this coordinator.
    """
    router = APIRouter(tags=["fleet"])

    @router.get("")
    @guarded(Area.FLEET)
    async def show_statistics(request: Request) -> Answer:
        """Show what the fleet and this coordinator have done, and how fast."""
        fleet: Fleet = request.app.state.fleet
        # As fresh as what is in it: workers report once in a heartbeat.
        cache_control = b"private, max-age=%d" % math.ceil(fleet.heartbeat_s)
        view = document_of(statistics(fleet, traffic))
        return shown(request, view, cache_control=cache_control)

    return router


def tasks_router(limits: BodyLimits, default_deadline_s: float) -> APIRouter:
    """Return the routes under ``/v1/tasks``; the state holds fleet and submissions.

    Parameters
    ----------
    limits : bounds of a task's body.
    default_deadline_s : for tasks whose sender names none.
    """
    router = APIRouter(tags=["fleet"])

    @router.post(
        "",
        openapi_extra=described_body(TaskSubmission),
        responses=answered(TaskStatus, "The result.")
        | answered(TaskStatus, "Accepted; ask at Location.", 202),
    )
    @guarded(Area.TASKS)
    async def submit_task(request: Request) -> Answer:
        """Run one task somewhere; answer with its result, or at once if preferred."""
        state = request.app.state
        scope = request.scope
        require_media_type(scope, (JSON,))
        raw = await read_body(request, limits)
        submission = _read(_submissions, raw)
        task = _task(state.fleet, submission, scope, default_deadline_s)
        prefer = header(scope, b"prefer")
        key = _key(request, raw)
        wished = _preferences(prefer or "")
        if "respond-async" in wished:
            return await _accepted(
                request, state.submissions.submit(task, key), _wait_s(wished)
            )
        if key is not None:
            known = state.submissions.submit(task, key)
            task, answer = known.task, await _result(known.running)
        else:
            answer = await state.fleet.run(task)
        return _done(task, answer)

    @router.get("/{task_id}", responses=answered(TaskStatus, "What is known of it."))
    @guarded(Area.RUNNING)
    async def show_task(request: Request, task_id: str) -> Answer:
        """Show how far a task is that was accepted to be done later."""
        table: TaskTable | None = request.app.state.table
        if table is not None and task_id in table:
            return Answer(200, table.status(task_id), [_JSON, _NO_STORE])
        submissions: Submissions = request.app.state.submissions
        return shown(request, document_of(submissions.find(task_id).status))

    @router.delete("/{task_id}", status_code=204, openapi_extra=UNCONDITIONAL)
    @guarded(Area.RUNNING)
    async def cancel_task(request: Request, task_id: str) -> Answer:
        """Cancel a task wherever it runs; 204 also when it has ended."""
        table: TaskTable | None = request.app.state.table
        if table is not None and task_id in table:
            await table.cancel(task_id)
            return Answer(204, b"", [_NO_STORE])
        if not request.app.state.fleet.cancel(task_id):
            # It has ended, or has not even begun.
            request.app.state.submissions.find(task_id).running.cancel()
        return Answer(204, b"", [_NO_STORE])

    return router


def _read(decoder: msgspec.json.Decoder[Body], raw: bytes) -> Body:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Malformed(f"The body does not match its description: {error}.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"The body is not acceptable JSON: {error}.") from None


def _require_id(worker_id: str) -> None:
    if _ID.fullmatch(worker_id) is None:
        raise Malformed("A worker's id has at most 64 letters, digits, . _ and -.")


def _key(request: Request, raw: bytes) -> str | None:
    """Return what tells a repeated request of the same client from others."""
    claim = claim_of(request, raw, principal=principal_of(request.scope).name)
    return None if claim is None else f"{claim.scope} {claim.key}"


def _task(
    fleet: Fleet, submission: TaskSubmission, scope: Scope, default_deadline_s: float
) -> Task:
    workload = fleet.catalogue.get(submission.workload)
    if workload is None:
        reason = f"No workload is called {submission.workload!r}."
        raise Malformed(reason, pointers={"/workload": reason})
    raw = bytes(submission.input)
    decoded(raw)
    try:
        checked = workload.Input.model_validate_json(raw, strict=True)
    except ValidationError as error:
        found = malformed(error, "The input does not match its workload.")
        pointers = {f"/input{where}": what for where, what in found.pointers.items()}
        raise Malformed(found.detail, pointers=pointers) from None
    return Task(
        submission.workload,
        raw,
        _deadline_s(submission, scope, default_deadline_s),
        blobs=tuple(workload.blobs(checked)),
        traceparent=header(scope, TRACE_HEADER.encode()),
    )


def _deadline_s(
    submission: TaskSubmission, scope: Scope, default_deadline_s: float
) -> float:
    wishes = [submission.deadline_s or default_deadline_s]
    text = header(scope, DEADLINE_HEADER.encode())
    if text is not None:
        if not (text.isascii() and text.isdigit() and len(text) <= 12):
            raise Malformed(f"The header {DEADLINE_HEADER} is a whole number.")
        wishes.append(int(text) / 1000.0)
    return min(wishes)


def _done(task: Task, answer: TaskAnswer) -> Answer:
    fields = [_JSON, _NO_STORE, _PREFER_VARIES]
    return Answer(200, _encoder.encode(succeeded(task, answer)), fields)


async def _accepted(request: Request, known: Submission, wait_s: float) -> Answer:
    """Answer with the result if it is there in time, else with where it will be."""
    await asyncio.wait({known.running}, timeout=wait_s)
    if known.running.done():
        return _done(known.task, await _result(known.running))
    location = location_in(request, "/v1/tasks", known.task.id)
    fields = [
        *(_JSON, _NO_STORE, _PREFER_VARIES),
        (b"location", location.encode()),
        (b"preference-applied", b"respond-async"),
        (b"retry-after", b"1"),
    ]
    return Answer(202, _encoder.encode(known.status), fields)


def _preferences(prefer: str) -> set[str]:
    return {part.strip().lower().replace(" ", "") for part in prefer.split(",")}


def _wait_s(wished: set[str]) -> float:
    """Return how long to wait before a task is answered 202, as ``wait=`` asks for."""
    found = [match for text in wished if (match := _WAIT.fullmatch(text))]
    if not found:
        return 0.0
    return min(MOST_WAIT_S, *(float(match[1]) for match in found))


async def _result(running: asyncio.Task[TaskAnswer]) -> TaskAnswer:
    try:
        # The task goes on for others with the same key when this client leaves.
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if running.cancelled():
            raise Cancelled from None
        raise
