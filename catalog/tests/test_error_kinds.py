"""Errors counted by attribute and code: all of them, also where only the first are listed."""

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog.formats import CSVText
from catalog.row_errors import ERRORS_LISTED, KINDS_COUNTED, Report
from catalog.tests.conftest import Checked
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

ATTRIBUTES = [
    {"name": "id", "type": "integer"},
    {"name": "exact", "type": "number", "precision": 4, "scale": 2},
    {"name": "nested", "type": "object"},
    {"name": "text", "type": "string", "constraints": {"maxLength": 3, "pattern": "[a-z]*"}},
]
FAULTY = [
    '{"id": "x"}',
    '{"id": 9223372036854775808}',
    '{"id": 1e40}',
    '{"id": 1.5}',
    '{"id": 9223372036854775808.5}',
    '{"exact": 123.4}',
    '{"exact": "1e3"}',
    '{"exact": 1.234}',
    '{"nested": {"a": 1, "a": 2}}',
    '{"nested": [1]}',
    '{"text": "LONG"}',
    '{"more": 1, "other": 2, "more": 3}',
    '{"id": 1, "id": 2, "id": 3}',
    '{"_row": 1, "_errors": [], "_row": 2}',
    "[1]",
    "null",
    '{"id": 1',
    '{"id": 1,}',
    "NaN",
    '{"text": "\\ud800"}',
]
CSV = "id,text\nx,ok\n9223372036854775808,ok\n1\n1,2,3\n2,LONG\n"


def counts(report: Report | None) -> Counter[tuple[str, str]]:
    assert report is not None
    kinds = {(kind.attribute, kind.code): kind.count for kind in report.kinds}
    assert sum(kinds.values()) == report.error_count
    assert all(kind.first.code == kind.code for kind in report.kinds)
    return Counter(kinds)


def test_every_kind_is_counted_alike_whether_its_errors_are_listed_or_not(check_rows: Callable[..., Checked]) -> None:
    once = check_rows(ATTRIBUTES, *FAULTY)
    few = counts(once.conformed.report)
    assert few["id", "out_of_range"] == 2
    assert few["more", "unknown_attribute"] == 2
    assert few["nested", "duplicate_attribute"] == 1
    assert few == Counter((error.attribute, error.code) for error in once.errors)
    times = ERRORS_LISTED
    many = check_rows(ATTRIBUTES, *FAULTY * times)
    assert len(many.errors) == ERRORS_LISTED
    assert counts(many.conformed.report) == Counter({kind: count * times for kind, count in few.items()})
    assert {(k.attribute, k.code): k.first for k in many.conformed.report.kinds} == {  # type: ignore[union-attr]
        (k.attribute, k.code): k.first
        for k in once.conformed.report.kinds  # type: ignore[union-attr]
    }


def test_a_kind_that_comes_late_is_counted_with_its_first_row(check_rows: Callable[..., Checked]) -> None:
    rows = ['{"id": "x"}'] * 2 * ERRORS_LISTED + ['{"text": "LONG"}', "[]", '{"odd": 1}']
    report = check_rows(ATTRIBUTES, *rows).conformed.report
    assert counts(report) == {
        ("id", "type"): 2 * ERRORS_LISTED,
        ("text", "max_length"): 1,
        ("text", "pattern"): 1,
        ("", "type"): 1,
        ("odd", "unknown_attribute"): 1,
    }
    firsts = {(kind.attribute, kind.code): kind.first.row for kind in report.kinds} if report else {}
    assert firsts["text", "pattern"] == 2 * ERRORS_LISTED + 1
    assert firsts["odd", "unknown_attribute"] == 2 * ERRORS_LISTED + 3


def test_rows_of_csv_are_counted_alike(check_source: Callable[..., Checked], tmp_path: Path) -> None:
    attributes = [ATTRIBUTES[0], ATTRIBUTES[3]]
    head, _, body = CSV.partition("\n")
    few = counts(check_source(attributes, CSVText(io.BytesIO(CSV.encode()), tmp_path)).conformed.report)
    text = f"{head}\n{body * ERRORS_LISTED}"
    many = check_source(attributes, CSVText(io.BytesIO(text.encode()), tmp_path)).conformed.report
    assert few["", "malformed"] == 2
    assert counts(many) == Counter({kind: count * ERRORS_LISTED for kind, count in few.items()})
    assert many is not None
    assert [kind.first.line for kind in many.kinds if kind.code == "out_of_range"] == [3]


def test_names_without_end_are_counted_by_code(check_rows: Callable[..., Checked]) -> None:
    many = KINDS_COUNTED + 500
    rows = [json.dumps({f"name {number}": 1}) for number in range(many)]
    found = counts(check_rows(ATTRIBUTES, *rows).conformed.report)
    assert len(found) <= KINDS_COUNTED + 1
    assert found["", "unknown_attribute"] == 500


@pytest.mark.django_db
def test_all_faces_count_all_errors(api: APIClient, client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    shape = ObjectSchemaFactory.create(name="many", attributes=ATTRIBUTES[:1], primary_key=("id",))
    table = TableFactory.create(object=shape)
    content = "id\n" + "x\n" * 2500 + "1\n" * 1501
    answer = api.post(f"/api/v1/objects/{shape.pk}/validate", content, content_type="text/csv").json()
    found = {(kind["attribute"], kind["code"]): (kind["count"], kind["first"]["row"]) for kind in answer["kinds"]}
    assert found == {("id", "type"): (2500, 1), ("id", "primary_key"): (1500, 2502)}
    assert answer["error_count"] == 4000

    file = tmp_path / "many.csv"
    file.write_text(content)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command(
            "validate", str(file), "--application", shape.application.name, "--object", "many", stdout=out, stderr=out
        )
    assert ["1500", "id", "primary_key"] in [line.split()[:3] for line in out.getvalue().splitlines()]

    sent = {"action": "check", "mode": "append", "file": SimpleUploadedFile("many.csv", content.encode())}
    page = client.post(f"/tables/{table.pk}/import/", sent).content.decode()
    assert "2,500 \u00d7 type in id" in page
    assert "1,500 \u00d7 primary_key in id" in page
