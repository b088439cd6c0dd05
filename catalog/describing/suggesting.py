"""What all rows keep beside their types: no nulls, no value twice, few values. Pure: DuckDB, no Django.

A second pass, over cells that are read by the types that were decided, so that what is equal is what a key takes for
equal. Values are compared by a 64-bit hash: two that share one by chance cost a suggestion and never make a wrong one.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import duckdb

from catalog.attributes import Attribute
from catalog.describing.cells import RAW, Piece, Sample
from catalog.describing.description import Suggestion
from catalog.engine import quote_text
from catalog.schema import Schema
from catalog.types.texts import FORMATS

ENUM_VALUES: Final = 20
ENUM_REPEATS: Final = 5  # how often each value of an enum stands there, on average
KEYS_LISTED: Final = 5
KEY_COLUMNS: Final = 6  # out of how many of the first required attributes a key of several is looked for
UNIQUE_COLUMNS: Final = 32  # how many are followed
UNIQUE_TYPES: Final = frozenset({"string", "integer", "date", "datetime"})
ORDERED_TYPES: Final = frozenset({"integer", "number", "date", "datetime", "time", "year", "yearmonth"})
FOUND_FORMATS: Final = ("uuid", "email", "uri")
TYPED: Final = "typed_cells"
KEY_WORDS: Final = ("id", "key", "code", "number", "no", "uuid")


@dataclass
class Facts:
    """What was found out about the typed values of one attribute."""

    values: int = 0
    minimum: Any = None
    maximum: Any = None
    is_unique: bool = True
    enum: Counter[str] | None = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Typed:
    """A sample read by the types that were decided."""

    sample: Sample
    schema: Schema
    missing: Sequence[str]

    def gather(self, connection: duckdb.DuckDBPyConnection) -> list[Facts]:
        """The facts of every attribute, in one pass."""
        attributes = self.schema.attributes
        facts = [Facts() for _ in attributes]
        distinct = Distinct(connection, [f"c{place}" for place in range(len(attributes))], UNIQUE_COLUMNS)
        for place, attribute in enumerate(attributes):
            if attribute.type not in UNIQUE_TYPES:
                distinct.drop(place)
            if attribute.type != "string":
                facts[place].enum = None
        for _ in self.slices(connection):
            _add_ranges(connection, attributes, facts)
            _add_values(connection, facts)
            _add_formats(connection, attributes, facts)
            distinct.add()
        unique = distinct.result()
        for place, found in enumerate(facts):
            found.is_unique = place in unique
        return facts

    def slices(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Piece]:
        """Slice by slice the temporary table TYPED: columns c0, c1, ..."""
        cells = self.sample.source.cells(self.schema)
        columns = ", ".join(f"{typed} AS c{place}" for place, typed in enumerate(cells.typed))
        for piece in self.sample.read(connection, cells, self.missing):
            if piece.sound_count:
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {TYPED} AS SELECT {columns} FROM {RAW}")
                yield piece


class Distinct:
    """Which of some expressions have no value twice, over all slices; a null is no value.

    Those that repeat within a slice are out at once; of the others the first `limit` are followed, by their hashes in
    a temporary table.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, expressions: Sequence[str], limit: int) -> None:
        self._connection = connection
        self._expressions = dict(enumerate(expressions))
        self._limit = limit
        self._slices = 0
        connection.execute("CREATE OR REPLACE TEMP TABLE seen_hashes (place INTEGER, hashed UBIGINT)")

    def drop(self, place: int) -> None:
        """Follow this one no more."""
        self._expressions.pop(place, None)

    def add(self) -> None:
        """Take the slice that stands in TYPED."""
        if not self._expressions:
            return
        places = list(self._expressions)
        hashes = ", ".join(f"CASE WHEN {sql} IS NOT NULL THEN hash({sql}) END" for sql in self._expressions.values())
        long = f"SELECT unnest([{hashes}]) AS hashed, unnest(CAST({places} AS INTEGER[])) AS place FROM {TYPED}"
        repeated = self._connection.execute(
            f"SELECT place FROM ({long}) GROUP BY place HAVING count(hashed) > count(DISTINCT hashed)"
        ).fetchall()
        for (place,) in repeated:
            self.drop(place)
        for place in list(self._expressions)[self._limit :]:
            self.drop(place)
        alive = ", ".join(map(str, self._expressions))
        if alive:
            self._connection.execute(
                f"INSERT INTO seen_hashes SELECT place, hashed FROM ({long}) "
                f"WHERE hashed IS NOT NULL AND place IN ({alive})"
            )
        self._slices += 1

    def result(self) -> set[int]:
        """The places of the expressions that have no value twice."""
        if self._slices > 1 and self._expressions:
            repeated = self._connection.execute(
                "SELECT DISTINCT place FROM (SELECT place FROM seen_hashes GROUP BY place, hashed HAVING count(*) > 1)"
            ).fetchall()
            for (place,) in repeated:
                self.drop(place)
        return set(self._expressions)


def _add_ranges(connection: duckdb.DuckDBPyConnection, attributes: Sequence[Attribute], facts: Sequence[Facts]) -> None:
    """How many values there are, and the least and greatest where there is an order."""
    places = [place for place, attribute in enumerate(attributes) if attribute.type in ORDERED_TYPES]
    counts = ", ".join(f"count(c{place})" for place in range(len(attributes)))
    for found, value_count in zip(facts, _row(connection, f"SELECT {counts} FROM {TYPED}"), strict=True):
        found.values += value_count
    if not places:
        return
    sides = ", ".join(
        f"min({_shown(attributes[place], place)}), max({_shown(attributes[place], place)})" for place in places
    )
    row = _row(connection, f"SELECT {sides} FROM {TYPED}")
    for place, low, high in zip(places, row[::2], row[1::2], strict=True):
        if low is not None:
            facts[place].minimum = low if facts[place].minimum is None else min(low, facts[place].minimum)
            facts[place].maximum = high if facts[place].maximum is None else max(high, facts[place].maximum)


def _shown(attribute: Attribute, place: int) -> str:
    """The value as Python can hold and compare it."""
    return f"c{place} AT TIME ZONE 'UTC'" if attribute.timezone else f"c{place}"


def _row(connection: duckdb.DuckDBPyConnection, select: str) -> tuple[Any, ...]:
    return connection.execute(select).fetchone() or ()


def _add_values(connection: duckdb.DuckDBPyConnection, facts: Sequence[Facts]) -> None:
    """The values of the texts that have few; a column with more than ENUM_VALUES is followed no more."""
    places = [place for place, found in enumerate(facts) if found.enum is not None]
    if not places:
        return
    cells = ", ".join(f"c{place}" for place in places)
    long = f"SELECT unnest([{cells}]) AS cell, unnest(CAST({places} AS INTEGER[])) AS place FROM {TYPED}"
    grouped = f"SELECT place, cell, count(*) AS number FROM ({long}) WHERE cell IS NOT NULL GROUP BY place, cell"
    few = f"SELECT *, count(*) OVER (PARTITION BY place) AS distinct_count FROM ({grouped})"
    rows = connection.execute(
        f"SELECT place, CASE WHEN distinct_count <= {ENUM_VALUES} THEN cell END, number FROM ({few}) "
        f"WHERE distinct_count <= {ENUM_VALUES} "
        f"UNION ALL SELECT DISTINCT place, NULL, 0 FROM ({few}) WHERE distinct_count > {ENUM_VALUES}"
    ).fetchall()
    for place, cell, number in rows:
        enum = facts[place].enum
        if cell is None:
            facts[place].enum = None
        elif enum is not None:
            enum[cell] += number
            if len(enum) > ENUM_VALUES:
                facts[place].enum = None


def _add_formats(
    connection: duckdb.DuckDBPyConnection, attributes: Sequence[Attribute], facts: Sequence[Facts]
) -> None:
    """How many texts have each format; a column is followed as long as all of its texts have one."""
    places = [
        place
        for place, (attribute, found) in enumerate(zip(attributes, facts, strict=True))
        if attribute.type == "string" and (not found.formats or any(found.formats.values()))
    ]
    if not places:
        return
    cells = ", ".join(f"c{place}" for place in places)
    long = f"SELECT unnest([{cells}]) AS cell, unnest(CAST({places} AS INTEGER[])) AS place FROM {TYPED}"
    counts = ", ".join(
        f"count(*) FILTER (regexp_full_match(cell, {quote_text(FORMATS[name])}))" for name in FOUND_FORMATS
    )
    for place, *hits in connection.execute(f"SELECT place, {counts} FROM ({long}) GROUP BY place").fetchall():
        facts[place].formats.update(dict(zip(FOUND_FORMATS, hits, strict=True)))


def suggestions(
    connection: duckdb.DuckDBPyConnection, typed: Typed, facts: Sequence[Facts], row_count: int
) -> Iterator[Suggestion]:
    """What could be demanded, in the order of the attributes; the keys last, the likeliest first."""
    attributes = typed.schema.attributes
    for attribute, found in zip(attributes, facts, strict=True):
        yield from _constraints(attribute, found, row_count)
    keys = [
        attribute.name
        for attribute, found in zip(attributes, facts, strict=True)
        if found.is_unique and found.values == row_count > 1
    ]
    for name in sorted(keys, key=lambda each: not _is_key_name(each))[:KEYS_LISTED]:
        evidence = f"All {row_count} rows have a value for {name!r}, no two the same"
        yield Suggestion("primaryKey", (name,), [name], row_count, evidence)
    if not keys and row_count > 1:
        yield from _composite_keys(connection, typed, facts, row_count)


def _constraints(attribute: Attribute, found: Facts, row_count: int) -> Iterator[Suggestion]:
    name = (attribute.name,)
    if row_count and found.values == row_count:
        evidence = f"No value of {row_count} is missing" if row_count > 1 else "The only value is not missing"
        yield Suggestion("required", name, True, row_count, evidence)
    if found.is_unique and found.values > 1:
        yield Suggestion("unique", name, True, found.values, f"{found.values} values, no two the same")
    for name_of_format, hits in found.formats.items():
        if hits == found.values > 0:
            yield Suggestion(
                "format", name, name_of_format, hits, f"All {hits} values have the format {name_of_format}"
            )
            break
    if found.enum and len(found.enum) > 1 and found.values >= ENUM_REPEATS * len(found.enum):
        evidence = f"{found.values} values, {len(found.enum)} different"
        yield Suggestion("enum", name, sorted(found.enum), len(found.enum), evidence)


def _is_key_name(name: str) -> bool:
    """Whether a name says that its values tell rows apart: id, order_id, customerNumber."""
    words = re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return any(word.lower() in KEY_WORDS for word in words)


def _composite_keys(
    connection: duckdb.DuckDBPyConnection, typed: Typed, facts: Sequence[Facts], row_count: int
) -> Iterator[Suggestion]:
    """Two or three of the first required attributes that tell all rows apart; a third pass."""
    places = [
        place
        for place, (attribute, found) in enumerate(zip(typed.schema.attributes, facts, strict=True))
        if attribute.type in UNIQUE_TYPES and found.values == row_count
    ][:KEY_COLUMNS]
    tried = [*combinations(places, 2), *combinations(places, 3)]
    if not tried:
        return
    distinct = Distinct(connection, [f"({', '.join(f'c{place}' for place in key)})" for key in tried], len(tried))
    for _ in typed.slices(connection):
        distinct.add()
    unique = [set(tried[number]) for number in distinct.result()]
    smallest = [key for key in unique if not any(other < key for other in unique)]
    for key in sorted(smallest, key=lambda each: (len(each), sorted(each)))[:KEYS_LISTED]:
        names = tuple(typed.schema.names[place] for place in sorted(key))
        evidence = f"All {row_count} rows have values for {' and '.join(map(repr, names))}, no two the same"
        yield Suggestion("primaryKey", names, list(names), row_count, evidence)
