"""What is written is read back equal."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import Malformed
from collegium.timetabling.itc2019 import (
    read_problem,
    read_timetable,
    save,
    write_problem,
    write_timetable,
)
from collegium.timetabling.problem import Problem
from collegium.timetabling.solution import Placement, Timetable
from fixtures.itc2019 import instance_files, solved_files
from fixtures.problems import XML_TEXT, problems, timetables


@settings(max_examples=80)
@given(problems(names=XML_TEXT))
def test_any_problem(problem: Problem):
    """Any valid problem, whatever its ids are made of, comes back equal."""
    assert read_problem(write_problem(problem)) == problem


@settings(max_examples=80)
@given(st.data())
def test_any_timetable(data: st.DataObject):
    """Any timetable comes back equal, with all that it says about its making."""
    problem = data.draw(problems(names=XML_TEXT))
    seconds = st.floats(0, 1e9, allow_nan=False, allow_infinity=False)
    timetable = replace(
        data.draw(timetables(problem)),
        runtime_s=data.draw(st.none() | seconds),
        cores=data.draw(st.none() | st.integers(0, 4096)),
        technique=data.draw(XML_TEXT),
        author=data.draw(XML_TEXT),
        institution=data.draw(XML_TEXT),
        country=data.draw(XML_TEXT),
    )
    if not timetable.placements:  # nothing says how wide a bit string would be
        timetable = replace(timetable, n_days=0, n_weeks=0)
    assert read_timetable(write_timetable(timetable)) == timetable


@pytest.mark.parametrize("path", instance_files())
def test_real_instance(path: Path):
    """Every competition instance comes back equal."""
    problem = read_problem(path)
    assert read_problem(write_problem(problem)) == problem


@pytest.mark.parametrize(("instance", "solution", "expected"), solved_files())
def test_real_solution(instance: Path, solution: Path, expected: object):
    """Every published solution comes back equal."""
    timetable = read_timetable(solution)
    assert read_timetable(write_timetable(timetable)) == timetable


def test_saved_compressed_by_name(tmp_path: Path, tiny: Problem):
    """A file named .gz is gzip, the same for the same content; both are read."""
    plain, packed, again = (tmp_path / n for n in ("p.xml", "p.xml.gz", "q.xml.gz"))
    for path in (plain, packed, again):
        save(path, write_problem(tiny))
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert packed.read_bytes() == again.read_bytes()
    assert read_problem(plain) == read_problem(packed) == tiny
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "p.xml",
        "p.xml.gz",
        "q.xml.gz",
    ]


def test_unset_widths_are_written_as_short_as_can_be():
    """A timetable that does not say its days and weeks is written for what it uses."""
    timetable = Timetable("t", (Placement("1", days=0b101, start=0, weeks=0b10),))
    read = read_timetable(write_timetable(timetable))
    assert (read.n_days, read.n_weeks) == (3, 2)
    assert read.placements == timetable.placements


@pytest.mark.parametrize("name", ["nul \0", "bell \a", "half \ud800"])
def test_what_xml_cannot_say_is_refused(tiny: Problem, name: str):
    """A name that no XML can hold is refused when writing, not written wrongly."""
    with pytest.raises(Malformed, match="Cannot be written"):
        write_problem(replace(tiny, name=name))
    with pytest.raises(Malformed, match="Cannot be written"):
        write_timetable(Timetable(name, ()))
