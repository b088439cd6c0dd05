"""Objects over REST."""

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.describing import SUGGESTIONS, describe
from catalog.filters import ObjectFilter
from catalog.formats.opening import OPTION_NAMES
from catalog.models import ObjectSchema
from catalog.serializers.descriptions import (
    DESCRIBED,
    description_document,
    translated_document,
)
from catalog.serializers.objects import ObjectSerializer, ObjectVersionSerializer, SchemaSerializer
from catalog.serializers.tables import ROWS_EXAMPLE, rows_source
from catalog.serializers.validation import REPORTED, RowReportSerializer
from catalog.sight import hidden_in, without_values
from catalog.standards import READABLE, WRITABLE, NotOfStandardError, json_schema, table_schema
from catalog.validation import check_rows_of
from catalog.viewsets.files import FILE_PARSERS, OPTIONS, file_body, is_json, opened_file
from catalog.viewsets.uploads import listed_rows
from config.api import ProblemDetails, Refusal, refusal
from config.api.conditional import ConditionalMixin
from config.api.viewsets import ResourceViewSet, StrictMixin
from config.problems import nearest

NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH)
ROWS_BODY = {"application/json": {"type": "array", "items": {"type": "object"}}}
DESCRIBING = [
    OpenApiParameter("application", str, description="The application of the proposed Object."),
    OpenApiParameter("name", str, description="The name of the proposed Object."),
    OpenApiParameter(
        "from",
        str,
        enum=READABLE,
        description="The body is no rows but a schema in the words of this standard; of a CSVW document with several "
        "tables, `name` says which one is meant.",
    ),
    OpenApiParameter(
        "accept", str, description=f"Suggestions that the proposed Object has: {', '.join(SUGGESTIONS)}, or all."
    ),
]


class ObjectViewSet(ConditionalMixin, ResourceViewSet[ObjectSchema]):
    """Objects: the shapes of tables. Their definitions live in numbered versions."""

    queryset = ObjectSchema.objects.select_related("application", "created_by").with_table_count().with_current()
    serializer_class = ObjectSerializer
    filterset_class = ObjectFilter
    search_fields = ["name", "description", "application__name"]
    ordering_fields = {"name": "name", "application": "application__name", "created_at": "created_at"}
    parameters = {
        "schema_document": ["as"],
        "versions": ["limit", "offset"],
        "describe_rows": [*OPTION_NAMES, "application", "name", "accept", "from"],
        "validate": OPTION_NAMES,
    }

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
        parameters=[OpenApiParameter("as", str, enum=WRITABLE, description="The standard; table-schema by default.")],
        responses={200: OpenApiTypes.OBJECT},
        examples=[OpenApiExample("Table Schema", {"fields": [{"name": "order_id", "type": "integer"}]})],
    )
    @action(detail=True, url_path="schema", url_name="schema")
    def schema_document(self, request: Request, pk: str) -> Response:
        """The Object in the words of a standard: Table Schema, or JSON Schema of one row."""
        standard = request.query_params.get("as", WRITABLE[0])
        if standard not in WRITABLE:
            raise refusal("as", "invalid_choice", f"{standard!r} is no standard; {nearest(standard, WRITABLE)}")
        shape = self.get_object()
        if standard == "json-schema":
            return Response(json_schema(shape.name, shape.current.definition))
        return Response(table_schema(shape.current.definition))

    @extend_schema(
        operation_id="objects_describe",
        parameters=[*OPTIONS, *DESCRIBING],
        request={**ROWS_BODY, **file_body()},
        responses={200: DESCRIBED},
        examples=[OpenApiExample("Rows", ROWS_EXAMPLE, request_only=True, media_type="application/json")],
    )
    @action(detail=False, methods=["post"], url_path="describe", url_name="describe", parser_classes=FILE_PARSERS)
    def describe_rows(self, request: Request) -> Response:
        """Find out what Object rows have, with the evidence. Nothing is stored; `object` is ready to post."""
        accepted = accepted_suggestions(request)
        application, name = request.query_params.get("application", ""), request.query_params.get("name", "rows")
        if "from" in request.query_params:
            return Response(translated(request, application, name))
        if is_json(request):
            description = describe(rows_source(listed_rows(request)), {"format": "json"})
        else:
            with opened_file(request) as opened:
                description = describe(opened.source, opened.found)
        return Response(description_document(description, application, name, accepted))

    @extend_schema(
        parameters=OPTIONS,
        request={**ROWS_BODY, **file_body()},
        responses={200: REPORTED},
        examples=[OpenApiExample("Rows", ROWS_EXAMPLE, request_only=True, media_type="application/json")],
    )
    @action(detail=True, methods=["post"], parser_classes=FILE_PARSERS)
    def validate(self, request: Request, pk: str) -> Response:
        """Check rows against the Object, and what they refer to against its Tables as they are.

        Nothing is stored; the answer is 200 whether they conform or not.
        """
        shape = self.get_object()
        if is_json(request):
            report = check_rows_of(shape, rows_source(listed_rows(request)), settings.ENGINE_THREADS)
        else:
            with opened_file(request) as opened:
                report = check_rows_of(shape, opened.source, settings.ENGINE_THREADS)
        return Response(RowReportSerializer(without_values(report, hidden_in(request._request, shape.schema))).data)


def translated(request: Request, application: str, name: str) -> dict[str, Any]:
    """The body, a schema in the words of the standard that `from` names, as an Object."""
    standard = request.query_params["from"]
    if standard not in READABLE:
        raise refusal("from", "invalid_choice", f"{standard!r} is no standard; {nearest(standard, READABLE)}")
    if not is_json(request):
        raise refusal("from", "not_allowed", "A schema is a JSON document, sent as application/json.")
    try:
        return translated_document(standard, request.data, application, name)
    except NotOfStandardError as error:
        errors = [{"pointer": each.path, "code": each.code, "message": each.message} for each in error.problems]
        title = f"The document is not sound {standard}"
        raise Refusal(ProblemDetails(400, "not_of_standard", title, str(error.problems[0]), errors=errors)) from error


def accepted_suggestions(request: Request) -> list[str]:
    """The kinds of suggestions that `accept` names, comma-separated; "all" is each of them."""
    kinds = [kind for kind in request.query_params.get("accept", "").split(",") if kind]
    if kinds == ["all"]:
        return list(SUGGESTIONS)
    for kind in kinds:
        if kind not in SUGGESTIONS:
            raise refusal("accept", "invalid_choice", f"accept has {kind!r}; {nearest(kind, [*SUGGESTIONS, 'all'])}")
    return kinds


class SchemaViewSet(StrictMixin, mixins.ListModelMixin, viewsets.GenericViewSet[ObjectSchema]):
    """Every Object as something to browse."""

    queryset = ObjectSchema.objects.select_related("application").with_table_count().with_row_count().with_current()
    serializer_class = SchemaSerializer
    filterset_class = ObjectFilter
    search_fields = ["name", "description", "application__name"]
    ordering_fields = {"name": "name", "application": "application__name"}

    @extend_schema(summary="Browse objects")
    def list(self, request: Request) -> Response:
        """Every Object by application, with what filters its attributes and how many rows there are."""
        return super().list(request)
