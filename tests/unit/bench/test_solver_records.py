"""The file of runs: what is in it comes back, and what is not its own stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.bench.solver_records import (
    Records,
    read_records,
    this_machine,
    write_records,
)
from collegium.errors import Malformed, Unreadable
from fixtures.solver_runs import run_of


def test_runs_come_back_as_they_were(tmp_path: Path) -> None:
    """Reading gives what was written, curve and machine included."""
    records = Records(runs=[run_of("a"), run_of("b", None, score=None, seed=3)])
    write_records(tmp_path / "o.json", records)
    assert read_records(tmp_path / "o.json") == records
    assert [path.name for path in tmp_path.iterdir()] == ["o.json"]


def test_no_file_is_no_runs(tmp_path: Path) -> None:
    """A bench may begin anew."""
    assert read_records(tmp_path / "o.json").runs == []


@pytest.mark.parametrize("member", ["instance", "sha256", "seed", "seconds", "workers"])
def test_another_instance_seed_or_budget_is_another_run(member: str) -> None:
    """Each member of the key tells runs apart; nothing else does."""
    other = {"instance": "b", "sha256": "0", "seed": 1, "seconds": 5.0, "workers": 2}
    one = run_of()
    changed = one.model_copy(update={member: other[member]})
    assert Records(runs=[one, changed]).found([one.key]) == [one]
    slower = one.model_copy(update={"wall_s": 99.0})
    assert slower.key == one.key


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"runs": [{}]}', '{"format": "another", "runs": []}']
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    """Nobody's file is overwritten because it could not be understood."""
    path = tmp_path / "o.json"
    path.write_text(text)
    with pytest.raises(Malformed, match=r"o\.json: not the records"):
        read_records(path)
    assert path.read_text() == text


def test_a_run_cut_off_is_refused(tmp_path: Path) -> None:
    """Half of a file is no file: no prefix of it is taken for all of the runs."""
    path = tmp_path / "o.json"
    write_records(path, Records(runs=[run_of()]))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Malformed):
        read_records(path)


def test_a_place_that_cannot_be_written_is_known_at_once(tmp_path: Path) -> None:
    """No folder, or a folder in the file's place, ends before anything is run."""
    with pytest.raises(Unreadable, match="cannot be written there"):
        read_records(tmp_path / "none" / "o.json")
    with pytest.raises(Unreadable, match="cannot be read"):
        read_records(tmp_path)


def test_the_machine_is_told_in_full() -> None:
    """Versions are those that run, and the same code has the same digest."""
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.memory_bytes > 0
    assert set(machine.libraries) == {"numpy", "numba", "ortools", "highspy"}
    assert all(machine.libraries.values())
    assert machine.code == this_machine().code
