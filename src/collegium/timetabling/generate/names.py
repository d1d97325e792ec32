"""Invented names for places and courses."""

from __future__ import annotations

UNIVERSITY = "University of Northmoor"

CAMPUSES = ("Riverside Campus", "Hill Campus")

# (code, name, index of the campus)
BUILDINGS = (
    ("HAW", "Hawthorn Hall", 0),
    ("MER", "Meridian Building", 0),
    ("QUA", "Quarry House", 0),
    ("LIN", "Linden Library", 0),
    ("OBS", "Observatory Wing", 1),
    ("FOR", "Forge Laboratories", 1),
    ("SUM", "Summit Hall", 1),
)

# (code, name, topics)
DEPARTMENTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("MATH", "Mathematics", ("Calculus", "Linear Algebra", "Probability", "Geometry")),
    ("PHYS", "Physics", ("Mechanics", "Optics", "Thermodynamics", "Quantum Physics")),
    ("CHEM", "Chemistry", ("Organic Chemistry", "Kinetics", "Spectroscopy")),
    ("BIOL", "Biology", ("Genetics", "Ecology", "Cell Biology", "Physiology")),
    ("COMP", "Computing", ("Programming", "Algorithms", "Databases", "Networks")),
    ("ENGR", "Engineering", ("Statics", "Materials", "Circuits", "Control")),
    ("ECON", "Economics", ("Microeconomics", "Macroeconomics", "Econometrics")),
    ("PSYC", "Psychology", ("Perception", "Memory", "Social Psychology")),
    ("HIST", "History", ("Ancient History", "Modern History", "Historiography")),
    ("PHIL", "Philosophy", ("Logic", "Ethics", "Epistemology")),
    ("LITR", "Literature", ("Poetry", "Drama", "The Novel", "Rhetoric")),
    ("LING", "Linguistics", ("Phonetics", "Syntax", "Semantics")),
    ("MUSI", "Music", ("Harmony", "Counterpoint", "Composition")),
    ("GEOG", "Geography", ("Cartography", "Climatology", "Urban Geography")),
    ("LAWS", "Law", ("Contract Law", "Public Law", "Jurisprudence")),
    ("NURS", "Nursing", ("Anatomy", "Patient Care", "Public Health")),
)

LEVELS = (
    "Introduction to {}",
    "{} in Practice",
    "Methods of {}",
    "Intermediate {}",
    "Advanced {}",
    "Topics in {}",
)


def course_name(index: int) -> tuple[str, str, str]:
    """Return code, title and department of the n-th course; no two are equal."""
    department = index % len(DEPARTMENTS)
    nth = index // len(DEPARTMENTS)
    code, name, topics = DEPARTMENTS[department]
    level, topic = divmod(nth, len(topics))
    volume, level = divmod(level, len(LEVELS))
    title = LEVELS[level].format(topics[topic])
    if volume:
        title += f" {volume + 1}"
    return f"{code} {101 + nth}", title, name
