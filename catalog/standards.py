"""An Object in the words of a standard: Table Schema (Data Package v2) and JSON Schema (2020-12). Pure: no Django."""

from collections.abc import Mapping
from typing import Any, Final

TABLE_SCHEMA: Final = "https://datapackage.org/profiles/2.0/tableschema.json"
JSON_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
_JSON_TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}
_SAME_WORDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength")
_METADATA: Final = ("title", "description")


def table_schema(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as a Table Schema: `attributes` are called `fields` there, all else is the same."""
    rest = {name: value for name, value in definition.items() if name != "attributes" and value != []}
    return {"$schema": TABLE_SCHEMA, "fields": definition["attributes"], **rest}


def json_schema(name: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as the JSON Schema of one row. Keys span rows, so JSON Schema has no word for them."""
    attributes = definition["attributes"]
    key = definition.get("primaryKey", [])
    required = [each["name"] for each in attributes if each["name"] in key or _is_required(each)]
    return {
        "$schema": JSON_SCHEMA,
        "title": name,
        "type": "object",
        "properties": {each["name"]: _property(each, each["name"] in required) for each in attributes},
        "required": required,
        "additionalProperties": False,
    }


def _is_required(attribute: Mapping[str, Any]) -> bool:
    return bool(attribute.get("constraints", {}).get("required"))


def _property(attribute: Mapping[str, Any], is_required: bool) -> dict[str, Any]:
    constraints = attribute.get("constraints", {})
    found: dict[str, Any] = dict(_JSON_TYPES[attribute["type"]])
    if found.get("format") == "date-time" and not attribute.get("timezone"):
        del found["format"]  # it asks for an offset, which this attribute refuses
    found |= {name: attribute[name] for name in _METADATA if name in attribute}
    if found["type"] in {"number", "integer", "string"}:
        bounds = {name: value for name, value in constraints.items() if name in _SAME_WORDS}
        found |= {name: value for name, value in bounds.items() if not isinstance(value, str)}
    if "pattern" in constraints:
        found["pattern"] = f"^(?:{constraints['pattern']})$"
    if "enum" in constraints:
        found["enum"] = list(constraints["enum"]) + ([] if is_required else [None])
    if not is_required:
        found["type"] = [found["type"], "null"]
    return found
