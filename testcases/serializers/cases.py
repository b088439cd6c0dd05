"""Test cases as JSON, with the Tables or the rows on their ports."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import prefetch_related_objects
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from catalog.models import Table
from catalog.serializers.tables import ROWS_EXAMPLE
from catalog.sources import JSONRows
from config.api import CheckedSerializer, JSONField, ProblemDetails, UserField, describe
from config.exact_json import dump_json
from config.problems import pointer
from processes.models import Function
from processes.serializers import FUNCTION_ID, MemberSerializer
from testcases.given import Definition, InvalidRowsError, RowsDefinition, define_test_case
from testcases.models import TestCase
from testcases.models.cases import BindingDefinition
from testcases.serializers.options import COMPARISON_EXAMPLE, ComparisonField, ExpectedErrorField
from testcases.serializers.results import CASE_ID, TABLE_ID

SIDES = ("inputs", "outputs")
CASE_EXAMPLE: Mapping[str, Any] = {
    "function": FUNCTION_ID,
    "name": "two customers",
    "summary": "Each customer's orders are added up.",
    "tags": ["small"],
    "inputs": [
        {"name": "customers", "table": TABLE_ID},
        {"name": "orders", "rows": ROWS_EXAMPLE},
    ],
    "outputs": [{"name": "totals", "rows": [{"id": 1, "total": 2.5}, {"id": 2, "total": 7}]}],
    "comparison": COMPARISON_EXAMPLE,
    "parameters": {},
    "expected_error": {},
    "clock": None,
}

CASE_ANSWERED: Mapping[str, Any] = {
    "id": CASE_ID,
    "application": "demo",
    "function_name": "sum_orders",
    **CASE_EXAMPLE,
    "enabled": True,
    "inputs": [
        {"name": "customers", "table": TABLE_ID, "table_name": "customers"},
        {"name": "orders", "table": "01JD4Y3Z8Q6V5T2W9X7R1N0MKN", "table_name": "two customers: orders"},
    ],
    "outputs": [
        {"name": "totals", "table": "01JD4Y3Z8Q6V5T2W9X7R1N0MKP", "table_name": "two customers: totals"},
    ],
    "created_at": "2026-11-20T21:00:00Z",
    "updated_at": "2026-11-20T21:00:00Z",
    "created_by": "ann",
}


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": True}})
class RowsField(serializers.Field[JSONRows, Any, Any, Any]):
    """Rows in the body, as a source that keeps every digit."""

    def to_internal_value(self, data: Any) -> JSONRows:
        if not isinstance(data, list):
            raise serializers.ValidationError('Rows are a list of objects such as [{"id": 1}].', code="type")
        return JSONRows([dump_json(row).decode() for row in data])


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class TagsField(JSONField):
    """Tags; the model checks them."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class DictionaryField(JSONField):
    """A dictionary that the model checks."""


class BindingSerializer(MemberSerializer):
    """What stands on a port: the id of a Table, or rows, which become one."""

    name = serializers.CharField(trim_whitespace=False, help_text="The port's name.")
    table = serializers.CharField(source="table_id", required=False, help_text="The Table's id.")
    table_name = serializers.CharField(source="table.name", read_only=True)
    rows = RowsField(required=False, write_only=True, help_text="In place of `table`: rows that become a Table.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "table_id" not in attrs and "rows" not in attrs:
            raise serializers.ValidationError({"table": "Give a table, or rows."}, code="required")
        if "table_id" in attrs and "rows" in attrs:
            raise serializers.ValidationError({"rows": "Give a table or rows, not both."}, code="conflict")
        return attrs

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {"name": instance.port.name, "table": instance.table_id, "table_name": instance.table.name}


@extend_schema_serializer(
    examples=[
        OpenApiExample("Two customers", CASE_EXAMPLE, request_only=True),
        OpenApiExample("Two customers with their tables", CASE_ANSWERED, response_only=True),
    ]
)
class TestCaseSerializer(CheckedSerializer[TestCase]):
    """A test case with what stands on its ports, written in one transaction.

    A PATCH leaves a side that it doesn't bring as it is; in a PUT or POST it is empty. Rows that are sent for a port
    again replace those that were sent before.
    """

    __test__ = False

    fixed = ("function",)
    application = serializers.CharField(source="application.name", read_only=True)
    function = serializers.PrimaryKeyRelatedField(queryset=Function.objects.select_related("application"))
    function_name = serializers.CharField(source="function.name", read_only=True)
    tags = TagsField(required=False)
    comparison = ComparisonField(required=False)
    parameters = DictionaryField(required=False, help_text="Values of the function's parameters, by name.")
    expected_error = ExpectedErrorField(required=False)
    inputs = BindingSerializer(many=True, required=False)
    outputs = BindingSerializer(many=True, required=False)
    created_by = UserField()

    class Meta:
        model = TestCase
        fields = [
            "id",
            "application",
            "function",
            "function_name",
            "name",
            "summary",
            "tags",
            "enabled",
            "inputs",
            "outputs",
            "comparison",
            "parameters",
            "expected_error",
            "clock",
            "created_at",
            "updated_at",
            "created_by",
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the Tables of all ports in one query."""
        named = {each["table_id"] for side in SIDES for each in attrs.get(side, ()) if "table_id" in each}
        tables = Table.objects.select_related("object").in_bulk(named) if named else {}
        errors = {side: _unknown_tables(attrs[side], tables) for side in SIDES if side in attrs}
        if any(any(listed) for listed in errors.values()):
            raise serializers.ValidationError(errors)
        return attrs | {side: [_definition(each, tables) for each in attrs[side]] for side in SIDES if side in attrs}

    def store(self, instance: TestCase, validated_data: dict[str, Any]) -> None:
        """Save the test case with the sides that were sent."""
        absent = None if self.partial else ()
        inputs, outputs = (validated_data.get(side, absent) for side in SIDES)
        define_test_case(instance, inputs, outputs, validated_data["author"])
        prefetch_related_objects([instance], "bindings__port", "bindings__table")


def _unknown_tables(bindings: Sequence[Mapping[str, Any]], known: Mapping[str, Table]) -> list[dict[str, Any]]:
    """For each binding the error that its Table isn't there, or nothing."""
    return [
        {}
        if "table_id" not in each or each["table_id"] in known
        else {"table": [serializers.ErrorDetail(f"There is no table {each['table_id']!r}.", "does_not_exist")]}
        for each in bindings
    ]


def _definition(binding: Mapping[str, Any], tables: Mapping[str, Table]) -> Definition:
    if "rows" in binding:
        return RowsDefinition(binding["name"], binding["rows"])
    return BindingDefinition(binding["name"], tables[binding["table_id"]])


@describe.register
def _(error: InvalidRowsError) -> ProblemDetails:
    errors = [
        {**each.as_dict(), "pointer": pointer(f"{side}s", position) + each.as_dict()["pointer"]}
        for (side, position), report in error.reports.items()
        for each in report.errors
    ]
    total = sum(report.error_count for report in error.reports.values())
    return ProblemDetails(
        400, "row_validation", "Rows do not conform to the objects of their ports", str(error), "", errors, total
    )
