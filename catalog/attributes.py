"""Attributes: their types and constraints, and what these mean in DuckDB's SQL. Pure: no Django.

The vocabulary is Table Schema (Data Package v2); the meaning is that of attributes.md. A type is one entry of `TYPES`:
what a later type needs goes there and nowhere else. Constraints are in catalog.constraints.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

RESERVED_NAMES = ("_id", "_version", "_table")
MISSING_VALUES = ("",)
NUMERAL = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Attribute:
    """One column of an Object."""

    name: str
    type: str
    constraints: Mapping[str, Any] = field(default_factory=dict)
    precision: int | None = None
    scale: int = 0
    timezone: bool = False

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> "Attribute":
        """An attribute from its sound definition (see catalog.rules)."""
        return cls(
            name=definition["name"],
            type=definition["type"],
            constraints=definition.get("constraints", {}),
            precision=definition.get("precision"),
            scale=definition.get("scale") or 0,
            timezone=definition.get("timezone", False),
        )

    @property
    def kind(self) -> "AttributeType":
        """The entry of `TYPES` that says what this attribute's values are."""
        return TYPES[self.type]

    @property
    def duckdb_type(self) -> str:
        """The column type in a Part."""
        return self.kind.duckdb_type(self)

    @property
    def is_exact(self) -> bool:
        """Whether this is a number with exact decimals."""
        return self.type == "number" and self.precision is not None


ROW_ID = Attribute("_id", "integer")
"""The number of a row in its Table, read and written like an attribute."""


@dataclass(frozen=True)
class Schema:
    """A parsed ObjectVersion."""

    attributes: tuple[Attribute, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    missing_values: tuple[str, ...] = MISSING_VALUES

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> "Schema":
        """A schema from its sound definition (see catalog.rules)."""
        return cls(
            attributes=tuple(Attribute.from_definition(each) for each in definition["attributes"]),
            primary_key=tuple(definition.get("primaryKey", ())),
            unique_keys=tuple(tuple(key) for key in definition.get("uniqueKeys", ())),
            missing_values=tuple(definition.get("missingValues", MISSING_VALUES)),
        )

    @cached_property
    def names(self) -> list[str]:
        """The attributes' names, in order."""
        return [attribute.name for attribute in self.attributes]

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Name and DuckDB type of each attribute, in order."""
        return tuple((attribute.name, attribute.duckdb_type) for attribute in self.attributes)

    def attribute(self, name: str) -> Attribute:
        """The attribute of this name. KeyError if there is none."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        raise KeyError(name)

    def keys(self) -> "Iterator[Key]":
        """Everything that must be unique: the primary key, the unique keys and the unique attributes."""
        if self.primary_key:
            yield Key("primary_key", self.primary_key)
        for names in self.unique_keys:
            yield Key("unique_key", names)
        for attribute in self.attributes:
            if attribute.constraints.get("unique"):
                yield Key("unique", (attribute.name,))


@dataclass(frozen=True)
class Key:
    """Attributes whose values, taken together, stand at most once in a Table. A null part exempts the row."""

    code: str
    names: tuple[str, ...]


# --- reading a cell -------------------------------------------------------------------------------------------------
# Each function takes SQL for a cell's raw form and gives SQL for its typed value, which is NULL if it can't be read.


def _unquoted(cell: str) -> str:
    """The text of a JSON string, given its JSON; escapes are rare, so most need only their quotes taken off."""
    plain = f"substring({cell}, 2, length({cell}) - 2)"
    return (
        f"CASE WHEN starts_with({cell}, '\"') THEN "
        f"CASE WHEN contains({cell}, '\\') THEN json_extract_string({cell}, '$') ELSE {plain} END END"
    )


def _string_from_json(attribute: Attribute, cell: str) -> str:
    return _unquoted(cell)


def _string_from_text(attribute: Attribute, cell: str) -> str:
    return cell


def _integer_from_json(attribute: Attribute, cell: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({cell}, '-?[0-9]+') THEN TRY_CAST({cell} AS BIGINT) "
        f"WHEN NOT starts_with({cell}, '\"') THEN TRY_CAST({_decimal(cell, 38, 0)} AS BIGINT) END"
    )


def _integer_from_text(attribute: Attribute, cell: str) -> str:
    return f"CASE WHEN regexp_full_match({cell}, '[+-]?[0-9]+') THEN TRY_CAST({cell} AS BIGINT) END"


def _finite(value: str) -> str:
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def _decimal(text: str, precision: int, scale: int) -> str:
    """A DECIMAL that takes the digits as they are: more places than the scale are refused, never rounded."""
    value = f"TRY_CAST({text} AS DECIMAL({precision},{scale}))"
    plain = f"regexp_full_match({text}, '[+-]?[0-9]*([.][0-9]{{0,{scale}}}0*)?')"
    scientific = "[+-]?([0-9]+)[.]?([0-9]*)[eE]([+-]?[0-9]+)"
    whole, fraction, exponent = (f"regexp_extract({text}, '{scientific}', {group})" for group in (1, 2, 3))
    digits = f"({whole} || {fraction})"
    zeros = f"(length({digits}) - length(rtrim({digits}, '0')))"
    places = f"length({fraction}) - {zeros} - TRY_CAST({exponent} AS INTEGER)"
    return (
        f"CASE WHEN {plain} THEN {value} "
        f"WHEN regexp_full_match({text}, '{scientific}') THEN CASE WHEN {places} <= {scale} THEN {value} END END"
    )


def _exact(attribute: Attribute, text: str) -> str:
    return _decimal(text, attribute.precision or 0, attribute.scale)


def _number_from_json(attribute: Attribute, cell: str) -> str:
    if attribute.is_exact:
        return _exact(attribute, f"(CASE WHEN starts_with({cell}, '\"') THEN {_unquoted(cell)} ELSE {cell} END)")
    return f"CASE WHEN NOT starts_with({cell}, '\"') THEN {_finite(f'TRY_CAST({cell} AS DOUBLE)')} END"


def _number_from_text(attribute: Attribute, cell: str) -> str:
    if attribute.is_exact:
        return _exact(attribute, cell)
    lexical = f"regexp_full_match({cell}, '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?')"
    return f"CASE WHEN {lexical} THEN {_finite(f'TRY_CAST({cell} AS DOUBLE)')} END"


def _boolean_from_json(attribute: Attribute, cell: str) -> str:
    return f"CASE {cell} WHEN 'true' THEN true WHEN 'false' THEN false END"


def _boolean_from_text(attribute: Attribute, cell: str) -> str:
    return (
        f"CASE WHEN {cell} IN ('true', 'True', 'TRUE', '1') THEN true "
        f"WHEN {cell} IN ('false', 'False', 'FALSE', '0') THEN false END"
    )


def _in_calendar(attribute: Attribute, value: str) -> str:
    """A date or datetime of the years 1 to 9999, which every client can hold; infinity is none."""
    first, last = (f"CAST('{day}' AS {attribute.duckdb_type})" for day in ("0001-01-01", "9999-12-31"))
    return f"CASE WHEN {value} >= {first} AND {value} < {last} + INTERVAL 1 DAY THEN {value} END"


def _date_from_text(attribute: Attribute, cell: str) -> str:
    lexical = f"regexp_full_match({cell}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
    return f"CASE WHEN {lexical} THEN {_in_calendar(attribute, f'TRY_CAST({cell} AS DATE)')} END"


def _datetime_from_text(attribute: Attribute, cell: str) -> str:
    offset = "(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)" if attribute.timezone else ""
    minutes = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    seconds = "[0-5][0-9]([.][0-9]{1,6}0*)?"
    completed = f"left({cell}, 16) || ':00' || substring({cell}, 17)"
    whole = (
        f"CASE WHEN regexp_full_match({cell}, '{minutes}:{seconds}{offset}') THEN {cell} "
        f"WHEN regexp_full_match({cell}, '{minutes}{offset}') THEN {completed} END"
    )
    return _in_calendar(attribute, f"TRY_CAST(({whole}) AS {attribute.duckdb_type})")


# The usual form of a value in JSON, in fewer steps; a cell in any other form is NULL here and read with care later.


def _integer_from_usual_json(attribute: Attribute, cell: str) -> str:
    return f"CASE WHEN regexp_full_match({cell}, '-?[0-9]+') THEN TRY_CAST({cell} AS BIGINT) END"


def _date_from_usual_json(attribute: Attribute, cell: str) -> str:
    return f"CAST(CASE {_fixed_form(cell, '%Y-%m-%d', 10)} END AS DATE)"


def _datetime_from_usual_json(attribute: Attribute, cell: str) -> str:
    """To the second, with T and, where there is a time zone, Z; without one also with a fraction, in more steps."""
    if attribute.timezone:
        return f"(CASE {_fixed_form(cell, '%Y-%m-%dT%H:%M:%SZ', 20)} END) AT TIME ZONE 'UTC'"
    lexical = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
    value = f"TRY_CAST(substring({cell}, 2, length({cell}) - 2) AS TIMESTAMP)"
    usual = _fixed_form(cell, "%Y-%m-%dT%H:%M:%S", 19, f" AND contains({cell}, 'T')")
    return f"CASE {usual} WHEN regexp_full_match({cell}, '\"{lexical}\"') THEN {value} END"


def _fixed_form(cell: str, form: str, length: int, condition: str = "") -> str:
    """A case for JSON strings of just this length in a strptime form, whose fields then all have their full width."""
    usual = f"length({cell}) = {length + 2} AND NOT starts_with({cell}, '\"0'){condition}"
    return f"WHEN {usual} THEN TRY_STRPTIME({cell}, '\"{form}\"')"


def _via_string(from_text: Callable[[Attribute, str], str]) -> Callable[[Attribute, str], str]:
    """A type whose JSON form is a string with the type's text."""
    return lambda attribute, cell: from_text(attribute, _unquoted(cell))


# --- taking a typed column ------------------------------------------------------------------------------------------

INTEGER_COLUMNS = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"]
)


def _column_family(column_type: str) -> str:
    """The family of a DuckDB column type: "integer", "decimal", "double", or the type's own name in lower case."""
    bare = column_type.split("(")[0]
    if bare in INTEGER_COLUMNS:
        return "integer"
    return {"FLOAT": "double", "TIMESTAMP WITH TIME ZONE": "timestamptz"}.get(bare, bare.lower())


def _lossless(attribute: Attribute, cell: str) -> str:
    value = f"TRY_CAST({cell} AS {attribute.duckdb_type})"
    return f"CASE WHEN {value} = {cell} THEN {value} END"


def _exact_from_double(attribute: Attribute, cell: str) -> str:
    """A double counts as the decimal that it stands nearest to, if it reads back as the same double."""
    value = f"TRY_CAST({cell} AS {attribute.duckdb_type})"
    return f"CASE WHEN CAST({value} AS DOUBLE) = {cell} THEN {value} END"


def _date_from_timestamp(attribute: Attribute, cell: str) -> str:
    return _in_calendar(attribute, _lossless(attribute, cell))


def _datetime_from_date(attribute: Attribute, cell: str) -> str:
    return _in_calendar(attribute, _same(attribute, cell))


def _same(attribute: Attribute, cell: str) -> str:
    return f"CAST({cell} AS {attribute.duckdb_type})"


@dataclass(frozen=True)
class AttributeType:
    """What an attribute type is: its column, how its cells are read, and the constraints that it allows.

    `from_columns` says which families of DuckDB columns a function may return for it, and how they are taken.
    """

    title: str
    duckdb_type: Callable[[Attribute], str]
    from_json: Callable[[Attribute, str], str]
    from_usual_json: Callable[[Attribute, str], str]
    from_text: Callable[[Attribute, str], str]
    from_columns: Mapping[str, Callable[[Attribute, str], str]]
    constraints: frozenset[str]


_ANY = frozenset({"required", "unique", "enum"})
_ORDERED = _ANY | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


def _number_column(attribute: Attribute) -> str:
    return f"DECIMAL({attribute.precision},{attribute.scale})" if attribute.is_exact else "DOUBLE"


def _number_from_integer(attribute: Attribute, cell: str) -> str:
    return _lossless(attribute, cell) if attribute.is_exact else _same(attribute, cell)


def _number_from_decimal(attribute: Attribute, cell: str) -> str:
    return _lossless(attribute, cell) if attribute.is_exact else _same(attribute, cell)


def _number_from_double(attribute: Attribute, cell: str) -> str:
    return _exact_from_double(attribute, cell) if attribute.is_exact else _finite(_same(attribute, cell))


TYPES: Mapping[str, AttributeType] = {
    "string": AttributeType(
        "text",
        lambda attribute: "VARCHAR",
        _string_from_json,
        _string_from_json,
        _string_from_text,
        {"varchar": _same},
        _ANY | {"minLength", "maxLength", "pattern"},
    ),
    "integer": AttributeType(
        "a whole number",
        lambda attribute: "BIGINT",
        _integer_from_json,
        _integer_from_usual_json,
        _integer_from_text,
        {"integer": _lossless, "decimal": _lossless, "double": _lossless},
        _ORDERED,
    ),
    "number": AttributeType(
        "a number",
        _number_column,
        _number_from_json,
        _number_from_json,
        _number_from_text,
        {"integer": _number_from_integer, "decimal": _number_from_decimal, "double": _number_from_double},
        _ORDERED,
    ),
    "boolean": AttributeType(
        "true or false",
        lambda attribute: "BOOLEAN",
        _boolean_from_json,
        _boolean_from_json,
        _boolean_from_text,
        {"boolean": _same},
        _ANY,
    ),
    "date": AttributeType(
        "a date such as 2026-01-31",
        lambda attribute: "DATE",
        _via_string(_date_from_text),
        _date_from_usual_json,
        _date_from_text,
        {"date": _in_calendar, "timestamp": _date_from_timestamp},
        _ORDERED,
    ),
    "datetime": AttributeType(
        "a date and time such as 2026-01-31T12:30:00",
        lambda attribute: "TIMESTAMP WITH TIME ZONE" if attribute.timezone else "TIMESTAMP",
        _via_string(_datetime_from_text),
        _datetime_from_usual_json,
        _datetime_from_text,
        {"timestamp": _in_calendar, "timestamptz": _in_calendar, "date": _datetime_from_date},
        _ORDERED,
    ),
}


def from_column(attribute: Attribute, column_type: str, cell: str) -> str | None:
    """SQL that takes a column of a DuckDB type as this attribute, or None if that type can't be one."""
    family = _column_family(column_type)
    if attribute.type == "datetime" and (family == "timestamptz") != attribute.timezone:
        return None
    take = attribute.kind.from_columns.get(family)
    return take(attribute, cell) if take else None


def describe_type(attribute: Attribute) -> str:
    """What a value must be, in words: "a number with at most 12 digits, 2 of them after the point"."""
    if attribute.is_exact:
        places = f"{attribute.scale} of them after the point"
        return f"a number with at most {attribute.precision} digits, {places}"
    if attribute.type == "datetime":
        return attribute.kind.title + ("+02:00, with its offset" if attribute.timezone else ", without offset")
    return attribute.kind.title
