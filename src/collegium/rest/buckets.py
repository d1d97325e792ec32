"""Token buckets: how many requests each of many callers may still make; pure."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one request.

    Parameters
    ----------
    is_admitted : whether it may be served.
    remaining : requests that may follow at once.
    full_after_s : whole seconds until the bucket is full again.
    retry_after_s : whole seconds until the next request may come; 0 when it may now.
    """

    is_admitted: bool
    remaining: int
    full_after_s: int
    retry_after_s: int


class TokenBuckets:
    """A bucket for each caller, of which each request takes a token.

    Buckets fill steadily. Only the callers of late are remembered: one that is
    forgotten begins with a full bucket, as would one that has waited long enough. So
    memory is bounded, and too many callers at once are let in rather than kept out.

    Parameters
    ----------
    quota : tokens in a full bucket, at least one.
    window_s : seconds in which an empty bucket becomes full.
    most : callers that are remembered.
    """

    def __init__(self, quota: int, window_s: float, *, most: int = 100_000) -> None:
        self._quota = quota
        self._per_s = quota / window_s
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, caller: str, now_s: float) -> Verdict:
        """Take a token of a caller, if there is one; a refused request takes none.

        Parameters
        ----------
        now_s : of a clock that never goes back.
        """
        tokens, since_s = self._buckets.get(caller, (float(self._quota), now_s))
        tokens = min(self._quota, tokens + self._per_s * max(0.0, now_s - since_s))
        is_admitted = tokens >= 1.0 - 1e-9  # what is due now is there, however rounded
        if is_admitted:
            tokens = max(0.0, tokens - 1.0)
        self._buckets[caller] = (tokens, now_s)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        lacking = max(0.0, 1.0 - tokens)
        return Verdict(
            is_admitted,
            remaining=int(tokens + 1e-9),
            full_after_s=math.ceil((self._quota - tokens) / self._per_s),
            retry_after_s=math.ceil(lacking / self._per_s) if not is_admitted else 0,
        )
