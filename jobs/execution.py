"""Jobs from the queue to their end: enqueue, take, do, cancel, and take again what was lost."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks import task, task_backends
from django_tasks.base import TaskResultStatus
from django_tasks_db.backend import DatabaseBackend
from django_tasks_db.models import DBTaskResult

from config.api.errors import ProblemDetails, describe
from config.exact_json import dump_json
from jobs.context import JobCancelled, JobContext, LeaseLost, Pulse
from jobs.leases import QUEUED_SECONDS, claim, end, ended, from_now, give_back, queued, storable
from jobs.models import Job
from jobs.registry import UnknownKindError, find_kind, tell_dropped

RESULT_BYTES: Final = 64 * 1024
REQUEUED_AT_ONCE: Final = 100
KEPT_TASKS: Final = timedelta(days=1)
PATIENCE_SECONDS: Final = 600  # after which a broker is told of a waiting Job again
State = Job.State
logger = logging.getLogger(__name__)


class JobEndedError(Exception):
    """The Job has ended; there is nothing to cancel."""


@task()
def execute_job(job_id: str) -> str:
    """The task that a worker takes: do a Job, if it is still to be done. Answers the state that it is in then."""
    job = claim(job_id)
    return "not_taken" if job is None else _execute(job)


def enqueue(
    kind: str, arguments: Mapping[str, Any], *, author: Any = None, total: int | None = None, message: str = ""
) -> Job:
    """A new Job that waits for a worker, in the caller's transaction: none if that is rolled back.

    arguments: a JSON object, small; it is the work's to read. Raises UnknownKindError.
    """
    known = find_kind(kind)
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind,
            arguments=storable(arguments),
            total=total,
            message=message,
            created_by=author,
            max_attempts=known.max_attempts,
            lease_until=from_now(_queued_seconds()),
        )
        execute_job.enqueue(job.pk)
    return job


def run_now(job: Job) -> Job:
    """Do a queued Job in this process; gives it as it is then. If a worker has taken it, nothing is done here."""
    execute_job.func(job.pk)
    return Job.objects.select_related("created_by").get(pk=job.pk)


def cancel(job: Job, by: Any = None) -> Job:
    """Stop a Job: at once while it waits, else at its work's next check. Raises JobEndedError."""
    asked = {"cancel_requested_at": Now(), "cancel_requested_by": by}
    this = Job.objects.filter(pk=job.pk)
    with transaction.atomic():
        stopped = this.filter(state=State.QUEUED).update(**ended(State.CANCELLED), **asked)
        if stopped:
            tell_dropped(job)
    if not stopped:
        this.filter(state=State.RUNNING, cancel_requested_at=None).update(**asked)
    found = this.select_related("created_by").get()
    if not stopped and found.state != State.CANCELLED and found.has_ended:
        raise JobEndedError(f"The job has {found.state} already.")
    return found


# --- doing it -------------------------------------------------------------------------------------------------------


def _execute(job: Job) -> str:
    """Do a Job that is held. What its work raises becomes its error; what ends this process gives it back."""
    pulse = Pulse(job)
    try:
        with pulse:
            result = _checked_result(find_kind(job.kind).execute(JobContext(job, pulse)))
    except JobCancelled:
        return _end(job, pulse, State.CANCELLED)
    except LeaseLost:
        logger.warning("Job %s is held by another worker; this one stops.", job)
        return "lost"
    except Exception as error:  # noqa: BLE001 (the work may be anything, and its error is the answer)
        return _end(job, pulse, State.FAILED, error=_problem(job, error))
    except BaseException:
        with transaction.atomic():
            if give_back(job):
                execute_job.enqueue(job.pk)
        raise
    return _end(job, pulse, State.FINISHED, result=result)


def _end(job: Job, pulse: Pulse, state: State, **outcome: Any) -> str:
    with transaction.atomic():
        is_held = end(job, state, **pulse.take(), **outcome)
        if is_held and state != State.FINISHED:
            tell_dropped(job)
    if is_held:
        return state.value
    logger.warning("Job %s was taken by another worker before it ended here.", job)
    return "lost"


def _checked_result(result: Any) -> Any:
    document = storable(result)
    size = len(dump_json(document))
    if size > RESULT_BYTES:
        raise ValueError(f"The result of a job is a small document of at most {RESULT_BYTES} bytes, not {size}.")
    return document


def _problem(job: Job, error: Exception) -> Any:
    """What went wrong, as the API would say it; a fault of ours is told in the log alone."""
    if isinstance(error, UnknownKindError):
        details: ProblemDetails | None = ProblemDetails(
            500, "unknown_kind", "The work is unknown", f"{error} Is this worker's code older than the site's?"
        )
    else:
        details = describe(error)
    if details is None:
        logger.error("Job %s failed.", job, exc_info=error)
        message = "Something went wrong here; the id of the job finds it in the log."
        details = ProblemDetails(500, "internal", "Internal error", message)
    return storable(details.document(job.pk))


# --- what was lost --------------------------------------------------------------------------------------------------


def requeue_lost() -> int:
    """Put Jobs whose worker vanished in the queue again, and end those that were begun often enough; how many.

    A single cheap query where there is nothing to do. Any number of processes may do this at the same time.
    """
    return sum(_take_up(job_id) for job_id in Job.objects.lost().values_list("pk", flat=True)[:REQUEUED_AT_ONCE])


def _take_up(job_id: str) -> bool:
    with transaction.atomic():
        # A row that is locked is being written by its worker, which lives.
        job = Job.objects.lost().select_for_update(skip_locked=True).filter(pk=job_id).first()
        if job is None:
            return False
        this = Job.objects.filter(pk=job_id)
        if job.state == State.QUEUED and _is_awaited(job_id):
            this.update(lease_until=from_now(_queued_seconds()))
            return False
        if job.cancel_requested_at:
            this.update(**ended(State.CANCELLED))
            tell_dropped(job)
        elif job.state == State.RUNNING and job.attempt >= job.max_attempts:
            logger.error("Job %s was given up: its worker %s vanished in attempt %d.", job, job.worker, job.attempt)
            this.update(**ended(State.FAILED), error=storable(_given_up(job).document(job_id)))
            tell_dropped(job)
        else:
            logger.warning("Job %s is queued again; its worker %r has vanished.", job, job.worker)
            this.update(**queued())
            execute_job.enqueue(job_id)
    return True


def _given_up(job: Job) -> ProblemDetails:
    message = f"The worker stopped without a word in {job.attempt} of {job.max_attempts} attempts."
    return ProblemDetails(500, "worker_lost", "The work was given up", message, "The workers' log may say why.")


def _is_database() -> bool:
    return isinstance(task_backends["default"], DatabaseBackend)


def _queued_seconds() -> int:
    """How long a Job waits before somebody looks whether it is still in the queue."""
    return QUEUED_SECONDS if _is_database() else PATIENCE_SECONDS


def _is_awaited(job_id: str) -> bool:
    """Whether a task for a queued Job is surely in the queue. A broker can't be asked: it is told again."""
    ready = Q(status=TaskResultStatus.READY, args_kwargs__args__0=job_id)
    return _is_database() and DBTaskResult.objects.filter(ready).exists()


def forget_tasks() -> int:
    """Delete tasks that are done since a day; their Jobs keep what there is to know. How many."""
    done = DBTaskResult.objects.finished().filter(finished_at__lt=timezone.now() - KEPT_TASKS)
    return done.filter(task_path=execute_job.module_path).delete()[0]
