"""The formats in which rows come and go: CSV, NDJSON and a JSON array. Pure: DuckDB, no Django."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from catalog.formats.delimited import CSVText
from catalog.formats.json_array import JSONArray
from catalog.formats.writers import CSV, JSON, NDJSON, RowFormat
from catalog.sources import JSONLines, Source

__all__ = ["FORMATS", "CSVText", "Format", "JSONArray", "RowFormat", "format_of"]


@dataclass(frozen=True)
class Format:
    """A format by name: how to read it from a stream, given a directory to stage it in, and how to write it."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[BinaryIO, Path], Source]
    rows: RowFormat


FORMATS: Mapping[str, Format] = {
    "csv": Format("csv", (".csv",), CSVText, CSV),
    "ndjson": Format("ndjson", (".ndjson", ".jsonl"), JSONLines, NDJSON),
    "json": Format("json", (".json",), JSONArray, JSON),
}


def format_of(file_name: str) -> Format | None:
    """The format that a file's name says, or None."""
    suffix = Path(file_name).suffix.lower()
    return next((each for each in FORMATS.values() if suffix in each.suffixes), None)
