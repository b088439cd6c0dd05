"""Work that the database broke off because it and another waited for each other: begun again."""

import logging
import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import OperationalError, transaction

Answer = TypeVar("Answer")
ATTEMPTS: Final = 5
PAUSE_SECONDS: Final = 0.05
BROKEN_OFF: Final = frozenset({"40P01", "40001"})  # deadlock_detected, serialization_failure

logger = logging.getLogger(__name__)


def is_deadlock(error: OperationalError) -> bool:
    """Whether the database chose this transaction to end a deadlock."""
    return getattr(error.__cause__, "sqlstate", None) in BROKEN_OFF


def begun_again(work: Callable[[], Answer]) -> Answer:
    """What `work` gives, which has a transaction of its own; tried a few times if others lock in another order.

    Locks are taken in the order of the Tables' ids where all are known beforehand; this is for work that finds out on
    its way which ones it needs. Within another transaction nothing can be begun again: the error is the caller's.
    """
    is_inner = transaction.get_connection().in_atomic_block
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except OperationalError as error:
            if is_inner or attempt == ATTEMPTS or not is_deadlock(error):
                raise
            logger.info("A deadlock; attempt %d begins.", attempt + 1)
            time.sleep(random.uniform(0.5, 1.5) * PAUSE_SECONDS * attempt)  # noqa: S311 (so that not all come at once)
    raise AssertionError("the last attempt answers or raises")
