"""The resources of a worker: its tasks, and itself."""

from __future__ import annotations

import re

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.types import Scope

from collegium import logs
from collegium.errors import Malformed
from collegium.membership.outcomes import joined
from collegium.membership.place import Envelope
from collegium.membership.tasks import TaskTable
from collegium.protocol import (
    ATTEMPT_HEADER,
    DEADLINE_HEADER,
    DISPATCHER_HEADER,
    MOST_IN_BATCH,
    TRACE_HEADER,
    VIA_HEADER,
    BatchedTask,
    TaskOrder,
    TaskStatus,
    WorkerSelf,
    via_of,
)
from collegium.rest.access import Area, guarded
from collegium.rest.answers import Answer
from collegium.rest.bodies import JSON, BodyLimits, read_body, require_media_type
from collegium.rest.structs import answered, described_body, read_structs

DEFAULT_DEADLINE_S = 300.0
LONGEST_DEADLINE_S = 86_400.0
_TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DEADLINE = DEADLINE_HEADER.encode()
_ATTEMPT = ATTEMPT_HEADER.encode()
_DISPATCHER = DISPATCHER_HEADER.encode()
_VIA = VIA_HEADER.encode()
_TRACE = TRACE_HEADER.encode()
_batches = msgspec.json.Decoder(list[BatchedTask])
_FIELDS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


def tasks_router(limits: BodyLimits) -> APIRouter:
    """Return the routes under ``/v1``; the application's state holds the table.

    Parameters
    ----------
    limits : bounds of a task's body.
    """
    router = member_router(limits)

    @router.post(
        "/task-batches",
        openapi_extra=described_body(list[BatchedTask]),
        responses=answered(list[TaskStatus], "What each has come to, in order."),
    )
    @guarded(Area.RUNNING)
    async def run_tasks(request: Request) -> Answer:
        """Run short tasks and answer with all results; each as if put by itself."""
        require_media_type(request.scope, (JSON,))
        raw = await read_body(request, limits)
        batch = read_structs(_batches, raw, MOST_IN_BATCH)
        table: TaskTable = request.app.state.table
        dispatcher = _envelope(request.scope).dispatcher
        outcomes = await table.put_batch(batch, dispatcher)
        return Answer(200, joined(batch, outcomes), _FIELDS.copy())

    @router.get(
        "/tasks/{task_id}", responses=answered(TaskStatus, "What is known of it.")
    )
    @guarded(Area.RUNNING)
    async def show_task(request: Request, task_id: str) -> Answer:
        """Show how far a task is, or its result while that is remembered."""
        table: TaskTable = request.app.state.table
        return Answer(200, table.status(task_id), _FIELDS.copy())

    @router.delete("/tasks/{task_id}", status_code=204)
    @guarded(Area.RUNNING)
    async def cancel_task(request: Request, task_id: str) -> Answer:
        """Stop a task; 204 when it does not run any more."""
        table: TaskTable = request.app.state.table
        await table.cancel(task_id)
        return Answer(204, b"", [])

    return router


def member_router(limits: BodyLimits) -> APIRouter:
    """Return what a coordinator has beside its own routes to be a member elsewhere.

    Parameters
    ----------
    limits : bounds of a task's body.
    """
    router = APIRouter(tags=["worker"])

    @router.put(
        "/tasks/{task_id}",
        openapi_extra=described_body(TaskOrder),
        responses=answered(TaskStatus, "The task has its result."),
    )
    @guarded(Area.RUNNING)
    async def run_task(request: Request, task_id: str) -> Answer:
        """Run a task and answer with its result; again the same for the same id."""
        if _TASK_ID.fullmatch(task_id) is None:
            raise Malformed("A task's id has at most 64 letters, digits, . _ and -.")
        logs.task_id.set(task_id)
        require_media_type(request.scope, (JSON,))
        raw = await read_body(request, limits)
        table: TaskTable = request.app.state.table
        answer = await table.put(task_id, raw, _envelope(request.scope))
        return Answer(200, answer, _FIELDS.copy())

    @router.get("/self", responses=answered(WorkerSelf, "Who answers here."))
    @guarded(Area.RUNNING)
    async def show_self(request: Request) -> Answer:
        """Show who answers at this address, so that a coordinator can make sure."""
        state = request.app.state
        who = WorkerSelf(state.worker_id, state.incarnation, state.reporter.state)
        return Answer(200, msgspec.json.encode(who), _FIELDS.copy())

    return router


def _envelope(scope: Scope) -> Envelope:
    attempt, deadline_ms, dispatcher = 1, int(1000 * DEFAULT_DEADLINE_S), ""
    via: tuple[str, ...] = ()
    trace = None
    for name, value in scope["headers"]:
        if name == _DEADLINE:
            deadline_ms = _number(value, DEADLINE_HEADER)
        elif name == _ATTEMPT:
            attempt = _number(value, ATTEMPT_HEADER)
        elif name == _DISPATCHER:
            dispatcher = value.decode("latin-1")[:64]
        elif name == _VIA:
            via += via_of(value.decode("latin-1"))
        elif name == _TRACE:
            trace = value.decode("latin-1")
    deadline_s = min(deadline_ms / 1000.0, LONGEST_DEADLINE_S)
    return Envelope(attempt, deadline_s, dispatcher, via, trace)


def _number(value: bytes, name: str) -> int:
    if not value.isdigit() or len(value) > 12:
        raise Malformed(f"The header {name} is a whole number.")
    return int(value)
