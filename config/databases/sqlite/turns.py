"""Taking turns: who asks first is next. Pure: no Django."""

import os
import threading
from collections import deque
from typing import Final


class Turns:
    """One at a time, in the order of asking. A turn belongs to no thread: who has it may give it away in another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    @property
    def waiting_count(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def take(self, seconds: float) -> bool:
        """Wait for the turn; False if it has not come in so many seconds."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(seconds):
            return True
        with self._lock:
            if called.is_set():  # this very moment
                return True
            self._waiting.remove(called)
            return False

    def give(self) -> None:
        """End the turn: it is handed to who has waited longest, before anybody else can ask."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False


_turns: Final[dict[tuple[int, str], Turns]] = {}


def turns_of(database: str) -> Turns:
    """Those of the writers to a database in this process: a forked child has its own."""
    return _turns.setdefault((os.getpid(), database), Turns())
