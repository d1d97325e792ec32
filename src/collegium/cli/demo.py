"""``collegium demo``: everything at once, on this machine, with real processes."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from collegium.cli.api import Api
from collegium.cli.children import Children
from collegium.cli.demo_university import add_sample
from collegium.cli.display import Display
from collegium.cli.solving_remote import follow
from collegium.errors import TaskFailed, Unavailable
from collegium.jobs.journal import Outcome
from collegium.timetabling.itc2019 import save

HOST = "127.0.0.1"
WORKERS = 2
START_TIMEOUT_S = 170.0
LOOK_S = 0.3

_tell = Console(stderr=True, highlight=False).print


def demo(
    once: Annotated[
        bool,
        typer.Option("--once", help="Make the timetable, say where it is, and end."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Port of the console  [default: 8000; any free one with --once]",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="Time to search.")
    ] = 20.0,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--directory", help="Where its files go  [default: a new temporary one]"
        ),
    ] = None,
) -> int:
    """Run a coordinator and two workers with a sample university.

    Makes up a university, stores it through the public API, has its timetable made
    by the two workers, writes it as ITC-2019 XML, and serves the console until
    Ctrl-C. Exit code 0 when the timetable is feasible.
    """
    if port is None:
        port = 0 if once else 8000
    folder = directory or Path(tempfile.mkdtemp(prefix="collegium-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.absolute()
    return asyncio.run(_demo(folder, port or _free_port(), seconds, is_once=once))


async def _demo(folder: Path, port: int, seconds: float, *, is_once: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    url = f"http://{HOST}:{port}"
    await _compile(stop)
    async with Children(folder) as children, Api(url) as api:
        await _start(children, folder, port, url)
        if not await _until_workers_are_up(children, api, stop):
            return 0
        outcome = await _make_timetable(api, seconds, folder, stop)
        exit_code = _report(outcome, await api.get("/v1/workers"), folder, url)
        if not is_once and not stop.is_set():
            _tell(f"The console is at [bold]{url}/[/] - Ctrl-C ends everything.")
            await _serve(children, stop)
    return exit_code


async def _compile(stop: asyncio.Event) -> None:
    """Compile the solver once, so that each worker only loads it."""
    _tell("Loading the solver (the first time it is compiled, about a minute) ...")
    code = "from collegium.timetabling.solve import warm_up; warm_up()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, start_new_session=True
    )
    compiled = asyncio.create_task(process.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({compiled, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if process.returncode is None:
        process.terminate()
    if await compiled != 0 and not stop.is_set():
        raise TaskFailed("The solver cannot be compiled here.")


async def _start(children: Children, folder: Path, port: int, url: str) -> None:
    database = f"sqlite:///{folder / 'collegium.db'}"
    cache = ["--data-dir", str(folder / "coordinator")]
    where = ["--host", HOST, "--port", str(port)]
    await children.start(
        "coordinator", "coordinator", *where, "--database", database, *cache
    )
    for number in range(1, WORKERS + 1):
        cache = ["--data-dir", str(folder / f"worker-{number}")]
        await children.start(
            f"worker-{number}", "worker", "--coordinator", url, "--slots", "1", *cache
        )
    _tell(f"Started a coordinator and {WORKERS} workers; their logs are in {folder}")


async def _until_workers_are_up(
    children: Children, api: Api, stop: asyncio.Event
) -> bool:
    """Wait for the workers to announce themselves; False when told to stop."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while not stop.is_set():
            children.refuse_dead()
            try:
                workers = (await api.get("/v1/workers"))["items"]
            except Unavailable:
                workers = []  # the coordinator is still starting
            if sum(worker["state"] == "up" for worker in workers) == WORKERS:
                return True
            await asyncio.sleep(LOOK_S)
    return False


async def _make_timetable(
    api: Api, seconds: float, folder: Path, stop: asyncio.Event
) -> Outcome:
    sample = await add_sample(api)
    save(folder / "instance.xml", sample.instance)
    _tell(
        f"Stored {sample.name}: {sample.n_courses} courses, "
        f"{sample.n_classes} classes, {sample.n_rooms} rooms, "
        f"{sample.n_students} students"
    )
    job_input = {"problem": sample.problem, "seconds": seconds}
    _, job_url = await api.post(
        "/v1/jobs", {"workload": "timetable", "input": job_input}
    )
    with Display(seconds, is_quiet=False) as display:
        return await follow(api, job_url, display.show, stop)


def _report(outcome: Outcome, workers: dict[str, Any], folder: Path, url: str) -> int:
    if outcome.result is None:
        raise TaskFailed(outcome.error or "No timetable was made.")
    save(folder / "solution.xml", outcome.result)
    score = outcome.progress["score"]
    done = ", ".join(str(w["tasks_completed"]) for w in workers["items"])
    is_feasible = score["hard"] == 0
    print(
        f"The timetable is {'feasible' if is_feasible else 'not feasible'}: objective "
        f"{score['total']} (time {score['time']}, room {score['room']}, distribution "
        f"{score['distribution']}, student {score['student']}).\n"
        f"The workers completed {done} leases.\n"
        f"Solution: {folder / 'solution.xml'}\n"
        f"Instance: {folder / 'instance.xml'}\n"
        f"Database: {folder / 'collegium.db'} (served at {url})"
    )
    return 0 if is_feasible else 1


async def _serve(children: Children, stop: asyncio.Event) -> None:
    while not stop.is_set():
        children.refuse_dead()
        try:
            async with asyncio.timeout(1.0):
                await stop.wait()
        except TimeoutError:
            continue


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as sock:
        return int(sock.getsockname()[1])
