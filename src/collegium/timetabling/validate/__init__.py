"""The judge: whether a timetable is feasible and what it costs, by the book.

It shares no code with the solver, so that an error of one cannot hide in the other.
It is written to be checked against the rules by reading, one small function a rule.

References
----------
Rules: https://www.itc2019.org/format
"""

from __future__ import annotations

from collegium.timetabling.problem import HardRule
from collegium.timetabling.validate.judge import validate
from collegium.timetabling.validate.report import Report, Violation

__all__ = ["HardRule", "Report", "Violation", "validate"]
