"""JSON Schema (2020-12) of one row, out and in. Pure: no Django."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from catalog.standards.coverage import UNCOVERED, uncovered
from catalog.types import TYPES
from config.problems import Problem, pointer

JSON_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
_ISO_TIME: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?$"  # format time asks for an offset
_JSON_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "pattern": _ISO_TIME},
    "datetime": {"type": "string", "format": "date-time"},
    "year": {"type": "integer", "minimum": 0, "maximum": 9999},
    "yearmonth": {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
    "duration": {"type": "string", "format": "duration"},
    "list": {"type": "array"},
    "array": {"type": "array"},
    "object": {"type": "object"},
    "any": {},
}
_STRING_FORMATS: Final[Mapping[str, Mapping[str, str]]] = {
    "email": {"format": "email"},
    "uri": {"format": "uri"},
    "uuid": {"format": "uuid"},
    "binary": {"contentEncoding": "base64"},
}
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_LENGTHS: Final = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_METADATA: Final = ("title", "description", "examples")


# --- out ------------------------------------------------------------------------------------------------------------


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
    if attribute["type"] == "datetime" and not attribute.get("timezone"):
        del found["format"]  # it asks for an offset, which this attribute refuses
    if attribute["type"] == "string":
        found |= _STRING_FORMATS.get(attribute.get("format", ""), {})
    if attribute["type"] == "list":
        found["items"] = dict(_JSON_TYPES[attribute.get("itemType", "string")])
    found |= {name: attribute[name] for name in _METADATA if name in attribute}
    if found.get("type") in {"number", "integer"}:
        bounds = {name: value for name, value in constraints.items() if name in _BOUNDS}
        found |= {name: value for name, value in bounds.items() if not isinstance(value, str)}
    found |= {
        theirs: constraints[ours]
        for ours, theirs in zip(("minLength", "maxLength"), _LENGTHS.get(found.get("type", ""), ()), strict=False)
        if ours in constraints
    }
    found |= _combined(attribute, constraints, is_required)
    if not is_required and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


def _combined(attribute: Mapping[str, Any], constraints: Mapping[str, Any], is_required: bool) -> dict[str, Any]:
    """What several words of ours may say at once."""
    absent: list[Any] = [] if is_required else [None]
    found: dict[str, Any] = {"pattern": f"^(?:{constraints['pattern']})$"} if "pattern" in constraints else {}
    members = constraints.get("enum")
    if members is None and attribute.get("categories"):
        members = [each["value"] if isinstance(each, Mapping) else each for each in attribute["categories"]]
    if members is not None:
        found["enum"] = [*members, *absent]
    if "jsonSchema" in constraints:
        inner = constraints["jsonSchema"]
        found["allOf"] = [inner if is_required else {"anyOf": [{"type": "null"}, inner]}]
    return found


# --- in -------------------------------------------------------------------------------------------------------------


def from_json_schema(document: Any) -> tuple[dict[str, Any], list[Problem]]:
    """The definition of the rows that a JSON Schema describes, and every keyword that isn't covered, by its path.

    Rows are objects: `properties` become attributes. With problems, what is left of the schema accepts more than it
    did, or less; without any, the same rows. A property that is an object or array takes its schema along.
    """
    if not isinstance(document, Mapping):
        return {}, [Problem("", "type", "A JSON Schema of rows is an object with properties.")]
    properties = document.get("properties")
    if document.get("type") != "object" or not isinstance(properties, Mapping) or not properties:
        message = 'A JSON Schema of rows has "type": "object" and "properties", each of which is an attribute.'
        return {}, [Problem("", "type", message)]
    required = document.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        return {}, [Problem("/required", "type", "required is a list of names of properties.")]
    problems = [uncovered(pointer(name), name) for name in document if name not in _ROW_WORDS]
    if document.get("additionalProperties", True) is not False:
        message = "Rows have no attributes but those that are named; say so by additionalProperties: false."
        problems.append(Problem("/additionalProperties", UNCOVERED, message))
    attributes = []
    for name, schema in properties.items():
        attribute, found = _attribute(name, schema, name in required)
        attributes.append(attribute)
        problems += [problem.below(pointer("properties", name)) for problem in found]
    problems += [
        Problem(pointer("required", place), UNCOVERED, f"{name!r} is required and no property.")
        for place, name in enumerate(required)
        if name not in properties
    ]
    return {"attributes": attributes}, problems


_ROW_WORDS: Final = (
    "$schema", "$id", "$comment", "title", "description", "type", "properties", "required", "additionalProperties",
)  # fmt: skip
_FORMATS: Final = {"date": ("date", {}), "date-time": ("datetime", {"timezone": True}), "duration": ("duration", {})}
_INERT: Final = ("$comment", "default", "deprecated", "readOnly", "writeOnly")


def _attribute(name: str, schema: Any, is_required: bool) -> tuple[dict[str, Any], list[Problem]]:
    """One property as an attribute."""
    if schema is True:
        schema = {}
    if not isinstance(schema, Mapping):
        return {"name": name, "type": "any"}, [uncovered("", "false")]
    kind, takes_null, problems = _kind(schema)
    attribute: dict[str, Any] = {"name": name, "type": kind}
    attribute |= {word: schema[word] for word in _METADATA if word in schema}
    constraints: dict[str, Any] = {"required": True} if is_required and not takes_null else {}
    if is_required and takes_null:
        problems.append(Problem("/type", UNCOVERED, "A required property may not be null here; a missing one is null."))
    if not is_required and not takes_null and "type" in schema:
        problems.append(Problem("/type", UNCOVERED, "A property that may be missing may be null here as well."))
    words = {word: value for word, value in schema.items() if word not in {"type", *_METADATA, *_INERT}}
    covered = dict(_covered(kind, words))
    for setting, value in covered.values():
        if setting in {"type", "format", "timezone"}:
            attribute |= value
        else:
            constraints[setting] = value
    rest = {word: value for word, value in words.items() if word not in covered}
    if rest and kind in {"object", "array"}:
        constraints["jsonSchema"] = rest
    else:
        problems += [uncovered(pointer(word), word) for word in rest]
    if constraints:
        attribute["constraints"] = constraints
    return attribute, problems


def _kind(schema: Mapping[str, Any]) -> tuple[str, bool, list[Problem]]:
    """The type of a property, whether it takes null, and what isn't covered of that."""
    given = schema.get("type")
    kinds = given if isinstance(given, list) else [given] if given is not None else []
    takes_null = "null" in kinds or not kinds
    others = [kind for kind in kinds if kind != "null"]
    if not kinds:
        return "any", True, []
    if len(others) != 1 or not isinstance(others[0], str) or others[0] not in TYPES:
        return "any", takes_null, [uncovered("/type", "type")]
    return str(others[0]), takes_null, []


def _covered(kind: str, words: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """The keywords that have a word of ours: (theirs, (ours, value))."""
    for word, value in words.items():
        if kind in {"number", "integer"} and word in _BOUNDS and not isinstance(value, bool):
            yield word, (word, value)
        elif word in _LENGTHS.get(kind, ()):
            yield word, (("minLength", "maxLength")[_LENGTHS[kind].index(word)], value)
        elif word == "enum" and isinstance(value, list) and value:
            yield word, ("enum", [each for each in value if each is not None])
        elif word == "const" and value is not None and "enum" not in words:
            yield word, ("enum", [value])
        elif kind == "string":
            yield from _covered_text(word, value)


def _covered_text(word: str, value: Any) -> Iterator[tuple[str, tuple[str, Any]]]:
    if word == "pattern" and isinstance(value, str):
        yield word, ("pattern", _whole_pattern(value))
    elif not isinstance(value, str):
        return
    elif word == "format" and value in _FORMATS:
        kind, settings = _FORMATS[value]
        yield word, ("type", {"type": kind, **settings})
    elif word == "format" and value in _STRING_FORMATS:
        yield word, ("format", {"format": value})
    elif word == "contentEncoding" and value == "base64":
        yield word, ("format", {"format": "binary"})


def _whole_pattern(pattern: str) -> str:
    """A pattern that is looked for anywhere, as one that matches the whole value."""
    return f"(?s:.*)(?:{pattern})(?s:.*)"
