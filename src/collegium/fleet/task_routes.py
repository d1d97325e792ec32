"""Clients send tasks here: one, or many short ones at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import msgspec
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.requests import Request
from starlette.types import Scope

from collegium.errors import Cancelled, CollegiumError, Malformed
from collegium.fleet.service import Fleet
from collegium.fleet.submissions import Submission, Submissions, succeeded
from collegium.fleet.tasks import Task, TaskAnswer
from collegium.membership.outcomes import failure
from collegium.membership.tasks import TaskTable
from collegium.protocol import (
    DEADLINE_HEADER,
    MOST_IN_BATCH,
    TRACE_HEADER,
    TaskStatus,
    TaskSubmission,
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
from collegium.rest.idempotency import Claim, claim_of
from collegium.rest.openapi import UNCONDITIONAL
from collegium.rest.structs import (
    answered,
    described_body,
    document_of,
    read_struct,
    read_structs,
)

MOST_WAIT_S = 60.0
"""Longest time that ``Prefer: respond-async, wait=`` can have."""
_WAIT = re.compile(r"wait=(\d{1,9})", re.ASCII)
_submissions = msgspec.json.Decoder(TaskSubmission)
_batches = msgspec.json.Decoder(list[TaskSubmission])
_encoder = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")
_NO_STORE = (b"cache-control", b"no-store")
_PREFER_VARIES = (b"vary", b"prefer")


def tasks_router(limits: BodyLimits, default_deadline_s: float) -> APIRouter:
    """Return the routes of tasks, under ``/v1``; the state holds fleet and submissions.

    Parameters
    ----------
    limits : bounds of a body.
    default_deadline_s : for tasks whose sender names none.
    """
    router = APIRouter(tags=["fleet"])

    @router.post(
        "/tasks",
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
        submission = read_struct(_submissions, raw)
        task = _task(state.fleet, submission, scope, default_deadline_s)
        prefer = header(scope, b"prefer")
        claim = _claim(request, raw)
        key = _text(claim) if claim is not None else None
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

    @router.get(
        "/tasks/{task_id}", responses=answered(TaskStatus, "What is known of it.")
    )
    @guarded(Area.RUNNING)
    async def show_task(request: Request, task_id: str) -> Answer:
        """Show how far a task is that was accepted to be done later."""
        table: TaskTable | None = request.app.state.table
        if table is not None and task_id in table:
            return Answer(200, table.status(task_id), [_JSON, _NO_STORE])
        submissions: Submissions = request.app.state.submissions
        return shown(request, document_of(submissions.find(task_id).status))

    @router.delete("/tasks/{task_id}", status_code=204, openapi_extra=UNCONDITIONAL)
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


def batches_router(limits: BodyLimits, default_deadline_s: float) -> APIRouter:
    """Return the route of many tasks at once, under ``/v1``; see ``tasks_router``."""
    router = APIRouter(tags=["fleet"])

    @router.post(
        "/task-batches",
        openapi_extra=described_body(list[TaskSubmission]),
        responses=answered(list[TaskStatus], "What each has come to, in order."),
    )
    @guarded(Area.TASKS)
    async def submit_tasks(request: Request) -> Answer:
        """Run several tasks; answer with all their results, when the last has ended.

        When one is malformed none is begun. Of a task that fails the status says why;
        the others go on.
        """
        state = request.app.state
        require_media_type(request.scope, (JSON,))
        raw = await read_body(request, limits)
        tasks = _tasks(state.fleet, raw, request.scope, default_deadline_s)
        statuses = await _run_all(state, tasks, _claim(request, raw))
        return Answer(200, _encoder.encode(statuses), [_JSON, _NO_STORE])

    return router


def _claim(request: Request, raw: bytes) -> Claim | None:
    return claim_of(request, raw, principal=principal_of(request.scope).name)


def _text(claim: Claim) -> str:
    """Return what tells a repeated request of the same client from others."""
    return f"{claim.scope} {claim.key}"


def _tasks(
    fleet: Fleet, raw: bytes, scope: Scope, default_deadline_s: float
) -> list[Task]:
    submissions = read_structs(_batches, raw, MOST_IN_BATCH)
    tasks = []
    for number, submission in enumerate(submissions):
        try:
            tasks.append(_task(fleet, submission, scope, default_deadline_s))
        except Malformed as error:
            raise _below(f"/{number}", error) from None
    return tasks


def _task(
    fleet: Fleet, submission: TaskSubmission, scope: Scope, default_deadline_s: float
) -> Task:
    workload = fleet.catalogue.get(submission.workload)
    if workload is None:
        reason = f"No workload is called {submission.workload!r}."
        raise Malformed(reason, pointers={"/workload": reason})
    raw = bytes(submission.input)
    try:
        decoded(raw)
        checked = workload.Input.model_validate_json(raw, strict=True)
    except Malformed as error:
        raise _below("/input", error) from None
    except ValidationError as error:
        found = malformed(error, "The input does not match its workload.")
        raise _below("/input", found) from None
    return Task(
        submission.workload,
        raw,
        _deadline_s(submission, scope, default_deadline_s),
        blobs=tuple(workload.blobs(checked)),
        traceparent=header(scope, TRACE_HEADER.encode()),
    )


def _below(place: str, error: Malformed) -> Malformed:
    """Return an error about a part as one about the whole body."""
    pointers = {place + pointer: why for pointer, why in error.pointers.items()}
    return Malformed(error.detail, pointers=pointers)


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


async def _run_all(
    state: State, tasks: Sequence[Task], claim: Claim | None
) -> list[TaskStatus]:
    if claim is None:
        running = [state.fleet.run(task) for task in tasks]
    else:
        known = state.submissions.submit_all(tasks, _text(claim), claim.fingerprint)
        tasks = [submission.task for submission in known]
        running = [_result(submission.running) for submission in known]
    outcomes = await asyncio.gather(*running, return_exceptions=True)
    return [_status(*pair) for pair in zip(tasks, outcomes, strict=True)]


def _status(task: Task, outcome: TaskAnswer | BaseException) -> TaskStatus:
    if isinstance(outcome, TaskAnswer):
        return succeeded(task, outcome)
    if not isinstance(outcome, CollegiumError):
        raise outcome
    return failure(task.id, task.workload, outcome)


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
