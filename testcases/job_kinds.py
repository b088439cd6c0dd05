"""The kind of Job that executes a Run (testcases.deferring).

Results are stored a few at a time, each time only if the Job is held: a worker that is killed leaves those that it
stored, and the next one goes on behind them.
"""

from functools import partial
from typing import Any

from django.urls import reverse

from jobs.context import JobCancelled, JobContext
from jobs.models import Job
from jobs.registry import job_kind
from testcases.deferring import RUN, end_as_cancelled
from testcases.models import Result, Run
from testcases.runs import How, execute_run


def _drop(job: Job) -> None:
    """A Job that will not finish ends its Run, with the Results that are there."""
    end_as_cancelled(Run.objects.filter(job=job.pk))


@job_kind(RUN, dropped=_drop)
def execute(context: JobContext) -> dict[str, Any]:
    """Judge the cases of the Job's Run that are not judged yet; gives the Run, its verdict and its counts."""
    run = Run.objects.select_related("application", "configuration").filter(job=context.job.pk).first()
    if run is None:  # it was deleted
        raise JobCancelled
    context.report(done=run.done, total=run.total, message="Loading the test cases.")

    def tell(done: int, total: int, result: Result) -> None:
        context.report(done=done, total=total, message="Judging the test cases.")

    fenced = partial(context.fenced, keeps=True)
    run = execute_run(run, How(tell, lambda: context.should_stop, fenced, resumes=True))
    if run.state == Run.State.CANCELLED:
        raise JobCancelled
    context.report(done=run.done, message=in_words(run))
    return {"run": run.pk, "verdict": run.verdict, "counts": run.counts, "page": reverse("run-detail", args=[run.pk])}


def in_words(run: Run) -> str:
    """How it ended."""
    counts = [f"{number:,} {verdict}" for verdict, number in run.counts.items() if number]
    return f"The run has {run.verdict or run.state}: {', '.join(counts) or 'no result'}."
