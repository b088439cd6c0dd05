"""Constraints of one attribute, and what breaks them in DuckDB's SQL. Pure: no Django.

What a later constraint needs goes into `CONSTRAINTS`; keys, which span rows, are in catalog.keys. What looks into JSON
(jsonSchema, enum of JSON values) is no SQL: catalog.nested finds the cells that break it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import gcd
from typing import Any

from catalog.attributes import Attribute
from catalog.schema import Schema
from catalog.types.moments import strptime_format
from catalog.types.texts import FORMAT_TITLES, FORMATS

EXACT_IN_DOUBLE = 2**53


@dataclass(frozen=True)
class Constraint:
    """A row-level constraint: the condition that breaks it, over a typed column and a parameter with its value.

    In `violated`, `{column}` is the column, `{compared}` what bounds compare of it, `{length}` its length, `{value}`
    the parameter as a value of the attribute, compared likewise, and `{raw}` the bare parameter. `message` takes
    `name`, `shown` (the cell), `unit` (of a length) and `constraint`.
    """

    code: str
    violated: str
    message: str
    takes: str  # "flag", "bound" (a value of the attribute), "length", "pattern", "values", "divisor" or "schema"


CONSTRAINTS: Mapping[str, Constraint] = {
    "required": Constraint("required", "{column} IS NULL", "{name} is missing", "flag"),
    "minimum": Constraint("minimum", "{compared} < {value}", "{name} is {shown}; the minimum is {constraint}", "bound"),
    "maximum": Constraint("maximum", "{compared} > {value}", "{name} is {shown}; the maximum is {constraint}", "bound"),
    "exclusiveMinimum": Constraint(
        "exclusive_minimum", "{compared} <= {value}", "{name} is {shown}; it must be greater than {constraint}", "bound"
    ),
    "exclusiveMaximum": Constraint(
        "exclusive_maximum", "{compared} >= {value}", "{name} is {shown}; it must be less than {constraint}", "bound"
    ),
    "minLength": Constraint(
        "min_length",
        "{length} < {raw}",
        "{name} is {shown}; it must have at least {constraint} {unit}",
        "length",
    ),
    "maxLength": Constraint(
        "max_length",
        "{length} > {raw}",
        "{name} is {shown}; it may have at most {constraint} {unit}",
        "length",
    ),
    "pattern": Constraint(
        "pattern",
        "NOT regexp_full_match({column}, {raw})",
        "{name} is {shown}; the whole of it must match {constraint}",
        "pattern",
    ),
    "enum": Constraint(
        "enum",
        "{column} IS NOT NULL AND NOT list_contains({members}, {column})",
        "{name} is {shown}; allowed: {constraint}",
        "values",
    ),
    "multipleOf": Constraint("multiple_of", "", "{name} is {shown}; it must be a multiple of {constraint}", "divisor"),
    "jsonSchema": Constraint("json_schema", "", "{name} is {shown}; it must fit its JSON Schema", "schema"),
}
FORMAT = Constraint(
    "format", "NOT regexp_full_match({column}, {raw})", "{name} is {shown}; it must be {constraint}", "format"
)
"""What the format of a string asks; it is a setting and no constraint, and checked as one."""


@dataclass(frozen=True)
class Check:
    """A constraint of one attribute, ready to run: `condition` is SQL over `column` with named parameters.

    json_schema: what a JSON value must conform to, where SQL can't tell; then there is no condition.
    """

    attribute: Attribute
    constraint: Constraint
    value: Any
    condition: str
    parameters: Mapping[str, Any]
    json_schema: Any = None

    def message(self, shown: str) -> str:
        """The sentence for a cell, shown as text."""
        value = ", ".join(map(str, self.value)) if isinstance(self.value, list) else self.value
        if self.constraint is FORMAT:
            value = FORMAT_TITLES[self.value]
        unit = UNITS.get(self.attribute.type, "items")
        return self.constraint.message.format(name=self.attribute.name, shown=shown, constraint=value, unit=unit)


UNITS = {"string": "characters", "object": "members"}


def checks(attribute: Attribute, column: str, required: bool = False) -> Sequence[Check]:
    """The row-level checks of an attribute over an SQL column; `required` adds what a primary key implies.

    Bounds and enum members are passed as text and cast by DuckDB to the column's type, so that exact decimals and
    dates keep their meaning.
    """
    return [
        _check(attribute, constraint, value, column, f"{column}_{number}")
        for number, (constraint, value) in enumerate(_asked(attribute, required))
    ]


def _asked(attribute: Attribute, required: bool) -> Iterator[tuple[Constraint, Any]]:
    """What an attribute asks of its cells, besides its type."""
    if required and not attribute.constraints.get("required"):
        yield CONSTRAINTS["required"], True
    for name, value in attribute.constraints.items():
        constraint = CONSTRAINTS.get(name)
        if constraint and (constraint.takes != "flag" or value):
            yield constraint, value
    if attribute.categories is not None:
        yield CONSTRAINTS["enum"], list(attribute.categories)
    if attribute.type == "string" and attribute.format in FORMATS:
        yield FORMAT, attribute.format


def _check(attribute: Attribute, constraint: Constraint, value: Any, column: str, parameter: str) -> Check:
    if constraint.takes == "schema" or (constraint.takes == "values" and attribute.kind.is_json):
        schema = value if constraint.takes == "schema" else {"enum": value}
        return Check(attribute, constraint, value, "", {}, json_schema=schema)
    if constraint.takes == "divisor":
        return Check(attribute, constraint, value, _no_multiple(attribute, column, value), {})
    kind, raw = attribute.kind, f"${parameter}"
    # A duration compares by its parts, whatever its form; SQL that first makes the one form would stand in each part.
    bound = raw if attribute.type == "duration" else value_sql(attribute, raw)
    condition = constraint.violated.format(
        column=column,
        compared=kind.compared(column),
        length=kind.length(column),
        raw=raw,
        value=kind.compared(bound),
        members=_members_sql(attribute, raw),
    )
    return Check(
        attribute, constraint, value, condition, {parameter: _given(constraint, value)} if raw in condition else {}
    )


def value_sql(attribute: Attribute, raw: str) -> str:
    """SQL of a text in a definition as a value: as the rows of a file have it, or in the usual form of the type."""
    if attribute.type in {"date", "time", "datetime", "duration"}:
        usual = replace(attribute, format=None)
        as_written = attribute.kind.from_text(usual, raw)
        return (
            f"coalesce({attribute.kind.from_text(attribute, raw)}, {as_written})"
            if strptime_format(attribute)
            else f"({as_written})"
        )
    return f"CAST({raw} AS {attribute.duckdb_type})"


def _members_sql(attribute: Attribute, raw: str) -> str:
    if attribute.type in {"date", "time", "datetime", "duration"}:
        return f"list_transform(CAST({raw} AS VARCHAR[]), lambda member: {value_sql(attribute, 'member')})"
    return f"CAST({raw} AS {attribute.duckdb_type}[])"


def _given(constraint: Constraint, value: Any) -> Any:
    """A constraint's value as a parameter: bounds and members as text, lengths and patterns as they are."""
    if constraint.takes == "bound":
        return as_text(value)
    if constraint.takes == "values":
        return [as_text(member) for member in value]
    return FORMATS[value] if constraint is FORMAT else value


def _no_multiple(attribute: Attribute, column: str, divisor: Any) -> str:
    """Whether a number is no multiple, told in whole numbers, where doubles would put 0.3 beside the third 0.1.

    The divisor is a fraction of whole numbers, `numerator / 10^places`. A double counts as the decimal that it is the
    nearest to: it is a multiple if that multiple, divided once, gives the same double. Beyond 2^53 doubles are whole.
    """
    numerator, places = divisor_parts(divisor)
    if attribute.is_exact:
        modulus = numerator * 10**attribute.scale // gcd(numerator * 10**attribute.scale, 10**places)
        return f"{column} % CAST('{Decimal(modulus).scaleb(-attribute.scale):f}' AS DECIMAL(38,{attribute.scale})) <> 0"
    if attribute.type == "integer":
        return f"{column} % {numerator // gcd(numerator, 10**places)} <> 0"
    scaled, whole = f"{column} * 1e{places}", f"CAST({numerator} AS DOUBLE)"
    nearest = f"round({scaled} / {whole}) * {whole} / 1e{places}"
    return (
        f"CASE WHEN abs({scaled}) < {EXACT_IN_DOUBLE} THEN {nearest} <> {column} "
        f"ELSE {column} % CAST({numerator // gcd(numerator, 10**places)} AS DOUBLE) <> 0 END"
    )


def divisor_parts(divisor: Any) -> tuple[int, int]:
    """A number as a whole number and the power of ten that it is divided by: 0.25 is 25 and 2."""
    number = Decimal(str(divisor)).normalize()
    places = max(-int(number.as_tuple().exponent), 0)
    return int(number.scaleb(places)), places


def as_text(value: Any) -> str:
    """A JSON scalar as the text that DuckDB casts: true, 1.5, 2026-01-31."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parameters_of(used: Iterable[Check]) -> dict[str, Any]:
    return {name: value for check in used for name, value in check.parameters.items()}


def row_checks(schema: Schema) -> list[Check]:
    """Every row-level check that is SQL, over the columns c0, c1, ... of a slice."""
    return [check for _, check in placed_checks(schema)]


def placed_checks(schema: Schema) -> list[tuple[int, Check]]:
    """The same, with the place of its attribute."""
    return [(place, check) for place, check in _placed_checks(schema) if check.json_schema is None]


def nested_checks(schema: Schema) -> list[tuple[int, Check]]:
    """Every check that looks into JSON, with the place of its attribute."""
    return [(place, check) for place, check in _placed_checks(schema) if check.json_schema is not None]


def _placed_checks(schema: Schema) -> Iterator[tuple[int, Check]]:
    for place, attribute in enumerate(schema.attributes):
        for check in checks(attribute, f"c{place}", required=attribute.name in schema.primary_key):
            yield place, check
