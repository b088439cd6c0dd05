"""`Idempotency-Key`: the first answer is kept, and nothing is done twice."""

import os
import socket
import subprocess
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema, Table
from catalog.tests.factories import TableFactory
from config import idempotency
from config.api.serializers import CheckedSerializer
from config.models import KeptAnswer

ADDRESS = "/api/v1/applications"


def post(api: APIClient, key: str, body: Any, address: str = ADDRESS, **options: Any) -> Any:
    return api.post(address, body, headers={"Idempotency-Key": key}, **options)


def test_a_repetition_gets_the_first_answer_and_does_nothing(api: APIClient) -> None:
    first = post(api, "k1", {"name": "shop"})
    again = post(api, "k1", {"name": "shop"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Location"] == first["Location"]
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Application.objects.filter(name="shop").count() == 1


def test_a_refusal_is_kept_too(api: APIClient) -> None:
    post(api, "k1", {"name": ""})
    again = post(api, "k1", {"name": ""})
    assert (again.status_code, again["Idempotency-Replayed"]) == (400, "true")
    assert again["Content-Type"] == "application/problem+json"


def test_the_same_key_with_another_body_is_refused(api: APIClient) -> None:
    post(api, "k1", {"name": "shop"})
    other = post(api, "k1", {"name": "stall"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert not Application.objects.filter(name="stall").exists()


def test_the_same_key_with_another_query_is_another_request(api: APIClient) -> None:
    table = TableFactory.create()
    address = f"/api/v1/tables/{table.pk}/rows"
    post(api, "k1", [{"id": 1}], address)
    assert post(api, "k1", [{"id": 1}], f"{address}?x=1").status_code == 422


def test_a_key_counts_per_path_and_caller(api: APIClient) -> None:
    post(api, "k1", {"name": "shop"})
    table = TableFactory.create()
    assert post(api, "k1", [{"id": 1}], f"/api/v1/tables/{table.pk}/rows").status_code == 201
    api.force_login(get_user_model().objects.create_user("ann"))
    assert post(api, "k1", {"name": "stall"}).status_code == 201


def test_a_file_of_rows_is_appended_once(api: APIClient) -> None:
    table = TableFactory.create()
    for _ in range(2):
        lines = b'{"id": 1}\n' * 3
        answer = post(api, "k", lines, f"/api/v1/tables/{table.pk}/rows", content_type="application/x-ndjson")
        assert answer.status_code == 201, answer.content
        assert answer.json()["added"] == 3
    table.refresh_from_db()
    assert (table.version, table.row_count) == (2, 3)


def test_a_key_that_is_being_worked_on_is_in_flight(api: APIClient) -> None:
    post(api, "k1", {"name": "shop"})
    KeptAnswer.objects.update(status=None)
    answer = post(api, "k1", {"name": "shop"})
    assert (answer.status_code, answer.json()["code"]) == (409, "in_flight")


def test_the_claim_of_a_process_that_died_is_taken_over(api: APIClient) -> None:
    post(api, "k1", {"name": "shop"})
    KeptAnswer.objects.update(status=None, leased_until=timezone.now() - timedelta(seconds=1))
    answer = post(api, "k1", {"name": "stall"})
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer
    assert post(api, "k1", {"name": "stall"})["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("gone", ["earlier life of this process", "another process"])
def test_the_claim_of_a_process_that_is_gone_from_this_host_is_taken_over_at_once(api: APIClient, gone: str) -> None:
    with subprocess.Popen(["true"]) as other:
        other.wait()
    mine, host = str(os.getpid()), socket.gethostname()
    post(api, "k1", {"name": "shop"})
    KeptAnswer.objects.update(status=None, owner=f"x:{mine if 'this' in gone else other.pid}:{host}")
    assert post(api, "k1", {"name": "stall"}).status_code == 201


@pytest.mark.parametrize("owner", ["x:999999999:elsewhere", f"x:{os.getppid()}:{socket.gethostname()}", "", "x:y"])
def test_a_claim_whose_process_may_live_is_held(api: APIClient, owner: str) -> None:
    post(api, "k1", {"name": "shop"})
    KeptAnswer.objects.update(status=None, owner=owner)
    assert post(api, "k1", {"name": "shop"}).status_code == 409


@pytest.mark.parametrize("what", ["applications", "objects", "tables", "rows", "records"])
def test_work_that_was_committed_is_not_done_again_though_its_answer_was_lost(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    table = TableFactory.create()
    shape = {"application": table.object.application.name, "name": "more", "attributes": [{"name": "a", "type": "any"}]}
    address, body = {
        "applications": (ADDRESS, {"name": "shop"}),
        "objects": ("/api/v1/objects", shape),
        "tables": ("/api/v1/tables", {"object": table.object_id, "name": "more", "rows": [{"id": 7}]}),
        "rows": (f"/api/v1/tables/{table.pk}/rows", [{"id": 7}]),
        "records": (f"/api/v1/records/{table.object.name}", {"id": 7}),
    }[what]

    def die(*args: Any) -> None:
        raise KeyboardInterrupt

    def state() -> Any:
        versions = sum(Table.objects.values_list("version", flat=True))
        return Application.objects.count(), ObjectSchema.objects.count(), Table.objects.count(), versions

    before = state()
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "_keep", die)
        broken.setattr(idempotency, "_release", die)
        with pytest.raises(KeyboardInterrupt):
            post(api, "k1", body, address)
    done = state()
    assert done != before
    assert post(api, "k1", body, address).status_code == 409
    KeptAnswer.objects.update(owner=f"x:{os.getpid()}:{socket.gethostname()}")
    again = post(api, "k1", body, address)
    assert (again.status_code, again["Idempotency-Replayed"], again.json()) == (200, "true", {"body_kept": False})
    assert state() == done


def test_a_dry_run_leaves_no_work_done(api: APIClient) -> None:
    table = TableFactory.create()
    answer = post(api, "k1", [{"id": 7}], f"/api/v1/tables/{table.pk}/rows?dry_run=1")
    assert post(api, "k1", [{"id": 7}], f"/api/v1/tables/{table.pk}/rows?dry_run=1").json() == answer.json()
    table.refresh_from_db()
    assert table.version == 1


def test_who_lost_the_claim_commits_nothing(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CheckedSerializer.store

    def slow(*args: Any) -> None:
        store(*args)
        KeptAnswer.objects.update(leased_until=timezone.now() + timedelta(hours=1))  # another took it over

    monkeypatch.setattr(CheckedSerializer, "store", slow)
    answer = post(api, "k1", {"name": "shop"})
    assert (answer.status_code, answer.json()["code"]) == (409, "in_flight")
    assert not Application.objects.filter(name="shop").exists()


def test_an_answer_is_kept_for_a_day(api: APIClient) -> None:
    post(api, "k1", {"name": "shop"})
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post(api, "k1", {"name": "stall"}).status_code == 201
    assert KeptAnswer.objects.count() == 1


def test_a_fault_of_ours_is_not_kept(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("a fault")

    api.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(Application, "save", fail)
        assert post(api, "k1", {"name": "shop"}).status_code == 500
    assert post(api, "k1", {"name": "shop"}).status_code == 201


def test_a_body_too_large_to_keep_is_answered_by_status_and_headers(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "KEPT_BYTES", 10)
    first = post(api, "k1", {"name": "shop"})
    again = post(api, "k1", {"name": "shop"})
    assert (again.status_code, again["Location"]) == (201, first["Location"])
    assert again.json() == {"body_kept": False}


def test_one_key_is_claimed_once(db: None) -> None:
    first, _ = idempotency.claimed("a", "b")
    second, kept = idempotency.claimed("a", "b")
    assert first is not None
    assert second is None
    assert kept == first


@pytest.mark.parametrize("key", ["", "x" * 256, "é"])
def test_a_key_that_is_no_key_is_refused(api: APIClient, key: str) -> None:
    assert post(api, key, {"name": "shop"}).status_code == 400
    assert not Application.objects.filter(name="shop").exists()


def test_who_may_not_come_in_claims_nothing(db: None, client: Any) -> None:
    assert client.post(ADDRESS, {}, headers={"Idempotency-Key": "k"}).status_code == 401
    assert not KeptAnswer.objects.exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share one SQLite connection in tests")
@pytest.mark.django_db(transaction=True)
def test_of_two_requests_at_once_one_does_the_work(api: APIClient) -> None:
    table = TableFactory.create()
    statuses = []

    def send() -> None:
        try:
            answer = post(APIClient(), "k", [{"id": 1}], f"/api/v1/tables/{table.pk}/rows")
            statuses.append(answer.status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 201 in statuses
    assert set(statuses) <= {201, 409}
    assert Table.objects.get(pk=table.pk).row_count == 1
