"""A Table of as many attributes as there may be: everything that is asked of a small one, right."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from catalog.contents import append_rows, update_rows
from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

WIDTH = 3_000
TYPES = ("string", "integer", "boolean", "date")
NAMES = [f"a{place}" for place in range(WIDTH)]
LAST = NAMES[-1]


def row(number: int) -> dict[str, Any]:
    """Row 0 is null but for its first cell."""
    values = (f"text {number}", number, number % 2 == 0, f"2026-01-{number + 1:02d}")
    cells = {name: values[place % len(TYPES)] if number else None for place, name in enumerate(NAMES)}
    return cells | {NAMES[0]: f"text {number}"}


ROWS = [row(number) for number in range(4)]


@pytest.fixture
def wide(parts_cache: Path) -> Table:
    """Three rows, then a fourth, then one cell is changed."""
    attributes = [{"name": name, "type": TYPES[place % len(TYPES)]} for place, name in enumerate(NAMES)]
    table = TableFactory.create(object=ObjectSchemaFactory.create(attributes=attributes), name="wide", rows=ROWS[:3])
    append_rows(table, json_rows(ROWS[3:]))
    update_rows(table, [4], json_rows([{LAST: "2026-02-01"}]), [[LAST]])
    return table


EXPECTED = [*ROWS[:3], ROWS[3] | {LAST: "2026-02-01"}]


@pytest.mark.django_db
def test_all_that_is_asked_of_a_small_table_is_answered_of_the_widest(
    wide: Table, api: APIClient, client: Client
) -> None:
    address = f"/api/v1/tables/{wide.pk}"

    def exported(suffix: str) -> bytes:
        answer: Any = api.get(f"{address}/rows.{suffix}")
        return b"".join(answer.streaming_content)

    page = api.get(f"{address}/rows?{LAST}=2026-02-01&ordering=-{NAMES[1]}&limit=2").json()["results"]
    assert page == [{"_id": 4, **EXPECTED[3]}]
    assert [json.loads(line) for line in exported("ndjson").splitlines()] == [
        {"_id": number, **each} for number, each in enumerate(EXPECTED, 1)
    ]
    as_text = [["" if cell is None else str(cell) for cell in each.values()] for each in EXPECTED]
    assert [line[1:] for line in csv.reader(io.StringIO(exported("csv").decode()))] == [
        NAMES,
        *([cell.lower() if cell in {"True", "False"} else cell for cell in each] for each in as_text),
    ]
    shown = client.get(f"/tables/{wide.pk}").content.decode()
    assert "text 3" in shown
    check_profile(api.get(f"{address}/profile").json()["attributes"])


def check_profile(attributes: list[dict[str, Any]]) -> None:
    assert [each["name"] for each in attributes] == NAMES
    first, last, number = attributes[0], attributes[-1], attributes[1]
    assert (first["nulls"], first["distinct"], last["nulls"]) == (0, 4, 1)
    assert (last["min"], last["max"], last["histogram"][-1]["to"]) == ("2026-01-02", "2026-02-01", "2026-02-01")
    assert number["top_values"] == [{"value": value, "count": 1} for value in (1, 2, 3)]
    assert (number["mean"], number["quantiles"]["50"]) == (2, 2)
    assert {each["distinct"] for each in attributes[2::4]} == {2}
