"""``collegium solve`` and ``collegium demo`` as real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import read_problem, read_timetable, write_problem
from collegium.timetabling.validate import validate
from fixtures.cluster import Client, Cluster
from fixtures.waiting import until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("compiled_solver"),
]

START_S = 120.0
SMALL = ("wbg-fal10", "lums-sum17", "bet-sum18", "pu-cs-fal07")


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """Give the file of a small instance of our own."""
    path = tmp_path / "instance.xml"
    path.write_bytes(write_problem(generate(SampleSize.of_classes(60), seed=5)))
    return path


def _start(*args: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "collegium", *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def _assert_true(out: str, instance: Path) -> dict[str, Any]:
    """Judge the written file; it must be what the last line of stdout says."""
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    solution = read_timetable(Path(report["out"]))
    judged = validate(read_problem(instance), solution)
    assert judged.feasible == report["feasible"]
    assert judged.total == report["total"]
    return report


def test_solving_here_writes_what_it_says(instance: Path, tmp_path: Path) -> None:
    """Two processes search, the file is judged, the exit code is 0."""
    out = tmp_path / "solution.xml.gz"
    code, stdout, stderr = _end(
        _start("solve", instance, "--out", out, "--seconds", "5", "--workers", "2")
    )
    assert code == 0, stderr
    report = _assert_true(stdout, instance)
    assert report["workers"] == 2
    assert "objective" in stderr


def test_the_same_iterations_and_seed_write_the_same_bytes(
    instance: Path, tmp_path: Path
) -> None:
    """With one worker nothing depends on the clock."""
    written = []
    for name in ("a.xml", "b.xml"):
        out = tmp_path / name
        args = ["--iterations", 200_000, "--workers", 1, "--seed", 7, "--quiet"]
        code, _, stderr = _end(_start("solve", instance, "--out", out, *map(str, args)))
        assert code == 0, stderr
        assert stderr == ""
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_ctrl_c_writes_the_best_so_far(instance: Path, tmp_path: Path) -> None:
    """The signal ends a long search early; no process is left behind."""
    out = tmp_path / "solution.xml"
    process = _start("solve", instance, "--out", out, "--seconds", 600)
    assert process.stderr is not None
    _read_until(process, "feasible")
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    code, stdout, stderr = _end(process)
    assert code == 0, stderr
    assert _assert_true(stdout, instance)["seconds"] < 300
    assert not [child for child in children if _runs(child)]


def _runs(process: psutil.Process) -> bool:
    """Tell whether a process still does something; its parent may be slow to reap."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read what a command shows until it has shown a text."""
    assert process.stderr is not None
    shown, end_s = "", time.monotonic() + START_S
    while text not in shown:
        assert time.monotonic() < end_s, shown
        shown += process.stderr.read(1)


def test_bad_input_ends_with_one_line() -> None:
    """Exit code 2, and no traceback."""
    code, stdout, stderr = _end(_start("solve", "none.xml", "--out", "o.xml"))
    assert (code, stdout) == (2, "")
    assert len(stderr.splitlines()) == 1
    assert stderr.startswith("collegium: ")


async def test_solving_there_uses_the_workers(
    cluster: Cluster, client: Client, instance: Path, tmp_path: Path
) -> None:
    """The file comes from leases of two workers, Ctrl-C cancels the job."""
    for name in ("COLLEGIUM_WORKLOADS", "COLLEGIUM_WORKER_WORKLOADS"):
        cluster.env[name] = "noop,timetable"
    cluster.start_coordinator()
    for name in ("one", "two"):
        cluster.start_worker(name)
    await until(lambda: client.are_up("one", "two"), START_S)
    out = tmp_path / "solution.xml"
    args = ["solve", instance, "--out", out, "--coordinator", cluster.url]
    code, stdout, stderr = _end(_start(*args, "--seconds", "5"))
    assert code == 0, stderr
    _assert_true(stdout, instance)
    workers = await client.workers()
    assert min(worker["tasks_completed"] for worker in workers.values()) > 0
    process = _start(*args, "--seconds", "600")
    _read_until(process, "feasible")
    process.send_signal(signal.SIGINT)
    code, stdout, stderr = _end(process)
    assert code == 0, stderr
    assert _assert_true(stdout, instance)["feasible"]
    latest = (await client.get("/v1/jobs"))["items"][0]
    assert latest["state"] == "cancelled"


@pytest.mark.itc2019
@pytest.mark.parametrize("name", SMALL)
def test_real_instances_become_feasible(
    itc2019: Path, tmp_path: Path, name: str
) -> None:
    """Within a minute on two processes, and each of the small ones much sooner."""
    instance, out = itc2019 / f"{name}.xml.gz", tmp_path / "solution.xml"
    args = ["--seconds", "60", "--workers", "2"]
    process = _start("solve", instance, "--out", out, *args)
    _read_until(process, "feasible")
    process.send_signal(signal.SIGINT)
    code, stdout, stderr = _end(process)
    assert code == 0, stderr
    assert _assert_true(stdout, instance)["feasible"]


def test_the_demo_ends_by_itself_with_a_feasible_timetable(tmp_path: Path) -> None:
    """Everything that it promises is in its folder, and its processes are gone."""
    process = _start("demo", "--once", "--seconds", "8", "--directory", tmp_path)
    code, stdout, stderr = _end(process)
    assert code == 0, stderr
    problem = read_problem(tmp_path / "instance.xml")
    assert validate(problem, read_timetable(tmp_path / "solution.xml")).feasible
    assert str(tmp_path / "solution.xml") in stdout
    running = [p for p in psutil.process_iter(["cmdline"]) if _is_of(p, tmp_path)]
    assert not running


def _is_of(process: psutil.Process, folder: Path) -> bool:
    return any(str(folder) in part for part in process.info["cmdline"] or [])
