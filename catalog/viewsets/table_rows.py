"""The Table of an address and its versions, for the views of rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db.models import F
from django.shortcuts import get_object_or_404
from rest_framework import viewsets
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from catalog.contents import UnknownRowsError
from catalog.history.versions import UnknownVersionError
from catalog.models import ObjectSchema, Table, TableVersion
from catalog.queries import RowQuery, read_query
from catalog.rows import VersionRows
from catalog.serializers.rows import RowsWrittenSerializer, written_document
from catalog.sight import check_query, hidden_of
from catalog.viewsets.hiding import HidesValues
from catalog.viewsets.row_pages import Place
from catalog.viewsets.tables import etag, expected_version
from catalog.writing import Write
from config.api.pages import read_number
from config.api.viewsets import StrictMixin
from config.asking import KeptQuery
from config.timing import step

_table: Final = KeptQuery(lambda pk: Table.objects.filter(pk=pk).order_by(), str)


def no_row(row_id: int) -> NotFound:
    return NotFound(f"The table has no row with _id {row_id}.")


@contextmanager
def found(row_id: int) -> Iterator[None]:
    """A row that the address names and the Table lacks is not found, rather than invalid."""
    try:
        yield
    except UnknownRowsError as error:
        raise no_row(row_id) from error


class TableRowsViewSet(HidesValues, StrictMixin, viewsets.GenericViewSet[Any]):
    """Finds the Table and its versions for the views of rows."""

    queryset = Table.objects.with_object()
    serializer_class = RowsWrittenSerializer

    def table(self) -> Table:
        """The Table of the address."""
        return get_object_or_404(Table.objects.with_object(), pk=self.kwargs["table_id"])

    def table_to_write(self) -> Table:
        """The Table of the address, for a verb, which asks for what it needs itself."""
        table = _table.first(self.kwargs["table_id"])
        if table is None:
            raise NotFound("No Table matches the given query.")
        return table

    def version(self, table: Table) -> TableVersion:
        """The version that `version=` asks for, or the newest."""
        text = self.request.query_params.get("version")
        number = table.version if text is None else read_number(text, "version", 1, 2**31 - 1)
        return get_object_or_404(table.versions.select_related("object_version"), number=number)

    def seen(self, number: int | None) -> TableVersion:
        """A version of the address' Table, the newest if it is None, with the Table; one query."""
        versions = TableVersion.objects.select_related("table__object", "object_version")
        wanted = F("table__version") if number is None else number
        found = versions.filter(table=self.kwargs["table_id"], number=wanted).first()
        if found is None:
            table = self.table()
            raise UnknownVersionError(table, number or 0)
        return found

    def write(self) -> Write:
        """Who writes, on which version."""
        user = self.request.user
        return Write(user if user.is_authenticated else None, expected_version=expected_version(self.request))

    def written(self, version: TableVersion, status: int = 200) -> Response:
        """The answer to a write."""
        return Response(written_document(version), status, headers=etag(version.number))

    def row_query(self, version: TableVersion, reserved: tuple[str, ...]) -> RowQuery:
        """What the parameters of the address ask for, but those that the view takes itself."""
        parameters = [
            (name, text) for name, texts in self.request.query_params.lists() if name not in reserved for text in texts
        ]
        with step("parse"):
            query = read_query(version.object_version.schema, parameters, reserved)
        check_query(query, self.hidden(version))
        return query

    def hidden(self, version: TableVersion) -> frozenset[str]:
        """The attributes of a version whose values the caller may not see."""
        return hidden_of(self.request._request, version)

    def place(self, version: TableVersion) -> Place:
        """The rows of a version as the caller sees them."""
        rows = VersionRows(version, masked=self.hidden(version))
        return Place(rows, version.table_id, str(version.number), version.number)

    def shape_of_rows(self) -> ObjectSchema | None:
        table = Table.objects.select_related("object").filter(pk=self.kwargs.get("table_id")).first()
        return table.object if table else None
