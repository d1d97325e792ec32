"""What runs inside a Dask worker: a task in a child process that can be killed.

Dask itself cannot stop a task that has begun. Hence a Dask worker gets the same slots
as a worker of ours, started when it is first asked what it offers, on an event loop in
a thread of their own; the thread that Dask runs a task in only waits for its slot. As
Dask calls what is here by name, both ends need the same version of Collegium.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from distributed import get_worker

from collegium import __version__
from collegium.errors import Cancelled, NotFound
from collegium.workloads.blobs import BlobCache
from collegium.workloads.executor import Executor
from collegium.workloads.frames import Run
from collegium.workloads.registry import import_paths, load_workloads
from collegium.workloads.slots import Finished, Slots

T = TypeVar("T")

PROGRESS_TOPIC = "collegium-progress"
BLOB_CACHE_BYTES = 2**30
CANCELLED_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task on its way to a Dask worker.

    Parameters
    ----------
    blobs : hashes of its payloads, in the order in which they come along.
    deadline_s : seconds that it may take from when it arrives.
    """

    id: str
    workload: str
    input: bytes
    blobs: tuple[str, ...]
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Offer:
    """What a Dask worker has to offer."""

    version: str
    workloads: frozenset[str]


async def describe(dask_worker: Any) -> Offer:
    """Make this Dask worker ready and return what it can run; takes its time at first.

    Parameters
    ----------
    dask_worker : the worker itself, as Dask passes it to what it runs beside tasks.
    """
    site = await asyncio.to_thread(_site_of, dask_worker)
    return Offer(__version__, site.workloads)


def run_parcel(parcel: Parcel, payloads: Sequence[bytes]) -> tuple[bytes, float]:
    """Run a task; return its output as JSON, and the seconds of the run itself.

    Raises
    ------
    TaskFailed, TaskLost, DeadlineExceeded, Cancelled, NotFound
        As ``Executor.run`` does.
    """
    finished = _site_of(get_worker()).run(parcel, payloads)
    return finished.output, finished.seconds


def cancel_parcel(task_id: str) -> None:
    """Stop a task, wherever it has come to in this Dask worker."""
    if _sites:
        _sites[0].cancel(task_id)


class _Site:
    """Slots on an event loop in a thread of their own."""

    def __init__(self, slots: int, folder: Path) -> None:
        self._payloads: dict[str, bytes] = {}
        self._uses: dict[str, int] = {}
        self._cancelled: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        # The thread lives as long as the process, and so do the children, which the
        # kernel ends together with the thread that started them.
        threading.Thread(
            target=self._loop.run_forever, name="collegium-slots", daemon=True
        ).start()
        catalogue = load_workloads()
        cache = BlobCache(folder / "blobs", BLOB_CACHE_BYTES, self._fetch)
        self._slots = Slots(slots, import_paths(catalogue))
        self._executor = Executor(catalogue, self._slots, cache)
        self._wait(self._executor.start())

    @property
    def workloads(self) -> frozenset[str]:
        """What can be run here."""
        return frozenset(self._executor.catalogue)

    def run(self, parcel: Parcel, payloads: Sequence[bytes]) -> Finished:
        """Run a task; called in a thread of Dask's."""
        size = len(parcel.input)
        if self._executor.is_light(parcel.workload, size, parcel.blobs):
            return self._executor.run_light(parcel.workload, parcel.input)
        order = Run(parcel.id, parcel.workload, parcel.input, {}, parcel.deadline_s)
        with self._lock:
            if parcel.id in self._cancelled:
                raise Cancelled
            self._hold(dict(zip(parcel.blobs, payloads, strict=True)))
        try:
            progress = _ProgressLog(parcel.id)
            return self._wait(self._executor.run(order, parcel.blobs, progress.note))
        finally:
            with self._lock:
                self._release(parcel.blobs)

    def cancel(self, task_id: str) -> None:
        """Stop a task, and keep it from starting if it is still on its way here."""
        with self._lock:
            self._cancelled[task_id] = None
            if len(self._cancelled) > CANCELLED_REMEMBERED:
                self._cancelled.popitem(last=False)
        self._loop.call_soon_threadsafe(self._slots.cancel, task_id)

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _fetch(self, sha256: str) -> bytes:
        payload = self._payloads.get(sha256)
        if payload is None:
            raise NotFound(f"The payload {sha256} did not come with the task.")
        return payload

    def _hold(self, payloads: dict[str, bytes]) -> None:
        for sha256, payload in payloads.items():
            self._payloads[sha256] = payload
            self._uses[sha256] = self._uses.get(sha256, 0) + 1

    def _release(self, hashes: Sequence[str]) -> None:
        for sha256 in dict.fromkeys(hashes):
            self._uses[sha256] -= 1
            if self._uses[sha256] == 0:
                del self._uses[sha256], self._payloads[sha256]


class _ProgressLog:
    """Tells the coordinator how far a task is, by way of Dask's scheduler."""

    def __init__(self, task_id: str) -> None:
        self._task_id = task_id
        self._worker = get_worker()  # known in this thread only

    def note(self, progress: dict[str, Any]) -> None:
        """Send one report."""
        said = {"id": self._task_id, "progress": progress}
        self._worker.log_event(PROGRESS_TOPIC, said)


_sites: list[_Site] = []
_sites_lock = threading.Lock()


def _site_of(worker: Any) -> _Site:
    """Return the slots of a Dask worker's process, made when they are first needed."""
    with _sites_lock:
        if not _sites:
            folder = Path(worker.local_directory) / "collegium"
            _sites.append(_Site(worker.state.nthreads, folder))
        return _sites[0]
