"""Announces this worker to its coordinators, for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from http import HTTPStatus

import aiohttp
import msgspec
from multidict import CIMultiDictProxy

from collegium.errors import CollegiumError, Malformed, Unavailable
from collegium.protocol import HEARTBEAT_HEADER, LEASE_HEARTBEATS, Announcement

FIRST_HEARTBEAT_S = 5.0
"""Until a coordinator says how often it wants to hear."""
FIRST_RETRY_S = 0.25
REQUEST_TIMEOUT_S = 5.0
LEAVE_TIMEOUT_S = 2.0

_encoder = msgspec.json.Encoder()

_log = logging.getLogger(__name__)


class Outdated(CollegiumError):
    """A later start of this worker is known: this process is a leftover."""


class Registration:
    """One independent loop for one coordinator.

    Parameters
    ----------
    session : HTTP client; carries the token.
    coordinator : base address.
    worker_id, incarnation : who announces itself.
    describe : makes the announcement for a heartbeat interval in seconds.
    heartbeat_s : own interval; None leaves it to the coordinator.
    rng : jitter, so that a fleet does not report in step.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        coordinator: str,
        worker_id: str,
        incarnation: str,
        describe: Callable[[float], Announcement],
        *,
        heartbeat_s: float | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.coordinator = coordinator.rstrip("/")
        self._session = session
        self._url = f"{self.coordinator}/v1/workers/{worker_id}"
        self._incarnation = incarnation
        self._describe = describe
        self._own_heartbeat_s = heartbeat_s
        self._heartbeat_s = heartbeat_s or FIRST_HEARTBEAT_S
        self._rng = rng or random.Random()
        self._news = asyncio.Event()
        self._heard_s: float | None = None
        self._is_known = False

    @property
    def is_fresh(self) -> bool:
        """Whether the coordinator has answered lately."""
        if self._heard_s is None:
            return False
        silence_s = asyncio.get_running_loop().time() - self._heard_s
        return silence_s < LEASE_HEARTBEATS * self._heartbeat_s

    def tell(self) -> None:
        """Announce now rather than at the next heartbeat: something has changed."""
        self._news.set()

    async def run(self) -> None:
        """Announce at once and with every heartbeat; outlive the coordinator's absence.

        Raises
        ------
        Outdated
            When a later start of this worker has announced itself there.
        Malformed
            When the coordinator refuses what this worker is: another try is in vain.
        """
        retry_s = FIRST_RETRY_S
        while True:
            self._news.clear()
            try:
                await self._announce()
            except (aiohttp.ClientError, TimeoutError, Unavailable) as error:
                self._note_absence(error)
                pause_s = self._rng.uniform(0.0, retry_s)
                retry_s = min(2.0 * retry_s, self._heartbeat_s)
            else:
                retry_s = FIRST_RETRY_S
                pause_s = self._heartbeat_s * self._rng.uniform(0.8, 1.0)
            await self._pause(pause_s)

    async def leave(self) -> None:
        """Tell the coordinator that this worker is gone, if it can be told."""
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                url = f"{self._url}?incarnation={self._incarnation}"
                async with self._session.delete(url, allow_redirects=False) as answer:
                    await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.info("%s was not told of the end: %r", self.coordinator, error)

    async def _announce(self) -> None:
        body = _encoder.encode(self._describe(self._heartbeat_s))
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            async with self._session.put(
                self._url,
                data=body,
                headers={"content-type": "application/json"},
                allow_redirects=False,
            ) as answer:
                raw = await answer.read()
        self._take(answer.status, answer.headers, raw)

    def _take(self, status: int, fields: CIMultiDictProxy[str], raw: bytes) -> None:
        if status == HTTPStatus.CONFLICT:
            raise Outdated(_detail(raw))
        if status in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST):
            raise Malformed(f"{self.coordinator} refuses this worker: {_detail(raw)}")
        if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.CREATED):
            raise Unavailable(f"{status}: {_detail(raw)}")
        wished = fields.get(HEARTBEAT_HEADER, "")
        if self._own_heartbeat_s is None and wished.isdecimal() and int(wished) > 0:
            self._heartbeat_s = int(wished) / 1000.0
        self._heard_s = asyncio.get_running_loop().time()
        if not self._is_known:
            _log.info("%s knows this worker", self.coordinator)
            self._is_known = True

    def _note_absence(self, error: Exception) -> None:
        # Once for each absence, not with every try.
        if self._is_known or self._heard_s is None:
            reason = str(error) or type(error).__name__
            _log.warning("%s cannot be told: %s", self.coordinator, reason)
            self._heard_s = self._heard_s or -1e9
        self._is_known = False

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass  # the usual case: nothing happened until the next heartbeat


def _detail(raw: bytes) -> str:
    try:
        return str(msgspec.json.decode(raw)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return raw[:200].decode("utf-8", "replace") or "no reason given"
