"""How a function becomes machine code: one decorator, so that all agree.

Compiled functions run without the interpreter lock and are kept on disk by numba,
so that only the first start on a machine pays for the compilation. Numba notices a
change of a function's own file but not of the functions it calls, so the cache has a
folder for each state of all compiled files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from numba import config, njit

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile a function when it is first called; the result is cached on disk."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: Function) -> Function:
    """Compile a function into each of its callers, for the innermost loops."""
    return cast(
        Function,
        njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(function),
    )


def _cache_folder() -> Path:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"@compiled" in source or b"@inlined" in source or b"lower_" in source:
            digest.update(source)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(home) / "collegium" / "compiled" / digest.hexdigest()[:16]


if not os.environ.get("NUMBA_CACHE_DIR"):
    config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]
