"""Which rows, in which order, from where on: RowQuery and its SQL. Pure: no Django."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from catalog.attributes import ROW_ID, Attribute
from catalog.engine import quote_name
from catalog.formats.writers import json_line
from catalog.formats.writing import WritingOptions
from catalog.queries.conditions import Condition, Filter, Parameters
from catalog.queries.operators import ROW_TABLE, ROW_VERSION
from catalog.schema import Schema

_DEFAULTS = WritingOptions()


@dataclass(frozen=True)
class Seek:
    """From where on a page goes: behind the row with these values of the query's keys, or before it.

    values: a text that a cast reads, or None, to each of `RowQuery.keys`.
    """

    values: tuple[str | None, ...]
    is_backwards: bool = False


@dataclass(frozen=True)
class Window:
    """How many rows a page has, how many are passed over before it, and from where on they are counted."""

    limit: int
    offset: int = 0
    seek: Seek | None = None

    @property
    def is_backwards(self) -> bool:
        """Whether the page goes against the order."""
        return self.seek is not None and self.seek.is_backwards


@dataclass(frozen=True)
class RowQuery:
    """Which rows, in which order, with which attributes.

    is_union: the rows are of several Tables; `_table` then stands before `_id`, in rows and in their order.
    """

    schema: Schema
    conditions: tuple[Filter, ...] = ()
    ordering: tuple[tuple[str, bool], ...] = ()  # name, whether descending
    fields: tuple[str, ...] | None = None
    is_union: bool = False

    @property
    def identity(self) -> list[Attribute]:
        """What tells a row from all others."""
        return [ROW_TABLE, ROW_ID] if self.is_union else [ROW_ID]

    @property
    def attributes(self) -> list[Attribute]:
        """What a row is answered with, its identity first."""
        names = self.schema.names if self.fields is None else self.fields
        known = [each.name for each in self.identity]
        return [*self.identity, *(self.attribute(name) for name in names if name not in known)]

    @property
    def keys(self) -> list[tuple[str, bool]]:
        """The complete order: name, whether descending. It ends with the identity, so no two rows are equal."""
        named = {name for name, _ in self.ordering}
        return [*self.ordering, *((each.name, False) for each in self.identity if each.name not in named)]

    def attribute(self, name: str) -> Attribute:
        """An attribute of the schema, or one that every row has. KeyError if there is none."""
        for each in (ROW_ID, ROW_VERSION, ROW_TABLE):
            if each.name == name:
                return each
        return self.schema.attribute(name)

    def digest(self, place: str) -> str:
        """What two queries at one place (the id of a Table or an Object) share only if they give the same rows."""
        parts = [place, [each.key() for each in self.conditions], self.ordering, self.fields]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]

    # --- SQL --------------------------------------------------------------------------------------------------------
    # `relation` is SQL of rows, usable as `FROM (relation)`.

    def rows(self, relation: str, limit: int | None = None, offset: int = 0) -> tuple[str, Parameters]:
        """SQL and parameters of the rows, a column to each of `attributes`, dates and times as text."""
        columns = ", ".join(f"{_answered(each)} AS {quote_name(each.name)}" for each in self.attributes)
        found, parameters = self._found(relation, limit, offset)
        return f"SELECT {columns} FROM ({found})", parameters

    def page(
        self, relation: str, window: Window, options: WritingOptions = _DEFAULTS, is_sorted: bool = False
    ) -> tuple[str, Parameters]:
        """SQL and parameters of a page: the row as JSON text, then its identity; against the order if the seek is.

        is_sorted: the relation's rows stand in the wanted order already.
        """
        found, parameters = self._found(relation, window.limit, window.offset, window.seek, is_sorted)
        identity = ", ".join(quote_name(each.name) for each in self.identity)
        return f"SELECT {json_line(self.attributes, options)}, {identity} FROM ({found})", parameters

    def count(self, relation: str, at_most: int | None = None) -> tuple[str, Parameters]:
        """SQL and parameters of how many rows there are; counting ends at `at_most`."""
        where, parameters = self.where()
        limit = "" if at_most is None else f" LIMIT {int(at_most)}"
        return f"SELECT count(*) FROM (SELECT _id FROM ({relation}){where}{limit})", parameters

    def row_ids(self, relation: str, at_most: int) -> tuple[str, Parameters]:
        """SQL and parameters of the first `_id`s."""
        where, parameters = self.where()
        return f"SELECT _id FROM ({relation}){where} ORDER BY _id LIMIT {int(at_most)}", parameters

    def key_values(self, relation: str, identity: tuple[Any, ...]) -> tuple[str, Parameters]:
        """SQL and parameters of one row's values of `keys`, as text."""
        columns = ", ".join(f"CAST({quote_name(name)} AS VARCHAR)" for name, _ in self.keys)
        clause, parameters = self._identified(identity)
        return f"SELECT {columns} FROM ({relation}) WHERE {clause}", parameters

    def one(
        self, relation: str, identity: tuple[Any, ...], options: WritingOptions = _DEFAULTS
    ) -> tuple[str, Parameters]:
        """SQL and parameters of one row as JSON text."""
        clause, parameters = self._identified(identity)
        return f"SELECT {json_line(self.attributes, options)} FROM ({relation}) WHERE {clause}", parameters

    def filtered(self, relation: str) -> tuple[str, Parameters]:
        """SQL and parameters of all columns of the rows that meet the conditions, in the order of the relation."""
        where, parameters = self.where()
        return f"SELECT * FROM ({relation}){where}", parameters

    def sorted(self, relation: str, limit: int | None = None) -> tuple[str, Parameters]:
        """SQL and parameters of all columns of the rows that meet the conditions, in order; at most so many."""
        return self._found(relation, limit)

    def where(self, seek: Seek | None = None) -> tuple[str, Parameters]:
        """The WHERE clause, empty if nothing is asked for, and its parameters."""
        parameters = Parameters()
        clauses = [f"({condition.sql(parameters)})" for condition in self.conditions]
        if seek is not None:
            clauses.append(f"({self._beyond(seek, parameters)})")
        return (" WHERE " + " AND ".join(clauses) if clauses else ""), parameters

    def _identified(self, identity: tuple[Any, ...]) -> tuple[str, Parameters]:
        parameters = Parameters()
        known = zip(self.identity, identity, strict=True)
        return " AND ".join(f"{quote_name(each.name)} = {parameters.bind(value)}" for each, value in known), parameters

    def _found(
        self,
        relation: str,
        limit: int | None = None,
        offset: int = 0,
        seek: Seek | None = None,
        is_sorted: bool = False,
    ) -> tuple[str, Parameters]:
        """The rows with all columns: they are found first, so that an order is that of values and not of texts."""
        where, parameters = self.where(seek)
        order = "" if is_sorted else f" ORDER BY {self._order(seek is not None and seek.is_backwards)}"
        sql = f"SELECT * FROM ({relation}){where}{order}"
        if limit is not None:
            sql += f" LIMIT {int(limit)} OFFSET {int(offset)}"
        return sql, parameters

    def _order(self, is_backwards: bool) -> str:
        nulls = "FIRST" if is_backwards else "LAST"
        return ", ".join(
            f"{self._compared(name)} {'DESC' if descending != is_backwards else 'ASC'} NULLS {nulls}"
            for name, descending in self.keys
        )

    def _compared(self, name: str) -> str:
        """What stands for a column in an order."""
        return self.attribute(name).kind.compared(quote_name(name))

    def _beyond(self, seek: Seek, parameters: Parameters) -> str:
        """The rows behind (or before) one: equal in the first keys, and further in the next. Nulls come last."""
        cases: list[str] = []
        equal: list[str] = []
        for (name, descending), value in zip(self.keys, seek.values, strict=True):
            column = quote_name(name)
            if value is None:
                further = f"{column} IS NOT NULL" if seek.is_backwards else ""
                same = f"{column} IS NULL"
            else:
                typed = f"CAST({parameters.bind(value)} AS {self.attribute(name).duckdb_type})"
                typed = self.attribute(name).kind.compared(typed)
                further = f"{self._compared(name)} {'<' if descending != seek.is_backwards else '>'} {typed}"
                further += "" if seek.is_backwards else f" OR {column} IS NULL"
                same = f"{self._compared(name)} = {typed}"
            if further:
                cases.append(" AND ".join([*equal, f"({further})"]))
            equal.append(same)
        return " OR ".join(f"({case})" for case in cases) or "false"


def _answered(attribute: Attribute) -> str:
    """SQL of a value as it is answered: instants as UTC with Z, whatever the machine's time zone."""
    column = quote_name(attribute.name)
    if attribute.duckdb_type in {"DATE", "TIME", "INTERVAL", "JSON"}:
        return f"CAST({column} AS VARCHAR)"
    if attribute.type == "datetime":
        moment, mark = (f"({column} AT TIME ZONE 'UTC')", "Z") if attribute.timezone else (column, "")
        return f"replace(CAST({moment} AS VARCHAR), ' ', 'T') || '{mark}'"
    return column


def changed_since(version: int) -> Condition:
    """What was written after a version."""
    return Condition(ROW_VERSION, "gt", (str(version),))
