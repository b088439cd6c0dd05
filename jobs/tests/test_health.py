"""Whether somebody does the jobs, as /health says it; old jobs are pruned."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from jobs import registry
from jobs.execution import enqueue, run_now
from jobs.health import beat, forget_silent, has_workers, leave
from jobs.keeping import Keeper
from jobs.models import Heartbeat, Job
from jobs.registry import chore

pytestmark = pytest.mark.django_db
LONG = timedelta(days=3)


def workers(api: APIClient) -> tuple[int, str]:
    answer = api.get("/health")
    return answer.status_code, answer.json()["checks"]["workers"]


def prune(*arguments: str) -> str:
    told = StringIO()
    call_command("prune_jobs", *arguments, stdout=told)
    return told.getvalue().strip()


def test_health_says_whether_a_worker_is_heard_of(api: APIClient) -> None:
    assert workers(api) == (200, "absent")
    beat()
    beat()
    assert (workers(api), Heartbeat.objects.count(), has_workers()) == ((200, "ok"), 1, True)
    leave()
    assert workers(api) == (200, "absent")


def test_jobs_that_nobody_takes_are_a_fault(api: APIClient, kind: Any) -> None:
    kind(lambda context: None)
    enqueue("test", {})
    assert workers(api) == (200, "absent")
    Job.objects.update(created_at=timezone.now() - LONG)
    assert workers(api) == (503, "down: 1 job waiting, and no worker was heard of for 60 seconds")
    beat()
    assert workers(api) == (200, "ok")


def test_a_worker_that_was_killed_is_not_taken_for_living(api: APIClient) -> None:
    beat()
    Heartbeat.objects.update(at=timezone.now() - LONG)
    assert (workers(api), has_workers()) == ((200, "absent"), False)
    forget_silent()
    assert Heartbeat.objects.count() == 0


def test_a_worker_does_the_chores_of_all_apps_when_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(registry, "_chores", [])
    chore(lambda: done.append("swept"))
    keeper = Keeper()
    keeper.look()
    keeper.look()
    assert done == ["swept"]


def test_old_jobs_are_pruned_and_others_stay(kind: Any) -> None:
    kind(lambda context: None)
    old, new, waiting = (enqueue("test", {}) for _ in range(3))
    for job in (old, new):
        run_now(job)
    Job.objects.filter(pk=old.pk).update(finished_at=timezone.now() - LONG)
    Job.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - LONG)
    assert prune("--keep-days", "1", "--dry-run") == "Would go: 1 job."
    assert prune("--keep-days", "1") == "Gone: 1 job."
    assert set(Job.objects.values_list("pk", flat=True)) == {new.pk, waiting.pk}
    with pytest.raises(CommandError, match="from 0"):
        prune("--keep-days", "-1")
