"""A whole definition: its shape, its attributes one by one, its keys; and its one written form. Pure: no Django."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from catalog.rules.attribute import check_attribute
from catalog.rules.keys import key_problems, normalised_keys, reading_problems
from catalog.rules.wording import unknown_properties
from config.problems import Problem, pointer
from config.storable import UNSTORABLE

ATTRIBUTE_LIMIT = 3_000  # so many can be loaded, read, profiled and exported in a bounded memory
DEFINITION_PROPERTIES = ("attributes", "primaryKey", "uniqueKeys", "foreignKeys", "missingValues", "fieldsMatch")


def check_definition(definition: Any) -> list[Problem]:
    """Everything that is wrong with a definition, paths seen from `attributes` (keys: from their own name).

    definition: `{"attributes": [...], "primaryKey": [...], "uniqueKeys": [[...]], "missingValues": [...],
    "fieldsMatch": "equal"}`; all but `attributes` may be absent.
    """
    if not isinstance(definition, Mapping) or not isinstance(definition.get("attributes"), list):
        return [Problem("", "type", 'Attributes must be a list such as [{"name": "id", "type": "integer"}].')]
    attributes = definition["attributes"]
    if not attributes:
        return [Problem("", "required", "An object has at least one attribute.")]
    if len(attributes) > ATTRIBUTE_LIMIT:
        message = f"An object has at most {ATTRIBUTE_LIMIT} attributes; this one has {len(attributes)}."
        return [Problem("", "max_length", message)]
    try:
        unstorable = list(_text_problems(definition))
    except RecursionError:
        return [Problem("", "out_of_range", "The definition is nested too deep to be looked into.")]
    if unstorable:
        return unstorable
    return [
        *unknown_properties(definition, DEFINITION_PROPERTIES, "property"),
        *_attribute_problems(attributes),
        *key_problems(definition),
        *reading_problems(definition),
    ]


def _text_problems(value: Any, place: str = "") -> Iterator[Problem]:
    """Texts that no database stores: with the character NUL, or half of a surrogate pair."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            below = "" if not place and name == "attributes" else place + pointer(name)
            yield from _text_problems(name, below)
            yield from _text_problems(member, below)
    elif isinstance(value, list):
        for position, member in enumerate(value):
            yield from _text_problems(member, place + pointer(position))
    elif isinstance(value, str) and UNSTORABLE.search(value):
        shown = value.encode("unicode_escape", "surrogatepass").decode()
        message = f"The text '{shown}' holds NUL or half of a surrogate pair, which can't be stored."
        yield Problem(place.encode("utf-8", "replace").decode(), "unstorable_text", message)


def _attribute_problems(attributes: Sequence[Any]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for position, attribute in enumerate(attributes):
        place = pointer(position)
        if not isinstance(attribute, Mapping):
            yield Problem(place, "type", 'An attribute is an object such as {"name": "id", "type": "integer"}.')
            continue
        for problem in check_attribute(attribute):
            yield problem.below(place)
        name = attribute.get("name")
        if isinstance(name, str):
            first = seen.setdefault(name.casefold(), position)
            if first != position:
                places = f"attributes {first + 1} and {position + 1}"
                message = f"The name {name!r} stands twice ({places}); case is no difference."
                yield Problem(place + "/name", "duplicate_attribute", message)


def normalised(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A sound definition with its defaults written out, so that equal definitions are equal dictionaries."""
    return {
        "attributes": [_storable(attribute, attribute) for attribute in definition["attributes"]],
        **normalised_keys(definition),
        "missingValues": list(definition.get("missingValues", [""])),
    }


def _storable(attribute: Mapping[str, Any], value: Any) -> Any:
    """What JSON columns keep: a number with more digits than a double holds becomes a string where that is allowed."""
    if isinstance(value, Mapping):
        return {name: _storable(attribute, member) for name, member in value.items()}
    if isinstance(value, list):
        return [_storable(attribute, member) for member in value]
    if isinstance(value, Decimal):
        return float(value) if attribute.get("precision") is None else str(value)
    return value
