"""Measures or harms one peer and prints JSON lines."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from collegium.bench.peers.drivers.harm import Case, run_case
from collegium.bench.peers.drivers.load import Load
from collegium.bench.peers.drivers.peer import Peer
from collegium.bench.peers.drivers.processes import Programs, Unavailable

CONCURRENCY = 64
WARM_UP_TASKS = 200
NAP_S = 0.01


def main(arguments: list[str]) -> None:
    """Do what the arguments say and print what came of it.

    Parameters
    ----------
    arguments : name of the peer, a folder for its files, and what to do:
        ``measure TASKS SINGLE NAPS REPEATS``, or a ``Case`` and its limit in seconds.
    """
    name, folder, mode, *numbers = arguments
    module = import_module(f"collegium.bench.peers.drivers.{name}")
    with Programs(Path(folder)) as programs:
        peer: Peer = module.PEER(programs, as_shipped=mode != "measure")
        try:
            peer.start()
        except Unavailable as error:
            _say({"skipped": str(error)})
            return
        if mode == "measure":
            _measure(peer, *(int(number) for number in numbers))
        else:
            run_case(peer, Case(mode), float(numbers[0]), Path(folder), _say)
        peer.close()


def _measure(peer: Peer, tasks: int, single: int, naps: int, repeats: int) -> None:
    peer.burst(WARM_UP_TASKS, CONCURRENCY, "echo", {})
    for _ in range(repeats):
        loaded = peer.burst(tasks, CONCURRENCY, "echo", {})
        alone = peer.burst(single, 1, "echo", {})
        napping = peer.burst(naps, CONCURRENCY, "nap", NAP_S)
        _say(_figures(peer, loaded, alone, napping))


def _figures(peer: Peer, loaded: Load, alone: Load, napping: Load) -> dict[str, Any]:
    return {
        "version": peer.version(),
        "remark": peer.remark,
        "tasks_per_s": loaded.tasks_per_s,
        "loaded_p50_ms": loaded.quantile_ms(0.5),
        "loaded_p99_ms": loaded.quantile_ms(0.99),
        "p50_ms": alone.quantile_ms(0.5),
        "p99_ms": alone.quantile_ms(0.99),
        "naps_per_s": napping.tasks_per_s,
    }


def _say(figures: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
