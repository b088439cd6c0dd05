"""CSV in any dialect, held against a reader of one character at a time and against Python's csv module."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog import engine
from catalog.formats import CSVText, records
from catalog.formats.dialects import Dialect
from catalog.schema import Schema

A_B = Schema.from_definition({"attributes": [{"name": name, "type": "string"} for name in ("a", "b")]})
ONE = Schema.from_definition({"attributes": [{"name": "a", "type": "string"}]})

Row = list[str | None] | None  # None is a row that is no row


def read_all(text: bytes, schema: Schema, dialect: Dialect) -> tuple[list[Row], list[int]]:
    """The rows of a CSV, those that are broken as None, and the line of each."""
    found: list[Row] = []
    with TemporaryDirectory() as directory, engine.cursor(is_serial=True) as connection:
        source = CSVText(io.BytesIO(text), Path(directory), dialect)
        cells = source.cells(schema)
        columns = ", ".join(f"r{place}" for place in range(len(schema.attributes)))
        for piece in source.slices():
            select = f"SELECT readable, {columns} FROM ({cells.raw(piece.relation)})"
            rows = connection.execute(select, piece.parameters).fetchall()
            assert len(rows) == piece.row_count
            found += [list(row[1:]) if row[0] else None for row in rows]
        lines = source.line_numbers(range(1, len(found) + 1))
    return found, [lines[row] for row in range(1, len(found) + 1)]


# --- a reader of one character at a time ----------------------------------------------------------------------------


@dataclass
class _Reader:
    """What the grammar says, in no hurry: the records of a text, each with its cells or None, and its line."""

    text: str
    dialect: Dialect
    width: int
    place: int = 0
    line: int = 1

    def records(self) -> Iterator[tuple[Row, int]]:
        while self.place < len(self.text):
            line, start = self.line, self.place
            cells, is_sound = self._record()
            if self.width == 1 or self.text[start : start + 1] not in {"\r", "\n"}:
                yield (cells if is_sound and len(cells) == self.width else None), line

    def _record(self) -> tuple[list[str | None], bool]:
        cells: list[str | None] = []
        is_sound = True
        while True:
            cell, is_cell_sound = self._cell()
            cells.append(cell)
            is_sound = is_sound and is_cell_sound
            if not self._next(self.dialect.delimiter):
                break
        if self._next("\r"):
            self._next("\n")
        else:
            self._next("\n")
        self.line += 1
        return cells, is_sound

    def _cell(self) -> tuple[str | None, bool]:
        if self.dialect.quote and self._next(self.dialect.quote):
            return self._quoted()
        start, cell = self.place, ""
        while not self._is_at_end():
            cell += self._character()
        cell = r"\N" if self.text[start : self.place] == r"\N" else cell
        return (cell if self.place > start else None), True

    def _quoted(self) -> tuple[str, bool]:
        quote, cell = self.dialect.quote, ""
        while self.place < len(self.text):
            if self._next(quote * 2):
                cell += quote
            elif self._next(quote):
                is_sound = self._is_at_end()
                while not self._is_at_end():
                    self._character()
                return cell, is_sound
            else:
                self.line += self.text[self.place] == "\n" or (
                    self.text[self.place] == "\\" == self.dialect.escape and self.text[self.place + 1 :][:1] == "\n"
                )
                cell += self._character(is_quoted=True)
        return cell, False

    def _character(self, is_quoted: bool = False) -> str:
        character = self.text[self.place]
        self.place += 1
        following = self.text[self.place : self.place + 1]
        if character == "\\" == self.dialect.escape and following:
            self.place += 1
            self.line += following == "\n" and not is_quoted
            if following == "\r" and not is_quoted and self._next("\n"):
                self.line += 1
                return "\r\n"
            return following
        return character

    def _is_at_end(self) -> bool:
        return self.place >= len(self.text) or self.text[self.place] in {self.dialect.delimiter, "\r", "\n"}

    def _next(self, mark: str) -> bool:
        is_there = self.text.startswith(mark, self.place)
        self.place += len(mark) * is_there
        return is_there


DIALECTS = [
    Dialect(),
    Dialect(delimiter=";", quote="'"),
    Dialect(delimiter="\t", quote=""),
    Dialect(delimiter="|", escape="\\"),
    Dialect(delimiter=" "),
    Dialect(delimiter="§"),
    Dialect(delimiter=",", quote="", escape="\\"),
    Dialect(delimiter="\x1f", quote="^"),
]
HOSTILE = st.text(st.sampled_from("a, \"';|\t§\x1f^\\N\n\r\0é"), max_size=40)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: repr(dialect.delimiter + dialect.quote))
@pytest.mark.parametrize("schema", [A_B, ONE], ids=["two columns", "one column"])
@given(text=HOSTILE, block_bytes=st.sampled_from([1, 3, 1024]))
@example(text=",\\\r", block_bytes=1)
@example(text='""\\\n', block_bytes=1024)
@settings(max_examples=60, deadline=None)
def test_hostile_text_is_read_as_the_grammar_says(
    schema: Schema, dialect: Dialect, text: str, block_bytes: int
) -> None:
    width = len(schema.attributes)
    expected = list(_Reader(text, dialect, width).records())
    header = dialect.delimiter.join(schema.names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BLOCK_BYTES", block_bytes)
        rows, lines = read_all(f"{header}\n{text}".encode(), schema, dialect)
    assert rows == [row for row, _ in expected]
    assert lines == [line + 1 for _, line in expected]


@given(
    rows=st.lists(st.lists(st.text(st.sampled_from('ab, "\n\r;é'), max_size=6), min_size=2, max_size=2), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
@settings(max_examples=200, deadline=None)
def test_what_the_csv_module_writes_is_read_as_it_reads_it(rows: Sequence[list[str]], quoting: int, end: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=quoting, lineterminator=end).writerows([["a", "b"], *rows])  # type: ignore[arg-type]
    expected = list(csv.reader(io.StringIO(written.getvalue(), newline="")))[1:]
    found, _ = read_all(written.getvalue().encode(), A_B, Dialect())
    # It leaves a lone line end unquoted that isn't its own, and then reads rows that are too short, and blank lines.
    expected = [row for row in expected if row]
    assert [row and [cell or "" for cell in row] for row in found] == [
        row if len(row) == 2 else None for row in expected
    ]


@given(text=st.text(st.sampled_from('a,"\n\r x'), max_size=30))
@example('"x" ,y\n')
@example(' "x",y\n')
@settings(max_examples=300, deadline=None)
def test_a_row_that_is_taken_is_the_row_that_the_csv_module_reads(text: str) -> None:
    found, _ = read_all(f"a,b\n{text}".encode(), A_B, Dialect())
    if None not in found:
        expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        assert [[cell or "" for cell in row or []] for row in found] == expected
