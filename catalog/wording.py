"""Attributes in words, for pages that people read. Pure: no Django."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.attributes import Attribute, describe_text, describe_type
from catalog.schema import Schema

_SENTENCES: Mapping[str, str] = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "greater than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "a length of at least {}",
    "maxLength": "a length of at most {}",
    "multipleOf": "a multiple of {}",
    "pattern": "matches {}",
}


@dataclass(frozen=True)
class AttributeRow:
    """An attribute as a line of a document."""

    name: str
    type: str
    meaning: str
    limits: list[str]
    is_primary_key: bool
    title: str
    description: str


def attribute_rows(schema: Schema, definition: Mapping[str, Any]) -> list[AttributeRow]:
    """The attributes of an ObjectVersion in words, in order."""
    return [
        AttributeRow(
            attribute.name,
            attribute.type,
            describe_type(attribute),
            list(_limits(schema, attribute)),
            attribute.name in schema.primary_key,
            str(given.get("title", "")),
            str(given.get("description", "")),
        )
        for attribute, given in zip(schema.attributes, definition["attributes"], strict=True)
    ]


def _limits(schema: Schema, attribute: Attribute) -> Iterator[str]:
    constraints = attribute.constraints
    if constraints.get("required") or attribute.name in schema.primary_key:
        yield "required"
    if constraints.get("unique"):
        yield "unique"
    for name, sentence in _SENTENCES.items():
        if name in constraints:
            yield sentence.format(constraints[name])
    if "enum" in constraints:
        yield "one of " + ", ".join(map(str, constraints["enum"]))
    if attribute.categories is not None:
        named = (
            f"{value} ({attribute.labels[value]})" if value in attribute.labels else str(value)
            for value in attribute.categories
        )
        yield "one of " + ", ".join(named) + (", in order" * attribute.categories_ordered)
    if "jsonSchema" in constraints:
        yield "fits its JSON Schema"
    if attribute.missing_values is not None:
        texts = [text or "an empty cell" for text in attribute.missing_values]
        yield f"missing in text is {' or '.join(texts) or 'nothing'}"


def accepted(attribute: Attribute, schema: Schema) -> str:
    """What a cell may hold, in a line: "a whole number; required, at least 0"."""
    limits = ", ".join(_limits(schema, attribute))
    return describe_text(attribute) + (f"; {limits}" if limits else "")
