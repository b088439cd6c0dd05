"""Conditions on rows, alone and joined by and, or and not, as SQL. Pure: no Django."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog.attributes import Attribute
from catalog.engine import quote_name
from catalog.queries.operators import NOTHING, ONE, TEXT, compared_with

CONDITION_LIMIT: Final = 50
NESTING_LIMIT: Final = 5
MEMBER_LIMIT: Final = 10_000
BOUND_SINGLY: Final = 32  # a longer list travels as one JSON text: DuckDB takes long lists of parameters in seconds


class Parameters(dict[str, Any]):
    """The parameters of a statement, each under a name of its own."""

    def bind(self, value: Any) -> str:
        """The place of a value in the SQL."""
        name = f"v{len(self)}"
        self[name] = value
        return f"${name}"


@dataclass(frozen=True)
class Condition:
    """One filter: its values are texts that a cast to the attribute's type reads, as many as its operator takes."""

    attribute: Attribute
    operator: str
    values: tuple[str, ...] = ()

    def sql(self, parameters: Parameters) -> str:
        """The condition; its values go into the parameters."""
        column = quote_name(self.attribute.name)
        if self.operator in NOTHING:
            return NOTHING[self.operator].format(column=column)
        if self.operator in ONE:
            value = self._compared(self._typed(parameters.bind(self.values[0])))
            return ONE[self.operator].format(column=self._compared(column), value=value)
        if self.operator == "between":
            low, high = (self._compared(self._typed(parameters.bind(value))) for value in self.values)
            return f"{self._compared(column)} BETWEEN {low} AND {high}"
        if self.operator in {"in", "not_in"}:
            return self._membership(column, parameters)
        if self.attribute.type == "list":
            return self._containment(column, parameters)
        pattern = self.values[0].replace("*", "%") if self.operator in {"like", "ilike"} else self.values[0]
        if self.operator == "ilike":
            pattern = pattern.replace("\0", "\0\0")  # DuckDB's ILIKE takes NUL for its escape character
        return TEXT[self.operator].format(column=column, value=parameters.bind(pattern))

    def _compared(self, value: str) -> str:
        """What is compared in place of a value: for durations, how long they are."""
        return self.attribute.kind.compared(value)

    def _containment(self, column: str, parameters: Parameters) -> str:
        item = compared_with(self.attribute, self.operator)
        texts = f"list_transform(json_extract({column}, '$[*]'), lambda each: CAST(each AS VARCHAR))"
        items = f"list_transform({texts}, lambda item: {item.kind.from_json(item, 'item')})"
        return f"list_contains({items}, CAST({parameters.bind(self.values[0])} AS {item.duckdb_type}))"

    def _membership(self, column: str, parameters: Parameters) -> str:
        if not self.values:
            return "false" if self.operator == "in" else f"{column} IS NOT NULL"
        negation = "NOT " if self.operator == "not_in" else ""
        if len(self.values) <= BOUND_SINGLY:
            members = ", ".join(self._typed(parameters.bind(value)) for value in self.values)
        else:
            texts = parameters.bind(json.dumps(self.values))
            members = f"SELECT unnest(CAST(CAST(CAST({texts} AS JSON) AS VARCHAR[]) AS {self.attribute.duckdb_type}[]))"
        return f"{column} {negation}IN ({members})"

    def _typed(self, parameter: str) -> str:
        return f"CAST({parameter} AS {self.attribute.duckdb_type})"

    def key(self) -> list[Any]:
        """What makes this condition the same as another, as JSON."""
        return [self.attribute.name, self.operator, list(self.values)]

    def __iter__(self) -> Iterator["Condition"]:
        yield self


@dataclass(frozen=True)
class Group:
    """Conditions joined by `and` or `or`; `not` has one member. Unknown stays unknown, as in SQL."""

    word: str
    members: tuple["Filter", ...]

    def sql(self, parameters: Parameters) -> str:
        """The joined conditions; their values go into the parameters."""
        parts = [f"({member.sql(parameters)})" for member in self.members]
        return f"NOT {parts[0]}" if self.word == "not" else f" {self.word.upper()} ".join(parts)

    def key(self) -> list[Any]:
        """What makes this group the same as another, as JSON."""
        return [self.word, [member.key() for member in self.members]]

    def __iter__(self) -> Iterator[Condition]:
        for member in self.members:
            yield from member


Filter = Condition | Group


def all_of(filters: Sequence[Filter]) -> list[Condition]:
    """Every condition in these filters, however deep."""
    return [condition for each in filters for condition in each]
