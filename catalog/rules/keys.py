"""Keys of a definition, what they refer to, and how its files are read. Pure: no Django."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.rules.wording import missing_value_problems, unknown_properties
from config.problems import Problem, nearest, pointer

FIELDS_MATCH = ("exact", "equal", "subset", "superset", "partial")
UNKEYED_TYPES = frozenset({"list", "array", "object", "any"})  # stored as JSON, where equal values may differ as text
FOREIGN_KEY_EXAMPLE = '{"fields": ["customer_id"], "reference": {"object": "customers", "fields": ["id"]}}'


def key_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the primary key, the unique keys and the foreign keys, as far as the definition alone says."""
    types = {
        attribute["name"]: attribute.get("type")
        for attribute in definition["attributes"]
        if isinstance(attribute, Mapping) and isinstance(attribute.get("name"), str)
    }
    primary_key = _listed(definition.get("primaryKey", []))
    yield from _check_key(primary_key, types, "/primaryKey", may_be_empty=True)
    yield from _unique_key_problems(definition.get("uniqueKeys", []), types, primary_key)
    foreign_keys = definition.get("foreignKeys", [])
    if not isinstance(foreign_keys, list):
        yield Problem("/foreignKeys", "type", f"foreignKeys is a list such as [{FOREIGN_KEY_EXAMPLE}].")
        return
    for position, key in enumerate(foreign_keys):
        place = pointer("foreignKeys", position)
        yield from _foreign_key_problems(key, types, place)
        if key in foreign_keys[:position]:
            yield Problem(place, "duplicate", "This foreign key is declared twice.")


def _listed(key: Any) -> Any:
    """A key of one attribute may be its bare name (Table Schema)."""
    return [key] if isinstance(key, str) else key


def _unique_key_problems(unique_keys: Any, types: Mapping[str, Any], primary_key: Any) -> Iterator[Problem]:
    if not isinstance(unique_keys, list):
        yield Problem("/uniqueKeys", "type", 'uniqueKeys is a list of lists such as [["order_id", "placed_at"]].')
        return
    for position, key in enumerate(unique_keys):
        yield from _check_key(key, types, pointer("uniqueKeys", position), may_be_empty=False)
        if key and (key in unique_keys[:position] or key == primary_key):
            yield Problem(pointer("uniqueKeys", position), "duplicate", f"The key {key} is declared twice.")


def _check_key(key: Any, types: Mapping[str, Any], place: str, may_be_empty: bool) -> Iterator[Problem]:
    if not isinstance(key, list) or not all(isinstance(name, str) for name in key) or (not key and not may_be_empty):
        yield Problem(place, "type", 'A key is a list of attribute names such as ["order_id"].')
        return
    for position, name in enumerate(key):
        if name not in types:
            message = f"The key names {name!r}, which is no attribute; {nearest(name, list(types))}"
            yield Problem(f"{place}/{position}", "unknown_attribute", message)
        elif name in key[:position]:
            yield Problem(f"{place}/{position}", "duplicate", f"The key names {name!r} twice.")
        elif types[name] in UNKEYED_TYPES:
            message = f"{name!r} is of type {types[name]}, whose values can't be told apart in a key; leave it out."
            yield Problem(f"{place}/{position}", "unkeyed_type", message)


def _foreign_key_problems(key: Any, types: Mapping[str, Any], place: str) -> Iterator[Problem]:
    if not isinstance(key, Mapping):
        yield Problem(place, "type", f"A foreign key is an object such as {FOREIGN_KEY_EXAMPLE}.")
        return
    for problem in unknown_properties(key, ("fields", "reference"), "property"):
        yield problem.below(place)
    fields = _listed(key.get("fields"))
    yield from _check_key(fields, types, place + "/fields", may_be_empty=False)
    reference = key.get("reference")
    if not isinstance(reference, Mapping):
        message = 'reference is an object such as {"object": "customers", "fields": ["id"]}.'
        yield Problem(place + "/reference", "type" if "reference" in key else "required", message)
        return
    yield from _reference_problems(reference, fields, types, place + "/reference")


def _reference_problems(
    reference: Mapping[str, Any], fields: Any, types: Mapping[str, Any], place: str
) -> Iterator[Problem]:
    for problem in unknown_properties(reference, ("object", "resource", "fields", "table"), "property"):
        yield problem.below(place)
    if "object" in reference and "resource" in reference:
        yield Problem(place + "/resource", "contradiction", "A reference says object or resource, not both.")
    named = "resource" if "resource" in reference and "object" not in reference else "object"
    name = reference.get(named, "")  # absent, as "" in Table Schema, is the Object itself
    if not isinstance(name, str):
        yield Problem(f"{place}/{named}", "type", 'An object is given by its name, "" is the object itself.')
    table = reference.get("table")
    if table is not None and (not isinstance(table, str) or not table.strip()):
        yield Problem(place + "/table", "type", "A table is given by its name; leave it out for all tables.")
    there = _listed(reference.get("fields"))
    if not isinstance(there, list) or not there or not all(isinstance(each, str) for each in there):
        yield Problem(place + "/fields", "type", 'fields is a list of attribute names such as ["id"].')
        return
    for position, each in enumerate(there):
        if each in there[:position]:
            yield Problem(f"{place}/fields/{position}", "duplicate", f"The reference names {each!r} twice.")
    if isinstance(fields, list) and len(fields) != len(there):
        message = f"The key has {_count(len(fields))} and its reference {_count(len(there))}; they pair up one by one."
        yield Problem(place + "/fields", "field_count", message)


def _count(number: int) -> str:
    return f"{number} field{'s' * (number != 1)}"


def reading_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with `missingValues` and `fieldsMatch`."""
    yield from missing_value_problems(definition.get("missingValues", [""]))
    match = definition.get("fieldsMatch", "equal")
    if _match_of(match) not in FIELDS_MATCH:
        hint = nearest(match, FIELDS_MATCH) if isinstance(match, str) else f"allowed: {', '.join(FIELDS_MATCH)}."
        yield Problem("/fieldsMatch", "unknown_choice", f"fieldsMatch is {match!r}; {hint}")


def _match_of(value: Any) -> Any:
    """fieldsMatch is a text, or as in Table Schema v2 a list of one text."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else None


def normalised_keys(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a sound definition and its `fieldsMatch`, in the one form that they are stored in."""
    return {
        "primaryKey": list(_listed(definition.get("primaryKey") or [])),
        "uniqueKeys": [list(key) for key in definition.get("uniqueKeys") or []],
        "foreignKeys": [_normalised_foreign_key(key) for key in definition.get("foreignKeys") or []],
        "fieldsMatch": _match_of(definition.get("fieldsMatch", "equal")),
    }


def _normalised_foreign_key(key: Mapping[str, Any]) -> dict[str, Any]:
    reference = key["reference"]
    found = {
        "object": reference.get("object", reference.get("resource", "")),
        "fields": list(_listed(reference["fields"])),
    }
    if reference.get("table") is not None:
        found["table"] = reference["table"]
    return {"fields": list(_listed(key["fields"])), "reference": found}


def referenced_object(key: Mapping[str, Any]) -> str:
    """The name of the Object that a sound foreign key refers to; "" is its own."""
    return str(key["reference"].get("object", key["reference"].get("resource", "")))


def reference_problems(
    definition: Mapping[str, Any], objects: Mapping[str, Mapping[str, Any]], names: Sequence[str]
) -> Iterator[Problem]:
    """What is wrong with the foreign keys of a sound definition, given what they refer to.

    objects: the definitions of the Objects referred to, by name, "" for its own. names: all there are, to hint at.
    """
    own = {attribute["name"]: attribute for attribute in definition["attributes"]}
    for position, key in enumerate(definition.get("foreignKeys", [])):
        place = pointer("foreignKeys", position)
        named = "resource" if "resource" in key["reference"] else "object"
        target = objects.get(referenced_object(key))
        if target is None:
            message = (
                f"The application has no object {referenced_object(key)!r}; {nearest(referenced_object(key), names)}"
            )
            yield Problem(f"{place}/reference/{named}", "unknown_object", message)
            continue
        there = {attribute["name"]: attribute for attribute in target["attributes"]}
        pairs = zip(_listed(key["fields"]), _listed(key["reference"]["fields"]), strict=True)
        for number, (field, other) in enumerate(pairs):
            inside = f"{place}/reference/fields/{number}"
            if other not in there:
                noun = referenced_object(key) or "The object"
                message = f"{noun} has no attribute {other!r}; {nearest(other, list(there))}"
                yield Problem(inside, "unknown_attribute", message)
            elif _comparable(own[field]) != _comparable(there[other]):
                message = (
                    f"{field!r} is {_described(own[field])} and {other!r} is {_described(there[other])}; "
                    "a foreign key has the type of what it refers to."
                )
                yield Problem(inside, "type_mismatch", message)


def referrer_problems(
    definition: Mapping[str, Any], name: str, referrers: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    """Foreign keys of other Objects that an Object, by this name and with this definition, would break.

    referrers: sound definitions of other Objects in the application, by name.
    """
    for referrer, other in referrers.items():
        keys = [key for key in other.get("foreignKeys", []) if referenced_object(key) == name]
        for problem in reference_problems({**other, "foreignKeys": keys}, {name: definition}, [name]):
            yield Problem("", "referenced", f"The object {referrer!r} refers to this one: {problem.message}")


def _comparable(attribute: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two attributes must have in common for their values to be compared exactly."""
    is_exact = attribute["type"] == "number" and attribute.get("precision") is not None
    is_zoned = attribute["type"] == "datetime" and bool(attribute.get("timezone"))
    return attribute["type"], is_exact, is_zoned


def _described(attribute: Mapping[str, Any]) -> str:
    kind, is_exact, is_zoned = _comparable(attribute)
    return f"{kind} with precision" if is_exact else f"{kind} with time zone" if is_zoned else str(kind)
