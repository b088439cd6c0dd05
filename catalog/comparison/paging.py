"""A diff row by row: a page of it, a class of rows, or all of it as a file; computed anew each time, kept nowhere."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb

from catalog.comparison.diff import ROW_CLASSES, RowDiff, TableDiff
from catalog.comparison.engine import prepared, totals
from catalog.comparison.listing import Listing
from catalog.comparison.options import ComparisonOptions
from catalog.comparison.shape import CHANGED, Column, ComparedAttribute, Layout, Relation
from catalog.engine import quote_name, quote_text
from config.exact_json import dump_json

FETCHED_ROWS: Final = 1_000
LISTED_CLASSES: Final = ROW_CLASSES[1:]
FILE_OPTIONS: Final[Mapping[str, str]] = {
    "csv": "FORMAT csv, HEADER true",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}
FLOATS: Final = ("FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Page:
    """Which differing rows are wanted.

    classes: of these classes. attribute: only rows whose cells of this attribute differ. after: the `next` of the page
    before. limit: at most so many; None for all.
    """

    classes: Sequence[str] = LISTED_CLASSES
    attribute: str = ""
    limit: int | None = None
    offset: int = 0
    after: str = ""


class CursorError(ValueError):
    """A cursor that no page gave."""


class Differences:
    """All rows that differ, while the context of `differences` is open.

    diff: the totals, histograms and notes; its `rows` are empty. Rows stand by class, then by their place on the
    expected side, those that are only on the actual side by their place there.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        diff: TableDiff,
        listing: Listing | None,
        ignored: Sequence[str],
        masked: Collection[str] = (),
    ) -> None:
        self.diff = diff
        self._connection = connection
        self._listing = listing
        self._ignored = ignored
        self._masked = masked

    def rows(self, page: Page) -> tuple[tuple[RowDiff, ...], str]:
        """The rows of a page, and the cursor of the next one, empty where there is none."""
        if self._listing is None:
            return (), ""
        limit = "" if page.limit is None else f" LIMIT {page.limit + 1}"
        wanted = _selected(self._listing, page)
        selected = f"SELECT * FROM ({wanted}) c ORDER BY {_ORDER}{limit} OFFSET {int(page.offset)}"
        found, fetched = self._listing.read(selected, self._ignored)
        if page.limit is None or len(found) <= page.limit:
            return found, ""
        row_class, expected_row, actual_row = (
            fetched[page.limit - 1][:3] if page.limit else (LISTED_CLASSES[0], None, None)
        )
        return found[: page.limit], json.dumps([LISTED_CLASSES.index(row_class), expected_row, actual_row])

    def lines(self, page: Page) -> Iterator[list[str]]:
        """The rows of a page as JSON texts, in blocks: `RowDiff.as_dict` made by DuckDB, masked values null."""
        if self._listing is None:
            return
        listing, limit = self._listing, "" if page.limit is None else f" LIMIT {page.limit}"
        line = _line(listing.layout, self._ignored, self._masked)
        found = self._connection.execute(
            f"SELECT {line} FROM ({_selected(self._listing, page)}) c {listing.joins} "
            f"ORDER BY {_ORDER}{limit} OFFSET {int(page.offset)}"
        )
        while block := found.fetchmany(FETCHED_ROWS):
            yield [line for (line,) in block]

    def flat(self, page: Page) -> str:
        """SQL of a page: class, ids or places, then `expected: name` and `actual: name` of each attribute; "" if the
        sides are equal, or have nothing to compare."""
        if self._listing is None:
            return ""
        listing, limit = self._listing, "" if page.limit is None else f" LIMIT {page.limit}"
        columns = ", ".join(["c.class", *_flat_columns(listing.layout, self._ignored, self._masked)])
        return (
            f"SELECT {columns} FROM ({_selected(listing, page)}) c {listing.joins} "
            f"ORDER BY {_ORDER}{limit} OFFSET {int(page.offset)}"
        )

    def write(self, page: Page, path: Path, file_format: str) -> int:
        """Write a page to a file, "csv" or "parquet", as `flat` has it."""
        select = self.flat(page) or "SELECT NULL::VARCHAR AS class LIMIT 0"
        target = f"{quote_text(str(path))} ({FILE_OPTIONS[file_format]})"
        row = self._connection.execute(f"COPY ({select}) TO {target}").fetchone()
        return int(row[0]) if row else 0


_LAST: Final = 2**63 - 1
_ORDER: Final = f"list_position({list(LISTED_CLASSES)}, c.class) - 1, coalesce(c.er, {_LAST}), coalesce(c.ar, {_LAST})"


def _selected(listing: Listing, page: Page) -> str:
    classes = ", ".join(quote_text(each) for each in page.classes if each in LISTED_CLASSES) or "NULL"
    conditions = [f"class IN ({classes})"]
    if page.attribute:
        names = [attribute.name for attribute in listing.layout.attributes]
        place = names.index(page.attribute) + 1 if page.attribute in names else 0
        conditions.append(f"len(statuses) > 0 AND statuses[{place}] >= {CHANGED} AND class = 'changed'")
    if page.after:
        conditions.append(f"({_ORDER}) > ({', '.join(map(str, _read_cursor(page.after)))})")
    return f"SELECT * FROM ({listing.listed}) c WHERE {' AND '.join(conditions)}"


def _read_cursor(text: str) -> tuple[int, int, int]:
    try:
        found = json.loads(text)
        if isinstance(found, list) and len(found) == 3 and all(each is None or type(each) is int for each in found):
            position, expected_row, actual_row = (_LAST if each is None else each for each in found)
            return position, expected_row, actual_row
    except ValueError:
        pass
    raise CursorError("The cursor is none that a page of this diff gave; take it from `next` as it is.")


@contextmanager
def differences(
    connection: duckdb.DuckDBPyConnection,
    expected: str | Relation,
    actual: str | Relation,
    options: ComparisonOptions,
    masked: Collection[str] = (),
) -> Iterator[Differences]:
    """What differs, to be read row by row. The arguments are those of `compare`.

    masked: attributes whose values stand as null in lines and files; that they differ is told.
    """
    with prepared(connection, expected, actual, replace(options, limit=0)) as found:
        diff, listing = totals(found)
        yield Differences(connection, diff, listing, options.ignore, masked)


# --- a row as text --------------------------------------------------------------------------------------------------


def cell_json(column_type: str, cell: str) -> str:
    """SQL of a cell as JSON text. Decimals keep their digits, which to_json would pass through a double."""
    if column_type in FLOATS:
        text = f"CASE WHEN isfinite({cell}) THEN {cell}::VARCHAR ELSE to_json({cell}::VARCHAR)::VARCHAR END"
    elif (
        column_type in ("BOOLEAN", "JSON")
        or column_type.endswith("INT")
        or column_type.startswith("DECIMAL(")
        or column_type in ("INTEGER", "UINTEGER")
    ):
        text = f"{cell}::VARCHAR"
    elif column_type == "TIMESTAMP WITH TIME ZONE":
        text = f"to_json(replace(({cell} AT TIME ZONE 'UTC')::VARCHAR, ' ', 'T') || 'Z')::VARCHAR"
    elif column_type.startswith("TIMESTAMP"):
        text = f"to_json(replace({cell}::VARCHAR, ' ', 'T'))::VARCHAR"
    elif column_type.endswith("]") or column_type.startswith(("STRUCT(", "MAP(")):
        text = f"to_json({cell})::VARCHAR"
    else:
        text = f"to_json({cell}::VARCHAR)::VARCHAR"
    return f"coalesce({text}, 'null')"


def row_lines(connection: duckdb.DuckDBPyConnection, query: str, columns: Sequence[Column]) -> Iterator[list[str]]:
    """The rows of a query with these columns as JSON texts, in blocks."""
    names = ", ".join(column.cell("t").removeprefix("t.") for column in columns)
    found = connection.execute(f"SELECT {_row(columns, 't')} FROM ({query}) t({names})")
    while block := found.fetchmany(FETCHED_ROWS):
        yield [line for (line,) in block]


def _member(name: str, text: str) -> str:
    return f"concat({quote_text(json.dumps(name, ensure_ascii=False) + ':')}, {text})"


def _object(members: Sequence[str]) -> str:
    return f"concat('{{', concat_ws(',', {', '.join(members) or 'NULL'}), '}}')"


def _row(columns: Sequence[Column], alias: str, masked: Collection[str] = ()) -> str:
    return _object([_member(column.name, _shown(column, alias, masked)) for column in columns])


def _shown(column: Column, alias: str, masked: Collection[str]) -> str:
    return "'null'" if column.name in masked else cell_json(column.type, column.cell(alias))


def _line(layout: Layout, ignored: Sequence[str], masked: Collection[str]) -> str:
    key = [
        _member(
            each.name,
            f"CASE WHEN c.er IS NULL THEN {_shown(each.actual, 'a', masked)} "
            f"ELSE {_shown(each.expected, 'e', masked)} END",
        )
        for each in layout.key
    ]
    cells = [
        f"CASE WHEN c.statuses[{place}] >= {CHANGED} THEN "
        + _member(
            each.name,
            _object(
                [
                    _member("expected", "'null'" if each.name in masked else _expected_json(each)),
                    _member("actual", _shown(each.actual, "a", masked)),
                ]
            ),
        )
        + " END"
        for place, each in enumerate(layout.attributes, start=1)
    ]
    rows = [_row(side.attributes(ignored), alias, masked) for alias, side in zip("ea", layout.sides, strict=True)]
    whole = "'missing', 'moved'" if layout.key else "'missing', 'moved', 'changed'"
    members = [
        _member("class", "to_json(c.class)::VARCHAR"),
        _member("key", _object(key)),
        f"CASE WHEN c.class = 'changed' THEN {_member('cells', _object(cells))} END",
        f"CASE WHEN c.class = 'unexpected' THEN {_member('row', rows[1])} "
        f"WHEN c.class IN ({whole}) THEN {_member('row', rows[0])} END",
    ]
    for name, column, side in (("expected", "er", layout.expected), ("actual", "ar", layout.actual)):
        word = "id" if side.id_column else "position"
        members.append(f"CASE WHEN c.{column} IS NOT NULL THEN {_member(f'{name}_{word}', f'c.{column}::VARCHAR')} END")
    return _object(members)


def _expected_json(attribute: ComparedAttribute) -> str:
    """The expected cell, or what it was to be like where it has a matcher."""
    text = cell_json(attribute.expected.type, attribute.expected.cell("e"))
    if not attribute.rules:
        return text
    branches = (
        f"WHEN {rule.holds_for('e')} THEN {quote_text(dump_json(dict(rule.matcher)).decode())}"
        for rule in attribute.rules
    )
    return f"CASE {' '.join(branches)} ELSE {text} END"


def _flat_columns(layout: Layout, ignored: Sequence[str], masked: Collection[str]) -> Iterator[str]:
    for name, column, side in (("expected", "er", layout.expected), ("actual", "ar", layout.actual)):
        yield f"c.{column} AS {quote_name(f'{name}_id' if side.id_column else f'{name}_position')}"
    for alias, name, side in (("e", "expected", layout.expected), ("a", "actual", layout.actual)):
        for each in side.attributes(ignored):
            cell = f"CAST(NULL AS {each.type})" if each.name in masked else each.cell(alias)
            yield f"{cell} AS {quote_name(f'{name}: {each.name}')}"
