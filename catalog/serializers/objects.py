"""Objects and their versions as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from catalog.evolution import publish
from catalog.models import Application, ObjectSchema, ObjectVersion
from catalog.queries import operators
from catalog.rules import DEFINITION_PROPERTIES
from catalog.rules.keys import FIELDS_MATCH
from catalog.serializers.applications import ULID_EXAMPLE
from catalog.sight import check_definition
from catalog.types import TYPES
from catalog.types.nested import ITEM_TYPES
from config.api import CheckedSerializer, JSONField, UserField

ATTRIBUTES_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "type"],
        "properties": {
            "name": {"type": "string"},
            "type": {"type": "string", "enum": list(TYPES)},
            "constraints": {"type": "object"},
            "precision": {"type": "integer"},
            "scale": {"type": "integer"},
            "timezone": {"type": "boolean"},
            "format": {"type": "string"},
            "delimiter": {"type": "string"},
            "itemType": {"type": "string", "enum": list(ITEM_TYPES)},
            "categories": {
                "type": "array",
                "items": {},
                "description": 'Values, or {"value": ..., "label": ...}. Rows have the values; labels are for people.',
            },
            "categoriesOrdered": {"type": "boolean"},
            "decimalChar": {"type": "string"},
            "groupChar": {"type": "string"},
            "bareNumber": {"type": "boolean"},
            "trueValues": {"type": "array", "items": {"type": "string"}},
            "falseValues": {"type": "array", "items": {"type": "string"}},
            "missingValues": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Texts that are no value where cells come as text; in place of the object's.",
            },
            "title": {"type": "string"},
            "description": {"type": "string"},
            "sensitive": {"type": "boolean"},
        },
    },
}
ATTRIBUTES_EXAMPLE = [
    {"name": "order_id", "type": "integer"},
    {"name": "customer", "type": "integer"},
    {"name": "amount", "type": "number", "precision": 12, "scale": 2, "constraints": {"minimum": 0}},
]
NAMES_SCHEMA = {"type": "array", "items": {"type": "string"}}


@extend_schema_field(ATTRIBUTES_SCHEMA)
class AttributesField(JSONField):
    """The attributes of a definition."""


@extend_schema_field(NAMES_SCHEMA)
class NamesField(JSONField):
    """A list of names or texts."""


@extend_schema_field({"type": "array", "items": NAMES_SCHEMA})
class UniqueKeysField(JSONField):
    """A list of keys, each a list of attribute names."""


FOREIGN_KEYS_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["fields", "reference"],
        "properties": {
            "fields": NAMES_SCHEMA,
            "reference": {
                "type": "object",
                "required": ["fields"],
                "properties": {
                    "object": {"type": "string"},
                    "fields": NAMES_SCHEMA,
                    "table": {"type": "string"},
                },
            },
        },
    },
}


@extend_schema_field(FOREIGN_KEYS_SCHEMA)
class ForeignKeysField(JSONField):
    """What the rows refer to: attributes whose values stand in another Object's Tables."""


@extend_schema_field({"type": "string", "enum": list(FIELDS_MATCH)})
class FieldsMatchField(JSONField):
    """How the header of a file matches the attributes; a text, or as in Table Schema a list of one."""


OBJECT_REQUEST_EXAMPLE: Mapping[str, Any] = {
    "application": "demo",
    "name": "orders",
    "description": "Orders as the shop takes them.",
    "attributes": ATTRIBUTES_EXAMPLE,
    "primaryKey": ["order_id"],
    "foreignKeys": [{"fields": ["customer"], "reference": {"object": "customers", "fields": ["id"]}}],
}
OBJECT_EXAMPLE: Mapping[str, Any] = {
    "id": ULID_EXAMPLE,
    **OBJECT_REQUEST_EXAMPLE,
    "version": 3,
    "uniqueKeys": [],
    "missingValues": [""],
    "fieldsMatch": "equal",
    "table_count": 2,
    "created_at": "2026-11-20T21:00:00Z",
    "updated_at": "2026-11-20T21:00:00Z",
    "created_by": "ann",
}


@extend_schema_serializer(
    examples=[
        OpenApiExample("An object to make", OBJECT_REQUEST_EXAMPLE, request_only=True),
        OpenApiExample("An object", OBJECT_EXAMPLE, response_only=True),
    ]
)
class ObjectSerializer(CheckedSerializer[ObjectSchema]):
    """An Object with the definition of its current version. Writing another definition makes a new version."""

    fixed = ("application",)
    application = serializers.SlugRelatedField(slug_field="name", queryset=Application.objects.all())
    attributes = AttributesField(source="definition.attributes")
    primaryKey = NamesField(source="definition.primaryKey", required=False)  # noqa: N815 (Table Schema's own word)
    uniqueKeys = UniqueKeysField(source="definition.uniqueKeys", required=False)  # noqa: N815
    foreignKeys = ForeignKeysField(source="definition.foreignKeys", required=False)  # noqa: N815
    missingValues = NamesField(source="definition.missingValues", required=False)  # noqa: N815
    fieldsMatch = FieldsMatchField(source="definition.fieldsMatch", required=False)  # noqa: N815
    table_count = serializers.SerializerMethodField()
    created_by = UserField()

    class Meta:
        model = ObjectSchema
        fields = [
            "id",
            "application",
            "name",
            "description",
            "version",
            *DEFINITION_PROPERTIES,
            "table_count",
            "created_at",
            "updated_at",
            "created_by",
        ]

    def to_internal_value(self, data: Any) -> Any:
        """A Table Schema as it is, too: its `fields` are our `attributes`."""
        if isinstance(data, Mapping) and "fields" in data and "attributes" not in data:
            rest = {name: value for name, value in data.items() if name not in {"fields", "$schema"}}
            fields = data["fields"]
            if isinstance(fields, list):  # a field without a type is of type any there
                fields = [{"type": "any", **each} if isinstance(each, Mapping) else each for each in fields]
            return super().to_internal_value({**rest, "attributes": fields})
        return super().to_internal_value(data)

    def get_table_count(self, shape: ObjectSchema) -> int:
        annotated: int | None = getattr(shape, "table_count", None)
        return shape.tables.count() if annotated is None else annotated

    def apply(self, instance: ObjectSchema, attributes: Mapping[str, Any]) -> ObjectSchema:
        super().apply(instance, attributes)
        if "definition" in attributes:
            kept = instance.definition if self.partial else {}
            instance.definition = {**kept, **attributes["definition"]}
        return instance

    def renamed(self, errors: Mapping[str, Sequence[ValidationError]]) -> dict[str, list[ValidationError]]:
        """Problems of the keys stand under their own names, not under `attributes`."""
        found = super().renamed(errors)
        for error in found.pop("attributes", []):
            place = str((error.params or {}).get("pointer", ""))
            name, _, below = place.removeprefix("/").partition("/")
            if name in DEFINITION_PROPERTIES:
                error.params = {**(error.params or {}), "pointer": f"/{below}" if below else ""}
            found.setdefault(name if name in DEFINITION_PROPERTIES else "attributes", []).append(error)
        return found

    def store(self, instance: ObjectSchema, validated_data: dict[str, Any]) -> None:
        check_definition(self.context["request"]._request, instance)
        publish(instance, self.author)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A version",
            {
                "version": 3,
                "attributes": ATTRIBUTES_EXAMPLE,
                "primaryKey": ["order_id"],
                "uniqueKeys": [],
                "foreignKeys": [],
                "missingValues": [""],
                "fieldsMatch": "equal",
                "created_at": "2026-11-20T21:00:00Z",
                "created_by": "ann",
            },
        )
    ]
)
class ObjectVersionSerializer(serializers.ModelSerializer[ObjectVersion]):
    """One definition of an Object."""

    version = serializers.IntegerField(source="number")
    attributes = AttributesField(source="definition.attributes")
    primaryKey = NamesField(source="definition.primaryKey")  # noqa: N815
    uniqueKeys = UniqueKeysField(source="definition.uniqueKeys")  # noqa: N815
    foreignKeys = ForeignKeysField(source="definition.foreignKeys", default=list)  # type: ignore[arg-type]  # noqa: N815
    missingValues = NamesField(source="definition.missingValues")  # noqa: N815
    fieldsMatch = FieldsMatchField(source="definition.fieldsMatch")  # noqa: N815
    created_by = UserField()

    class Meta:
        model = ObjectVersion
        fields = ["version", *DEFINITION_PROPERTIES, "created_at", "created_by"]
        read_only_fields = fields


class SchemaAttributeSerializer(serializers.Serializer[Any]):
    """What a client that browses needs to know of an attribute."""

    name = serializers.CharField()
    type = serializers.CharField()
    constraints = serializers.DictField()
    operators = serializers.ListField(child=serializers.CharField())


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A schema",
            {
                "id": ULID_EXAMPLE,
                "application": "demo",
                "name": "orders",
                "description": "",
                "version": 3,
                "primaryKey": ["order_id"],
                "attributes": [
                    {"name": "order_id", "type": "integer", "constraints": {}, "operators": ["eq", "ne", "gt", "in"]}
                ],
                "table_count": 2,
                "row_count": 4711,
            },
        )
    ]
)
class SchemaSerializer(serializers.ModelSerializer[ObjectSchema]):
    """An Object as something to browse: its attributes with the operators that filter by them, and how many rows."""

    application = serializers.CharField(source="application.name")
    primaryKey = NamesField(source="definition.primaryKey")  # noqa: N815
    attributes = serializers.SerializerMethodField()
    table_count = serializers.IntegerField()
    row_count = serializers.IntegerField()

    class Meta:
        model = ObjectSchema
        fields = [
            "id",
            "application",
            "name",
            "description",
            "version",
            "primaryKey",
            "attributes",
            "table_count",
            "row_count",
        ]
        read_only_fields = fields

    @extend_schema_field(SchemaAttributeSerializer(many=True))
    def get_attributes(self, shape: ObjectSchema) -> list[dict[str, Any]]:
        return [
            {
                "name": attribute.name,
                "type": attribute.type,
                "constraints": attribute.constraints,
                "operators": operators(attribute),
            }
            for attribute in shape.schema.attributes
        ]
