"""Jobs over REST, on pages and in admin."""

import pytest
from django.test import Client

from jobs.execution import enqueue, run_now
from jobs.leases import claim
from jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(kind) -> Job:
    kind(lambda context: {"page": "/tables/", "rows": 3})
    return enqueue("test", {}, total=10, message="Waiting.")


def test_a_job_is_read_and_listed(api, waiting):
    answer = api.get(f"/api/v1/jobs/{waiting.pk}").json()
    assert (answer["state"], answer["done"], answer["total"], answer["message"]) == ("queued", 0, 10, "Waiting.")
    assert "arguments" not in answer
    assert api.get("/api/v1/jobs?state=queued&kind=test&search=wait").json()["results"] == [answer]
    assert api.get("/api/v1/jobs?state=failed").json()["count"] == 0


@pytest.mark.parametrize("query", ["state=paused", "status=queued", "ordering=token", "kind__in=a"])
def test_an_unknown_filter_is_refused(api, query):
    assert api.get(f"/api/v1/jobs?{query}").status_code == 400


def test_a_waiting_job_is_cancelled(api, waiting):
    answer = api.post(f"/api/v1/jobs/{waiting.pk}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert api.post(f"/api/v1/jobs/{waiting.pk}/cancel").status_code == 200


def test_a_running_job_is_asked_to_stop(api, waiting):
    claim(waiting.pk)
    answer = api.post(f"/api/v1/jobs/{waiting.pk}/cancel").json()
    assert (answer["state"], answer["is_cancelling"]) == ("running", True)


def test_a_job_that_has_ended_is_not_cancelled(api, waiting):
    run_now(waiting)
    answer = api.post(f"/api/v1/jobs/{waiting.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_ended")


def test_an_unknown_job_is_not_found(api):
    assert api.get(f"/api/v1/jobs/{'0' * 26}").status_code == 404
    assert api.post(f"/api/v1/jobs/{'0' * 26}/cancel").status_code == 404


def test_only_who_is_signed_in_reads_where_the_site_is_private(settings, waiting, api):
    settings.API_ACCESS = "private"
    assert api.get("/api/v1/jobs").status_code in {401, 403}
    assert Client().get("/jobs/").status_code == 302


def test_the_page_follows_a_job_until_it_has_ended(client, api, waiting):
    page = client.get(f"/jobs/{waiting.pk}").content.decode()
    assert f'data-live="/ws/jobs/{waiting.pk}"' in page
    assert 'http-equiv="refresh"' in page
    run_now(waiting)
    page = client.get(f"/jobs/{waiting.pk}").content.decode()
    assert "data-live=" not in page
    assert 'http-equiv="refresh"' not in page
    assert '<a href="/tables/">' in page


def test_the_page_cancels_a_job(client, api, waiting):
    assert "The job is cancelled." in client.post(f"/jobs/{waiting.pk}/cancel", follow=True).content.decode()
    run_now(waiting)
    assert "already" not in client.post(f"/jobs/{waiting.pk}/cancel", follow=True).content.decode()


def test_the_list_shows_jobs_and_says_so_where_there_is_none(client, api, waiting):
    assert "Waiting." in client.get("/jobs/").content.decode()
    assert "No job fits." in client.get("/jobs/?state=failed").content.decode()
    Job.objects.all().delete()
    assert "Nothing has taken long yet" in client.get("/jobs/").content.decode()


def test_a_failed_job_says_why(client, api, kind):
    def work(context):
        raise RuntimeError

    kind(work, "failing")
    job = run_now(enqueue("failing", {}))
    assert "Internal error" in client.get(f"/jobs/{job.pk}").content.decode()
    assert "finds it in the log" in client.get("/jobs/").content.decode()


def test_a_curator_looks_and_cancels(admin_client, waiting):
    change = f"/admin/jobs/job/{waiting.pk}/change/"
    assert admin_client.get(change).status_code == 200
    assert admin_client.get("/admin/jobs/job/add/").status_code == 403
    chosen = {"action": "cancel_selected", "_selected_action": [waiting.pk]}
    assert b"1 job cancelled." in admin_client.post("/admin/jobs/job/", chosen, follow=True).content
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"
    Job.objects.update(state="finished")
    assert b"has finished already" in admin_client.post("/admin/jobs/job/", chosen, follow=True).content
