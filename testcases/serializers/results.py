"""Results as JSON: verdicts, rows that differ, history, and what is accepted."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from config.api import StrictSerializer
from testcases.models import Result, ResultOutput
from testcases.sight import as_seen
from testcases.wording import BLAME

RUN_ID = "01JD4Y3Z8Q6V5T2W9X7R1N0MKG"
RESULT_ID = "01JD4Y3Z8Q6V5T2W9X7R1N0MKH"
CASE_ID = "01JD4Y3Z8Q6V5T2W9X7R1N0MKJ"
TABLE_ID = "01JD4Y3Z8Q6V5T2W9X7R1N0MKF"
COUNTS_EXAMPLE = {"matched": 0, "changed": 1, "missing": 1, "unexpected": 1, "moved": 0, "duplicate_key": 0}
SUMMARY_EXAMPLE: Mapping[str, Any] = {"name": "totals", "row_count": 2, "counts": COUNTS_EXAMPLE}
OUTPUT_EXAMPLE: Mapping[str, Any] = {
    **SUMMARY_EXAMPLE,
    "rows": [{"class": "changed", "key": {"id": 1}, "cells": {"total": {"expected": 9, "actual": 3.5}}}],
    "rows_truncated": False,
}
DIFF_EXAMPLE: Mapping[str, Any] = {
    **OUTPUT_EXAMPLE,
    "is_equal": False,
    "summary": "actual differs from expected: 1 changed, 1 missing, 1 unexpected",
    "shape": {"missing_attributes": [], "unexpected_attributes": [], "type_mismatches": []},
    "attributes": {
        "total": {"equal": 0, "equal_within_tolerance": 0, "changed": 1, "null_only_expected": 0, "null_only_actual": 0}
    },
    "notes": [],
}
RESULT_EXAMPLE: Mapping[str, Any] = {
    "id": RESULT_ID,
    "run": RUN_ID,
    "test_case": CASE_ID,
    "test_case_name": "two customers",
    "implementation": "sql",
    "verdict": "failed",
    "reason": "mismatch",
    "stale": False,
    "flaky": False,
    "blame": "The function ran, and what it gives conforms to its object, but it is not what is expected. Either the "
    "function or the expected table is wrong.",
    "message": "totals: actual differs from expected: 1 changed, 1 missing, 1 unexpected",
    "errors": [],
    "outputs": [OUTPUT_EXAMPLE],
    "timings_ms": {"load": 1, "execute": 2, "check": 1, "compare": 1},
    "pins": {"inputs": {"orders": {"table": TABLE_ID, "table_name": "week 1", "version": 7}}, "outputs": {}},
    "created_at": "2026-11-20T21:00:00Z",
}
TREND_EXAMPLE: Mapping[str, Any] = {
    "verdicts": {"failed": 1},
    "verdict_changes": 0,
    "passed_share": 0.0,
    "median_execute_ms": 2.0,
    "last_execute_ms": 2.0,
}


class RowClassCountsSerializer(serializers.Serializer[Any]):
    """Rows by class: true totals."""

    matched = serializers.IntegerField()
    changed = serializers.IntegerField()
    missing = serializers.IntegerField()
    unexpected = serializers.IntegerField()
    moved = serializers.IntegerField()
    duplicate_key = serializers.IntegerField()


class AsSeenMixin:
    """A serializer of results that masks what the caller may not see."""

    context: dict[str, Any]

    def to_representation(self, instance: Result) -> dict[str, Any]:
        request = self.context.get("request")
        seen = instance if request is None else as_seen(request._request, instance)
        return dict(super().to_representation(seen))  # type: ignore[misc] # of the serializer


class OutputSummarySerializer(serializers.Serializer[Any]):
    """How many rows came out of a port, and how they differ; `counts` is null where nothing was expected of it."""

    name = serializers.CharField()
    row_count = serializers.IntegerField()
    counts = RowClassCountsSerializer(allow_null=True)


class OutputSerializer(OutputSummarySerializer):
    """The same with the rows that differ, a limited number of each class."""

    rows = serializers.ListField(child=serializers.DictField())
    rows_truncated = serializers.BooleanField()


class OutputDiffSerializer(OutputSerializer):
    """The same with what became of each attribute; null where nothing was expected."""

    is_equal = serializers.BooleanField(allow_null=True)
    summary = serializers.CharField()
    shape = serializers.DictField()
    attributes = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    notes = serializers.ListField(child=serializers.CharField())


class PinSerializer(serializers.Serializer[Any]):
    """The version of a table that stood on a port."""

    table = serializers.CharField()
    table_name = serializers.CharField()
    version = serializers.IntegerField()


class PinsSerializer(serializers.Serializer[Any]):
    """Pins by the port's name."""

    inputs = serializers.DictField(child=PinSerializer())
    outputs = serializers.DictField(child=PinSerializer())


@extend_schema_serializer(
    examples=[OpenApiExample("A mismatch in a list", {**RESULT_EXAMPLE, "outputs": [SUMMARY_EXAMPLE]})]
)
class ResultSerializer(AsSeenMixin, serializers.ModelSerializer[Result]):
    """A result in a list: its outputs with counts, without rows."""

    run = serializers.CharField(source="run_id")
    test_case = serializers.CharField(source="test_case_id")
    test_case_name = serializers.CharField(source="test_case.name")
    implementation = serializers.CharField(source="implementation_name")
    stale = serializers.BooleanField(source="is_stale")
    flaky = serializers.BooleanField(source="is_flaky")
    blame = serializers.SerializerMethodField(help_text="Who has to mend something.")
    errors = serializers.ListField(child=serializers.DictField())  # type: ignore[assignment] # a field, as declared
    outputs = serializers.SerializerMethodField()
    timings_ms = serializers.DictField(child=serializers.FloatField())
    pins = serializers.SerializerMethodField()

    class Meta:
        model = Result
        fields = list(RESULT_EXAMPLE)

    def get_blame(self, result: Result) -> str:
        return BLAME.get(result.reason, "")

    @extend_schema_field(OutputSummarySerializer(many=True))
    def get_outputs(self, result: Result) -> list[dict[str, Any]]:
        return [_summary(output) for output in result.outputs.all()]

    @extend_schema_field(PinsSerializer)
    def get_pins(self, result: Result) -> dict[str, Any]:
        pins: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}}
        for pin in result.pins.all():
            version = pin.table_version
            pins[f"{pin.direction}s"][pin.port_name] = {
                "table": version.table_id,
                "table_name": version.table.name,
                "version": version.number,
            }
        return pins


@extend_schema_serializer(examples=[OpenApiExample("A mismatch", RESULT_EXAMPLE)])
class ResultDetailSerializer(ResultSerializer):
    """One result, with the rows that differ."""

    @extend_schema_field(OutputSerializer(many=True))
    def get_outputs(self, result: Result) -> list[dict[str, Any]]:
        return [_with_rows(output) for output in result.outputs.all()]


@extend_schema_serializer(examples=[OpenApiExample("A mismatch", {"result": RESULT_ID, "outputs": [DIFF_EXAMPLE]})])
class DiffSerializer(AsSeenMixin, serializers.Serializer[Result]):
    """How the actual outputs of a result differ from the expected ones."""

    result = serializers.CharField(source="pk")
    outputs = serializers.SerializerMethodField()

    @extend_schema_field(OutputDiffSerializer(many=True))
    def get_outputs(self, result: Result) -> list[dict[str, Any]]:
        return [_whole_diff(output) for output in result.outputs.all()]


@extend_schema_serializer(
    many=False,  # it is the page itself
    examples=[
        OpenApiExample(
            "Rows that differ",
            {
                "count": 1,
                "count_truncated": False,
                "next": None,
                "previous": None,
                "results": OUTPUT_EXAMPLE["rows"],
                **{name: DIFF_EXAMPLE[name] for name in ("shape", "attributes", "notes", "is_equal")},
                "summary": "actual differs from expected: 1 changed",
                "counts": {**COUNTS_EXAMPLE, "missing": 0, "unexpected": 0},
            },
        )
    ],
)
class DiffPageSerializer(serializers.Serializer[Any]):
    """A page of the rows of an output that differ, with the totals of all."""

    count = serializers.IntegerField(allow_null=True, help_text="Rows of the classes asked for; null of an attribute.")
    count_truncated = serializers.BooleanField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = serializers.ListField(child=serializers.DictField())
    is_equal = serializers.BooleanField()
    summary = serializers.CharField()
    counts = RowClassCountsSerializer()
    shape = serializers.DictField()
    attributes = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    notes = serializers.ListField(child=serializers.CharField())


def _summary(output: ResultOutput) -> dict[str, Any]:
    diff = output.diff
    return {"name": output.port_name, "row_count": output.row_count, "counts": diff["counts"] if diff else None}


def _with_rows(output: ResultOutput) -> dict[str, Any]:
    diff = output.diff
    rows = {"rows": diff["rows"] if diff else [], "rows_truncated": bool(diff and diff["rows_truncated"])}
    return _summary(output) | rows


def _whole_diff(output: ResultOutput) -> dict[str, Any]:
    found: Mapping[str, Any] = output.diff or {
        "is_equal": None,
        "summary": "Nothing was expected of this output.",
        "shape": {},
        "attributes": {},
        "notes": [],
    }
    whole = {name: found[name] for name in ("is_equal", "summary", "shape", "attributes", "notes")}
    return _with_rows(output) | whole


class TrendSerializer(serializers.Serializer[Any]):
    """How results went: verdicts, how often the verdict changed, and how long the function took."""

    verdicts = serializers.DictField(child=serializers.IntegerField())
    verdict_changes = serializers.IntegerField()
    passed_share = serializers.FloatField(allow_null=True)
    median_execute_ms = serializers.FloatField(allow_null=True)
    last_execute_ms = serializers.FloatField(allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A failure",
            {
                "test_case": CASE_ID,
                "trend": TREND_EXAMPLE,
                "results": [{**RESULT_EXAMPLE, "outputs": [SUMMARY_EXAMPLE]}],
            },
        )
    ]
)
class HistorySerializer(serializers.Serializer[Any]):
    """The newest results of a test case."""

    test_case = serializers.CharField()
    trend = TrendSerializer()
    results = ResultSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("Why", {"message": "The menu changed."})])
class AcceptSerializer(StrictSerializer):
    """Why what a function gave is right, and which outputs of it."""

    message = serializers.CharField(help_text="Why; it stands at the new version of the table.")
    outputs = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Names of ports; by default all that differ."
    )
    confirm = serializers.BooleanField(default=False, help_text="Although other test cases have the table too.")


class AcceptedTableSerializer(serializers.Serializer[Any]):
    """A table that has a new version."""

    table = serializers.CharField()
    table_name = serializers.CharField()
    version = serializers.IntegerField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A new version", {"tables": [{"table": TABLE_ID, "table_name": "two customers: totals", "version": 2}]}
        )
    ]
)
class AcceptedSerializer(serializers.Serializer[Any]):
    """What was accepted."""

    tables = AcceptedTableSerializer(many=True)
