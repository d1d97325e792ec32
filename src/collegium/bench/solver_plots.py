"""Cost over time as pictures; needs the extra ``collegium[plots]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from collegium.bench.solver_published import PUBLISHED, Published
from collegium.bench.solver_records import Point, Run
from collegium.errors import Misconfigured, Unreadable

FORMATS = ("png", "svg")
_WIDTH_IN, _HEIGHT_IN = 7.0, 4.0


class Plots:
    """A folder of pictures, one of each instance in each format.

    Parameters
    ----------
    folder : where they go; made when it is not there.
    load : imports a module by name.

    Raises
    ------
    Misconfigured
        When matplotlib is not installed.
    Unreadable
        When the folder cannot be made.
    """

    def __init__(
        self, folder: Path, load: Callable[[str], Any] = import_module
    ) -> None:
        try:
            self._figure = load("matplotlib.figure").Figure
        except ImportError:
            raise Misconfigured(
                "Plots need matplotlib: install collegium[plots]."
            ) from None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unreadable(f"{folder}: no folder for plots: {error.strerror}") from (
                error
            )
        self._folder = folder

    def draw(
        self,
        runs: Sequence[Run],
        published: Mapping[str, Published] = PUBLISHED,
    ) -> list[Path]:
        """Draw the runs of each instance; return the files."""
        paths: list[Path] = []
        for name in dict.fromkeys(run.instance for run in runs):
            of_name = [run for run in runs if run.instance == name]
            figure = self._drawn(of_name, published.get(name, Published(None)))
            for ending in FORMATS:
                path = self._folder / f"{name}.{ending}"
                figure.savefig(path, dpi=150)
                paths.append(path)
        return paths

    def _drawn(self, runs: Sequence[Run], published: Published) -> Any:
        first = runs[0]
        figure = self._figure(figsize=(_WIDTH_IN, _HEIGHT_IN), layout="constrained")
        axes = figure.subplots()
        for run in runs:
            seconds, costs = curve_of(run)
            axes.step(seconds, costs, where="post", label=f"seed {run.seed}")
        for cost, label, style in (
            (published.best, "best known", "--"),
            (published.after_60_s, "UniTime after 60 s", ":"),
        ):
            if cost is not None:
                axes.axhline(cost, color="gray", linestyle=style, label=label)
        axes.set_xlim(0, first.seconds)
        axes.set_xlabel("seconds")
        axes.set_ylabel("cost of the best feasible timetable")
        plural = "s" if first.workers > 1 else ""
        axes.set_title(f"{first.instance}, {first.workers} worker{plural}")
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
        return figure


def curve_of(run: Run) -> tuple[list[float], list[int]]:
    """Return when the cost of the best feasible timetable fell, and to what.

    What was not feasible is left out; a curve with any point goes on to the end of the
    budget.
    """
    points = [Point(*point) for point in run.curve if point[1] == 0]
    if points and points[-1].elapsed_s < run.seconds:
        points.append(Point(run.seconds, 0, points[-1].objective))
    return [p.elapsed_s for p in points], [p.objective for p in points]
