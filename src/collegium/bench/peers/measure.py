"""The figures of the peers under the loads that Collegium is measured with."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collegium.bench.peers.environments import (
    cache_folder,
    make_environment,
    requirements,
)
from collegium.bench.peers.run import run_driver
from collegium.errors import Invalid, Unavailable

PEERS = ("celery", "dask", "ray", "rq", "taskiq")
MEASURE_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Loads:
    """How much each peer is given, per repeat.

    Parameters
    ----------
    tasks : no-op tasks with 64 under way.
    single : no-op tasks one after the other.
    naps : tasks of 10 ms with 64 under way.
    repeats : of all three, in one run of the peer.
    """

    tasks: int = 2000
    single: int = 300
    naps: int = 400
    repeats: int = 3


def check_names(names: Sequence[str]) -> None:
    """Make sure that all are peers.

    Raises
    ------
    Invalid
        When one is not.
    """
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        raise Invalid(
            f"No peer is called {', '.join(unknown)}; there are {', '.join(PEERS)}."
        )


def measure_peers(
    names: Sequence[str] = PEERS,
    *,
    loads: Loads | None = None,
    cache: Path | None = None,
    on_start: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Measure peers one after the other; return one object for each, in that order.

    Parameters
    ----------
    names : of ``PEERS``.
    loads : how much each is given.
    cache : where their environments are kept; the user's cache folder by default.
    on_start : told the name of the peer that is about to be measured.

    Returns
    -------
    list of dict
        ``peer`` and either ``skipped`` (a reason), ``failed`` (what it said last), or
        its ``version``, a ``remark`` on its settings, ``tasks_per_s`` and its
        ``loaded_p50_ms`` and ``loaded_p99_ms`` with 64 under way, ``p50_ms`` and
        ``p99_ms`` of single tasks, ``naps_per_s``: medians over the repeats, which are
        listed in ``runs``.

    Raises
    ------
    Invalid
        When there is no peer of a name.
    """
    check_names(names)
    loads = loads or Loads()
    figures: list[dict[str, Any]] = []
    for name in names:
        on_start(name)
        figures.append({"peer": name} | _measure(name, loads, cache or cache_folder()))
    return figures


def _measure(name: str, loads: Loads, cache: Path) -> dict[str, Any]:
    try:
        python = make_environment(name, requirements(name), cache)
    except Unavailable as error:
        return {"skipped": error.detail}
    wanted = (loads.tasks, loads.single, loads.naps, loads.repeats)
    outcome = run_driver(python, name, "measure", *wanted, limit_s=MEASURE_LIMIT_S)
    for line in outcome.lines:
        if "skipped" in line:
            return line
    if len(outcome.lines) < loads.repeats:
        return {"failed": outcome.last_words}
    return medians(outcome.lines)


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of every number over the runs, and the runs."""
    middle: dict[str, Any] = {}
    for key, value in runs[0].items():
        if isinstance(value, float | int):
            middle[key] = statistics.median(run[key] for run in runs)
        else:
            middle[key] = value
    return middle | {"runs": runs}
