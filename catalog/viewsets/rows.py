"""The rows of a Table over REST."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework import viewsets
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.browsing import COUNT_LIMIT, count, page, row_ids, stream
from catalog.contents import UnknownRowsError, append_rows, delete_rows, replace_rows, update_rows
from catalog.models import Table, TableVersion
from catalog.queries import RowQuery, read_query
from catalog.serializers.rows import RowsWrittenSerializer, read_changes
from catalog.serializers.tables import rows_source
from catalog.sources import Source
from catalog.viewsets import documentation
from catalog.viewsets.documentation import COUNTS
from catalog.viewsets.tables import etag, expected_version
from catalog.viewsets.uploads import CSVParser, NDJSONParser, listed_rows, uploaded
from catalog.writing import Write
from config.api import JSONParser, JSONRenderer, refusal
from config.api.pages import (
    envelope,
    read_limit,
    read_number,
    read_offset,
)
from config.api.streams import stream_response
from config.api.viewsets import StrictMixin
from config.problems import nearest

RESERVED: Final = ("limit", "offset", "version", "count", "format")
AFFECTED_MAXIMUM: Final = 1_000_000


def _no_row(row_id: int) -> NotFound:
    return NotFound(f"The table has no row with _id {row_id}.")


@contextmanager
def _found(row_id: int) -> Iterator[None]:
    """A row that the address names and the Table lacks is not found, rather than invalid."""
    try:
        yield
    except UnknownRowsError as error:
        raise _no_row(row_id) from error


class NDJSONRenderer(BaseRenderer):
    """Takes part in content negotiation only: the view streams the lines itself."""

    media_type = "application/x-ndjson"
    format = "ndjson"
    charset = None


class TableRowsViewSet(StrictMixin, viewsets.GenericViewSet[Any]):
    """Finds the Table and its versions for the views of rows."""

    queryset = Table.objects.with_object()
    serializer_class = RowsWrittenSerializer

    def table(self) -> Table:
        """The Table of the address."""
        return get_object_or_404(Table.objects.with_object(), pk=self.kwargs["table_id"])

    def version(self, table: Table) -> TableVersion:
        """The version that `version=` asks for, or the newest."""
        text = self.request.query_params.get("version")
        number = table.version if text is None else read_number(text, "version", 1, 2**31 - 1)
        return get_object_or_404(table.versions.select_related("object_version"), number=number)

    def write(self) -> Write:
        """Who writes, on which version."""
        user = self.request.user
        return Write(user if user.is_authenticated else None, expected_version=expected_version(self.request))

    def written(self, version: TableVersion, status: int = 200) -> Response:
        """The answer to a write."""
        return Response(RowsWrittenSerializer(version).data, status, headers=etag(version.number))


class RowsViewSet(TableRowsViewSet):
    """All rows of a Table: read, append, replace, change, delete."""

    renderer_classes = [JSONRenderer, NDJSONRenderer]
    parser_classes = [JSONParser, NDJSONParser, CSVParser]
    parameters = {"list": None, "lines": None, "remove": None}

    @documentation.read
    def list(self, request: Request, table_id: str) -> HttpResponseBase:
        """A page of rows as JSON, or all of them as NDJSON (`Accept: application/x-ndjson`)."""
        if getattr(request.accepted_renderer, "format", "") == NDJSONRenderer.format:
            return self.lines(request, table_id)
        version = self.version(self.table())
        query = self._query(version, RESERVED)
        limit, offset = read_limit(request), read_offset(request)
        total, truncated = self._count(version, query)
        rows = page(version, query, limit + 1, offset)
        answer = envelope(request, rows[:limit], total, truncated, limit, offset, more=len(rows) > limit)
        answer["ETag"] = f'"{version.number}"'
        return answer

    @documentation.lines
    def lines(self, request: Request, table_id: str) -> HttpResponseBase:
        """All rows as NDJSON, by `_id`, in constant memory."""
        table = self.table()
        version = self.version(table)
        query = self._query(version, ("version", "format"))
        if query.ordering:
            raise refusal("ordering", "not_allowed", "A stream comes by _id; ordering is for pages.")
        answer = stream_response(
            request._request, stream(version, query), NDJSONRenderer.media_type, f"{table.name}.ndjson"
        )
        answer["ETag"] = f'"{version.number}"'
        return answer

    @documentation.append
    def append(self, request: Request, table_id: str) -> Response:
        """Add rows at the end; all or none."""
        return self._take(append_rows, 201)

    @documentation.replace
    def replace(self, request: Request, table_id: str) -> Response:
        """Put these rows in place of all rows; they get new ids."""
        return self._take(replace_rows, 200)

    @documentation.change
    def change(self, request: Request, table_id: str) -> Response:
        """Change rows by `_id`: attributes that aren't given keep their values."""
        changes = read_changes(listed_rows(request))
        table = self.table()
        return self.written(update_rows(table, changes.row_ids, changes.source, changes.given, self.write()))

    @documentation.remove
    def remove(self, request: Request, table_id: str) -> Response:
        """Delete the rows that meet a condition, at most `max_affected` of them or none."""
        with transaction.atomic():
            table = Table.objects.select_for_update().get(pk=self.table().pk)
            version = table.current
            query = self._query(version, ("max_affected",))
            most = self._affected_maximum(query)
            found = row_ids(version, query, most + 1)
            if len(found) > most:
                message = f"More than {most} rows meet the condition; nothing was deleted."
                raise refusal("max_affected", "too_many", message)
            return self.written(delete_rows(table, found, self.write()))

    def _affected_maximum(self, query: RowQuery) -> int:
        if not query.conditions:
            hint = "To delete all rows, put an empty list in their place."
            raise refusal("", "required", "A condition must say which rows to delete, such as _id__in=1,2.", hint)
        text = self.request.query_params.get("max_affected")
        if text is None:
            raise refusal("max_affected", "required", "max_affected must say how many rows may go at most.")
        return read_number(text, "max_affected", 0, AFFECTED_MAXIMUM)

    def _take(self, verb: Callable[[Table, Source, Write], TableVersion], status: int) -> Response:
        table, write = self.table(), self.write()
        with uploaded(self.request) as source:
            version = verb(table, source or rows_source(listed_rows(self.request)), write)
        version.table = table
        return self.written(version, status)

    def _query(self, version: TableVersion, reserved: tuple[str, ...]) -> RowQuery:
        parameters = [
            (name, text) for name, texts in self.request.query_params.lists() if name not in reserved for text in texts
        ]
        return read_query(version.object_version.schema, parameters, reserved)

    def _count(self, version: TableVersion, query: RowQuery) -> tuple[int | None, bool]:
        wanted = self.request.query_params.get("count")
        if wanted not in {None, *COUNTS}:
            raise refusal("count", "invalid_choice", f"count is {wanted!r}; {nearest(wanted, COUNTS)}")
        if wanted == "none":
            return None, False
        return count(version, query, None if wanted == "exact" else COUNT_LIMIT)


class RowViewSet(TableRowsViewSet):
    """One row of a Table, by its `_id`."""

    parameters = {"retrieve": ["version"]}

    @documentation.retrieve
    def retrieve(self, request: Request, table_id: str, row_id: str) -> Response:
        """One row."""
        return self._row(self.version(self.table()), int(row_id))

    @documentation.update
    def update(self, request: Request, table_id: str, row_id: str) -> Response:
        """Put a whole row in place of another; attributes that aren't given become null."""
        return self._change(int(row_id), whole=True)

    @documentation.partial_update
    def partial_update(self, request: Request, table_id: str, row_id: str) -> Response:
        """Change some attributes of a row."""
        return self._change(int(row_id), whole=False)

    @documentation.destroy
    def destroy(self, request: Request, table_id: str, row_id: str) -> Response:
        """Delete a row."""
        with _found(int(row_id)):
            return self.written(delete_rows(self.table(), [int(row_id)], self.write()))

    def _change(self, row_id: int, whole: bool) -> Response:
        data = self.request.data
        if not isinstance(data, dict):
            raise refusal("", "type", 'A row is a JSON object such as {"order_id": 10}.')
        if data.get("_id", row_id) != row_id:
            raise refusal("_id", "fixed", f"The _id of this row is {row_id} and stays so.")
        changes = read_changes([{**data, "_id": row_id}])
        table = self.table()
        with _found(row_id):
            version = update_rows(
                table, changes.row_ids, changes.source, None if whole else changes.given, self.write()
            )
        return self._row(version, row_id)

    def _row(self, version: TableVersion, row_id: int) -> Response:
        query = read_query(version.object_version.schema, [("_id", str(row_id))])
        rows = page(version, query, 1)
        if not rows:
            raise _no_row(row_id)
        return Response(rows[0], headers=etag(version.number))
