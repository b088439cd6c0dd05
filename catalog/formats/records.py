"""The bytes of a CSV, ready to be cut into records: one kind of line end, no blank lines, no open quote at the end.

The grammar is RFC 4180, with two liberties that change no meaning: records may end in CR, LF or CRLF, in one file as
they come, and a quote inside an unquoted cell stands for itself.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 1024 * 1024
CELL_BYTES = 64 * 1024 * 1024
SEGMENT_BYTES = 32 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CLOSING = b'"broken\n'  # makes an unreadable record of a quote that is never closed, whatever came before

# A cell is quoted if its first byte is a quote; a quote inside stands twice. Each pattern is tried behind one byte of
# what came before, so that it can see where a cell begins.
_QUOTED = rb'(?<![^,\r\n])"[^"]*+(?:""[^"]*+)*+"'
_COMPLETE = re.compile(rb'[^"]*+(?:' + _QUOTED + rb'[^"]*+|(?<=[^,\r\n])"[^"]*+)*+')
_LINE_ENDS = re.compile(_QUOTED + rb"|\r\n?")
_BLANK_LINES = re.compile(_QUOTED + rb"|(?<=\n)\n+")


class Records:
    """A stream of CSV bytes as records that end in LF; read `segments` to the end, then ask for lines.

    keep_blank_lines: in a file of one column a blank line is a row, whose cell is missing. A quote that isn't closed
    within CELL_BYTES swallows the rest; the last record then is one that can't be read, and `open_quote_line` says
    where it opens, from 1.
    """

    def __init__(self, stream: BinaryIO, keep_blank_lines: bool = False) -> None:
        self.stream = stream
        self.keep_blank_lines = keep_blank_lines
        self.open_quote_line: int | None = None
        self.has_open_ends = False  # whether a record ends in a comma
        self._lines = 0
        self._blank_lines: list[int] = []  # for each, how many lines stand before it
        self._before = b"\n"
        self._before_block = b"\n"

    def segments(self, directory: Path) -> Iterator[Path]:
        """The records in files of about SEGMENT_BYTES, at least one; the next is written when it is asked for."""
        number, size = 0, 0
        file = (directory / "records-0.csv").open("wb")
        for block in self._blocks():
            size += len(block)
            end = self._last_record_end(block) if size >= SEGMENT_BYTES else 0
            if end:
                file.write(block[:end])
                file.close()
                yield directory / f"records-{number}.csv"
                number, size, block = number + 1, len(block) - end, block[end:]
                file = (directory / f"records-{number}.csv").open("wb")
            file.write(block)
        file.close()
        yield directory / f"records-{number}.csv"

    def _blocks(self) -> Iterator[bytes]:
        """The records in blocks of about BLOCK_BYTES, which end behind a cell."""
        carried, is_first = b"", True
        while True:
            block = self._read(max(BLOCK_BYTES, len(carried)))
            if is_first:
                block, is_first = block.removeprefix(BYTE_ORDER_MARK), False
            chunk = self._before + carried + block
            complete = _COMPLETE.match(chunk, 1)
            end = complete.end() if complete else 1
            carried = chunk[end:]
            if end > 1:
                yield self._normalised(chunk[:end])
            if not block or len(carried) > CELL_BYTES:
                break
        if carried:
            self.open_quote_line = self.line(self._lines + 1)
            yield carried + CLOSING

    def _last_record_end(self, block: bytes) -> int:
        """The offset behind the last line end of a block that is outside quotes; 0 if there is none."""
        chunk = self._before_block + block
        end = chunk.rfind(b"\n", 1)
        while end > 0:
            complete = _COMPLETE.match(chunk, 1, end)
            reached = complete.end() if complete else 1
            if reached == end:
                return end
            end = chunk.rfind(b"\n", 1, reached)
        return 0

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
        self._before_block = chunk[:1]
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
