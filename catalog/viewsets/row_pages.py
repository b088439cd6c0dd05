"""Pages and streams of rows over REST, for the rows of a Table and for those of an Object alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import orjson
from django.http import HttpResponse, HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from catalog.browsing import COUNT_LIMIT, Identity, Page, count, look, seek
from catalog.cursors import GONE, OTHER_QUERY, Cursor, cursor_error, read_cursor
from catalog.exporting import enveloped, stream
from catalog.formats import FORMATS, Format, WritingOptions
from catalog.queries import RowQuery, Window
from catalog.rows import Rows
from catalog.sight import masked_header
from catalog.viewsets.documentation import COUNTS, DIGITS
from config.api import JSONRenderer, refusal
from config.api.pages import DEFAULT_LIMIT, LIMIT_MAXIMUM, OFFSET_MAXIMUM, linked, read_number
from config.api.streams import stream_response
from config.problems import nearest
from config.timing import step

TEXT_FORMATS: Final = frozenset({"csv", "ndjson", "json"})
PAGE_PARAMETERS: Final = ("limit", "offset", "after", "count", "version", "format", "decimals", "integers")
STREAM_PARAMETERS: Final = ("version", "format", "decimals", "integers", "spreadsheet")
DOCUMENT_MEMBERS: Final = (
    *("where", "ordering", "fields", "since"),
    *("limit", "offset", "after", "count", "version", "decimals", "integers"),
)
_OFFSET_HINT: Final = "Page on with after=, the cursor in `next`: it holds at any depth."


@cache
def renderers() -> list[type[BaseRenderer]]:
    """A renderer to each format but JSON. They take part in content negotiation only: the views stream themselves."""
    return [_renderer(each) for each in FORMATS.values() if each.name != "json"]


def _renderer(row_format: Format) -> type[BaseRenderer]:
    members = {"media_type": row_format.rows.media_type, "format": row_format.name, "charset": None}
    return type(f"{row_format.name.upper()}Renderer", (BaseRenderer,), members)


class OffersFormats:
    """JSON, and where rows are read every format of rows."""

    action: str

    def get_renderers(self) -> list[BaseRenderer]:
        """What `Accept` may name."""
        more = renderers() if self.action in {"list", "stream"} else []
        classes: list[type[BaseRenderer]] = [JSONRenderer, *more]
        return [each() for each in classes]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """A suffix in the path outweighs `Accept`."""
        return super().perform_content_negotiation(  # type: ignore[misc] # of the view
            request, force or self.action == "stream"
        )


def asked_format(request: Request, known: Sequence[str] = tuple(FORMATS)) -> str:
    """The format of the answer: what `format=` says, else what `Accept` was taken for."""
    name = request.query_params.get("format")
    if name is None:
        return str(getattr(request.accepted_renderer, "format", "json"))
    if name not in known:
        raise refusal("format", "invalid_choice", f"format is {name!r}; {nearest(name, list(known))}")
    return name


@dataclass(frozen=True)
class Asked:
    """What a request wants besides which rows: a page, how it is counted, how values are written."""

    limit: int
    offset: int | None
    cursor: Cursor | None
    count: str | None
    version: int | None
    options: WritingOptions

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Asked":
        """Read it from query parameters, or from the members of a document. Raises a 400 for what is wrong."""
        limit = _number(given, "limit", 1, LIMIT_MAXIMUM)
        offset = _number(given, "offset", 0, OFFSET_MAXIMUM, _OFFSET_HINT)
        after = _text(given, "after")
        if after is not None and offset is not None:
            raise refusal(
                "offset", "invalid", "after and offset exclude each other: a cursor says where a page begins."
            )
        return cls(
            DEFAULT_LIMIT if limit is None else limit,
            offset,
            None if after is None else read_cursor(after),
            _choice(given, "count", COUNTS),
            _number(given, "version", 1, 2**31 - 1),
            read_options(given),
        )

    @property
    def version_number(self) -> int | None:
        """The version to read; None is the newest."""
        if self.cursor is None or self.cursor.version == 0:
            return self.version
        if self.version not in {None, self.cursor.version}:
            raise cursor_error(OTHER_QUERY)
        return self.cursor.version


def read_options(given: Mapping[str, Any]) -> WritingOptions:
    """How values are written."""
    decimals: Literal["number", "string"] = "string" if _choice(given, "decimals", DIGITS) == "string" else "number"
    integers: Literal["number", "string"] = "string" if _choice(given, "integers", DIGITS) == "string" else "number"
    flags = {None: False, "": True, "1": True, "true": True, "0": False, "false": False}
    spreadsheet = _text(given, "spreadsheet")
    if spreadsheet not in flags:
        raise refusal("spreadsheet", "type", f"spreadsheet is {spreadsheet!r}; it must be 1 or 0.")
    return WritingOptions(flags[spreadsheet], decimals, integers)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise refusal(name, "type", f"{name} must be a text.")
    return value


def _number(given: Mapping[str, Any], name: str, least: int, most: int, hint: str = "") -> int | None:
    """A number, from the text of a parameter or from a document, where it is a JSON number."""
    value = given.get(name)
    return None if value is None else read_number(str(value), name, least, most, hint)


def _choice(given: Mapping[str, Any], name: str, choices: Sequence[str]) -> str | None:
    text = _text(given, name)
    if text is not None and text not in choices:
        raise refusal(name, "invalid_choice", f"{name} is {text!r}; {nearest(text, choices)}")
    return text


def check_since(given: Mapping[str, Any], version: int) -> None:
    """Raise a 400 if `since` lies ahead."""
    since = given.get("since")
    if since is not None and int(since) > version:
        raise refusal("since", "out_of_range", f"since is {since}, which lies ahead: the version is {version}.")


def is_unchanged(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names what would be answered (RFC 9110, 13.1.2)."""
    text = request.headers.get("If-None-Match")
    if text is None:
        return False
    return text.strip() == "*" or etag in {word.strip().removeprefix("W/") for word in text.split(",")}


def not_modified(etag: str) -> HttpResponse:
    """304."""
    answer = HttpResponse(status=304)
    answer["ETag"] = etag
    return answer


@dataclass(frozen=True)
class Place:
    """The rows that a request is about, where they are, and how a row's Table is numbered."""

    rows: Rows
    key: str
    tag: str
    versions: Mapping[str, int] | int

    @property
    def etag(self) -> str:
        """What this caller is answered with: the version, and whether values are masked."""
        return f'"{self.tag}-masked"' if self.rows.masked else f'"{self.tag}"'

    @property
    def headers(self) -> dict[str, str]:
        """What every answer with these rows says."""
        return {"ETag": self.etag, **masked_header(self.rows.masked)}

    def version_of(self, identity: Identity) -> int:
        """The version in which a row was seen."""
        return self.versions if isinstance(self.versions, int) else self.versions[identity[0]]


def page_answer(request: Request, place: Place, query: RowQuery, asked: Asked, seen: Rows | None = None) -> Response:
    """A page of rows with its neighbours. seen: where the cursor's row stood, if not in `place.rows`."""
    window = Window(asked.limit, asked.offset or 0)
    if asked.cursor is not None:
        asked.cursor.check(query, place.key)
        with step("query"):
            found = seek(seen or place.rows, query, asked.cursor.identity, asked.cursor.is_backwards)
        if found is None:
            raise cursor_error(GONE)
        window = Window(asked.limit, 0, found)
    with step("query"):
        page = look(place.rows, query, window, asked.options)
        total, truncated = _count(place, query, asked, page)
    following, previous = _neighbours(request, place, query, asked, page)
    answer = linked([orjson.Fragment(line) for line in page.lines], total, truncated, following, previous)
    for name, value in place.headers.items():
        answer[name] = value
    return answer


def _count(place: Place, query: RowQuery, asked: Asked, page: Page) -> tuple[int | None, bool]:
    if asked.count == "none":
        return None, False
    at_most = None if asked.count == "exact" else COUNT_LIMIT
    is_whole = asked.cursor is None and not page.has_more and (page.lines or not asked.offset)
    if is_whole:  # the last page from the front: counted already
        total = (asked.offset or 0) + len(page.lines)
        return (total, False) if at_most is None or total <= at_most else (at_most, True)
    return count(place.rows, query, at_most)


def _neighbours(
    request: Request, place: Place, query: RowQuery, asked: Asked, page: Page
) -> tuple[str | None, str | None]:
    """The addresses of the next page and of the one before."""
    is_backwards = asked.cursor is not None and asked.cursor.is_backwards
    has_next = is_backwards or page.has_more
    has_previous = page.has_more if is_backwards else asked.cursor is not None
    digest = query.digest(place.key)

    def beyond(identity: Identity, backwards: bool) -> str:
        cursor = Cursor(digest, place.version_of(identity), identity, backwards)
        url = remove_query_param(request.build_absolute_uri(), "offset")
        return str(replace_query_param(url, "after", str(cursor)))

    if asked.offset is not None and asked.offset + asked.limit <= OFFSET_MAXIMUM:
        return _by_offset(request, asked.offset, asked.limit, page.has_more)
    if not page.identities:
        return None, None
    return (
        beyond(page.identities[-1], False) if has_next else None,
        beyond(page.identities[0], True) if has_previous or asked.offset else None,
    )


def _by_offset(request: Request, offset: int, limit: int, has_more: bool) -> tuple[str | None, str | None]:
    url = request.build_absolute_uri()
    following = replace_query_param(url, "offset", offset + limit) if has_more else None
    previous = replace_query_param(url, "offset", max(0, offset - limit)) if offset else None
    return following, previous


def stream_answer(
    request: Request, place: Place, query: RowQuery, format_name: str, file_name: str
) -> HttpResponseBase:
    """All wanted rows in a format."""
    row_format = FORMATS[format_name].rows
    options = read_options(request.query_params)
    with step("query"):
        blocks = stream(place.rows, query, row_format, options)
        media_type = row_format.media_type
        if format_name == "ndjson" and _wants_envelope(request):
            blocks, media_type = enveloped(blocks), f"{media_type};profile=envelope"
        name = f"{file_name}{row_format.suffix}"
        answer = stream_response(request._request, blocks, media_type, name, format_name in TEXT_FORMATS)
    for header, value in place.headers.items():
        # Compressed, it is the same rows in other bytes.
        answer[header] = f"W/{value}" if header == "ETag" and answer.has_header("Content-Encoding") else value
    return answer


def _wants_envelope(request: Request) -> bool:
    """Whether the client asks for the trailer."""
    words = [word.strip().lower() for word in request.headers.get("Accept", "").replace(",", ";").split(";")]
    return "profile=envelope" in [word.replace('"', "").replace(" ", "") for word in words]
