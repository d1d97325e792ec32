"""``collegium bench solver`` interrupted, as a real process."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from collegium.bench.solver_records import read_records
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import save, write_problem
from fixtures.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


async def test_ctrl_c_keeps_what_has_ended(tmp_path: Path) -> None:
    """Exit code 130, the runs before are in the file whole, no process is left."""
    folder, out = tmp_path / "instances", tmp_path / "o.json"
    folder.mkdir()
    save(folder / "a.xml", write_problem(generate(SampleSize.of_classes(16), 1)))
    args = ["--instances", folder, "--json", out, "--seconds", 1, "--seeds", 500]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "collegium", "bench", "solver", *map(str, args)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        await until(lambda: _exists(out), 200)
        children = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGINT)
        stdout, stderr = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert stdout == b""
    assert b"Traceback" not in stderr
    runs = read_records(out).runs
    assert [run.seed for run in runs] == list(range(len(runs)))
    assert all(run.is_feasible for run in runs)
    assert not [child for child in children if child.is_running()]


async def _exists(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)
