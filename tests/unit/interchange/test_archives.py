"""Archives that mean harm, or are broken: one sentence each, and nothing taken in."""

from __future__ import annotations

import io
import shutil
import struct
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.errors import Invalid, Malformed, TooLarge, Unreadable
from collegium.interchange.oneroster.archives import Archive
from fixtures.bulk import archive, taken_in
from fixtures.rosters import FOREIGN, roster

GIGABYTES_10 = 10 * 2**30


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """Return an open database without rows."""
    shutil.copy(sqlite_template, tmp_path / "x.db")
    database = database_at(f"sqlite:///{tmp_path / 'x.db'}")
    await database.open()
    yield database
    await database.close()


def zipped(name: str, data: bytes = b"a\n") -> bytes:
    """Return an archive of one file."""
    return archive({name: data})


def declaring(size: int) -> bytes:
    """Return an archive whose directory says that its file is of another size."""
    data = bytearray(zipped("users.csv", b"sourcedId\n"))
    at = data.index(b"PK\x01\x02")
    if size < 2**32 - 1:
        data[at + 24 : at + 28] = struct.pack("<I", size)
        return bytes(data)
    # Beyond four gigabytes the size stands in a field of its own.
    data[at + 24 : at + 28] = b"\xff\xff\xff\xff"
    extra = struct.pack("<HHQ", 1, 8, size)
    data[at + 30 : at + 32] = struct.pack("<H", len(extra))
    name_ends = at + 46 + len("users.csv")
    data[name_ends:name_ends] = extra
    end = data.index(b"PK\x05\x06")
    (directory,) = struct.unpack("<I", data[end + 12 : end + 16])
    data[end + 12 : end + 16] = struct.pack("<I", directory + len(extra))
    return bytes(data)


def encrypted() -> bytes:
    """Return an archive whose file says that it is encrypted."""
    data = bytearray(zipped("users.csv"))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


def damaged() -> bytes:
    """Return an archive with other bytes than its checksum tells."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
        made.writestr("manifest.csv", b"propertyName,value\n")
    return out.getvalue().replace(b"propertyName,value\n", b"propertyName,valve\n", 1)


def twice() -> bytes:
    """Return an archive with two files of one name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("users.csv", b"a\n")
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("users.csv", b"b\n")
    return out.getvalue()


HOSTILE = [
    ("../users.csv", lambda: zipped("../users.csv"), "none in a folder"),
    ("/etc/passwd", lambda: zipped("/etc/passwd"), "only CSV files"),
    ("..\\users.csv", lambda: zipped("..\\users.csv"), "none in a folder"),
    ("folder", lambda: zipped("roster/users.csv"), "none in a folder"),
    ("nested", lambda: zipped("more.zip", zipped("users.csv")), "only CSV files"),
    ("10 GB", lambda: declaring(GIGABYTES_10), "would have 10737418240 bytes"),
    ("bomb", lambda: zipped("users.csv", b"0" * 2**26), "not a list of people"),
    ("encrypted", encrypted, "is encrypted"),
    ("damaged", damaged, "is damaged"),
    ("twice", twice, "two files called users.csv"),
    ("not a zip", lambda: b"sourcedId\n", "not a zip archive"),
    ("empty", lambda: b"", "not a zip archive"),
    ("cut off", lambda: roster()[:-200], "not a zip archive"),
    ("bzip2", lambda: _with(zipfile.ZIP_BZIP2), "in an unusual way"),
    (
        "many files",
        lambda: archive({f"{n}.csv": b"a\n" for n in range(101)}),
        "may have 100 files",
    ),
]


def _with(method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        made.writestr("manifest.csv", b"propertyName,value\n")
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "says"),
    [pytest.param(make, says, id=name) for name, make, says in HOSTILE],
)
async def test_hostile_archives(database: Database, make: object, says: str) -> None:
    """Each is refused in one sentence, and nothing is unpacked or taken in."""
    data = make()  # type: ignore[operator]
    with pytest.raises((Unreadable, TooLarge)) as caught:
        await taken_in(database, data, format="oneroster")
    assert says in caught.value.detail
    assert "\n" not in caught.value.detail


def test_a_size_that_is_a_lie(tmp_path: Path) -> None:
    """A file that is longer than its directory says is not read beyond that."""
    opened = Archive(io.BytesIO(declaring(4)))
    with pytest.raises(Unreadable, match="damaged"), opened.opened("users.csv") as file:
        file.read()


MANIFESTS = [
    ({"oneroster.version": "1.1"}, {}, "'1.1'; 1.2 is read here"),
    ({"oneroster.version": None}, {}, "1.2 is read here"),
    ({"file.users": "delta"}, {}, "file.users is delta"),
    ({"file.users": "some"}, {}, "'some', not bulk or absent"),
    ({"file.users": "absent"}, {}, "users.csv is absent, but it is there"),
    ({"file.demographics": "bulk"}, {}, "demographics.csv is bulk, but it is missing"),
    ({}, {"strange.csv": b"a\n"}, "knows no file 'strange.csv'"),
]


@pytest.mark.parametrize(("manifest", "more", "says"), MANIFESTS)
async def test_manifests_that_say_something_else(
    database: Database,
    manifest: dict[str, str | None],
    more: dict[str, bytes],
    says: str,
) -> None:
    """What the manifest says and what the archive has must be the same."""
    data = roster(manifest=manifest, more=more)
    with pytest.raises(Malformed, match=says):
        await taken_in(database, data, format="oneroster")


async def test_an_archive_without_a_manifest(database: Database) -> None:
    """Without a manifest nobody knows what the files are."""
    with pytest.raises(Malformed, match=r"no manifest\.csv"):
        await taken_in(database, zipped("users.csv"), format="oneroster")


async def test_files_that_we_do_not_read_are_named(database: Database) -> None:
    """What has no place here is left out, and it is said."""
    more = {"demographics.csv": b"sourcedId\nx\n"}
    data = roster(manifest={"file.demographics": "bulk"}, more=more)
    report = await taken_in(database, data, format="oneroster")
    assert ("manifest.csv", "file.demographics") in [
        (n.file, n.column) for n in report.notices
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"sourcedId,name\n1,a\n", "has no column type"),
        (b"sourcedId,name,type,name\n1,a,school,b\n", "'name' stands twice"),
        (b"sourcedId,name,type\n1,a\0,school\n", r"orgs.csv, line 2: has the char"),
        (b"sourcedId,name,type\n1,\xff,school\n", r"orgs.csv, line 2: is not UTF-8"),
        (b"sourcedId,name,type\n1," + b"x" * 2**19, r"orgs.csv, line 2: is longer"),
    ],
)
async def test_files_that_cannot_be_read(
    database: Database, data: bytes, says: str
) -> None:
    """The file and the line are named."""
    rows = {name: rows for name, rows in FOREIGN.items() if name != "orgs"}
    whole = roster(rows, manifest={"file.orgs": "bulk"}, more={"orgs.csv": data})
    with pytest.raises(Invalid, match=says):
        await taken_in(database, whole, format="oneroster")


async def test_a_header_in_other_letters(database: Database) -> None:
    """Headers are as the standard spells them."""
    data = b"sourcedid,name,type\n1,a,school\n"
    rows = {name: rows for name, rows in FOREIGN.items() if name != "orgs"}
    whole = roster(rows, manifest={"file.orgs": "bulk"}, more={"orgs.csv": data})
    with pytest.raises(Malformed, match="no column sourcedId"):
        await taken_in(database, whole, format="oneroster")
