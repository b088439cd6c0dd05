"""What was found out about rows, as JSON, with the Object that it proposes."""

from collections.abc import Collection
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_field
from rest_framework import serializers

from catalog.describing import Description
from catalog.rules import check_definition
from catalog.standards import read_standard

EXAMPLE: Final[dict[str, Any]] = {
    "row_count": 1000,
    "is_whole": True,
    "unreadable_count": 0,
    "found": {"format": "csv", "encoding": "utf-8", "delimiter": ";", "quote": '"'},
    "attributes": [
        {
            "name": "zip",
            "type": "string",
            "evidence": ["37 values have leading zeros: string"],
            "counts": {"values": 1000, "integer": 1000, "number": 1000},
            "examples": ["01234", "98101"],
            "minimum": None,
            "maximum": None,
        },
        {
            "name": "seats",
            "type": "integer",
            "evidence": ["998 of 1000 values are integers; 2 are empty"],
            "counts": {"values": 998, "integer": 998, "number": 998},
            "examples": ["55", "182"],
            "minimum": "2",
            "maximum": "450",
        },
    ],
    "missingValues": [""],
    "suggestions": [
        {
            "kind": "required",
            "attributes": ["zip"],
            "value": True,
            "count": 1000,
            "evidence": "No value of 1000 is missing",
        }
    ],
    "notes": [],
    "object": {
        "application": "demo",
        "name": "planes",
        "attributes": [{"name": "zip", "type": "string"}, {"name": "seats", "type": "integer"}],
    },
}


class AttributeDescriptionSerializer(serializers.Serializer[Any]):
    """A column: the attribute that is proposed for it, and why."""

    name = serializers.CharField()
    type = serializers.CharField()
    evidence = serializers.ListField(child=serializers.CharField())
    counts = serializers.DictField(child=serializers.IntegerField())
    examples = serializers.ListField(child=serializers.CharField())
    minimum = serializers.CharField(allow_null=True)
    maximum = serializers.CharField(allow_null=True)


class SuggestionSerializer(serializers.Serializer[Any]):
    """Something that all rows keep, and that may be demanded of all rows to come."""

    kind = serializers.CharField()
    attributes = serializers.ListField(child=serializers.CharField())
    value = serializers.JSONField()
    count = serializers.IntegerField()
    evidence = serializers.CharField()


class DescriptionSerializer(serializers.Serializer[Any]):
    """Inferred attributes with evidence, and an Object ready to post."""

    row_count = serializers.IntegerField(help_text="Rows looked at.")
    is_whole = serializers.BooleanField(help_text="Whether these were all.")
    unreadable_count = serializers.IntegerField()
    found = serializers.DictField(help_text="Format, delimiter and the like.")
    attributes = AttributeDescriptionSerializer(many=True)
    missingValues = serializers.ListField(child=serializers.CharField())  # noqa: N815 (Table Schema's own word)
    suggestions = SuggestionSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())
    object = serializers.SerializerMethodField()

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_object(self, value: Any) -> Any:
        return value["object"]


DESCRIBED: Final = OpenApiResponse(
    DescriptionSerializer, "What the rows have.", [OpenApiExample("A description", EXAMPLE)]
)


def description_document(
    description: Description, application: str, name: str, accepted: Collection[str] = ()
) -> dict[str, Any]:
    """A description with an Object that takes the rows; of the suggestions it has those of the accepted kinds."""
    return {**description.as_dict(), "object": proposed_object(description, application, name, accepted)}


def translated_document(standard: str, document: Any, application: str, name: str) -> dict[str, Any]:
    """A schema in a standard's words as an Object; what isn't covered, or is unsound, is told in the notes.

    Raises NotOfStandardError.
    """
    definition, uncovered = read_standard(standard, document, name)
    notes = tuple(map(str, [*uncovered, *check_definition(definition)]))
    place = {"application": application} if application else {}
    return {**Description((), 0, notes=notes).as_dict(), "object": {**place, "name": name, **definition}}


def proposed_object(
    description: Description, application: str, name: str, accepted: Collection[str] = ()
) -> dict[str, Any]:
    """An Object ready to post; without an application if none is named."""
    place = {"application": application} if application else {}
    return {**place, "name": name, **description.definition(accepted)}
