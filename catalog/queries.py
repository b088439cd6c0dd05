"""Queries over the rows of a TableVersion, from what a URL says to DuckDB's SQL. Pure: no Django.

Strict: an unknown attribute or operator, or a value of the wrong type, is a Problem that names what is near. Values
travel as parameters, names through `quote_name`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalog import engine
from catalog.attributes import ROW_ID, Attribute, Schema, describe_type
from catalog.constraints import as_text
from catalog.engine import quote_name
from catalog.formats.writers import json_line
from config.problems import Problem, nearest, pointer

CONDITION_LIMIT: Final = 50
MEMBER_LIMIT: Final = 10_000

# Operators by what they compare with: one value of the attribute, a list of values, a text, or nothing. In the SQL,
# `{column}` is the column, `{value}` the parameter as the column's type, `{raw}` the parameter as it came.
ONE: Final = {
    "eq": "{column} = {value}",
    "ne": "{column} <> {value}",
    "gt": "{column} > {value}",
    "gte": "{column} >= {value}",
    "lt": "{column} < {value}",
    "lte": "{column} <= {value}",
}
LIST: Final = {
    "in": "list_contains({value}, {column})",
    "not_in": "{column} IS NOT NULL AND NOT list_contains({value}, {column})",
    "between": "{column} BETWEEN {value}[1] AND {value}[2]",
}
TEXT: Final = {
    "like": "{column} LIKE {raw}",
    "ilike": "{column} ILIKE {raw}",
    "contains": "contains({column}, {raw})",
    "starts_with": "starts_with({column}, {raw})",
}
NOTHING: Final = {"is_null": "{column} IS NULL", "is_not_null": "{column} IS NOT NULL"}
OPERATORS: Final = (*ONE, *LIST, *TEXT, *NOTHING)
_UNORDERED: Final = ("eq", "ne", "in", "not_in", *NOTHING)


def operators(attribute: Attribute) -> tuple[str, ...]:
    """The operators that values of this attribute take."""
    if attribute.type == "boolean":
        return _UNORDERED
    return tuple(name for name in OPERATORS if name not in TEXT or attribute.type == "string")


class QueryError(ValueError):
    """A query that can't be meant. Each problem's path is the name of the query parameter."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Condition:
    """One filter: `value` is None, a text, or a list of texts, as its operator takes."""

    attribute: Attribute
    operator: str
    value: str | list[str] | None = None

    def sql(self, parameter: str) -> str:
        """The condition, over a parameter of this name."""
        template = {**ONE, **LIST, **TEXT, **NOTHING}[self.operator]
        many = "[]" if self.operator in LIST else ""
        cast = f"CAST(${parameter} AS {self.attribute.duckdb_type}{many})"
        return template.format(column=quote_name(self.attribute.name), value=cast, raw=f"${parameter}")

    def given(self) -> Any:
        """The parameter's value."""
        if self.operator in {"like", "ilike"}:
            return str(self.value).replace("*", "%")
        return self.value


@dataclass(frozen=True)
class RowQuery:
    """Which rows, in which order, with which attributes."""

    schema: Schema
    conditions: tuple[Condition, ...] = ()
    ordering: tuple[tuple[str, bool], ...] = ()  # name, whether descending
    fields: tuple[str, ...] | None = None

    @property
    def attributes(self) -> list[Attribute]:
        """What a row is answered with, `_id` first."""
        names = self.schema.names if self.fields is None else self.fields
        return [ROW_ID, *(self.schema.attribute(name) for name in names if name != ROW_ID.name)]

    def rows(self, relation: str, limit: int | None = None, offset: int = 0) -> tuple[str, dict[str, Any]]:
        """SQL and parameters of the rows, a column to each of `attributes`, dates and times as text."""
        columns = ", ".join(f"{_answered(each)} AS {quote_name(each.name)}" for each in self.attributes)
        where, parameters = self._where()
        order = ", ".join(
            f"{quote_name(name)} {'DESC' if descending else 'ASC'} NULLS LAST" for name, descending in self.ordering
        )
        # The rows are found first, so that an order is that of the values and not of their text.
        found = f"SELECT * FROM ({relation}){where} ORDER BY {order + ', ' if order else ''}_id"
        if limit is not None:
            found += " LIMIT $page_limit OFFSET $page_offset"
            parameters |= {"page_limit": limit, "page_offset": offset}
        return f"SELECT {columns} FROM ({found})", parameters

    def count(self, relation: str, at_most: int | None = None) -> tuple[str, dict[str, Any]]:
        """SQL and parameters of how many rows there are; counting ends at `at_most`."""
        where, parameters = self._where()
        limit = "" if at_most is None else f" LIMIT {int(at_most)}"
        return f"SELECT count(*) FROM (SELECT _id FROM ({relation}){where}{limit})", parameters

    def row_ids(self, relation: str, at_most: int) -> tuple[str, dict[str, Any]]:
        """SQL and parameters of the first `_id`s."""
        where, parameters = self._where()
        return f"SELECT _id FROM ({relation}){where} ORDER BY _id LIMIT {int(at_most)}", parameters

    def lines(self, relation: str) -> tuple[str, dict[str, Any]]:
        """SQL and parameters of the rows as text, each a JSON object, by `_id`."""
        where, parameters = self._where()
        return f"SELECT {json_line(self.attributes)} FROM ({relation}){where} ORDER BY _id", parameters

    def _where(self) -> tuple[str, dict[str, Any]]:
        parameters: dict[str, Any] = {}
        clauses = []
        for number, condition in enumerate(self.conditions):
            clauses.append(f"({condition.sql(f'v{number}')})")
            if condition.operator not in NOTHING:
                parameters[f"v{number}"] = condition.given()
        return (" WHERE " + " AND ".join(clauses) if clauses else ""), parameters


def _answered(attribute: Attribute) -> str:
    """SQL of a value as it is answered: instants as UTC with Z, whatever the machine's time zone."""
    column = quote_name(attribute.name)
    if attribute.type == "date":
        return f"CAST({column} AS VARCHAR)"
    if attribute.type == "datetime":
        moment, mark = (f"({column} AT TIME ZONE 'UTC')", "Z") if attribute.timezone else (column, "")
        return f"replace(CAST({moment} AS VARCHAR), ' ', 'T') || '{mark}'"
    return column


# --- reading a URL --------------------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """What has been read of a URL so far."""

    schema: Schema
    conditions: list[Condition] = field(default_factory=list)
    ordering: list[tuple[str, bool]] = field(default_factory=list)
    fields: list[str] | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [ROW_ID.name, *self.schema.names]

    def attribute(self, name: str) -> Attribute:
        return ROW_ID if name == ROW_ID.name else self.schema.attribute(name)

    def refuse(self, parameter: str, code: str, message: str) -> None:
        self.problems.append(Problem(pointer(parameter), code, message))

    def read_ordering(self, text: str) -> None:
        for word in text.split(","):
            name = word.removeprefix("-")
            if name not in self.names:
                self.refuse("ordering", "unknown_attribute", f"{name!r} is no attribute; {nearest(name, self.names)}")
            elif name not in [known for known, _ in self.ordering]:
                self.ordering.append((name, word.startswith("-")))

    def read_fields(self, text: str) -> None:
        self.fields = list(dict.fromkeys(text.split(",")))
        for name in self.fields:
            if name not in self.names:
                self.refuse("fields", "unknown_attribute", f"{name!r} is no attribute; {nearest(name, self.names)}")

    def read_condition(self, parameter: str, text: str, others: Sequence[str]) -> None:
        name, operator = self._split(parameter)
        if name not in self.names:
            hint = nearest(parameter, [*self.names, *others])
            self.refuse(
                parameter, "unknown_parameter", f"{parameter!r} is neither an attribute nor a parameter; {hint}"
            )
            return
        attribute = self.attribute(name)
        allowed = operators(attribute)
        if operator not in allowed:
            hint = nearest(operator, allowed)
            self.refuse(parameter, "unknown_operator", f"{operator!r} is no operator of a {attribute.type}; {hint}")
            return
        self._read_value(parameter, attribute, operator, text)

    def _split(self, parameter: str) -> tuple[str, str]:
        """An attribute and its operator; a name that is an attribute as a whole is one."""
        name, separator, operator = parameter.rpartition("__")
        if parameter in self.names or not separator:
            return parameter, "eq"
        return name, operator

    def _read_value(self, parameter: str, attribute: Attribute, operator: str, text: str) -> None:
        if operator in NOTHING:
            self._read_flag(parameter, attribute, operator, text)
            return
        value: str | list[str] = text
        if operator in LIST:
            members = _members(text)
            if members is None or len(members) > MEMBER_LIMIT:
                message = f"{parameter} takes at most {MEMBER_LIMIT} values, such as a,b or a JSON list."
                self.refuse(parameter, "type", message)
                return
            if operator == "between" and len(members) != 2:
                self.refuse(parameter, "type", f"{parameter} takes two values, such as 1,10.")
                return
            value = members
        if operator not in TEXT:
            unread = _unread(attribute, [text] if isinstance(value, str) else value)
            for wrong in unread[:1]:
                self.refuse(parameter, "type", f"{parameter} is {wrong!r}; it must be {describe_type(attribute)}.")
            if unread:
                return
        self.conditions.append(Condition(attribute, operator, value))

    def _read_flag(self, parameter: str, attribute: Attribute, operator: str, text: str) -> None:
        if text.lower() not in {"", "1", "true", "0", "false"}:
            self.refuse(parameter, "type", f"{parameter} is {text!r}; it takes no value, or true or false.")
            return
        if text.lower() in {"0", "false"}:
            operator = "is_not_null" if operator == "is_null" else "is_null"
        self.conditions.append(Condition(attribute, operator))


def read_query(schema: Schema, parameters: Iterable[tuple[str, str]], others: Sequence[str] = ()) -> RowQuery:
    """The query that URL parameters mean: `ordering`, `fields` and conditions such as `amount__gte=10`.

    parameters: names and texts, in order. others: further parameters that the caller takes itself, named in hints.
    Raises QueryError with every problem.
    """
    reading = _Reading(schema)
    for name, text in parameters:
        if name == "ordering":
            reading.read_ordering(text)
        elif name == "fields":
            reading.read_fields(text)
        else:
            reading.read_condition(name, text, ("ordering", "fields", *others))
    if len(reading.conditions) > CONDITION_LIMIT:
        message = f"A query has at most {CONDITION_LIMIT} conditions; this one has {len(reading.conditions)}."
        reading.problems.append(Problem("", "too_many", message))
    if reading.problems:
        raise QueryError(reading.problems)
    fields = None if reading.fields is None else tuple(reading.fields)
    return RowQuery(schema, tuple(reading.conditions), tuple(reading.ordering), fields)


def _members(text: str) -> list[str] | None:
    """The values of a list: `a,b` or a JSON list of scalars. None if it is neither."""
    if not text.startswith("["):
        return text.split(",")
    try:
        members = json.loads(text, parse_float=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, list) or any(each is None or isinstance(each, dict | list) for each in members):
        return None
    return [as_text(each) for each in members]


def _unread(attribute: Attribute, texts: Sequence[str]) -> list[str]:
    """The texts that are no values of the attribute, by the same rule that reads a CSV cell."""
    if attribute.type == "string":
        return []
    read = attribute.kind.from_text(attribute, "given")
    with engine.cursor(is_serial=True) as connection:
        found = connection.execute(
            f"SELECT given FROM (SELECT unnest($texts) AS given) WHERE ({read}) IS NULL", {"texts": list(texts)}
        ).fetchall()
    return [text for (text,) in found]
