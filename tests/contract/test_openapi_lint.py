"""What outside lints say of the OpenAPI document: Spectral, OWASP's rules, Redocly.

They are installed by npm as locked in ``tests/tools/openapi``, once, into this user's
cache.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from collegium.bench.peers.environments import cache_folder
from collegium.coordinator.app import create_app
from collegium.settings import CoordinatorSettings

TOOLS = Path(__file__).parents[1] / "tools" / "openapi"
INSTALL_S = 900
RUN_S = 600
OLDEST_NODE = 20
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")

pytestmark = pytest.mark.timeout(INSTALL_S + RUN_S)


@pytest.fixture(scope="module")
def tools() -> Path:
    """Return a folder with the lints and their rules, installed when it is not there.

    Its name holds a hash of what is installed, so that another lock makes another one.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed here: install Node.js 20 or later")
    version = subprocess.check_output([node, "--version"], text=True)
    if int(version.strip("v\n").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"Redocly needs Node.js {OLDEST_NODE} or later, here is {version}")
    files = sorted(path for path in TOOLS.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    folder = cache_folder() / "tools" / f"openapi-{digest.hexdigest()[:12]}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.copytree(TOOLS, unfinished)
        try:
            installed = subprocess.run(
                [npm, "ci"],
                cwd=unfinished,
                capture_output=True,
                text=True,
                timeout=INSTALL_S,
                check=False,
            )
            if any(code in installed.stderr for code in UNREACHABLE):
                pytest.skip(f"npm reaches no registry: {installed.stderr[-300:]}")
            assert installed.returncode == 0, installed.stderr
            unfinished.rename(folder)
        except OSError:
            # Another process has installed the same meanwhile.
            if not folder.exists():
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """Return the document of a coordinator that asks for tokens."""
    settings = CoordinatorSettings(
        database=f"sqlite:///{tmp_path}/lint.db",
        data_dir=tmp_path / "data",
        workloads=("noop",),
        api_token=SecretStr("of the clients"),
        worker_token=SecretStr("of the fleet"),
    )
    return create_app(settings).openapi()


async def findings(tools: Path, program: str, *args: str) -> Any:
    """Run a lint; return what it says as JSON."""
    process = await asyncio.create_subprocess_exec(
        *(str(tools / "node_modules" / ".bin" / program), "lint", *args),
        cwd=tools,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "CI": "true"},
    )
    async with asyncio.timeout(RUN_S):
        out, err = await process.communicate()
    assert process.returncode in (0, 1), err.decode()
    # Behind an empty list Spectral says in words that there is nothing.
    return json.JSONDecoder().raw_decode(out.decode())[0]


async def spectral(tools: Path, file: Path) -> list[str]:
    """Return what Spectral finds, warnings included."""
    ruleset = str(tools / "spectral.mjs")
    found = await findings(
        tools, "spectral", str(file), "--ruleset", ruleset, "--format", "json"
    )
    return [f"{f['code']} {'/'.join(map(str, f['path']))}" for f in found]


async def redocly(tools: Path, file: Path) -> list[str]:
    """Return the errors that Redocly finds."""
    rules = str(tools / "redocly.yaml")
    found = await findings(
        tools, "redocly", str(file), "--config", rules, "--format", "json"
    )
    return [
        f"{problem['ruleId']} {problem['location'][0].get('pointer')}"
        for problem in found["problems"]
        if problem["severity"] == "error"
    ]


async def test_lints_find_nothing(
    tools: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    """No error and no warning of Spectral, no error of Redocly.

    Which rules do not fit, and why, says ``spectral.mjs``.
    """
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    assert await asyncio.gather(spectral(tools, file), redocly(tools, file)) == [[], []]


async def test_lints_do_find_faults(
    tools: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    """Each lint finds the fault that is made for it, so the test above can fail."""
    paths = {path: document["paths"][path] for path in ["/v1/universities"]}
    post = paths["/v1/universities"]["post"]
    del post["security"]
    post["responses"] = {"200": {}}
    document["components"]["schemas"]["UniversityIn"]["properties"]["website"] = {
        "type": "string"
    }
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**document, "paths": paths}))
    by_spectral, by_redocly = await asyncio.gather(
        spectral(tools, file), redocly(tools, file)
    )
    rules = {finding.split()[0] for finding in by_spectral}
    assert "oas3-schema" in rules
    assert "owasp:api2:2023-write-restricted" in rules
    assert "owasp:api4:2023-string-limit" in rules
    assert any(finding.startswith("struct") for finding in by_redocly)
