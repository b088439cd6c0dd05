"""The formats in which rows come and go. Pure: DuckDB, no Django."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from catalog.formats.columnar import PARQUET, ParquetRows
from catalog.formats.delimited import CSVText
from catalog.formats.json_array import JSONArray
from catalog.formats.spreadsheets import Spreadsheet
from catalog.formats.workbooks import ODS, XLSX
from catalog.formats.writers import CSV, JSON, NDJSON
from catalog.formats.writing import FormatLimitError, PartReader, RowFormat, WritingOptions
from catalog.sources import JSONLines, Source

__all__ = [
    "FORMATS",
    "CSVText",
    "Format",
    "FormatLimitError",
    "JSONArray",
    "PartReader",
    "RowFormat",
    "WritingOptions",
    "format_of",
]


@dataclass(frozen=True)
class Format:
    """A format by name: how to read it from a stream, given a directory to stage it in, and how to write it.

    `read` takes the defaults; catalog.formats.opening finds out what else a file needs.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    media_types: tuple[str, ...]
    read: Callable[[BinaryIO, Path], Source]
    rows: RowFormat


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("csv", "CSV", (".csv",), ("text/csv", "application/csv"), CSVText, CSV),
        Format(
            "ndjson",
            "NDJSON",
            (".ndjson", ".jsonl"),
            ("application/x-ndjson", "application/ndjson", "application/jsonl"),
            JSONLines,
            NDJSON,
        ),
        Format("json", "JSON", (".json",), ("application/json",), JSONArray, JSON),
        Format(
            "parquet", "Parquet", (".parquet",), (PARQUET.media_type, "application/x-parquet"), ParquetRows, PARQUET
        ),
        Format("xlsx", "XLSX", (".xlsx", ".xlsm"), (XLSX.media_type,), Spreadsheet, XLSX),
        Format("ods", "ODS", (".ods",), (ODS.media_type,), Spreadsheet, ODS),
    )
}


def format_of(file_name: str) -> Format | None:
    """The format that a file's name says, or None."""
    suffix = Path(file_name).suffix.lower()
    return next((each for each in FORMATS.values() if suffix in each.suffixes), None)
