"""How fast the catalogue is, beside a bare route of its own framework.

Every contender is a process of its own, on this machine, loaded by the same client over
as many connections; the loads take turns in short rounds, so that what else the machine
does meets all alike. What counts is the median of each round's ratio.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from collegium.bench.catalogue_rows import TOPIC_EVERY, fill
from collegium.bench.peers.drivers.processes import free_port
from collegium.bench.wire import Script, Tally, load, request_bytes
from collegium.errors import Misconfigured, Unavailable

TARGETS: Mapping[str, float] = {
    "get": 0.6,
    "not_modified": 0.7,
    "page": 0.2,
    "search": 0.1,
    "create": 0.15,
}
"""Least share of the bare route's answers per second."""
ORM_TARGET = 3.0
"""On PostgreSQL: at least so many times the ORM's reads per second."""
LARGEST_LOSS = 0.2
"""What reading, paging and creating may lose from the first size to the last."""
_START_S = 120.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Parameters
    ----------
    sizes : numbers of courses, one catalogue for each.
    database : address of an empty PostgreSQL database; None for SQLite files.
    rounds : medians are over these.
    seconds : of one load in one round.
    connections : requests under way at once.
    """

    sizes: tuple[int, ...] = (100_000,)
    database: str | None = None
    rounds: int = 5
    seconds: float = 1.0
    connections: int = 32


def bench_catalogue(plan: Plan, tell: Tell) -> dict[str, Any]:
    """Measure and return a report.

    Parameters
    ----------
    plan : what to measure.
    tell : told what is being done.

    Raises
    ------
    Unavailable
        When a server does not start.
    """
    if plan.database is not None:
        _require_orm()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bare = free_port()
        plain = [sys.executable, "-m", "collegium.bench.plain", str(bare)]
        stack.enter_context(_serving(plain, bare, "/items/x"))
        loads = {"bare": {0: (bare, _always(request_bytes("GET", "/items/x")))}}
        fill_s: dict[int, float] = {}
        for size in plan.sizes:
            url = plan.database or f"sqlite:///{folder}/{size}.db"
            tell(f"filling a catalogue of {size} courses")
            began = time.perf_counter()
            asyncio.run(fill(url, size))
            fill_s[size] = time.perf_counter() - began
            port = free_port()
            arguments = ["coordinator", "--port", str(port), "--database", url]
            arguments += ["--data-dir", str(folder / f"data{size}")]
            command = [sys.executable, "-m", "collegium", *arguments]
            stack.enter_context(_serving(command, port, "/health/ready"))
            for name, script in _scripts(port, size).items():
                loads.setdefault(name, {})[size] = (port, script)
            if plan.database is not None:
                orm = free_port()
                command = [sys.executable, "-m", "collegium.bench.orm", str(orm), url]
                stack.enter_context(_serving(command, orm, _course_path(1)))
                loads.setdefault("orm", {})[size] = (orm, _readers(size))
        rounds = asyncio.run(_measure(plan, loads, tell))
    return _report(plan, rounds, fill_s)


Loads = Mapping[str, Mapping[int, tuple[int, Script]]]
Round = dict[tuple[str, int], Tally]


async def _measure(plan: Plan, loads: Loads, tell: Tell) -> list[Round]:
    rounds: list[Round] = []
    for number in range(plan.rounds + 1):
        tell(f"round {number} of {plan.rounds}" if number else "warming up")
        found: Round = {}
        for name, by_size in loads.items():
            for size, (port, script) in by_size.items():
                found[name, size] = await load(
                    port,
                    script,
                    seconds=plan.seconds if number else plan.seconds / 2,
                    connections=plan.connections,
                )
        rounds.append(found)
    return rounds[1:]


def _report(
    plan: Plan, rounds: list[Round], fill_s: Mapping[int, float]
) -> dict[str, Any]:
    first, last = plan.sizes[0], plan.sizes[-1]
    found = {
        str(size): {
            "fill_s": round(fill_s[size], 2),
            "cases": {
                name: _case(rounds, name, size)
                for name, at in sorted(rounds[0])
                if at in (size, 0)
            },
        }
        for size in plan.sizes
    }
    cases: Any = found[str(first)]["cases"]
    # A database beside the coordinator takes its share of the cores; what is promised
    # of it is only how it compares with the obvious way of using it.
    targets, ratios = dict(TARGETS), {n: cases[n]["ratio"] for n in TARGETS}
    if plan.database is not None:
        targets = {"orm": ORM_TARGET}
        ratios = {"orm": round(_ratio(rounds, ("get", first), ("orm", first)), 2)}
    met = {name: ratios[name] >= target for name, target in targets.items()}
    if last != first:
        for name in ("get", "page", "create"):
            kept = _ratio(rounds, (name, last), (name, first))
            met[f"{name}_at_{last}"] = kept >= 1 - LARGEST_LOSS
    return {
        "database": "postgresql" if plan.database else "sqlite",
        "connections": plan.connections,
        "sizes": found,
        "targets": targets,
        "get_to_orm": ratios.get("orm"),
        "met": met,
        "is_met": all(met.values()),
    }


def _case(rounds: list[Round], name: str, size: int) -> dict[str, Any]:
    key = next(key for key in rounds[0] if key in ((name, size), (name, 0)))
    tallies = [found[key] for found in rounds]
    statuses = sorted({status for tally in tallies for status in tally.statuses})
    return {
        "per_second": round(statistics.median(t.per_second for t in tallies)),
        "p50_ms": round(statistics.median(t.quantile_ms(0.5) for t in tallies), 2),
        "p99_ms": round(statistics.median(t.quantile_ms(0.99) for t in tallies), 2),
        "ratio": round(_ratio(rounds, key, ("bare", 0)), 3),
        "statuses": statuses,
    }


def _ratio(
    rounds: list[Round], upper: tuple[str, int], lower: tuple[str, int]
) -> float:
    return statistics.median(
        found[upper].per_second / found[lower].per_second for found in rounds
    )


def _require_orm() -> None:
    """Raise ``Misconfigured`` when the ORM that is compared with cannot run."""
    if find_spec("greenlet") is None:
        raise Misconfigured(
            "Comparing with the ORM needs the package greenlet: install collegium[orm]."
        )


def _spelled(text: str, chance: random.Random) -> str:
    """Return one of the many ways in which an address can say a text."""
    return "".join(f"%{ord(c):02X}" if chance.getrandbits(1) else c for c in text)


def _scripts(port: int, size: int) -> dict[str, Script]:
    """Return the requests of each case to a catalogue of ``size`` courses."""
    chance = random.Random(size)
    courses = "/v1/universities/U/courses"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{_course_path(1)}") as answer:
        etag = answer.headers["etag"]
    numbers = itertools.count()
    run = time.time_ns()
    members: dict[str, Any] = {"name": "A new course", "credits": 3.0}
    members["descriptions"] = {"en": "What it is about. " * 20}

    def page(_: int) -> bytes:
        # Hardly an address is used twice, so that pages are made and not found among
        # those kept: a larger catalogue would have more of them than are kept.
        prefix = _spelled(f"C{chance.randrange(size):07}"[:-2], chance)
        return request_bytes("GET", f"{courses}?limit=50&q={prefix}")

    def search(_: int) -> bytes:
        word = f"topic{chance.randrange(TOPIC_EVERY):03}"
        return request_bytes("GET", f"/v1/universities/U/search?q={word}")

    def create(_: int) -> bytes:
        body = json.dumps({"code": f"N{run}-{next(numbers)}", **members}).encode()
        return request_bytes("POST", courses, body, content_type="application/json")

    known = request_bytes("GET", _course_path(1), if_none_match=etag)
    return {
        "get": _readers(size),
        "not_modified": _always(known),
        "page": page,
        "page_again": _always(request_bytes("GET", f"{courses}?limit=50&q=C00000")),
        "search": search,
        "create": create,
    }


def _readers(size: int) -> Script:
    chance = random.Random(size)
    return lambda _: request_bytes("GET", _course_path(chance.randrange(size)))


def _always(raw: bytes) -> Script:
    return lambda _: raw


def _course_path(number: int) -> str:
    return f"/v1/universities/U/courses/C{number:07}"


@contextmanager
def _serving(command: list[str], port: int, path: str) -> Iterator[None]:
    """Run a server as long as the block lasts, which begins once it answers."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}{path}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            # Our own server, at an http address that we have made.
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)  # nothing tells when another process listens
    raise Unavailable(f"Nothing answers at {url}.")
