"""The command query: what it shows, what it writes, what it refuses."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.contents import append_rows
from catalog.formats import FORMATS
from catalog.models import Application, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

ROWS = [{"id": 1, "name": "ann", "amount": 2.5}, {"id": 2, "name": None, "amount": 10}, {"id": 3, "name": "bob"}]


@pytest.fixture
def table(db: None) -> Table:
    shape = ObjectSchemaFactory.create(application=Application.objects.get(name="app"), name="orders")
    table = TableFactory.create(object=shape, name="week", rows=ROWS[:2])
    append_rows(table, json_rows(ROWS[2:]))
    return table


def query(*arguments: str, **options: Any) -> str:
    output = StringIO()
    names = {"application": "app", "object": "orders", "table": "week"}
    call_command("query", *arguments, **{**names, **options}, stdout=output)
    return output.getvalue()


def test_rows_are_shown_as_a_table(table: Table) -> None:
    lines = query("amount__gte=2", ordering="-amount").splitlines()
    assert lines[0].split() == ["_id", "id", "name", "amount"]
    assert [line.split() for line in lines[2:4]] == [["2", "2", "null", "10.00"], ["1", "1", "ann", "2.50"]]
    assert lines[-1] == "2 rows."
    assert query(limit=1).splitlines()[-1] == "3 rows, of which 1 are shown."
    assert query("id=9") == "0 rows.\n"


def test_conditions_may_be_nested(table: Table) -> None:
    where = {"or": [{"attribute": "id", "value": 1}, {"attribute": "name", "op": "eq", "value": "bob"}]}
    assert [json.loads(line)["_id"] for line in query(where=json.dumps(where), output="ndjson").splitlines()] == [1, 3]


def test_an_earlier_version_and_what_came_after_it(table: Table) -> None:
    assert query(output="csv", fields="id", version_number=1) == "_id,id\n1,1\n2,2\n"
    assert query(output="csv", fields="id", since="1") == "_id,id\n3,3\n"


def test_only_so_many_rows_are_written(table: Table) -> None:
    assert query(output="csv", fields="id", limit=2) == "_id,id\n1,1\n2,2\n"
    assert query(output="csv", fields="id", limit=1, ordering="-id") == "_id,id\n3,3\n"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "table"])
def test_every_format_is_written_to_a_file(table: Table, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"rows.{name}"
    query(output=name, file=str(path))
    assert path.stat().st_size > 0
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (["amout=1"], {}, "amount"),
        (["amount=x"], {}, "number"),
        ([], {"where": "{"}, "JSON"),
        ([], {"ordering": "-nam"}, "name"),
        ([], {"fields": "nam"}, "name"),
        ([], {"since": "x"}, "since"),
        ([], {"limit": 0}, "limit"),
        ([], {"version_number": 9}, "1 to 2"),
        ([], {"table": "wek"}, "week"),
        ([], {"output": "csv", "file": "/nowhere/x.csv"}, "nowhere"),
    ],
)
def test_what_can_not_be_meant_is_wrong_usage(
    table: Table, arguments: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError, match=message) as refused:
        query(*arguments, **options)
    assert refused.value.returncode == 2
