"""The kinds of work that there are, each a name and a function, and the chores of every worker.

An app declares its own in its module `job_kinds`. These are loaded when a kind is first asked for: most processes ask
for none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import autodiscover_modules

if TYPE_CHECKING:
    from jobs.context import JobContext
    from jobs.models import Job

Work = Callable[["JobContext"], Any]
Dropped = Callable[["Job"], Any]
Chore = Callable[[], Any]


@dataclass(frozen=True)
class JobKind:
    """A name, the function that does the work and answers a small JSON document, and how often it may be begun.

    dropped: told of a Job that ends otherwise than finished, in the transaction in which it does.
    """

    name: str
    execute: Work
    max_attempts: int
    dropped: Dropped | None = None


class UnknownKindError(LookupError):
    """No function is registered under the name."""


_kinds: dict[str, JobKind] = {}
_chores: list[Chore] = []


def job_kind(name: str, *, max_attempts: int = 3, dropped: Dropped | None = None) -> Callable[[Work], Work]:
    """Register the function below as the work of a kind; `dropped`: see JobKind.

    It is begun again, at most `max_attempts` times in all, when its worker vanished; so it must go on from what it
    finds, or begin from nothing. What it raises is final.
    """

    def register(execute: Work) -> Work:
        if name in _kinds and _kinds[name].execute is not execute:
            raise ValueError(f"The kind of job {name!r} is registered twice.")
        _kinds[name] = JobKind(name, execute, max_attempts, dropped)
        return execute

    return register


@cache
def _load() -> None:
    """Learn the kinds of all apps, as admin learns from `admin`."""
    autodiscover_modules("job_kinds")


def find_kind(name: str) -> JobKind:
    """The kind of this name. Raises UnknownKindError."""
    _load()
    try:
        return _kinds[name]
    except KeyError:
        raise UnknownKindError(f"There is no kind of job {name!r}.") from None


def tell_dropped(job: "Job") -> None:
    """Tell the kind of a Job that it ended, and not as finished; in the caller's transaction."""
    _load()
    known = _kinds.get(job.kind)
    if known and known.dropped:
        known.dropped(job)


def chore(work: Chore) -> Chore:
    """Register the function below as something small that every worker does when it begins, and once an hour."""
    if work not in _chores:
        _chores.append(work)
    return work


def all_chores() -> tuple[Chore, ...]:
    """The chores of all apps."""
    _load()
    return tuple(_chores)
