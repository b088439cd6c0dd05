"""A job from the queue to its end: progress, results, errors, cancelling, and what becomes of lost ones."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from jobs.context import JobCancelled, JobContext, LeaseLost, Pulse
from jobs.execution import JobEndedError, cancel, enqueue, execute_job, requeue_lost, run_now
from jobs.leases import claim
from jobs.models import Job
from jobs.registry import UnknownKindError, job_kind

pytestmark = pytest.mark.django_db


def held(job: Job) -> JobContext:
    """A job as the worker that has just taken it sees it."""
    claimed = claim(job.pk)
    assert claimed is not None
    return JobContext(claimed, Pulse(claimed))


def lose(job: Job) -> None:
    """Let the lease run out, as if the worker had been killed."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_job_is_done_and_keeps_its_result(kind):
    kind(lambda context: {"sum": sum(context.arguments["numbers"])})
    job = run_now(enqueue("test", {"numbers": [1, 2]}, message="Adding."))
    assert (job.state, job.result, job.attempt, job.message) == ("finished", {"sum": 3}, 1, "Adding.")
    assert job.created_at <= job.started_at <= job.finished_at
    assert job.lease_until is None


@pytest.mark.django_db(transaction=True)
def test_a_worker_takes_what_is_enqueued(kind):
    kind(lambda context: None)
    job = enqueue("test", {})
    call_command("db_worker", batch=True, startup_delay=False, verbosity=0)
    job.refresh_from_db()
    assert job.state == "finished"
    assert DBTaskResult.objects.get().return_value == "finished"


def test_a_job_that_is_rolled_back_was_never_enqueued(kind):
    kind(lambda context: None)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        enqueue("test", {})
        raise ZeroDivisionError
    assert not Job.objects.exists()
    assert not DBTaskResult.objects.exists()


def test_progress_is_written_by_the_end(kind):
    def work(context):
        context.report(done=3, total=4, message="Nearly\0 there.")

    kind(work)
    job = run_now(enqueue("test", {}))
    assert (job.done, job.total, job.message) == (3, 4, "Nearly there.")


def test_reports_are_written_now_and_then_only(kind, django_assert_max_num_queries):
    def work(context):
        with django_assert_max_num_queries(20):
            for number in range(10_000):
                context.report(done=number)
                context.check()

    kind(work)
    assert run_now(enqueue("test", {})).done == 9_999


def test_a_beat_writes_progress_and_learns_of_a_request_to_stop(kind):
    kind(lambda context: None)
    context = held(enqueue("test", {}))
    context.report(done=7)
    context._pulse.beat()
    job = Job.objects.get()
    assert (job.done, job.revision) == (7, 2)
    cancel(job)
    context.check()
    context._pulse.beat()
    with pytest.raises(JobCancelled):
        context.check()


def test_an_exception_of_the_work_is_told_without_a_trace_and_not_tried_again(kind, caplog):
    def work(context):
        raise RuntimeError("secret of the house")

    kind(work)
    job = run_now(enqueue("test", {}))
    assert job.state == "failed"
    assert job.error["code"] == "internal"
    assert "secret" not in str(job.error)
    assert "secret of the house" in caplog.text
    assert execute_job.func(job.pk) == "not_taken"
    assert requeue_lost() == 0


def test_what_the_work_refuses_is_told_as_the_api_tells_it(kind):
    def work(context):
        raise ValidationError({"name": ValidationError("Taken, \0 alas.", code="name_taken")})

    kind(work)
    error = run_now(enqueue("test", {})).error
    assert (error["code"], error["status"]) == ("name_taken", 409)
    assert error["errors"][0]["message"] == "Taken, \N{REPLACEMENT CHARACTER} alas."


def test_a_result_that_is_not_small_is_a_fault_of_the_work(kind):
    kind(lambda context: {"result": "x" * 70_000})
    assert run_now(enqueue("test", {})).error["code"] == "internal"


def test_an_unknown_kind_is_refused_and_told_by_a_worker_that_does_not_know_it():
    with pytest.raises(UnknownKindError):
        enqueue("no such work", {})
    job = Job.objects.create(kind="no such work")
    assert run_now(job).error["code"] == "unknown_kind"


def test_a_kind_is_registered_once(kind):
    kind(lambda context: None)
    with pytest.raises(ValueError, match="registered twice"):
        job_kind("test")(lambda context: 1)


def test_a_waiting_job_is_cancelled_at_once_and_never_done(kind, django_user_model):
    kind(lambda context: pytest.fail("done"))
    user = django_user_model.objects.create_user("ann")
    job = cancel(enqueue("test", {}), user)
    assert (job.state, job.cancel_requested_by) == ("cancelled", user)
    assert run_now(job).state == "cancelled"
    assert cancel(job).state == "cancelled"


def test_a_running_job_stops_at_its_next_check(kind):
    def work(context):
        cancel(context.job)
        context._pulse.beat()
        context.check()

    kind(work)
    assert run_now(enqueue("test", {})).state == "cancelled"


def test_a_job_that_has_ended_is_not_cancelled(kind):
    kind(lambda context: None)
    with pytest.raises(JobEndedError, match="has finished already"):
        cancel(run_now(enqueue("test", {})))


def test_a_job_is_taken_once(kind):
    kind(lambda context: None)
    job = enqueue("test", {})
    assert claim(job.pk) is not None
    assert claim(job.pk) is None


def test_a_lost_job_is_taken_again_and_the_late_worker_is_fenced_off(kind):
    kind(lambda context: None)
    late = held(enqueue("test", {}))
    lose(late.job)
    assert requeue_lost() == 1
    assert requeue_lost() == 0
    second = held(late.job)
    assert second.attempt == 2
    with pytest.raises(LeaseLost), late.fenced():
        pytest.fail("the late worker writes")
    late.report(done=99)
    late._pulse.beat()
    with pytest.raises(LeaseLost):
        late.check()
    with second.fenced():
        pass
    assert Job.objects.get().done == 0


def test_a_fence_renews_the_lease_and_heeds_a_request_to_stop(kind):
    kind(lambda context: None)
    context = held(enqueue("test", {}))
    with context.fenced():
        lose(context.job)
    assert requeue_lost() == 0
    cancel(context.job)
    with pytest.raises(JobCancelled), context.fenced():
        pytest.fail("it writes after the request")


def test_a_job_is_given_up_after_its_last_attempt(kind):
    kind(lambda context: None, max_attempts=1)
    context = held(enqueue("test", {}))
    lose(context.job)
    assert requeue_lost() == 1
    job = Job.objects.get()
    assert (job.state, job.error["code"]) == ("failed", "worker_lost")


def test_a_lost_job_that_was_to_stop_is_cancelled(kind):
    kind(lambda context: None)
    context = held(enqueue("test", {}))
    cancel(context.job)
    lose(context.job)
    requeue_lost()
    assert Job.objects.get().state == "cancelled"


def test_a_waiting_job_whose_task_was_lost_gets_another(kind):
    kind(lambda context: None)
    job = enqueue("test", {})
    lose(job)
    assert requeue_lost() == 0  # its task is there
    assert DBTaskResult.objects.count() == 1
    DBTaskResult.objects.all().delete()
    lose(job)
    call_command("requeue_jobs")
    assert DBTaskResult.objects.count() == 1


def test_a_worker_that_is_stopped_gives_its_job_back(kind):
    def work(context):
        if context.job.attempt and not Job.objects.filter(message="again").update(message="done"):
            Job.objects.update(message="again")
            raise SystemExit(1)

    kind(work, max_attempts=1)
    job = enqueue("test", {})
    with pytest.raises(SystemExit):
        run_now(job)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("queued", 0)
    assert DBTaskResult.objects.ready().count() == 2
    assert run_now(job).message == "done"


def test_the_database_refuses_a_state_that_is_none():
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="test", state="paused")


def test_a_kind_is_told_of_each_job_that_does_not_finish(kind):
    told = []

    def fail(context):
        raise ValueError

    kind(fail, dropped=lambda job: told.append(job.pk))
    waiting, failing = enqueue("test", {}), enqueue("test", {})
    cancel(waiting)
    run_now(failing)
    given_up, cancelled = (enqueue("test", {}) for _ in range(2))
    for job in (given_up, cancelled):
        claim(job.pk)
        lose(job)
    Job.objects.filter(pk=given_up.pk).update(attempt=3)
    cancel(cancelled)
    requeue_lost()
    kind(lambda context: None, name="another", dropped=lambda job: told.append(job.pk))
    run_now(enqueue("another", {}))
    assert sorted(told) == sorted(job.pk for job in (waiting, failing, given_up, cancelled))


def test_what_is_done_may_be_kept_after_a_request_to_stop(kind):
    kind(lambda context: None)
    context = held(enqueue("test", {}))
    cancel(context.job)
    with pytest.raises(JobCancelled), context.fenced():
        raise AssertionError
    with context.fenced(keeps=True):
        assert Job.objects.get().state == "running"
    Job.objects.update(token="another's")
    with pytest.raises(LeaseLost), context.fenced(keeps=True):
        raise AssertionError
