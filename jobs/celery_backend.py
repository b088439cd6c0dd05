"""Tasks through Celery: the backend of django-tasks that is used where TASKS_BACKEND is celery.

A message only carries the id of a Job. What is delivered twice finds nothing to claim, and what a broker loses is told
again, for the Job's row owns state, lease and attempts (jobs.leases).
"""

import logging
from functools import partial
from typing import Any, Final

from celery import Celery
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task, TaskResult, TaskResultStatus
from kombu.exceptions import OperationalError

MESSAGE: Final = "exemplar.task"
CONNECT_SECONDS: Final = 3
logger = logging.getLogger(__name__)

app = Celery("exemplar", broker=settings.CELERY_BROKER_URL)
app.conf.update(
    task_default_queue=settings.CELERY_QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": 2 * CONNECT_SECONDS},
)


class CeleryBackend(BaseTaskBackend):
    """Sends a task to the broker when the transaction in which it was enqueued is committed."""

    supports_defer = False
    supports_async_task = False
    supports_get_result = False
    supports_priority = False

    def enqueue(self, task: Task[Any, Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        """Send it after the commit. A broker that is away costs time and nothing else: the Job waits in its table."""
        self.validate_task(task)
        identity = get_random_string(32)
        transaction.on_commit(partial(_send, identity, task.module_path, list(args), dict(kwargs)))
        return TaskResult(
            task=task,
            id=identity,
            status=TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=list(args),
            kwargs=dict(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )


def _send(identity: str, path: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    try:
        app.send_task(MESSAGE, [path, args, kwargs], task_id=identity, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.error("The broker does not take a task; the keepers of jobs will send it again: %s", error)
