"""Rows typed into a grid of text cells, and what was changed in them since a version of their Table.

A cell left empty is null. A text that begins and ends with a double quote is read as in CSV: `""` is the empty text.
The cells go through the CSV source, so that typed, pasted and uploaded text mean the same.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from catalog.attributes import Attribute
from catalog.formats import CSVText
from catalog.formats.writers import cell_text
from catalog.models import TableVersion
from catalog.reading import read
from catalog.row_errors import Report, RowError
from catalog.schema import Schema
from catalog.wording import accepted

GRID_ROWS = 200
GRID_CELLS = 10_000
FORM_CELLS = 15_000
BLANK_ROWS = 3
LONG_TEXT = 5_000
EXAMPLES = 5
GROUPS_SHOWN = 200


@dataclass
class GridCell:
    """A cell as it is typed. A long text is shown shortened, and can't be changed here."""

    attribute: Attribute
    name: str
    text: str
    is_long: bool = False
    errors: list[str] = field(default_factory=list)

    @property
    def has_lines(self) -> bool:
        return "\n" in self.text


@dataclass
class GridRow:
    """A row of the grid; `row_id` is None for a new one."""

    number: int
    row_id: int | None
    cells: list[GridCell]
    is_removed: bool = False
    errors: list[str] = field(default_factory=list)

    @property
    def is_blank(self) -> bool:
        return self.row_id is None and not any(cell.text.strip() for cell in self.cells)


@dataclass(frozen=True)
class Changes:
    """What a grid asks for: ids to delete, rows to change with the attributes that were typed, rows to add."""

    removed: list[int]
    changed: list[tuple[GridRow, list[str]]]
    added: list[GridRow]


class Grid:
    """Rows of one Object, to be typed."""

    def __init__(self, schema: Schema, rows: Sequence[GridRow]) -> None:
        self.schema = schema
        self.rows = list(rows)

    @property
    def columns(self) -> list[tuple[Attribute, str]]:
        """Each attribute, with what its cells may hold."""
        return [(attribute, accepted(attribute, self.schema)) for attribute in self.schema.attributes]

    @property
    def has_kept_rows(self) -> bool:
        return any(row.row_id is not None for row in self.rows)

    @classmethod
    def of_texts(cls, schema: Schema, texts: Sequence[tuple[int, Sequence[str | None]]]) -> "Grid":
        """A grid of the rows of a version, as `row_texts` gives them."""
        grid = cls(schema, [])
        for row_id, cells in texts:
            grid._append(row_id, [shown_text(text) for text in cells])
        return grid

    @classmethod
    def typed(cls, schema: Schema, data: Mapping[str, str]) -> "Grid":
        """A grid as it was posted; a cell that is not in `data` could not be changed."""
        grid = cls(schema, [])
        count = data.get("rows", "")
        for number in range(min(int(count), form_rows(schema)) if count.isdecimal() else 0):
            row_id = data.get(f"id-{number}", "")
            texts = [data.get(f"cell-{number}-{place}") for place in range(len(schema.attributes))]
            row = grid._append(int(row_id) if row_id.isdecimal() else None, [text or "" for text in texts])
            row.is_removed = f"remove-{number}" in data
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = cell.text.replace("\r\n", "\n")
                cell.is_long = text is None and row.row_id is not None
        return grid

    def _append(self, row_id: int | None, texts: Sequence[str]) -> GridRow:
        number = len(self.rows)
        cells = [
            GridCell(attribute, f"cell-{number}-{place}", text, len(text) > LONG_TEXT)
            for place, (attribute, text) in enumerate(zip(self.schema.attributes, texts, strict=True))
        ]
        self.rows.append(GridRow(number, row_id, cells))
        return self.rows[-1]

    def add_blank_rows(self, count: int = BLANK_ROWS) -> None:
        """Room for new rows, as far as a form can carry them."""
        for _ in range(min(count, form_rows(self.schema) - len(self.rows))):
            self._append(None, [""] * len(self.schema.attributes))

    def new_rows(self) -> list[GridRow]:
        """The rows in which something was typed, of those that are new."""
        return [row for row in self.rows if row.row_id is None and not row.is_blank and not row.is_removed]

    def changes(self, before: Mapping[int, Sequence[str | None]]) -> Changes:
        """What differs from the version that the grid was filled from, given as row id -> texts."""
        removed: list[int] = []
        changed: list[tuple[GridRow, list[str]]] = []
        for row in self.rows:
            if row.row_id is None or row.row_id not in before:
                continue
            if row.is_removed:
                removed.append(row.row_id)
            else:
                names = self._take(row, before[row.row_id])
                changed += [(row, names)] if names else []
        return Changes(removed, changed, self.new_rows())

    @staticmethod
    def _take(row: GridRow, before: Sequence[str | None]) -> list[str]:
        """The names of the cells that were typed anew; the others get the text that they had."""
        names = []
        for cell, text in zip(row.cells, before, strict=True):
            shown = shown_text(text)
            if cell.is_long or cell.text == shown.replace("\r\n", "\n"):
                cell.text, cell.is_long = shown, len(shown) > LONG_TEXT
            else:
                names.append(cell.attribute.name)
        return names

    def source(self, rows: Sequence[GridRow], directory: Path) -> CSVText:
        """These rows as CSV."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.schema.names)
        for row in rows:
            text.write(",".join(csv_cell(cell) for cell in row.cells) + "\n")
        return CSVText(io.BytesIO(text.getvalue().encode()), directory)

    def place(self, report: Report, rows: Sequence[GridRow]) -> None:
        """Put each error into the cell that it is about; `rows` are those that were sent, in order."""
        places = {name: place for place, name in enumerate(self.schema.names)}
        for error in report.errors:
            if not 0 < error.row <= len(rows):
                continue  # the header, which no cell of the grid is
            row = rows[error.row - 1]
            if error.attribute in places:
                row.cells[places[error.attribute]].errors.append(error.message)
            else:
                row.errors.append(error.message)


@dataclass(frozen=True)
class ErrorGroup:
    """Errors of one kind in one attribute: how many there are, and the first few."""

    attribute: str
    code: str
    count: int
    examples: list[RowError]

    @property
    def more(self) -> int:
        """How many are not among the examples."""
        return self.count - len(self.examples)


def error_groups(report: Report) -> list[ErrorGroup]:
    """All errors of a report by cause, the most frequent first."""
    listed: dict[tuple[str, str], list[RowError]] = defaultdict(list)
    for error in report.errors:
        listed[error.attribute, error.code].append(error)
    return [
        ErrorGroup(kind.attribute, kind.code, kind.count, listed[kind.attribute, kind.code][:EXAMPLES] or [kind.first])
        for kind in report.kinds[:GROUPS_SHOWN]
    ]


def grid_capacity(schema: Schema) -> int:
    """How many rows of a Table a grid shows to be changed."""
    return max(min(GRID_ROWS, GRID_CELLS // len(schema.attributes)), 1)


def form_rows(schema: Schema) -> int:
    """How many rows a form can carry, new ones included; Django limits the number of its fields."""
    return max(min(2 * GRID_ROWS, FORM_CELLS // len(schema.attributes)), 1)


def row_texts(version: TableVersion, limit: int, row_id: int | None = None) -> list[tuple[int, list[str | None]]]:
    """The first rows of a version, or the one of this id, as `_id` and the text of each cell."""
    columns = ", ".join(cell_text(attribute) for attribute in version.object_version.schema.attributes)
    wanted = "WHERE _id = $row_id" if row_id is not None else ""

    def query(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[int, list[str | None]]]:
        parameters: dict[str, int] = {"limit": limit} | ({"row_id": row_id} if row_id is not None else {})
        select = f"SELECT _id, {columns} FROM ({relation}) {wanted} ORDER BY _id LIMIT $limit"
        return [(found, list(cells)) for found, *cells in connection.execute(select, parameters).fetchall()]

    return read(version, query)


def shown_text(text: str | None) -> str:
    """A value as it stands in its cell."""
    if text is None:
        return ""
    if not text or is_quoted(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def is_quoted(text: str) -> bool:
    return len(text) > 1 and text.startswith('"') and text.endswith('"')


def csv_cell(cell: GridCell) -> str:
    """A typed cell as a cell of CSV."""
    text = cell.text if cell.attribute.type == "string" else cell.text.strip()
    if not text:
        return ""
    if is_quoted(text):
        text = text[1:-1].replace('""', '"')
    return '"' + text.replace('"', '""') + '"'
