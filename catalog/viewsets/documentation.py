"""What OpenAPI says of the rows of a Table: a decorator for each view in `catalog.viewsets.rows`."""

from collections.abc import Callable
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from catalog.browsing import COUNT_LIMIT
from catalog.formats import FORMATS
from catalog.serializers.rows import WRITTEN
from catalog.serializers.tables import ROWS_ANSWERED, ROWS_EXAMPLE
from catalog.set_aside import MEDIA_TYPES
from catalog.viewsets.deferred import ACCEPTED
from catalog.viewsets.files import OPTIONS, file_body
from config.api.pages import DEFAULT_LIMIT, LIMIT_MAXIMUM, OFFSET_MAXIMUM, envelope_schema

COUNTS: Final = ("exact", "none")
DIGITS: Final = ("number", "string")
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
PREFER: Final = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`return=minimal` answers no body. Where many rows are sent: `handling=lenient` takes the rows that "
    "conform and sets the others aside; `resolution=merge-duplicates` puts rows in place by primary key; "
    "`respond-async` leaves the rows of a table to a worker: the answer is 202 with a job.",
)
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="A repetition with the same key gets the same answer."
)
DRY_RUN: Final = OpenApiParameter("dry_run", str, enum=["1", "0"], description="With 1, all is done but the commit.")
MINIMAL: Final = OpenApiResponse(description="Done, with `Prefer: return=minimal`.")
MAX_AFFECTED: Final = OpenApiParameter(
    "max_affected", int, description="At most so many rows, or none. Needed where a condition says which."
)
OLD_VERSION: Final = OpenApiParameter("version", int, description="An earlier version of the table.")

FIELDS: Final = OpenApiParameter("fields", str, description="The attributes to answer, comma-separated.")

FILTER: Final = OpenApiParameter(
    "filter", str, description="Conditions as JSON, joined by and, or, not: the `where` of a query document."
)
ORDERING: Final = OpenApiParameter("ordering", str, description="Attributes, `-` for descending; `_id` comes last.")
SINCE: Final = OpenApiParameter("since", int, description="Only the rows that were written after this version.")
DECIMALS: Final = OpenApiParameter("decimals", str, enum=DIGITS, description="How exact decimals are written.")
INTEGERS: Final = OpenApiParameter("integers", str, enum=DIGITS, description="How integers are written.")
SELECTION: Final = [CONDITIONS, FILTER, FIELDS, ORDERING, SINCE, DECIMALS, INTEGERS]
PAGES: Final = [
    OpenApiParameter("limit", int, description=f"At most {LIMIT_MAXIMUM}; {DEFAULT_LIMIT} by default."),
    OpenApiParameter("after", str, description="Where the page begins: the cursor of `next` or `previous`."),
    OpenApiParameter("offset", int, description=f"At most {OFFSET_MAXIMUM}; `after` reaches further."),
    OpenApiParameter("count", str, enum=COUNTS, description=f"Exact up to {COUNT_LIMIT} by default."),
]
SPREADSHEET: Final = OpenApiParameter(
    "spreadsheet", str, enum=["1", "0"], description="With 1, CSV cells that a spreadsheet would run are escaped."
)
SUFFIX: Final = OpenApiParameter("suffix", str, OpenApiParameter.PATH, enum=list(FORMATS))
STREAMED: Final = {(200, each.rows.media_type): OpenApiTypes.BINARY for each in FORMATS.values() if each.name != "json"}
PAGE_ANSWER: Final = envelope_schema({"type": "array", "items": ROW_SCHEMA})
QUERY_EXAMPLE: Final = OpenApiExample(
    "A query",
    {
        "where": {
            "or": [
                {"attribute": "amount", "op": "gte", "value": 10},
                {"not": {"attribute": "customer", "op": "in", "value": [1, 2]}},
            ]
        },
        "ordering": ["-amount"],
        "fields": ["customer", "amount"],
        "limit": 100,
    },
    request_only=True,
)

read = extend_schema(
    operation_id="rows_list",
    summary="Read rows",
    filters=False,
    parameters=[TABLE_ID, *SELECTION, *PAGES, OLD_VERSION],
    responses={(200, "application/json"): PAGE_ANSWER, **STREAMED},
    examples=[ANSWERED_EXAMPLE],
)
stream = extend_schema(
    operation_id="rows_stream",
    summary="Stream rows",
    filters=False,
    parameters=[TABLE_ID, SUFFIX, *SELECTION, SPREADSHEET, OLD_VERSION],
    responses={**STREAMED, (200, "application/json"): OpenApiTypes.BINARY},
)


def search(view: Callable[..., Any]) -> Callable[..., Any]:
    """A query as a document, by POST; OpenAPI knows no QUERY."""
    documented = extend_schema(
        methods=["POST"],
        operation_id="rows_query",
        summary="Query rows",
        filters=False,
        parameters=[TABLE_ID, PAGES[1]],
        request={"application/json": {"type": "object", "additionalProperties": True}},
        responses={(200, "application/json"): PAGE_ANSWER},
        examples=[QUERY_EXAMPLE, ANSWERED_EXAMPLE],
    )
    hidden = extend_schema(methods=["QUERY"], exclude=True)
    return hidden(documented(view))


def _taking(operation_id: str, summary: str, responses: Any, *parameters: OpenApiParameter) -> Callable[..., Any]:
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        parameters=[TABLE_ID, *parameters, IF_MATCH, PREFER, DRY_RUN, *OPTIONS],
        request={**ROWS_BODY, **file_body()},
        responses=responses,
        examples=[ROWS_BODY_EXAMPLE],
    )


_APPENDED: Final = {201: WRITTEN, 202: ACCEPTED}
_CHANGED: Final = {200: WRITTEN, 204: MINIMAL}
_REPLACED: Final = {**_CHANGED, 202: ACCEPTED}
append = _taking("rows_append", "Append rows", _APPENDED, IDEMPOTENCY_KEY)
append_file = _taking("rows_append_file", "Append a file", _APPENDED, SUFFIX, IDEMPOTENCY_KEY)
replace = _taking("rows_replace", "Replace all rows", _REPLACED)
replace_file = _taking("rows_replace_file", "Replace all rows by a file", _REPLACED, SUFFIX)
set_aside = extend_schema(
    operation_id="rows_set_aside",
    summary="Read rows that were set aside",
    parameters=[TABLE_ID],
    responses={(200, name): OpenApiTypes.BINARY for name in MEDIA_TYPES.values()},
)
change = extend_schema(
    operation_id="rows_change",
    summary="Change rows",
    parameters=[TABLE_ID, CONDITIONS, IF_MATCH, PREFER, DRY_RUN, MAX_AFFECTED],
    request={
        "application/json": {
            "oneOf": [{"type": "array", "items": ROW_SCHEMA}, {"type": "object", "additionalProperties": True}]
        },
        "application/x-ndjson": {"type": "string", "format": "binary"},
    },
    responses=_CHANGED,
    examples=[
        OpenApiExample("Rows by _id", [{"_id": 1, "amount": 3}], request_only=True),
        OpenApiExample("All rows that meet the condition of the address", {"amount": 3}, request_only=True),
    ],
)
remove = extend_schema(
    operation_id="rows_delete",
    summary="Delete rows by a condition",
    parameters=[TABLE_ID, CONDITIONS, IF_MATCH, PREFER, DRY_RUN, MAX_AFFECTED],
    responses=_CHANGED,
)
retrieve = extend_schema(
    operation_id="row_read",
    summary="Read a row",
    parameters=[TABLE_ID, ROW_ID, FIELDS, DECIMALS, INTEGERS, OLD_VERSION],
    responses={200: ROW_SCHEMA},
    examples=[OpenApiExample("A row", ROWS_ANSWERED[0], response_only=True)],
)
update = extend_schema(
    operation_id="row_replace",
    summary="Replace a row",
    parameters=[TABLE_ID, ROW_ID, IF_MATCH, PREFER, DRY_RUN],
    request={"application/json": ROW_SCHEMA},
    responses={200: ROW_SCHEMA, 204: MINIMAL},
    examples=[OpenApiExample("A row", ROWS_ANSWERED[0])],
)
partial_update = extend_schema(
    operation_id="row_change",
    summary="Change a row",
    parameters=[TABLE_ID, ROW_ID, IF_MATCH, PREFER, DRY_RUN],
    request={"application/json": ROW_SCHEMA},
    responses={200: ROW_SCHEMA, 204: MINIMAL},
    examples=[
        OpenApiExample("A change", {"amount": 3}, request_only=True),
        OpenApiExample("A row", ROWS_ANSWERED[0], response_only=True),
    ],
)
destroy = extend_schema(
    operation_id="row_delete",
    summary="Delete a row",
    parameters=[TABLE_ID, ROW_ID, IF_MATCH, PREFER, DRY_RUN],
    responses=_CHANGED,
)
