"""Constraints of one attribute, and what breaks them in DuckDB's SQL. Pure: no Django.

What a later constraint needs goes into `CONSTRAINTS`; keys, which span rows, are in catalog.keys.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.attributes import Attribute, Schema


@dataclass(frozen=True)
class Constraint:
    """A row-level constraint: the condition that breaks it, over a typed column and a parameter with its value.

    In `violated`, `{column}` is the column, `{value}` the parameter cast to the column's type, `{raw}` the bare
    parameter. `message` takes `name`, `shown` (the cell) and `constraint`.
    """

    code: str
    violated: str
    message: str
    takes: str  # what its value is: "flag", "bound" (a value of the attribute), "length", "pattern" or "values"


CONSTRAINTS: Mapping[str, Constraint] = {
    "required": Constraint("required", "{column} IS NULL", "{name} is missing", "flag"),
    "minimum": Constraint("minimum", "{column} < {value}", "{name} is {shown}; the minimum is {constraint}", "bound"),
    "maximum": Constraint("maximum", "{column} > {value}", "{name} is {shown}; the maximum is {constraint}", "bound"),
    "exclusiveMinimum": Constraint(
        "exclusive_minimum", "{column} <= {value}", "{name} is {shown}; it must be greater than {constraint}", "bound"
    ),
    "exclusiveMaximum": Constraint(
        "exclusive_maximum", "{column} >= {value}", "{name} is {shown}; it must be less than {constraint}", "bound"
    ),
    "minLength": Constraint(
        "min_length",
        "length({column}) < {raw}",
        "{name} is {shown}; it must have at least {constraint} characters",
        "length",
    ),
    "maxLength": Constraint(
        "max_length",
        "length({column}) > {raw}",
        "{name} is {shown}; it may have at most {constraint} characters",
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
        "{column} IS NOT NULL AND NOT list_contains(CAST({raw} AS {type}[]), {column})",
        "{name} is {shown}; allowed: {constraint}",
        "values",
    ),
}


@dataclass(frozen=True)
class Check:
    """A constraint of one attribute, ready to run: `condition` is SQL over `column` with named parameters."""

    attribute: Attribute
    constraint: Constraint
    value: Any
    condition: str
    parameters: Mapping[str, Any]

    def message(self, shown: str) -> str:
        """The sentence for a cell, shown as text."""
        value = ", ".join(map(str, self.value)) if isinstance(self.value, list) else self.value
        return self.constraint.message.format(name=self.attribute.name, shown=shown, constraint=value)


def checks(attribute: Attribute, column: str, required: bool = False) -> Sequence[Check]:
    """The row-level checks of an attribute over an SQL column; `required` adds what a primary key implies.

    Bounds and enum members are passed as text and cast by DuckDB to the column's type, so that exact decimals and
    dates keep their meaning.
    """
    constraints = dict(attribute.constraints)
    if required:
        constraints["required"] = True
    found = []
    for name, value in constraints.items():
        constraint = CONSTRAINTS.get(name)
        if constraint is None or (constraint.takes == "flag" and not value):
            continue
        parameter = f"{column}_{constraint.code}"
        condition = constraint.violated.format(
            column=column,
            type=attribute.duckdb_type,
            raw=f"${parameter}",
            value=f"CAST(${parameter} AS {attribute.duckdb_type})",
        )
        found.append(
            Check(
                attribute,
                constraint,
                value,
                condition,
                {} if constraint.takes == "flag" else {parameter: _given(attribute, constraint, value)},
            )
        )
    return found


def _given(attribute: Attribute, constraint: Constraint, value: Any) -> Any:
    """A constraint's value as a parameter: bounds and members as text, lengths and patterns as they are."""
    if constraint.takes == "bound":
        return _castable(attribute, value)
    if constraint.takes == "values":
        return [_castable(attribute, member) for member in value]
    return value


def _castable(attribute: Attribute, value: Any) -> str:
    """A value as DuckDB casts it: with the seconds that a datetime may leave out."""
    text = as_text(value)
    return f"{text[:16]}:00{text[16:]}" if attribute.type == "datetime" and text[16:17] != ":" else text


def as_text(value: Any) -> str:
    """A JSON scalar as the text that DuckDB casts: true, 1.5, 2026-01-31."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parameters_of(used: Iterable[Check]) -> dict[str, Any]:
    return {name: value for check in used for name, value in check.parameters.items()}


def row_checks(schema: Schema) -> list[Check]:
    """Every row-level check over the columns c0, c1, ... of a slice."""
    return [
        check
        for place, attribute in enumerate(schema.attributes)
        for check in checks(attribute, f"c{place}", required=attribute.name in schema.primary_key)
    ]
