"""Rows as they come in a request: a JSON list in memory, or a stream of a format."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from catalog.formats.delimited import CSVText
from catalog.sources import JSONLines, Source
from config.api import refusal
from config.api.streams import UploadReader


class StreamParser(BaseParser):
    """A body that is not parsed here: `uploaded` streams it to disk."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return {}


class NDJSONParser(StreamParser):
    """One JSON object to a line."""

    media_type = "application/x-ndjson"


class CSVParser(StreamParser):
    """Comma-separated values with a header."""

    media_type = "text/csv"


SPOOL_BYTES: Final = 1024 * 1024
STREAMS: Final[Mapping[str, Callable[[BinaryIO, Path], Source]]] = {
    "application/x-ndjson": JSONLines,
    "text/csv": CSVText,
}


def is_stream(request: Request) -> bool:
    """Whether the body is a file of rows rather than a JSON document."""
    return _media_type(request) in STREAMS


def _media_type(request: Request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()


@contextmanager
def uploaded(request: Request) -> Iterator[Source | None]:
    """The rows of a streamed body as a source; None if the body is a JSON document. Its files go when this ends."""
    kind = STREAMS.get(_media_type(request))
    if kind is None:
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="exemplar-upload-") as directory,
        (Path(directory) / "body").open("w+b") as body,
    ):
        # Spooled first: a write that another one overtook reads it again.
        shutil.copyfileobj(UploadReader(request._request), body, SPOOL_BYTES)
        body.seek(0)
        yield kind(body, Path(directory))


def listed_rows(request: Request) -> list[Any]:
    """The rows of a JSON body: a list, or a list under `rows`."""
    data = request.data
    if isinstance(data, dict) and set(data) == {"rows"}:
        data = data["rows"]
    if not isinstance(data, list):
        raise refusal("rows", "not_a_list", 'The body is a list of rows such as [{"order_id": 10}].')
    return data
