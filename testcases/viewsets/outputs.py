"""What came out of a function over REST: its rows in every format, and how they differ from what was expected."""

from typing import Any, Final

import orjson
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from catalog.comparison.diff import ROW_CLASSES
from catalog.comparison.options import LIMIT_MAX
from catalog.queries import read_query
from catalog.sight import check_query, masked_header
from catalog.viewsets.row_pages import (
    PAGE_PARAMETERS,
    STREAM_PARAMETERS,
    Asked,
    OffersFormats,
    Place,
    asked_format,
    page_answer,
    stream_answer,
)
from config.api import JSONRenderer, refusal
from config.api.pages import linked, read_limit, read_offset
from config.api.streams import stream_response
from config.api.viewsets import StrictMixin
from config.exact_json import dump_json
from config.problems import nearest
from testcases.models import Result, ResultOutput
from testcases.outputs import OutputRows, schema_of, whole_diff
from testcases.sight import hidden_by_port, masked_diff, masked_row
from testcases.wording import diff_view

LISTED_CLASSES: Final = tuple(each for each in ROW_CLASSES if each != "matched")
ADDRESS: Final = [
    OpenApiParameter("pk", str, OpenApiParameter.PATH),
    OpenApiParameter("name", str, OpenApiParameter.PATH),
]


class HTMLRenderer(BaseRenderer):
    """Takes part in content negotiation only."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> Any:
        """A document is not for it."""
        return dump_json(data)


class NDJSONRenderer(BaseRenderer):
    """Takes part in content negotiation only: the view streams the lines itself."""

    media_type = "application/x-ndjson"
    format = "ndjson"
    charset = None


class ResultOutputViewSet(OffersFormats, StrictMixin, viewsets.GenericViewSet[Result]):
    """One output of a result."""

    queryset = Result.objects.with_parts()
    parameters = {"list": None, "stream": None, "diff": ["class", "limit", "offset", "format"]}

    def get_renderers(self) -> list[BaseRenderer]:
        """What `Accept` may name."""
        if self.action == "diff":
            return [JSONRenderer(), NDJSONRenderer(), HTMLRenderer()]
        return super().get_renderers()

    def output(self) -> tuple[Result, ResultOutput, frozenset[str]]:
        """The Result and the output of the address, and what the caller may not see of it."""
        result = get_object_or_404(Result.objects.with_parts(), pk=self.kwargs["pk"])
        name = self.kwargs["name"]
        outputs = {each.port_name: each for each in result.outputs.all()}
        if name not in outputs:
            raise NotFound(f"The result has no output {name!r}; {nearest(name, list(outputs))}")
        hidden = hidden_by_port(self.request._request, result)
        return result, outputs[name], hidden.get(name, hidden[""])

    def _place(self) -> tuple[Place, str]:
        result, output, hidden = self.output()
        rows = OutputRows(output, schema_of(result, output.port_name), hidden)
        return Place(rows, output.pk, output.pk, 0), f"{result.test_case.name} {output.port_name}"

    @extend_schema(operation_id="result_output_rows", parameters=ADDRESS, responses={200: OpenApiTypes.OBJECT})
    def list(self, request: Request, pk: str, name: str) -> HttpResponseBase:
        """The actual rows: a page as JSON, filtered and sorted as those of a table, or all in a format of `Accept`."""
        suffix = asked_format(request)
        if suffix != "json":
            return self.stream(request, pk, name, suffix)
        place, _ = self._place()
        asked = Asked.of(request.query_params)
        return page_answer(request, place, self._query(place, PAGE_PARAMETERS), asked)

    @extend_schema(operation_id="result_output_stream", parameters=ADDRESS, responses={200: OpenApiTypes.BINARY})
    def stream(self, request: Request, pk: str, name: str, suffix: str = "ndjson") -> HttpResponseBase:
        """All actual rows in a format."""
        place, file_name = self._place()
        return stream_answer(request, place, self._query(place, STREAM_PARAMETERS), suffix, file_name)

    def _query(self, place: Place, reserved: tuple[str, ...]) -> Any:
        given = self.request.query_params.lists()
        parameters = [(name, text) for name, texts in given if name not in reserved for text in texts]
        query = read_query(place.rows.schema, parameters, reserved)
        check_query(query, place.rows.masked)
        return query

    @extend_schema(
        operation_id="result_output_diff",
        parameters=[
            *ADDRESS,
            OpenApiParameter("class", str, description=f"Only rows of these classes: {', '.join(LISTED_CLASSES)}."),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int, description=f"At most {LIMIT_MAX:,} rows of each class can be reached."),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def diff(self, request: Request, pk: str, name: str) -> HttpResponseBase:
        """The rows that differ from what was expected, compared again from the Parts: pages of JSON, NDJSON or HTML."""
        result, output, hidden = self.output()
        classes = self._classes()
        limit, offset = read_limit(request), read_offset(request)
        if offset + limit > LIMIT_MAX:
            message = f"They reach row {offset + limit:,}; a diff lists {LIMIT_MAX:,} of a class at most."
            raise refusal("offset", "out_of_range", message, "Narrow it with class=, or read the rows themselves.")
        found = whole_diff(result, output, offset + limit)
        if found is None:
            raise NotFound(f"Nothing was expected of the output {output.port_name!r}.")
        chosen = [row.as_dict() for row in found.rows if row.row_class in classes]
        rows = [masked_row(row, hidden) for row in chosen[offset : offset + limit]]
        total = sum(found.counts[each] for each in classes)
        kind = getattr(request.accepted_renderer, "format", "json")
        headers = masked_header(hidden)
        if kind == "ndjson":
            lines = iter([dump_json(row) + b"\n" for row in rows] or [b""])
            file_name = f"{result.test_case.name} {output.port_name} diff.ndjson"
            answer: Any = stream_response(request._request, lines, NDJSONRenderer.media_type, file_name, is_text=True)
        elif kind == "html":
            answer = self._fragment(output, {**(masked_diff(found.as_dict(), hidden) or {}), "rows": rows})
        else:
            answer = linked(
                [orjson.Fragment(dump_json(row)) for row in rows], total, False, *self._neighbours(limit, offset, total)
            )
            answer.data |= {"counts": dict(found.counts), "summary": found.summary, "is_equal": found.is_equal}
        for header, value in headers.items():
            answer[header] = value
        return answer

    def _fragment(self, output: ResultOutput, diff: dict[str, Any]) -> Any:
        view = diff_view(output.port_name, output.row_count, diff, ())
        return HttpResponse(render_to_string("testcases/_diff.html", {"output": view}))

    def _neighbours(self, limit: int, offset: int, total: int) -> tuple[str | None, str | None]:
        def url(start: int) -> str:
            parameters = self.request.query_params.copy()
            parameters["offset"], parameters["limit"] = str(start), str(limit)
            return str(self.request.build_absolute_uri(f"{self.request.path}?{parameters.urlencode()}"))

        following = url(offset + limit) if offset + limit < total and offset + 2 * limit <= LIMIT_MAX else None
        return following, url(max(0, offset - limit)) if offset else None

    def _classes(self) -> tuple[str, ...]:
        text = self.request.query_params.get("class")
        wanted = LISTED_CLASSES if text is None else tuple(text.split(","))
        for each in wanted:
            if each not in LISTED_CLASSES:
                raise refusal("class", "invalid_choice", f"class is {each!r}; {nearest(each, LISTED_CLASSES)}")
        return wanted
