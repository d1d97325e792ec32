"""Medians and gaps of runs, worked out by hand."""

from __future__ import annotations

import json
import math
from io import StringIO

import pytest
from rich.console import Console

from collegium.bench.solver_published import PUBLISHED, Published
from collegium.bench.solver_table import document_of, mean_gap, rows_of, table_of
from fixtures.solver_runs import MACHINE, run_of

KNOWN = {"a": Published(100, 200), "b": Published(100)}


def _runs(name: str, *costs: int | None) -> list[object]:
    return [run_of(name, cost, seed=seed) for seed, cost in enumerate(costs)]


def test_the_median_over_seeds_counts() -> None:
    """Cost is the middle seed's, least and most are there beside it."""
    (row,) = rows_of(_runs("a", 130, 110, 120), KNOWN)
    assert (row.cost, row.best, row.worst, row.runs) == (120, 110, 130, 3)
    assert row.gap_to_best == pytest.approx(0.2)
    assert row.gap_to_after_60_s == pytest.approx(-0.4)
    assert row.moves_per_cpu_s == 25
    assert row.cpu_share == pytest.approx(2 / 4.25)


def test_two_seeds_have_the_mean_as_median() -> None:
    """With an even number the two in the middle share it."""
    (row,) = rows_of(_runs("a", 110, 130), KNOWN)
    assert row.cost == 120


def test_an_infeasible_seed_does_not_vanish() -> None:
    """One of three leaves a median, one of two leaves none, and the mean is gone."""
    (three,) = rows_of(_runs("a", 110, None, 120), KNOWN)
    assert (three.feasible, three.cost, three.worst) == (2, 120, math.inf)
    rows = rows_of([*_runs("a", 110, None), *_runs("b", 100)], KNOWN)
    assert rows[0].cost == math.inf
    assert mean_gap(rows) == math.inf


def test_the_mean_gap_is_geometric() -> None:
    """Ratios 1.0 and 1.21 have the mean 1.1; an unknown instance is left out."""
    rows = rows_of([*_runs("a", 100), *_runs("b", 121), *_runs("c", 7)], KNOWN)
    assert mean_gap(rows) == pytest.approx(0.1)
    assert rows[2].gap_to_best is None
    assert rows[2].gap_to_after_60_s is None
    assert mean_gap(rows[2:]) is None


def test_the_document_is_json_without_infinities() -> None:
    """What is infinite is null, which every reader of JSON takes."""
    document = document_of([*_runs("a", None), *_runs("b", 110)])
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text)["instances"][0]["cost"] is None
    assert (document["runs"], document["feasible"]) == (2, 1)


def test_the_table_shows_every_instance_and_mixed_code() -> None:
    """Gaps stand where something is published; two states of code are not hidden."""
    other = MACHINE.model_copy(update={"code": "0ther"})
    runs = [
        run_of("tg-fal17", 4_636),
        run_of("mine", None, machine=other, cpu_s=0.0),
    ]
    out = StringIO()
    Console(file=out, width=200).print(table_of(runs))
    text = out.getvalue()
    assert "4,636" in text
    assert "+10.0%" in text
    assert "infeasible" in text
    assert "DIFFERENT STATES OF CODE" in text


def test_nothing_published_is_worse_after_sixty_seconds_than_the_best() -> None:
    """The best known cost is at most what one solver reaches in a minute."""
    for name, published in PUBLISHED.items():
        assert published.best is not None, name
        if published.after_60_s is not None:
            assert 0 < published.best <= published.after_60_s, name
