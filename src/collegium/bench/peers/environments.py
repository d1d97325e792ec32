"""Virtual environments of the peers, each apart from ours and from the others."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from collegium.errors import Unavailable

INSTALL_LIMIT_S = 900.0


def cache_folder() -> Path:
    """Return where programs of this user keep what can be made again."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "collegium"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "collegium"


def requirements(peer: str) -> str:
    """Return the pinned packages of a peer, as pip reads them."""
    return (files(__package__) / "requirements" / f"{peer}.txt").read_text()


def make_environment(
    peer: str,
    pinned: str,
    cache: Path,
    *,
    create: Callable[[Path, str], None] | None = None,
) -> Path:
    """Return the Python of a peer's environment, made if it is not there yet.

    The folder's name holds a hash of the pinned packages: other versions make another
    environment, and one whose making was interrupted has no name and is never used.

    Parameters
    ----------
    peer : name of the peer.
    pinned : its packages, as pip reads them.
    cache : folder that holds all environments.
    create : makes an environment with packages at a path; by ``venv`` and ``pip``.

    Raises
    ------
    Unavailable
        When a package cannot be installed; the last line of pip says why.
    """
    tag = f"{sys.version_info.major}{sys.version_info.minor}:{pinned}"
    digest = hashlib.sha256(tag.encode()).hexdigest()[:12]
    folder = cache / "peers" / f"{peer}-{digest}"
    if not folder.exists():
        _make(folder, pinned, create or create_environment)
    return folder / "bin" / "python"


def _make(folder: Path, pinned: str, create: Callable[[Path, str], None]) -> None:
    # Scripts of a virtual environment hold its path; we only ever run its Python,
    # which finds itself, so that making it elsewhere and renaming it is safe.
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        create(unfinished, pinned)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def create_environment(folder: Path, pinned: str) -> None:
    """Make a virtual environment with packages.

    Raises
    ------
    Unavailable
        When a package cannot be installed.
    """
    venv.create(folder, with_pip=True, clear=True)
    wanted = folder / "requirements.txt"
    wanted.write_text(pinned)
    install(folder / "bin" / "python", wanted)


def install(python: Path, wanted: Path) -> None:
    """Install exactly the packages of a file, by pip as it is configured here.

    Raises
    ------
    Unavailable
        When pip fails or takes too long.
    """
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps"]
    try:
        subprocess.run(
            [*command, "--disable-pip-version-check", "-r", str(wanted)],
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_LIMIT_S,
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["pip said nothing"]
        raise Unavailable(f"pip: {lines[-1]}") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"pip took over {INSTALL_LIMIT_S:.0f} s") from error
