"""The bench of the solver itself, on instances that take a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collegium.bench.solver import Case, Plan, _Seen, cases_of, run_missing
from collegium.bench.solver_records import Run, read_records
from collegium.errors import Invalid, Malformed, TaskFailed, Unreadable
from collegium.timetabling.generate import SampleSize, generate
from collegium.timetabling.itc2019 import save, write_problem

pytestmark = pytest.mark.timeout(300)  # the first one on a machine compiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with two small instances and something else."""
    path = tmp_path / "instances"
    path.mkdir()
    for name, seed in (("one.xml", 1), ("two.xml.gz", 2)):
        problem = generate(SampleSize.of_classes(16), seed)
        save(path / name, write_problem(problem))
    (path / "README").write_text("no instance")
    (path / "solutions").mkdir()
    return path


def test_cases_are_all_seeds_of_all_instances(folder: Path) -> None:
    """Other files and folders do not count, names lose their suffix."""
    cases = cases_of(Plan(folder, 1.0, seeds=2))
    found = [(case.key.instance, case.key.seed) for case in cases]
    assert found == [("one", 0), ("one", 1), ("two", 0), ("two", 1)]
    assert cases[0].key.sha256 != cases[2].key.sha256


def test_only_some(folder: Path) -> None:
    """A name chooses its instance; one that is not there is refused with the others."""
    (case,) = cases_of(Plan(folder, 1.0, only=("two",)))
    assert case.path.name == "two.xml.gz"
    with pytest.raises(Invalid, match="called three; there are: one, two"):
        cases_of(Plan(folder, 1.0, only=("two", "three")))


def test_folders_that_will_not_do(folder: Path, tmp_path: Path) -> None:
    """None, an empty one, two of one name, and a file that is no problem."""
    with pytest.raises(Unreadable, match="no such folder"):
        cases_of(Plan(tmp_path / "none", 1.0))
    with pytest.raises(Invalid, match=r"no \.xml"):
        cases_of(Plan(folder / "solutions", 1.0))
    (folder / "two.xml").write_bytes((folder / "one.xml").read_bytes())
    with pytest.raises(Invalid, match="two instances called two"):
        cases_of(Plan(folder, 1.0))
    (folder / "two.xml").unlink()
    (folder / "bad.xml").write_text("<timetable/>")
    with pytest.raises((Malformed, Unreadable)):
        cases_of(Plan(folder, 1.0))


@pytest.mark.processes
def test_runs_are_judged_kept_and_not_repeated(folder: Path, tmp_path: Path) -> None:
    """A second call runs nothing; one more seed runs only that; a new file runs."""
    out = tmp_path / "o.json"
    begun: list[tuple[str, int]] = []
    ended: list[Run] = []

    def watch(case: Case, progress: dict[str, Any]) -> None:
        if not progress:
            begun.append((case.key.instance, case.key.seed))

    def bench(seeds: int) -> list[Run]:
        cases = cases_of(Plan(folder, 1.0, seeds=seeds, only=("one",)))
        return run_missing(cases, out, watch, ended.append)

    (run,) = first = bench(1)
    _assert_whole(run)
    assert ended == first == read_records(out).runs
    assert bench(1) == first
    assert begun == [("one", 0)]
    assert [one.seed for one in bench(2)] == [0, 1]
    assert begun == [("one", 0), ("one", 1)]
    (folder / "one.xml").write_bytes((folder / "one.xml").read_bytes() + b"\n")
    bench(1)
    assert begun[2:] == [("one", 0)], "another file of the same name is another run"


@pytest.mark.processes
def test_a_solver_that_fails_leaves_the_runs_before(
    folder: Path, tmp_path: Path
) -> None:
    """An instance damaged after it was looked at ends the bench, with its name."""
    out = tmp_path / "o.json"
    cases = cases_of(Plan(folder, 1.0))
    save(folder / "two.xml.gz", b"<problem/>")
    with pytest.raises(TaskFailed, match=r"two\.xml\.gz"):
        run_missing(cases, out, lambda case, progress: None, lambda run: None)
    assert [run.instance for run in read_records(out).runs] == ["one"]


def _assert_whole(run: Run) -> None:
    """Check what is true of every feasible run."""
    assert run.score is not None
    assert run.is_feasible
    assert run.curve[-1].violations == 0
    assert run.curve[-1].objective == run.score.total
    assert run.feasible_after_s is not None
    assert 0 <= run.feasible_after_s <= run.wall_s
    ranks = [point[1:] for point in run.curve]
    assert ranks == sorted(set(ranks), reverse=True), "every point is a better one"
    assert run.moves >= run.iterations > 0
    assert 0 < run.cpu_s <= 4 * run.wall_s
    assert run.moves_per_cpu_s is not None
    assert run.worker_peak_bytes > 10 << 20
    assert run.wall_s < run.seconds + 60, "the start of the workers is not in it"


def test_progress_that_gets_no_better_adds_no_point() -> None:
    """Feasibility comes before the objective; a worse or equal claim is nothing."""
    seen = _Seen()
    for elapsed_s, violations, objective in (
        (0.1, 4, 50),
        (0.2, 4, 50),
        (0.3, 0, 90),
        (0.4, 1, 10),
        (0.5, 0, 80),
    ):
        live = {"violations": violations, "objective": objective}
        seen.take({"elapsed_s": elapsed_s, "objective": None, "live": [live]})
    assert [point.elapsed_s for point in seen.curve] == [0.1, 0.3, 0.5]
    assert seen.feasible_after_s == 0.3
