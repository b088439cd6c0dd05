"""Database triggers for migrations: what the database itself refuses, on SQLite and on PostgreSQL."""

from collections.abc import Sequence

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def refuse(name: str, table: str, event: str, message: str, condition: str = "") -> migrations.RunPython:
    """A migration operation: before `event` ("UPDATE OF a, b") on `table`, refuse with `message` if `condition` holds.

    To be said again after an operation on which SQLite makes the table anew: its triggers are gone then.
    condition: SQL over NEW that both databases understand; without one, the event is always refused.
    """

    def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in _statements(editor.connection.vendor, name, table, event, message, condition):
            editor.execute(statement)

    def drop(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        editor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if editor.connection.vendor == "postgresql" else ""))

    return migrations.RunPython(create, drop)


def notify(name: str, table: str, event: str, condition: str = "") -> migrations.RunPython:
    """A migration operation: after `event` on `table`, tell the row's id on the channel `name` (PostgreSQL's NOTIFY).

    SQLite has no such thing: there, who watches a table looks at it now and then. condition: as in `refuse`, with OLD.
    """
    when = f" WHEN ({condition})" if condition else ""
    trigger = f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW{when} EXECUTE FUNCTION {name}()"

    def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN PERFORM pg_notify('{name}', NEW.id::text); RETURN NULL; END $$"
            )
            editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
            editor.execute(trigger)

    def drop(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP TRIGGER {name} ON {table}")
            editor.execute(f"DROP FUNCTION {name}()")

    return migrations.RunPython(create, drop)


def _statements(vendor: str, name: str, table: str, event: str, message: str, condition: str) -> Sequence[str]:
    if vendor == "sqlite":
        when = f" WHEN {condition}" if condition else ""
        return [
            f"DROP TRIGGER IF EXISTS {name}",
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW{when} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
        ]
    guard = f"IF {condition} THEN RAISE EXCEPTION '{message}' USING ERRCODE = '23514'; END IF; RETURN NEW;"
    if not condition:
        guard = f"RAISE EXCEPTION '{message}' USING ERRCODE = '23514';"
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {guard} END $$",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]
