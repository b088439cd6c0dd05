"""The Celery application of the workers: `celery -A jobs.celery worker`."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from celery.concurrency.prefork import TaskPool  # noqa: E402 (Django first)
from celery.signals import worker_process_init, worker_ready  # noqa: E402
from django.db import connections  # noqa: E402
from django.db.backends.postgresql.base import DatabaseWrapper  # noqa: E402

from jobs.celery_backend import MESSAGE, app  # noqa: E402
from jobs.execution import execute_job  # noqa: E402
from jobs.keeping import Keeper  # noqa: E402

TASKS = {execute_job.module_path: execute_job}


@app.task(name=MESSAGE)
def run_task(path: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Do a task of ours."""
    TASKS[path].call(*args, **kwargs)


@worker_process_init.connect
def keep_in_child(**signal: Any) -> None:
    """In each process of a pool; their parent touches no database, whose connections can't be shared by a fork."""
    connection = connections["default"]
    connection.close()
    if isinstance(connection, DatabaseWrapper):
        connection.close_pool()  # the threads of the parent's pool did not come along
    Keeper().start()


@worker_ready.connect
def keep_in_worker(sender: Any, **signal: Any) -> None:
    """In the worker itself, where it has no processes below it."""
    if not isinstance(sender.pool, TaskPool):
        Keeper().start()
