"""Whether somebody does the jobs: each worker process tells now and then that it lives, and /health asks for it."""

import logging
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError
from django.db.models.functions import Now

from config.console import counted
from config.health import DOWN, OK, health_check
from jobs.leases import worker_name
from jobs.models import Heartbeat, Job

ABSENT: Final = "absent"
FORGOTTEN: Final = timedelta(days=1)
logger = logging.getLogger(__name__)


def beat() -> None:
    """Tell that this process does jobs. One statement, but for the first time."""
    mine = Heartbeat.objects.filter(worker=worker_name())
    if not mine.update(at=Now()):
        Heartbeat.objects.bulk_create([Heartbeat(worker=worker_name(), at=Now())], ignore_conflicts=True)


def leave() -> None:
    """Tell that this process does no more jobs."""
    try:
        Heartbeat.objects.filter(worker=worker_name()).delete()
    except DatabaseError as error:  # it is forgotten in any case
        logger.warning("The end of this worker was not noted: %s", error)


def forget_silent() -> None:
    """Delete what is told of workers that have long been gone."""
    Heartbeat.objects.filter(at__lt=Now() - FORGOTTEN).delete()


def has_workers() -> bool:
    """Whether a job that is enqueued now will soon be taken. One small query."""
    return Heartbeat.objects.alive().exists()


@health_check("workers")
def _workers() -> str:
    """`absent` is no fault while nothing waits: a site may be served without workers."""
    if has_workers():
        return OK
    waiting = Job.objects.overdue().count()
    if not waiting:
        return ABSENT
    seconds = 2 * settings.JOB_LEASE_SECONDS
    return f"{DOWN}: {counted(waiting, 'job')} waiting, and no worker was heard of for {seconds} seconds"
