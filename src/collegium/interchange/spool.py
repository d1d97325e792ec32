"""Files that nobody else sees, in memory as long as they are short."""

from __future__ import annotations

import tempfile
from typing import BinaryIO, cast

IN_MEMORY_BYTES = 2**20
"""Up to this size no file is made."""


def spooled() -> BinaryIO:
    """Return an empty file that is gone when it is closed."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - the caller's
    return cast(BinaryIO, file)
