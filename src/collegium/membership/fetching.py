"""Gets the big payloads of tasks from whichever coordinator has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aiohttp

from collegium.errors import NotFound, TaskLost

FETCH_TIMEOUT_S = 60.0


class Fetcher:
    """Asks one coordinator after the other for a blob.

    Parameters
    ----------
    session : HTTP client; carries the token.
    coordinators : base addresses; only these are ever asked, never one from a task.
    fields : header fields of every request.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        coordinators: Sequence[str],
        fields: Mapping[str, str] | None = None,
    ) -> None:
        self._session = session
        self._fields = dict(fields or {})
        self._coordinators = [address.rstrip("/") for address in coordinators]

    async def fetch(self, sha256: str) -> bytes:
        """Return the bytes of a blob; the caller checks their hash.

        Raises
        ------
        NotFound
            When every coordinator has answered and none has it.
        TaskLost
            When one that may have it cannot be asked: another worker may do better.
        """
        reasons: list[str] = []
        for address in self._coordinators:
            try:
                found = await self._get(f"{address}/v1/blobs/{sha256}")
            except (aiohttp.ClientError, TimeoutError) as error:
                reasons.append(f"{address}: {error!r}")
                continue
            if found is not None:
                return found
        if reasons:
            raise TaskLost(f"The blob {sha256} cannot be had: {'; '.join(reasons)}")
        raise NotFound(f"No coordinator has the blob {sha256}.")

    async def _get(self, url: str) -> bytes | None:
        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S, sock_connect=2.0)
        async with self._session.get(
            url, headers=self._fields, allow_redirects=False, timeout=timeout
        ) as answer:
            if answer.status == 404:
                return None
            answer.raise_for_status()
            return await answer.read()
