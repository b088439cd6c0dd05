"""Calls of functions as JSON."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from catalog.models import Table
from catalog.sources import JSONRows
from config.api import StrictSerializer
from config.exact_json import dump_json
from config.problems import nearest, pointer
from processes.models import Function, Port
from processes.rules import check_arguments
from testcases.serializers.results import TABLE_ID

ROWS_DEFAULT, ROWS_MOST = 100, 1_000
CALL_EXAMPLE: Mapping[str, Any] = {
    "inputs": {"orders": [{"order_id": 10, "customer": 1, "amount": 2.5}], "customers": {"table": TABLE_ID}},
    "parameters": {"least": 1},
}


class SaveAsSerializer(StrictSerializer):
    """The test case that is to be made of a call."""

    name = serializers.CharField()
    summary = serializers.CharField(default="", allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(), default=list)


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "oneOf": [
                {"type": "array", "items": {"type": "object", "additionalProperties": True}},
                {"type": "object", "required": ["table"], "properties": {"table": {"type": "string"}}},
            ]
        },
    }
)
class InputsField(serializers.Field[Any, Any, Any, Any]):
    """Rows, or a Table, by the name of the port."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError('Inputs are an object such as {"orders": [{"id": 1}]}.', code="type")
        return data


@extend_schema_serializer(examples=[OpenApiExample("Rows and a table", CALL_EXAMPLE)])
class CallRequestSerializer(StrictSerializer):
    """What a function is called with. `context["function"]` is the Function."""

    inputs = InputsField(default=dict, help_text='By port: rows, or {"table": id}.')
    parameters = serializers.DictField(default=dict)
    implementation = serializers.CharField(default=None, allow_null=True, help_text="By default the first.")
    configuration = serializers.CharField(default=None, allow_null=True, help_text="A name or an id.")
    clock = serializers.DateTimeField(default=None, allow_null=True, help_text="When it is for the function.")
    limit = serializers.IntegerField(default=ROWS_DEFAULT, min_value=0, max_value=ROWS_MOST)
    save_as = SaveAsSerializer(default=None, allow_null=True, help_text="Make a test case of what comes.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the Tables, and check all names and values."""
        function: Function = self.context["function"]
        ports = {port.name: port for port in function.inputs}
        errors: dict[str, Any] = {}
        given: dict[str, Any] = {}
        for name, content in attrs["inputs"].items():
            port = ports.get(name)
            if port is None:
                message = f"The function has no input {name!r}; {nearest(name, list(ports))}"
                errors[name] = [serializers.ErrorDetail(message, "unknown_port")]
                continue
            found = _content(port, content)
            if isinstance(found, serializers.ErrorDetail):
                errors[name] = [found]
            given[name] = found
        for port in ports.values():
            if port.required and port.name not in attrs["inputs"]:
                message = f"The port {port.name!r} needs rows of {port.object.name}, or a table."
                errors[port.name] = [serializers.ErrorDetail(message, "port_missing")]
        found_errors: dict[str, Any] = {"inputs": errors} if errors else {}
        problems = check_arguments(attrs["parameters"], function.parameters)
        if problems:
            found_errors["parameters"] = {
                each.path.lstrip("/"): [serializers.ErrorDetail(each.message, each.code)] for each in problems
            }
        implementations = {each.name: each for each in function.implementations.all()}
        wanted = attrs["implementation"]
        if wanted is None and implementations:
            attrs["implementation"] = next(iter(implementations.values()))
        elif wanted in implementations:
            attrs["implementation"] = implementations[wanted]
        else:
            message = f"The function has no implementation {wanted or ''!r}; {nearest(wanted, list(implementations))}"
            found_errors["implementation"] = [serializers.ErrorDetail(message, "does_not_exist")]
        if found_errors:
            raise serializers.ValidationError(found_errors)
        return attrs | {"inputs": given}


def _content(port: Port, content: Any) -> Any:
    """A source of rows, a Table, or what is wrong."""
    if isinstance(content, list):
        return JSONRows([dump_json(row).decode() for row in content])
    if not isinstance(content, dict) or set(content) != {"table"} or not isinstance(content["table"], str):
        return serializers.ErrorDetail('Give rows as a list of objects, or {"table": "<id>"}.', "type")
    table = Table.objects.select_related("object").filter(pk=content["table"]).first()
    if table is None:
        return serializers.ErrorDetail(f"There is no table {content['table']!r}.", "does_not_exist")
    if table.object_id != port.object_id:
        message = (
            f"The port {port.name!r} takes {port.object.name}; the table {table.name!r} is of {table.object.name}."
        )
        return serializers.ErrorDetail(message, "wrong_object")
    return table


class CalledErrorSerializer(serializers.Serializer[Any]):
    """Why there are no outputs."""

    phase = serializers.CharField()
    code = serializers.CharField()
    kind = serializers.CharField()
    message = serializers.CharField()
    output = serializers.CharField()


class CalledOutputSerializer(serializers.Serializer[Any]):
    """What came out of a port; with errors the rows don't conform and are not shown."""

    name = serializers.CharField()
    row_count = serializers.IntegerField()
    rows = serializers.ListField(child=serializers.DictField())
    rows_truncated = serializers.BooleanField()
    errors = serializers.ListField(child=serializers.DictField())  # type: ignore[assignment] # a field, as declared
    error_count = serializers.IntegerField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A table",
            {
                "implementation": "sql",
                "outputs": [
                    {
                        "name": "totals",
                        "row_count": 1,
                        "rows": [{"id": 1, "total": 2.5}],
                        "rows_truncated": False,
                        "errors": [],
                        "error_count": 0,
                    }
                ],
                "error": None,
                "timings_ms": {"load": 1, "execute": 2, "check": 1},
                "test_case": None,
            },
        )
    ]
)
class CalledSerializer(serializers.Serializer[Any]):
    """What came of a call."""

    implementation = serializers.CharField()
    outputs = CalledOutputSerializer(many=True)
    error = CalledErrorSerializer(allow_null=True)
    timings_ms = serializers.DictField(child=serializers.FloatField())
    test_case = serializers.CharField(allow_null=True, help_text="The test case that was made, if `save_as` asked.")


def row_pointer(port_name: str, place: str) -> str:
    """Where a row's error stands in the body."""
    return pointer("inputs", port_name) + place.removeprefix("/rows")
