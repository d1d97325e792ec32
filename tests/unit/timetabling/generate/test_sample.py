"""Sample universities: solvable, realistic, the same for a seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import Invalid
from collegium.timetabling.generate import (
    SampleSize,
    SampleUniversity,
    generate,
    generate_with_solution,
    sample_university,
)
from collegium.timetabling.generate.names import course_name
from collegium.timetabling.itc2019 import (
    read_problem,
    read_timetable,
    write_problem,
    write_timetable,
)
from collegium.timetabling.problem import DistributionType
from collegium.timetabling.solution import solution_of, timetable_of
from collegium.timetabling.validate import validate
from fixtures.oracle import Oracle


@pytest.fixture(scope="module")
def university() -> SampleUniversity:
    """Return the default sample: 300 classes, 2,000 students, 40 rooms."""
    return sample_university()


def test_sizes(university: SampleUniversity):
    """The default has the sizes that it says, and names for everything."""
    problem = university.problem
    assert len(problem.classes) == len(university.class_names) == 300
    assert len(problem.students) == 2000
    assert len(problem.rooms) == len(university.rooms) == 40
    assert len(problem.courses) == len(university.courses) > 60
    assert len(university.campuses) == 2


def test_the_hidden_timetable_is_feasible(university: SampleUniversity):
    """The timetable that comes with a sample breaks no rule."""
    report = validate(university.problem, university.timetable)
    assert report.violations == ()


def test_the_hidden_timetable_is_not_the_best(university: SampleUniversity):
    """Every criterion leaves something to gain, so the sample is not trivial."""
    report = validate(university.problem, university.timetable)
    assert min(report.time, report.room, report.distribution, report.student) > 50


def test_all_types_required_and_soft(university: SampleUniversity):
    """All 19 types of constraint are there, both required and soft."""
    seen = {(d.type, d.required) for d in university.problem.distributions}
    assert seen == {(t, r) for t in DistributionType for r in (True, False)}
    costs = [d.penalty for d in university.problem.distributions if not d.required]
    assert min(costs) >= 1


def test_it_is_like_a_real_one(university: SampleUniversity):
    """Parents, choices, roomless and unlimited classes, closed rooms, week patterns."""
    problem = university.problem
    assert sum(c.parent is not None for c in problem.classes) > 50
    assert any(len(c.configurations) > 1 for c in problem.courses)
    assert any(len(f.subparts) == 3 for c in problem.courses for f in c.configurations)
    assert any(not c.needs_room for c in problem.classes)
    assert any(c.limit is None for c in problem.classes)
    assert any(len(c.times) == 1 for c in problem.classes)
    assert any(room.unavailable for room in problem.rooms)
    walks = {slots for room in problem.rooms for slots in room.travel.values()}
    assert walks == {1, 2, 5}
    weeks = {o.time.weeks for c in problem.classes for o in c.times}
    assert weeks >= {
        0b11111111111111,
        0b01010101010101,
        0b10101010101010,
        0b00000001111111,
        0b11111110000000,
    }


def test_travel_is_symmetric(university: SampleUniversity):
    """The way back is as long as the way there."""
    rooms = university.problem.rooms
    for here, room in enumerate(rooms):
        assert all(rooms[there].travel[here] == s for there, s in room.travel.items())


def test_rooms_are_large_enough(university: SampleUniversity):
    """No class lists a room with fewer seats than its limit."""
    rooms = university.problem.rooms
    for class_ in university.problem.classes:
        seats = [rooms[option.room].capacity for option in class_.rooms]
        assert class_.limit is None or all(n >= class_.limit for n in seats)


def test_names_are_unique(university: SampleUniversity):
    """No two courses or rooms are called the same, however many there are."""
    codes, titles = zip(*((c.code, c.title) for c in university.courses), strict=True)
    assert len(set(codes)) == len(codes)
    assert len(set(titles)) == len(titles)
    assert max(Counter(room.name for room in university.rooms).values()) == 1
    many = [course_name(index) for index in range(5000)]
    assert len({code for code, _, _ in many}) == 5000
    assert len({(title, department) for _, title, department in many}) == 5000
    known = {building.code for building in university.buildings}
    assert {room.building for room in university.rooms} <= known


def test_the_same_for_a_seed():
    """A seed decides everything; another seed makes another university."""
    size = SampleSize.of_classes(40)
    assert sample_university(size, 7) == sample_university(size, 7)
    assert generate(size, 7) == generate_with_solution(size, 7)[0]
    assert write_problem(generate(size, 7)) != write_problem(generate(size, 8))


def test_it_survives_its_files(university: SampleUniversity):
    """Problem and timetable come back equal from XML and from indices."""
    problem, timetable = university.problem, university.timetable
    assert read_problem(write_problem(problem)) == problem
    assert read_timetable(write_timetable(timetable)) == timetable
    again = timetable_of(problem, solution_of(problem, timetable))
    assert validate(problem, again) == validate(problem, timetable)


@settings(max_examples=25)
@given(
    n_classes=st.integers(12, 60),
    n_students=st.integers(0, 150),
    n_weeks=st.integers(4, 20),
    seed=st.integers(0, 2**32),
)
def test_every_sample_is_feasible(
    n_classes: int, n_students: int, n_weeks: int, seed: int
):
    """Whatever size and seed, the hidden timetable is feasible, and has that size."""
    n_rooms = max(6, n_classes // 4)
    size = SampleSize(n_classes, n_students, n_rooms, n_weeks)
    problem, timetable = generate_with_solution(size, seed)
    assert len(problem.classes) == n_classes
    assert len(problem.students) == n_students
    assert len(problem.rooms) == n_rooms
    assert {d.type for d in problem.distributions} == set(DistributionType)
    assert validate(problem, timetable).violations == ()


def test_the_slow_judge_agrees():
    """A judge that shares nothing with the generator finds the sample feasible too."""
    problem, timetable = generate_with_solution(SampleSize(24, 40, 6, 6), 3)
    oracle = Oracle(problem, timetable)
    report = validate(problem, timetable)
    assert not oracle.findings
    assert (oracle.distribution, oracle.student) == (
        report.distribution,
        report.student,
    )


@pytest.mark.parametrize(
    "sizes", [(11, 10, 5, 14), (12, -1, 5, 14), (12, 10, 3, 14), (12, 10, 5, 53)]
)
def test_sizes_out_of_bounds(sizes: tuple[int, int, int, int]):
    """A size that makes no sense is refused with its bounds."""
    with pytest.raises(Invalid, match="A sample university has"):
        SampleSize(*sizes)


def test_too_few_rooms():
    """Classes that cannot all have a room are refused, not left out."""
    with pytest.raises(Invalid, match="4 rooms are too few for 200 classes"):
        generate(SampleSize(200, 100, 4))
