"""Parquet: a file as a source of rows with typed columns, and rows as a file. Pure: no Django.

A file that comes is written anew by a process of its own (catalog.formats.parquet_process), whose limits no crafted
file can pass; this process reads only what that one wrote.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Final

import duckdb

from catalog import engine
from catalog.attributes import Attribute, from_column
from catalog.engine import quote_name, quote_text
from catalog.formats.headers import header_faults
from catalog.formats.isolation import NO_CELLS, ask
from catalog.formats.writing import PartReader, WritingOptions
from catalog.schema import Schema
from catalog.sources import BLOCK_BYTES, SLICE_ROWS, Cells, Fault, MalformedError, Slice, parquet_slices, slice_rows
from config import temporary

UNPACKED_BYTES: Final = 16 * 1024**3
_WRITER: Final = Path(__file__).with_name("parquet_process.py")
# Columns that no attribute has, and SQL that takes them as one that attributes have.
_TAKEN_AS: Final[Mapping[str, tuple[str, str]]] = {
    "TIMESTAMP_NS": ("TIMESTAMP", "CASE WHEN epoch_ns({cell}) % 1000 = 0 THEN CAST({cell} AS TIMESTAMP) END"),
    "TIMESTAMP_S": ("TIMESTAMP", "CAST({cell} AS TIMESTAMP)"),
    "TIMESTAMP_MS": ("TIMESTAMP", "CAST({cell} AS TIMESTAMP)"),
    "TIME WITH TIME ZONE": ("TIME", "CAST({cell} AS TIME)"),
    "UUID": ("VARCHAR", "CAST({cell} AS VARCHAR)"),
}


class ParquetRows:
    """The rows of a Parquet file; its columns go by name.

    stream: the file; directory: where it is staged, which the caller removes. Whatever is asked first raises
    MalformedError if the file can't be read.
    """

    def __init__(self, stream: BinaryIO, directory: Path, limit_bytes: int = UNPACKED_BYTES) -> None:
        self._stream = stream
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._faults: list[Fault] = []
        self._names: list[str] = []
        self._slice_rows = SLICE_ROWS

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Name and DuckDB type of each column."""
        return self._staged[1]

    def names(self) -> list[str]:
        """The names of the columns."""
        return self._names or [name for name, _ in self.columns]

    def rename(self, names: Sequence[str]) -> None:
        """Take these for the names of the columns, as many as there are."""
        self._names = list(names)

    def cells(self, schema: Schema) -> Cells:
        try:
            names = self.names()
        except MalformedError as error:
            self._faults = list(error.faults)
            return NO_CELLS
        self._faults = list(header_faults(names, schema, None))
        self._slice_rows = slice_rows(max(len(names), len(schema.attributes)))
        raw, typed, unreadable = [], [], {}
        for place, attribute in enumerate(schema.attributes):
            column = names.index(attribute.name) if attribute.name in names else None
            raw.append(f"{'NULL' if column is None else f'h{column}'} AS r{place}")
            column_type = self.columns[column][1] if column is not None else None
            taken = taken_from(attribute, column_type, f"r{place}") if column_type else "NULL"
            if taken is None and column_type:
                unreadable[attribute.name] = column_type
            typed.append(f"CAST({taken or 'NULL'} AS {attribute.duckdb_type})")
        select = f"SELECT NULL AS record, true AS readable, 0 AS faults, {', '.join(raw)} FROM "
        return Cells(lambda relation: select + relation, typed, unreadable)

    def slices(self) -> Iterator[Slice]:
        if self._faults:
            raise MalformedError(*self._faults)
        parquet, _, row_count = self._staged
        yield from parquet_slices(parquet, row_count, self._slice_rows)

    @cached_property
    def _staged(self) -> tuple[Path, list[tuple[str, str]], int]:
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        given, staged = directory / "given.parquet", directory / "staged.parquet"
        self._stream.seek(0)
        with given.open("wb") as file:
            shutil.copyfileobj(self._stream, file, BLOCK_BYTES)
        try:
            found = ask(_WRITER, str(given), str(staged), str(SLICE_ROWS), str(self._limit_bytes))
        finally:
            given.unlink()
        return staged, [(name, column_type) for name, column_type in found["columns"]], found["row_count"]


def taken_from(attribute: Attribute, column_type: str, cell: str) -> str | None:
    """SQL that takes a Parquet column as an attribute; None if a column of this type can't be one."""
    if column_type in _TAKEN_AS:
        column_type, template = _TAKEN_AS[column_type]
        cell = f"({template.format(cell=cell)})"
    return from_column(attribute, column_type, cell)


# --- writing --------------------------------------------------------------------------------------------------------

_OPTIONS: Final = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {SLICE_ROWS}"


@dataclass(frozen=True)
class ParquetFormat:
    """Rows as one Parquet file with typed columns (see catalog.formats.writing.RowFormat)."""

    name: str = "parquet"
    suffix: str = ".parquet"
    media_type: str = "application/vnd.apache.parquet"

    def blocks(
        self,
        parts: Iterable[PartReader],
        attributes: Sequence[Attribute],
        missing_values: Sequence[str] = ("",),
        options: WritingOptions = WritingOptions(),  # noqa: B008 - immutable
    ) -> Iterator[bytes]:
        """The file, once it is whole: the Parts are written aside first, each with the columns that are wanted."""
        columns = ", ".join(quote_name(attribute.name) for attribute in attributes)
        with temporary.directory("parquet") as directory:
            paths = [directory / "empty.parquet"]
            _write_empty(attributes, paths[0])
            for number, part in enumerate(parts):
                path = directory / f"{number}.parquet"
                part(_copying(columns, path))
                paths.append(path)
            whole = directory / "whole.parquet"
            files = ", ".join(quote_text(str(path)) for path in paths)
            with engine.cursor() as connection:
                connection.execute(
                    f"COPY (SELECT * FROM read_parquet([{files}])) TO {quote_text(str(whole))} ({_OPTIONS})"
                )
            for path in paths:
                path.unlink()
            with whole.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    yield block


def _write_empty(attributes: Sequence[Attribute], path: Path) -> None:
    """A file without rows, so that there are columns where there is no Part."""
    columns = ", ".join(f"CAST(NULL AS {each.duckdb_type}) AS {quote_name(each.name)}" for each in attributes)
    with engine.cursor(is_serial=True) as connection:
        connection.execute(f"COPY (SELECT {columns} LIMIT 0) TO {quote_text(str(path))} (FORMAT parquet)")


def _copying(columns: str, path: Path) -> Any:
    def copy(connection: duckdb.DuckDBPyConnection, relation: str, parameters: Mapping[str, Any]) -> None:
        target = f"{quote_text(str(path))} (FORMAT parquet, COMPRESSION snappy)"
        connection.execute(f"COPY (SELECT {columns} FROM ({relation})) TO {target}", dict(parameters))

    return copy


PARQUET: Final = ParquetFormat()
