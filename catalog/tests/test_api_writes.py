"""Writing rows over REST: formats, preferences, dry runs, conditions, and rows set aside."""

import csv
import errno
import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog import conformance
from catalog.models import SetAside, Table, TableVersion
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

ROWS = [{"id": 1, "name": "ann", "amount": 1}, {"id": 2, "name": "bob", "amount": 2}]
CSV = b"id,name,amount\n3,cy,3\n"
NDJSON = "application/x-ndjson"
LENIENT = {"Prefer": "handling=lenient"}


@pytest.fixture
def table(db: None) -> Table:
    return TableFactory.create(object=ObjectSchemaFactory.create(primary_key=("id",)), rows=ROWS)


@pytest.fixture
def rows(table: Table) -> str:
    """The address of the rows."""
    return f"/api/v1/tables/{table.pk}/rows"


def stored(api: APIClient, address: str) -> list[tuple[Any, ...]]:
    found = api.get(address).json()["results"]
    return [(row["id"], row["name"], row["amount"]) for row in found]


def ids(api: APIClient, address: str) -> list[int]:
    return [row[0] for row in stored(api, address)]


def state() -> tuple[int, int]:
    return TableVersion.objects.count(), SetAside.objects.count()


# --- formats --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (CSV, "text/csv"),
        (CSV, "text/csv; charset=utf-8"),
        (CSV, "application/octet-stream"),
        (CSV.replace(b",", b";"), "text/csv"),
        (gzip.compress(CSV, mtime=0), "text/csv"),
        (gzip.compress(CSV, mtime=0), "application/gzip"),
        (b'{"id": 3, "name": "cy", "amount": 3}\n', NDJSON),
        (b'[{"id": 3, "name": "cy", "amount": 3}]', "application/json"),
    ],
)
def test_rows_come_in_every_format(api: APIClient, rows: str, body: bytes, media_type: str) -> None:
    answer = api.post(rows, body, content_type=media_type)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["added"], answer.json()["first_row_id"], answer["ETag"]) == (1, 3, '"2"')
    assert stored(api, rows)[-1] == (3, "cy", 3)


def test_gzip_is_told_by_content_encoding_too(api: APIClient, rows: str) -> None:
    body = gzip.compress(b'[{"id": 3}]', mtime=0)
    answer = api.post(rows, body, content_type="application/json", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 201, answer.content
    refused = api.post(rows, b"x", content_type="text/csv", headers={"Content-Encoding": "br"})
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_a_file_comes_as_multipart(api: APIClient, rows: str, name: str) -> None:
    body = gzip.compress(CSV, mtime=0) if name.endswith("gz") else CSV
    answer = api.post(rows, {"file": SimpleUploadedFile(name, body)}, format="multipart")
    assert answer.status_code == 201, answer.content
    assert ids(api, rows) == [1, 2, 3]
    without = api.post(rows, {"other": SimpleUploadedFile(name, body)}, format="multipart")
    assert (without.status_code, without.json()["errors"][0]["pointer"]) == (400, "/file")


def test_the_address_may_say_the_format_whatever_the_content_type(api: APIClient, rows: str) -> None:
    answer = api.post(f"{rows}.csv", CSV, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 201, answer.content
    answer = api.put(f"{rows}.ndjson", b'{"id": 7}', content_type="text/plain")
    assert answer.status_code == 200, answer.content
    assert ids(api, rows) == [7]
    refused = api.post(f"{rows}.csv?format=ndjson", CSV, content_type="text/csv")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/format")


def test_what_was_found_out_is_said_and_can_be_overridden(api: APIClient, rows: str) -> None:
    answer = api.post(rows, b"id;name;amount\n3;a|b;3\n", content_type="text/csv").json()
    assert answer["found"]["format"] == "csv"
    assert answer["found"]["delimiter"] == ";"
    answer = api.post(f"{rows}?delimiter=|", b"id|name|amount\n4|a;b|3\n", content_type="text/csv").json()
    assert answer["found"]["delimiter"] == "|"
    assert stored(api, rows)[2:] == [(3, "a|b", 3), (4, "a;b", 3)]


def test_an_unknown_media_type_is_refused(api: APIClient, rows: str) -> None:
    answer = api.post(rows, CSV, content_type="image/png")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("query", ["delimeter=;", "delimiter=abc", "format=word", "encoding=base64", "dry_run=perhaps"])
def test_parameters_that_cannot_be_meant_are_refused(api: APIClient, rows: str, query: str) -> None:
    before = state()
    answer = api.post(f"{rows}?{query}", CSV, content_type="text/csv")
    assert answer.status_code == 400
    assert state() == before


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"id,name,amount\n3,cy,3\n", NDJSON),
        (b'{"id": 3}\n', "text/csv"),
        (b"PK\x03\x04" + bytes(100), "text/csv"),
        (b"\x1f\x8b" + bytes(100), "text/csv"),
        (gzip.compress(CSV, mtime=0)[:-6], "text/csv"),
        (b"", "text/csv"),
        (b"id,name,amount\n1\x00,cy,3\n", "text/csv"),
        (b",".join(b"c%d" % number for number in range(10_000)) + b"\n", "text/csv"),
        (b'{"rows": 1}', "application/json"),
        (b"\xff\xfe\x00", "text/csv"),
    ],
)
def test_a_file_that_is_not_what_it_says_leaves_nothing(
    api: APIClient, rows: str, body: bytes, media_type: str
) -> None:
    before = state()
    answer = api.post(rows, body, content_type=media_type, headers=LENIENT)
    assert answer.status_code in {201, 400}, answer.content
    if answer.status_code == 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert state() == before
    else:
        assert answer.json()["added"] == 0
    assert ids(api, rows) == [1, 2]


def test_an_upload_beyond_the_limit_is_refused(api: APIClient, rows: str, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 20
    assert api.post(rows, CSV, content_type="text/csv").status_code == 413
    bomb = gzip.compress(bytes(1000), mtime=0)
    settings.UPLOAD_MAX_BYTES = 200
    answer = api.post(rows, bomb, content_type="text/csv")
    assert (answer.status_code, "unpacks to more" in answer.json()["detail"]) == (400, True)


def test_nothing_stays_on_disk(api: APIClient, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    api.post(rows, gzip.compress(CSV, mtime=0), content_type="text/csv")
    api.post(rows, gzip.compress(CSV, mtime=0), content_type="text/csv", headers=LENIENT)
    api.post(rows, b"nonsense", content_type="text/csv")
    assert left_in(tmp_path) == []


# --- preferences ----------------------------------------------------------------------------------------------------


def test_lenient_keeps_the_good_rows_and_says_where_the_others_are(api: APIClient, rows: str) -> None:
    body = b"id,name,amount\n3,cy,3\nx,dan,y\n1,eve,1\n"
    answer = api.post(rows, body, content_type="text/csv", headers=LENIENT)
    assert (answer.status_code, answer["Preference-Applied"]) == (201, "handling=lenient")
    found = answer.json()
    assert (found["added"], found["rejected_count"], found["error_count"]) == (1, 2, 3)
    assert [(error["row"], error["line"], error["code"]) for error in found["errors"]] == [
        (2, 3, "type"),
        (2, 3, "type"),
        (3, 4, "primary_key"),
    ]
    assert found["set_aside"] in answer["Link"]
    assert ids(api, rows) == [1, 2, 3]
    aside = api.get(found["set_aside"])
    assert aside["Content-Type"].startswith("text/csv")
    assert ".csv" in aside["Content-Disposition"]
    text = b"".join(aside.streaming_content).decode()  # type: ignore[attr-defined] # it is a stream
    assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == ["dan", "eve"]
    mended = text.replace(",x,dan,y", ",4,dan,4").replace(",1,eve", ",5,eve")
    again = api.post(rows, mended.encode(), content_type="text/csv", headers=LENIENT).json()
    assert (again["added"], again["rejected_count"], again["set_aside"]) == (2, 0, None)


def test_a_file_of_rows_set_aside_belongs_to_its_table(api: APIClient, rows: str) -> None:
    link = api.post(rows, [{"id": "x"}], headers=LENIENT).json()["set_aside"]
    assert api.get(link).status_code == 200
    assert api.get(link.replace(".ndjson", "")).status_code == 200
    assert api.get(link.replace(".ndjson", ".csv")).status_code == 404
    other = TableFactory.create()
    assert api.get(link.replace(rows.split("/")[4], other.pk)).status_code == 404


def test_strict_is_the_default_and_unknown_preferences_are_ignored(api: APIClient, rows: str) -> None:
    before = state()
    answer = api.post(rows, [{"id": 3}, {"id": "x"}], headers={"Prefer": "handling=strict, colour=red"})
    assert answer.status_code == 400
    assert state() == before
    answer = api.post(rows, [{"id": 3}], headers={"Prefer": "colour=red, handling=sloppy"})
    assert answer.status_code == 201
    assert "Preference-Applied" not in answer


def test_minimal_answers_no_body(api: APIClient, rows: str) -> None:
    minimal = {"Prefer": "return=minimal"}
    answer = api.post(rows, [{"id": 3}], headers=minimal)
    assert (answer.status_code, answer.content, answer["ETag"]) == (201, b"", '"2"')
    assert answer["Preference-Applied"] == "return=minimal"
    assert api.patch(rows, [{"_id": 3, "name": "cy"}], headers=minimal).status_code == 204
    assert api.patch(f"{rows}/3", {"name": "dan"}, headers=minimal).status_code == 204
    assert api.delete(f"{rows}/3", headers=minimal).status_code == 204
    assert ids(api, rows) == [1, 2]


def test_rows_are_put_in_place_by_primary_key(api: APIClient, rows: str) -> None:
    merge = {"Prefer": "resolution=merge-duplicates"}
    answer = api.post(rows, [{"id": 2, "name": "new"}, {"id": 3, "name": "cy"}], headers=merge)
    assert answer.status_code == 201, answer.content
    assert answer["Preference-Applied"] == "resolution=merge-duplicates"
    assert (answer.json()["added"], answer.json()["changed"]) == (1, 1)
    assert stored(api, rows) == [(1, "ann", 1), (2, "new", None), (3, "cy", None)]
    both = {"Prefer": "resolution=merge-duplicates, handling=lenient"}
    answer = api.post(rows, [{"id": 2, "name": "x"}, {"id": 2, "name": "y"}, {"id": "z"}], headers=both).json()
    assert (answer["changed"], answer["rejected_count"]) == (1, 2)


def test_an_object_without_a_primary_key_cannot_be_merged_into(api: APIClient) -> None:
    table = TableFactory.create()
    answer = api.post(f"/api/v1/tables/{table.pk}/rows", [{"id": 1}], headers={"Prefer": "resolution=merge-duplicates"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "no_primary_key")


# --- dry runs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("post", "?", [{"id": 3}]),
        ("put", "?", [{"id": 3}]),
        ("patch", "?", [{"_id": 1, "name": "new"}]),
        ("patch", "?id=1&max_affected=1&", {"name": "new"}),
        ("delete", "?id=1&max_affected=1&", None),
        ("put", "/1?", {"id": 1}),
        ("patch", "/1?", {"name": "new"}),
        ("delete", "/1?", None),
    ],
)
def test_a_dry_run_does_everything_but_commit(api: APIClient, rows: str, method: str, suffix: str, body: Any) -> None:
    before = state()
    answer = getattr(api, method)(f"{rows}{suffix}dry_run=1", body)
    assert (answer.status_code, answer.json()["dry_run"], answer.json()["version"]) == (200, True, 2), answer.content
    assert "ETag" not in answer
    assert sum(answer.json()[name] for name in ("added", "changed", "removed")) > 0
    assert state() == before
    assert stored(api, rows) == [(1, "ann", 1), (2, "bob", 2)]


def test_a_dry_run_refuses_what_the_write_would(api: APIClient, rows: str) -> None:
    assert api.post(f"{rows}?dry_run=1", [{"id": 1}]).status_code == 400
    answer = api.post(f"{rows}?dry_run=1", [{"id": 1}], headers=LENIENT).json()
    assert (answer["rejected_count"], answer["set_aside"]) == (1, None)


# --- by a condition -------------------------------------------------------------------------------------------------


def test_all_rows_that_meet_a_condition_are_changed_alike(api: APIClient, rows: str) -> None:
    answer = api.patch(f"{rows}?amount__gte=1&max_affected=2", {"name": "both", "amount": None})
    assert (answer.status_code, answer.json()["changed"]) == (200, 2), answer.content
    assert stored(api, rows) == [(1, "both", None), (2, "both", None)]


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("max_affected=5", {"name": "x"}, "required"),
        ("amount__gte=1", {"name": "x"}, "required"),
        ("amount__gte=1&max_affected=1", {"name": "x"}, "too_many"),
        ("amount__gte=1&max_affected=5", {"nom": "x"}, "row_validation"),
        ("amount__gte=1&max_affected=5", {"id": 1}, "row_validation"),
        ("amount__gte=1&max_affected=5", {}, "required"),
        ("amont__gte=1&max_affected=5", {"name": "x"}, None),
    ],
)
def test_changes_by_a_condition_that_cannot_be_made_are_refused(
    api: APIClient, rows: str, query: str, body: Any, code: str | None
) -> None:
    before = state()
    answer = api.patch(f"{rows}?{query}", body)
    assert answer.status_code == 400, answer.content
    assert code in {None, answer.json()["code"]}
    assert state() == before


def test_a_condition_beside_a_list_of_changes_is_refused(api: APIClient, rows: str) -> None:
    assert api.patch(f"{rows}?id=1", [{"_id": 1, "name": "x"}]).status_code == 400


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_every_write_honours_if_match(api: APIClient, rows: str, method: str) -> None:
    body: Any = [{"_id": 1, "name": "x"}] if method == "patch" else [{"id": 3}]
    address = f"{rows}?id=1&max_affected=1" if method == "delete" else rows
    answer = getattr(api, method)(address, body if method != "delete" else None, headers={"If-Match": '"7"'})
    assert (answer.status_code, answer["ETag"]) == (412, '"1"')
    answer = getattr(api, method)(address, body if method != "delete" else None, headers={"If-Match": '"1"'})
    assert answer.status_code in {200, 201}, answer.content


def test_a_large_json_body_is_streamed_too(api: APIClient, rows: str, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    body = json.dumps([{"id": number, "name": "x" * 100} for number in range(3, 10)])
    answer = api.post(rows, body, content_type="application/json")
    assert (answer.status_code, answer.json()["added"]) == (201, 7), answer.content


def test_a_disk_that_is_full_is_told_and_leaves_nothing(
    api: APIClient, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fail(*args: Any, **options: Any) -> None:
        raise duckdb.IOException('IO Error: Could not write file "x": No space left on device')

    before = state()
    with monkeypatch.context() as full:
        full.setattr(conformance, "_copy", fail)
        answer = api.post(rows, CSV, content_type="text/csv")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (507, "no_room", "60")
    with monkeypatch.context() as full:
        full.setattr(TemporaryUploadedFile, "write", fail_on_disk, raising=False)
        full.setattr("django.conf.settings.FILE_UPLOAD_HANDLERS", [UPLOAD_HANDLER])
        answer = api.post(rows, {"file": SimpleUploadedFile("rows.csv", CSV)}, format="multipart")
    assert answer.status_code == 507
    assert left_in(tmp_path) == []
    assert state() == before


UPLOAD_HANDLER = "django.core.files.uploadhandler.TemporaryFileUploadHandler"


def left_in(place: Path) -> list[str]:
    """What stands in the temporary directories of processes, but for the engine's own."""
    left = [path.name for home in place.iterdir() for path in home.iterdir()]
    return [name for name in left if not name.startswith("engine-")]


def fail_on_disk(*args: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_changes_by_id_come_as_lines_too(api: APIClient) -> None:
    table = TableFactory.create(rows=[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    address = f"/api/v1/tables/{table.pk}/rows"
    answer = api.patch(address, '{"_id": 1, "name": "x"}\n\n{"_id": 2, "id": 7}\n', content_type="application/x-ndjson")
    assert (answer.status_code, answer.json()["changed"]) == (200, 2)
    assert [(row["id"], row["name"]) for row in api.get(address).json()["results"]] == [(1, "x"), (7, "b")]
    for body, code in (("{", "malformed"), ('{"id": 1}', "invalid"), ("7", "invalid")):
        answer = api.patch(address, body, content_type="application/x-ndjson")
        assert (answer.status_code, answer.json()["code"]) == (400, code), answer.json()
