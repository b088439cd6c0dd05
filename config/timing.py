"""Where the time of an answer goes, by steps. Pure: no Django, so that whatever works for an answer may count its own.

A step within another is taken off the outer one, so that the steps together are never more than the whole.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

STEPS: Final = ("auth", "parse", "validate", "query", "serialize")


@dataclass
class Spent:
    """Seconds by step, and what the steps that are under way have inside them."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STEPS, 0.0))
    inner: list[float] = field(default_factory=lambda: [0.0])

    def header(self) -> str:
        """As `Server-Timing` says it: milliseconds."""
        return ", ".join(f"{name};dur={seconds * 1000:.2f}" for name, seconds in self.seconds.items())


_spent: ContextVar[Spent | None] = ContextVar("spent", default=None)


@contextmanager
def measured() -> Iterator[Spent]:
    """What is done here is counted, by the steps that it goes through."""
    spent = Spent()
    token = _spent.set(spent)
    try:
        yield spent
    finally:
        _spent.reset(token)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Count what is done here as one of STEPS; nothing is counted outside of `measured`."""
    spent = _spent.get()
    if spent is None:
        yield
        return
    spent.inner.append(0.0)
    started = time.perf_counter()
    try:
        yield
    finally:
        elapsed = time.perf_counter() - started
        spent.seconds[name] += elapsed - spent.inner.pop()
        spent.inner[-1] += elapsed
