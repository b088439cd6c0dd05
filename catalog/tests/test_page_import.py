"""The page that imports rows into a Table: tried first, then for good, without JavaScript."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from catalog.models import SetAside, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from jobs.execution import run_now
from jobs.health import beat
from jobs.models import Job

CSV = b"id;name;amount\n2;bob;2\nx;cy;3\n"


@pytest.fixture
def table(db: None, settings: Settings) -> Table:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return TableFactory.create(object=ObjectSchemaFactory.create(primary_key=("id",)), rows=[{"id": 1}])


@pytest.fixture
def address(table: Table) -> str:
    return f"/tables/{table.pk}/import/"


def send(client: Client, address: str, action: str, content: bytes | None = None, **fields: Any) -> tuple[int, str]:
    if content is not None:
        fields["file"] = SimpleUploadedFile("rows.csv", content)
    fields = {"mode": "append", "expected_version": "1", **fields}
    answer = client.post(address, {**fields, "action": action})
    return answer.status_code, "" if answer.streaming else answer.content.decode()


def carried(page: str) -> str:
    found = re.search(r'name="carried" value="([^"]*)"', page)
    assert found
    return found[1].replace("&quot;", '"')


def test_the_page_is_there_and_asks_for_rows(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200
    status, page = send(client, address, "check")
    assert (status, "Choose a file, or paste rows." in page) == (400, True)


def test_a_file_is_checked_first_then_imported_without_being_chosen_again(
    client: Client, address: str, table: Table
) -> None:
    status, page = send(client, address, "check", CSV, lenient="on")
    assert status == 200
    assert "<mark" in page
    assert "1 row would be set aside" in page
    assert "delimiter <code>;</code>" in page
    table.refresh_from_db()
    assert (table.version, SetAside.objects.count()) == (1, 0)
    status, _ = send(client, address, "import", carried=carried(page), lenient="on")
    table.refresh_from_db()
    assert (status, table.version, table.row_count) == (302, 2, 2)
    kept = SetAside.objects.get()
    answer = client.get(f"/tables/{table.pk}/set-aside/{kept.pk}/")
    assert b"x,cy,3" in b"".join(answer.streaming_content)  # type: ignore[attr-defined] # it is a stream
    assert f"/set-aside/{kept.pk}" in client.get(address).content.decode()


def test_the_rows_that_do_not_conform_are_downloaded_from_a_trial(client: Client, address: str) -> None:
    fields = {"mode": "append", "expected_version": "1", "file": SimpleUploadedFile("rows.csv", CSV)}
    answer = client.post(address, {**fields, "action": "download"})
    assert b"x,cy,3" in b"".join(answer.streaming_content)  # type: ignore[attr-defined] # it is a stream
    assert not SetAside.objects.exists()


def test_strictly_nothing_is_taken_and_the_errors_stand_by_cause(client: Client, address: str, table: Table) -> None:
    status, page = send(client, address, "import", CSV)
    assert (status, "type in id" in page) == (400, True)
    table.refresh_from_db()
    assert table.version == 1


def test_cells_pasted_from_a_spreadsheet_are_imported(client: Client, address: str, table: Table) -> None:
    status, _ = send(client, address, "import", pasted="id\tname\tamount\n2\tbob, jr\t2\n")
    table.refresh_from_db()
    assert (status, table.row_count) == (302, 2)


def test_rows_are_changed_by_their_primary_key(client: Client, address: str, table: Table) -> None:
    send(client, address, "import", pasted='[{"id": 1, "name": "new"}]', mode="upsert")
    table.refresh_from_db()
    assert (table.version, table.row_count, table.current.changed) == (2, 1, 1)


def test_a_table_that_moved_on_is_told_and_the_next_import_goes_on_top(
    client: Client, address: str, table: Table
) -> None:
    send(client, address, "import", pasted='[{"id": 2}]')
    status, page = send(client, address, "import", pasted='[{"id": 3}]')
    assert (status, 'name="expected_version" value="2"' in page) == (412, True)
    theirs, yours = "see what changed since version 1", "1 row would be added"
    assert ("?from=1&amp;to=2" in page, theirs in page, yours in page) == (True, True, True)
    assert send(client, address, "import", pasted='[{"id": 3}]', expected_version="2")[0] == 302


def test_a_file_for_a_table_that_moved_on_comes_along_with_what_is_wrong_with_it_now(
    client: Client, address: str, table: Table
) -> None:
    send(client, address, "import", pasted='[{"id": 2}]')
    status, page = send(client, address, "import", b"id,name,amount\n2,,\n3,,\n")
    assert (status, "nothing would be imported" in page, "Choose the file again" in page) == (412, True, False)
    status, page = send(client, address, "import", carried=carried(page), lenient="on", expected_version="2")
    table.refresh_from_db()
    assert (status, table.version, table.row_count) == (302, 3, 3)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04xxxx", b"\x1f\x8bxxxx", b"nonsense", b"\x00\x01\x02"])
def test_a_file_that_is_none_is_refused(client: Client, address: str, table: Table, content: bytes) -> None:
    for action in ("check", "import", "download"):
        assert send(client, address, action, content)[0] == 400
    table.refresh_from_db()
    assert table.version == 1


@pytest.mark.parametrize("text", ["nonsense", "{}", '{"name": "x", "options": {}, "content": "%%"}'])
def test_what_was_carried_along_may_be_damaged(client: Client, address: str, text: str) -> None:
    assert send(client, address, "import", carried=text)[0] == 400


def test_what_a_file_holds_is_escaped(client: Client, address: str) -> None:
    _, page = send(client, address, "check", b"id,name,amount\n2,<script>alert(1)</script>,1\n")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_large_file_is_left_to_a_worker_and_the_page_of_its_job_leads_to_the_table(
    client: Client, address: str, table: Table
) -> None:
    status, _ = send(client, address, "import", CSV, lenient="on", background="on", message="weekly")
    job = Job.objects.get()
    table.refresh_from_db()
    assert (status, table.version, job.state) == (302, 1, "queued")
    page = client.get(f"/jobs/{job.pk}").content.decode()
    assert "stays as it is" in page and '<meta http-equiv="refresh"' in page
    run_now(job)
    table.refresh_from_db()
    assert (table.version, table.row_count, table.current.message) == (2, 2, "weekly")
    page = client.get(f"/jobs/{job.pk}").content.decode()
    assert f'href="/tables/{table.pk}"' in page
    assert f'href="/api/v1/tables/{table.pk}/set-aside/{SetAside.objects.get().pk}.csv"' in page
    assert "1 row did not conform" in page


def test_the_page_of_a_job_that_failed_leads_back(client: Client, address: str, table: Table) -> None:
    send(client, address, "import", CSV, background="on")
    job = run_now(Job.objects.get())
    page = client.get(f"/jobs/{job.pk}").content.decode()
    assert (job.state, "Nothing was imported." in page, address.rstrip("/") in page) == ("failed", True, True)
    status, page = send(client, address, "import", CSV, background="on", expected_version="7")
    assert (status, Job.objects.count()) == (412, 1)


def test_a_file_beyond_the_limit_is_left_to_a_worker_where_one_lives(
    client: Client, address: str, table: Table, settings: Settings
) -> None:
    settings.IMPORT_ASYNC_BYTES = 3
    assert send(client, address, "import", pasted="id;name;amount\n2;x;1")[0] == 302
    beat()
    send(client, address, "import", pasted="id;name;amount\n3;x;1", expected_version="2")
    assert run_now(Job.objects.get()).result["version"] == 3
