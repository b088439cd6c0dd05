"""Rows as they come in a request: a JSON list in memory, or a file of any format."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request

from catalog.formats.opening import Opened
from catalog.viewsets.files import JSON, is_json, media_type, opened_file
from config.api import refusal
from config.exact_json import JSONError, load_json

LINES: Final = "application/x-ndjson"


@contextmanager
def uploaded_file(request: Request, suffix: str = "") -> Iterator[Opened | None]:
    """The file of rows in a request; None if the body is a JSON document. Its staged bytes go when this ends.

    suffix: the format that the address ends with, if it does.
    """
    if not suffix and is_json(request):
        yield None
        return
    with opened_file(request, suffix) as opened:
        yield opened


def json_body(request: Request) -> Any:
    """The JSON document of a request that takes nothing else."""
    if media_type(request) not in {"", JSON}:
        raise UnsupportedMediaType(request.content_type or "")
    return request.data


def is_lines(request: Request) -> bool:
    """Whether the body is NDJSON."""
    return media_type(request) == LINES


def listed_lines(request: Request) -> list[Any]:
    """The JSON values of an NDJSON body that is read as a whole, so of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = request._request.read(limit + 1)
    if len(body) > limit:
        raise RequestDataTooBig(f"Changes by _id have at most {limit} bytes; send them in several requests.")
    found = []
    for number, line in enumerate(body.split(b"\n"), 1):
        try:
            found += [load_json(line)] if line.strip() else []
        except JSONError as error:
            raise ParseError(f"Line {number}: {error}", code="malformed") from error
    return found


def listed_rows(request: Request) -> list[Any]:
    """The rows of a JSON body: a list, or a list under `rows`."""
    data = request.data
    if isinstance(data, dict) and set(data) == {"rows"}:
        data = data["rows"]
    if not isinstance(data, list):
        raise refusal("rows", "not_a_list", 'The body is a list of rows such as [{"order_id": 10}].')
    return data
