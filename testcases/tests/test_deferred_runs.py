"""Runs that a worker executes: asked for, cancelled in every phase, lost and taken up again."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from jobs.context import JobContext, LeaseLost, Pulse
from jobs.execution import cancel, execute_job, requeue_lost, run_now
from jobs.health import beat
from jobs.leases import claim
from jobs.models import Job
from processes.models import Function
from testcases.deferring import cancel_run, defer_run, is_large
from testcases.job_kinds import execute
from testcases.models import Result, Run, TestCase
from testcases.recording import RunEndedError
from testcases.runs import How, execute_run, run_test_cases, start_run
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
ORDERS = [{"customer": 1, "amount": 2.5}]
TOTALS = [{"id": 1, "total": 2.5}]


@pytest.fixture
def cases(sum_orders: Function) -> list[TestCase]:
    return [
        TestCaseFactory.create(
            function=sum_orders, name=f"case {number}", inputs={"orders": ORDERS}, outputs={"totals": TOTALS}
        )
        for number in range(3)
    ]


@pytest.fixture
def run(cases: list[TestCase]) -> Run:
    return defer_run(cases[0].application, cases)


def held(run: Run) -> JobContext:
    """The Run's Job as the worker that has just taken it sees it."""
    job = claim(run.job.pk)
    assert job is not None
    return JobContext(job, Pulse(job))


def lose(run: Run) -> None:
    """Let the lease run out, as if the worker had been killed."""
    Job.objects.filter(pk=run.job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def judged(run: Run) -> tuple[str, int, int]:
    """The state, what the Run counts, and the Results that there are."""
    run.refresh_from_db()
    return run.state, run.done, run.results.count()


def test_a_worker_executes_what_is_deferred(run):
    assert judged(run) == ("queued", 0, 0)
    job = run_now(run.job)
    assert judged(run) == ("finished", 3, 3)
    assert (job.state, job.done, job.total) == ("finished", 3, 3)
    assert job.result == {
        "run": run.pk,
        "verdict": "passed",
        "counts": {"passed": 3, "failed": 0, "error": 0, "skipped": 0},
        "page": f"/runs/{run.pk}",
    }


def test_a_case_that_is_judged_is_not_judged_again_after_its_worker_is_lost(run):
    first = held(run)
    how = How(stop_after(1), fenced=partial(first.fenced, keeps=True), resumes=True, workers=1)
    with pytest.raises(SystemExit):
        execute_run(Run.objects.get(), how)
    kept = list(run.results.values_list("pk", flat=True))
    assert judged(run) == ("running", len(kept), len(kept))
    lose(run)
    assert requeue_lost() == 1
    assert execute_job.func(run.job.pk) == "finished"
    assert judged(run) == ("finished", 3, 3)
    assert set(kept) < set(run.results.values_list("pk", flat=True))


def stop_after(count: int) -> Any:
    """Progress that ends the process, as a second SIGTERM does."""

    def tell(done: int, total: int, result: Result) -> None:
        if done >= count:
            raise SystemExit

    return tell


@pytest.fixture(autouse=True)
def results_one_by_one(monkeypatch):
    monkeypatch.setattr("testcases.recording.RESULTS_WRITTEN", 1)


def test_a_late_worker_stores_nothing(run):
    late = held(run)
    lose(run)
    requeue_lost()
    with pytest.raises(LeaseLost):
        execute(late)
    assert judged(run) == ("queued", 0, 0)
    assert run_now(run.job).state == "finished"
    with pytest.raises(LeaseLost):
        execute(late)
    assert judged(run) == ("finished", 3, 3)


def test_a_worker_that_dies_behind_its_last_result_leaves_the_run_to_be_finished(run):
    first = held(run)
    execute(first)
    lose(run)
    requeue_lost()
    assert run_now(run.job).result["verdict"] == "passed"
    assert judged(run) == ("finished", 3, 3)


def test_a_run_that_waits_is_cancelled_at_once(run):
    assert cancel_run(run).state == "cancelled"
    assert run_now(run.job).state == "cancelled"
    assert judged(run) == ("cancelled", 0, 0)


def test_a_job_that_is_cancelled_while_it_waits_cancels_its_run(run):
    cancel(run.job)
    assert judged(run) == ("cancelled", 0, 0)


@pytest.mark.parametrize(
    "moment", ["before the first case", "while a case is judged", "while results are stored", "between two cases"]
)
def test_a_run_that_is_cancelled_keeps_what_was_judged(run, monkeypatch, moment):
    context = held(run)

    def ask(*given: Any) -> None:
        cancel_run(Run.objects.get())
        context._pulse.beat()

    if moment == "before the first case":
        ask()
    elif moment == "between two cases":
        monkeypatch.setattr(context, "report", lambda **told: ask() if told.get("done") == 1 else None)
    elif moment == "while a case is judged":
        monkeypatch.setattr("testcases.running.judge", after(ask, "testcases.running.judge"))
    else:
        monkeypatch.setattr("testcases.recording.store_parts", after(ask, "testcases.recording.store_parts"))
    pulsed = execute_in_place(context)
    state, counted, stored = judged(run)
    assert state == "cancelled"
    assert counted == stored == 3
    assert run.passed == (0 if moment == "before the first case" else 1)
    assert run.results.filter(reason="cancelled").count() == run.skipped == 3 - run.passed
    assert pulsed == "cancelled"
    with pytest.raises(RunEndedError):
        cancel_run(Run.objects.with_names().get())


def after(ask: Any, path: str) -> Any:
    """What stands at the path, which asks once more before it works."""
    from django.utils.module_loading import import_string

    work = import_string(path)
    asked: list[int] = []

    def wrapped(*given: Any) -> Any:
        if not asked:
            asked.append(1)
            ask()
        return work(*given)

    return wrapped


def execute_in_place(context: JobContext) -> str:
    """What jobs.execution does with a Job that is held."""
    from jobs.context import JobCancelled
    from jobs.execution import _end

    try:
        execute(context)
    except JobCancelled:
        return _end(context.job, context._pulse, Job.State.CANCELLED)
    return "finished"


def test_a_run_that_is_deleted_stops_its_job(run):
    pk = run.pk
    run.delete()
    assert run_now(Job.objects.get()).state == "cancelled"
    assert not Result.objects.filter(run=pk).exists()


def test_a_run_whose_worker_died_too_often_is_cancelled_and_says_why(run, api):
    for _ in range(3):
        held(run)
        Run.objects.update(state="running")
        lose(run)
        requeue_lost()
    assert judged(run)[0] == "cancelled"
    page = api.get(f"/runs/{run.pk}").content.decode()
    assert "The work was given up" in page


def test_a_run_without_a_job_is_said_to_be_silent_and_can_be_cancelled(cases, api):
    run = start_run(cases[0].application, cases)
    Run.objects.update(state="running", heard_at=timezone.now())
    assert api.get(f"/api/v1/runs/{run.pk}").json()["is_silent"] is False
    Run.objects.update(heard_at=timezone.now() - timedelta(hours=1))
    assert api.get(f"/api/v1/runs/{run.pk}").json()["is_silent"] is True
    assert "may have died" in api.get(f"/runs/{run.pk}").content.decode()
    assert api.post(f"/api/v1/runs/{run.pk}/cancel").json()["state"] == "cancelled"
    refused = api.post(f"/api/v1/runs/{run.pk}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_ended")


@pytest.mark.parametrize("verb", ["cancel", "delete"])
def test_a_run_without_a_job_stops_when_somebody_else_ends_it(cases, verb):
    def end(done: int, total: int, result: Result) -> None:
        run = Run.objects.get()
        run.delete() if verb == "delete" else cancel_run(run)

    run = run_test_cases(cases[0].application, cases, progress=end, workers=1)
    assert run.state == "cancelled"
    assert Result.objects.count() == (0 if verb == "delete" else 1)


# --- who asks -------------------------------------------------------------------------------------------------------


def test_a_caller_who_prefers_not_to_wait_is_pointed_to_the_run(api: APIClient, cases: list[TestCase]) -> None:
    answer = api.post("/api/v1/runs", {"application": "test"}, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"].startswith("respond-async")
    run = answer.json()
    assert (run["state"], run["done"], run["total"]) == ("queued", 0, 3)
    assert api.get(f"/api/v1/jobs/{run['job']}").json()["state"] == "queued"
    run_now(Job.objects.get())
    assert api.get(answer["Location"]).json()["verdict"] == "passed"


@pytest.mark.parametrize("path", ["test-cases/{case.pk}/run", "functions/{case.function_id}/run"])
def test_every_way_to_run_can_be_deferred(api: APIClient, cases: list[TestCase], path: str) -> None:
    address = f"/api/v1/{path.format(case=cases[0])}"
    answer = api.post(address, headers={"Prefer": "respond-async, wait=0"})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")


def test_who_waits_is_told_of_the_end_where_it_comes_in_time(api, cases, monkeypatch) -> None:
    monkeypatch.setattr("testcases.deferring.time.sleep", lambda seconds: run_now(Job.objects.get()))
    answer = api.post("/api/v1/runs", {"application": "test"}, headers={"Prefer": "respond-async, wait=9999"})
    assert (answer.status_code, answer.json()["state"]) == (200, "finished")
    assert "wait=30" in answer.headers["Preference-Applied"]


def test_many_cases_are_left_to_a_worker_only_where_one_lives(api, cases, settings) -> None:
    settings.RUN_ASYNC_CASES = 2
    assert not is_large(cases)
    assert api.post("/api/v1/runs", {"application": "test"}).status_code == 200
    beat()
    assert is_large(cases)
    assert not is_large(cases[:2])
    assert api.post("/api/v1/runs", {"application": "test"}).status_code == 202


def test_a_case_counts_as_often_as_it_is_judged(api, cases, settings) -> None:
    settings.RUN_ASYNC_CASES = 2 * len(cases) - 1
    function = cases[0].function
    first = function.implementations.get()
    function.implementations.create(name="again", kind=first.kind, definition=first.definition)
    beat()
    assert api.post("/api/v1/runs", {"application": "test"}).status_code == 200
    answer = api.post("/api/v1/runs", {"application": "test", "implementations": ["*"]})
    assert (answer.status_code, answer.json()["total"]) == (202, 2 * len(cases))


def test_the_pages_show_a_run_that_goes_on_and_cancel_it(api, cases, settings) -> None:
    settings.RUN_ASYNC_CASES = 2
    beat()
    answer = api.post(f"/functions/{cases[0].function_id}/run")
    run = Run.objects.get()
    assert answer["Location"] == f"/runs/{run.pk}"
    page = api.get(answer["Location"]).content.decode()
    assert f'data-live="/ws/runs/{run.pk}"' in page
    assert 'http-equiv="refresh"' in page
    assert "It waits for a worker" in page
    api.post(f"/runs/{run.pk}/cancel")
    page = api.get(answer["Location"]).content.decode()
    assert "cancelled" in page
    assert "data-live" not in page
    assert api.post(f"/runs/{run.pk}/cancel", follow=True).status_code == 200


def test_the_admin_defers_and_cancels(admin_client, cases, settings) -> None:
    settings.RUN_ASYNC_CASES = 2
    beat()
    ticked = {"action": "run_selected", "_selected_action": [case.pk for case in cases]}
    answer = admin_client.post(reverse("admin:testcases_testcase_changelist"), ticked, follow=True)
    assert "3 test cases wait for a worker" in answer.content.decode()
    run = Run.objects.get()
    ticked = {"action": "cancel_selected", "_selected_action": [run.pk]}
    for words in ("1 run cancelled", "The run has ended"):
        answer = admin_client.post(reverse("admin:testcases_run_changelist"), ticked, follow=True)
        assert words in answer.content.decode()
    assert judged(run)[0] == "cancelled"
