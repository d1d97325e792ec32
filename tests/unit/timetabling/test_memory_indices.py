"""Compiled code trusts its indices: the search must never use a negative one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]


@pytest.mark.processes
def test_the_search_uses_no_negative_index() -> None:
    """Also not with students who have half a course; as plain Python, checked."""
    run = subprocess.run(
        [sys.executable, "-m", "fixtures.trusted_indices"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "no negative index\n", run.stderr
