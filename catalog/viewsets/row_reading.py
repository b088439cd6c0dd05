"""Reading the rows of a Table over REST."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpResponse, HttpResponseBase
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.browsing import row
from catalog.cursors import cursor_error
from catalog.models import TableVersion
from catalog.queries import RowQuery, read_document
from catalog.sight import check_query
from catalog.viewsets import documentation
from catalog.viewsets.row_pages import (
    DOCUMENT_MEMBERS,
    PAGE_PARAMETERS,
    STREAM_PARAMETERS,
    Asked,
    OffersFormats,
    asked_format,
    check_since,
    is_unchanged,
    not_modified,
    page_answer,
    read_options,
    stream_answer,
)
from catalog.viewsets.table_rows import TableRowsViewSet, no_row
from config.api import refusal, refuse_unknown_parameters
from config.api.pages import read_number
from config.problems import nearest
from config.timing import step

GONE = "after is a cursor of another table, or of a version that is no longer kept; begin again without it."


def read_where(data: Any) -> Mapping[str, Any]:
    """The members of a query document. Raises a 400 for what is none."""
    if not isinstance(data, dict):
        raise refusal("", "type", 'A query is a JSON object such as {"where": {"attribute": "id", "value": 1}}.')
    for name in data:
        if name not in DOCUMENT_MEMBERS:
            raise refusal(name, "unknown_member", f"A query has no {name!r}; {nearest(name, DOCUMENT_MEMBERS)}")
    return data


class ReadsRows(OffersFormats, TableRowsViewSet):
    """All rows of a Table: pages and streams."""

    @documentation.read
    def list(self, request: Request, table_id: str) -> HttpResponseBase:
        """A page of rows as JSON, or all of them in a format that `Accept` names, such as application/x-ndjson."""
        name = asked_format(request)
        if name != "json":
            return self.stream(request, table_id, name)
        given = request.query_params
        asked = Asked.of(given)
        version = self._asked_version(asked)
        return self._page(version, self.row_query(version, PAGE_PARAMETERS), given, asked)

    @documentation.search
    def search(self, request: Request, table_id: str) -> HttpResponseBase:
        """A page of rows for a query that a URL can't hold: nested conditions, long lists, any attribute name."""
        refuse_unknown_parameters(request, ["after", "format"])
        document = read_where(request.data)
        given = {**document, **{name: text for name, text in request.query_params.items() if name == "after"}}
        asked = Asked.of(given)
        version = self._asked_version(asked)
        query = read_document(version.object_version.schema, document)
        check_query(query, self.hidden(version))
        return self._page(version, query, given, asked)

    @documentation.stream
    def stream(self, request: Request, table_id: str, suffix: str = "ndjson") -> HttpResponseBase:
        """All rows in a format, in constant memory, by `_id` or in another order."""
        text = request.query_params.get("version")
        version = self.seen(None if text is None else read_number(text, "version", 1, 2**31 - 1))
        query = self.row_query(version, STREAM_PARAMETERS)
        read_options(request.query_params)
        check_since(request.query_params, version.number)
        place = self.place(version)
        if is_unchanged(request, place.etag):
            return not_modified(place.etag)
        return stream_answer(request, place, query, suffix, version.table.name)

    def _asked_version(self, asked: Asked) -> TableVersion:
        number = asked.version_number
        try:
            return self.seen(number)
        except NotFound:
            if asked.cursor is None:
                raise
            self.table()
            raise cursor_error(GONE) from None

    def _page(
        self, version: TableVersion, query: RowQuery, given: Mapping[str, Any], asked: Asked
    ) -> HttpResponse | Response:
        check_since(given, version.number)
        place = self.place(version)
        if is_unchanged(self.request, place.etag):
            return not_modified(place.etag)
        return page_answer(self.request, place, query, asked)


class ReadsRow(TableRowsViewSet):
    """One row of a Table, by its `_id`."""

    @documentation.retrieve
    def retrieve(self, request: Request, table_id: str, row_id: str) -> HttpResponseBase:
        """One row."""
        text = request.query_params.get("version")
        version = self.seen(None if text is None else read_number(text, "version", 1, 2**31 - 1))
        tag = self.place(version).etag
        if is_unchanged(request, tag):
            return not_modified(tag)
        return self.row(version, int(row_id))

    def row(self, version: TableVersion, row_id: int) -> Response:
        """The answer with a row, whole or with the `fields` that are asked for."""
        query = self.row_query(version, ("version", "decimals", "integers"))
        options = read_options(self.request.query_params)
        place = self.place(version)
        with step("query"):
            line = row(place.rows, query, (row_id,), options)
        if line is None:
            raise no_row(row_id)
        return Response(orjson.Fragment(line), headers=place.headers)
