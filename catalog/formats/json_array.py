"""A JSON array of objects as a source of rows, bare or as the member `rows` of an object. Pure: no Django.

DuckDB cuts the array into its members, each as the text that it was, so that exact decimals keep their digits.
"""

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import duckdb

from catalog import engine
from catalog.engine import quote_text
from catalog.formats.staging import as_read
from catalog.schema import Schema
from catalog.sources import (
    BLOCK_BYTES,
    SLICE_ROWS,
    Cells,
    Fault,
    MalformedError,
    Slice,
    json_cells,
    parquet_slices,
    slice_rows,
)

MEMBER_BYTES = 64 * 1024 * 1024
WRAPPING_BYTES = 4096
_PLACE = re.compile(r"at byte \d+ in record/value (\d+): (.*)")


class JSONArray:
    """A stream that holds one JSON array of objects; it is read once, and its slices can be asked for again.

    directory: where the staged files go; the caller removes it. Slices raise MalformedError if the text is no array
    in UTF-8.
    """

    def __init__(self, stream: BinaryIO, directory: Path) -> None:
        self._stream = stream
        self._directory = directory
        self._staged = directory / "array.parquet"
        self._row_count: int | None = None
        self._slice_rows = SLICE_ROWS

    def cells(self, schema: Schema) -> Cells:
        self._slice_rows = slice_rows(len(schema.attributes))
        return json_cells(schema)

    def slices(self) -> Iterator[Slice]:
        if self._row_count is None:
            self._row_count = self._stage()
        yield from parquet_slices(self._staged, self._row_count, self._slice_rows)

    def _stage(self) -> int:
        """Store the members as text in Parquet; returns how many there are."""
        text = self._directory / "array.json"
        _copy(self._stream, text)
        members = f"read_json_objects({quote_text(str(text))}, format = 'array', maximum_object_size = {MEMBER_BYTES})"
        try:
            with engine.cursor() as connection:
                row = connection.execute(
                    f"COPY (SELECT CAST(json AS VARCHAR) AS line FROM {members}) TO {quote_text(str(self._staged))} "
                    f"{as_read(self._slice_rows)}"
                ).fetchone()
        except duckdb.Error as error:
            raise MalformedError(_fault(str(error))) from error
        finally:
            text.unlink()
        return int(row[0]) if row else 0


def _copy(stream: BinaryIO, path: Path) -> None:
    """Bring the stream into a file. Raises MalformedError if it is empty, no array, or not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, opening = 0, ""
    with path.open("wb") as file:
        while True:
            block = stream.read(BLOCK_BYTES)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n") + 1
                message = f"Line {line} is not valid UTF-8 (byte 0x{error.object[error.start]:02x})"
                raise MalformedError(Fault(0, "encoding", message, line=line)) from error
            opening = opening or text.lstrip("\ufeff \t\r\n")[:1]
            lines += block.count(b"\n")
            if not block:
                break
            file.write(block)
    if opening == "{" and _unwrap(path):
        return
    if opening != "[":
        found = "is empty" if not opening else f"begins with {opening}"
        message = f'The file {found}; a JSON array of objects was expected, such as [{{"id": 1}}]'
        raise MalformedError(Fault(0, "malformed", message, line=1))


_WRAPPING = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"rows"\s*:\s*(?=\[)')


def _unwrap(path: Path) -> bool:
    """Blank out the object around the array in `{"rows": [...]}`; False if the file doesn't begin so."""
    with path.open("r+b") as file:
        wrapping = _WRAPPING.match(file.read(WRAPPING_BYTES))
        if not wrapping:
            return False
        file.seek(0)
        file.write(b" " * wrapping.end())
        file.seek(max(file.seek(0, os.SEEK_END) - WRAPPING_BYTES, 0))
        start, end = file.tell(), file.read().rstrip()
        if not end.endswith(b"}"):
            message = 'The object with the member "rows" is not closed, or something follows it'
            raise MalformedError(Fault(0, "malformed", message))
        file.seek(start + len(end) - 1)
        file.write(b" ")
    return True


def _fault(message: str) -> Fault:
    """Where the array breaks off: DuckDB counts the opening bracket as its first value."""
    found = _PLACE.search(message)
    if not found:
        return Fault(0, "malformed", f"The file is not a JSON array: {message.splitlines()[0]}")
    row = max(int(found[1]) - 1, 1)
    return Fault(row, "malformed", f"The array can't be read from row {row} on: {found[2].strip()}")
