"""schemathesis tries everything that the OpenAPI document says, on a real coordinator.

COLLEGIUM_TEST_FUZZ_S says for how many seconds; the default keeps the tests short.
COLLEGIUM_TEST_FUZZ_SEED chooses other requests.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from fixtures.coordinators import Coordinators

TOOLS = Path(__file__).parents[1] / "tools"
FUZZ_S = int(os.environ.get("COLLEGIUM_TEST_FUZZ_S", "12"))
SEED = os.environ.get("COLLEGIUM_TEST_FUZZ_SEED", "20")
EXAMPLES = max(2, FUZZ_S // 30)
TOKEN = "the-clients-token"
SLACK_S = 600
"""Of a slow machine, for the start and for the requests that are under way."""

pytestmark = [pytest.mark.processes, pytest.mark.timeout(FUZZ_S + 2 * SLACK_S)]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Coordinators]:
    """Return a coordinator with a little of everything."""
    env = {
        "COLLEGIUM_API_TOKEN": TOKEN,
        "COLLEGIUM_WORKER_TOKEN": "the-fleet's-token",
        "COLLEGIUM_WORKLOADS": "noop,echo",
    }
    site = Coordinators(tmp_path, f"sqlite:///{tmp_path / 'c.db'}", env=env)
    try:
        await site.start_all()
        await fill(site.url())
        yield site
    finally:
        site.end()


async def fill(url: str) -> None:
    """Make what the configuration names."""
    term = {"code": "TERM", "name": "Term", "start_date": "2031-09-01"}
    term |= {"end_date": "2031-12-19", "state": "registration"}
    home = "/v1/universities/NOWHERE"
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(url, headers=headers) as client:
        for path, body in [
            ("/v1/universities", {"code": "NOWHERE", "name": "Nowhere"}),
            (f"{home}/courses", {"code": "CS100", "name": "Thinking"}),
            (f"{home}/sessions", {**term, "n_weeks": 14}),
        ]:
            async with client.post(path, json=body) as answer:
                assert answer.status == 201, await answer.text()


async def run(source: str, folder: Path, *options: str) -> tuple[int, str]:
    """Run schemathesis; return its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(TOOLS / "schemathesis.toml")),
        *("run", source, "--checks", "all", "--no-color"),
        *("--seed", SEED, "--continue-on-failure", *options),
        cwd=folder,
        env={
            **os.environ,
            "COLLEGIUM_API_TOKEN": TOKEN,
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
            "PYTHONPATH": str(TOOLS),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(FUZZ_S + SLACK_S):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_nothing_is_other_than_described(
    site: Coordinators, tmp_path: Path
) -> None:
    """With all checks and along all links: no failure, and no fault of ours.

    Checked are statuses, headers, media types and bodies of answers, that what is
    valid is taken and what is not is refused, that methods are told exactly, that what
    is deleted is gone, what is made is there, and that no token means no answer.
    """
    options = ("--max-time", str(FUZZ_S), "--max-examples", str(EXAMPLES))
    code, said = await run(f"{site.url()}/openapi.json", tmp_path, *options)
    assert code == 0, said
    assert "Stateful" in said


async def test_a_wrong_description_is_found(tmp_path: Path, site: Coordinators) -> None:
    """Told of another answer than there is, it fails: so the test above can fail."""
    async with (
        aiohttp.ClientSession(site.url()) as client,
        client.get("/openapi.json") as answer,
    ):
        document = await answer.json()
    path = "/v1/universities"
    described = document["paths"][path]["get"]
    described["responses"]["206"] = described["responses"].pop("200")
    document["paths"] = {path: {"get": described}}
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(document))
    options = ("--url", site.url(), "--phases", "coverage")
    code, said = await run(str(wrong), tmp_path, *options)
    assert code == 1, said
    assert "Undocumented" in said, said
