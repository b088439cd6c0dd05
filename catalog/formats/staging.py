"""Records that may be broken, looked at one by one, so that DuckDB gets none that it would misread. Pure: no Django."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from catalog.formats.encodings import BAD_BYTE
from catalog.formats.grammar import Grammar
from catalog.formats.records import split_records
from catalog.sources import SLICE_ROWS

SHOWN_BYTES = 64 * 1024
ALL_SHOWN_BYTES = 16 * 1024 * 1024


def as_read(row_limit: int) -> str:
    """SQL of how rows are staged; so many are held at a time.

    Where one thread reads, they keep their order anyway; to be made to keep it costs memory without end.
    """
    return f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {row_limit}, PRESERVE_ORDER false)"


@dataclass(frozen=True)
class Layout:
    """What rows must be like.

    null: a text that stands in no file, for a cell that is missing. missing: the texts that mean so, unquoted.
    row_limit: how many of them a slice has at most.
    """

    grammar: Grammar
    encoding: str
    width: int
    missing: frozenset[bytes]
    null: bytes
    row_limit: int = SLICE_ROWS

    @property
    def keeps_blank_lines(self) -> bool:
        """Whether a blank line is a row: in a file of one column it is."""
        return self.width == 1

    @cached_property
    def no_fault(self) -> bytes:
        """What follows the cells of a sound record."""
        return self.grammar.delimiter + self.null + b"\n"

    @cached_property
    def null_cells(self) -> bytes:
        """What stands in the place of the cells of a broken record."""
        return (self.null + self.grammar.delimiter) * self.width

    def proven_rows(self, text: bytes) -> int | None:
        """How many rows a text holds, if it can be seen at a glance that all are sound, and DuckDB reads them as meant.

        What is left of it without its values must be the same delimiters over and over; so no line is blank either.
        """
        if not _is_utf_8(text):
            return None
        if self.keeps_blank_lines and b"" not in self.missing and (text[:1] == b"\n" or b"\n\n" in text):
            return None
        skeleton = self.grammar.skeleton(text)
        if skeleton is None:
            return None
        row_count = len(skeleton) // self.width
        return row_count if skeleton == (self.grammar.delimiter * (self.width - 1) + b"\n") * row_count else None


def _is_utf_8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class Mended:
    """Lines that DuckDB reads as meant: each record with a cell more, null or, where it was broken, its fault."""

    lines: list[bytes] = field(default_factory=list)
    shown_bytes: int = 0

    def add(self, record: bytes, layout: Layout) -> None:
        """Add a sound record."""
        self.lines.append(record + layout.no_fault)

    def add_fault(self, layout: Layout, code: str, message: str, record: bytes) -> None:
        """Put a fault in the place of a record."""
        text = record[:SHOWN_BYTES] if self.shown_bytes < ALL_SHOWN_BYTES else b""
        self.shown_bytes += len(text)
        fault = b"\x1f".join([code.encode(), message.encode(), text]).hex().encode()
        self.lines.append(layout.null_cells + fault + b"\n")


# SQL of the code of a fault in the column `record`: its bytes in hexadecimal up to the separator.
FAULT_CODE = "decode(unhex(regexp_extract(record, '^((?:[0-9a-f]{2})*?)1f', 1)))"


def describe_fault(fault: str) -> tuple[str, str, str | None]:
    """Code, message and text of a record that can't be cut into cells."""
    code, message, text = bytes.fromhex(fault).decode(errors="replace").split("\x1f", maxsplit=2)
    return code, message, text or None


def mend(text: bytes, layout: Layout, mended: Mended) -> None:
    """Look at each record of a canonical text, and add it, or its fault."""
    has_quotes, is_utf_8 = layout.grammar.has_quotes(text), _is_utf_8(text)
    for record in split_records(layout.grammar, text):
        if not is_utf_8 and (fault := _byte_fault(record, layout)):
            mended.add_fault(layout, *fault, record)
        elif has_quotes and layout.grammar.quote in record:
            _add_quoted(record, layout, mended)
        elif (cell_count := record.count(layout.grammar.delimiter) + 1) != layout.width:
            mended.add_fault(layout, *_width_fault(cell_count, layout), record)
        elif not record and b"" not in layout.missing:
            mended.add(layout.grammar.quote * 2, layout)
        else:
            mended.add(record, layout)


def _byte_fault(record: bytes, layout: Layout) -> tuple[str, str] | None:
    try:
        record.decode()
    except UnicodeDecodeError as error:
        return "encoding", bad_byte_message("row", record[error.start :], layout.encoding)
    return None


def bad_byte_message(what: str, text: bytes, encoding: str) -> str:
    """What is wrong with a text that begins with a byte that can't be decoded."""
    byte = text[1:3].decode("ascii", "replace") if encoding != "utf-8" and text.startswith(BAD_BYTE) else text[:1].hex()
    name = "UTF-8" if encoding == "utf-8" else encoding
    return f"The {what} is not valid {name} (byte 0x{byte})"


def _width_fault(cell_count: int, layout: Layout) -> tuple[str, str]:
    fewer_or_more = "fewer" if cell_count < layout.width else "more"
    return "malformed", f"The row has {fewer_or_more} cells than the header: {cell_count}"


def _add_quoted(record: bytes, layout: Layout, mended: Mended) -> None:
    cells, _, is_sound = layout.grammar.cells(record)
    if not is_sound:
        message = "Text follows a closing quote; a quote inside a quoted cell is written twice"
        mended.add_fault(layout, "malformed", message, record)
    elif len(cells) != layout.width:
        mended.add_fault(layout, *_width_fault(len(cells), layout), record)
    else:
        mended.add(layout.grammar.delimiter.join(_requoted(cells, layout)), layout)


def _requoted(cells: Sequence[tuple[bytes, bool]], layout: Layout) -> Iterator[bytes]:
    """The cells as the standard writes them: one with a quote in it is quoted."""
    for cell, is_quoted in cells:
        if is_quoted or (layout.grammar.quote in cell and cell not in layout.missing):
            yield layout.grammar.quoted(cell)
        else:
            yield layout.null if layout.grammar.quote in cell else cell
