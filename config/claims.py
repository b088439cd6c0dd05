"""The claim of a request on its `Idempotency-Key`, for who commits its work (see config.idempotency).

Whoever commits says so in the same transaction: then the work is done once even if its process dies before the answer
is kept, and a process that lost its claim to another one commits nothing.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from django.utils import timezone

from config.models import KeptAnswer, new_ulid

_BIRTH: Final = new_ulid()
_claim: ContextVar[KeptAnswer | None] = ContextVar("claim", default=None)


class ClaimLostError(Exception):
    """Another process has taken over a request that is being worked on."""

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is being worked on; ask again in a moment.")


@contextmanager
def working_on(claim: KeptAnswer) -> Iterator[None]:
    """The work of a request that has this claim."""
    token = _claim.set(claim)
    try:
        yield
    finally:
        _claim.reset(token)


def note_done() -> None:
    """Note in the transaction of a request's work that it is done; one statement, none without an `Idempotency-Key`.

    Raises ClaimLostError, so that nothing is committed, if another process has taken the claim over.
    """
    claim = _claim.get()
    if claim is not None and not own(claim).update(status=200, has_body=False):
        raise ClaimLostError


def own(claim: KeptAnswer):  # type: ignore[no-untyped-def] # a QuerySet
    """The row of a claim, as long as nobody took it over."""
    return KeptAnswer.objects.filter(identity=claim.identity, leased_until=claim.leased_until)


def this_process() -> str:
    """A name of this process that tells it from others on this host, and from earlier ones."""
    return f"{_BIRTH}:{os.getpid()}:{socket.gethostname()}"[:256]


def is_held(claim: KeptAnswer) -> bool:
    """Whether somebody may be at work on a claim: its lease runs, and its process is not known to be gone."""
    if claim.leased_until <= timezone.now():
        return False
    birth, pid, host = [*claim.owner.split(":", 2), "", "", ""][:3]
    if host != socket.gethostname() or not pid.isdecimal():
        return True
    if int(pid) == os.getpid():
        return birth == _BIRTH
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's; no number of a process
        return True
    return True
