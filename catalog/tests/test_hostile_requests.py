"""Requests that once were answered with a 500, or with what they did not ask for."""

import gzip
import html
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog import evolution, references
from catalog.contents import delete_table
from catalog.models import Table
from catalog.references import lock_tables
from catalog.tests.factories import TableFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def table() -> Table:
    names = ["Ann", "a\tb", "Zoë"]
    return TableFactory.create(name="week 1", rows=[{"id": number, "name": name} for number, name in enumerate(names)])


@pytest.fixture
def rows(table: Table) -> str:
    return f"/api/v1/tables/{table.pk}/rows"


@pytest.fixture
def browser(settings: Settings) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return Client()


@pytest.mark.parametrize("operator", ["like", "ilike", "contains", "starts_with", "eq"])
@pytest.mark.parametrize("text", ["%00", "a%00", "%00a", "a%00b", "%5C", "%25%00"])
def test_nul_in_a_filter_is_a_character_like_any_other(api: APIClient, rows: str, operator: str, text: str) -> None:
    answer = api.get(f"{rows}?name__{operator}={text}")
    assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize(
    "address",
    [
        *("{table}", "{table}/rows", "{table}/rows.csv", "{table}/rows/1", "{table}/rows/99", "{table}/rows/query"),
        *("{table}/profile", "{table}/diff", "{table}/diff.ndjson", "{table}/versions", "{table}/revert"),
        *("/api/v1/tables", "/api/v1/schemas", "/api/v1/objects/describe", "/api/v1/objects/{object}/validate"),
        *("/api/v1/records", "/api/v1/records/bulk", "/api/v1/records/x", "/api/v1/records/x/count", "{table}/nothing"),
    ],
)
def test_options_says_what_there_is(api: APIClient, table: Table, address: str) -> None:
    answer = api.options(address.format(table=f"/api/v1/tables/{table.pk}", object=table.object_id))
    assert answer.status_code in {200, 404}
    if answer.status_code == 200:
        assert answer["Allow"]
        assert {"name", "renders", "parses"} <= set(answer.json())


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [("xlsx", "x" * 32_768, "more than 32,767 characters"), ("ods", "a\x07b", "a control character in 'name'")],
)
def test_rows_that_a_format_cannot_hold_are_refused_before_the_answer_begins(
    api: APIClient, browser: Client, name: str, text: str, words: str
) -> None:
    table = TableFactory.create(rows=[{"id": 1, "name": text}])
    answer = api.get(f"/api/v1/tables/{table.pk}/rows.{name}")
    assert (answer.status_code, answer.json()["code"]) == (400, "format_limit")
    assert words in answer.json()["detail"]
    page = browser.get(f"/tables/{table.pk}/rows.{name}")
    assert page.status_code == 400
    assert words in html.unescape(page.content.decode())


@pytest.mark.parametrize("address", ["{table}/rows?dry_run=1&", "/api/v1/objects/describe?", "{object}/validate?"])
@pytest.mark.parametrize("option", ["delimiter", "quote", "escape"])
def test_any_mark_for_a_csv_is_taken_or_refused(api: APIClient, table: Table, address: str, option: str) -> None:
    place = address.format(table=f"/api/v1/tables/{table.pk}", object=f"/api/v1/objects/{table.object_id}")
    for mark in map(chr, range(0x80)):
        url = f"{place}{option}={quote(mark)}"
        answer = api.generic("POST", url, "id,name\n7,\"a'b\"\n8,c''d\n", content_type="text/csv")
        assert answer.status_code in {200, 201, 400}, mark


@pytest.mark.parametrize("sheet", ["\0", "a\0b", "x" * 200_000])
def test_a_sheet_that_no_workbook_has_is_refused(api: APIClient, table: Table, rows: str, sheet: str) -> None:
    download: Any = api.get(f"{rows}.xlsx")
    workbook: Any = b"".join(download.streaming_content)
    answer = api.generic("POST", f"{rows}.xlsx?sheet={quote(sheet)}", workbook)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/sheet")


@pytest.mark.parametrize("accepted", ["application/x-ndjson", "application/x-ndjson;profile=envelope", "text/csv"])
@pytest.mark.parametrize(
    ("verb", "address"),
    [("get", "/profile"), ("post", "/revert"), ("get", ""), ("get", "/versions"), ("get", "/rows/1")],
)
def test_what_is_json_only_is_given_in_no_other_format(
    api: APIClient, table: Table, verb: str, address: str, accepted: str
) -> None:
    answer = api.generic(
        verb.upper(),
        f"/api/v1/tables/{table.pk}{address}",
        '{"version": 1}' if verb == "post" else "",
        content_type="application/json",
        headers={"Accept": accepted},
    )
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize(("version", "expected"), [("9" * 5_000, "1"), ("1", "9" * 5_000), ("9" * 30, "1"), ("²", "1")])
def test_a_version_that_never_was_is_not_found_on_the_page(
    browser: Client, table: Table, version: str, expected: str
) -> None:
    sent = {"version": version, "expected_version": expected}
    assert browser.post(f"/tables/{table.pk}/revert", sent).status_code == 404


@pytest.mark.parametrize(
    "address", ["{table}/rows", "/api/v1/records/{name}/bulk?table=week+1", "/api/v1/tables?{new}"]
)
def test_gzipped_json_that_does_not_conform_is_told_row_by_row(api: APIClient, table: Table, address: str) -> None:
    new = f"object={table.object_id}&name=week+2"
    url = address.format(table=f"/api/v1/tables/{table.pk}", name=quote(table.object.name), new=new)
    body = gzip.compress(json.dumps([{"id": "one", "name": 2}]).encode())
    answer = api.generic("POST", url, body, "application/json", headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (400, "row_validation")
    assert answer.json()["errors"][0]["attribute"] == "id"


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete"])
def test_a_table_that_is_deleted_while_a_write_begins_is_not_found(
    api: APIClient, rows: str, table: Table, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def too_late(wanted: set[str]) -> dict[str, Table]:
        return {pk: each for pk, each in lock_tables(wanted).items() if pk != table.pk}

    monkeypatch.setattr(references, "lock_tables", too_late)
    address = rows if verb in {"post", "put"} else f"{rows}/1"
    answer = getattr(api, verb)(address, [{"id": 9}] if verb in {"post", "put"} else {"id": 9})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "was deleted" in answer.json()["detail"]


def test_a_table_that_is_deleted_while_its_object_changes_holds_nothing_up(
    api: APIClient, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TableFactory.create(object=table.object, name="week 2", rows=[{"id": 1, "name": "a"}])

    def too_late(wanted: set[str]) -> dict[str, Table]:
        delete_table(Table.objects.get(pk=other.pk))
        return lock_tables(wanted)

    monkeypatch.setattr(evolution, "lock_tables", too_late)
    more = [*table.object.definition["attributes"], {"name": "more", "type": "string"}]
    answer = api.patch(f"/api/v1/objects/{table.object_id}", {"attributes": more})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    table.refresh_from_db()
    assert (table.version, table.current.object_version.number) == (2, 2)
