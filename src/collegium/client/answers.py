"""What a coordinator's answers mean to a program that runs tasks."""

from __future__ import annotations

from collegium.errors import (
    Cancelled,
    CollegiumError,
    DeadlineExceeded,
    Forbidden,
    Invalid,
    Malformed,
    Overloaded,
    TaskFailed,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from collegium.membership.outcomes import Reader


def _other(status: int, detail: str) -> CollegiumError:
    """Return what may pass, or what will not."""
    if status == 429 or status >= 500:
        return Unavailable(detail)
    return Invalid(detail)


ANSWERS = Reader(
    errors={
        "/problems/cancelled": Cancelled,
        "/problems/deadline-exceeded": DeadlineExceeded,
        "/problems/forbidden": Forbidden,
        "/problems/malformed": Malformed,
        "/problems/overloaded": Overloaded,
        "/problems/task-failed": TaskFailed,
        "/problems/too-large": TooLarge,
        "/problems/unauthenticated": Unauthenticated,
    },
    other=_other,
    nonsense=lambda detail: Unavailable(f"This is no coordinator: {detail}"),
)
