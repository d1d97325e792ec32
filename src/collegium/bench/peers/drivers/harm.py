"""What is done to a peer while it works, and what came of its tasks."""

from __future__ import annotations

import enum
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collegium.bench.peers.drivers.peer import Peer

TASKS = 40
TASK_S = 0.25
HARM_AFTER_S = 1.0
SILENT_S = 0.5
"""A task without a sign of life for so long has ended."""

Say = Callable[[dict[str, Any]], None]


class Case(enum.StrEnum):
    """What happens to the peer."""

    LOST = "lost"
    FROZEN = "frozen"
    RESTARTED = "restarted"
    CANCELLED = "cancelled"
    ROLLED = "rolled"


def run_case(peer: Peer, case: Case, limit_s: float, folder: Path, say: Say) -> None:
    """Harm a peer and report each result as it comes, in seconds from the start.

    A peer may take its client process down with it; what was said before counts.
    """
    if case is Case.CANCELLED:
        cancel_s = _cancel(peer, limit_s, folder)
        about = {"version": peer.version(), "can_cancel": peer.can_cancel}
        say(about | {"cancel_s": cancel_s})
        return
    say({"version": peer.version()})
    log = str(folder / "executions")
    started_s = time.monotonic()
    handles = [peer.submit("note", n, TASK_S, log) for n in range(TASKS)]
    harm = threading.Timer(HARM_AFTER_S, _harm, (peer, case))
    harm.start()
    for handle in handles:
        left_s = started_s + limit_s - time.monotonic()
        try:
            peer.collect(handle, max(0.1, left_s))
        except BaseException as error:  # noqa: BLE001 - whatever a peer raises is its answer
            say({"error": f"{type(error).__name__}: {error}"[:200]})
        else:
            # Behind a task that hangs, others wait to be looked at since long.
            say({"done_s": min(time.monotonic() - started_s, limit_s)})
    harm.join()


def _harm(peer: Peer, case: Case) -> None:
    if case is Case.LOST:
        peer.harm_worker(signal.SIGKILL)
    elif case is Case.FROZEN:
        peer.harm_worker(signal.SIGSTOP)
    elif case is Case.ROLLED:
        peer.roll_workers()
    else:
        peer.restart_hub()


def _cancel(peer: Peer, limit_s: float, folder: Path) -> float | None:
    """Return the seconds from asking to the last sign of life; None when it ran on."""
    if not peer.can_cancel:
        return None
    sign = folder / "sign"
    handle = peer.submit("beat", 3.0 * limit_s, str(sign))
    wait_until(sign.exists, limit_s)
    time.sleep(HARM_AFTER_S)
    asked_s = time.time()
    peer.cancel(handle)

    def is_silent() -> bool:
        return time.time() - sign.stat().st_mtime > SILENT_S

    if not wait_until(is_silent, limit_s):
        return None
    return max(0.0, sign.stat().st_mtime - asked_s)


def wait_until(condition: Callable[[], bool], limit_s: float) -> bool:
    """Look now and then until a condition holds; False when it does not in time."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.02)
    return False
