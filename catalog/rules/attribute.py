"""One attribute of a definition: its name, type, settings and constraints. Pure: no Django."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from catalog import engine
from catalog.attributes import RESERVED_NAMES, TYPES, Attribute, describe_type
from catalog.constraints import CONSTRAINTS, as_text, divisor_parts
from catalog.nested import SchemaError, validator_for
from catalog.rules.settings import SETTINGS, setting_problems
from catalog.rules.values import read_value
from catalog.rules.wording import missing_value_problems, unknown_properties
from config.problems import Problem, nearest, pointer

NAME_LIMIT = 1_000
GEO_TYPES = {"geopoint": "'string', or 'object' with the members lon and lat", "geojson": "'object'"}
METADATA = ("title", "description", "example", "examples", "tags", "sensitive", "rdfType")
ATTRIBUTE_PROPERTIES = ("name", "type", "constraints", "missingValues", *SETTINGS, *METADATA)
DIVISOR_DIGITS = 15
CONSTRAINT_NAMES = (*CONSTRAINTS, "unique")


def check_attribute(attribute: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with one attribute, paths seen from it."""
    yield from unknown_properties(attribute, ATTRIBUTE_PROPERTIES, "property")
    yield from _name_problems(attribute.get("name"))
    kind = attribute.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        yield Problem("/type", "unknown_type", _unknown_type(kind))
        return
    settings = list(setting_problems(attribute))
    if attribute.get("missingValues") is not None:
        settings += missing_value_problems(attribute["missingValues"])
    yield from settings
    if not isinstance(attribute.get("sensitive", False), bool):
        yield Problem("/sensitive", "type", "sensitive is true or false.")
    constraints = attribute.get("constraints", {})
    if not isinstance(constraints, Mapping):
        yield Problem("/constraints", "type", 'Constraints are an object such as {"required": true}.')
    elif not settings:
        yield from _constraint_problems(attribute, constraints)


def _unknown_type(kind: Any) -> str:
    if kind is None:
        return f"An attribute needs a type: {', '.join(TYPES)}."
    if isinstance(kind, str) and kind in GEO_TYPES:
        return f"The type {kind!r} is not supported; use {GEO_TYPES[kind]}."
    return f"The type {kind!r} is unknown; {nearest(kind, list(TYPES))}"


def _name_problems(name: Any) -> Iterator[Problem]:
    if not isinstance(name, str) or not name.strip():
        yield Problem("/name", "blank", "An attribute needs a name.")
    elif name != name.strip():
        yield Problem("/name", "untrimmed", f"The name {name!r} begins or ends with a space.")
    elif len(name) > NAME_LIMIT:
        yield Problem("/name", "max_length", f"A name has at most {NAME_LIMIT} characters; this one has {len(name)}.")
    elif any(ord(character) < 32 or ord(character) == 127 for character in name):
        yield Problem("/name", "control_character", "A name may not contain control characters.")
    elif name.casefold() in RESERVED_NAMES:
        yield Problem("/name", "reserved", f"The name {name!r} is reserved ({', '.join(RESERVED_NAMES)}).")


def _constraint_problems(attribute: Mapping[str, Any], constraints: Mapping[str, Any]) -> Iterator[Problem]:
    parsed = Attribute.from_definition(attribute)
    unsound = False
    for name, value in constraints.items():
        for problem in _check_constraint(parsed, name, value):
            unsound = True
            yield problem.below(pointer("constraints", name))
    if not unsound:
        yield from _contradictions(parsed)


def _check_constraint(attribute: Attribute, name: str, value: Any) -> Iterator[Problem]:
    if name not in CONSTRAINT_NAMES:
        yield Problem(
            "", "unknown_constraint", f"The constraint {name!r} is unknown; {nearest(name, CONSTRAINT_NAMES)}"
        )
    elif name not in attribute.kind.constraints:
        allowed = ", ".join(sorted(attribute.kind.constraints))
        article = "An" if attribute.type[0] in "aeiou" else "A"
        yield Problem("", "not_allowed", f"{article} {attribute.type} can't have {name}; allowed: {allowed}.")
    elif name == "unique":
        yield from _flag_problems(name, value)
    else:
        yield from _VALUE_CHECKS[CONSTRAINTS[name].takes](attribute, CONSTRAINTS[name], name, value)


def _flag_problems(name: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem("", "type", f"{name} is true or false.")


def _length_problems(name: str, value: Any) -> Iterator[Problem]:
    if not _is_whole(value) or value < 0:
        yield Problem("", "type", f"{name} is a whole number of at least 0.")


def _bound_problems(attribute: Attribute, name: str, value: Any) -> Iterator[Problem]:
    if value is None or read_value(attribute, value) is None:
        yield Problem("", "type", f"{name} is {value!r}; it must be {describe_type(attribute)}.")


def _divisor_problems(name: str, value: Any) -> Iterator[Problem]:
    try:
        numerator, places = divisor_parts(value)
    except (ArithmeticError, ValueError):
        numerator, places = 0, 0
    if isinstance(value, bool | str) or numerator <= 0:
        yield Problem("", "type", f"{name} is a number greater than 0.")
    elif numerator >= 10**DIVISOR_DIGITS or places > DIVISOR_DIGITS:
        yield Problem("", "out_of_range", f"{name} has at most {DIVISOR_DIGITS} digits.")


def _schema_problems(name: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem("", "type", f'{name} is a JSON Schema, such as {{"required": ["id"]}}.')
        return
    try:
        validator_for(value)
    except SchemaError as error:
        yield Problem("", "invalid_json_schema", f"{name} can't be used: {str(error).rstrip('.')}.")


def _pattern_problems(name: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield Problem("", "type", f"{name} is a regular expression, such as '[A-Z]{{3}}-[0-9]+'.")
        return
    try:
        with engine.cursor(is_serial=True) as connection:
            connection.execute("SELECT regexp_full_match('', $pattern)", {"pattern": value}).fetchall()
    except duckdb.Error as error:
        yield Problem(
            "", "invalid_pattern", f"{name} can't be read as an RE2 regular expression: {_first_line(error)}."
        )


def _values_problems(attribute: Attribute, name: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, list) or not value:
        yield Problem("", "type", f"{name} is a list of at least one value.")
        return
    seen: set[str] = set()
    for position, member in enumerate(value):
        if member is None or read_value(attribute, member) is None:
            message = f"{name} holds {member!r}; each value must be {describe_type(attribute)}."
            yield Problem(pointer(position), "type", message)
        elif as_text(member) in seen:
            yield Problem(pointer(position), "duplicate", f"{name} holds {member!r} twice.")
        seen.add(as_text(member))


_VALUE_CHECKS: Mapping[str, Any] = {
    "flag": lambda attribute, constraint, name, value: _flag_problems(name, value),
    "length": lambda attribute, constraint, name, value: _length_problems(name, value),
    "bound": lambda attribute, constraint, name, value: _bound_problems(attribute, name, value),
    "pattern": lambda attribute, constraint, name, value: _pattern_problems(name, value),
    "values": lambda attribute, constraint, name, value: _values_problems(attribute, name, value),
    "divisor": lambda attribute, constraint, name, value: _divisor_problems(name, value),
    "schema": lambda attribute, constraint, name, value: _schema_problems(name, value),
}


def _contradictions(attribute: Attribute) -> Iterator[Problem]:
    """Constraints that no value can meet together."""
    constraints = attribute.constraints
    lower = [name for name in ("minimum", "exclusiveMinimum") if name in constraints]
    upper = [name for name in ("maximum", "exclusiveMaximum") if name in constraints]
    for low in lower:
        for high in upper:
            floor, ceiling = read_value(attribute, constraints[low]), read_value(attribute, constraints[high])
            open_ended = low.startswith("exclusive") or high.startswith("exclusive")
            if floor > ceiling or (open_ended and floor == ceiling):
                message = f"No value can meet {low} {constraints[low]} and {high} {constraints[high]}."
                yield Problem("/constraints", "contradiction", message)
    shortest, longest = constraints.get("minLength", 0), constraints.get("maxLength")
    if longest is not None and shortest > longest:
        message = f"No value can meet minLength {shortest} and maxLength {longest}."
        yield Problem("/constraints", "contradiction", message)
    yield from _uncategorised(attribute)
    if "enum" in constraints and not _enum_survivors(attribute):
        message = "No value of the enum meets the other constraints."
        yield Problem("/constraints", "contradiction", message)


def _uncategorised(attribute: Attribute) -> Iterator[Problem]:
    """Members of an enum that are no category: Table Schema wants a subset."""
    if attribute.categories is None:
        return
    for position, member in enumerate(attribute.constraints.get("enum", ())):
        if member not in attribute.categories:
            message = f"enum holds {member!r}, which is none of the categories."
            yield Problem(pointer("constraints", "enum", position), "contradiction", message)


def _enum_survivors(attribute: Attribute) -> list[Any]:
    """The enum members that the other constraints of the attribute allow."""
    return [
        member
        for member in attribute.constraints["enum"]
        if not any(_breaks(attribute, member, name) for name in _TESTS)
    ]


_TESTS: Mapping[str, Any] = {
    "minimum": lambda value, bound: value < bound,
    "maximum": lambda value, bound: value > bound,
    "exclusiveMinimum": lambda value, bound: value <= bound,
    "exclusiveMaximum": lambda value, bound: value >= bound,
    "minLength": lambda value, bound: len(value) < bound,
    "maxLength": lambda value, bound: len(value) > bound,
}


def _breaks(attribute: Attribute, member: Any, name: str) -> bool:
    if name not in attribute.constraints:
        return False
    bound = attribute.constraints[name]
    if CONSTRAINTS[name].takes == "bound":
        bound = read_value(attribute, bound)
    return bool(_TESTS[name](read_value(attribute, member), bound))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
