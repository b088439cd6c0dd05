"""The report on rows as JSON."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_field
from rest_framework import serializers

from catalog.row_errors import Report

ERROR_EXAMPLE: Final = {
    "row": 17,
    "attribute": "amount",
    "code": "minimum",
    "message": "amount is -3; the minimum is 0",
    "value": -3,
    "constraint": 0,
    "pointer": "/rows/17/amount",
}
REPORT_EXAMPLE: Final = OpenApiExample(
    "A report",
    {
        "conforms": False,
        "row_count": 1000,
        "error_count": 1,
        "errors_truncated": False,
        "kinds": [{"attribute": "amount", "code": "minimum", "count": 1, "first": ERROR_EXAMPLE}],
        "errors": [ERROR_EXAMPLE],
    },
)


class RowErrorSerializer(serializers.Serializer[Any]):
    """One thing that is wrong with one row."""

    pointer = serializers.CharField()
    row = serializers.IntegerField()
    attribute = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    line = serializers.IntegerField(required=False, help_text="Where the row begins in a file of lines.")
    value = serializers.JSONField(
        required=False, help_text="What stands there; left out where the caller may not see it."
    )
    constraint = serializers.JSONField(required=False, help_text="What it had to meet.")


class ErrorKindSerializer(serializers.Serializer[Any]):
    """All errors of one code in one attribute: how many, and the first."""

    attribute = serializers.CharField()
    code = serializers.CharField()
    count = serializers.IntegerField()
    first = RowErrorSerializer()


class RowReportSerializer(serializers.Serializer[Report]):
    """Whether rows conform, and what is wrong with those that don't."""

    conforms = serializers.SerializerMethodField()
    row_count = serializers.IntegerField()
    error_count = serializers.IntegerField()
    errors_truncated = serializers.BooleanField(source="is_truncated")
    kinds = serializers.SerializerMethodField()
    errors = serializers.SerializerMethodField()  # type: ignore[assignment] # DRF takes fields off the class

    def get_conforms(self, report: Report) -> bool:
        return not report.error_count

    @extend_schema_field(ErrorKindSerializer(many=True))
    def get_kinds(self, report: Report) -> list[dict[str, Any]]:
        return [kind.as_dict() for kind in report.kinds]

    @extend_schema_field(RowErrorSerializer(many=True))
    def get_errors(self, report: Report) -> list[dict[str, Any]]:
        return [error.as_dict() for error in report.errors]


REPORTED: Final = OpenApiResponse(RowReportSerializer, "What is wrong with the rows.", [REPORT_EXAMPLE])
