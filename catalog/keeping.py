"""What this process keeps in memory of what never changes: the least recently used goes first. Pure: no Django."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Values by key, of at most `limit_bytes` in all; one that is larger than an eighth of that is not kept."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value of a key, or None."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Key, value: Value, size_bytes: int) -> None:
        """Keep a value of about so many bytes."""
        if size_bytes > self.limit_bytes // 8:
            return
        with self._lock:
            before = self._values.pop(key, None)
            self._size_bytes += size_bytes - (before[1] if before else 0)
            self._values[key] = (value, size_bytes)
            while self._size_bytes > self.limit_bytes:
                _, (_, freed) = self._values.popitem(last=False)
                self._size_bytes -= freed
