"""What is read, and how everything broken or hostile is refused."""

from __future__ import annotations

import gzip
import socket
import zlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import Malformed, TooLarge, Unreadable
from collegium.timetabling.itc2019 import Limits, read_problem, read_timetable
from collegium.timetabling.problem import DistributionType, Problem, Time
from collegium.timetabling.solution import Timetable
from fixtures.instances import TINY, TINY_SOLUTION

TINY_XML = TINY.read_bytes()


def _changed(old: str, new: str, count: int = 1) -> bytes:
    assert old.encode() in TINY_XML
    return TINY_XML.replace(old.encode(), new.encode(), count)


def _line_of(part: str) -> int:
    return TINY_XML[: TINY_XML.index(part.encode())].count(b"\n") + 1


def _refusal(xml: bytes, limits: Limits | None = None) -> str:
    with pytest.raises((Unreadable, TooLarge, Malformed)) as caught:
        read_problem(xml, limits or Limits())
    assert "\n" not in caught.value.detail
    return caught.value.detail


def test_the_parts_of_a_problem(tiny: Problem):
    """A file with a byte order mark and a DOCTYPE gives what it says."""
    assert (tiny.name, tiny.n_days, tiny.n_weeks) == ("tiny", 7, 2)
    assert [dict(room.travel) for room in tiny.rooms] == [{1: 2, 2: 6}, {0: 2}, {0: 6}]
    assert tiny.rooms[1].unavailable == (Time(0b10000, 0, 288, 0b11),)
    lecture, recitation, _, online, odd_weeks = tiny.classes
    assert lecture.times[0].time == Time(days=0b101, start=96, length=12, weeks=0b11)
    assert (recitation.parent, lecture.parent) == (0, None)
    assert (lecture.limit, online.limit) == (3, None)
    assert (lecture.needs_room, online.needs_room) == (True, False)
    assert [o.time.weeks for o in odd_weeks.times] == [0b01, 0b10, 0b11]
    assert tiny.courses[0].configurations[0].subparts[1].classes == (1, 2)
    assert tiny.distributions[2].type is DistributionType.MAX_DAY_LOAD
    assert tiny.distributions[2].parameters == (21,)
    assert [d.required for d in tiny.distributions] == [True, False, False]
    assert tiny.students[2].courses == (0,)


def test_the_parts_of_a_timetable(tiny_timetable: Timetable):
    """A solution gives what it says, comments aside."""
    first = tiny_timetable.placements[0]
    assert (first.class_id, first.days, first.start) == ("1", 0b101, 96)
    assert (first.weeks, first.room_id, first.student_ids) == (0b11, "1", ("1", "2"))
    assert tiny_timetable.placements[3].room_id is None
    assert (tiny_timetable.n_days, tiny_timetable.n_weeks) == (7, 2)
    assert (tiny_timetable.runtime_s, tiny_timetable.cores) == (0.5, 1)
    assert tiny_timetable.technique == "By hand"


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_other_encodings(tiny: Problem, encoding: str):
    """A file in another encoding that it declares is the same problem."""
    text = TINY_XML.decode("utf-8-sig").replace("UTF-8", encoding)
    assert read_problem(text.encode(encoding)) == tiny


def test_gzip_is_known_by_its_first_bytes(tiny: Problem, tmp_path: Path):
    """Compression is seen in the content, whatever the name; several members too."""
    half = len(TINY_XML) // 2
    packed = gzip.compress(TINY_XML[:half]) + gzip.compress(TINY_XML[half:])
    path = tmp_path / "named.xml"
    path.write_bytes(packed)
    assert read_problem(packed) == read_problem(path) == tiny


BROKEN = {
    "days too short": ('days="1010000"', 'days="101000"', "days must have 7"),
    "days not bits": ('days="1010000"', 'days="1012000"', "0 and 1 only"),
    "weeks too long": ('weeks="11"', 'weeks="111"', "weeks must have 2"),
    "no day": ('days="1010000"', 'days="0000000"', "at least one day"),
    "past midnight": ('start="120" length="12"', 'start="280" length="12"', "end of"),
    "no length": ('start="96" length="12"', 'start="96" length="0"', "length must be"),
    "start missing": ('start="96" length', "length", "start is missing"),
    "number with sign": ('penalty="4"', 'penalty="-4"', "penalty must be"),
    "number with underscore": ('penalty="4"', 'penalty="4_0"', "penalty must be"),
    "number in Arabic": ('penalty="4"', 'penalty="٤"', "penalty must be"),
    "number too large": ('penalty="4"', 'penalty="2147483648"', "penalty must be"),
    "number of many digits": ('penalty="4"', f'penalty="{"9" * 90}"', "penalty must"),
    "no number": ('capacity="50"', 'capacity="fifty"', "not fifty"),
    "unknown type": ("SameRoom", "SameRooms", "known are SameStart, SameTime"),
    "parameter missing": ("MaxDayLoad(21)", "MaxDayLoad", "takes 1 parameters"),
    "parameter too many": ("MaxDayLoad(21)", "MaxDayLoad(2,1)", "takes 1 parameters"),
    "parameter unwanted": ("SameRoom", "SameRoom(1)", "takes 0 parameters"),
    "parameter negative": ("MaxDayLoad(21)", "MaxDayLoad(-1)", "unknown type"),
    "required unclear": ('required="true"', 'required="yes"', "true or false"),
    "unknown room": ('<travel room="3"', '<travel room="9"', "room 9 does not exist"),
    "unknown parent": ('parent="1"', 'parent="9"', "parent 9 does not exist"),
    "own parent": ('limit="2" parent="1"', 'limit="2" parent="2"', "own ancestor"),
    "unknown course": ('<course id="2"/>', '<course id="9"/>', "9 does not exist"),
    "second class": ('<class id="5" limit', '<class id="4" limit', "a second class"),
    "second course": ('<course id="2">', '<course id="1">', "a second course"),
    "second room": ('<room id="3" capacity', '<room id="1" capacity', "a second room"),
    "second student": ('<student id="3"', '<student id="1"', "a second student"),
    "course twice": ('<course id="2"/>', '<course id="1"/>', "a course twice"),
    "room twice": ('<room id="2" penalty="4"/>', '<room id="1"/>', "a room twice"),
    "time twice": (
        'start="120" length="12" weeks="11"',
        'start="96" length="24" weeks="11"',
        "a time twice",
    ),
    "second config": ('<config id="2">', '<config id="1">', "a config twice"),
    "second subpart": ('<subpart id="2">', '<subpart id="1">', "a subpart twice"),
    "travel to itself": ('<travel room="3"', '<travel room="1"', "no travel to itself"),
    "class twice in a rule": (
        '<distribution type="SameRoom" penalty="3">\n      <class id="2"/>',
        '<distribution type="SameRoom" penalty="3">\n      <class id="3"/>',
        "a class twice",
    ),
    "rooms for the roomless": (
        '<class id="5" limit="3">',
        '<class id="5" limit="3" room="false">',
        "yet rooms are listed",
    ),
    "weights missing": ("optimization", "students", "<optimization> is missing"),
    "too many weeks": ('nrWeeks="2"', 'nrWeeks="61"', "nrWeeks must be 1 to 60"),
    "unknown element": ("<travel", "<tunnel", "<tunnel> has no place in <room>"),
    "id missing": ('<class id="5" limit', "<class limit", "id is missing"),
    "id empty": ('<class id="5" limit', '<class id="" limit', "1 to 1000 characters"),
    "wrong root": ('<problem name="tiny"', '<solution name="tiny"', "not well-formed"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_is_named_with_its_line(case: str):
    """Each broken rule of the format is refused by what and where it is."""
    old, new, message = BROKEN[case]
    refusal = _refusal(_changed(old, new))
    assert message in refusal
    assert refusal.startswith("input: line ")


def test_the_line_is_that_of_the_fault(tmp_path: Path):
    """The error names the file, the line and the element."""
    path = tmp_path / "broken.xml"
    path.write_bytes(_changed('<class id="5" limit="3">', '<class id="5" limit="x">'))
    with pytest.raises(Malformed) as caught:
        read_problem(path)
    line = _line_of('<class id="5"')
    assert caught.value.detail.startswith(f"{path}: line {line}: class 5: limit must")


def test_a_cycle_of_parents_is_refused():
    """Classes that are each other's parents would never end."""
    xml = _changed('limit="2" parent="1"', 'limit="2" parent="3"')
    xml = xml.replace(b'id="3" limit="2" parent="1"', b'id="3" limit="2" parent="2"')
    assert "its own ancestor" in _refusal(xml)


def test_a_parent_may_follow_its_child():
    """A class may stand before the class that is its parent."""
    xml = _changed('<class id="1" limit="3">', '<class id="1" limit="3" parent="5">')
    assert read_problem(xml).classes[0].parent == 4


def test_travel_said_on_both_sides():
    """Travel said twice is fine when it agrees, and refused when it does not."""
    agreed = _changed('"20"/>', '"20"><travel room="1" value="6"/></room>')
    assert read_problem(agreed) == read_problem(TINY_XML)
    differing = _changed('"20"/>', '"20"><travel room="1" value="5"/></room>')
    assert "travel to room 1 differs" in _refusal(differing)


def test_a_text_cannot_break_the_line():
    """What the file says is quoted in one line, however long or strange it is."""
    strange = f'penalty="&#10;&#13;{"x" * 500}"'
    refusal = _refusal(_changed('penalty="4"', strange))
    assert "\\n\\r" in refusal
    assert len(refusal) < 200


class TestHostile:
    """Files made to cost or to leak something."""

    def test_no_entity_is_expanded(self):
        """Declared entities are refused, wherever they are used or not at all."""
        for body in ("", "&a;"):
            xml = f'<!DOCTYPE problem [<!ENTITY a "x">]><problem name="t{body}"/>'
            assert "entities are declared" in _refusal(xml.encode())

    def test_no_file_is_read(self, tmp_path: Path):
        """An entity that names a file is refused and its content not shown."""
        secret = tmp_path / "secret"
        secret.write_text("do not tell")
        xml = (
            f'<!DOCTYPE problem [<!ENTITY a SYSTEM "{secret.as_uri()}">'
            f'<!ENTITY % b SYSTEM "{secret.as_uri()}"> %b;]><problem name="&a;"/>'
        )
        assert "do not tell" not in _refusal(xml.encode())

    def test_a_billion_laughs(self):
        """Nested entities end at once instead of filling the memory."""
        names = "abcdefghij"
        nested = "".join(
            f'<!ENTITY {name} "{f"&{inner};" * 20}">' for inner, name in pairwise(names)
        )
        xml = f'<!DOCTYPE p [<!ENTITY a "ha">{nested}]><problem name="&j;"/>'
        with pytest.raises(Unreadable):
            read_problem(xml.encode())

    def test_undeclared_entities_do_not_vanish(self):
        """An entity of a DTD that is never fetched is refused, not left out."""
        xml = '<!DOCTYPE p SYSTEM "http://127.0.0.1/p.dtd"><problem name="a&b;"/>'
        assert "Entity 'b' not defined" in _refusal(xml.encode())

    def test_the_dtd_is_never_fetched(self):
        """Nobody calls at the address of a DOCTYPE."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.2)
            url = f"http://127.0.0.1:{server.getsockname()[1]}/competition-format.dtd"
            xml = _changed("http://www.itc2019.org/competition-format.dtd", url)
            assert read_problem(xml).name == "tiny"
            with pytest.raises(TimeoutError):
                server.accept()

    def test_a_deep_nesting(self):
        """Nesting without end is refused."""
        assert "nested too deeply" in _refusal(b"<problem>" * 5000)

    def test_a_gzip_bomb(self):
        """A small file that unpacks to a huge one is refused before it has."""
        bomb = gzip.compress(b" " * 4_000_000)
        assert len(bomb) < 10_000
        limits = Limits(xml_bytes=1_000_000)
        assert "more than 1000000 bytes of XML" in _refusal(bomb, limits)
        two_members = gzip.compress(b" " * 600_000) * 2
        assert "more than 1000000 bytes of XML" in _refusal(two_members, limits)

    def test_every_limit(self, tmp_path: Path):
        """Each limit refuses what is one more, and takes what is just right."""
        path = tmp_path / "tiny.xml"
        path.write_bytes(TINY_XML)
        size, tags = len(TINY_XML), TINY_XML.count(b"<")
        just_right = Limits(size, size, tags, TINY_XML.count(b"="), class_pairs=5)
        assert read_problem(path, just_right).name == "tiny"
        for name in Limits.__dataclass_fields__:
            sizes = {n: getattr(just_right, n) for n in Limits.__dataclass_fields__}
            sizes[name] -= 1
            with pytest.raises(TooLarge, match=f"more than {sizes[name]} "):
                read_problem(path, Limits(**sizes))


class TestDamaged:
    """Files that did not arrive whole."""

    def test_every_truncation_of_gzip(self):
        """However little is missing of a gzip file, it is refused as such."""
        packed = gzip.compress(TINY_XML)
        for length in (3, len(packed) // 2, len(packed) - 9, len(packed) - 1):
            assert "truncated gzip" in _refusal(packed[:length])

    def test_flipped_bits(self):
        """A gzip file whose content does not match its checksum is refused."""
        packed = bytearray(gzip.compress(TINY_XML))
        packed[-6] ^= 1
        assert "damaged gzip" in _refusal(bytes(packed))

    def test_something_behind(self):
        """What follows a gzip stream must be another one."""
        assert "something follows" in _refusal(gzip.compress(TINY_XML) + b"more")

    def test_another_compression(self):
        """Bytes of another kind are not XML."""
        assert "not well-formed XML" in _refusal(zlib.compress(TINY_XML))

    def test_every_truncation_of_xml(self):
        """No beginning of a file passes for the whole."""
        for length in range(0, len(TINY_XML) - 12, 97):
            _refusal(TINY_XML[:length])

    def test_no_such_file(self, tmp_path: Path):
        """A missing file, and a folder in its place, are said to be that."""
        with pytest.raises(Unreadable, match=r"x\.xml: cannot be read: No such file"):
            read_problem(tmp_path / "x.xml")
        with pytest.raises(Unreadable, match="Is a directory"):
            read_timetable(tmp_path)

    @settings(max_examples=150)
    @given(st.data())
    def test_any_damage(self, data: st.DataObject):
        """Whatever bytes change, the end is a problem or one clear error."""
        xml = bytearray(TINY_XML)
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(xml) - 1))
            end = at + data.draw(st.integers(0, 3))
            xml[at:end] = data.draw(st.binary(max_size=4))
        refusals = (Unreadable, TooLarge, Malformed)
        refusal = ""
        try:
            read_problem(bytes(xml))
        except refusals as error:  # any other error fails this test
            refusal = error.detail
        assert "\n" not in refusal


SOLUTION = TINY_SOLUTION.read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('runtime="0.5"', 'runtime="soon"', "runtime must be a number of seconds"),
        ('runtime="0.5"', 'runtime="nan"', "runtime must be a number of seconds"),
        ('runtime="0.5"', 'runtime="-1"', "runtime must be a number of seconds"),
        ('cores="1"', 'cores="1.5"', "cores must be"),
        ('weeks="10" room', 'weeks="100" room', "weeks must have 2 characters"),
        ('<class id="4" days', "<class days", "id is missing"),
        ('start="108"', "", "start is missing"),
        ('<student id="3"/>', "<pupil/>", "<pupil> has no place in <class>"),
        ('name="tiny" ', "", "name is missing"),
    ],
)
def test_a_broken_solution(old: str, new: str, message: str):
    """Each broken rule of a solution is refused by what and where it is."""
    with pytest.raises(Malformed, match=message) as caught:
        read_timetable(SOLUTION.replace(old, new).encode())
    assert caught.value.detail.startswith("input: line ")


def test_a_problem_is_not_a_solution():
    """The two kinds of file are told apart."""
    with pytest.raises(Malformed, match="expected <solution>, found <problem>"):
        read_timetable(TINY)
    with pytest.raises(Malformed, match="expected <problem>, found <solution>"):
        read_problem(TINY_SOLUTION)
