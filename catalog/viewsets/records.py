"""Records: the rows of all Tables of an Object, by its name."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import orjson
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpResponseBase
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from catalog.browsing import count, row
from catalog.contents import append_rows, create_table
from catalog.cursors import cursor_error
from catalog.models import ObjectSchema, Table, TableVersion
from catalog.queries import RowQuery, read_document, read_query
from catalog.rows import ObjectRows, Rows, VersionRows
from catalog.serializers.records import read_record, read_records
from catalog.serializers.tables import rows_source
from catalog.sight import check_query, hidden_in
from catalog.sources import JSONRows
from catalog.viewsets.record_documentation import records
from catalog.viewsets.row_pages import (
    Asked,
    OffersFormats,
    Place,
    asked_format,
    is_unchanged,
    not_modified,
    page_answer,
    read_options,
    stream_answer,
)
from catalog.viewsets.row_reading import read_where
from catalog.viewsets.row_writing import TAKEN, WritesRows
from catalog.viewsets.uploads import json_body
from catalog.writing import Write
from config.api import ProblemDetails, Refusal, refusal
from config.problems import nearest
from config.timing import step

USUAL_APPLICATION: Final = "app"
CHOICES_LISTED: Final = 100
PAGED: Final = ("application", "limit", "offset", "after", "count", "format", "decimals", "integers")
STREAMED: Final = ("application", "format", "decimals", "integers", "spreadsheet")
ADDRESSED: Final = ("application", "table")
GONE: Final = "The row at which the cursor stood is gone with its table; begin again without after."


def find_shape(name: str, application: str | None) -> ObjectSchema:
    """The Object of this name: in the application, else in `app`, else wherever it is the only one (one query)."""
    named = ObjectSchema.objects.select_related("application").filter(name=name)
    if application is not None:
        named = named.filter(application__name=application)
    found = list(named[: CHOICES_LISTED + 1])
    usual = [shape for shape in found if shape.application.name == USUAL_APPLICATION]
    if len(found) == 1 or usual:
        return (usual or found)[0]
    if not found:
        place = "" if application is None else f" in the application {application!r}"
        names = list(ObjectSchema.objects.values_list("name", flat=True)[:1000])
        hint = nearest(name, names) if len(names) < 20 or nearest(name, names).startswith("did") else ""
        raise NotFound(f"There is no object {name!r}{place}. {hint}".strip())
    choices = [shape.application.name for shape in found[:CHOICES_LISTED]]
    message = f"The object {name!r} stands in several applications: {', '.join(choices[:10])}."
    hint = f"Say which one with application=, such as application={choices[0]}."
    details = ProblemDetails(409, "ambiguous", "The name is ambiguous", message, hint, members={"choices": choices})
    raise Refusal(details)


class RecordsViewSet(OffersFormats, WritesRows):
    """The rows of all Tables of an Object: read, counted, streamed and added by its name."""

    http_method_names = [*WritesRows.http_method_names, "query"]
    queryset = Table.objects.none()
    parameters = {
        "list": None,
        "search": [*ADDRESSED[:1], "after", "format"],
        "stream": None,
        "count": None,
        "retrieve": [*ADDRESSED[:1], "fields", "decimals", "integers"],
        "create": [*ADDRESSED, "dry_run"],
        "create_named": [*ADDRESSED, "dry_run"],
        "bulk": [*ADDRESSED, *TAKEN],
        "bulk_named": [*ADDRESSED, "dry_run"],
    }

    def shape_of_rows(self) -> ObjectSchema | None:
        if "object_name" in self.kwargs:  # the body may be a file, which can't be read again
            return self._shape(self.kwargs["object_name"])
        data = self.request.data
        return self._shape(str(data.get("schema_name"))) if isinstance(data, dict) else None

    # --- reading ----------------------------------------------------------------------------------------------------

    @records.read
    def list(self, request: Request, object_name: str) -> HttpResponseBase:
        """A page of records as JSON, or all of them in a format that `Accept` names."""
        name = asked_format(request)
        if name != "json":
            return self.stream(request, object_name, name)
        asked = Asked.of(request.query_params)
        rows, query = self._query(object_name, PAGED)
        place = _place(rows)
        if is_unchanged(request, place.etag):
            return not_modified(place.etag)
        return page_answer(request, place, query, asked, self._seen(asked, query))

    @records.search
    def search(self, request: Request, object_name: str) -> HttpResponseBase:
        """A page of records for a query that a URL can't hold."""
        document = read_where(request.data)
        for name in ("since", "version"):
            if name in document:
                raise refusal(name, "not_allowed", f"{name} is about one table; read its rows instead.")
        after = request.query_params.get("after")
        asked = Asked.of(document if after is None else {**document, "after": after})
        rows = self._rows(object_name)
        query = read_document(rows.schema, document, is_union=True)
        check_query(query, rows.masked)
        place = _place(rows)
        if is_unchanged(request, place.etag):
            return not_modified(place.etag)
        return page_answer(request, place, query, asked, self._seen(asked, query))

    @records.stream
    def stream(self, request: Request, object_name: str, suffix: str = "ndjson") -> HttpResponseBase:
        """All records, in constant memory."""
        rows, query = self._query(object_name, STREAMED)
        place = _place(rows)
        if is_unchanged(request, place.etag):
            return not_modified(place.etag)
        return stream_answer(request, place, query, suffix, object_name)

    @records.count
    def count(self, request: Request, object_name: str) -> Response:
        """How many records there are, or how many meet the conditions; exact."""
        rows, query = self._query(object_name, ADDRESSED[:1])
        with step("query"):
            total, _ = count(rows, query, None)
        return Response({"count": total, "count_truncated": False}, headers={"ETag": _place(rows).etag})

    @records.retrieve
    def retrieve(self, request: Request, object_name: str, table_id: str, row_id: str) -> HttpResponseBase:
        """One record, by the id of its Table and its `_id`."""
        return self._record(self._shape(object_name), table_id, int(row_id))

    def _record(self, shape: ObjectSchema, table_id: str, row_id: int) -> Response:
        versions = TableVersion.objects.select_related("object_version", "table__object")
        newest = versions.filter(table=table_id, table__object=shape, number=F("table__version")).first()
        query = None
        if newest is not None:
            names = self.request.query_params.get("fields")
            query = read_query(newest.object_version.schema, [("fields", names)] if names is not None else [], (), True)
        if newest is None or query is None:
            raise NotFound(f"The object {shape.name!r} has no record {table_id}:{row_id}.")
        with step("query"):
            options = read_options(self.request.query_params)
            rows = VersionRows(newest, is_union=True, masked=self.hidden(newest))
            line = row(rows, query, (table_id, row_id), options)
        if line is None:
            raise NotFound(f"The object {shape.name!r} has no record {table_id}:{row_id}.")
        place = Place(rows, table_id, str(newest.number), newest.number)
        return Response(orjson.Fragment(line), headers=place.headers)

    def _shape(self, name: str) -> ObjectSchema:
        return find_shape(name, self.request.query_params.get("application"))

    def _query(self, object_name: str, reserved: tuple[str, ...]) -> tuple[ObjectRows, RowQuery]:
        given = self.request.query_params
        if "since" in given:
            raise refusal("since", "not_allowed", "since counts the versions of one table; read its rows instead.")
        rows = self._rows(object_name)
        asked = [(name, text) for name, texts in given.lists() if name not in reserved for text in texts]
        with step("parse"):
            query = read_query(rows.schema, asked, reserved, is_union=True)
        check_query(query, rows.masked)
        return rows, query

    def _rows(self, object_name: str) -> ObjectRows:
        shape = self._shape(object_name)
        return ObjectRows(shape, hidden_in(self.request._request, shape.schema))

    def _seen(self, asked: Asked, query: RowQuery) -> Rows | None:
        """Where the cursor's row stood when it was seen."""
        if asked.cursor is None or not query.ordering:
            return None
        versions = TableVersion.objects.select_related("object_version")
        table, number = str(asked.cursor.identity[0]), asked.cursor.version
        found = versions.filter(table=table, number=number).first()
        if found is None:
            raise cursor_error(GONE)
        return VersionRows(found, is_union=True)

    # --- writing ----------------------------------------------------------------------------------------------------

    @records.create
    def create(self, request: Request, object_name: str) -> Response:
        """Add one record."""
        return self._add_one(self._shape(object_name), read_record(json_body(request)))

    @records.create_named
    def create_named(self, request: Request) -> Response:
        """Add one record to the Object that the body names."""
        name, data = read_records(json_body(request), "data")
        return self._add_one(self._shape(name), read_record(data, "data"))

    @records.bulk
    def bulk(self, request: Request, object_name: str) -> HttpResponseBase:
        """Add many records: a JSON array, NDJSON, or a file of any format."""
        shape, write = self._shape(object_name), self.write()
        with self._table(shape, write) as table:
            self.kwargs["table_id"] = table.pk
            return self.append(request, table.pk)

    @records.bulk_named
    def bulk_named(self, request: Request) -> Response:
        """Add many records to the Object that the body names."""
        name, data = read_records(json_body(request), "records")
        shape, write = self._shape(name), self.write()
        if not isinstance(data, list):
            raise refusal("records", "not_a_list", 'records is a list such as [{"order_id": 10}].')
        with self._table(shape, write) as table:
            version = append_rows(table, rows_source(data), write)
            version.table = table
        return self.written(version, 201)

    def _add_one(self, shape: ObjectSchema, record: Mapping[str, Any]) -> Response:
        write = self.write()
        with transaction.atomic(), self._table(shape, replace(write, dry_run=False)) as table:
            append_rows(table, rows_source([record]), replace(write, dry_run=False))
            row_id = table.next_row_id - 1
            answer = self._record(shape, table.pk, row_id)
            if write.dry_run:
                transaction.set_rollback(True)
        answer.status_code = 200 if write.dry_run else 201
        answer["Location"] = reverse("api-record", args=[shape.name, table.pk, row_id], request=self.request)
        return answer

    @contextmanager
    def _table(self, shape: ObjectSchema, write: Write) -> Iterator[Table]:
        """The Table to write to: that of `table=`, else the one of the Object's name.

        The latter is made on first use, with what is written or not at all.
        """
        wanted = self.request.query_params.get("table")
        found = shape.tables.select_related("object").filter(name=shape.name if wanted is None else wanted).first()
        if found is not None:
            yield found
            return
        if wanted is not None:
            hint = nearest(wanted, list(shape.tables.values_list("name", flat=True)[:1000]))
            raise refusal("table", "does_not_exist", f"The object {shape.name!r} has no table {wanted!r}; {hint}")
        with transaction.atomic():
            yield first_table(shape, write)
            if write.dry_run:
                transaction.set_rollback(True)


def first_table(shape: ObjectSchema, write: Write) -> Table:
    """The Table of the Object's name, made; another request may make it in the same moment."""
    table = Table(object=shape, name=shape.name)
    try:
        table.full_clean()
        create_table(table, JSONRows([]), Write(write.author, "First use by the object's name"))
    except (IntegrityError, ValidationError):
        return shape.tables.select_related("object").get(name=shape.name)
    return table


def _place(rows: ObjectRows) -> Place:
    versions = {table: version for table, (version, _) in rows.tables.items()}
    digest = hashlib.sha256(repr(sorted(versions.items())).encode()).hexdigest()[:24]
    return Place(rows, rows.shape.pk, digest, versions)
