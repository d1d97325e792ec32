"""Programs of others use a coordinator as they use anybody: curl, nginx, Prometheus."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import yaml

from collegium.bench.peers.drivers.processes import Program, free_port
from collegium.bench.site import Site
from fixtures.waiting import until

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.processes,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(400),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Return a coordinator with one worker, as real processes."""
    async with Site(tmp_path_factory.mktemp("site"), workers=1) as site:
        yield site


def _installed(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found


async def _run(*command: str, text: bytes = b"") -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        input=text,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


@contextmanager
def _running(*command: str, marker: str, folder: Path) -> Iterator[Program]:
    program = Program(
        command, marker=marker, log=folder / "outside.log", environment={}
    )
    try:
        program.wait_ready()
        yield program
    finally:
        program.stop()


async def test_curl_creates_and_revalidates(site: Site) -> None:
    """One line of curl makes a university, and another gets 304 by its ETag."""
    curl = _installed("curl")
    await _run(
        *(curl, "--silent", "--show-error", "--fail", "-X", "POST"),
        *("-H", "Content-Type: application/json"),
        *("-d", '{"code": "CURL", "name": "University of Curl"}'),
        f"{site.url}/v1/universities",
    )
    url = f"{site.url}/v1/universities/CURL"
    head = await _run(curl, "--silent", "--fail", "--head", url)
    etag = re.search(r"(?im)^etag: (.+?)\r?$", head)
    assert etag is not None
    form = ("--output", "/dev/null", "--write-out", "%{http_code}")
    seen = await _run(curl, "--silent", *form, "-H", f"If-None-Match: {etag[1]}", url)
    assert seen == "304"


async def test_promtool_finds_nothing_to_say(site: Site) -> None:
    """The metrics of coordinator and worker follow the conventions of Prometheus."""
    promtool = _installed("promtool")
    async with site.client.get("/v1/workers") as answer:
        worker = (await answer.json())["items"][0]["url"]
    for url in (f"{site.url}/metrics", f"{worker}/metrics"):
        async with site.client.get(url) as answer:
            assert answer.status == 200
            metrics = await answer.read()
        assert b"collegium_" in metrics
        said = await _run(promtool, "check", "metrics", text=metrics)
        assert said == ""


async def test_prometheus_scrapes_and_evaluates(site: Site, tmp_path: Path) -> None:
    """A real server has our series of both parts, and every rule and alert of ours."""
    prometheus, promtool = _installed("prometheus"), _installed("promtool")
    rules = ROOT / "deploy/prometheus/rules.yaml"
    await _run(promtool, "check", "rules", str(rules))
    target = site.url.removeprefix("http://")
    async with site.client.get("/v1/workers") as answer:
        worker = (await answer.json())["items"][0]["url"].removeprefix("http://")
    (tmp_path / "prometheus.yaml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{rules}]\n"
        "scrape_configs:\n"
        "  - job_name: collegium-coordinator\n"
        f'    static_configs: [{{targets: ["{target}"]}}]\n'
        "  - job_name: collegium-worker\n"
        f'    static_configs: [{{targets: ["{worker}"]}}]\n'
    )
    address = f"127.0.0.1:{free_port()}"
    options = (
        f"--config.file={tmp_path / 'prometheus.yaml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
    )
    marker = "Server is ready to receive web requests"
    with _running(prometheus, *options, marker=marker, folder=tmp_path):
        await _becomes(address, 'up{job="collegium-coordinator"}', 1.0)
        await _becomes(address, "collegium:wanted_slots", 0.0)
        await _becomes(address, 'collegium_fleet_workers{state="up"}', 1.0)
        await _becomes(address, 'up{job="collegium-worker"}', 1.0)
        await _becomes(address, "sum(collegium_worker_slots)", 1.0)
        loaded = await _rules(address)
    wanted = yaml.safe_load(rules.read_text())["groups"]
    named = {r.get("alert") or r["record"] for group in wanted for r in group["rules"]}
    assert set(loaded) == named
    assert set(loaded.values()) == {"ok"}


async def _rules(address: str) -> dict[str, str]:
    """Return the health of each rule, once all of them have been evaluated."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(60.0):
        while True:
            async with session.get(f"http://{address}/api/v1/rules") as answer:
                groups = (await answer.json())["data"]["groups"]
            found = {r["name"]: r["health"] for g in groups for r in g["rules"]}
            if found and "unknown" not in found.values():
                return found
            await asyncio.sleep(0.2)


async def _becomes(address: str, query: str, value: float) -> None:
    """Ask until the answer is this value: a scrape that took too long gives none."""
    async with aiohttp.ClientSession() as session:

        async def has_value() -> bool:
            async with session.get(
                f"http://{address}/api/v1/query", params={"query": query}
            ) as answer:
                result = (await answer.json())["data"]["result"]
            return bool(result) and float(result[0]["value"][1]) == value

        await until(has_value, 60.0)


async def test_nginx_balances_two_coordinators(site: Site, tmp_path: Path) -> None:
    """Behind our configuration either may die: reads go on, and writes are seen."""
    nginx = _installed("nginx")
    port = free_port()
    second = Program(
        [
            *(sys.executable, "-m", "collegium", "coordinator"),
            *("--port", str(port), "--local-slots", "1"),
            *("--database", f"sqlite:///{site.folder / 'collegium.db'}"),
        ],
        marker="",
        log=tmp_path / "second.log",
        environment={"COLLEGIUM_DATA_DIR": str(tmp_path / "second")},
    )
    proxy = free_port()
    first = site.url.removeprefix("http://")
    text = (ROOT / "deploy/nginx/collegium.conf").read_text()
    for old, new in (
        ("coordinator1:8000", first),
        ("coordinator2:8000", f"127.0.0.1:{port}"),
        ("listen 8080", f"listen 127.0.0.1:{proxy}"),
        ("/var/cache/nginx/collegium", str(tmp_path / "cache")),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "site.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr notice; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/site.conf; }}\n"
    )
    command = (nginx, "-c", str(tmp_path / "nginx.conf"), "-e", "stderr")
    try:
        await _wait_live(f"http://127.0.0.1:{port}", second)
        with _running(*command, marker="start worker process", folder=tmp_path):
            await _use_through(f"http://127.0.0.1:{proxy}", second)
    finally:
        second.stop()


async def _use_through(base: str, second: Program) -> None:
    async with aiohttp.ClientSession(base) as session:
        for number in range(10):
            body = {"code": f"N{number}", "name": "Behind a proxy"}
            async with session.post("/v1/universities", json=body) as answer:
                assert answer.status == 201
            async with session.get(f"/v1/universities/N{number}") as answer:
                assert (answer.status, (await answer.json())["code"]) == (
                    200,
                    f"N{number}",
                )
        await _kill_under_load(session, second)
        async with session.get("/metrics") as answer:
            assert answer.status == 200


async def _kill_under_load(session: aiohttp.ClientSession, second: Program) -> None:
    """Kill one coordinator under idempotent requests; none of them may fail."""
    is_dead = asyncio.Event()
    seen: Counter[tuple[str, int]] = Counter()

    async def ask(number: int) -> None:
        path = f"/v1/universities/N{number}"
        for turn in itertools.count():
            async with session.get(path) as answer:
                seen["GET", answer.status] += 1
                tag = answer.headers["etag"]
            changed = {"code": f"N{number}", "name": f"Name {turn}"}
            async with session.put(
                path, json=changed, headers={"if-match": tag}
            ) as answer:
                # Told twice because an answer was lost, it is done already.
                assert answer.status in (200, 412), await answer.text()
            async with session.get(path) as answer:
                seen["GET", answer.status] += 1
                assert (await answer.json())["name"] == f"Name {turn}"
            if is_dead.is_set() and turn >= 5:
                return

    async def kill() -> None:
        await asyncio.sleep(0.3)
        second.process.kill()
        await asyncio.to_thread(second.process.wait)
        is_dead.set()

    await asyncio.gather(kill(), *(ask(number) for number in range(4)))
    assert set(seen) == {("GET", 200)}


async def _wait_live(base: str, program: Program) -> None:
    async with aiohttp.ClientSession(base) as session, asyncio.timeout(300.0):
        while True:
            assert program.process.poll() is None
            try:
                async with session.get("/health/live") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.2)
