"""What OpenAPI says of the rows of a Table: a decorator for each view in `catalog.viewsets.rows`."""

from typing import Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from catalog.browsing import COUNT_LIMIT
from catalog.serializers.rows import RowsWrittenSerializer
from catalog.serializers.tables import ROWS_ANSWERED, ROWS_EXAMPLE
from config.api.pages import LIMIT_MAXIMUM, OFFSET_MAXIMUM, envelope_schema

COUNTS: Final = ("exact", "none")
ROW_SCHEMA: Final = {"type": "object", "properties": {"_id": {"type": "integer"}}, "additionalProperties": True}
ROWS_BODY: Final = {
    "application/json": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
    "application/x-ndjson": {"type": "string", "format": "binary"},
    "text/csv": {"type": "string", "format": "binary"},
}
ROWS_BODY_EXAMPLE: Final = OpenApiExample("Rows", ROWS_EXAMPLE, request_only=True, media_type="application/json")
ANSWERED_EXAMPLE: Final = OpenApiExample(
    "A page",
    {
        "count": 1,
        "count_truncated": False,
        "next": None,
        "previous": None,
        "results": ROWS_ANSWERED[:1],
    },
    response_only=True,
    media_type="application/json",
)
CONDITIONS: Final = OpenApiParameter(
    "conditions",
    OpenApiTypes.OBJECT,
    style="form",
    explode=True,
    description="Conditions on attributes, such as `amount__gte=10`, `city__in=Oslo,Lima` or `note__is_null`. "
    "Operators: eq (or none) ne gt gte lt lte in not_in between like ilike contains starts_with is_null is_not_null.",
)
TABLE_ID: Final = OpenApiParameter("table_id", str, OpenApiParameter.PATH, description="The id of the table.")
ROW_ID: Final = OpenApiParameter("row_id", int, OpenApiParameter.PATH, description="The `_id` of the row.")
IF_MATCH: Final = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description='The version that is to be changed, such as `"7"`.'
)
OLD_VERSION: Final = OpenApiParameter("version", int, description="An earlier version of the table.")

FIELDS: Final = OpenApiParameter("fields", str, description="The attributes to answer, comma-separated.")

read = extend_schema(
    operation_id="rows_list",
    summary="Read rows",
    filters=False,
    parameters=[
        TABLE_ID,
        CONDITIONS,
        FIELDS,
        OpenApiParameter("ordering", str, description="Attributes, `-` for descending; `_id` comes last."),
        OpenApiParameter("limit", int, description=f"At most {LIMIT_MAXIMUM}; 100 by default."),
        OpenApiParameter("offset", int, description=f"At most {OFFSET_MAXIMUM}."),
        OpenApiParameter("count", str, enum=COUNTS, description=f"Exact up to {COUNT_LIMIT} by default."),
        OLD_VERSION,
    ],
    responses={
        (200, "application/json"): envelope_schema({"type": "array", "items": ROW_SCHEMA}),
        (200, "application/x-ndjson"): OpenApiTypes.BINARY,
    },
    examples=[ANSWERED_EXAMPLE],
)
lines = extend_schema(
    operation_id="rows_stream",
    summary="Stream rows",
    filters=False,
    parameters=[TABLE_ID, CONDITIONS, FIELDS, OLD_VERSION],
    responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY},
)
append = extend_schema(
    operation_id="rows_append",
    summary="Append rows",
    parameters=[TABLE_ID, IF_MATCH],
    request=ROWS_BODY,
    responses={201: RowsWrittenSerializer},
    examples=[ROWS_BODY_EXAMPLE],
)
replace = extend_schema(
    operation_id="rows_replace",
    summary="Replace all rows",
    parameters=[TABLE_ID, IF_MATCH],
    request=ROWS_BODY,
    responses=RowsWrittenSerializer,
    examples=[ROWS_BODY_EXAMPLE],
)
change = extend_schema(
    operation_id="rows_change",
    summary="Change rows",
    parameters=[TABLE_ID, IF_MATCH],
    request={"application/json": {"type": "array", "items": ROW_SCHEMA}},
    responses=RowsWrittenSerializer,
    examples=[OpenApiExample("Changes", [{"_id": 1, "amount": 3}], request_only=True)],
)
remove = extend_schema(
    operation_id="rows_delete",
    summary="Delete rows by a condition",
    parameters=[
        TABLE_ID,
        CONDITIONS,
        IF_MATCH,
        OpenApiParameter("max_affected", int, required=True, description="More rows than this are not deleted."),
    ],
    responses={200: RowsWrittenSerializer},
)
retrieve = extend_schema(
    operation_id="row_read",
    summary="Read a row",
    parameters=[TABLE_ID, ROW_ID, OLD_VERSION],
    responses={200: ROW_SCHEMA},
    examples=[OpenApiExample("A row", ROWS_ANSWERED[0], response_only=True)],
)
update = extend_schema(
    operation_id="row_replace",
    summary="Replace a row",
    parameters=[TABLE_ID, ROW_ID, IF_MATCH],
    request={"application/json": ROW_SCHEMA},
    responses={200: ROW_SCHEMA},
    examples=[OpenApiExample("A row", ROWS_ANSWERED[0])],
)
partial_update = extend_schema(
    operation_id="row_change",
    summary="Change a row",
    parameters=[TABLE_ID, ROW_ID, IF_MATCH],
    request={"application/json": ROW_SCHEMA},
    responses={200: ROW_SCHEMA},
    examples=[OpenApiExample("A change", {"amount": 3}, request_only=True)],
)
destroy = extend_schema(
    operation_id="row_delete",
    summary="Delete a row",
    parameters=[TABLE_ID, ROW_ID, IF_MATCH],
    responses={200: RowsWrittenSerializer},
)
