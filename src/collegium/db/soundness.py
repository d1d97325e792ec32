"""What must be true of the rows of a database, asked of the rows themselves.

Constraints hold most of it; these questions find what came in while they did not: by
hand, by a restore, by a fault of the disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import sqlalchemy as sa

from collegium.db.database import Database
from collegium.db.rules import quoted
from collegium.db.tables import metadata

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found.

    Parameters
    ----------
    name : of the check.
    breaches : each in words, at most ``MOST_SHOWN``; empty when all is well.
    note : what is well when all is.
    """

    name: str
    breaches: Sequence[str]
    note: str


@dataclass(frozen=True, slots=True)
class Check:
    """A question whose every row names a breach, in one column.

    Parameters
    ----------
    name : of the check.
    note : what is well when there are no rows.
    questions : SQL in the language that both databases share.
    """

    name: str
    note: str
    questions: tuple[str, ...]

    async def run(self, database: Database) -> Finding:
        """Ask."""
        found: list[str] = []
        for question in self.questions:
            rows = await database.scan(f"{question} LIMIT {MOST_SHOWN}")
            found.extend(str(row[0]) for row in rows)
        return Finding(self.name, found[:MOST_SHOWN], self.note)


async def schema_findings(database: Database) -> AsyncIterator[Finding]:
    """Yield what is found in any table: codes, trees, offerings, publications."""
    yield await Check("codes", "none is used twice", tuple(_duplicates())).run(database)
    yield await _trees(database)
    for check in (CONTROLLING, PUBLICATIONS):
        yield await check.run(database)


CONTROLLING = Check(
    "courses of offerings",
    "exactly one controls each",
    (
        (
            "SELECT 'offering ' || o.code || ' of session ' || o.session_id || ' has ' "
            "|| CAST(count(c.id) AS TEXT) || ' controlling courses' "
            "FROM instructional_offerings o LEFT JOIN course_offerings c "
            "ON c.university_id = o.university_id AND c.session_id = o.session_id "
            "AND c.offering_id = o.id AND c.is_controlling = 1 "
            "GROUP BY o.university_id, o.session_id, o.id, o.code "
            "HAVING count(c.id) <> 1"
        ),
    ),
)

PUBLICATIONS = Check(
    "publications",
    "numbered without gaps, one in force",
    (
        (
            "SELECT 'session ' || session_id || ' has ' || CAST(count(*) AS TEXT) "
            "|| ' publications numbered from ' || CAST(min(number) AS TEXT) || ' to ' "
            "|| CAST(max(number) AS TEXT) FROM publications "
            "GROUP BY university_id, session_id "
            "HAVING min(number) <> 1 OR max(number) <> count(*)"
        ),
        (
            "SELECT 'session ' || p.session_id || ' has publications and ' "
            "|| 'none in force' "
            "FROM publications p WHERE p.number = 1 AND NOT EXISTS (SELECT 1 "
            "FROM current_publications c WHERE c.university_id = p.university_id "
            "AND c.session_id = p.session_id)"
        ),
        (
            "SELECT 'session ' || c.session_id || ' has number ' "
            "|| CAST(c.number AS TEXT) || ' in force, which is not there' "
            "FROM current_publications c WHERE NOT EXISTS (SELECT 1 "
            "FROM publications p WHERE p.university_id = c.university_id "
            "AND p.session_id = c.session_id AND p.number = c.number)"
        ),
        (
            "SELECT 'publication ' || CAST(p.number AS TEXT) || ' of session ' "
            "|| p.session_id || ' has lost or won placements' FROM publications p "
            "WHERE p.n_classes <> (SELECT count(*) FROM placements x "
            "WHERE x.university_id = p.university_id AND x.publication_id = p.id)"
        ),
    ),
)

_TREES = {
    "organisations": ("id", "parent_id"),
    "sessions": ("id", "parent_id"),
    "subparts": ("id", "parent_subpart_id"),
    "classes": ("id", "parent_class_id"),
    "course_prerequisites": ("course_id", "prerequisite_id"),
}


async def _trees(database: Database) -> Finding:
    found = []
    for table, (child, parent) in _TREES.items():
        rows = await database.scan(
            f"SELECT university_id, {child}, {parent} FROM {table} "
            f"WHERE {parent} IS NOT NULL"
        )
        above: dict[tuple[str, str], set[tuple[str, str]]] = {}
        for university, lower, upper in rows:
            above.setdefault((university, lower), set()).add((university, upper))
        try:
            TopologicalSorter(above).prepare()
        except CycleError as error:
            ring = " above ".join(id_ for _, id_ in error.args[1])
            found.append(f"{table.replace('_', ' ')} in a circle: {ring}")
    return Finding("trees", found, "nothing is above itself")


def _duplicates() -> list[str]:
    """Return a question for each rule that values together occur once."""
    found = []
    for table in metadata.sorted_tables:
        rules: list[sa.UniqueConstraint | sa.Index] = [
            c for c in table.constraints if isinstance(c, sa.UniqueConstraint)
        ]
        # Partial ones are questions of their own: where live, where controlling.
        rules += [i for i in table.indexes if i.unique and not _is_partial(i)]
        for rule in rules:
            names = [str(column.name) for column in rule.columns]
            if "id" not in names:
                found.append(_duplicate(table.name, names))
    return found


def _is_partial(index: sa.Index) -> bool:
    return index.dialect_options["sqlite"]["where"] is not None


def _duplicate(table: str, names: Sequence[str]) -> str:
    columns = ", ".join(map(quoted, names))
    shown = " || ', ' || ".join(f"CAST({quoted(name)} AS TEXT)" for name in names)
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in names)
    return (
        f"SELECT '{table.replace('_', ' ')} ' || {shown} || ' is there ' "
        f"|| CAST(count(*) AS TEXT) || ' times' FROM {table} WHERE {present} "
        f"GROUP BY {columns} HAVING count(*) > 1"
    )
