"""A diff applied to the rows of a Table over REST."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from catalog.contents import append_rows, delete_rows, update_rows
from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db
ROWS = ['{"id": 1, "name": "a", "amount": 1.50}', '{"id": 2, "name": ""}', '{"id": 3}']


@pytest.fixture
def table(db: None) -> Table:
    return TableFactory.create(rows=ROWS)


def send(api: APIClient, table: Table, lines: list[Any], rest: str = "", **headers: str) -> HttpResponse:
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return api.post(
        f"/api/v1/tables/{table.pk}/patch{rest}", body, content_type="application/x-ndjson", headers=headers
    )


def rows_of(api: APIClient, table: Table) -> list[Any]:
    return api.get(f"/api/v1/tables/{table.pk}/rows?limit=1000").json()["results"]


def test_what_happened_to_a_table_happens_to_its_copy_in_one_version(api: APIClient, table: Table) -> None:
    other = TableFactory.create(object=table.object, rows=ROWS)
    update_rows(table, [1], json_rows(['{"amount": 12345678.25, "name": null}']), [["amount", "name"]])
    delete_rows(table, [2])
    append_rows(table, json_rows([{"id": 7, "name": "new"}]))
    diff = b"".join(api.get(f"/api/v1/tables/{table.pk}/diff.ndjson?from=1").streaming_content).decode()
    answer = send(api, other, diff.splitlines(), **{"If-Match": '"1"'})
    body = answer.json()
    assert (answer.status_code, answer["ETag"], body["version"]) == (200, '"2"', 2)
    assert (body["added"], body["changed"], body["removed"], body["first_row_id"]) == (1, 1, 1, 4)
    assert rows_of(api, other) == rows_of(api, table)
    again = send(api, other, diff.splitlines())
    assert (again.status_code, again.json()["code"]) == (409, "patch_conflict")
    assert {(each["row"], each["code"]) for each in again.json()["errors"]} == {
        (1, "patch_conflict"),
        (2, "patch_conflict"),
    }
    assert "row 2 is not there" in again.json()["detail"]


def test_the_words_of_a_verdict_are_taken_too(api: APIClient, table: Table) -> None:
    lines = [
        {"class": "changed", "expected_id": 1, "cells": {"amount": {"expected": 1.5, "actual": None}}},
        {"class": "missing", "expected_id": 3, "row": {"id": 3}},
        {"class": "unexpected", "row": {"id": 4}},
    ]
    assert send(api, table, lines).status_code == 200
    assert [(row["_id"], row["id"], row["amount"]) for row in rows_of(api, table)] == [
        (1, 1, None),
        (2, 2, None),
        (4, 4, None),
    ]


def test_a_trial_and_a_stale_patch_change_nothing(api: APIClient, table: Table) -> None:
    line = {"class": "removed", "_id": 1, "row": {}}
    answer = send(api, table, [line], "?dry_run=1")
    assert (answer.status_code, answer.json()["dry_run"], answer.json()["removed"]) == (200, True, 1)
    assert send(api, table, [line], **{"If-Match": '"9"'}).status_code == 412
    table.refresh_from_db()
    assert (table.version, table.row_count) == (1, 3)


def test_the_rules_of_the_object_hold(api: APIClient) -> None:
    shape = ObjectSchemaFactory.create(
        attributes=[
            {"name": "id", "type": "integer"},
            {"name": "line", "type": "integer", "constraints": {"maximum": 9}},
            {"name": "r", "type": "object"},
        ],
        primary_key=["id"],
    )
    table = TableFactory.create(object=shape, rows=[{"id": 1, "line": 1}, {"id": 2, "r": {"a": [1.5, None]}}])
    too_large = {"class": "changed", "_id": 1, "cells": {"line": {"old": 1, "new": 10}}}
    answer = send(api, table, [{"class": "added", "row": {"id": 5}}, too_large])
    assert (answer.status_code, answer.json()["code"], answer.json()["errors"][0]["row"]) == (400, "row_validation", 2)
    answer = send(api, table, [{"class": "added", "row": {"id": 2}}])
    assert answer.json()["errors"][0]["code"] == "primary_key"
    swapped = [{"class": "removed", "_id": 2, "row": {"id": 2, "r": {"a": [1.5, None]}}}]
    assert send(api, table, [*swapped, {"class": "added", "row": {"id": 2, "r": {"b": 2}}}]).status_code == 200
    assert rows_of(api, table)[1] == {"_id": 3, "id": 2, "line": None, "r": {"b": 2}}
    gone = [{"class": "removed", "_id": row, "row": {}} for row in (1, 3)]
    assert send(api, table, gone).json()["row_count"] == 0


@pytest.mark.parametrize(
    ("line", "status", "code", "words"),
    [
        ("{", 400, "invalid_patch", "Line 1"),
        ({"class": "added", "row": {"id": "x"}}, 400, "invalid_patch", "'x' is no integer, as 'id' is"),
        ({"class": "added", "row": {"idd": 1}}, 400, "invalid_patch", "did you mean 'id'?"),
        ({"class": "removed", "_id": 99, "row": {}}, 409, "patch_conflict", "row 99 is not there"),
    ],
)
def test_a_patch_that_can_not_be_applied_is_told(
    api: APIClient, table: Table, line: Any, status: int, code: str, words: str
) -> None:
    answer = send(api, table, [line])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert words in answer.json()["detail"]
    table.refresh_from_db()
    assert table.version == 1


def test_a_patch_is_lines_of_text(api: APIClient, table: Table) -> None:
    address = f"/api/v1/tables/{table.pk}/patch"
    assert api.post(address, {"class": "added"}, format="json").status_code == 415
    assert api.post(address, b"\xff\n", content_type="application/x-ndjson").json()["code"] == "invalid_patch"
