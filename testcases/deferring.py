"""Runs that a worker executes while their author goes on: a Job for each, which can be watched and cancelled."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalog.models import Application, Configuration
from config.claims import note_done
from jobs.execution import JobEndedError, cancel, enqueue
from jobs.health import has_workers
from jobs.models import Job
from testcases.models import Run, TestCase
from testcases.recording import RunEndedError
from testcases.runs import run_test_cases, start_run, trial_count

RUN: Final = "run"
LOOK_SECONDS: Final = 0.2
OPEN_STATES: Final = (Run.State.QUEUED, Run.State.RUNNING)


def is_large(test_cases: Sequence[TestCase], implementations: Sequence[str] = ()) -> bool:
    """Whether a Run is left to a worker without being asked for; only where one is there to take it.

    Each case counts as often as it is judged, with one implementation or several.
    """
    most = settings.RUN_ASYNC_CASES
    has_many = len(test_cases) > most or (implementations and trial_count(test_cases, implementations) > most)
    return bool(has_many) and has_workers()


def run_or_defer(
    application: Application,
    test_cases: Sequence[TestCase],
    selection: Mapping[str, Any],
    author: Any = None,
    implementations: Sequence[str] = (),
    configuration: Configuration | None = None,
) -> Run:
    """A Run that has ended, or, over many cases, one that a worker will execute."""
    verb = defer_run if is_large(test_cases, implementations) else run_test_cases
    return verb(application, test_cases, selection, author, implementations, configuration)


def defer_run(
    application: Application,
    test_cases: Iterable[TestCase],
    selection: Mapping[str, Any] | None = None,
    author: Any = None,
    implementations: Sequence[str] = (),
    configuration: Configuration | None = None,
) -> Run:
    """A queued Run, with the Job that will execute it."""
    with transaction.atomic():
        run = start_run(application, test_cases, selection, author, implementations, configuration)
        run.job = enqueue(RUN, {"run": run.pk}, author=author, total=run.total, message="Waiting for a worker.")
        run.save(update_fields=["job"])
        note_done()
    return run


def cancel_run(run: Run, by: Any = None) -> Run:
    """Stop a Run: at once while it waits or where no Job executes it, else before its next case. Its Results stay.

    A process that executes it without a Job stores nothing more. Raises RunEndedError.
    """
    has_worker = False
    if run.job is not None:
        try:
            has_worker = cancel(run.job, by).state == Job.State.RUNNING
        except JobEndedError:
            has_worker = False
    if not has_worker:
        stopped = end_as_cancelled(Run.objects.filter(pk=run.pk))
        if not stopped and run.has_ended:
            raise RunEndedError("The run has ended; there is nothing to cancel.")
    return found(run)


def end_as_cancelled(runs: Any) -> int:
    """End those of these Runs that are open; how many."""
    stopped: int = runs.filter(state__in=OPEN_STATES).update(state=Run.State.CANCELLED, finished_at=timezone.now())
    return stopped


def wait_for(run: Run, seconds: float) -> Run:
    """The Run as it is when it has ended, or after so many seconds."""
    until = time.monotonic() + seconds
    while Run.objects.filter(pk=run.pk, state__in=OPEN_STATES).exists() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    return found(run)


def found(run: Run) -> Run:
    """The Run as it is now."""
    return Run.objects.with_names().get(pk=run.pk)
