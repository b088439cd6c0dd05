"""Functions as JSON, with their ports and implementations."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import prefetch_related_objects
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.fields import empty

from catalog.models import Application, ObjectSchema
from config.api import CheckedSerializer, JSONField, StrictSerializer, UserField
from processes.models import Function, ImplementationDefinition, Kind, PortDefinition

SIDES = ("inputs", "outputs")
FUNCTION_EXAMPLE: Mapping[str, Any] = {
    "application": "demo",
    "name": "sum_orders",
    "summary": "What each customer has spent.",
    "parameters": [{"name": "as_of", "type": "date", "default": None}],
    "inputs": [{"name": "orders", "object": "01JD4Y3Z8Q6V5T2W9X7R1N0MKC", "required": True}],
    "outputs": [{"name": "totals", "object": "01JD4Y3Z8Q6V5T2W9X7R1N0MKD"}],
    "implementations": [
        {
            "name": "sql",
            "kind": "sql",
            "definition": {"totals": "SELECT customer AS id, sum(amount) AS total FROM orders GROUP BY customer"},
        }
    ],
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


class ImplementationSerializer(MemberSerializer):
    """One way to compute the function. For `sql`, `definition` maps each output port to a SELECT."""

    name = serializers.CharField(trim_whitespace=False, allow_blank=True)
    kind = serializers.CharField(default=Kind.SQL.value)
    definition = JSONField()


@extend_schema_serializer(examples=[OpenApiExample("Sum the orders", FUNCTION_EXAMPLE)])
class FunctionSerializer(CheckedSerializer[Function]):
    """A function with its ports and implementations, written in one transaction.

    A PATCH leaves lists that it doesn't bring as they are; in a PUT or POST they are empty.
    """

    fixed = ("application",)
    application = serializers.SlugRelatedField(slug_field="name", queryset=Application.objects.all())
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
