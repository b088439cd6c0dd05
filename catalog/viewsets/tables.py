"""Tables over REST."""

import hashlib
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from django.db.models import F
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from catalog.contents import delete_table
from catalog.deferring import WantedImport
from catalog.filters import TableFilter
from catalog.formats.opening import OPTION_NAMES, Opened
from catalog.history.versions import UnknownVersionError, find_version
from catalog.models import ObjectSchema, Table, TableVersion
from catalog.serializers.tables import TableDetailSerializer, TableSerializer, TableVersionSerializer, rows_source
from catalog.sight import hidden_of, masked_header
from catalog.viewsets.deferred import ACCEPTED, deferred, is_deferred
from catalog.viewsets.files import FILE_PARSERS, OPTIONS, is_json
from catalog.viewsets.hiding import HidesValues
from catalog.viewsets.lenient import rejected, set_aside_header, set_aside_url
from catalog.viewsets.uploads import uploaded_file
from config.api import refusal
from config.api.dry_runs import is_dry_run
from config.api.pages import read_number
from config.api.preferences import Preferences, read_preferences
from config.api.viewsets import ResourceViewSet

PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`handling=lenient` takes the rows that conform and sets the others aside. Where a table is made, "
    "`respond-async` leaves it to a worker: the answer is 202 with a job.",
)
NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH)
STREAM_MEMBERS = ("object", "name", "description")
NUMBER_MOST = 2**31 - 1


def expected_version(request: Request) -> int | None:
    """The version that `If-Match` asks for; None if there is no such header, or any version will do."""
    text = request.headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    # What stands behind the version tells answers about it apart; a write asks for the version alone.
    number = text.removeprefix("W/").strip('"').partition("-")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise refusal("If-Match", "invalid", f'If-Match is {text}; it takes a version such as "7".')
    return int(number)


def etag(version: int, hidden: Collection[str] = ()) -> dict[str, str]:
    """The ETag header of a version, for callers who don't see all of it another one."""
    return {"ETag": f'"{version}-masked"' if hidden else f'"{version}"'}


def table_headers(table: Table, hidden: Collection[str]) -> dict[str, str]:
    """The headers of a Table as it is answered: its names may change while its version stays."""
    shape = table.object
    shown = [table.updated_at, shape.updated_at, shape.name, shape.application.name, sorted(hidden)]
    digest = hashlib.sha256(repr(shown).encode()).hexdigest()[:8]
    return {"ETag": f'"{table.version}-{digest}"', **masked_header(hidden)}


def _members(request: Request) -> dict[str, str]:
    """The Table's members in the address, beside how its file is to be read."""
    return {name: text for name, text in request.query_params.dict().items() if name in STREAM_MEMBERS}


def not_modified(request: Request, tag: str) -> bool:
    """Whether the caller has what this ETag stands for (`If-None-Match`)."""
    given = [each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")]
    return "*" in given or tag in given


class TableViewSet(HidesValues, ResourceViewSet[Table]):
    """Tables: rows that conform to one Object. Every write makes a new version."""

    queryset = Table.objects.with_object().select_related("created_by").with_object_version()
    filterset_class = TableFilter
    search_fields = ["name", "description", "object__name"]
    ordering_fields = {
        "name": "name",
        "object": "object__name",
        "row_count": "row_count",
        "size_bytes": "size_bytes",
        "created_at": "created_at",
        "updated_at": "updated_at",
    }
    parser_classes = FILE_PARSERS
    parameters = {
        "create": (*STREAM_MEMBERS, *OPTION_NAMES),
        "update": OPTION_NAMES,
        "partial_update": OPTION_NAMES,
        "retrieve": ["version"],
        "versions": ["limit", "offset"],
    }

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return TableSerializer if self.action == "list" else TableDetailSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "expected_version": expected_version(self.request)}

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str, description=f"`{name}` of the table, where the body is a file of rows.")
            for name in STREAM_MEMBERS
        ]
        + [PREFER, *OPTIONS],
        responses={201: TableDetailSerializer, 202: ACCEPTED},
    )
    def create(self, request: Request, *args: Any, **options: Any) -> Response:
        """Make a Table. The body is a JSON document, or a file of rows with `object` and `name` in the address.

        All rows or none; with `Prefer: handling=lenient` those that conform, and the others are set aside.
        """
        if not is_dry_run(request) and is_deferred(request, self.preferences):
            return self._deferred(request)
        with uploaded_file(request) as opened:
            serializer = self._serializer(opened, _members(request) if opened else request.data)
            serializer.is_valid(raise_exception=True)
            saved = serializer.save()
        document, headers = self._taken(saved, serializer.data)
        return Response(document, 201, headers={**self.get_success_headers(document), **headers})

    def _deferred(self, request: Request) -> Response:
        """Leave the Table and its rows to a worker; what can be known to be wrong with the Table is said at once."""
        is_listed = is_json(request)
        serializer = self._serializer(None, request.data if is_listed else _members(request))
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        listed = rows_source(given.pop("rows", [])) if is_listed else None
        new = {name: value.pk if name == "object" else value for name, value in given.items()}
        wanted = WantedImport("create", new=new, lenient=self.is_lenient)
        return deferred(request, self.preferences, wanted, listed)

    def _taken(self, table: Table, document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """The answer to a write of rows: if it was lenient, with what was not taken; and its headers."""
        imported = table.__dict__["imported"]
        headers = self._written(table)
        if not self.is_lenient:
            return {**document}, headers
        link = None if is_dry_run(self.request) else set_aside_url(self.request, imported)
        more = rejected(imported, hidden_of(self.request._request, imported.version))
        headers |= {**set_aside_header(link), **self.preferences.headers}
        return {**document, **more, "set_aside": link}, headers

    @cached_property
    def preferences(self) -> Preferences:
        """What the caller prefers."""
        return read_preferences(self.request)

    @cached_property
    def is_lenient(self) -> bool:
        return self.preferences.wants("handling", "lenient")

    @extend_schema(parameters=[OpenApiParameter("version", int, description="An earlier version of the table.")])
    def retrieve(self, request: Request, *args: Any, **options: Any) -> Response:
        """One Table with its first 100 rows; with `version`, as that version left them."""
        text = request.query_params.get("version")
        table = self._shown(options["pk"], None if text is None else read_number(text, "version", 1, NUMBER_MOST))
        headers = self._headers(table)
        if not_modified(request, headers["ETag"]):
            return Response(status=304, headers=headers)
        return Response(self.get_serializer(table).data, headers=headers)

    def _shown(self, pk: str, number: int | None = None) -> Table:
        """The Table as a version left it, the newest if none is named, in one query."""
        versions = TableVersion.objects.select_related(
            "object_version", "table__object__application", "table__created_by"
        )
        wanted = F("table__version") if number is None else number
        version = versions.filter(table=pk, number=wanted).first()
        if version is None:
            raise UnknownVersionError(get_object_or_404(Table, pk=pk), number or 0)
        table = version.table
        table.version, table.row_count, table.size_bytes = version.number, version.row_count, version.size_bytes
        table.__dict__["shown"] = version
        return table

    def update(self, request: Request, *args: Any, **options: Any) -> Response:
        """Change a Table; `rows`, where given, replace all rows, strictly or leniently as when a Table is made."""
        with uploaded_file(request) as opened:
            instance = self.get_object()
            data = {} if opened else request.data
            partial = options.get("partial", False) or opened is not None
            serializer = self._serializer(opened, data, instance=instance, partial=partial)
            serializer.is_valid(raise_exception=True)
            saved = serializer.save()
        if "shown" in saved.__dict__:  # rows were written
            document, headers = self._taken(saved, serializer.data)
            return Response(document, headers=headers)
        table = self._shown(saved.pk)
        return Response(self.get_serializer(table).data, headers=self._written(table))

    def perform_destroy(self, instance: Table) -> None:
        delete_table(instance, expected_version(self.request))

    def _serializer(self, opened: Opened | None, data: Any, **options: Any) -> BaseSerializer[Any]:
        context = {**self.get_serializer_context(), "lenient": self.is_lenient}
        if opened:
            context |= {"source": opened.source, "format_name": opened.format.name}
        return self.get_serializer_class()(data=data, context=context, **options)

    def _headers(self, table: Table) -> dict[str, str]:
        return table_headers(table, hidden_of(self.request._request, table.__dict__["shown"]))

    def _written(self, table: Table) -> dict[str, str]:
        """Of a write: the version alone, as `If-Match` takes it."""
        return {**self._headers(table), **etag(table.version)}

    def shape_of_rows(self) -> ObjectSchema | None:
        if "pk" in self.kwargs:
            return self.get_object().object
        data = self.request.data if is_json(self.request) else _members(self.request)
        return ObjectSchema.objects.filter(pk=data.get("object", "")).first() if isinstance(data, dict) else None

    @extend_schema(responses=TableVersionSerializer(many=True), filters=False)
    @action(detail=True)
    def versions(self, request: Request, pk: str) -> Response:
        """What each write did, the newest first."""
        versions = self.get_object().versions.select_related("object_version", "created_by").order_by("-number")
        return self.page(versions, TableVersionSerializer)

    @extend_schema(
        parameters=[OpenApiParameter("number", int, OpenApiParameter.PATH)], responses=TableVersionSerializer
    )
    @action(detail=True, url_path=r"versions/(?P<number>[0-9]{1,9})", url_name="version")
    def version(self, request: Request, pk: str, number: str) -> Response:
        """What one write did."""
        version = find_version(get_object_or_404(Table, pk=pk), int(number))
        return Response(TableVersionSerializer(version).data)
