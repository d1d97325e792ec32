from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collegium.fleet.service import Fleet
from collegium.fleet.task_routes import (
    MOST_WAIT_S,
    _preferences,
    _wait_s,
)
from collegium.settings import CoordinatorSettings
from fixtures.asgi import AsgiClient, Reply, serving
from fixtures.fleet import fleet_app
from fixtures.waiting import until

SAID: dict[str, Any] = {
    "incarnation": "01",
    "url": "http://127.0.0.1:9",
    "slots": 2,
    "workloads": ["noop"],
    "counters": {"tasks_completed": 7},
}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsgiClient]:
    """Give a client of a fleet without workers."""
    settings = CoordinatorSettings(data_dir=tmp_path, local_slots=1)
    async with serving(fleet_app(settings)) as client:
        yield client


async def test_announcing_is_idempotent(client: AsgiClient) -> None:
    """The first announcement creates, further ones change nothing; so do two ends."""
    first = await client.put("/v1/workers/w", SAID)
    assert (first.status, first.headers["location"]) == (201, "/v1/workers/w")
    assert first.headers["heartbeat-ms"] == "5000"
    for _ in range(2):
        again = await client.put("/v1/workers/w", SAID)
        assert (again.status, again.body) == (204, b"")
    shown = await client.get("/v1/workers/w")
    assert shown.json()["tasks_completed"] == 7
    assert shown.json()["state"] == "starting"
    listed = (await client.get("/v1/workers")).json()["items"]
    assert [worker["id"] for worker in listed] == ["w"]
    for _ in range(2):
        assert (await client.delete("/v1/workers/w?incarnation=01")).status == 204
    assert (await client.get("/v1/workers/w")).status == 404


async def test_outdated_start_is_refused(client: AsgiClient) -> None:
    """A leftover of an earlier start gets 409, and its totals still count once."""
    await client.put("/v1/workers/w", SAID)
    await client.put("/v1/workers/w", SAID | {"incarnation": "02"})
    late = await client.put("/v1/workers/w", SAID)
    assert (late.status, late.json()["status"]) == (409, 409)
    assert (await client.delete("/v1/workers/w?incarnation=01")).status == 409
    stats = (await client.get("/v1/stats")).json()
    assert stats["workers"]["w"]["tasks_completed"] == 14


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"url": "http://169.254.169.254:80"}, 422),
        ({"url": "http://["}, 422),
        ({"url": "http://10.0.0.1:80"}, 422),
        ({"slots": -1}, 422),
        ({"slots": "2"}, 422),
        ({"slots": True}, 422),
        ({"counters": {"x": -1}}, 422),
        ({"counters": {"x": 2**60}}, 422),
        ({"protocol_min": 7, "protocol_max": 9}, 422),
        ({"incarnation": ""}, 422),
        ({"from": "the future"}, 201),
    ],
)
async def test_announcements_are_checked(
    client: AsgiClient, changed: dict[str, Any], status: int
) -> None:
    """What no worker can be is refused; what only a newer one says is ignored."""
    answer = await client.put("/v1/workers/w", SAID | changed)
    assert answer.status == status
    if status != 201:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"workload":"echo","input":' + b"[" * 999 + b"]" * 999 + b"}", 400),
        (b"[" * 5_000, 422),
        (b'{"workload":"noop","input":NaN}', 400),
        (b'{"workload":"echo","input":' + b"9" * 5_000 + b"}", 400),
        (b'{"workload":"echo","input":"\\ud800"}', 400),
        (b'{"workload":"echo","input":{"a":1,"a":2}}', 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"workload":"noop"}', 422),
        (b'{"workload":"noop","input":{},"else":1}', 422),
        (b'{"workload":"noop","input":{"x":1}}', 422),
        (b'{"workload":"unheard-of","input":{}}', 422),
        (b'{"workload":"sleep","input":{"seconds":"1"}}', 422),
        (b'{"workload":"noop","input":{},"deadline_s":0}', 422),
        (b"x" * 200_000, 413),
    ],
)
async def test_bad_tasks(client: AsgiClient, content: bytes, status: int) -> None:
    """Malformed and unknown input is a problem of the client's, never a 500."""
    headers = {"content-type": "application/json"}
    answer = await client.request("POST", "/v1/tasks", content=content, headers=headers)
    assert (answer.status, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


async def test_input_is_blamed_by_pointer(client: AsgiClient) -> None:
    """The problem points at the member of the body that is wrong."""
    body = {"workload": "sleep", "input": {"seconds": -1}}
    answer = await client.post("/v1/tasks", body)
    assert answer.json()["errors"][0]["pointer"] == "/input/seconds"


async def test_other_media_types(client: AsgiClient) -> None:
    """A body that is not JSON is 415 and the answer says what is taken."""
    for method, path in (("POST", "/v1/tasks"), ("PUT", "/v1/workers/w")):
        answer = await client.request(
            method, path, content=b"a=1", headers={"content-type": "text/plain"}
        )
        assert answer.status == 415
        assert "application/json" in answer.headers["accept-post"]


async def test_without_workers_tasks_run_here(client: AsgiClient) -> None:
    """With nobody announced a task is done by the local executor and says so."""
    body = {"workload": "echo", "input": {"a": [1, "ä", None]}}
    answer = await client.post("/v1/tasks", body)
    assert answer.status == 200
    assert answer.json()["executed_by"] == "local"
    assert answer.json()["output"] == body["input"]
    stats = (await client.get("/v1/stats")).json()
    assert stats["fleet"]["tasks_completed"] == 1
    assert stats["coordinator"]["counters"]["fallback"] == 1


async def test_task_that_nobody_waits_for(client: AsgiClient) -> None:
    """Asked to, the answer is 202 at once, and the result is where it says."""
    body = {"workload": "sleep", "input": {"seconds": 0.05}}
    answer = await client.post("/v1/tasks", body, headers={"prefer": "respond-async"})
    assert answer.status == 202
    assert answer.headers["preference-applied"] == "respond-async"
    location = answer.headers["location"]
    shown = await until(lambda: _ended(client, location))
    assert shown.json()["output"] == {"seconds": 0.05}
    cached = await client.get(location, headers={"if-none-match": shown.etag})
    assert (cached.status, cached.body) == (304, b"")
    assert (await client.delete(location)).status == 204
    assert (await client.get("/v1/tasks/unknown")).status == 404
    assert (await client.delete("/v1/tasks/unknown")).status == 404


async def test_waiting_for_a_while(client: AsgiClient) -> None:
    """``wait`` gives the result itself when it is there in time, else 202."""
    body = {"workload": "sleep", "input": {"seconds": 0.05}}
    headers = {"prefer": "respond-async, wait=30"}
    answer = await client.post("/v1/tasks", body, headers=headers)
    assert (answer.status, answer.json()["state"]) == (200, "succeeded")
    assert "location" not in answer.headers
    body = {"workload": "sleep", "input": {"seconds": 60}}
    headers = {"prefer": "wait=0, unknown; x=1, respond-async"}
    answer = await client.post("/v1/tasks", body, headers=headers)
    assert answer.status == 202
    assert (await client.delete(answer.headers["location"])).status == 204


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("respond-async", 0.0),
        ("respond-async, wait=5", 5.0),
        ("Wait = 5,respond-async", 5.0),
        ("respond-async, wait=100000", MOST_WAIT_S),
        ("respond-async, wait=-1, wait=x, wait", 0.0),
    ],
)
def test_waits_are_bounded(prefer: str, seconds: float) -> None:
    """Nobody waits for more than a bound; what is no number is ignored."""
    assert _wait_s(_preferences(prefer)) == seconds


async def _ended(client: AsgiClient, location: str) -> Reply | None:
    shown = await client.get(location)
    return None if shown.json()["state"] == "running" else shown


async def test_cancelled_task(client: AsgiClient) -> None:
    """DELETE ends a running task, and its resource says so."""
    body = {"workload": "sleep", "input": {"seconds": 60}}
    answer = await client.post("/v1/tasks", body, headers={"prefer": "respond-async"})
    location = answer.headers["location"]
    assert (await client.delete(location)).status == 204
    shown = await until(lambda: _ended(client, location))
    assert shown.json()["state"] == "cancelled", shown.body


async def test_same_key_is_one_task(client: AsgiClient) -> None:
    """A key stands for one task: repeated it gives the same, for another it is 422."""
    headers = {"idempotency-key": '"k"'}
    body = {"workload": "echo", "input": 1}
    answers = [await client.post("/v1/tasks", body, headers=headers) for _ in "ab"]
    assert answers[0].json() == answers[1].json()
    other = {"workload": "echo", "input": 2}
    assert (await client.post("/v1/tasks", other, headers=headers)).status == 422


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/workers", "GET, HEAD, OPTIONS"),
        ("/v1/workers/w", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/v1/tasks", "OPTIONS, POST"),
        ("/v1/tasks/t", "DELETE, GET, HEAD, OPTIONS"),
        ("/v1/stats", "GET, HEAD, OPTIONS"),
    ],
)
async def test_methods_are_told_exactly(
    client: AsgiClient, path: str, allow: str
) -> None:
    """405 and OPTIONS name the methods that there are, and no other."""
    refused = await client.request("PATCH", path)
    assert (refused.status, refused.headers["allow"]) == (405, allow)
    assert (await client.request("OPTIONS", path)).headers["allow"] == allow


@pytest.mark.parametrize("path", ["/v1/workers", "/v1/workers/w", "/metrics"])
async def test_head_is_get_without_a_body(client: AsgiClient, path: str) -> None:
    """HEAD gives the fields of GET."""
    await client.put("/v1/workers/w", SAID)
    shown = await client.get(path)
    head = await client.request("HEAD", path)
    assert (shown.status, head.status, head.body) == (200, 200, b"")
    assert set(head.headers) == set(shown.headers)


async def test_tokens_guard_their_parts(tmp_path: Path) -> None:
    """Workers need theirs or the clients' token, clients only their own; 401 else."""
    settings = CoordinatorSettings.model_validate(
        {"data_dir": tmp_path, "api_token": "a" * 20, "worker_token": "w" * 20}
    )
    async with serving(fleet_app(settings)) as client:

        async def status(method: str, path: str, token: str | None) -> int:
            headers = {"content-type": "application/json"}
            if token is not None:
                headers["authorization"] = f"Bearer {token}"
            body = SAID if method == "PUT" else {"workload": "noop", "input": {}}
            options: dict[str, Any] = {"headers": headers}
            if method != "GET":
                options["body"] = body
            answer = await client.request(method, path, **options)
            if answer.status == 401:
                assert answer.headers["www-authenticate"] == "Bearer"
            return answer.status

        for token in (None, "x", "", "w" * 19):
            assert await status("PUT", "/v1/workers/w", token) == 401
            assert await status("POST", "/v1/tasks", token) == 401
        assert await status("PUT", "/v1/workers/w", "w" * 20) == 201
        assert await status("POST", "/v1/tasks", "w" * 20) == 403
        assert await status("GET", "/v1/stats", "w" * 20) == 403
        assert await status("POST", "/v1/tasks", "a" * 20) == 200
        assert await status("PUT", "/v1/workers/w", "a" * 20) == 204


async def test_full_queue(client: AsgiClient) -> None:
    """When too many tasks wait, callers are told when to come back."""
    fleet: Fleet = client._app.state.fleet  # type: ignore[attr-defined]
    fleet.dispatcher.queue._limit = 0
    answer = await client.post("/v1/tasks", {"workload": "noop", "input": {}})
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "/problems/overloaded"


def test_description_is_complete() -> None:
    """Bodies and answers of every route are in the OpenAPI document."""
    document = fleet_app(CoordinatorSettings()).openapi()
    task = document["paths"]["/v1/tasks"]["post"]
    schema = task["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["required"]) == {"workload", "input"}
    assert {"200", "202", "422", "503"} <= set(task["responses"])
    announcing = document["paths"]["/v1/workers/{worker_id}"]["put"]
    assert {"201", "204", "409", "422"} <= set(announcing["responses"])


async def test_statistics_say_how_old_they_are(client: AsgiClient) -> None:
    """They name their time, how late reports may be, and may be kept as long."""
    before = datetime.now(UTC).isoformat(timespec="milliseconds")
    assert (await client.get("/v1/stats")).json()["report_age_s"] == 0.0
    gauges = {"uptime_s": 100.0}
    await client.put("/v1/workers/w", SAID | {"gauges": gauges})
    shown = await client.get("/v1/stats")
    assert shown.headers["cache-control"] == "private, max-age=5"
    stats = shown.json()
    as_of = datetime.fromisoformat(stats["as_of"])
    assert datetime.fromisoformat(before) <= as_of <= datetime.now(UTC)
    assert 0.0 <= stats["report_age_s"] <= 60.0
    assert stats["bound_s"] == 5.0
    assert 100.0 <= stats["workers"]["w"]["uptime_s"] < 200.0
    assert 0.0 <= stats["workers"]["w"]["age_s"] < 60.0
    assert stats["workers"]["local"]["uptime_s"] >= 0.0
    assert stats["coordinator"]["queue_age_s"] == 0.0


async def test_fallback_and_throughput_of_each_and_all(client: AsgiClient) -> None:
    """Tasks done here are fallback; what workers complete counts for a minute."""
    await client.put("/v1/workers/w", SAID)
    counters = {"tasks_completed": 10, "tasks_failed": 10}
    await client.put("/v1/workers/w", SAID | {"counters": counters, "sequence": 1})
    submitted = {"workload": "noop", "input": {}}
    assert (await client.post("/v1/tasks", submitted)).status == 200
    stats = (await client.get("/v1/stats")).json()
    here, worker, fleet = (
        stats["workers"]["local"],
        stats["workers"]["w"],
        stats["fleet"],
    )
    assert (here["tasks_fallback"], worker["tasks_fallback"]) == (1, 0)
    assert fleet["tasks_fallback"] == 1
    assert worker["tasks_per_minute"] == 3.0
    assert fleet["tasks_per_minute"] >= 3.0
    assert worker["error_rate"] == 0.5


async def test_leaves_are_counted_under_their_own_names(client: AsgiClient) -> None:
    """A worker below a coordinator is listed; the coordinator adds nothing to it."""
    leaf = {"source": "leaf", "incarnation": "01", "counters": {"tasks_completed": 4}}
    said = SAID | {"coordinators": ["c1"], "leaves": [leaf]}
    for _ in range(2):
        await client.put("/v1/workers/below", said)
        await client.put("/v1/workers/leaf", SAID | {"counters": leaf["counters"]})
    stats = (await client.get("/v1/stats")).json()
    assert stats["workers"]["leaf"]["tasks_completed"] == 4
    assert stats["workers"]["below"]["tasks_completed"] == 7
    assert stats["fleet"]["tasks_completed"] == 4
