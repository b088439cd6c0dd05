"""Snapshots of rows that another process writes, for any number of watchers, by one follower in each process."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from channels.db import database_sync_to_async
from django.db import connection

POLL_SECONDS: Final = 0.5  # between two looks, where the database can't tell of a change
PAUSE_SECONDS: Final = 0.2  # between two looks at the least, however often the database tells
PATIENCE_SECONDS: Final = 5.0  # between two looks at the most, should the database's word be lost
logger = logging.getLogger(__name__)

Snapshot = tuple[Any, dict[str, Any]]  # a revision, and what a watcher is shown
Load = Callable[[Collection[str]], Mapping[str, Snapshot]]


class Feed:
    """What can be followed by id.

    load: ids -> id: (revision, payload) of those that exist, in one query; the payload of the last snapshot of all
    has `"final": true`. channel: of PostgreSQL's NOTIFY, which bears the id (config.triggers.notify).
    """

    def __init__(self, load: Load, channel: str) -> None:
        self.load = load
        self.channel = channel
        self._followers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Follower] = WeakKeyDictionary()

    async def follow(self, identity: str) -> AsyncGenerator[dict[str, Any] | None, None]:
        """The whole state first, then each newer one; None, and an end, if there is nothing of this id.

        Who is slow gets fewer: never an old state after a new one, and none is kept for him but the last.
        """
        loop = asyncio.get_running_loop()
        follower = self._followers.get(loop)
        if follower is None:
            follower = self._followers[loop] = _Follower(self)
        watcher = _Watcher()
        follower.add(identity, watcher)
        try:
            while True:
                payload = await watcher.next()
                yield payload
                if payload is None or payload.get("final"):
                    return
        finally:
            follower.remove(identity, watcher)


class _Watcher:
    """The last snapshot that one watcher has not yet seen."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._payload: dict[str, Any] | None = None

    def show(self, payload: dict[str, Any] | None) -> None:
        self._payload = payload
        self._changed.set()

    async def next(self) -> dict[str, Any] | None:
        await self._changed.wait()
        self._changed.clear()
        return self._payload


class _Follower:
    """Looks at the rows that are watched, all in one query, and shows each watcher what is new."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._watchers: dict[str, set[_Watcher]] = {}
        self._last: dict[str, Snapshot] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_listening = False

    def add(self, identity: str, watcher: _Watcher) -> None:
        """Watch; what is known already is shown at once."""
        self._watchers.setdefault(identity, set()).add(watcher)
        if identity in self._last:
            watcher.show(self._last[identity][1])
        else:
            self._wake.set()
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._run())]
            if connection.vendor == "postgresql":
                self._tasks.append(asyncio.create_task(self._listen()))

    def remove(self, identity: str, watcher: _Watcher) -> None:
        """Watch no more. The last one to go ends the follower."""
        watchers = self._watchers.get(identity, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(identity, None)
            self._last.pop(identity, None)
        if not self._watchers:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 (the next look may succeed, and watchers wait for it)
                logger.warning("What is watched on %s could not be read: %s", self._feed.channel, error)
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(TimeoutError):
                patience = PATIENCE_SECONDS if self._is_listening else POLL_SECONDS - PAUSE_SECONDS
                await asyncio.wait_for(self._wake.wait(), patience)

    async def _look(self) -> None:
        self._wake.clear()
        identities = list(self._watchers)
        found = await database_sync_to_async(self._feed.load)(identities)
        for identity in identities:
            if identity not in found:
                self._show(identity, None)
            elif self._last.get(identity, (None,))[0] != found[identity][0]:
                if identity in self._watchers:
                    self._last[identity] = found[identity]
                self._show(identity, found[identity][1])

    def _show(self, identity: str, payload: dict[str, Any] | None) -> None:
        for watcher in self._watchers.get(identity, ()):
            watcher.show(payload)

    async def _listen(self) -> None:
        """Be woken by the database; without its word, look as often as on SQLite."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**_address(), autocommit=True) as listener:
                    await listener.execute(f"LISTEN {self._feed.channel}")
                    self._is_listening = True
                    self._wake.set()
                    async for notice in listener.notifies():
                        if notice.payload in self._watchers:
                            self._wake.set()
            except psycopg.Error as error:
                logger.warning("The database does not tell of changes: %s", error)
            finally:
                self._is_listening = False
            await asyncio.sleep(PATIENCE_SECONDS)


def _address() -> dict[str, Any]:
    """Where the database is, for a connection of its own."""
    given = connection.get_connection_params()
    return {name: value for name, value in given.items() if name not in {"pool", "context", "cursor_factory"}}
