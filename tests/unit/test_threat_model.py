"""The threat model names files that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/threat-model.md"


def test_every_file_that_holds_against_a_threat_exists() -> None:
    """A defence that has moved or gone is noticed here."""
    rows = [line for line in PAGE.read_text().splitlines() if line.count("|") == 4]
    named = {
        name
        for row in rows
        for name in re.findall(r"`([^`]+)`", row.split("|")[3])
        if "every" not in name
    }
    assert len(named) > 15
    places = [ROOT / "src/collegium", ROOT]
    missing = {n for n in named if not any((p / n).exists() for p in places)}
    assert missing <= {"repository.py"}
