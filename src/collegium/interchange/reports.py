"""What an import did, or would do, and what is wrong: line by line, yet bounded."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from collegium.errors import CollegiumError

MOST_SHOWN = 1000
"""Faults and notices that are kept; the rest is counted."""
MOST_RUNS = 10_000

Action = Literal["create", "update", "unchanged"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one line.

    Parameters
    ----------
    file : empty when there is only one.
    line : number of the line, 0 when it is about the file.
    column : header of the column, empty when it is about the line.
    """

    line: int
    column: str
    detail: str
    file: str = ""


@dataclass(slots=True)
class Run:
    """Lines that follow each other and have the same fate."""

    kind: str
    action: Action
    from_line: int
    to_line: int
    file: str = ""


@dataclass(slots=True)
class Report:
    """What has come out so far.

    Parameters
    ----------
    faults : what stops the import.
    notices : what the import leaves out, since nothing here could hold it.
    runs : what happens to each line.
    file : which one is being read, when there are several.
    """

    lines: int = 0
    created: Counter[str] = field(default_factory=Counter)
    updated: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    faults: list[Finding] = field(default_factory=list)
    fault_count: int = 0
    notices: list[Finding] = field(default_factory=list)
    notice_count: int = 0
    runs: list[Run] = field(default_factory=list)
    is_complete: bool = True
    file: str = ""
    last_fault_line: int = 0

    def fault(self, line: int, column: str, detail: str) -> None:
        """Note what stops the import."""
        self.fault_count += 1
        self.last_fault_line = line
        if len(self.faults) < MOST_SHOWN:
            self.faults.append(Finding(line, column, detail, self.file))

    def notice(self, line: int, column: str, detail: str) -> None:
        """Note what is left out."""
        self.notice_count += 1
        if len(self.notices) < MOST_SHOWN:
            self.notices.append(Finding(line, column, detail, self.file))

    def count(self, kind: str, action: Action, line: int) -> None:
        """Note what happens to a line."""
        by_action = {
            "create": self.created,
            "update": self.updated,
            "unchanged": self.unchanged,
        }
        by_action[action][kind] += 1
        last = self.runs[-1] if self.runs else None
        is_alike = last is not None and (last.kind, last.action) == (kind, action)
        if (
            last is not None
            and is_alike
            and last.to_line < line
            and not last.to_line < self.last_fault_line <= line
        ):
            last.to_line = line
        elif len(self.runs) < MOST_RUNS:
            self.runs.append(Run(kind, action, line, line, self.file))
        else:
            self.is_complete = False

    def to_json(self, *, is_dry_run: bool) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "is_dry_run": is_dry_run,
            "is_taken_in": not is_dry_run and not self.fault_count,
            "lines": self.lines,
            "created": dict(self.created),
            "updated": dict(self.updated),
            "unchanged": dict(self.unchanged),
            "fault_count": self.fault_count,
            "faults": [asdict(finding) for finding in self.faults],
            "notice_count": self.notice_count,
            "notices": [asdict(finding) for finding in self.notices],
            "changes": [asdict(run) for run in self.runs],
            "is_complete": self.is_complete,
        }


def said(error: CollegiumError) -> str:
    """Return an error's sentence as the detail of a finding."""
    return error.detail.rstrip(".")
