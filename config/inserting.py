"""Rows that every write stores: their SQL is put together once for each model, which takes longer than to run it.

No signals are sent, and a key that the database makes is not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.db import connections, models, router

TOGETHER_MOST: Final = 20


@dataclass(frozen=True)
class Insertion:
    """New rows of one model. ignore_conflicts: a row whose key is there already is passed over."""

    rows: Sequence[models.Model]
    ignore_conflicts: bool = False

    def sql(self, using: str) -> str:
        """The INSERT of one row."""
        return _insert(type(self.rows[0]), using) + (" ON CONFLICT DO NOTHING" if self.ignore_conflicts else "")

    def values(self, connection: Any) -> list[list[Any]]:
        """What it takes for each row."""
        columns = _columns(type(self.rows[0]))
        return [
            [column.get_db_prep_save(column.pre_save(row, add=True), connection) for column in columns]
            for row in self.rows
        ]


@dataclass(frozen=True)
class Update:
    """New values of a row that is there, in these of its columns, by name."""

    row: models.Model
    names: tuple[str, ...]

    @property
    def rows(self) -> Sequence[models.Model]:
        return [self.row]

    def sql(self, using: str) -> str:
        """The UPDATE of the row."""
        return _update(type(self.row), self.names, using)

    def values(self, connection: Any) -> list[list[Any]]:
        """What it takes, with the row's key."""
        columns: list[Any] = [self.row._meta.get_field(name) for name in self.names]
        given = [column.get_db_prep_save(column.pre_save(self.row, add=False), connection) for column in columns]
        return [[*given, self.row.pk]]


def insert(rows: Sequence[models.Model], ignore_conflicts: bool = False) -> None:
    """Store new rows of one model, as `bulk_create` does."""
    write_together(Insertion(rows, ignore_conflicts))


def write_together(*changes: Insertion | Update) -> None:
    """Store these, in their order, inside a transaction if there are several.

    On PostgreSQL, a few go in one statement: each that is sent and answered by itself takes as long as ten rows.
    """
    wanted = [change for change in changes if change.rows]
    if not wanted:
        return
    using = router.db_for_write(type(wanted[0].rows[0]))
    connection = connections[using]
    statements = [(change.sql(using), change.values(connection)) for change in wanted]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and 1 < sum(len(values) for _, values in statements) <= TOGETHER_MOST:
            cursor.execute(*_together([(sql, each) for sql, values in statements for each in values]))
        else:
            for sql, values in statements:
                if len(values) == 1:
                    cursor.execute(sql, values[0])
                else:
                    cursor.executemany(sql, values)
    for change in wanted:
        for row in change.rows:
            row._state.adding, row._state.db = False, using


def _together(statements: Sequence[tuple[str, list[Any]]]) -> tuple[str, list[Any]]:
    """One statement that does these. Keys to each other's rows are no matter: they are checked at the commit."""
    *others, last = [sql for sql, _ in statements]
    before = ", ".join(f"change_{number} AS ({sql})" for number, sql in enumerate(others))
    return f"WITH {before} {last}", [value for _, values in statements for value in values]


@cache
def _columns(model: type[models.Model]) -> Sequence[Any]:
    return [column for column in model._meta.concrete_fields if not isinstance(column, models.AutoField)]


@cache
def _insert(model: type[models.Model], using: str) -> str:
    quote = connections[using].ops.quote_name
    names = ", ".join(quote(column.column) for column in _columns(model))
    places = ", ".join("%s" for _ in _columns(model))
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({places})"


@cache
def _update(model: type[models.Model], names: tuple[str, ...], using: str) -> str:
    quote = connections[using].ops.quote_name
    columns: list[Any] = [model._meta.get_field(name) for name in (*names, model._meta.pk.name)]
    *values, key = [f"{quote(column.column)} = %s" for column in columns]
    return f"UPDATE {quote(model._meta.db_table)} SET {', '.join(values)} WHERE {key}"
