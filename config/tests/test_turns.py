"""Writers to SQLite take turns within a process; no timing, only who comes after whom."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import ConnectionHandler

from config.databases.sqlite.turns import Turns, turns_of

LONG_SECONDS = 60
only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL locks rows, and queues by itself")


def await_that(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_who_asks_first_is_next_and_who_gives_asks_again_behind_them() -> None:
    turns, served = Turns(), []
    assert turns.take(LONG_SECONDS)

    def work(name: int) -> None:
        assert turns.take(LONG_SECONDS)
        served.append(name)
        turns.give()

    threads = [threading.Thread(target=work, args=[name]) for name in range(5)]
    for count, thread in enumerate(threads, 1):
        thread.start()
        await_that(lambda count=count: turns.waiting_count == count)  # type: ignore[misc]
    turns.give()
    work(5)
    assert served == [0, 1, 2, 3, 4, 5]
    for thread in threads:
        thread.join()


def test_who_waited_too_long_goes_without_a_turn_and_is_not_called_later() -> None:
    turns = Turns()
    assert turns.take(LONG_SECONDS)
    assert not turns.take(0.001)
    turns.give()
    assert turns.take(LONG_SECONDS)
    assert turns.waiting_count == 0


@pytest.fixture
def file_database(tmp_path: Path, django_db_blocker: Any) -> Iterator[ConnectionHandler]:
    """A database in a file, to which each thread has a connection of its own."""
    given: dict[str, Any] = {**settings.DATABASES["default"], "NAME": str(tmp_path / "turns.sqlite3")}
    handler = ConnectionHandler({"default": given})
    with django_db_blocker.unblock():
        with handler["default"].cursor() as cursor:
            cursor.execute("CREATE TABLE note (text TEXT)")
        yield handler
        handler["default"].close()


def notes(handler: ConnectionHandler) -> list[str]:
    with handler["default"].cursor() as cursor:
        cursor.execute("SELECT text FROM note ORDER BY rowid")
        return [text for (text,) in cursor.fetchall()]


def note(handler: ConnectionHandler, text: str) -> None:
    with handler["default"].cursor() as cursor:
        cursor.execute("INSERT INTO note VALUES (%s)", [text])


def begin(handler: ConnectionHandler) -> None:
    handler["default"].set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def end(handler: ConnectionHandler, method: str = "commit") -> None:
    getattr(handler["default"], method)()
    handler["default"].set_autocommit(True)


@only_sqlite
@pytest.mark.parametrize("is_single", [True, False])
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_one_who_writes_without_pause_lets_another_in(
    file_database: ConnectionHandler, ending: str, is_single: bool
) -> None:
    turns = turns_of(file_database["default"].settings_dict["NAME"])

    def other() -> None:
        if not is_single:
            begin(file_database)
        note(file_database, "other")
        if not is_single:
            end(file_database)
        file_database["default"].close()

    begin(file_database)
    note(file_database, "first")
    thread = threading.Thread(target=other)
    thread.start()
    await_that(lambda: turns.waiting_count == 1)
    end(file_database, ending)
    begin(file_database)  # at once
    note(file_database, "second")
    end(file_database)
    thread.join()
    assert notes(file_database) == [*(["first"] if ending == "commit" else []), "other", "second"]
    assert turns.take(0)  # nobody kept it
    turns.give()


@only_sqlite
def test_a_connection_that_is_closed_within_a_transaction_leaves_its_turn(file_database: ConnectionHandler) -> None:
    def work() -> None:
        begin(file_database)
        file_database["default"].close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    note(file_database, "after")
    assert notes(file_database) == ["after"]


@only_sqlite
def test_a_transaction_that_fails_leaves_its_turn(file_database: ConnectionHandler) -> None:
    database = file_database["default"]
    begin(file_database)
    with pytest.raises(Exception, match="no such table"), database.cursor() as cursor:
        cursor.execute("INSERT INTO absent VALUES (1)")
    end(file_database, "rollback")
    note(file_database, "after")
    assert notes(file_database) == ["after"]


@pytest.mark.django_db(transaction=True)
def test_statements_are_not_logged_also_while_debugging(settings: Any) -> None:
    settings.DEBUG = True
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert not connection.queries
