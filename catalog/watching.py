"""Sources of rows that tell how far they were read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final

from catalog.formats.opening import Opened
from catalog.schema import Schema
from catalog.sources import Cells, LinedSource, Slice, Source

TEXT_FORMATS: Final = ("csv", "ndjson")  # read from the start to the end, while their rows are checked


class WatchedSource:
    """A source that tells how many rows were read before each slice."""

    def __init__(self, source: Source, notice: Callable[[int], None]) -> None:
        self._source = source
        self._notice = notice

    def cells(self, schema: Schema) -> Cells:
        return self._source.cells(schema)

    def slices(self) -> Iterator[Slice]:
        for piece in self._source.slices():
            self._notice(piece.rows_before)
            yield piece

    def names(self) -> list[str]:
        """The names of the header, where the source has one."""
        names: Callable[[], list[str]] | None = getattr(self._source, "names", None)
        return names() if names else []

    def line_numbers(self, rows: Sequence[int]) -> Mapping[int, int]:
        """The lines of rows, where the source has lines."""
        return self._source.line_numbers(rows) if isinstance(self._source, LinedSource) else {}


def bytes_read(opened: Opened, stream: BinaryIO) -> int | None:
    """How far the stream of an opened file was read; None where that says nothing about its rows."""
    is_told = opened.format.name in TEXT_FORMATS and not opened.found.get("gzip")
    return stream.tell() if is_told else None


def stream_size(stream: BinaryIO) -> int:
    """How many bytes a stream has; it stays where it is."""
    place = stream.tell()
    size = stream.seek(0, 2)
    stream.seek(place)
    return size
