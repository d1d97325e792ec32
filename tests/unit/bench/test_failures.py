"""Tests of the table of failures, and of how our own processes are harmed."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from collegium.bench.failures import TASKS, document_of, fail_collegium, table_of
from collegium.bench.peers.drivers.harm import Case
from collegium.bench.peers.failures import _harmed
from collegium.bench.peers.outcomes import Harmed
from collegium.bench.peers.run import Outcome
from collegium.bench.workload import Note, Trace


def _outcome(*lines: dict[str, object], executions: list[int] | None = None) -> Outcome:
    return Outcome(list(lines), executions or [], False, "the last words")


def test_every_result_in_time_gives_the_seconds_of_the_last() -> None:
    """All forty done: the time is that of the slowest, duplicates are counted."""
    done = [{"done_s": 0.1 * number} for number in range(1, TASKS + 1)]
    outcome = _outcome({"version": "1"}, *done, executions=[*range(TASKS), 3, 3, 7])
    found = _harmed("celery", Case.LOST, outcome, 30.0)
    assert found == Harmed(
        "celery", Case.LOST, "1", done=TASKS, seconds=4.0, duplicates=3
    )


def test_a_missing_result_leaves_no_time() -> None:
    """With one error the count says what is missing and the remark says why."""
    done = [{"done_s": 1.0}] * (TASKS - 1)
    found = _harmed(
        "rq", Case.FROZEN, _outcome({"version": "1"}, *done, {"error": "lost"}), 30.0
    )
    assert (found.done, found.seconds, found.remark) == (TASKS - 1, None, "lost")


def test_results_after_the_limit_do_not_count() -> None:
    """A late result is no result."""
    lines = [{"done_s": 29.0}, {"done_s": 31.0}]
    found = _harmed("rq", Case.LOST, _outcome({"version": "1"}, *lines), 30.0)
    assert found.done == 1


def test_a_client_that_dies_is_no_success() -> None:
    """When the driver says nothing of most tasks, the remark says that it died."""
    found = _harmed("ray", Case.RESTARTED, _outcome({"version": "1"}), 30.0)
    assert (found.done, found.seconds) == (0, None)
    assert found.remark == "the client process died or hung"


def test_a_peer_that_cannot_be_had_is_not_a_row_of_zeros() -> None:
    """A skipped peer has its reason and no figures."""
    found = _harmed("rq", Case.LOST, _outcome({"skipped": "no redis"}), 30.0)
    assert found == Harmed("rq", Case.LOST, remark="no redis")


@pytest.mark.parametrize(
    ("can_cancel", "cancel_s", "remark"),
    [
        (True, 0.2, None),
        (True, None, "ran on for 30 s"),
        (False, None, "offers no way"),
    ],
)
def test_a_cancellation_has_seconds_or_a_reason(
    can_cancel: bool, cancel_s: float | None, remark: str | None
) -> None:
    """What was not stopped is told apart from what cannot be."""
    line = {"version": "1", "can_cancel": can_cancel, "cancel_s": cancel_s}
    found = _harmed("dask", Case.CANCELLED, _outcome(line), 30.0)
    assert (found.seconds, found.remark) == (cancel_s, remark)


def test_the_table_and_the_document_hold_every_outcome() -> None:
    """A system has one row with its version, a case one column; JSON has it all."""
    outcomes = [
        Harmed("collegium", Case.LOST, "0.1", 40, 5.5, 1),
        Harmed("collegium", Case.CANCELLED, "0.1", seconds=0.5),
        Harmed("rq", Case.LOST, "3", 39, None, 0, "no result"),
        Harmed("ray", Case.LOST, remark="pip: no"),
    ]
    text = StringIO()
    Console(file=text, width=160).print(table_of(outcomes))
    shown = text.getvalue()
    for cell in (
        "collegium 0.1",
        "40 of 40, 5.5 s, 1 ran twice",
        "ended after 0.50 s",
        "rq 3",
        "39 of 40, no result",
        "not run: pip: no",
    ):
        assert cell in shown
    assert "restarted" not in shown
    document = json.loads(json.dumps(document_of(outcomes)))
    assert [each["system"] for each in document["outcomes"]] == [
        *("collegium", "collegium", "rq", "ray")
    ]


def test_a_trace_is_left_at_every_execution(tmp_path: Path) -> None:
    """Running a task twice leaves two lines, so that duplicates can be seen."""
    task = Trace(seconds=0.0, file=str(tmp_path / "log"), number=5)
    context: object = None
    for _ in range(2):
        assert Note().run(task, context) == task  # type: ignore[arg-type]
    assert (tmp_path / "log").read_text() == "5\n5\n"


@pytest.mark.processes
@pytest.mark.timeout(600)
def test_nothing_is_lost_with_a_killed_worker() -> None:
    """Forty of forty are done, and no more ran twice than the dead worker had."""
    (lost,) = fail_collegium((Case.LOST,), limit_s=60.0)
    assert lost.done == TASKS
    assert lost.duplicates is not None
    assert lost.duplicates <= 1
