"""The bytes of a CSV, ready to be cut into records: one kind of line end, no blank lines, no open quote at the end.

The grammar is RFC 4180, with two liberties that change no meaning: records may end in CR, LF or CRLF, in one file as
they come, and a quote inside an unquoted cell stands for itself.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import BinaryIO

BLOCK_BYTES = 1024 * 1024
CELL_BYTES = 64 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CLOSING = b'"broken\n'  # makes an unreadable record of a quote that is never closed, whatever came before

# A cell is quoted if its first byte is a quote; a quote inside stands twice. Each pattern is tried behind one byte of
# what came before, so that it can see where a cell begins.
_QUOTED = rb'(?<![^,\r\n])"[^"]*+(?:""[^"]*+)*+"'
_COMPLETE = re.compile(rb'[^"]*+(?:' + _QUOTED + rb'[^"]*+|(?<=[^,\r\n])"[^"]*+)*+')
_LINE_ENDS = re.compile(_QUOTED + rb"|\r\n?")
_BLANK_LINES = re.compile(_QUOTED + rb"|(?<=\n)\n+")


class OpenQuoteError(Exception):
    """A quoted cell is longer than CELL_BYTES: its closing quote is missing. `line` is where it begins, from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"The quote that opens on line {line} is not closed within {CELL_BYTES // 1024**2} MB.")
        self.line = line


class Records:
    """A stream of CSV bytes as records that end in LF; read `blocks` to the end, then ask for the rest.

    keep_blank_lines: in a file of one column a blank line is a row, whose cell is missing.
    """

    def __init__(self, stream: BinaryIO, keep_blank_lines: bool = False) -> None:
        self.stream = stream
        self.keep_blank_lines = keep_blank_lines
        self.size_bytes = 0
        self.open_quote_line: int | None = None
        self.has_open_ends = False  # whether a record ends in a comma
        self._lines = 0
        self._blank_lines: list[int] = []  # for each, how many lines stand before it
        self._before = b"\n"

    def blocks(self) -> Iterator[bytes]:
        """The records in blocks of about BLOCK_BYTES. A quote that is never closed ends in a record that can't be read.

        Raises OpenQuoteError.
        """
        carried = b""
        while True:
            block = self._read(max(BLOCK_BYTES, len(carried)))
            if not self.size_bytes and not carried:
                block = block.removeprefix(BYTE_ORDER_MARK)
            chunk = self._before + carried + block
            complete = _COMPLETE.match(chunk, 1)
            end = complete.end() if complete else 1
            carried = chunk[end:]
            if end > 1:
                yield self._normalised(chunk[:end])
            if not block:
                break
            if len(carried) > CELL_BYTES:
                raise OpenQuoteError(self.line(self._lines + 1))
        if carried:
            self.open_quote_line = self.line(self._lines + 1)
            self.size_bytes += len(carried)
            yield carried + CLOSING

    def line(self, number: int) -> int:
        """The line of the input, from 1, that became line `number` of the output."""
        return number + bisect_right(self._blank_lines, number - 1)

    def _read(self, size: int) -> bytes:
        """A block that doesn't end inside a doubled quote or a CRLF."""
        block = self.stream.read(size)
        while block.endswith((b'"', b"\r")):
            more = self.stream.read(1)
            if not more:
                break
            block += more
        return block

    def _normalised(self, chunk: bytes) -> bytes:
        """A chunk of complete cells behind the byte before it; that byte is taken off."""
        last, has_quotes = chunk[-1:], b'"' in chunk
        if b"\r" in chunk:
            if has_quotes:
                chunk = _LINE_ENDS.sub(lambda found: b"\n" if found[0].startswith(b"\r") else found[0], chunk)
            else:
                chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n\n" in chunk and not self.keep_blank_lines:
            chunk = self._without_blank_lines(chunk)
        self.has_open_ends = self.has_open_ends or b",\n" in chunk or chunk.endswith(b",")
        self._before = _boundary(last)
        chunk = chunk[1:]
        self._lines += chunk.count(b"\n")
        self.size_bytes += len(chunk)
        return chunk

    def _without_blank_lines(self, chunk: bytes) -> bytes:
        pieces: list[bytes] = []
        position, lines = 1, self._lines
        for found in _BLANK_LINES.finditer(chunk):
            if found[0].startswith(b'"'):
                continue
            pieces.append(chunk[position : found.start()])
            lines += pieces[-1].count(b"\n")
            self._blank_lines += [lines] * len(found[0])
            position = found.end()
        return chunk[:1] + b"".join([*pieces, chunk[position:]])


def _boundary(last: bytes) -> bytes:
    """A byte that says as much as the last one of a chunk about what follows: a line begins, a cell, or neither."""
    return {b"\r": b"\n", b"\n": b"\n", b",": b","}.get(last, b"x")
