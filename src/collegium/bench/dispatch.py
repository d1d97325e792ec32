"""What delegating a task costs, beside the two bare HTTP hops that it is made of.

All contenders run at the same time and are asked in turn, so that whatever else the
machine does befalls them alike; what is compared are the ratios. Collegium is asked in
two ways: by the plain HTTP client that the bare hops are asked by, one request for each
task, and by its own client, as a Python program would use it.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from collegium.bench.peers.drivers.load import Load, run_loops
from collegium.bench.peers.drivers.processes import Program, free_port
from collegium.bench.site import Site
from collegium.client import Client
from collegium.errors import Unavailable

START_LIMIT_S = 60.0
BUSY = 64
THROUGHPUT_FLOOR = 0.6
LATENCY_CEILING = 2.0
Run = Callable[[str], Awaitable[None]]
"""Has one task of a workload run, and makes sure that its result is right."""


@dataclass(frozen=True, slots=True)
class Loads:
    """How much each contender is given in one round.

    Parameters
    ----------
    tasks : echo tasks with 64 under way.
    single : echo tasks one after the other.
    naps : tasks of 10 ms with 64 under way; for Collegium only.
    rounds : of all of them; figures are medians.
    """

    tasks: int = 3000
    single: int = 500
    naps: int = 600
    rounds: int = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians of one contender over the rounds."""

    tasks_per_s: float
    loaded_p50_ms: float
    loaded_p99_ms: float
    p50_ms: float
    p99_ms: float


async def bench_dispatch(
    loads: Loads, on_round: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Measure one hop, two bare hops and Collegium; return figures and ratios.

    Parameters
    ----------
    loads : how much of everything.
    on_round : told the number of the round that begins.

    Raises
    ------
    Unavailable
        When a contender does not start, or does not answer every task.
    """
    rounds: dict[str, list[tuple[Load, Load]]] = {}
    naps: list[Load] = []
    async with _contenders() as contenders:
        for number in range(loads.rounds):
            on_round(number)
            busy = {
                name: await _ask(run, "echo", loads.tasks, BUSY)
                for name, run in contenders.items()
            }
            single = await _ask_in_turn(contenders, loads.single)
            for name in contenders:
                rounds.setdefault(name, []).append((busy[name], single[name]))
            naps.append(await _ask(contenders["collegium"], "sleep", loads.naps, BUSY))
    return _report(loads, rounds, naps)


def _report(
    loads: Loads, rounds: dict[str, list[tuple[Load, Load]]], naps: list[Load]
) -> dict[str, Any]:
    figures = {name: _figures(pairs) for name, pairs in rounds.items()}
    pairs = list(zip(rounds["collegium"], rounds["two_hops"], strict=True))
    throughput = statistics.median(
        ours[0].tasks_per_s / bare[0].tasks_per_s for ours, bare in pairs
    )
    latency = statistics.median(
        ours[1].quantile_ms(0.5) / bare[1].quantile_ms(0.5) for ours, bare in pairs
    )
    return {
        "loads": asdict(loads),
        "contenders": {name: asdict(found) for name, found in figures.items()},
        "naps_per_s": statistics.median(load.tasks_per_s for load in naps),
        "naps_share_of_ideal": statistics.median(
            load.tasks_per_s * 0.01 / 2 for load in naps
        ),
        "throughput_ratio": throughput,
        "latency_ratio": latency,
        "is_met": throughput >= THROUGHPUT_FLOOR and latency <= LATENCY_CEILING,
    }


def _figures(pairs: list[tuple[Load, Load]]) -> Figures:
    def median(read: Callable[[tuple[Load, Load]], float]) -> float:
        return statistics.median(map(read, pairs))

    return Figures(
        tasks_per_s=median(lambda pair: pair[0].tasks_per_s),
        loaded_p50_ms=median(lambda pair: pair[0].quantile_ms(0.5)),
        loaded_p99_ms=median(lambda pair: pair[0].quantile_ms(0.99)),
        p50_ms=median(lambda pair: pair[1].quantile_ms(0.5)),
        p99_ms=median(lambda pair: pair[1].quantile_ms(0.99)),
    )


async def _ask_in_turn(contenders: dict[str, Run], tasks: int) -> dict[str, Load]:
    """Ask one after the other, each once before any is asked again.

    The time of a single task is short against what else the machine does, which would
    fall on one contender alone if each were asked many times in a row.
    """
    latencies: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(tasks):
        for name, run in contenders.items():
            asked = await _ask(run, "echo", 1, 1)
            latencies[name] += asked.latencies_s
    return {name: Load(sum(times), times) for name, times in latencies.items()}


async def _ask(run: Run, workload: str, tasks: int, concurrency: int) -> Load:
    return await run_loops(
        lambda _: run(workload), tasks=tasks, concurrency=concurrency
    )


def _posting(session: aiohttp.ClientSession) -> Run:
    """Return what posts a task by itself."""
    task = b'{"seconds":0.01}'
    headers = {"content-type": "application/json"}

    async def run(workload: str) -> None:
        body = b'{"workload":"%b","input":%b}' % (workload.encode(), task)
        async with session.post("/v1/tasks", data=body, headers=headers) as answer:
            raw = await answer.read()
            if answer.status != 200 or task not in raw:
                raise Unavailable(f"A task was answered {answer.status}: {raw[:200]!r}")

    return run


def _running(client: Client) -> Run:
    """Return what runs a task by our own client."""
    task = {"seconds": 0.01}

    async def run(workload: str) -> None:
        result = await client.run(workload, task)
        if result.output != task:
            raise Unavailable(f"A task has the result {result.output!r}.")

    return run


@asynccontextmanager
async def _contenders() -> AsyncIterator[dict[str, Run]]:
    async with AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="collegium-bench-"))
        )
        ends = [await _bare(stack, folder) for _ in range(2)]
        middle = await _bare(stack, folder, *ends)
        site = await stack.enter_async_context(Site(folder))
        addresses = {"one_hop": ends[0], "two_hops": middle, "collegium": site.url}
        contenders = {
            name: _posting(await stack.enter_async_context(_client(address)))
            for name, address in addresses.items()
        }
        client = await stack.enter_async_context(Client(site.url))
        yield contenders | {"client": _running(client)}


def _client(address: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        address,
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def _bare(stack: AsyncExitStack, folder: Path, *targets: str) -> str:
    port = free_port()
    program = Program(
        [sys.executable, "-m", "collegium.bench.bare", str(port), *targets],
        marker="",
        log=folder / f"bare{port}.log",
        environment={},
    )
    stack.callback(program.stop)
    address = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(START_LIMIT_S), _client(address) as client:
        while True:
            try:
                await _posting(client)("echo")
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
                continue
            return address
