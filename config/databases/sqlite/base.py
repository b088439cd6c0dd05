"""Django's backend for SQLite, in which the writers of this process take turns.

SQLite has one writer at a time, and whoever finds it busy sleeps and tries again: under steady writing by one, another
may find it busy for many seconds. Here a writer waits for its turn before it asks SQLite, so that it is served in the
order of asking. It waits as long as SQLite would, then asks anyway; with writers of other processes it is as ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db.backends.sqlite3 import base, features

from config.databases.sqlite.turns import Turns, turns_of

WRITING: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE")
DEFAULT_SECONDS: Final = 5.0  # as of Python's sqlite3


class TurnTakingCursor(base.SQLiteCursorWrapper):
    """A cursor whose writes outside of a transaction, which are transactions of their own, take a turn."""

    def __init__(self, raw: Any, wrapper: "DatabaseWrapper") -> None:
        super().__init__(raw)
        self._wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        """Run a statement."""
        if self.connection.in_transaction or not query.startswith(WRITING):
            return super().execute(query, params)
        with self._wrapper.turn():
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        """Run a statement once for each of many parameters."""
        if self.connection.in_transaction or not query.startswith(WRITING):
            return super().executemany(query, param_list)
        with self._wrapper.turn():
            return super().executemany(query, param_list)


class DatabaseFeatures(features.DatabaseFeatures):
    """What SQLite can do."""

    # Django would prefetch parents by `id = 1 OR id = 2 OR ...`, of which SQLite takes a thousand. It does take a list,
    # of one column, and all our keys are.
    supports_tuple_lookups = True


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to SQLite."""

    features_class = DatabaseFeatures

    def __init__(self, *positional: Any, **options: Any) -> None:
        super().__init__(*positional, **options)
        self._turn: Turns | None = None

    @property
    def queries_logged(self) -> bool:
        """Only where a test asks for it: with DEBUG, Django would keep the text of every Part that is stored."""
        return bool(self.force_debug_cursor)

    def create_cursor(self, name: str | None = None) -> TurnTakingCursor:
        """A cursor that takes turns."""
        return self.connection.cursor(factory=lambda raw: TurnTakingCursor(raw, self))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The turn of this connection, for a single statement."""
        self._take_turn()
        try:
            yield
        finally:
            self._give_turn()

    def _take_turn(self) -> None:
        turns = turns_of(str(self.settings_dict["NAME"]))
        if turns.take(self.settings_dict["OPTIONS"].get("timeout", DEFAULT_SECONDS)):
            self._turn = turns  # else SQLite says whether it is locked

    def _give_turn(self) -> None:
        """Unless a transaction is still open."""
        if self._turn is not None and not (self.connection is not None and self.connection.in_transaction):
            turns, self._turn = self._turn, None
            turns.give()

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc] # not in the stubs
        finally:
            self._give_turn()

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc] # not in the stubs
        finally:
            self._give_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc] # not in the stubs
        finally:
            self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc] # not in the stubs
        finally:
            turns, self._turn = self._turn, None
            if turns is not None:
                turns.give()
