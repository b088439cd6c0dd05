"""JSON in one form, so that equal values are equal texts: members by name, numbers by value. Pure: no Django."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import MAX_PREC, Context, Decimal
from typing import Any
from uuid import uuid4

import duckdb

from catalog.engine import quote_name
from config.exact_json import dump_json

_CELLS_AT_ONCE = 10_000
_ALL_DIGITS = Context(prec=MAX_PREC)  # the usual one would round to 28


@contextmanager
def with_canonical_json(connection: duckdb.DuckDBPyConnection, relation: str) -> Iterator[str]:
    """The relation with its JSON cells in canonical form; itself where they all are.

    The different cells pass through Python, since DuckDB has no order of members; what changes is kept in a temporary
    table until the end.
    """
    described = connection.execute(f"DESCRIBE SELECT * FROM ({relation}\n)").fetchall()
    columns = [quote_name(name) for name, column_type, *_ in described if column_type == "JSON"]
    table = f"canonical_{uuid4().hex}"
    if not columns or not _fill(connection, relation, columns, table):
        yield relation
        return
    joined = " ".join(
        f"LEFT JOIN {table} AS c{place} ON c{place}.cell = CAST(t.{column} AS VARCHAR)"
        for place, column in enumerate(columns)
    )
    replaced = ", ".join(
        f"CAST(coalesce(c{place}.canonical, CAST(t.{column} AS VARCHAR)) AS JSON) AS {column}"
        for place, column in enumerate(columns)
    )
    try:
        if any(name == "_id" for name, *_ in described):
            yield f"SELECT t.* REPLACE ({replaced}) FROM ({relation}\n) AS t {joined}"
        else:  # a row is known by its place, which a join would change
            place = f"place_{table}"
            yield (
                f"SELECT t.* EXCLUDE ({place}) REPLACE ({replaced}) "
                f"FROM (SELECT *, row_number() OVER () AS {place} FROM ({relation}\n)) AS t {joined} ORDER BY t.{place}"
            )
    finally:
        connection.execute(f"DROP TABLE {table}")


def _fill(connection: duckdb.DuckDBPyConnection, relation: str, columns: list[str], table: str) -> bool:
    """Keep the canonical form of each cell that differs from it; whether there is one."""
    connection.execute(f"CREATE TEMP TABLE {table} (cell VARCHAR, canonical VARCHAR)")
    every = " UNION ".join(f"SELECT CAST({column} AS VARCHAR) FROM ({relation}\n)" for column in columns)
    found = connection.execute(every)
    changed: dict[str, str] = {}
    while cells := found.fetchmany(_CELLS_AT_ONCE):
        for (cell,) in cells:
            if cell is not None and (form := canonical(cell)) != cell:
                changed[cell] = form
    if not changed:
        connection.execute(f"DROP TABLE {table}")
        return False
    pairs = json.dumps([list(changed), list(changed.values())])
    connection.execute(
        f"INSERT INTO {table} SELECT unnest(pairs[1]), unnest(pairs[2]) "
        "FROM (SELECT CAST(CAST($pairs AS JSON) AS VARCHAR[][]) AS pairs)",
        {"pairs": pairs},
    )
    return True


def canonical(cell: str) -> str:
    """A JSON text in canonical form; itself if it is nested too deep to be looked into."""
    try:
        return dump_json(_ordered(json.loads(cell, parse_float=Decimal))).decode()
    except (ValueError, RecursionError):
        return cell


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_ordered(member) for member in value]
    if isinstance(value, Decimal):
        is_whole = abs(value.adjusted()) < 40 and value == value.to_integral_value()
        return int(value) if is_whole else value.normalize(_ALL_DIGITS)
    return value
