"""What came out of a function over REST: its rows in every format."""

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from catalog.queries import read_query
from catalog.sight import check_query
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
from config.api.viewsets import StrictMixin
from config.problems import nearest
from testcases.models import Result, ResultOutput
from testcases.outputs import OutputRows, schema_of
from testcases.sight import hidden_by_port
from testcases.viewsets.documentation import ADDRESS, ROWS_ANSWERED, ROWS_EXAMPLE


def output_of(result: Result, name: str) -> ResultOutput:
    """An output of a result, by the name of its port. Raises a 404 with the nearest name."""
    outputs = {each.port_name: each for each in result.outputs.all()}
    if name not in outputs:
        raise NotFound(f"The result has no output {name!r}; {nearest(name, list(outputs))}")
    return outputs[name]


class ResultOutputViewSet(OffersFormats, StrictMixin, viewsets.GenericViewSet[Result]):
    """One output of a result."""

    queryset = Result.objects.with_parts()
    parameters = {"list": None, "stream": None}

    def output(self) -> tuple[Result, ResultOutput, frozenset[str]]:
        """The Result and the output of the address, and what the caller may not see of it."""
        result = get_object_or_404(Result.objects.with_parts(), pk=self.kwargs["pk"])
        output = output_of(result, self.kwargs["name"])
        hidden = hidden_by_port(self.request._request, result)
        return result, output, hidden.get(output.port_name, hidden[""])

    def _place(self) -> tuple[Place, str]:
        result, output, hidden = self.output()
        rows = OutputRows(output, schema_of(result, output.port_name), hidden)
        return Place(rows, output.pk, output.pk, 0), f"{result.test_case.name} {output.port_name}"

    @extend_schema(
        operation_id="result_output_rows", parameters=ADDRESS, responses=ROWS_ANSWERED, examples=[ROWS_EXAMPLE]
    )
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
