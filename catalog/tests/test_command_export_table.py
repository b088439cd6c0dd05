"""export_table: Tables into files."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.contents import append_rows
from catalog.models import Application, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(application: Application) -> Table:
    shape = ObjectSchemaFactory.create(application=application, name="orders")
    return TableFactory.create(object=shape, name="week 1", rows=['{"id": 1, "name": "", "amount": 2.50}', {"id": 2}])


def run(file: Any, **options: Any) -> str:
    out = io.StringIO()
    arguments = {"application": "test", "object": "orders", "table": "week 1", **options}
    call_command("export_table", str(file), **arguments, stdout=out)
    return out.getvalue()


def test_a_table_is_written_in_the_format_of_the_file_name(table: Table, tmp_path: Path) -> None:
    run(tmp_path / "rows.csv")
    run(tmp_path / "rows.ndjson")
    out = run(tmp_path / "rows.json")
    assert (tmp_path / "rows.csv").read_bytes() == b'id,name,amount\n1,"",2.50\n2,,\n'
    assert (tmp_path / "rows.ndjson").read_text().splitlines()[0] == '{"id":1,"name":"","amount":2.50}'
    assert [row["id"] for row in json.loads((tmp_path / "rows.json").read_text())] == [1, 2]
    assert out.startswith("2 rows in ")
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_the_standard_output_takes_rows_alone(table: Table) -> None:
    assert run("-", format="csv", with_ids=True) == '_id,id,name,amount\n1,1,"",2.50\n2,2,,\n'


def test_an_earlier_version_can_be_written(table: Table) -> None:
    append_rows(table, json_rows([{"id": 3}]))
    assert len(run("-", format="ndjson").splitlines()) == 3
    assert len(run("-", format="ndjson", version_number=1).splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "week"}, "There is no table 'week' of the object 'orders'; did you mean 'week 1'?"),
        ({"version_number": 7}, "The table 'week 1' has no version 7; it has 1 to 1."),
    ],
)
def test_what_is_not_there_is_refused_and_no_file_is_written(
    table: Table, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError) as refused:
        run(tmp_path / "rows.csv", **options)
    assert (str(refused.value), refused.value.returncode) == (message, 2)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(table: Table, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        run(tmp_path / "nowhere" / "rows.csv")
    assert refused.value.returncode == 2
