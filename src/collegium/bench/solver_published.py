"""Published costs of public instances, which a bench measures its own against.

The instances are those of the International Timetabling Competition 2019 and of its
tests. Nothing but the comparison reads this table: the solver knows no names.

References
----------
Best known: the leaderboard of the competition, https://www.itc2019.org, where later
solutions are judged and listed as well.
After 60 seconds: UniTime's own solver (https://www.unitime.org) in the default
configuration for these files, one thread, its timetable judged by our validator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """Costs that somebody else has reached.

    Parameters
    ----------
    best : least known; None when nobody lists one.
    after_60_s : of UniTime's solver; None when it was not run, or found no timetable.
    """

    best: int | None
    after_60_s: int | None = None


PUBLISHED: Mapping[str, Published] = {
    "bet-fal17": Published(289_452),  # UniTime places 960 of its 983 classes
    "bet-spr18": Published(348_524),
    "lums-fal17": Published(349, 722),
    "lums-spr18": Published(95, 188),
    "mary-fal18": Published(4_331, 6_067),
    "mary-spr17": Published(14_910, 16_003),
    "muni-fi-fal17": Published(2_837, 5_063),
    "muni-fi-spr16": Published(3_752, 4_938),
    # Valid when a MaxBlock block whose classes all start together does not count.
    "muni-fi-spr17": Published(3_738, 4_667),
    "muni-fsps-spr17": Published(868, 3_127),
    "nbi-spr18": Published(18_014, 27_846),
    "pu-d5-spr17": Published(15_184, 18_388),
    "tg-fal17": Published(4_215, 7_087),
    "tg-spr18": Published(12_704, 25_004),
    "yach-fal17": Published(1_074, 2_699),
    # Larger ones, without a run of UniTime.
    "agh-fal17": Published(117_627),
    "agh-fis-spr17": Published(2_985),
    "agh-ggis-spr17": Published(34_285),
    "agh-ggos-spr17": Published(2_855),
    "agh-h-spr17": Published(21_161),
    "iku-fal17": Published(18_968),
    "iku-spr18": Published(25_863),
    "muni-fsps-spr17c": Published(2_594),
    "muni-fspsx-fal17": Published(10_014),
    "muni-pdf-spr16": Published(17_159),
    "muni-pdf-spr16c": Published(32_762),
    "muni-pdfx-fal17": Published(82_258),
    "pu-d9-fal19": Published(38_834),
    "pu-llr-spr17": Published(10_038),
    "pu-proj-fal19": Published(117_169),
    # The tests of the competition, which the leaderboard does not list: the least that
    # OR-Tools CP-SAT found in up to 200 seconds on two threads, without students.
    # Only that of lums-sum17 is proven to be the least that there is.
    "bet-sum18": Published(1_759, 1_785),
    "lums-sum17": Published(4, 4),
    "pu-cs-fal07": Published(192, 220),
    "wbg-fal10": Published(36, 36),
}
