"""What makes an Object's definition sound (invariant 2). Pure: no Django.

The structure is Table Schema v2 with `attributes` in place of `fields`; what is declared here is enforced on every row,
so a type, constraint or key that Exemplar doesn't enforce is refused, not stored.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import duckdb

from catalog import engine
from catalog.attributes import NUMERAL, RESERVED_NAMES, TYPES, Attribute, describe_type
from catalog.constraints import CONSTRAINTS, as_text
from config.problems import Problem, nearest, pointer

ATTRIBUTE_LIMIT = 4_000
NAME_LIMIT = 1_000
PRECISION_LIMIT = 38
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
GEO_TYPES = {"geopoint": "object", "geojson": "object"}
DEFINITION_PROPERTIES = ("attributes", "primaryKey", "uniqueKeys", "missingValues", "fieldsMatch")
METADATA = ("title", "description", "example", "examples", "tags")
ATTRIBUTE_PROPERTIES = ("name", "type", "constraints", "precision", "scale", "timezone", *METADATA)
CONSTRAINT_NAMES = (*CONSTRAINTS, "unique")


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
    unstorable = list(_text_problems(definition))
    if unstorable:
        return unstorable
    return [
        *_unknown(definition, DEFINITION_PROPERTIES, "property"),
        *_attribute_problems(attributes),
        *_key_problems(definition),
        *_reading_problems(definition),
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


def check_attribute(attribute: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with one attribute, paths seen from it."""
    yield from _unknown(attribute, ATTRIBUTE_PROPERTIES, "property")
    yield from _name_problems(attribute.get("name"))
    kind = attribute.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        yield Problem("/type", "unknown_type", _unknown_type(kind))
        return
    settings = list(_type_setting_problems(attribute))
    yield from settings
    constraints = attribute.get("constraints", {})
    if not isinstance(constraints, Mapping):
        yield Problem("/constraints", "type", 'Constraints are an object such as {"required": true}.')
    elif not settings:
        yield from _constraint_problems(attribute, constraints)


def _unknown_type(kind: Any) -> str:
    if kind is None:
        return f"An attribute needs a type: {', '.join(TYPES)}."
    if isinstance(kind, str) and kind in GEO_TYPES:
        return f"The type {kind!r} is not supported; use 'string'."
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


def _type_setting_problems(attribute: Mapping[str, Any]) -> Iterator[Problem]:
    kind, precision, scale = attribute["type"], attribute.get("precision"), attribute.get("scale")
    for name, value in (("precision", precision), ("scale", scale)):
        if value is None:
            continue
        if kind != "number":
            yield Problem(f"/{name}", "not_allowed", f"Only a number has a {name}; this is of type {kind}.")
        elif not _is_whole(value) or not (1 if name == "precision" else 0) <= value <= PRECISION_LIMIT:
            yield Problem(f"/{name}", "out_of_range", f"The {name} is a whole number of at most {PRECISION_LIMIT}.")
    if scale is not None and precision is None and kind == "number":
        yield Problem("/scale", "not_allowed", "A scale needs a precision beside it.")
    elif isinstance(precision, int) and isinstance(scale, int) and scale > precision:
        yield Problem("/scale", "contradiction", f"The scale {scale} is greater than the precision {precision}.")
    if "timezone" in attribute:
        if kind != "datetime":
            yield Problem("/timezone", "not_allowed", f"Only a datetime has a timezone; this is of type {kind}.")
        elif not isinstance(attribute["timezone"], bool):
            yield Problem("/timezone", "type", "The timezone is true (an offset is required) or false.")


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
        yield Problem("", "not_allowed", f"A {attribute.type} can't have {name}; allowed: {allowed}.")
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
    if "enum" in constraints and not _enum_survivors(attribute):
        message = "No value of the enum meets the other constraints."
        yield Problem("/constraints", "contradiction", message)


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


def read_value(attribute: Attribute, value: Any) -> Any:
    """A JSON scalar of a definition as a Python value that compares as the attribute does; None if it isn't one.

    integer: int. number: Decimal. boolean: bool. string: str. date: date. datetime: datetime without zone.

    One small DuckDB query: the definition is read by the same rule as the rows.
    """
    if isinstance(value, dict | list):
        return None
    cell = attribute.kind.from_text(attribute, "$cell") if isinstance(value, str) else None
    if attribute.type == "string":
        return value if isinstance(value, str) else None
    if attribute.type == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or (isinstance(value, str) and attribute.type in {"integer", "number"}):
        return _read_digits(attribute, value) if attribute.is_exact and isinstance(value, str) else None
    if attribute.type == "integer":
        return int(value) if -(2**63) <= value < 2**63 and value == int(value) else None
    if attribute.type == "number":
        return _read_number(attribute, value)
    if cell is None:
        return None
    # An instant compares, and travels to Python, as UTC without zone.
    shown = f"({cell}) AT TIME ZONE 'UTC'" if attribute.timezone else cell
    with engine.cursor(is_serial=True) as connection:
        row = connection.execute(f"SELECT {shown}", {"cell": value}).fetchone()
    return row[0] if row else None


def _read_digits(attribute: Attribute, text: str) -> Decimal | None:
    """An exact decimal may be written as a string of digits, which keeps all of them in any JSON."""
    return _read_number(attribute, text) if NUMERAL.fullmatch(text) else None


def _read_number(attribute: Attribute, value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    if attribute.precision is not None:
        whole_digits = max(number.adjusted() + 1, 0) if number else 0
        digits = str(int("1" + "".join(map(str, number.as_tuple().digits))))
        places = len(digits.rstrip("0")) - len(digits) - int(number.as_tuple().exponent) if number else 0
        if whole_digits > attribute.precision - attribute.scale or places > attribute.scale:
            return None
    return number


def _key_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    names = [a["name"] for a in definition["attributes"] if isinstance(a, Mapping) and isinstance(a.get("name"), str)]
    primary_key = definition.get("primaryKey", [])
    yield from _check_key(primary_key, names, "/primaryKey", may_be_empty=True)
    unique_keys = definition.get("uniqueKeys", [])
    if not isinstance(unique_keys, list):
        yield Problem("/uniqueKeys", "type", 'uniqueKeys is a list of lists such as [["order_id", "placed_at"]].')
        return
    for position, key in enumerate(unique_keys):
        yield from _check_key(key, names, pointer("uniqueKeys", position), may_be_empty=False)
        if key and (key in unique_keys[:position] or key == primary_key):
            yield Problem(pointer("uniqueKeys", position), "duplicate", f"The key {key} is declared twice.")


def _check_key(key: Any, names: Sequence[str], place: str, may_be_empty: bool) -> Iterator[Problem]:
    if not isinstance(key, list) or not all(isinstance(name, str) for name in key) or (not key and not may_be_empty):
        yield Problem(place, "type", 'A key is a list of attribute names such as ["order_id"].')
        return
    for position, name in enumerate(key):
        if name not in names:
            message = f"The key names {name!r}, which is no attribute; {nearest(name, names)}"
            yield Problem(f"{place}/{position}", "unknown_attribute", message)
        elif name in key[:position]:
            yield Problem(f"{place}/{position}", "duplicate", f"The key names {name!r} twice.")


def _reading_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    missing = definition.get("missingValues", [""])
    if not isinstance(missing, list) or not all(isinstance(value, str) for value in missing):
        yield Problem("/missingValues", "type", 'missingValues is a list of texts such as ["", "NA"].')
    match = definition.get("fieldsMatch", "equal")
    if match != "equal":
        message = f"fieldsMatch is {match!r}; only 'equal' (any order, same names) is enforced so far."
        yield Problem("/fieldsMatch", "not_supported", message)


def _unknown(given: Mapping[str, Any], allowed: Sequence[str], noun: str) -> Iterator[Problem]:
    for name in given:
        if name not in allowed:
            yield Problem(
                pointer(name), "unknown_property", f"The {noun} {name!r} is unknown; {nearest(name, allowed)}"
            )


def normalised(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A sound definition with its defaults written out, so that equal definitions are equal dictionaries."""
    return {
        "attributes": [_storable(attribute, attribute) for attribute in definition["attributes"]],
        "primaryKey": list(definition.get("primaryKey") or []),
        "uniqueKeys": [list(key) for key in definition.get("uniqueKeys") or []],
        "missingValues": list(definition.get("missingValues", [""])),
        "fieldsMatch": definition.get("fieldsMatch", "equal"),
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


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
