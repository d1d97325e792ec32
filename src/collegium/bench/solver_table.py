"""The runs of a bench, summed up by instance: medians, and how far from the best."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from collegium.bench.solver_published import PUBLISHED, Published
from collegium.bench.solver_records import Run

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One instance.

    Parameters
    ----------
    feasible : how many of the runs ended with a feasible timetable.
    cost : median over seeds; infinite when that run is not feasible.
    best, worst : over seeds.
    gap_to_best, gap_to_after_60_s : None when nothing is published.
    feasible_after_s, moves_per_cpu_s : medians; None when no run says.
    cpu_share : of the cores that the workers asked for, what they got; the median.
    peak_bytes : the largest of all.
    """

    instance: str
    runs: int
    feasible: int
    cost: float
    best: float
    worst: float
    gap_to_best: float | None
    gap_to_after_60_s: float | None
    feasible_after_s: float | None
    moves_per_cpu_s: float | None
    cpu_share: float
    peak_bytes: int


def rows_of(
    runs: Sequence[Run], published: Mapping[str, Published] = PUBLISHED
) -> list[Row]:
    """Return a row for each instance, by name."""
    by_name: dict[str, list[Run]] = {}
    for run in runs:
        by_name.setdefault(run.instance, []).append(run)
    return [
        _row(name, by_name[name], published.get(name, Published(None)))
        for name in sorted(by_name)
    ]


def mean_gap(rows: Sequence[Row]) -> float | None:
    """Return the geometric mean of cost over best known, less one.

    None without a published instance; infinite when one of them is not feasible, so
    that leaving an instance unsolved never looks better than solving it badly.
    """
    ratios = [1 + row.gap_to_best for row in rows if row.gap_to_best is not None]
    if not ratios or min(ratios) <= 0:
        return None
    return math.exp(statistics.fmean(map(math.log, ratios))) - 1


def document_of(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the summary as one JSON object; what is infinite is null."""
    rows = rows_of(runs)
    return {
        "runs": len(runs),
        "feasible": sum(run.is_feasible for run in runs),
        "code": sorted({run.machine.code for run in runs}),
        "mean_gap_to_best": _finite(mean_gap(rows)),
        "instances": [
            {name: _finite(value) for name, value in asdict(row).items()}
            for row in rows
        ],
    }


def table_of(runs: Sequence[Run]) -> Table:
    """Return the summary as a table for people.

    ``runs`` says how many of them are feasible; ``to best`` and ``to UT60`` how far
    the median is from the best known cost and from that of UniTime after 60 seconds;
    ``moves/s`` is per second of processor time, of which ``core`` says how much the
    workers got.
    """
    rows = rows_of(runs)
    first = runs[0]
    table = Table(
        title=f"{first.seconds:g} s, workers: {first.workers}, median over seeds",
        caption=_caption(runs, rows),
    )
    table.add_column("instance")
    for name in (
        "runs",
        "cost",
        "least",
        "most",
        "to best",
        "to UT60",
        "feasible",
        "moves/s",
        "core",
        "MiB",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.instance,
            f"{row.feasible}/{row.runs}",
            _cost(row.cost),
            _cost(row.best),
            _cost(row.worst),
            _percent(row.gap_to_best),
            _percent(row.gap_to_after_60_s),
            "" if row.feasible_after_s is None else f"{row.feasible_after_s:.1f} s",
            "" if (m := row.moves_per_cpu_s) is None else f"{m / 1e6:.2f} M",
            f"{row.cpu_share:.0%}",
            f"{row.peak_bytes / _MIB:.0f}",
        )
    return table


def _row(name: str, runs: Sequence[Run], published: Published) -> Row:
    costs = [run.cost for run in runs]
    cost = statistics.median_high(costs)  # never between feasible and not
    if math.isfinite(cost):
        cost = statistics.median(costs)
    best, after_60_s = published.best, published.after_60_s
    return Row(
        instance=name,
        runs=len(runs),
        feasible=sum(run.is_feasible for run in runs),
        cost=cost,
        best=min(costs),
        worst=max(costs),
        gap_to_best=cost / best - 1 if best else None,
        gap_to_after_60_s=cost / after_60_s - 1 if after_60_s else None,
        feasible_after_s=_median([run.feasible_after_s for run in runs]),
        moves_per_cpu_s=_median([run.moves_per_cpu_s for run in runs]),
        cpu_share=statistics.median(
            run.cpu_s / run.workers / run.wall_s for run in runs
        ),
        peak_bytes=max(run.worker_peak_bytes for run in runs),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _caption(runs: Sequence[Run], rows: Sequence[Row]) -> str:
    gap = mean_gap(rows)
    codes = sorted({run.machine.code for run in runs})
    loads = [run.machine.load for run in runs if run.machine.load is not None]
    parts = [f"{runs[0].machine.processor}, {runs[0].machine.cores} cores"]
    if gap is not None:
        parts.append(f"geometric mean of the gaps to the best known {_percent(gap)}")
    parts.append(f"code {codes[0]}" if len(codes) == 1 else "DIFFERENT STATES OF CODE")
    if loads:
        parts.append(f"load before the runs {min(loads):.1f} to {max(loads):.1f}")
    longest_s = max(run.warm_up_s for run in runs)
    parts.append(f"longest start of the workers, not counted, {longest_s:.1f} s")
    return "; ".join(parts)


def _cost(cost: float) -> str:
    return f"{cost:,.0f}" if math.isfinite(cost) else "infeasible"


def _percent(share: float | None) -> str:
    if share is None:
        return ""
    return f"{share:+.1%}" if math.isfinite(share) else "infeasible"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
