"""What becomes of the peers' tasks when a worker or the hub of the peer fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from collegium.bench.peers.drivers.harm import TASKS, Case
from collegium.bench.peers.environments import (
    cache_folder,
    make_environment,
    requirements,
)
from collegium.bench.peers.measure import PEERS, check_names
from collegium.bench.peers.outcomes import Harmed
from collegium.bench.peers.run import Outcome, run_driver
from collegium.errors import Unavailable

START_AND_STOP_S = 60.0
"""What a peer may need beyond the limit of its tasks; Ray takes its client along."""


def fail_peers(
    names: Sequence[str] = PEERS,
    cases: Sequence[Case] = tuple(Case),
    *,
    limit_s: float = 30.0,
    cache: Path | None = None,
    on_start: Callable[[str, Case], None] = lambda name, case: None,
) -> list[Harmed]:
    """Put every peer through every case, on its defaults; one object for each.

    Parameters
    ----------
    names : of ``PEERS``.
    cases : what to do to each of them.
    limit_s : seconds from the first task to the last result that still counts.
    cache : where the peers' environments are kept; the user's by default.
    on_start : told what is about to begin.

    Raises
    ------
    Invalid
        When there is no peer of a name.
    """
    check_names(names)
    outcomes: list[Harmed] = []
    for name in names:
        try:
            python = make_environment(name, requirements(name), cache or cache_folder())
        except Unavailable as error:
            outcomes += [Harmed(name, case, remark=error.detail) for case in cases]
            continue
        for case in cases:
            on_start(name, case)
            outcome = run_driver(
                python, name, case, limit_s, limit_s=limit_s + START_AND_STOP_S
            )
            outcomes.append(_harmed(name, case, outcome, limit_s))
    return outcomes


def _harmed(name: str, case: Case, outcome: Outcome, limit_s: float) -> Harmed:
    said: dict[str, Any] = {}
    done_s: list[float] = []
    for line in outcome.lines:
        if "done_s" in line:
            done_s.append(line["done_s"])
        else:
            said |= line
    remark = said.get("skipped") or said.get("error")
    if "version" not in said:
        return Harmed(name, case, remark=remark or outcome.last_words or "no answer")
    if case is Case.CANCELLED:
        return _cancelled(name, said, limit_s)
    in_time = [each_s for each_s in done_s if each_s <= limit_s]
    if remark is None and len(done_s) < TASKS:
        remark = "the client process died or hung"
    return Harmed(
        name,
        case,
        version=said["version"],
        done=len(in_time),
        seconds=max(in_time, default=0.0) if len(in_time) == TASKS else None,
        duplicates=len(outcome.executions) - len(set(outcome.executions)),
        remark=remark,
    )


def _cancelled(name: str, said: dict[str, Any], limit_s: float) -> Harmed:
    remark = None
    if not said["can_cancel"]:
        remark = "offers no way"
    elif said["cancel_s"] is None:
        remark = f"ran on for {limit_s:g} s"
    return Harmed(
        name,
        Case.CANCELLED,
        version=said["version"],
        seconds=said["cancel_s"],
        remark=remark,
    )
