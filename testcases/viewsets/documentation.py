"""What OpenAPI says of the outputs of a result."""

from typing import Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from catalog.viewsets.documentation import PAGE_ANSWER, STREAMED

ADDRESS: Final = [
    OpenApiParameter("id", str, OpenApiParameter.PATH, description="The id of the result."),
    OpenApiParameter("name", str, OpenApiParameter.PATH, description="The name of the output port."),
]
PAGE_EXAMPLE: Final = {"count": 1, "count_truncated": False, "next": None, "previous": None}
ROWS_ANSWERED: Final = {(200, "application/json"): PAGE_ANSWER, **STREAMED}
ROWS_EXAMPLE: Final = OpenApiExample(
    "A page", {**PAGE_EXAMPLE, "results": [{"_id": 1, "id": 1, "total": 3.5}]}, media_type="application/json"
)
