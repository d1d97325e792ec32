"""Copy an SQLite database while others write to it."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from collegium.db.sqlite import BUSY_S
from collegium.errors import AlreadyExists, DatabaseUnavailable


def copy_database(source: Path, target: Path) -> None:
    """Write the state of a database at one instant into a file of its own.

    Writers go on meanwhile; what they commit later is not in the copy. The file appears
    when it is whole and on disk.

    Parameters
    ----------
    source : an existing database.
    target : the file to make.

    Raises
    ------
    AlreadyExists
        When the target is there.
    DatabaseUnavailable
        When the source cannot be read or the target not be written.
    """
    if target.exists():
        raise AlreadyExists(f"{target} is there already.")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    try:
        connection = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(int(BUSY_S * 1000))
            connection.execute("VACUUM INTO ?", (str(unfinished),)).fetchall()
        finally:
            connection.close()
        _to_disk(unfinished)
        # Unlike a rename, a link does not replace what came there meanwhile.
        os.link(unfinished, target)
        _to_disk(target.parent)
    except FileExistsError:
        raise AlreadyExists(f"{target} is there already.") from None
    except (apsw.Error, OSError) as error:
        raise DatabaseUnavailable(f"{source} cannot be copied: {error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
