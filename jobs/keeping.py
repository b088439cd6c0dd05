"""What every worker process does besides its jobs: tell that it lives, and look for those that another has lost."""

import logging
import threading
import time
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

from jobs.execution import forget_tasks, requeue_lost
from jobs.health import beat, forget_silent
from jobs.registry import all_chores

CHORES_SECONDS: Final = 3600
logger = logging.getLogger(__name__)


class Keeper(threading.Thread):
    """Takes up lost Jobs while its process lives, also while that is busy with a long one."""

    def __init__(self) -> None:
        super().__init__(name="keeper of jobs", daemon=True)
        self._chores_at = 0.0

    def run(self) -> None:
        """Look, at once and then several times within a lease."""
        while True:
            try:
                beat()
                self.look()
            except DatabaseError as error:  # busy or away: the next look may find it
                logger.warning("Lost jobs could not be looked for: %s", error)
            finally:
                connection.close()
            time.sleep(settings.JOB_LEASE_SECONDS / 3)

    def look(self) -> None:
        """Take up what is lost; and, now and then, delete what is long done and do the apps' chores."""
        requeue_lost()
        if time.monotonic() >= self._chores_at:
            forget_tasks()
            forget_silent()
            for chore in all_chores():
                chore()
            self._chores_at = time.monotonic() + CHORES_SECONDS
