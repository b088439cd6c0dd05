"""What OpenAPI says of records: a decorator for each view in `catalog.viewsets.records`."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from catalog.serializers.rows import WRITTEN
from catalog.serializers.tables import ROWS_EXAMPLE
from catalog.viewsets.documentation import (
    DECIMALS,
    FIELDS,
    INTEGERS,
    PAGE_ANSWER,
    PAGES,
    QUERY_EXAMPLE,
    ROW_SCHEMA,
    SELECTION,
    SPREADSHEET,
    STREAMED,
)
from catalog.viewsets.files import file_body

OBJECT: Final = OpenApiParameter("object_name", str, OpenApiParameter.PATH, description="The name of the object.")
APPLICATION: Final = OpenApiParameter(
    "application", str, description="Where the object is; by default `app`, or wherever its name is unique."
)
TABLE: Final = OpenApiParameter(
    "table", str, description="The table to write to; by default the one of the object's name, made on first use."
)
SELECTED: Final = [OBJECT, APPLICATION, *(each for each in SELECTION if each.name != "since")]
RECORD_EXAMPLE: Final[dict[str, Any]] = {"_table": "01J9ZK4V6T8Y2M3N5P7Q9R1S3T", "_id": 1, **ROWS_EXAMPLE[0]}
ANSWERED: Final = OpenApiExample("A record", RECORD_EXAMPLE, response_only=True)
PAGE_EXAMPLE: Final = OpenApiExample(
    "A page",
    {"count": 1, "count_truncated": False, "next": None, "previous": None, "results": [RECORD_EXAMPLE]},
    response_only=True,
    media_type="application/json",
)
GIVEN: Final = OpenApiExample("A record", ROWS_EXAMPLE[0], request_only=True)
NAMED_SCHEMA: Final = {"type": "object", "required": ["schema_name"], "additionalProperties": True}


def _search(view: Callable[..., Any]) -> Callable[..., Any]:
    """A query as a document, by POST; OpenAPI knows no QUERY."""
    documented = extend_schema(
        methods=["POST"],
        operation_id="records_query",
        summary="Query records",
        filters=False,
        parameters=[OBJECT, APPLICATION, PAGES[1]],
        request={"application/json": {"type": "object", "additionalProperties": True}},
        responses={(200, "application/json"): PAGE_ANSWER},
        examples=[QUERY_EXAMPLE, PAGE_EXAMPLE],
    )
    hidden = extend_schema(methods=["QUERY"], exclude=True)
    return hidden(documented(view))


records: Final = SimpleNamespace(
    read=extend_schema(
        operation_id="records_list",
        summary="Read records",
        filters=False,
        parameters=[*SELECTED, *PAGES],
        responses={(200, "application/json"): PAGE_ANSWER, **STREAMED},
        examples=[PAGE_EXAMPLE],
    ),
    search=_search,
    stream=extend_schema(
        operation_id="records_stream",
        summary="Stream records",
        filters=False,
        parameters=[*SELECTED, SPREADSHEET],
        responses=STREAMED,
    ),
    count=extend_schema(
        operation_id="records_count",
        summary="Count records",
        filters=False,
        parameters=SELECTED[:4],
        responses={200: OpenApiTypes.OBJECT},
        examples=[OpenApiExample("A count", {"count": 4711, "count_truncated": False}, response_only=True)],
    ),
    retrieve=extend_schema(
        operation_id="record_read",
        summary="Read a record",
        parameters=[
            OBJECT,
            OpenApiParameter("table_id", str, OpenApiParameter.PATH, description="The id of the record's table."),
            OpenApiParameter("row_id", int, OpenApiParameter.PATH, description="The `_id` of the record."),
            *(APPLICATION, FIELDS, DECIMALS, INTEGERS),
        ],
        responses={200: ROW_SCHEMA},
        examples=[ANSWERED],
    ),
    create=extend_schema(
        operation_id="record_create",
        summary="Add a record",
        parameters=[OBJECT, APPLICATION, TABLE],
        request={"application/json": ROW_SCHEMA},
        responses={201: ROW_SCHEMA},
        examples=[GIVEN, ANSWERED],
    ),
    create_named=extend_schema(
        operation_id="record_create_named",
        summary="Add a record to the object that the body names",
        parameters=[APPLICATION, TABLE],
        request={"application/json": NAMED_SCHEMA},
        responses={201: ROW_SCHEMA},
        examples=[
            OpenApiExample("A record", {"schema_name": "orders", "data": ROWS_EXAMPLE[0]}, request_only=True),
            ANSWERED,
        ],
    ),
    bulk=extend_schema(
        operation_id="records_create",
        summary="Add records",
        parameters=[OBJECT, APPLICATION, TABLE],
        request={"application/json": {"type": "array", "items": ROW_SCHEMA}, **file_body()},
        responses={201: WRITTEN},
        examples=[OpenApiExample("Records", ROWS_EXAMPLE, request_only=True, media_type="application/json")],
    ),
    bulk_named=extend_schema(
        operation_id="records_create_named",
        summary="Add records to the object that the body names",
        parameters=[APPLICATION, TABLE],
        request={"application/json": NAMED_SCHEMA},
        responses={201: WRITTEN},
        examples=[OpenApiExample("Records", {"schema_name": "orders", "records": ROWS_EXAMPLE}, request_only=True)],
    ),
)
