"""Tables over REST."""

from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from catalog.filters import TableFilter
from catalog.models import Table
from catalog.serializers.tables import TableDetailSerializer, TableSerializer, TableVersionSerializer
from catalog.viewsets.uploads import CSVParser, NDJSONParser, is_stream, uploaded
from catalog.writing import StaleVersionError
from config.api import JSONParser, refusal
from config.api.viewsets import ResourceViewSet

NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH)
STREAM_MEMBERS = ("object", "name", "description")


def expected_version(request: Request) -> int | None:
    """The version that `If-Match` asks for; None if there is no such header, or any version will do."""
    text = request.headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    number = text.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise refusal("If-Match", "invalid", f'If-Match is {text}; it takes a version such as "7".')
    return int(number)


def etag(version: int) -> dict[str, str]:
    """The ETag header of a version."""
    return {"ETag": f'"{version}"'}


class TableViewSet(ResourceViewSet[Table]):
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
    parser_classes = [JSONParser, NDJSONParser, CSVParser]
    parameters = {"create": STREAM_MEMBERS, "versions": ["limit", "offset"]}

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return TableSerializer if self.action == "list" else TableDetailSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "expected_version": expected_version(self.request)}

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str, description=f"`{name}` of the table, where the body is a file of rows.")
            for name in STREAM_MEMBERS
        ]
    )
    def create(self, request: Request, *args: Any, **options: Any) -> Response:
        """Make a Table. The body is a JSON document, or NDJSON or CSV with `object` and `name` in the address."""
        with uploaded(request) as source:
            serializer = self._serializer(source, request.query_params.dict() if is_stream(request) else request.data)
            serializer.is_valid(raise_exception=True)
            serializer.save()
        table = self._read_again(serializer.instance)
        return Response(
            table.data, 201, headers={**self.get_success_headers(table.data), **etag(table.data["version"])}
        )

    def retrieve(self, request: Request, *args: Any, **options: Any) -> Response:
        """One Table with its first 100 rows."""
        response = super().retrieve(request, *args, **options)
        return Response(response.data, headers=etag(response.data["version"]))

    def update(self, request: Request, *args: Any, **options: Any) -> Response:
        """Change a Table; `rows`, where given, replace all rows."""
        with uploaded(request) as source:
            instance = self.get_object()
            data = {} if source else request.data
            partial = options.get("partial", False) or source is not None
            serializer = self._serializer(source, data, instance=instance, partial=partial)
            serializer.is_valid(raise_exception=True)
            serializer.save()
        table = self._read_again(serializer.instance)
        return Response(table.data, headers=etag(table.data["version"]))

    def perform_destroy(self, instance: Table) -> None:
        expected = expected_version(self.request)
        with transaction.atomic():
            locked = Table.objects.select_for_update().get(pk=instance.pk)
            if expected not in {None, locked.version}:
                raise StaleVersionError(locked, expected or 0)
            instance.delete()

    def _serializer(self, source: Any, data: Any, **options: Any) -> BaseSerializer[Any]:
        context = {**self.get_serializer_context(), "source": source}
        return self.get_serializer_class()(data=data, context=context, **options)

    def _read_again(self, table: Any) -> BaseSerializer[Any]:
        """The Table as it stands after the write."""
        return self.get_serializer(self.get_queryset().get(pk=table.pk))

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
        versions = self.get_object().versions.select_related("object_version", "created_by")
        return Response(TableVersionSerializer(get_object_or_404(versions, number=int(number))).data)
