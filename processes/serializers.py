"""Functions as JSON, with their ports and implementations."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import prefetch_related_objects
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.fields import empty

from catalog.attributes import TYPES
from catalog.models import Application, ObjectSchema
from catalog.serializers.applications import ULID_EXAMPLE
from config.api import CheckedSerializer, JSONField, StrictSerializer, UserField
from processes.models import Function, ImplementationDefinition, Kind, PortDefinition
from processes.runners import definitions, sql_rules

SIDES = ("inputs", "outputs")
FUNCTION_ID = "01JD4Y3Z8Q6V5T2W9X7R1N0MKE"
FUNCTION_EXAMPLE: Mapping[str, Any] = {
    "application": "demo",
    "name": "sum_orders",
    "summary": "What each customer has spent.",
    "parameters": [{"name": "least", "type": "number", "default": 0}],
    "inputs": [
        {"name": "customers", "object": "01JD4Y3Z8Q6V5T2W9X7R1N0MKC", "required": True},
        {"name": "orders", "object": ULID_EXAMPLE, "required": True},
    ],
    "outputs": [{"name": "totals", "object": "01JD4Y3Z8Q6V5T2W9X7R1N0MKD", "required": True}],
    "implementations": [
        {
            "name": "sql",
            "kind": "sql",
            "definition": {
                "totals": "SELECT id, sum(amount) AS total FROM customers JOIN orders ON customer = id "
                "WHERE amount >= $least GROUP BY id"
            },
        }
    ],
}
FUNCTION_ANSWERED: Mapping[str, Any] = {
    "id": FUNCTION_ID,
    **FUNCTION_EXAMPLE,
    **{side: [{**port, "object_name": port["name"]} for port in FUNCTION_EXAMPLE[side]] for side in SIDES},
    "created_at": "2026-11-20T21:00:00Z",
    "updated_at": "2026-11-20T21:00:00Z",
    "created_by": "ann",
}
PARAMETERS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "type"],
        "properties": {
            "name": {"type": "string"},
            "type": {"enum": list(TYPES)},
            "default": {},
            "description": {"type": "string"},
        },
    },
}
DEFINITION_SCHEMA: dict[str, Any] = {
    "oneOf": [
        {
            "title": "sql",
            "type": "object",
            "description": "Each output port's SELECT over views of the input ports; `$name` is a parameter.",
            "additionalProperties": {"type": "string", "maxLength": sql_rules.MAXIMUM_CHARACTERS},
        },
        {
            "title": "python",
            "type": "object",
            "description": "A function that takes a table to each input port, in their order, and parameters by name. "
            "It returns the table of its only output port, or a dict by port. PYTHON_ENTRIES must allow it.",
            "properties": {
                "entry": {"type": "string", "example": "package.module:function"},
                "tables": {"enum": list(definitions.TABLES), "default": "records"},
            },
            "required": ["entry"],
            "additionalProperties": False,
        },
        {
            "title": "command",
            "type": "object",
            "description": "A program and its arguments, without a shell. It finds inputs/<port>.<format> in its "
            "working directory and leaves outputs/<port>.<format>; `{input:port}`, `{output:port}` and "
            "`{parameter:name}` in an argument become those paths and values. COMMAND_PROGRAMS must allow it.",
            "properties": {
                "argv": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "format": {"enum": list(definitions.FORMATS), "default": "csv"},
            },
            "required": ["argv"],
            "additionalProperties": False,
        },
        {
            "title": "http",
            "type": "object",
            "description": "A request to the configuration's `base_url` and this path, with its `headers` and "
            '`timeout_seconds`: {"inputs": {port: rows}, "parameters": {...}} as json, or the rows of the only input '
            'as ndjson. The answer is a list of rows, or {"outputs": {port: rows}}. Redirects are not followed.',
            "properties": {
                "path": {"type": "string", "example": "/score"},
                "method": {"enum": list(definitions.METHODS), "default": "POST"},
                "format": {"enum": list(definitions.BODY_FORMATS), "default": "json"},
            },
            "additionalProperties": False,
        },
    ]
}


class MemberSerializer(StrictSerializer):
    """A member of a list that is written with its owner: always whole, also in a PATCH of the owner."""

    def run_validation(self, data: Any = empty) -> Any:
        if self.parent is None:
            return super().run_validation(data)
        # DRF takes `partial` from the root of the serializers, so the member is made the root of its own.
        whole = type(self)(data=data, context=self.context)
        whole.is_valid(raise_exception=True)
        return whole.validated_data


class PortSerializer(MemberSerializer):
    """A port. Its name is checked with those of the others, its Object with the function's application."""

    name = serializers.CharField(trim_whitespace=False, allow_blank=True)
    object = serializers.CharField(source="object_id", help_text="The Object's id.")
    object_name = serializers.CharField(source="object.name", read_only=True)
    required = serializers.BooleanField(  # type: ignore[assignment] # a field, as declared
        default=True, help_text="Whether every test case binds a table to it."
    )


@extend_schema_field(PARAMETERS_SCHEMA)
class ParametersField(JSONField):
    """The parameters of a function; the model checks them."""


@extend_schema_field(DEFINITION_SCHEMA)
class DefinitionField(JSONField):
    """A definition; `Function.define` checks it by its kind."""


class ImplementationSerializer(MemberSerializer):
    """One way to compute the function; what `definition` holds depends on `kind`."""

    name = serializers.CharField(trim_whitespace=False, allow_blank=True)
    kind = serializers.CharField(
        default=Kind.SQL.value, help_text=f"One of {', '.join(Kind.values)}. An unknown one is refused with its code."
    )
    definition = DefinitionField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Sum the orders", FUNCTION_EXAMPLE, request_only=True),
        OpenApiExample("The sum of the orders", FUNCTION_ANSWERED, response_only=True),
    ]
)
class FunctionSerializer(CheckedSerializer[Function]):
    """A function with its ports and implementations, written in one transaction.

    A PATCH leaves lists that it doesn't bring as they are; in a PUT or POST they are empty.
    """

    fixed = ("application",)
    application = serializers.SlugRelatedField(slug_field="name", queryset=Application.objects.all())
    parameters = ParametersField(required=False)
    inputs = PortSerializer(many=True, required=False)
    outputs = PortSerializer(many=True, required=False)
    implementations = ImplementationSerializer(many=True, required=False)
    created_by = UserField()

    class Meta:
        model = Function
        fields = [
            "id",
            "application",
            "name",
            "summary",
            "parameters",
            "inputs",
            "outputs",
            "implementations",
            "created_at",
            "updated_at",
            "created_by",
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the Objects of all ports in one query."""
        named = {port["object_id"] for side in SIDES for port in attrs.get(side, ())}
        found = ObjectSchema.objects.select_related("application").in_bulk(named) if named else {}
        errors = {side: _unknown_objects(attrs[side], found) for side in SIDES if side in attrs}
        if any(any(listed) for listed in errors.values()):
            raise serializers.ValidationError(errors)
        return attrs | {
            side: [PortDefinition(port["name"], found[port["object_id"]], port["required"]) for port in attrs[side]]
            for side in SIDES
            if side in attrs
        }

    def store(self, instance: Function, validated_data: dict[str, Any]) -> None:
        """Save the function with the lists that were sent."""
        absent = None if self.partial else ()
        implementations = validated_data.get("implementations", absent)
        instance.define(
            validated_data.get("inputs", absent),
            validated_data.get("outputs", absent),
            None if implementations is None else [ImplementationDefinition(**each) for each in implementations],
        )
        prefetch_related_objects([instance], "ports__object", "implementations")


def _unknown_objects(ports: Sequence[Mapping[str, Any]], known: Mapping[str, ObjectSchema]) -> list[dict[str, Any]]:
    """For each port the error that its Object isn't there, or nothing."""
    return [
        {}
        if port["object_id"] in known
        else {"object": [serializers.ErrorDetail(f"There is no object {port['object_id']!r}.", "does_not_exist")]}
        for port in ports
    ]
