"""The columns of a source that has no Object yet, and its rows as raw cells. Pure: DuckDB, no Django."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

import duckdb

from catalog import engine
from catalog.attributes import Attribute
from catalog.describing.naming import proposed_names
from catalog.engine import quote_text
from catalog.rules.definition import ATTRIBUTE_LIMIT
from catalog.schema import Schema
from catalog.sources import Cells, Fault, MalformedError, Source

ROWS_LOOKED_AT: Final = 1_000_000
CELLS_LOOKED_AT: Final = 20_000_000
TEXT: Final = Attribute("", "string")
KINDS: Final = "kinds"  # of the cells of a spreadsheet, a letter for each (catalog.formats.spreadsheets)
RAW: Final = "raw_cells"
"""The temporary table of a slice's sound rows: columns r0, r1, ... as text."""


@runtime_checkable
class NamedSource(Source, Protocol):
    """A source that has a header: the names of its columns, as they are."""

    def names(self) -> list[str]: ...


@runtime_checkable
class TypedSource(NamedSource, Protocol):
    """A source whose columns have types of their own."""

    @property
    def columns(self) -> Sequence[tuple[str, str]]:
        """Name and DuckDB type of each column."""
        ...


@runtime_checkable
class RenamableSource(NamedSource, Protocol):
    """A source whose columns can be called otherwise, which is asked before its cells are read."""

    def rename(self, names: Sequence[str]) -> None: ...


@dataclass(frozen=True)
class Column:
    """A column of the input, and the name that its attribute gets; `reason` says why that is another one."""

    name: str
    found: str
    reason: str | None = None


@dataclass(frozen=True)
class Sample:
    """The rows of a source that are looked at."""

    source: Source
    columns: tuple[Column, ...]
    row_limit: int

    def cells(self, kind: Attribute = TEXT) -> Cells:
        """How cells are read if all attributes have this type."""
        return self.source.cells(Schema(tuple(replace(kind, name=column.name) for column in self.columns)))

    def typed(self, kind: Attribute) -> str:
        """SQL of a cell `r0` read as this type, by the rule that reads rows."""
        return self.cells(kind).typed[0]

    @property
    def is_text(self) -> bool:
        """Whether the cells are text, so that any may be a mark of a missing value."""
        return self.typed(TEXT) != TEXT.kind.from_json(TEXT, "r0")

    @property
    def kinds(self) -> str:
        """The column that has a letter per cell, which reading it takes; "" where there is none."""
        return KINDS if KINDS in self.typed(TEXT) else ""

    def read(
        self, connection: duckdb.DuckDBPyConnection, cells: Cells, missing: Sequence[str] = ()
    ) -> Iterator["Piece"]:
        """Slice by slice the rows that can be read, as the temporary table RAW; cells of the missing texts as null."""
        marks = ", ".join(map(quote_text, missing))
        columns = ", ".join(
            f"CASE WHEN r{place} NOT IN ({marks}) THEN r{place} END AS r{place}" if marks else f"r{place}"
            for place in range(len(self.columns))
        )
        columns += f", {self.kinds}" if self.kinds else ""
        left = self.row_limit
        for piece in self.source.slices():
            if left <= 0:
                yield Piece(0, 0, is_beyond=True)
                return
            rows = min(piece.row_count, left)
            relation = piece.relation if rows == piece.row_count else f"(FROM {piece.relation} LIMIT {rows})"
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {RAW} AS SELECT {columns} FROM ({cells.raw(relation)}) "
                "WHERE readable AND faults = 0",
                dict(piece.parameters),
            )
            sound = connection.execute(f"SELECT count(*) FROM {RAW}").fetchone()
            left -= rows
            yield Piece(rows, sound[0] if sound else 0, is_beyond=rows < piece.row_count)


@dataclass(frozen=True)
class Piece:
    """How many rows of a slice were read, and how many of them are rows. is_beyond: there are more than the limit."""

    row_count: int
    sound_count: int
    is_beyond: bool = False


def sample_of(source: Source, row_limit: int = ROWS_LOOKED_AT) -> Sample:
    """The rows of a source that are looked at, with a name for each column. Raises MalformedError if it has none."""
    columns = _header(source) if isinstance(source, NamedSource) else _members(source, row_limit)
    if len(columns) > ATTRIBUTE_LIMIT:
        message = f"The rows have {len(columns)} columns; an object has at most {ATTRIBUTE_LIMIT} attributes"
        raise MalformedError(Fault(0, "out_of_range", message))
    if not columns:
        raise MalformedError(Fault(0, "malformed", "There is nothing to describe: no row is an object with members"))
    found = tuple(
        Column(name, column, reason) for column, (name, reason) in zip(columns, proposed_names(columns), strict=True)
    )
    if isinstance(source, RenamableSource):
        source.rename([column.name for column in found])
    return Sample(source, found, min(row_limit, max(CELLS_LOOKED_AT // len(found), 1)))


def _header(source: NamedSource) -> list[str]:
    return source.names()


def _members(source: Source, row_limit: int) -> list[str]:
    """The names of the members of JSON objects, in the order in which they first come; a pass over the rows."""
    cells = source.cells(Schema((TEXT,)))
    places: dict[str, None] = {}
    left = row_limit
    with engine.cursor() as connection:
        for piece in source.slices():
            relation = f"(FROM {piece.relation} LIMIT {left})"
            # A row that is too wide to be read still says so by its members.
            seen = f"readable OR len(json_keys(CASE WHEN json_valid(record) THEN record END)) > {ATTRIBUTE_LIMIT}"
            rows = f"(SELECT record, row_number() OVER () AS number FROM ({cells.raw(relation)}) WHERE {seen})"
            keys = f"(SELECT json_keys(record) AS keys, number FROM {rows})"
            found = connection.execute(
                "SELECT name FROM (SELECT unnest(keys) AS name, number, generate_subscripts(keys, 1) AS place "
                f"FROM {keys}) GROUP BY name ORDER BY min(number), min(place) LIMIT {ATTRIBUTE_LIMIT + 1}",
                dict(piece.parameters),
            ).fetchall()
            places |= dict.fromkeys(name for (name,) in found)
            left -= piece.row_count
            if left <= 0 or len(places) > ATTRIBUTE_LIMIT:
                break
    return list(places)
