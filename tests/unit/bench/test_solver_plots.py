"""Pictures of cost over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collegium.bench.solver_plots import Plots, curve_of
from collegium.bench.solver_published import Published
from collegium.errors import Misconfigured, Unreadable
from fixtures.solver_runs import run_of


def test_each_instance_has_two_pictures(tmp_path: Path) -> None:
    """PNG and SVG begin as such files do, in a folder that was not there."""
    runs = [run_of("a"), run_of("a", seed=1), run_of("b", None, curve=[])]
    folder = tmp_path / "new" / "plots"
    paths = Plots(folder).draw(runs, {"a": Published(5, 50)})
    assert [path.name for path in paths] == ["a.png", "a.svg", "b.png", "b.svg"]
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (folder / "b.svg").read_bytes()


def test_a_curve_has_only_what_was_feasible() -> None:
    """It begins with the first feasible point and lasts as long as the budget."""
    assert curve_of(run_of("a", 10)) == ([1.0, 2.5, 4.0], [40, 10, 10])
    assert curve_of(run_of("a", None, curve=[])) == ([], [])


def test_without_the_extra_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    """A missing library is no traceback, and leaves no folder."""

    def load(name: str) -> Any:
        raise ImportError(name)

    with pytest.raises(Misconfigured, match=r"collegium\[plots\]"):
        Plots(tmp_path / "plots", load)
    assert not (tmp_path / "plots").exists()


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    """The folder cannot be made where a file is."""
    (tmp_path / "plots").write_text("")
    with pytest.raises(Unreadable, match="no folder for plots"):
        Plots(tmp_path / "plots")
