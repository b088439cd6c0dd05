"""Things that are costly to make, kept for whoever comes next. Pure: no Django."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Idle(Generic[Thing]):
    """Things that are used by one at a time: the last used is taken first, so there are as many as work at one time.

    They belong to no thread, since a server may begin a new one for every request; but to a process: a forked child
    makes its own, and leaves those of its parent alone.
    """

    def __init__(self, make: Callable[[], Thing]) -> None:
        self._make = make
        self._things: dict[int, list[Thing]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[Thing]:
        """One of them, or a new one; it is idle again when the block ends."""
        with self._lock:
            idle = self._things.setdefault(os.getpid(), [])
            thing = idle.pop() if idle else None
        thing = self._make() if thing is None else thing
        try:
            yield thing
        finally:
            with self._lock:
                idle.append(thing)
