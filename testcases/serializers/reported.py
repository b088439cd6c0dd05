"""Reported runs as JSON: what a client says of an implementation that only it knows."""

import math
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from config.api import StrictSerializer
from processes.execution import ExecutionError
from testcases.reported import OutputRows, Pinned, Reported, pins_by_port
from testcases.serializers.cases import RowsField
from testcases.serializers.results import CASE_ID, TABLE_ID
from testcases.serializers.runs import RunRequestSerializer

NAME_CHARACTERS, REPORTER_CHARACTERS, MESSAGE_CHARACTERS = 200, 50, 20_000
TABLE_NUMBERS = 2**31 - 1
RUN_REQUEST_EXAMPLE: Mapping[str, Any] = {
    "application": "demo",
    "functions": ["sum_orders"],
    "implementation": "my_module:sum_orders",
}
REPORT_EXAMPLE: Mapping[str, Any] = {
    "test_case": CASE_ID,
    "outputs": {"totals": [{"id": 1, "total": 3.5}]},
    "timings_ms": {"execute": 1.5},
    "pins": {"inputs": {"customers": {"table": TABLE_ID, "version": 1}}},
}


@extend_schema_serializer(examples=[OpenApiExample("All cases of a function", RUN_REQUEST_EXAMPLE)])
class ReportedRunSerializer(RunRequestSerializer):
    """Which test cases a client is going to run, with which implementation of its own."""

    implementations = None  # type: ignore[assignment] # there is one, which the catalog doesn't know
    configuration = None  # type: ignore[assignment]
    implementation = serializers.CharField(
        max_length=NAME_CHARACTERS, help_text="What the client runs, such as `my_module:customers`."
    )
    reporter = serializers.CharField(
        max_length=REPORTER_CHARACTERS, default="pytest", help_text="Who runs it; it stands before the name."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One name of who and what."""
        attrs["implementation"] = f"{attrs.pop('reporter')} {attrs['implementation']}"
        return attrs


class OutputRowsField(RowsField):
    """Rows of an output, with the names that they have."""

    def to_internal_value(self, data: Any) -> Any:
        rows = super().to_internal_value(data)
        names = frozenset(name for row in data if isinstance(row, dict) for name in row)
        return OutputRows(rows, len(data), names)


class ReportedErrorSerializer(StrictSerializer):
    """The error that the implementation ended with."""

    kind = serializers.CharField(
        max_length=NAME_CHARACTERS, default="", allow_blank=True, help_text="Its class, such as `ValueError`."
    )
    message = serializers.CharField(max_length=MESSAGE_CHARACTERS, default="", allow_blank=True, trim_whitespace=False)


class PinnedSerializer(StrictSerializer):
    """The version of a table that was read."""

    table = serializers.CharField(max_length=NAME_CHARACTERS)
    version = serializers.IntegerField(min_value=1, max_value=TABLE_NUMBERS)

    def validate(self, attrs: dict[str, Any]) -> Any:
        return Pinned(attrs["table"], attrs["version"])


class PinnedSidesSerializer(StrictSerializer):
    """Versions by the port's name."""

    inputs = serializers.DictField(child=PinnedSerializer(), default=dict)
    outputs = serializers.DictField(child=PinnedSerializer(), default=dict)


class TimingsSerializer(StrictSerializer):
    """Milliseconds by phase."""

    load = serializers.FloatField(required=False, min_value=0)
    execute = serializers.FloatField(required=False, min_value=0)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wrong = [name for name, spent in attrs.items() if not math.isfinite(spent)]
        if wrong:
            message = "Milliseconds are a finite number."
            raise serializers.ValidationError({name: [message] for name in wrong}, code="invalid")
        return {name: round(spent, 3) for name, spent in attrs.items()}


@extend_schema_serializer(examples=[OpenApiExample("Rows of an output", REPORT_EXAMPLE)])
class ReportedResultSerializer(StrictSerializer):
    """What came of a test case: rows by output port, or an error."""

    test_case = serializers.CharField(max_length=NAME_CHARACTERS, help_text="The id of one of the run's.")
    outputs = serializers.DictField(
        child=OutputRowsField(), required=False, help_text="Rows by output port; a port that is lacking is a failure."
    )
    error = ReportedErrorSerializer(required=False)
    timings_ms = TimingsSerializer(default=dict)
    pins = PinnedSidesSerializer(
        default=dict, help_text="The versions that the client read; by default, and where it read none, the newest."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("outputs" in attrs) == ("error" in attrs):
            message = "Give the outputs of the function, or the error that it ended with: one of the two."
            raise serializers.ValidationError({"outputs": message}, code="conflict" if "error" in attrs else "required")
        return attrs

    @property
    def reported(self) -> Reported:
        """What was sent, as `testcases.reported` takes it."""
        sent = self.validated_data
        error = sent.get("error")
        pins = sent["pins"]
        return Reported(
            sent["test_case"],
            sent.get("outputs", {}),
            ExecutionError("execute", "execution_error", error["message"], "", error["kind"]) if error else None,
            sent["timings_ms"],
            pins_by_port(pins.get("inputs", {}), pins.get("outputs", {})),
        )
