"""The records of a CSV, cut from its bytes: whole, in canonical form, some at a time. Pure: no Django."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from catalog.formats.encodings import Utf8Stream
from catalog.formats.grammar import Dialect, Grammar

BLOCK_BYTES = 1024 * 1024
RECORD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Piece:
    """Whole records in the canonical grammar, each ended by LF; blank lines among them, where they are no rows.

    open_quote_line: in the last piece of a text that ends inside quotes, or has a record beyond all bounds, the line
    where that begins; `text` then is what there is of it. is_endless: which of the two.
    """

    text: bytes
    open_quote_line: int | None = None
    is_endless: bool = False


@dataclass(frozen=True)
class Header:
    """The first record: its cells, whether it is well formed, and how many lines stand before the first row."""

    cells: Sequence[bytes]
    is_sound: bool
    line_count: int


class Records:
    """A seekable stream of CSV as records; its header, and pieces of the rows, as often as they are asked for."""

    def __init__(self, stream: BinaryIO, dialect: Dialect) -> None:
        self.stream = stream
        self.dialect = dialect
        self.grammar: Grammar = dialect.grammar.canonical

    def header(self) -> Header:
        """The header; without any record, no cells."""
        lines = 0
        for piece in self._all_pieces():
            text = piece.text.lstrip(b"\n")
            lines += len(piece.text) - len(text)
            if text:
                cells, end, is_sound = self.grammar.cells(text)
                line_count = lines + text[:end].count(b"\n") + 1
                return Header([cell for cell, _ in cells], is_sound and piece.open_quote_line is None, line_count)
        return Header([], True, lines)

    def pieces(self) -> Iterator[Piece]:
        """The records behind the header."""
        is_header = True
        for piece in self._all_pieces():
            text = piece.text
            if is_header:
                text = text.lstrip(b"\n")
                if not text:
                    continue
                text, is_header = text[self.grammar.cells(text)[1] + 1 :], False
            if text:
                yield Piece(text, piece.open_quote_line, piece.is_endless)

    def line_numbers(self, rows: Sequence[int], has_blank_rows: bool) -> Mapping[int, int]:
        """The lines on which these rows begin, both from 1; a pass over the stream."""
        found: dict[int, int] = {}
        wanted = sorted(set(rows))
        row, line = 0, self.header().line_count
        for piece in self.pieces():
            if len(found) == len(wanted):
                break
            row_count = self.row_count(piece, has_blank_rows)
            if row < wanted[len(found)] <= row + row_count:
                found |= self._line_numbers(piece.text, row, line, has_blank_rows, frozenset(wanted))
            row += row_count
            line += piece.text.count(b"\n")
        return found

    def row_count(self, piece: Piece, has_blank_rows: bool) -> int:
        """How many rows a piece has."""
        if piece.open_quote_line is not None:
            return 1
        text = piece.text if has_blank_rows else without_blank_lines(self.grammar, piece.text)
        return self.grammar.row_count(text)

    def _line_numbers(
        self, text: bytes, row: int, line: int, has_blank_rows: bool, wanted: frozenset[int]
    ) -> Mapping[int, int]:
        found = {}
        text = text if text.endswith(b"\n") else text + b"\n"
        for record in split_records(self.grammar, text):
            if record or has_blank_rows:
                row += 1
                if row in wanted:
                    found[row] = line + 1
            line += 1 + record.count(b"\n")
        return found

    def _all_pieces(self) -> Iterator[Piece]:
        """The records from the header on."""
        for text, is_whole in self._cut():
            if is_whole:
                yield Piece(self.dialect.grammar.canonical_text(text))
            else:
                yield self._open_piece(text)

    def _cut(self) -> Iterator[tuple[bytes, bool]]:
        """Whole records, about BLOCK_BYTES at a time, and at last what has no end, if there is such."""
        grammar = self.dialect.grammar
        stream = Utf8Stream(self.stream, self.dialect.encoding)
        rest = b""
        while len(rest) <= RECORD_BYTES:
            block = _block(stream, max(BLOCK_BYTES, len(rest)))
            text = rest + block
            if not block and text:
                text = self._ended(text)
            end = grammar.records_end(text)
            rest = text[end:]
            if end:
                yield text[:end], True
            if not block:
                break
        if rest:
            yield rest, False

    def _open_piece(self, text: bytes) -> Piece:
        grammar = self.dialect.grammar
        lines = sum(grammar.canonical_text(before).count(b"\n") for before, is_whole in self._cut() if is_whole)
        if not self._is_open(text):
            return Piece(text, lines + 1, is_endless=True)
        cells, _, _ = grammar.cells(text)
        return Piece(text, lines + text[: len(text) - len(cells[-1][0])].count(b"\n") + 1)

    def _ended(self, text: bytes) -> bytes:
        """The last record of a stream with a line end, if it is whole."""
        if not self._is_open(text):
            return text + _end_behind(text)
        # A backslash with nothing behind it stands for itself.
        if self.dialect.grammar.has_backslash and text.endswith(b"\\") and not self._is_open(text + b"\\"):
            return text + b"\\\n"
        return text

    def _is_open(self, text: bytes) -> bool:
        """Whether a text ends inside quotes."""
        grammar = self.dialect.grammar
        return grammar.records_end(text + _end_behind(text)) != len(text) + 1


def _end_behind(text: bytes) -> bytes:
    """A line end that does not join what stands before it: a CR that a backslash escapes is not to become a CRLF."""
    return b"\r" if text.endswith(b"\r") else b"\n"


def _block(stream: Utf8Stream, size: int) -> bytes:
    """A block that doesn't end inside a CRLF."""
    block = stream.read(size)
    while block.endswith(b"\r") and (more := stream.read(1)):
        block += more
    return block


def without_blank_lines(grammar: Grammar, text: bytes) -> bytes:
    """Canonical records without blank lines."""
    if not text.startswith(b"\n") and b"\n\n" not in text:
        return text
    if not grammar.has_quotes(text):
        return b"".join(line for line in text.splitlines(keepends=True) if line != b"\n")
    return b"".join(record + b"\n" for record in split_records(grammar, text) if record)


def split_records(grammar: Grammar, text: bytes) -> Iterator[bytes]:
    """The records of a canonical text, one by one, without their ends."""
    if not grammar.has_quotes(text):
        yield from text[:-1].split(b"\n")
        return
    position = 0
    while found := grammar.record.match(text, position):
        position = found.end()
        yield found[1]
    if position < len(text):  # a quote that is never closed
        yield text[position:].removesuffix(b"\n")
