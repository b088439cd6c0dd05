"""Opening a file of rows: which format it has, said or found out, and what else it takes to read it. Pure: no Django.

What is said comes first: the options, then the media type, then the name; the content decides where nothing is said,
and is never allowed to be something else than what was said.
"""

import codecs
import csv
import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, runtime_checkable

from catalog.formats import FORMATS, CSVText, Format, JSONArray, format_of
from catalog.formats.columnar import ParquetRows
from catalog.formats.compression import GZIP, unpack
from catalog.formats.dialects import detect_dialect, dialect_faults
from catalog.formats.spreadsheets import Spreadsheet
from catalog.sources import Fault, JSONLines, MalformedError, Source
from config.problems import Problem, nearest

LIMIT_BYTES: Final = 4 * 1024**3
OPENING_BYTES: Final = 4096
TAB_SEPARATED: Final = "text/tab-separated-values"
TAB_SUFFIXES: Final = (".tsv", ".tab")
MEDIA_TYPES: Final[Mapping[str, str]] = {
    **{media_type: each.name for each in FORMATS.values() for media_type in each.media_types},
    TAB_SEPARATED: "csv",
}
"""Media type -> name of a format."""


@dataclass(frozen=True)
class ReadingOptions:
    """How a file is to be read; None is found out."""

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    sheet: str | None = None
    header: tuple[str, ...] | None = None  # names in place of those in the first line, one for each column


OPTION_NAMES: Final = tuple(each.name for each in fields(ReadingOptions))
NO_QUOTE: Final = "none"
SHEET_CHARACTERS: Final = 1_000
NAMES_SHOWN: Final = 20
HEADER_EXAMPLE: Final = """names in place of those in the file's first line, such as id,name or ["id", "name"]"""
_DIALECT: Final = ("encoding", "delimiter", "quote", "escape")
_OPTIONS_OF: Final = {
    "csv": (*_DIALECT, "header"),
    "xlsx": ("sheet", "header"),
    "ods": ("sheet", "header"),
    "parquet": ("header",),
}
_DEFAULTS: Final = ReadingOptions()


class ReadingOptionError(ValueError):
    """Options that can't be meant. Each problem's path is the name of the option."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Opened:
    """A source of rows, its format, and what was found out: JSON to be shown, and overridden by ReadingOptions."""

    source: Source
    format: Format
    found: Mapping[str, Any]


def read_options(values: Mapping[str, str]) -> ReadingOptions:
    """The options among some parameters; others are left alone, and empty ones mean nothing.

    Raises ReadingOptionError with every problem.
    """
    given: dict[str, Any] = {name: values[name] for name in OPTION_NAMES if values.get(name)}
    problems = []
    name = given.get("format", "csv")
    if name not in FORMATS:
        problems.append(Problem("format", "invalid_choice", f"format is {name!r}; {nearest(name, list(FORMATS))}"))
    if given.get("delimiter", "").lower() in {"tab", "\\t"}:
        given["delimiter"] = "\t"
    if given.get("quote", "").lower() == NO_QUOTE:
        given["quote"] = ""
    sheet = given.get("sheet", "")
    if "\0" in sheet or len(sheet) > SHEET_CHARACTERS:
        problems.append(
            Problem("sheet", "type", f"No sheet has a name with NUL, or beyond {SHEET_CHARACTERS} characters.")
        )
    problems += [Problem(part, "type", f"{message}.") for part, message in dialect_faults(given)]
    if "header" in given:
        given["header"] = _header_names(given["header"])
        if not given["header"]:
            problems.append(Problem("header", "type", f"The header is {HEADER_EXAMPLE}."))
    if problems:
        raise ReadingOptionError(problems)
    return ReadingOptions(**given)


def _header_names(text: str) -> tuple[str, ...]:
    """Names as a JSON list of texts, or as a record of CSV; none if it is neither."""
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else next(csv.reader([text], strict=True), [])
    except (ValueError, RecursionError, csv.Error):
        return ()
    return tuple(found) if isinstance(found, list) and all(isinstance(name, str) for name in found) else ()


def open_rows(
    stream: BinaryIO,
    directory: Path,
    *,
    name: str = "",
    media_type: str = "",
    options: ReadingOptions = _DEFAULTS,
    limit_bytes: int = LIMIT_BYTES,
) -> Opened:
    """The rows of a file. stream: seekable, as long as the source is read; directory: for what is staged.

    name: the file's, for its suffix. limit_bytes: what may come of it when it is unpacked. Raises MalformedError if
    the file is not what it is said to be.
    """
    given = _Given(name, media_type, options)
    opening, is_packed = _opening(stream), False
    if opening.startswith(GZIP):
        unpacked = Path(tempfile.mkdtemp(dir=directory)) / "unpacked"
        unpack(stream, unpacked, limit_bytes)
        stream, is_packed = unpacked.open("rb"), True
        given = _Given(re.sub(r"(?i)[.]gz$", "", name), "" if "gzip" in media_type else media_type, options)
        opening = _opening(stream)
    chosen = _chosen(given, _held(opening))
    for option in OPTION_NAMES[1:]:
        if getattr(options, option) is not None and option not in _OPTIONS_OF.get(chosen, ()):
            raise _refusal(f"{option} is given, but {FORMATS[chosen].title} has none")
    source, found = _OPENERS[chosen](stream, directory, given)
    if options.header is not None:
        _rename(source, options.header)
    return Opened(source, FORMATS[chosen], {"format": chosen, **({"gzip": True} if is_packed else {}), **found})


@runtime_checkable
class _Named(Protocol):
    """A source whose columns have names."""

    def names(self) -> list[str]: ...

    def rename(self, names: Sequence[str]) -> None: ...


def _rename(source: Source, header: Sequence[str]) -> None:
    """Give the columns of a source other names. Raises ReadingOptionError unless there is one for each."""
    if not isinstance(source, _Named):
        return
    columns = source.names()
    if len(columns) != len(header):
        listed = ", ".join(map(repr, columns[:NAMES_SHOWN])) + (", ..." if len(columns) > NAMES_SHOWN else "")
        message = f"The header names {len(header)} columns; the file has {len(columns)}: {listed}."
        raise ReadingOptionError([Problem("header", "type", message)])
    source.rename(header)


@dataclass(frozen=True)
class _Given:
    """What is said of a file."""

    name: str
    media_type: str
    options: ReadingOptions

    @property
    def bare_type(self) -> str:
        return self.media_type.partition(";")[0].strip().lower()

    @property
    def is_tab_separated(self) -> bool:
        return self.bare_type == TAB_SEPARATED or self.name.lower().endswith(TAB_SUFFIXES)

    def format(self) -> tuple[str | None, str]:
        """The format that is said, and what says it."""
        if self.options.format is not None:
            return self.options.format, "The format that was given"
        if self.bare_type in MEDIA_TYPES:
            return MEDIA_TYPES[self.bare_type], f"The media type {self.bare_type}"
        by_name = format_of(self.name)
        if by_name or self.is_tab_separated:
            return (by_name.name if by_name else "csv"), f"The name {self.name!r}"
        return None, ""


def _chosen(given: _Given, held: str) -> str:
    """The format to read. Raises MalformedError if what is said and what is held are two things."""
    said, by_what = given.format()
    if held in _TEXT_FORMATS:
        if said in {None, *_TEXT_FORMATS}:
            return said or held
        raise _refusal(f"{by_what} says {FORMATS[said or ''].title}, but the file doesn't begin like it")
    if held == "xlsx" and said == "ods":  # both are archives; which of them it is, its members say
        return "ods"
    if held not in FORMATS:
        raise _refusal(f"The file holds {_WORDS[held]}; rows come as {', '.join(e.title for e in FORMATS.values())}")
    if said in {None, held}:
        return held
    raise _refusal(f"{by_what} says {FORMATS[said or ''].title}, but the file holds {_WORDS[held]}")


def _opening(stream: BinaryIO) -> bytes:
    stream.seek(0)
    opening = stream.read(OPENING_BYTES)
    stream.seek(0)
    return opening


_TEXT_FORMATS: Final = ("csv", "ndjson", "json")
_WORDS: Final = {
    "parquet": "Parquet",
    "xlsx": "a ZIP archive",
    "ods": "an ODS workbook",
    "old": "an old or encrypted Office document: save it as XLSX, without a password",
    "gzip": "gzip within gzip",
    "encrypted": "encrypted Parquet",
}


def _held(opening: bytes) -> str:
    """What the file holds, by its first bytes: a key of _WORDS, or the likeliest format of text."""
    for mark, held in _MARKS.items():
        if opening.startswith(mark):
            is_ods = held == "xlsx" and _ODS_TYPE in opening[:200]
            return "ods" if is_ods else held
    text = opening.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        return "json" if re.match(rb'\{\s*"rows"\s*:\s*\[', text) else "ndjson"
    return "csv"


_ODS_TYPE: Final = b"application/vnd.oasis.opendocument.spreadsheet"
_MARKS: Final = {
    b"PAR1": "parquet",
    b"PARE": "encrypted",
    b"PK\x03\x04": "xlsx",
    b"PK\x05\x06": "xlsx",
    b"\xd0\xcf\x11\xe0": "old",
    GZIP: "gzip",
}


def _open_csv(stream: BinaryIO, directory: Path, given: _Given) -> tuple[Source, dict[str, Any]]:
    parts = {name: getattr(given.options, name) for name in _DIALECT}
    if given.is_tab_separated and parts["delimiter"] is None:
        parts["delimiter"] = "\t"
    dialect = detect_dialect(stream, {name: part for name, part in parts.items() if part is not None})
    found = {name: getattr(dialect, name) for name in _DIALECT}
    return CSVText(stream, directory, dialect), {**found, "notes": list(dialect.notes)}


def _open_ndjson(stream: BinaryIO, directory: Path, given: _Given) -> tuple[Source, dict[str, Any]]:
    return JSONLines(stream, directory), {}


def _open_json(stream: BinaryIO, directory: Path, given: _Given) -> tuple[Source, dict[str, Any]]:
    return JSONArray(stream, directory), {}


def _open_parquet(stream: BinaryIO, directory: Path, given: _Given) -> tuple[Source, dict[str, Any]]:
    source = ParquetRows(stream, directory)
    return source, {"columns": [{"name": name, "type": column_type} for name, column_type in source.columns]}


def _open_workbook(stream: BinaryIO, directory: Path, given: _Given) -> tuple[Source, dict[str, Any]]:
    source = Spreadsheet(stream, directory, given.options.sheet)
    return source, {"sheet": source.sheet, "sheets": source.sheets}


_OPENERS: Final[Mapping[str, Callable[[BinaryIO, Path, _Given], tuple[Source, dict[str, Any]]]]] = {
    "csv": _open_csv,
    "ndjson": _open_ndjson,
    "json": _open_json,
    "parquet": _open_parquet,
    "xlsx": _open_workbook,
    "ods": _open_workbook,
}


def _refusal(message: str) -> MalformedError:
    return MalformedError(Fault(0, "malformed", message))
