"""Rows that every write stores: their INSERT is put together once for each model, which takes longer than to run it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connections, models, router


def insert(rows: Sequence[models.Model], ignore_conflicts: bool = False) -> None:
    """Store new rows of one model, as `bulk_create` does: without signals. A key that the database makes is not read.

    ignore_conflicts: a row whose key is there already is passed over.
    """
    if not rows:
        return
    model = type(rows[0])
    using = router.db_for_write(model)
    connection = connections[using]
    columns = _columns(model)
    values = [
        [column.get_db_prep_save(column.pre_save(row, add=True), connection) for column in columns] for row in rows
    ]
    statement = _statement(model, using) + (" ON CONFLICT DO NOTHING" if ignore_conflicts else "")
    with connection.cursor() as cursor:
        if len(values) == 1:
            cursor.execute(statement, values[0])
        else:
            cursor.executemany(statement, values)
    for row in rows:
        row._state.adding, row._state.db = False, using


@cache
def _columns(model: type[models.Model]) -> Sequence[Any]:
    return [column for column in model._meta.concrete_fields if not isinstance(column, models.AutoField)]


@cache
def _statement(model: type[models.Model], using: str) -> str:
    quote = connections[using].ops.quote_name
    names = ", ".join(quote(column.column) for column in _columns(model))
    places = ", ".join("%s" for _ in _columns(model))
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({places})"
