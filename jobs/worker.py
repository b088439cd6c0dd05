"""The worker of the database's queue: django-tasks-db's, gentle on SQLite, and patient when the database is away."""

import logging
import time
from typing import Any, Final

from django.db import DatabaseError, close_old_connections, connection
from django_tasks_db.management.commands.db_worker import Worker as TaskWorker
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction

from jobs.health import leave
from jobs.keeping import Keeper

PAUSE_SECONDS: Final = 2.0
logger = logging.getLogger(__name__)


class Worker(TaskWorker):
    """Takes one task after the other until it is told to stop, or, with `batch`, until there is none."""

    def run(self) -> None:
        """Work. SIGINT and SIGTERM let the current task end; a second one stops it and puts it in the queue again."""
        logger.info("Worker %s begins.", self.worker_id)
        if self.batch:
            Keeper().look()
        else:
            Keeper().start()
        try:
            self._work()
        finally:
            leave()

    def _work(self) -> None:
        while self.running and not self._has_done_all():
            try:
                close_old_connections()
                found = self._take()
                if found is not None:
                    self.run_task(found)
                elif self.batch:
                    return
                else:
                    close_old_connections()
                    time.sleep(self.interval)
            except DatabaseError as error:
                if self.batch:
                    raise
                logger.warning("The database is busy or away (%s); the worker tries again.", error)
                connection.close()
                time.sleep(PAUSE_SECONDS)

    def _has_done_all(self) -> bool:
        return self.max_tasks is not None and self._run_tasks >= self.max_tasks

    def _take(self) -> DBTaskResult | None:
        """The next task, claimed. Without one, nothing is locked: a look is a plain read."""
        tasks: Any = DBTaskResult.objects.ready().filter(backend_name=self.backend_name)
        if not self.process_all_queues:
            tasks = tasks.filter(queue_name__in=self.queue_names)
        if self.excluded_queue_names:
            tasks = tasks.exclude(queue_name__in=self.excluded_queue_names)
        if not tasks.exists():
            return None
        with exclusive_transaction(tasks.db):
            found: DBTaskResult | None = tasks.get_locked()
            if found is not None:
                found.claim(self.worker_id)
        return found
