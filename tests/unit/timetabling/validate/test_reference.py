"""The reference page and the code name the same things."""

from __future__ import annotations

import re
from pathlib import Path

from collegium.timetabling.itc2019 import DEFAULT_LIMITS
from collegium.timetabling.validate import HardRule

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "itc2019.md"


def test_every_kind_of_violation_is_listed():
    """The page lists the kinds of violation, all and no others."""
    section = PAGE.read_text().split("## Kinds of violation")[1]
    assert set(re.findall(r"`([a-z-]+)`", section)) == {str(rule) for rule in HardRule}


def test_the_limits_are_those_of_the_code():
    """The page states the limits that hold by default."""
    said = PAGE.read_text()
    assert f"{DEFAULT_LIMITS.stored_bytes >> 20} MiB stored" in said
    assert f"{DEFAULT_LIMITS.xml_bytes >> 20} MiB of XML" in said
    assert f"{DEFAULT_LIMITS.tags // 10**6} million tags" in said
    assert f"{DEFAULT_LIMITS.attributes // 10**6} million attributes" in said
    assert f"{DEFAULT_LIMITS.class_pairs // 10**6} million pairs" in said
