"""Copies of SQLite databases."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from collegium.cli.app import EXIT_BAD_INPUT, EXIT_FAILED, main
from collegium.db.backup import copy_database
from collegium.errors import AlreadyExists, DatabaseUnavailable


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a database with one row that is committed, and one that is not yet."""
    path = tmp_path / "source.db"
    writer = apsw.Connection(str(path))
    writer.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (n); BEGIN").fetchall()
    writer.execute("INSERT INTO t VALUES (1); COMMIT; BEGIN").fetchall()
    writer.execute("INSERT INTO t VALUES (2)").fetchall()
    # The connection lives as long as the path that knows it.
    _OPEN[path] = writer
    return path


_OPEN: dict[Path, apsw.Connection] = {}


def rows(path: Path) -> list[tuple[int, ...]]:
    """Return what a database holds."""
    return apsw.Connection(str(path)).execute("SELECT n FROM t").fetchall()


def test_a_copy_has_what_is_committed(source: Path, tmp_path: Path) -> None:
    """In the middle of another's transaction a copy has everything before it."""
    target = tmp_path / "copy.db"
    copy_database(source, target)
    assert rows(target) == [(1,)]
    assert apsw.Connection(str(target)).execute(
        "PRAGMA integrity_check"
    ).fetchall() == [("ok",)]
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]


def test_nothing_is_written_over(source: Path, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(AlreadyExists):
        copy_database(source, target)
    assert target.read_text() == "precious"


def test_a_failed_copy_leaves_nothing(tmp_path: Path) -> None:
    """What is no database is not copied, and no part of a file is left."""
    source = tmp_path / "source.db"
    source.write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseUnavailable):
        copy_database(source, tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == [source]


def test_the_command_says_what_is_wrong(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of failure has its exit code and one line."""
    out = str(tmp_path / "copy.db")
    url = f"sqlite:///{source}"
    assert main(["backup", "--database", url, "--out", out]) == 0
    assert capsys.readouterr().out.startswith(out)
    for database, code in [
        (url, EXIT_BAD_INPUT),
        (f"sqlite:///{tmp_path}/none.db", EXIT_BAD_INPUT),
        ("postgresql://h/name", EXIT_BAD_INPUT),
    ]:
        assert main(["backup", "--database", database, "--out", out]) == code
        assert capsys.readouterr().err.count("\n") == 1
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 1000)
    url, out = f"sqlite:///{broken}", str(tmp_path / "other.db")
    assert main(["backup", "--database", url, "--out", out]) == EXIT_FAILED
