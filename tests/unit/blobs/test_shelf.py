from __future__ import annotations

import hashlib

from collegium.blobs.shelf import Shelf


def test_a_blob_stays_as_long_as_one_job_wants_it() -> None:
    """Two jobs may hold the same bytes; the last one to let go drops them."""
    shelf = Shelf()
    sha256 = shelf.put("one", b"walk")
    assert shelf.put("two", b"walk") == sha256 == hashlib.sha256(b"walk").hexdigest()
    shelf.keep_only("one", ())
    assert shelf.get(sha256) == b"walk"
    shelf.keep_only("two", ())
    assert shelf.get(sha256) is None
    assert shelf.size_bytes == 0


def test_a_job_lets_go_only_of_its_own() -> None:
    """What another job holds is not touched, whatever one job wants."""
    shelf = Shelf()
    mine, other = shelf.put("one", b"a"), shelf.put("two", b"b")
    shelf.keep_only("one", [mine])
    assert shelf.get(mine) == b"a"
    assert shelf.get(other) == b"b"
    assert shelf.size_bytes == 2
