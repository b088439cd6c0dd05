"""Objects over REST."""

from django.conf import settings
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.filters import ObjectFilter
from catalog.models import ObjectSchema
from catalog.serializers.objects import ObjectSerializer, ObjectVersionSerializer, SchemaSerializer
from catalog.serializers.tables import ROWS_EXAMPLE, rows_source
from catalog.serializers.validation import RowReportSerializer
from catalog.standards import json_schema, table_schema
from catalog.validation import check_rows
from catalog.viewsets.uploads import CSVParser, NDJSONParser, listed_rows, uploaded
from config.api import JSONParser, refusal
from config.api.viewsets import ResourceViewSet, StrictMixin
from config.problems import nearest

STANDARDS = ("table-schema", "json-schema")
NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH)
ROWS_BODY = {"application/json": {"type": "array", "items": {"type": "object"}}}


class ObjectViewSet(ResourceViewSet[ObjectSchema]):
    """Objects: the shapes of tables. Their definitions live in numbered versions."""

    queryset = ObjectSchema.objects.select_related("application", "created_by").with_table_count().with_current()
    serializer_class = ObjectSerializer
    filterset_class = ObjectFilter
    search_fields = ["name", "description", "application__name"]
    ordering_fields = {"name": "name", "application": "application__name", "created_at": "created_at"}
    parameters = {"schema_document": ["as"], "versions": ["limit", "offset"]}

    @extend_schema(responses=ObjectVersionSerializer(many=True), filters=False)
    @action(detail=True)
    def versions(self, request: Request, pk: str) -> Response:
        """All definitions of an Object, the newest first."""
        versions = self.get_object().versions.select_related("created_by").order_by("-number")
        return self.page(versions, ObjectVersionSerializer)

    @extend_schema(
        parameters=[OpenApiParameter("number", int, OpenApiParameter.PATH)], responses=ObjectVersionSerializer
    )
    @action(detail=True, url_path=r"versions/(?P<number>[0-9]{1,9})", url_name="version")
    def version(self, request: Request, pk: str, number: str) -> Response:
        """One definition of an Object."""
        versions = self.get_object().versions.select_related("created_by")
        return Response(ObjectVersionSerializer(get_object_or_404(versions, number=int(number))).data)

    @extend_schema(
        parameters=[OpenApiParameter("as", str, enum=STANDARDS, description="The standard; table-schema by default.")],
        responses={200: OpenApiTypes.OBJECT},
        examples=[OpenApiExample("Table Schema", {"fields": [{"name": "order_id", "type": "integer"}]})],
    )
    @action(detail=True, url_path="schema", url_name="schema")
    def schema_document(self, request: Request, pk: str) -> Response:
        """The Object in the words of a standard: Table Schema, or JSON Schema of one row."""
        standard = request.query_params.get("as", STANDARDS[0])
        if standard not in STANDARDS:
            raise refusal("as", "invalid_choice", f"{standard!r} is no standard; {nearest(standard, STANDARDS)}")
        shape = self.get_object()
        if standard == "json-schema":
            return Response(json_schema(shape.name, shape.current.definition))
        return Response(table_schema(shape.current.definition))

    @extend_schema(
        request=ROWS_BODY,
        responses=RowReportSerializer,
        examples=[OpenApiExample("Rows", ROWS_EXAMPLE, request_only=True)],
    )
    @action(
        detail=True,
        methods=["post"],
        parser_classes=[JSONParser, NDJSONParser, CSVParser],
    )
    def validate(self, request: Request, pk: str) -> Response:
        """Check rows against the Object. Nothing is stored; the answer is 200 whether they conform or not."""
        schema = self.get_object().schema
        with uploaded(request) as source:
            report = check_rows(source or rows_source(listed_rows(request)), schema, settings.ENGINE_THREADS)
        return Response(RowReportSerializer(report).data)


class SchemaViewSet(StrictMixin, mixins.ListModelMixin, viewsets.GenericViewSet[ObjectSchema]):
    """Every Object as something to browse."""

    queryset = ObjectSchema.objects.select_related("application").with_table_count().with_row_count().with_current()
    serializer_class = SchemaSerializer
    filterset_class = ObjectFilter
    search_fields = ["name", "description", "application__name"]
    ordering_fields = {"name": "name", "application": "application__name"}
