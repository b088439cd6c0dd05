"""Profiles, versions, differences and reverts over REST."""

import json
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.contents import append_rows, update_rows
from catalog.history.pruning import Rule, prune
from catalog.models import Table
from catalog.reading import GonePartError, part_paths, version_digests
from catalog.tests.factories import TableFactory, json_rows
from catalog.writing import Write
from config.api import describe

pytestmark = pytest.mark.django_db
MISSING = "01JD4Y3Z8Q6V5T2W9X7R1N0MKB"


@pytest.fixture
def table(db: None) -> Table:
    """Two rows, a third in version 2, the first changed in version 3."""
    table = TableFactory.create(rows=['{"id": 1, "amount": 1.50}', '{"id": 2, "name": ""}'])
    append_rows(table, json_rows([{"id": 3}]))
    update_rows(table, [1], json_rows(['{"amount": 1234567890.25}']), [["amount"]], Write(message="wrong price"))
    return table


def address(table: Table, rest: str) -> str:
    return f"/api/v1/tables/{table.pk}{rest}"


def test_a_profile_has_every_attribute_and_all_digits(api: APIClient, table: Table) -> None:
    answer = api.get(address(table, "/profile"))
    body = answer.json()
    assert (answer.status_code, answer["ETag"], body["version"], body["row_count"]) == (200, '"3"', 3, 3)
    assert [each["name"] for each in body["attributes"]] == ["id", "name", "amount"]
    assert b'"max":1234567890.25' in answer.content
    assert api.get(address(table, "/profile")).content == answer.content
    old = api.get(address(table, "/profile/?version=1&fields=amount")).json()
    assert (old["version"], [each["max"] for each in old["attributes"]]) == (1, [1.5])


def test_who_has_a_version_is_not_sent_it_again(api: APIClient, table: Table) -> None:
    for rest in ("", "/profile"):
        tag = api.get(address(table, rest))["ETag"]
        for given in (tag, f"W/{tag}", f'"1", {tag}', "*"):
            answer = api.get(address(table, rest), headers={"If-None-Match": given})
            assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
        assert api.get(address(table, rest), headers={"If-None-Match": '"2"'}).status_code == 200


def test_a_new_name_is_sent_also_to_who_has_the_rows(api: APIClient, table: Table) -> None:
    version = table.current
    type(version).objects.filter(pk=version.pk).update(created_at="2026-01-01T00:00:00Z")
    api.patch(address(table, ""), {"name": "renamed"})
    answer = api.get(address(table, ""), headers={"If-None-Match": '"3"'})
    assert (answer.status_code, answer.json()["name"]) == (200, "renamed")


def test_a_table_is_shown_as_an_earlier_version_left_it(api: APIClient, table: Table) -> None:
    answer = api.get(address(table, "?version=1"))
    body = answer.json()
    assert answer["ETag"].startswith('"1-')
    assert (body["version"], body["row_count"], len(body["rows"])) == (1, 2, 2)
    assert body["rows"][0]["amount"] == 1.5
    assert api.get(address(table, "")).json()["rows"][0]["amount"] == 1234567890.25


def test_what_differs_is_told_cell_by_cell(api: APIClient, table: Table) -> None:
    answer = api.get(address(table, "/diff?from=1&to=3"))
    body = answer.json()
    assert body["counts"] == {"added": 1, "changed": 1, "removed": 0, "unchanged": 1}
    assert body["attributes"] == {"amount": 1}
    assert body["columns"] == {"added": [], "removed": [], "retyped": []}
    assert body["next"] is None
    assert [(row["class"], row["_id"]) for row in body["results"]] == [("changed", 1), ("added", 3)]
    assert b'"cells":{"amount":{"old":1.50,"new":1234567890.25}}' in answer.content


def test_differing_rows_come_in_pages_and_by_class(api: APIClient, table: Table) -> None:
    append_rows(table, json_rows([{"id": n} for n in range(4, 10)]))
    found: list[int] = []
    url: str | None = address(table, "/diff?from=1&class=added&limit=3")
    while url:
        page = api.get(url).json()
        assert page["counts"]["changed"] == 1
        found += [row["_id"] for row in page["results"]]
        url = page["next"]
    assert found == [3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("as_suffix", [True, False])
def test_all_that_differs_comes_as_lines(api: APIClient, table: Table, as_suffix: bool) -> None:
    rest = "/diff.ndjson?from=1" if as_suffix else "/diff?from=1"
    answer = api.get(address(table, rest), headers={"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert [row["class"] for row in lines] == ["changed", "added"]


@pytest.mark.parametrize("as_suffix", [True, False])
def test_all_that_differs_comes_as_a_file_with_both_sides(api: APIClient, table: Table, as_suffix: bool) -> None:
    rest, accepted = ("/diff.csv?from=1", "*/*") if as_suffix else ("/diff?from=1", "text/csv")
    answer = api.get(address(table, rest), headers={"Accept": accepted})
    text = b"".join(answer.streaming_content).decode()
    assert text.splitlines() == [
        "class,_id,old: id,old: name,old: amount,new: id,new: name,new: amount",
        "changed,1,1,,1.50,1,,1234567890.25",
        "added,3,,,,3,,",
    ]
    whole = b"".join(api.get(address(table, "/diff.parquet?from=1&class=added")).streaming_content)
    assert whole.startswith(b"PAR1")
    none = b"".join(api.get(address(table, "/diff.csv?from=3")).streaming_content).decode()
    assert len(none.splitlines()) == 1


def test_a_page_may_begin_anywhere(api: APIClient, table: Table) -> None:
    append_rows(table, json_rows([{"id": n} for n in range(4, 10)]))
    body = api.get(address(table, "/diff?from=3&offset=2&limit=3")).json()
    assert [row["_id"] for row in body["results"]] == [6, 7, 8]
    assert [row["_id"] for row in api.get(body["next"]).json()["results"]] == [9]
    lines = b"".join(api.get(address(table, "/diff.ndjson?from=3&offset=1&limit=2&after=4")).streaming_content)
    assert [json.loads(line)["_id"] for line in lines.splitlines()] == [6, 7]


@pytest.mark.parametrize(
    ("rest", "status", "code"),
    [
        ("/profile?fields=amuont", 400, "unknown_attribute"),
        ("/profile?version=0", 400, "out_of_range"),
        ("/profile?version=x", 400, "out_of_range"),
        ("/profile?version=9", 404, "unknown_version"),
        ("/profile?verson=1", 400, "unknown_parameter"),
        ("?version=9", 404, "unknown_version"),
        ("/versions/9", 404, "unknown_version"),
        ("/diff", 400, "required"),
        ("/diff?from=1&to=9", 404, "unknown_version"),
        ("/diff?from=1&class=chnged", 400, "invalid_choice"),
        ("/diff?from=1&limit=1001", 400, "out_of_range"),
        ("/diff?from=1&after=-1", 400, "out_of_range"),
        ("/diff?from=1&offset=-1", 400, "out_of_range"),
        ("/diff.csv?from=1&limit=0", 400, "out_of_range"),
        ("/diff.csv?from=1&class=gone", 400, "invalid_choice"),
        ("/diff?from=1&after=99999999999999999999", 400, "out_of_range"),
    ],
)
def test_what_can_not_be_meant_is_refused(api: APIClient, table: Table, rest: str, status: int, code: str) -> None:
    answer = api.get(address(table, rest))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_unknown_table_has_no_past(api: APIClient) -> None:
    for rest in ("", "/profile", "/diff?from=1", "/versions", "/versions/1"):
        assert api.get(f"/api/v1/tables/{MISSING}{rest}").status_code == 404
    assert api.post(f"/api/v1/tables/{MISSING}/revert", {"version": 1}).status_code == 404


def test_a_pruned_version_is_said_to_be_pruned(api: APIClient, table: Table) -> None:
    prune(Table.objects.all(), Rule(1))
    for rest in ("?version=1", "/profile?version=1", "/diff?from=1", "/versions/1", "/rows?version=1"):
        answer = api.get(address(table, rest))
        assert answer.status_code == 404
        assert "pruned; left are 3" in answer.json()["detail"], rest
    answer = api.post(address(table, "/revert"), {"version": 1})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_version")


def test_rows_that_are_pruned_while_they_are_read_are_not_found(table: Table, settings: Any, tmp_path: Path) -> None:
    settings.PARTS_CACHE_DIR = tmp_path / "empty"
    old = table.versions.get(number=1)
    digests = version_digests(old)
    prune(Table.objects.all(), Rule(1))
    with pytest.raises(GonePartError, match="pruned a moment ago"):
        part_paths(digests)
    details = describe(GonePartError("pruned"))
    assert details is not None
    assert details.status == 404


def test_the_versions_are_listed_with_what_each_did(api: APIClient, table: Table) -> None:
    body = api.get(address(table, "/versions")).json()
    assert [(each["version"], each["operation"], each["added"], each["changed"]) for each in body["results"]] == [
        (3, "update", 0, 1),
        (2, "append", 1, 0),
        (1, "create", 2, 0),
    ]
    assert api.get(address(table, "/versions/3")).json()["message"] == "wrong price"


def test_going_back_is_a_new_version_with_a_reason(api: APIClient, table: Table) -> None:
    answer = api.post(address(table, "/revert"), {"version": 1, "message": "the import was wrong"})
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, answer["ETag"], body["operation"], body["row_count"]) == (200, '"4"', "revert", 2)
    assert body["message"] == "the import was wrong"
    assert api.get(address(table, "/diff?from=1&to=4")).json()["counts"]["unchanged"] == 2


@pytest.mark.parametrize(
    ("body", "match", "status", "code"),
    [
        ({}, None, 400, "invalid"),
        ({"version": "x"}, None, 400, "invalid"),
        ({"version": 0}, None, 400, "invalid"),
        ({"version": 9}, None, 404, "unknown_version"),
        ({"version": 1, "messsage": "x"}, None, 400, "invalid"),
        ({"version": 1, "message": "x" * 1025}, None, 400, "invalid"),
        ({"version": 1}, '"2"', 412, "stale_version"),
        ({"version": 1}, "seven", 400, "invalid"),
        ([], None, 400, "invalid"),
    ],
)
def test_a_return_that_can_not_be_meant_changes_nothing(
    api: APIClient, table: Table, body: Any, match: str | None, status: int, code: str
) -> None:
    headers = {"If-Match": match} if match else {}
    answer = api.post(address(table, "/revert"), body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    table.refresh_from_db()
    assert table.version == 3
