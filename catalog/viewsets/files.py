"""A file of rows in a request, of any format: as the body by its Content-Type, or as multipart `file`."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request

from catalog.formats import FORMATS
from catalog.formats.opening import MEDIA_TYPES, OPTION_NAMES, Opened, open_rows, read_options
from config import temporary
from config.api import JSONParser, ProblemDetails, Refusal, refusal
from config.api.streams import body_size, seekable_body
from config.timing import step

JSON: Final = "application/json"
ANY_BYTES: Final = ("application/gzip", "application/octet-stream")


class StreamParser(BaseParser):
    """A body that is not parsed here: `opened_file` reads it from disk."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return {}


def _parser(name: str) -> type[BaseParser]:
    return type("FileParser", (StreamParser,), {"media_type": name})


FILE_PARSERS: Final[list[type[BaseParser]]] = [
    JSONParser,
    MultiPartParser,
    *(_parser(name) for name in (*MEDIA_TYPES, *ANY_BYTES) if name != JSON),
    StreamParser,  # whatever else; where the address doesn't say the format, `opened_file` refuses it
]
"""Parsers of a view that takes rows in JSON, or a file of any format."""

_MEANINGS: Final = {
    "format": "What the file holds; found out by default.",
    "encoding": "The encoding of a CSV, such as cp1252; found out by default.",
    "delimiter": "What stands between the cells of a CSV, such as `;` or `tab`; found out by default.",
    "quote": 'What quotes a cell of a CSV, such as `"`; found out by default.',
    "escape": "What stands before a quote within a quoted cell of a CSV; the quote itself by default.",
    "sheet": "The name of a workbook's sheet; the first by default.",
    "header": "The names of the columns, in place of those in the file, one for each: `id,name`, or a JSON list.",
}
OPTIONS: Final = [
    OpenApiParameter(name, str, enum=list(FORMATS) if name == "format" else None, description=_MEANINGS.get(name, ""))
    for name in OPTION_NAMES
]


def file_body() -> dict[str, object]:
    """What OpenAPI says of a body that is a file."""
    binary = {"type": "string", "format": "binary"}
    names = [name for name in (*MEDIA_TYPES, *ANY_BYTES) if name != JSON]
    parts = {"type": "object", "properties": {"file": binary}, "required": ["file"]}
    return dict.fromkeys(names, binary) | {"multipart/form-data": parts}


def is_json(request: Request) -> bool:
    """Whether the body is a JSON document that is small enough to be read as a whole."""
    if media_type(request) not in {"", JSON} or not _is_plain(request):
        return False
    return body_size(request._request) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def media_type(request: Request) -> str:
    """The Content-Type of a request, without parameters, in lower case."""
    return (request.content_type or "").partition(";")[0].strip().lower()


def _is_plain(request: Request) -> bool:
    """Whether the body is sent as it is. What is gzip is found out by its first bytes, and other codings are none."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in {"identity", "gzip", "x-gzip"}:
        message = f"The Content-Encoding is {coding}; a body comes as it is, or as gzip."
        raise Refusal(ProblemDetails(415, "unsupported_media_type", "Unsupported Media Type", message))
    return coding == "identity"


@dataclass(frozen=True)
class ReceivedFile:
    """A file as it came: its bytes, and what is said of it. options: texts by name, as the address has them."""

    stream: BinaryIO
    name: str
    media_type: str
    options: Mapping[str, str]


@contextmanager
def opened_file(request: Request, suffix: str = "") -> Iterator[Opened]:
    """The file of a request, opened by its Content-Type or name and the options in the address.

    suffix: a format that the address itself ends with; then any Content-Type will do. Its staged bytes go when this
    ends. Raises Refusal, MalformedError, ReadingOptionError.
    """
    with temporary.directory("file") as directory, received_file(request, directory, suffix) as file:
        with step("parse"):
            opened = open_rows(
                file.stream,
                directory,
                name=file.name,
                media_type=file.media_type,
                options=read_options(file.options),
                limit_bytes=settings.UPLOAD_MAX_BYTES,
            )
        yield opened


@contextmanager
def received_file(request: Request, directory: Path, suffix: str = "") -> Iterator[ReceivedFile]:
    """The file of a request, not looked into. Raises Refusal, ReadingOptionError.

    directory: for bytes that have to be staged. suffix: see `opened_file`.
    """
    options = _options(request, suffix)
    bare = media_type(request)
    is_multipart = bare == "multipart/form-data"
    _is_plain(request)
    if not suffix and bare not in {*MEDIA_TYPES, *ANY_BYTES, "multipart/form-data"}:
        raise UnsupportedMediaType(request.content_type or "")
    with ExitStack() as stack:
        if is_multipart:
            stream, file_name = _multipart_file(request)
        else:
            stream, file_name = stack.enter_context(seekable_body(request._request, directory)), ""
        said = "" if suffix or is_multipart or bare in ANY_BYTES else bare
        yield ReceivedFile(stream, file_name, said, options)


def _options(request: Request, suffix: str) -> Mapping[str, str]:
    values = request.query_params.dict()
    if suffix and values.get("format", suffix) != suffix:
        raise refusal("format", "ambiguous", f"format is {values['format']!r}, but the address ends in .{suffix}.")
    values |= {"format": suffix} if suffix else {}
    given = {name: values[name] for name in OPTION_NAMES if name in values}
    read_options(given)
    return given


def _multipart_file(request: Request) -> tuple[BinaryIO, str]:
    try:
        file = request.FILES.get("file")
    except OSError:
        # Django closes what was received whole; what the disk had no room for is closed here, and so deleted.
        for half in (getattr(handler, "file", None) for handler in request._request.upload_handlers):
            if half is not None:
                half.close()
        raise
    if file is None or set(request.data) - {"file"}:
        raise refusal("file", "required", "A multipart body has one part, the file, which is called 'file'.")
    stream: Any = file.file
    return stream, file.name or ""
