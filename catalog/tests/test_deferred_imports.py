"""Imports that are left to a worker: accepted with 202, done once or not at all."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog import job_kinds, staged_uploads
from catalog.models import ObjectSchema, StagedChunk, StagedUpload, Table
from catalog.querysets import ABANDONED
from catalog.staged_uploads import stage, sweep
from catalog.tests.factories import ATTRIBUTES, ObjectSchemaFactory, TableFactory
from jobs.context import LeaseLost
from jobs.execution import cancel, execute_job, run_now
from jobs.health import beat
from jobs.models import Job

pytestmark = pytest.mark.django_db
ASYNC = {"Prefer": "respond-async"}
NDJSON = "application/x-ndjson"


@pytest.fixture
def shape() -> ObjectSchema:
    """Its files may leave attributes out."""
    definition = {"attributes": list(ATTRIBUTES), "primaryKey": ["id"], "fieldsMatch": "superset"}
    return ObjectSchemaFactory.create(definition=definition)


@pytest.fixture
def table(shape: ObjectSchema) -> Table:
    return TableFactory.create(object=shape, rows=[{"id": 1, "name": "ann"}])


@pytest.fixture
def rows(table: Table) -> str:
    return f"/api/v1/tables/{table.pk}/rows"


def send(api: APIClient, address: str, body: Any, content_type: str = "text/csv", **headers: str) -> Job:
    """Send rows to be imported by a worker; the Job that was answered."""
    answer = api.post(address, body, content_type=content_type, headers={**ASYNC, **headers})
    assert answer.status_code == 202, answer.content
    assert answer["Location"].endswith(f"/api/v1/jobs/{answer.json()['id']}")
    assert "respond-async" in answer["Preference-Applied"].split(", ")
    return Job.objects.get(pk=answer.json()["id"])


def done(job: Job) -> Job:
    job = run_now(job)
    assert StagedChunk.objects.count() == 0
    return job


def shown(api: APIClient, table: Table) -> tuple[int, list[Any]]:
    read = api.get(f"/api/v1/tables/{table.pk}").json()
    return read["version"], [row["id"] for row in read["rows"]]


# --- accepted and done ----------------------------------------------------------------------------------------------


def test_rows_are_imported_by_the_job_and_not_before(api: APIClient, table: Table, rows: str) -> None:
    job = send(api, rows, "id,name\n2,bob\n3,cy\n")
    assert (shown(api, table), job.state, job.total) == ((1, [1]), "queued", 19)
    job = done(job)
    assert shown(api, table) == (2, [1, 2, 3])
    assert (job.state, job.done, job.message) == ("finished", 19, "2 rows added: the table is at version 2.")
    assert job.result == {
        "table": table.pk,
        "version": 2,
        "counts": {"read": 2, "added": 2, "changed": 0, "removed": 0, "rejected": 0},
        "set_aside": None,
        "report": None,
        "page": f"/tables/{table.pk}",
    }


def test_the_one_who_sent_the_rows_is_the_author(client: Any, table: Table, rows: str) -> None:
    ann = User.objects.create_user("ann")
    client.force_login(ann)
    answer = client.post(rows, "id\n2\n", content_type="text/csv", headers=ASYNC)
    assert done(Job.objects.get(pk=answer.json()["id"])).created_by == ann
    assert Table.objects.get(pk=table.pk).current.created_by == ann


@pytest.mark.parametrize(
    ("body", "content_type", "suffix"),
    [
        ('[{"id": 2, "amount": 1.10}]', "application/json", ""),
        ('{"rows": [{"id": 2, "amount": 1.10}]}', "application/json", ""),
        ('{"id": 2, "amount": 1.10}\n', NDJSON, ""),
        (gzip.compress(b"id;amount\n2;1.10\n", mtime=0), "application/gzip", "?format=csv&delimiter=%3B"),
        ("2;1.10\n", "application/octet-stream", ".csv?delimiter=%3B&header=id,amount"),
    ],
)
def test_rows_come_in_every_form(
    api: APIClient, table: Table, rows: str, body: Any, content_type: str, suffix: str
) -> None:
    if "header" in suffix:
        body = f"x;y\n{body}"
    assert done(send(api, rows + suffix, body, content_type)).state == "finished"
    found = api.get(f"{rows}?decimals=string&ordering=-id").json()["results"][0]
    assert (found["id"], found["amount"]) == (2, "1.10")


def test_a_file_of_many_chunks_comes_whole(
    api: APIClient, table: Table, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staged_uploads, "CHUNK_BYTES", 7)
    monkeypatch.setattr(staged_uploads, "DELETED_AT_ONCE", 2)
    file = SimpleUploadedFile("rows.csv", b"id,name\n" + b"".join(b"%d,x\n" % number for number in range(2, 40)))
    answer = api.post(rows, {"file": file}, format="multipart", headers=ASYNC)
    job = Job.objects.get(pk=answer.json()["id"])
    assert StagedChunk.objects.count() > 10
    assert done(job).result["counts"]["added"] == 38
    assert shown(api, table)[1] == list(range(1, 40))


def test_an_empty_list_in_place_of_all_rows_deletes_them(api: APIClient, table: Table, rows: str) -> None:
    answer = api.put(rows, [], headers=ASYNC)
    assert done(Job.objects.get(pk=answer.json()["id"])).result["counts"]["removed"] == 1
    assert shown(api, table) == (2, [])


def test_rows_are_put_in_place_by_key_and_the_others_set_aside(api: APIClient, table: Table, rows: str) -> None:
    prefer = "respond-async, resolution=merge-duplicates; x=1, handling=lenient"
    answer = api.post(rows, "id,name\n1,eve\nx,cy\n", content_type="text/csv", headers={"Prefer": prefer})
    applied = "resolution=merge-duplicates, handling=lenient, respond-async"
    assert (answer.status_code, answer["Preference-Applied"]) == (202, applied)
    job = done(Job.objects.get(pk=answer.json()["id"]))
    assert job.result["counts"] == {"read": 2, "added": 0, "changed": 1, "removed": 0, "rejected": 1}
    report = job.result["report"]
    assert (report["error_count"], report["errors_truncated"], report["errors"][0]["code"]) == (1, False, "type")
    file = b"".join(api.get(job.result["set_aside"]).streaming_content)  # type: ignore[attr-defined]
    assert b"x,cy" in file


def test_a_table_is_made_by_the_job(api: APIClient, shape: ObjectSchema) -> None:
    job = done(send(api, f"/api/v1/tables?object={shape.pk}&name=week+2&description=d", "id\n5\n"))
    made = Table.objects.get(name="week 2")
    assert (job.result["table"], made.row_count, made.description) == (made.pk, 1, "d")
    body = {"object": shape.pk, "name": "week 3", "rows": [{"id": 1}, {"id": 2}]}
    answer = api.post("/api/v1/tables", body, headers=ASYNC)
    assert done(Job.objects.get(pk=answer.json()["id"])).state == "finished"
    assert Table.objects.get(name="week 3").row_count == 2


def test_a_large_body_is_left_to_a_worker_where_one_lives(api: APIClient, rows: str, settings: Settings) -> None:
    settings.IMPORT_ASYNC_BYTES = 10
    body = "id,name\n2,bob\n"
    assert api.post(rows, body, content_type="text/csv").status_code == 201
    beat()
    answer = api.post(rows, body.replace("2", "3"), content_type="text/csv")
    assert (answer.status_code, "Preference-Applied" in answer) == (202, False)
    assert api.post(rows, "id\n4\n", content_type="text/csv").status_code == 201
    assert api.post(f"{rows}?dry_run=1", body, content_type="text/csv").status_code == 400
    assert done(Job.objects.get()).state == "finished"


# --- refused --------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_the_request_is_said_at_once(api: APIClient, table: Table, rows: str) -> None:
    taken = f"/api/v1/tables?object={table.object_id}&name={table.name.replace(' ', '+')}"
    for address, body, content_type, headers, status in (
        (rows, "id\n2\n", "text/csv", {"If-Match": '"7"'}, 412),
        (rows, "id\n2\n", "image/png", {}, 415),
        (f"{rows}?delimiter=abc", "id\n2\n", "text/csv", {}, 400),
        (f"{rows}?unknown=1", "id\n2\n", "text/csv", {}, 400),
        (rows, '{"id": 2}', "application/json", {}, 400),
        (rows.replace(table.pk, "01JD4Y3Z8Q6V5T2W9X7R1N0MKB"), "id\n2\n", "text/csv", {}, 404),
        (taken, "id\n2\n", "text/csv", {}, 409),
        ("/api/v1/tables?name=x", "id\n2\n", "text/csv", {}, 400),
    ):
        answer = api.post(address, body, content_type=content_type, headers={**ASYNC, **headers})
        assert answer.status_code == status, (address, answer.content)
    assert (Job.objects.count(), StagedUpload.objects.count()) == (0, 0)


def test_a_body_beyond_the_limit_leaves_nothing(api: APIClient, rows: str, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 5
    answer = api.post(rows, "id,name\n2,bob\n", content_type="text/csv", headers=ASYNC)
    assert (answer.status_code, StagedUpload.objects.count(), Job.objects.count()) == (413, 0, 0)


def test_rows_that_do_not_conform_fail_the_job_as_the_answer_would_have(
    api: APIClient, table: Table, rows: str
) -> None:
    body = "id,name\nx,bob\n1,cy\n"
    answered = api.post(rows, body, content_type="text/csv").json()
    job = done(send(api, rows, body))
    assert (job.state, shown(api, table)) == ("failed", (1, [1]))
    same = {name: value for name, value in job.error.items() if name != "request_id"}
    assert same == {name: answered[name] for name in same}
    assert job.error["errors"][0]["line"] == 2


def test_the_errors_of_a_job_are_few_and_counted_all(api: APIClient, rows: str) -> None:
    job = done(send(api, rows, "id\n" + "x\n" * 500))
    assert (job.error["error_count"], len(job.error["errors"]), job.error["errors_truncated"]) == (500, 100, True)
    prefer = "respond-async, handling=lenient"
    job = done(send(api, rows, "id,name\n9,\n" + f"x,{'y' * 400}\n" * 500, Prefer=prefer))
    report = job.result["report"]
    assert (report["error_count"], report["errors_truncated"]) == (500, True)


def test_a_job_tells_nobody_the_values_of_sensitive_attributes(api: APIClient) -> None:
    attributes = [*ATTRIBUTES[:1], {"name": "pin", "type": "integer", "sensitive": True}]
    table = TableFactory.create(object=ObjectSchemaFactory.create(attributes=attributes))
    job = done(send(api, f"/api/v1/tables/{table.pk}/rows", "id,pin\n1,secret\n"))
    assert "secret" not in str(job.error)
    assert job.error["errors"][0]["code"] == "type"


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [(b"PK\x03\x04", "text/csv", "malformed"), ("not json", "application/json", ""), ("{", NDJSON, "")],
)
def test_a_file_that_cannot_be_read_fails_the_job_or_is_refused(
    api: APIClient, table: Table, rows: str, body: Any, content_type: str, code: str
) -> None:
    answer = api.post(rows, body, content_type=content_type, headers=ASYNC)
    if answer.status_code == 202:
        job = done(Job.objects.get(pk=answer.json()["id"]))
        assert (job.state, job.error["status"]) == ("failed", 400)
        assert not code or job.error["code"] == code
    else:
        assert answer.status_code == 400
    assert shown(api, table) == (1, [1])


def test_who_expects_a_version_is_refused_when_another_came_first(api: APIClient, table: Table, rows: str) -> None:
    first, second = (send(api, rows, f"id\n{number}\n", **{"If-Match": '"1"'}) for number in (2, 3))
    assert done(first).state == "finished" if StagedUpload.objects.count() == 1 else run_now(first).state == "finished"
    second = done(second)
    assert (second.state, second.error["status"], second.error["code"]) == ("failed", 412, "stale_version")
    assert shown(api, table) == (2, [1, 2])


def test_a_name_that_is_taken_meanwhile_fails_the_job(api: APIClient, shape: ObjectSchema) -> None:
    job = send(api, f"/api/v1/tables?object={shape.pk}&name=week", "id\n5\n")
    TableFactory.create(object=shape, name="week")
    job = done(job)
    assert (job.state, job.error["code"], job.error["status"]) == ("failed", "name_taken", 409)


def test_a_table_that_is_deleted_meanwhile_fails_the_job(api: APIClient, table: Table, rows: str) -> None:
    job = send(api, rows, "id\n5\n")
    table.delete()
    job = done(job)
    assert (job.state, job.error["status"]) == ("failed", 404)


# --- once, or not at all --------------------------------------------------------------------------------------------


def test_an_idempotency_key_makes_one_job(api: APIClient, rows: str) -> None:
    key = {"Idempotency-Key": "k1"}
    first, second = send(api, rows, "id\n2\n", **key), send(api, rows, "id\n2\n", **key)
    assert first == second
    assert (Job.objects.count(), StagedUpload.objects.count()) == (1, 1)


def test_a_job_that_was_cancelled_leaves_nothing(api: APIClient, table: Table, rows: str) -> None:
    job = send(api, rows, "id\n2\n")
    cancel(job)
    assert run_now(job).state == "cancelled"
    sweep()
    assert (StagedUpload.objects.count(), shown(api, table)) == (0, (1, [1]))


def interrupted(monkeypatch: pytest.MonkeyPatch, interrupt: Callable[[Job], Any]) -> None:
    """Before the commit of the next import, once: something happens to its Job."""
    settle = job_kinds._Import._settle

    def first(self: Any, imported: Any) -> None:
        monkeypatch.setattr(job_kinds._Import, "_settle", settle)
        interrupt(self.context.job)
        settle(self, imported)

    monkeypatch.setattr(job_kinds._Import, "_settle", first)


def test_a_job_that_is_cancelled_before_its_commit_leaves_nothing(
    api: APIClient, table: Table, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In these tests all is one transaction, and what is asked for within the import's own goes with it.
    interrupted(monkeypatch, lambda job: Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now()))
    job = run_now(send(api, rows, "id\n2\n"))
    assert (job.state, shown(api, table)) == ("cancelled", (1, [1]))


def test_a_late_worker_writes_nothing(api: APIClient, table: Table, rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch, lambda job: Job.objects.filter(pk=job.pk).update(token="another"))
    job = send(api, rows, "id\n2\n")
    assert execute_job.func(job.pk) == "lost"
    assert shown(api, table) == (1, [1])
    assert StagedChunk.objects.count() == 1  # the other worker reads it
    Job.objects.filter(pk=job.pk).update(state="queued")
    assert (done(job).state, shown(api, table)) == ("finished", (2, [1, 2]))


def test_a_job_that_was_committed_is_not_done_again(
    api: APIClient, table: Table, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: Any) -> None:
        raise LeaseLost

    job = send(api, rows, "id\n2\n")
    with monkeypatch.context() as patched:
        patched.setattr(job_kinds, "_let_go", killed)
        assert execute_job.func(job.pk) == "lost"
    Job.objects.filter(pk=job.pk).update(state="queued")
    job = done(job)
    assert (job.state, job.attempt, job.result["version"]) == ("finished", 2, 2)
    assert shown(api, table) == (2, [1, 2])


def test_what_is_left_over_is_swept(api: APIClient, rows: str, tmp_path: Any) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"x" * 10)
    with path.open("rb") as stream:
        old, new = stage(stream), stage(stream)
    StagedUpload.objects.filter(pk=old.pk).update(created_at=timezone.now() - 2 * ABANDONED)
    ended, waiting = send(api, rows, "id\n2\n"), send(api, rows, "id\n3\n")
    run_now(ended)
    sweep()
    kept = set(StagedUpload.objects.values_list("pk", flat=True))
    assert kept == {new.pk, StagedUpload.objects.get(job=waiting).pk}
    assert StagedChunk.objects.count() == 2


def test_a_file_that_is_gone_fails_the_job(api: APIClient, rows: str) -> None:
    job = send(api, rows, "id\n2\n")
    StagedChunk.objects.all().delete()
    job = done(job)
    assert (job.state, job.error["code"], job.error["status"]) == ("failed", "upload_gone", 410)


def test_files_kept_for_imports_are_no_table_on_first_use(api: APIClient, shape: ObjectSchema) -> None:
    answer = api.post(f"/api/v1/records/{shape.name}/bulk", [{"id": 1}], headers=ASYNC)
    assert (answer.status_code, Job.objects.count()) == (201, 0)


def test_openapi_tells_of_the_answer(api: APIClient) -> None:
    paths = api.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()["paths"]
    for path, method in (("/api/v1/tables", "post"), ("/api/v1/tables/{table_id}/rows", "put")):
        assert "202" in paths[path][method]["responses"]
