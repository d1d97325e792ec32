"""Tests of the peers' environments and of what is made of their figures."""

from __future__ import annotations

import ast
import shutil
import sys
from pathlib import Path

import pytest

from collegium.bench.peers import environments
from collegium.bench.peers.environments import install, make_environment, requirements
from collegium.bench.peers.measure import PEERS, Loads, measure_peers, medians
from collegium.errors import Invalid, Unavailable

DRIVERS = Path(environments.__file__).parent / "drivers"


@pytest.mark.parametrize("peer", PEERS)
def test_every_package_of_a_peer_is_pinned(peer: str) -> None:
    """Each line of the requirements names one exact version."""
    lines = requirements(peer).splitlines()
    assert lines
    assert all("==" in line.partition(";")[0] for line in lines)


@pytest.mark.parametrize("path", sorted(DRIVERS.glob("*.py")), ids=lambda p: p.name)
def test_drivers_import_nothing_of_ours_but_drivers(path: Path) -> None:
    """In a peer's environment the rest of Collegium cannot be imported."""
    imported = [
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    ]
    ours = [name for name in imported if name.partition(".")[0] == "collegium"]
    assert all(name.startswith("collegium.bench.peers.drivers") for name in ours)
    third = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    assert third <= {"collegium", "taskiq_redis", "redis", "distributed", path.stem}


def test_an_unfinished_environment_is_never_used(tmp_path: Path) -> None:
    """When making it fails half-way, nothing of it is kept or taken for whole."""

    def fail(folder: Path, pinned: str) -> None:
        folder.mkdir(parents=True)
        (folder / "half").touch()
        raise Unavailable(f"cannot have {pinned}")

    with pytest.raises(Unavailable, match="cannot have rq==0"):
        make_environment("rq", "rq==0", tmp_path, create=fail)
    assert list((tmp_path / "peers").iterdir()) == []


def test_an_environment_is_made_once_for_its_versions(tmp_path: Path) -> None:
    """Equal requirements find the same environment; others make another one."""
    made: list[str] = []

    def create(folder: Path, pinned: str) -> None:
        folder.mkdir(parents=True)
        made.append(pinned)

    first = make_environment("rq", "rq==1", tmp_path, create=create)
    assert make_environment("rq", "rq==1", tmp_path, create=create) == first
    assert make_environment("rq", "rq==2", tmp_path, create=create) != first
    assert made == ["rq==1", "rq==2"]


@pytest.mark.processes
def test_pip_says_why_a_package_cannot_be_had(tmp_path: Path) -> None:
    """The error holds pip's last line, which names the package."""
    wanted = tmp_path / "requirements.txt"
    wanted.write_text(f"{tmp_path / 'no-such-package'}\n")
    with pytest.raises(Unavailable, match="no-such-package"):
        install(Path(sys.executable), wanted)


def test_medians_keep_texts_and_every_run() -> None:
    """A number becomes its median; a text stays; the runs are kept for the reader."""
    runs = [{"version": "1", "tasks_per_s": x} for x in (3.0, 1.0, 2.0)]
    assert medians(runs) == {"version": "1", "tasks_per_s": 2.0, "runs": runs}


def test_an_unknown_peer_is_refused() -> None:
    """The error names the peers that there are."""
    with pytest.raises(Invalid, match="dramatiq; there are celery, dask"):
        measure_peers(["dramatiq"])


@pytest.mark.processes
def test_rq_is_measured_where_it_is_installed() -> None:
    """A peer whose environment exists gives all figures, with one of every repeat."""
    made = list((environments.cache_folder() / "peers").glob("rq-*/bin/python"))
    if not made or shutil.which("redis-server") is None:
        pytest.skip("RQ's environment or redis-server is not installed here")
    loads = Loads(tasks=100, single=10, naps=10, repeats=2)
    (figures,) = measure_peers(["rq"], loads=loads)
    assert len(figures["runs"]) == 2
    assert figures["tasks_per_s"] > figures["naps_per_s"] > 10.0
    assert 0.0 < figures["p50_ms"] <= figures["p99_ms"]
