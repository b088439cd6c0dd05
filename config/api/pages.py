"""Pages of a list: `limit` and `offset`, strict."""

from typing import Any, Final

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from config.api.errors import refusal

DEFAULT_LIMIT: Final = 100
LIMIT_MAXIMUM: Final = 1_000
OFFSET_MAXIMUM: Final = 50_000


def read_number(text: str, name: str, least: int, most: int, hint: str = "") -> int:
    """A whole number from a query parameter. Raises a 400 with the parameter's name."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise refusal(
            name, "out_of_range", f"{name} is {text!r}; it must be a whole number from {least} to {most}.", hint
        )
    return int(text)


def read_limit(request: Request, default: int = DEFAULT_LIMIT) -> int:
    """`limit` of a request: more than the maximum is refused, never clamped."""
    text = request.query_params.get("limit")
    return default if text is None else read_number(text, "limit", 1, LIMIT_MAXIMUM)


def read_offset(request: Request) -> int:
    """`offset` of a request."""
    text = request.query_params.get("offset")
    hint = "Narrow the list with a filter to see what lies further down."
    return 0 if text is None else read_number(text, "offset", 0, OFFSET_MAXIMUM, hint)


def envelope(
    request: Request, results: list[Any], count: int | None, truncated: bool, limit: int, offset: int, more: bool
) -> Response:
    """The answer of every list, with its neighbours in the body and in `Link`."""
    following = _page_url(request, limit, offset + limit) if more else None
    previous = _page_url(request, limit, max(0, offset - limit)) if offset else None
    return linked(results, count, truncated, following, previous)


def linked(
    results: list[Any], count: int | None, truncated: bool, following: str | None, previous: str | None
) -> Response:
    """The answer of a list whose neighbours have these addresses."""
    body = {"count": count, "count_truncated": truncated, "next": following, "previous": previous, "results": results}
    links = {"next": following, "prev": previous}
    header = ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url)
    return Response(body, headers={"Link": header} if header else None)


def _page_url(request: Request, limit: int, offset: int) -> str | None:
    if offset > OFFSET_MAXIMUM:
        return None
    url = request.build_absolute_uri()
    if "limit" in request.query_params:
        url = replace_query_param(url, "limit", limit)
    return replace_query_param(url, "offset", offset) if offset else remove_query_param(url, "offset")


class Pagination(BasePagination):
    """Answers `{count, count_truncated, next, previous, results}`."""

    default_limit: int | None = DEFAULT_LIMIT
    parameters = ("limit", "offset")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.offset = read_offset(request)
        self.count = queryset.count()
        self.limit = read_limit(request, self.default_limit or max(self.count, 1))
        return list(queryset[self.offset : self.offset + self.limit])

    def get_paginated_response(self, data: Any) -> Response:
        more = self.offset + self.limit < self.count
        return envelope(self.request, data, self.count, False, self.limit, self.offset, more)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return envelope_schema(schema)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        default = {"default": self.default_limit} if self.default_limit else {}
        limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAXIMUM, **default}
        offset = {"type": "integer", "minimum": 0, "maximum": OFFSET_MAXIMUM, "default": 0}
        return [
            {"name": "limit", "in": "query", "description": "How many to answer.", "schema": limit},
            {"name": "offset", "in": "query", "description": "How many to pass over.", "schema": offset},
        ]


class CompletePagination(Pagination):
    """The whole list in the same envelope, unless a `limit` is asked for."""

    default_limit = None


def envelope_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI of the envelope around a list."""
    link = {"type": ["string", "null"], "format": "uri", "example": None}
    return {
        "type": "object",
        "required": ["count", "count_truncated", "next", "previous", "results"],
        "properties": {
            "count": {"type": ["integer", "null"], "example": 2},
            "count_truncated": {"type": "boolean", "example": False},
            "next": link,
            "previous": link,
            "results": schema,
        },
    }
