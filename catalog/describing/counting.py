"""Which types the cells of each column could have: counts over slices, a few queries to a slice. Pure: DuckDB.

Cells are turned into one long column beside the place that each had, so that the SQL stays small however many columns
there are.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from catalog.describing.candidates import MARKS, Candidate
from catalog.describing.cells import RAW, Sample
from catalog.engine import quote_text

FIRST_ROWS: Final = 2_048
EXAMPLES: Final = 3
EXAMPLE_ROWS: Final = 20
EXAMPLE_CHARACTERS: Final = 100


@dataclass
class Tally:
    """What was counted in one column.

    hits: per candidate, the values that it reads. misses: per candidate, a value that it doesn't (marks of missing
    values aside). marks: per mark of a missing value, how many cells hold it. Lengths, places and digits are those of
    values that are no marks; places are counted in values with a point, digits without leading zeros.
    """

    values: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    misses: dict[str, str] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)
    shortest: int | None = None
    longest: int = 0
    empty_texts: int = 0
    leading_zeros: int = 0
    leading_pluses: int = 0
    whole_numbers: int = 0
    exponents: int = 0
    least_places: int | None = None
    most_places: int = 0
    most_digits: int = 0
    live: frozenset[str] = frozenset()
    examples: list[str] = field(default_factory=list)


@dataclass
class Counted:
    """The tallies of all columns, and how many rows they are of."""

    tallies: list[Tally]
    row_count: int = 0
    sound_count: int = 0
    is_whole: bool = True


def count(connection: duckdb.DuckDBPyConnection, sample: Sample, tried: Sequence[Candidate]) -> Counted:
    """Count what each type reads of each column, in one pass over the rows.

    A type that reads less than half of a column's values in a slice is tried no more on that column; a few rows are
    looked at first, so that most types are tried on these only.
    """
    everything = frozenset(candidate.key for candidate in tried)
    counted = Counted([Tally(live=everything) for _ in sample.columns])
    typed = {candidate.key: sample.typed(candidate.attribute) for candidate in tried}
    for piece in sample.read(connection, sample.cells()):
        counted.row_count += piece.row_count
        counted.sound_count += piece.sound_count
        counted.is_whole = not piece.is_beyond
        if not piece.sound_count:
            continue
        windows = ["true"]
        if not any(tally.values for tally in counted.tallies):
            _take_examples(connection, counted.tallies, not sample.is_text)
            windows = [f"rowid < {FIRST_ROWS}", f"rowid >= {FIRST_ROWS}"]
        for window in windows:
            _count_window(connection, counted.tallies, typed, f"(SELECT * FROM {RAW} WHERE {window})", sample.kinds)
    return counted


def _count_window(
    connection: duckdb.DuckDBPyConnection, tallies: Sequence[Tally], typed: dict[str, str], relation: str, kinds: str
) -> None:
    for live, places in _by_live(tallies).items():
        wanted = {key: typed[key] for key in typed if key in live}
        for row in _counts(connection, relation, places, wanted, kinds):
            _add(tallies[row["place"]], row, live)


def count_typed(connection: duckdb.DuckDBPyConnection, sample: Sample) -> Counted:
    """Count the values of columns that have types of their own."""
    counted = Counted([Tally() for _ in sample.columns])
    counts = ", ".join(f"count(r{place})" for place in range(len(sample.columns)))
    for piece in sample.read(connection, sample.cells()):
        counted.row_count += piece.row_count
        counted.sound_count += piece.sound_count
        counted.is_whole = not piece.is_beyond
        if piece.sound_count and not any(tally.values for tally in counted.tallies):
            _take_examples(connection, counted.tallies, is_json=False)
        row = connection.execute(f"SELECT {counts} FROM {RAW}").fetchone() or ()
        for tally, value_count in zip(counted.tallies, row, strict=True):
            tally.values += value_count
    return counted


def _by_live(tallies: Sequence[Tally]) -> dict[frozenset[str], list[int]]:
    """The columns by the types that they may still have; there are few such groups."""
    found: dict[frozenset[str], list[int]] = {}
    for place, tally in enumerate(tallies):
        found.setdefault(tally.live, []).append(place)
    return found


def _counts(
    connection: duckdb.DuckDBPyConnection, relation: str, places: Sequence[int], typed: dict[str, str], kinds: str
) -> Iterable[dict[str, Any]]:
    marks = ", ".join(map(quote_text, MARKS))
    aggregates = {
        "values": "count(r0)",
        "shortest": "min(length(r0)) FILTER (NOT is_mark)",
        "longest": "max(length(r0)) FILTER (NOT is_mark)",
        "empty_texts": "count(*) FILTER (r0 = '')",
        "marks": "histogram(r0) FILTER (is_mark)",
    }
    if typed:
        aggregates |= {f"hit {key}": f"count({cell})" for key, cell in typed.items()}
        aggregates |= {
            f"miss {key}": f"min(left(r0, {EXAMPLE_CHARACTERS})) FILTER (NOT is_mark AND ({cell}) IS NULL)"
            for key, cell in typed.items()
        }
    if "number" in typed:
        aggregates |= _NUMERALS
    listed = ", ".join(f'{sql} AS "{name}"' for name, sql in aggregates.items())
    cells = ", ".join(f"r{place}" for place in places)
    # The first column's letter is that of the one long column.
    letters = ", ".join(f"substr({kinds}, {place + 1}, 1)" for place in places) if kinds else ""
    letter = f", unnest([{letters}]) AS {kinds}" if kinds else ""
    long = (
        f"SELECT * EXCLUDE (given), given AS r0, given IN ({marks}) AS is_mark FROM "
        f"(SELECT unnest([{cells}]) AS given{letter}, unnest(CAST({list(places)} AS INTEGER[])) AS place "
        f"FROM {relation}) "
        "WHERE given IS NOT NULL"
    )
    result = connection.execute(f"SELECT place, {listed} FROM ({long}) GROUP BY place")
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


_PLACES: Final = "length(regexp_extract(r0, '^[+-]?[0-9]*[.]([0-9]*)$', 1))"
_HAS_POINT: Final = "FILTER (regexp_full_match(r0, '[+-]?[0-9]*[.][0-9]*'))"
_DIGITS: Final = "length(ltrim(replace(r0, '.', ''), '+-0'))"
_NUMERALS: Final = {
    "leading_zeros": "count(*) FILTER (regexp_matches(r0, '^[+-]?0[0-9]'))",
    "leading_pluses": "count(*) FILTER (regexp_matches(r0, '^[+][0-9.]'))",
    "whole_numbers": "count(*) FILTER (regexp_full_match(r0, '[+-]?[0-9]+'))",
    "exponents": "count(*) FILTER (regexp_full_match(r0, '[+-]?[0-9.]+[eE][+-]?[0-9]+'))",
    "least_places": f"min({_PLACES}) {_HAS_POINT}",
    "most_places": f"max({_PLACES}) {_HAS_POINT}",
    "most_digits": f"max({_DIGITS}) FILTER (regexp_full_match(r0, '[+-]?[0-9]*[.]?[0-9]*'))",
}
_SUMS: Final = ("values", "empty_texts", "leading_zeros", "leading_pluses", "whole_numbers", "exponents")
_MAXIMA: Final = ("longest", "most_places", "most_digits")
_MINIMA: Final = ("shortest", "least_places")


def _add(tally: Tally, row: dict[str, Any], tried: frozenset[str]) -> None:
    for name in _SUMS:
        setattr(tally, name, getattr(tally, name) + (row.get(name) or 0))
    for name in _MAXIMA:
        setattr(tally, name, max(getattr(tally, name), row.get(name) or 0))
    for name in _MINIMA:
        known = [value for value in (getattr(tally, name), row.get(name)) if value is not None]
        setattr(tally, name, min(known, default=None))
    marks = row["marks"] or {}
    tally.marks.update(marks)
    others = row["values"] - sum(marks.values())
    for key in tried:
        tally.hits[key] += row[f"hit {key}"]
        if row[f"miss {key}"] is not None:
            tally.misses.setdefault(key, row[f"miss {key}"])
    tally.live = frozenset(key for key in tried if 2 * row[f"hit {key}"] >= others)


def _take_examples(connection: duckdb.DuckDBPyConnection, tallies: Sequence[Tally], is_json: bool) -> None:
    """The first few values of each column, out of the first few rows."""
    cells = ", ".join(f"CAST(r{place} AS VARCHAR)" for place in range(len(tallies)))
    rows = connection.execute(f"SELECT {cells} FROM {RAW} LIMIT {EXAMPLE_ROWS}").fetchall()
    for tally, column in zip(tallies, zip(*rows, strict=True), strict=True):
        known = dict.fromkeys(_shown(cell) if is_json else cell for cell in column if cell is not None)
        tally.examples = [cell[:EXAMPLE_CHARACTERS] for cell in known][:EXAMPLES]


def _shown(cell: str) -> str:
    """A JSON value as its text; that of a string without quotes."""
    try:
        value = json.loads(cell) if cell.startswith('"') else cell
    except ValueError:
        return cell
    return str(value)
