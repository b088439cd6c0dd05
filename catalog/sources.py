"""Where rows come from, in slices that DuckDB reads: JSON lines, CSV text, or typed columns. Pure: no Django.

A source says how the raw cells of an Object's attributes are found (`cells`) and gives them a slice at a time, each of
at most `slice_rows` rows, so that memory doesn't grow with the input.
"""

import codecs
import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, runtime_checkable

from catalog.attributes import from_column
from catalog.engine import quote_name, quote_text
from catalog.parts import PART_ROWS
from catalog.rules.definition import ATTRIBUTE_LIMIT
from catalog.schema import Schema
from catalog.types.nested import is_lenient
from config.problems import pointer

SLICE_ROWS = PART_ROWS  # a slice becomes a Part
BLOCK_BYTES = 1024 * 1024
LINE_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024 * 1024
LONG_BYTES = 8 * 1024 * 1024  # of a row, or a few: DuckDB holds such a one several times
JOINED_CHARACTERS = 64 * 1024 * 1024
GROUPED_ATTRIBUTES = 200  # with more of them, cells are staged and checked in groups (catalog.grouping)
GROUPED_CELLS = 4_000_000  # of a slice that is staged
DOUBLE_DIGITS = 15  # what an IEEE double surely holds
ENCODING_MARK = "\x01not UTF-8: "  # can't stand in JSON
BESIDE_ROWS = ("_row", "_errors")  # in a file of rows set aside; when it is loaded, no part of a row
MEMBER_LIMIT = ATTRIBUTE_LIMIT + len(BESIDE_ROWS)  # beyond, no member of a row is looked at


@dataclass(frozen=True)
class Slice:
    """At most `slice_rows` rows: SQL that reads them, how many there are, how many came before, and its parameters."""

    relation: str
    row_count: int
    rows_before: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    file: IO[bytes] | None = None  # what the relation reads, kept open as long as the slice is
    is_generic: bool = False  # whether the relation is the same for all slices of its kind, but for the parameters


@dataclass(frozen=True)
class Reading:
    """A way to take a slice's relation apart into cells.

    `raw` takes a relation and gives a SELECT of `readable` (is the row a row at all), `faults` (how many things are
    wrong with its shape), `record` (the row as text, or NULL) and `r0`, `r1`, ... per attribute. `typed` is SQL per
    attribute over its `r` column, NULL where the cell can't be read.
    """

    raw: Callable[[str], str]
    typed: Sequence[str]


@dataclass(frozen=True)
class Cells(Reading):
    """How a source's slices are read.

    `unreadable` says which attributes no cell can be read for, with the column type found.
    `describe_fault` gives code, message and text of a row that is no row at all, from its `record`; without it the
    record is JSON. `fault_code` is SQL of that code.
    `quick` reads usual rows alike in less time; it may fail on unusual ones, or raise duckdb.InvalidInputException,
    and then all is read again with care.
    """

    unreadable: Mapping[str, str] = field(default_factory=dict)
    describe_fault: Callable[[str], tuple[str, str, str | None]] | None = None
    quick: Reading | None = None
    fault_code: str = "'malformed'"


def slice_rows(width: int) -> int:
    """How many rows of so many columns a slice, and so a Part, has at most."""
    return SLICE_ROWS if width <= GROUPED_ATTRIBUTES else max(min(GROUPED_CELLS // width, SLICE_ROWS), 1)


class Source(Protocol):
    """What conformance asks of a source; the cells come first."""

    def cells(self, schema: Schema) -> Cells: ...

    def slices(self) -> Iterator[Slice]: ...


@runtime_checkable
class LinedSource(Source, Protocol):
    """A source whose rows may span lines; asked only to explain errors, after its slices were read."""

    def line_numbers(self, rows: Sequence[int]) -> Mapping[int, int]:
        """Row -> the line of the input where it begins, both from 1."""
        ...


# --- JSON -----------------------------------------------------------------------------------------------------------


def json_cells(schema: Schema) -> Cells:
    """Cells of JSON objects, one to a row, in the column `line`."""
    cut, found, present = _members(schema.names)
    beside = [name for name in BESIDE_ROWS if name not in schema.names]
    unguarded = ", ".join(f"{_unguarded(f'r{place}')} AS r{place}" for place in range(len(found)))

    def read(relation: str, is_object: str, guarded: bool, ignored: Sequence[str] = ()) -> str:
        line = _guard_digits("line") if guarded else "line"
        columns = ", ".join(f"{cell} AS r{place}" for place, cell in enumerate(found))
        less = "".join(f" - CAST(json_exists(object, {quote_text(pointer(name))}) AS INTEGER)" for name in ignored)
        cells = (
            f"SELECT record, readable, CASE WHEN readable THEN key_count - {present} ELSE 1 END AS faults, "
            f"{columns} FROM (SELECT line AS record, coalesce(len(keys) <= {MEMBER_LIMIT}, false) AS readable, "
            f"{cut}, len(keys){less} AS key_count FROM (SELECT line, object, json_keys(object) AS keys "
            f"FROM (SELECT line, CASE WHEN {is_object} THEN {line} END AS object FROM {relation})))"
        )
        return f"SELECT record, readable, faults, {unguarded} FROM ({cells})" if guarded else cells

    has_json = any(attribute.kind.is_json for attribute in schema.attributes)
    has_digits = has_json or any(attribute.is_exact for attribute in schema.attributes)
    # What stands in a value is kept, and so must be JSON too; elsewhere such a value is of no type and told as that.
    is_object = f"{_IS_OBJECT} AND NOT {is_lenient('line')}" if has_json else _IS_OBJECT
    places = list(enumerate(schema.attributes))
    return Cells(
        raw=lambda relation: read(relation, f"json_valid(line) AND {is_object}", True, beside),
        typed=[attribute.kind.from_json(attribute, f"r{place}") for place, attribute in places],
        quick=Reading(
            raw=lambda relation: read(relation, is_object, has_digits),
            typed=[attribute.kind.from_usual_json(attribute, f"r{place}") for place, attribute in places],
        ),
    )


def _members(names: Sequence[str]) -> tuple[str, list[str], str]:
    """SQL that finds members in `object`; of each of those `found`, NULL for null; of how many of them are present.

    To look for a name goes through all members each time: so where there are many, each member is looked up instead.
    """
    if len(names) <= GROUPED_ATTRIBUTES:
        paths = ", ".join(quote_text(pointer(name)) for name in names)
        found = [f"nullif(CAST(found[{place}] AS VARCHAR), 'null')" for place in range(1, len(names) + 1)]
        return f"json_extract(object, [{paths}]) AS found", found, "list_count(found)"
    structure = quote_text(json.dumps(dict.fromkeys(names, "JSON"), ensure_ascii=False))
    known = ", ".join(map(quote_text, names))
    # Most rows have them all, in order: to compare is a tenth of the work of looking each one up.
    present = f"CASE WHEN keys = [{known}] THEN {len(names)} ELSE len(list_intersect(keys, [{known}])) END AS present"
    found = [f"CAST(struct_extract_at(found, {place}) AS VARCHAR)" for place in range(1, len(names) + 1)]
    return f"from_json(object, {structure}) AS found, {present}", found, "present"


# DuckDB takes a comma behind the last member; JSON doesn't. It is looked for only where the end of the line allows it.
_ENDS = " OR ".join(f"ends_with(line, '{end}')" for end in (",}", " }", "\t}", "\n}", " ", "\t", "\n"))
_IS_OBJECT = (
    "(starts_with(line, '{') OR starts_with(ltrim(line, ' \t\r\n'), '{')) "
    f"AND NOT (({_ENDS}) AND regexp_matches(line, ',[ \t\r\n]*}}[ \t\r\n]*$'))"
)

# DuckDB reads a JSON number with a fraction or an exponent as a double. Numbers with more digits than a double holds
# are therefore wrapped in strings that begin with a mark, and unwrapped once the row is taken apart. Strings match
# first, so that nothing inside them is touched; the control characters 1 and 2 can't stand in JSON.
_MARK = f"{secrets.token_hex(8)}:"
_LONG_NUMBER = '("(?:[^"\\\\]|\\\\.)*")|(-?[0-9]+(?:[.][0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))'


def _guard_digits(line: str) -> str:
    split = f"regexp_replace({line}, {quote_text(_LONG_NUMBER)}, '\\1' || chr(1) || '\\2' || chr(2), 'g')"
    whole = f"replace({split}, chr(1) || chr(2), '')"
    quoted = f"replace(replace({whole}, chr(1), '\"{_MARK}'), chr(2), '\"')"
    # A line that holds 1 or 2 already is left as it is: not JSON.
    wanted = f"regexp_matches({line}, '[0-9.]{{{DOUBLE_DIGITS + 1},}}') AND NOT regexp_matches({line}, '[\x01\x02]')"
    return f"CASE WHEN {wanted} THEN {quoted} ELSE {line} END"


def _unguarded(cell: str) -> str:
    """The number as it was; also inside a list, where it is shown in an error."""
    return (
        f"CASE WHEN contains({cell}, '\"{_MARK}') "
        f"THEN regexp_replace({cell}, '\"{_MARK}([^\"]*)\"', '\\1', 'g') ELSE {cell} END"
    )


_SEPARATOR = "\x1e"  # RFC 7464


class JSONRows:
    """Rows held in memory, each as the text of a JSON object: what a form or a small request brings."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self._slice_rows = SLICE_ROWS

    def cells(self, schema: Schema) -> Cells:
        self._slice_rows = slice_rows(len(schema.attributes))
        return json_cells(schema)

    def slices(self) -> Iterator[Slice]:
        start = 0
        for end in self._ends():
            # One text, since DuckDB takes a list parameter of so many members in seconds. The separator is no JSON.
            joined = _SEPARATOR.join(text.replace(_SEPARATOR, "\1") for text in self.texts[start:end])
            relation = f"(SELECT unnest(string_split($lines, chr({ord(_SEPARATOR)}))) AS line)"
            yield Slice(relation, end - start, start, {"lines": joined}, is_generic=True)
            start = end

    def _ends(self) -> Iterator[int]:
        """Where each slice ends: DuckDB holds a text like this several times."""
        start = length = 0
        for place, text in enumerate(self.texts):
            if place - start == self._slice_rows or (length and length + len(text) > JOINED_CHARACTERS):
                yield place
                start, length = place, 0
            length += len(text)
        yield len(self.texts)


class JSONLines:
    """NDJSON in a file, cut at line ends into slices; blank lines are no rows.

    stream: seekable; read block by block, again from its start each time the slices are asked for. directory: where
    slices go on a system that can't keep them in memory. Raises MalformedError on endless lines.
    """

    def __init__(self, stream: BinaryIO, directory: Path) -> None:
        self.stream = stream
        self.directory = directory
        self._slice_rows = SLICE_ROWS

    def cells(self, schema: Schema) -> Cells:
        self._slice_rows = slice_rows(len(schema.attributes))
        return json_cells(schema)

    def slices(self) -> Iterator[Slice]:
        self.stream.seek(0)
        rows_before = 0
        for chunk in _line_chunks(self.stream, self._slice_rows):
            file, path = scratch_file(map(_with_bad_lines_marked, chunk.pieces), self.directory)
            relation = (
                f"(SELECT line FROM read_csv({quote_text(path)}, columns = {{'line': 'VARCHAR'}}, header = false, "
                "auto_detect = false, delim = '\\0', quote = '', escape = '', new_line = '\\n', strict_mode = false, "
                f"max_line_size = {chunk.longest_bytes}, buffer_size = {chunk.longest_bytes * 4}))"
            )
            yield Slice(relation, chunk.line_count, rows_before, file=file)
            rows_before += chunk.line_count


def scratch_file(pieces: Iterable[bytes], directory: Path, suffix: str = ".ndjson") -> tuple[IO[bytes], str]:
    """A file of these bytes and its path; it goes when nobody holds it any more. In memory where the system can."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("exemplar-lines"), "wb")
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}"
    else:
        file = tempfile.NamedTemporaryFile(dir=directory, suffix=suffix)  # noqa: SIM115
        path = file.name
    file.writelines(pieces)
    file.flush()
    return file, path


@dataclass
class _Chunk:
    """Whole lines, each of which holds something and ends in `\\n`; none is longer than `longest_bytes`."""

    pieces: list[bytes] = field(default_factory=list)
    line_count: int = 0
    longest_bytes: int = 1024  # no less: a line of one bad byte grows when it is marked
    size_bytes: int = 0

    def add(self, piece: bytes, line_count: int) -> None:
        self.pieces.append(piece)
        self.line_count += line_count
        self.longest_bytes = max(self.longest_bytes, len(piece))
        self.size_bytes += len(piece)


def _line_chunks(stream: BinaryIO, row_limit: int) -> Iterator[_Chunk]:
    """The stream in chunks of so many lines; less where they are long, and at the end."""
    chunk = _Chunk()
    for block in _line_blocks(stream):
        rest, line_count = block, block.count(b"\n")
        while chunk.line_count + line_count >= row_limit:
            wanted = row_limit - chunk.line_count
            cut = position_of_line_end(rest, wanted)
            chunk.add(rest[:cut], wanted)
            yield chunk
            chunk, rest, line_count = _Chunk(), rest[cut:], line_count - wanted
        if rest:
            chunk.add(rest, line_count)
        if chunk.size_bytes >= CHUNK_BYTES or chunk.longest_bytes >= LONG_BYTES:
            yield chunk
            chunk = _Chunk()
    if chunk.line_count:
        yield chunk


def _line_blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Blocks of whole lines, without a byte order mark and blank lines, each ended by `\\n`."""
    rest: list[bytes] = []
    rest_bytes = lines_before = 0
    block = stream.read(BLOCK_BYTES).removeprefix(codecs.BOM_UTF8)
    while block:
        cut = block.rfind(b"\n") + 1
        if cut:
            lines = _without_blank_lines(b"".join([*rest, block[:cut]]))
            if lines:
                lines_before += lines.count(b"\n")
                yield lines
            rest, rest_bytes = [], 0
        rest.append(block[cut:])
        rest_bytes += len(block) - cut
        if rest_bytes > LINE_BYTES:
            message = f"The row is longer than {LINE_BYTES // 1024**2} MB; NDJSON has one JSON object to a line"
            raise MalformedError(Fault(lines_before + 1, "malformed", message))
        block = stream.read(BLOCK_BYTES)
    last = _without_blank_lines(b"".join([*rest, b"\n"]))
    if last:
        yield last


_BLANK_LINE = re.compile(rb"^[ \t]*\n", re.MULTILINE)
_PERHAPS_BLANK_LINE = re.compile(rb"\n[\n \t]")


def _without_blank_lines(block: bytes) -> bytes:
    """Lines as the reader takes them; a blank line is no row.

    To the reader a carriage return ends a line, and NUL a cell. A tab is white space in JSON as a carriage return is,
    and as wrong inside a string; the control character 1 is as wrong as NUL everywhere.
    """
    if b"\r" in block:
        block = block.replace(b"\r", b"\t")
    if b"\0" in block:
        block = block.replace(b"\0", b"\1")
    if block[:1] in b"\n \t" or _PERHAPS_BLANK_LINE.search(block):
        block = _BLANK_LINE.sub(b"", block)
    return block


def _with_bad_lines_marked(lines: bytes) -> bytes:
    """The lines, with ENCODING_MARK and its first bad byte in place of each that is not UTF-8."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        return b"".join(map(_marked_if_bad, lines.splitlines(keepends=True)))
    return lines


def _marked_if_bad(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"{ENCODING_MARK}0x{line[error.start]:02x}\n".encode()
    return line


def position_of_line_end(block: bytes, number: int) -> int:
    """The offset just behind the number-th line end."""
    position = 0
    for _ in range(number):
        position = block.index(b"\n", position) + 1
    return position


@dataclass(frozen=True)
class Fault:
    """Why an input, or one row of it, can't be taken apart. `row` counts from 1, 0 is the header; so does `line`."""

    row: int
    code: str
    message: str
    attribute: str = ""
    line: int | None = None


class MalformedError(Exception):
    """The input can't be taken apart into rows from here on; `faults` say why, at least one."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(" ".join(fault.message for fault in faults))
        self.faults = faults


# --- Parquet --------------------------------------------------------------------------------------------------------


def parquet_slices(path: Path, row_count: int, step: int, rows_before: int = 0) -> Iterator[Slice]:
    """The rows of a Parquet file, so many at a time."""
    relation = f"read_parquet({quote_text(str(path))}, file_row_number = true)"
    for start in range(0, row_count, step):
        window = f"file_row_number >= {start} AND file_row_number < {start + step}"
        yield Slice(f"(SELECT * FROM {relation} WHERE {window})", min(row_count - start, step), rows_before + start)


@dataclass
class TypedColumns:
    """Rows with typed columns, in Parquet files: what a function returns, or a Table's own Parts.

    files: paths in order, each with its row count. columns: (name, DuckDB type) as the files have them. Attributes
    that the files lack are null in every row.
    """

    files: Sequence[tuple[Path, int]]
    columns: Sequence[tuple[str, str]]
    _slice_rows: int = field(default=SLICE_ROWS, init=False, repr=False, compare=False)

    def cells(self, schema: Schema) -> Cells:
        self._slice_rows = slice_rows(max(len(schema.attributes), len(self.columns)))
        types = dict(self.columns)
        raw, typed, unreadable = [], [], {}
        for place, attribute in enumerate(schema.attributes):
            column_type = types.get(attribute.name)
            raw.append(f"{quote_name(attribute.name) if column_type else 'NULL'} AS r{place}")
            taken = from_column(attribute, column_type, f"r{place}") if column_type else "NULL"
            if taken is None and column_type:
                unreadable[attribute.name] = column_type
            typed.append(f"CAST({taken or 'NULL'} AS {attribute.duckdb_type})")
        select = f"SELECT NULL AS record, true AS readable, 0 AS faults, {', '.join(raw)} FROM "
        return Cells(lambda relation: select + relation, typed, unreadable)

    def slices(self) -> Iterator[Slice]:
        rows_before = 0
        for path, row_count in self.files:
            if row_count <= self._slice_rows:
                yield Slice(f"read_parquet({quote_text(str(path))})", row_count, rows_before)
                rows_before += row_count
                continue
            yield from parquet_slices(path, row_count, self._slice_rows, rows_before)
            rows_before += row_count
