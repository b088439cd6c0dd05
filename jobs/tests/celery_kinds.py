"""For test_processes: a Celery worker that knows a kind (`celery -A jobs.tests.celery_kinds`), and who asks for work.

As a program it prints the state and the attempt of a job that a worker did, what became of one that was rolled back,
and the state and the attempt of a job whose first worker vanished.
"""

import sys
import time
from typing import Any

from jobs.celery import app  # sets Django up

from django.db import transaction  # isort: skip

from jobs.execution import enqueue
from jobs.leases import claim
from jobs.models import Job
from jobs.registry import job_kind

__all__ = ["app"]
WAIT_SECONDS = 90


@job_kind("celery_test")
def work(context: Any) -> dict[str, Any]:
    """Something small."""
    with context.fenced():
        context.report(done=1)
    return {"attempt": context.attempt}


def wait(job: Job) -> Job:
    """The job when it has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not job.has_ended and time.monotonic() < deadline:
        time.sleep(0.1)
        job.refresh_from_db()
    return job


def main() -> None:
    done = wait(enqueue("celery_test", {}))
    print(done.state, done.result and done.result["attempt"])
    try:
        with transaction.atomic():
            enqueue("celery_test", {})
            raise ZeroDivisionError
    except ZeroDivisionError:
        print("rolled_back" if Job.objects.count() == 1 else "left")
    with transaction.atomic():  # held by a worker that is never heard of again, before its message is sent
        lost = enqueue("celery_test", {})
        claim(lost.pk)
    lost = wait(lost)
    print(lost.state, lost.attempt)


if __name__ == "__main__":
    sys.exit(main())
