"""Clients send many tasks at once: each has its own outcome, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collegium.protocol import MOST_IN_BATCH
from collegium.settings import CoordinatorSettings
from fixtures.asgi import AsgiClient, serving
from fixtures.fleet import fleet_app

PATH = "/v1/task-batches"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsgiClient]:
    """Give a client of a fleet without workers."""
    settings = CoordinatorSettings(data_dir=tmp_path, local_slots=1)
    async with serving(fleet_app(settings)) as client:
        yield client


def _echo(value: Any, **more: Any) -> dict[str, Any]:
    return {"workload": "echo", "input": value} | more


async def _executed(client: AsgiClient) -> int:
    stats = (await client.get("/v1/stats")).json()
    return int(stats["fleet"]["tasks_completed"])


async def test_results_come_in_the_order_of_the_tasks(client: AsgiClient) -> None:
    """As many statuses as tasks, each with an id of its own."""
    values: list[Any] = [1, None, "ä", {"a": [2]}]
    reply = await client.post(PATH, [_echo(value) for value in values])
    assert reply.status == 200
    statuses = reply.json()
    assert [status["output"] for status in statuses] == values
    assert {status["state"] for status in statuses} == {"succeeded"}
    assert {status["executed_by"] for status in statuses} == {"local"}
    assert len({status["id"] for status in statuses}) == len(values)
    assert (await client.post(PATH, [])).json() == []


async def test_one_that_fails_says_why_and_the_others_go_on(client: AsgiClient) -> None:
    """Its status has the problem that it would have been answered with alone."""
    late = {"workload": "sleep", "input": {"seconds": 5}, "deadline_s": 0.05}
    reply = await client.post(PATH, [_echo(1), late, _echo(2)])
    first, second, third = reply.json()
    assert (first["output"], third["output"]) == (1, 2)
    assert (second["state"], second["workload"]) == ("failed", "sleep")
    assert second["problem"]["type"] == "/problems/deadline-exceeded"
    assert second["problem"]["status"] == 504
    assert "output" not in second


@pytest.mark.parametrize(
    ("bad", "pointer"),
    [
        ({"workload": "absent", "input": 1}, "/1/workload"),
        ({"workload": "sleep", "input": {"seconds": -1}}, "/1/input/seconds"),
        ({"workload": "sleep", "input": {"seconds": "1"}}, "/1/input/seconds"),
        ({"workload": "echo", "input": {"a": ["\0"]}}, "/1/input/a/0"),
    ],
)
async def test_one_that_is_malformed_keeps_all_from_beginning(
    client: AsgiClient, bad: dict[str, Any], pointer: str
) -> None:
    """The problem points at it, and nothing has run."""
    reply = await client.post(PATH, [_echo(1), bad, _echo(2)])
    assert reply.status == 422
    assert [error["pointer"] for error in reply.json()["errors"]] == [pointer]
    assert await _executed(client) == 0


async def test_what_is_no_list_of_tasks_is_refused(client: AsgiClient) -> None:
    """Another form, too many, a field that nobody knows."""
    for body, status in [
        ({"tasks": []}, 422),
        ([_echo(1, priority=2)], 422),
        ([_echo(0)] * (MOST_IN_BATCH + 1), 413),
    ]:
        reply = await client.post(PATH, body)
        assert reply.status == status
        assert reply.headers["content-type"] == "application/problem+json"
    assert await _executed(client) == 0


async def test_a_repeated_batch_runs_once(client: AsgiClient) -> None:
    """With an Idempotency-Key the same tasks are the same, and others are refused."""
    key = {"idempotency-key": '"one"'}
    batch = [_echo(1), _echo(2)]
    first = await client.post(PATH, batch, headers=key)
    again = await client.post(PATH, batch, headers=key)
    assert first.status == again.status == 200
    assert first.json() == again.json()
    assert await _executed(client) == 2
    for other in ([_echo(1)], [_echo(1), _echo(3)], [*batch, _echo(3)]):
        reply = await client.post(PATH, other, headers=key)
        assert reply.status == 422
        assert reply.json()["type"] == "/problems/key-reused"
    assert await _executed(client) == 2
