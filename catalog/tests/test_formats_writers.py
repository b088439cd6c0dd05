"""What is written reads back as the same rows."""

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from catalog.contents import append_rows, create_table
from catalog.exporting import export
from catalog.formats import FORMATS, WritingOptions
from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db

ATTRIBUTES = [
    {"name": "text, with comma", "type": "string"},
    {"name": "whole", "type": "integer"},
    {"name": "exact", "type": "number", "precision": 38, "scale": 10},
    {"name": "double", "type": "number"},
    {"name": "flag", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "moment", "type": "datetime"},
    {"name": "instant", "type": "datetime", "timezone": True},
]
ROWS = [
    '{"text, with comma": "a,\\"b\\"\\r\\né", "whole": 9007199254740993, '
    '"exact": 1234567890123456789012345678.0123456789, "double": 0.1, "flag": true, '
    '"day": "2026-01-31", "moment": "2026-01-31T12:30:00.5", '
    '"instant": "2026-01-31T12:30:00+02:00"}',
    '{"text, with comma": "", "double": 1e300, "flag": false}',
    '{"text, with comma": "NA"}',
]


@pytest.fixture
def table() -> Table:
    shape = ObjectSchemaFactory.create(definition={"attributes": ATTRIBUTES, "missingValues": ["", "NA"]})
    return TableFactory.create(object=shape, rows=ROWS)


TEXT_FORMATS = ("csv", "ndjson", "json")
WORKBOOKS = ("xlsx", "ods")


def exported(table: Table, name: str, with_ids: bool = False) -> bytes:
    return b"".join(export(table.current, FORMATS[name].rows, with_ids))


def written(table: Table, name: str, with_ids: bool = False) -> str:
    return exported(table, name, with_ids).decode()


def read_back(table: Table, name: str, directory: Path) -> Table:
    copy = Table(object=table.object, name=f"copy from {name}")
    create_table(copy, FORMATS[name].read(io.BytesIO(exported(table, name)), directory))
    return copy


def test_csv_has_null_as_nothing_and_quotes_only_what_needs_it(table: Table) -> None:
    assert written(table, "csv") == (
        '"text, with comma",whole,exact,double,flag,day,moment,instant\n'
        '"a,""b""\r\né",9007199254740993,1234567890123456789012345678.0123456789,0.1,true,2026-01-31,'
        "2026-01-31T12:30:00.5,2026-01-31T10:30:00Z\n"
        '"",,,1e+300,false,,,\n'
        '"NA",,,,,,,\n'
    )


def test_ndjson_has_a_line_for_each_row(table: Table) -> None:
    lines = [json.loads(line, parse_float=Decimal) for line in written(table, "ndjson").splitlines()]
    assert [line["text, with comma"] for line in lines] == ['a,"b"\r\né', "", "NA"]
    assert (lines[0]["exact"], lines[0]["moment"], lines[0]["instant"], lines[1]["whole"]) == (
        Decimal("1234567890123456789012345678.0123456789"),
        "2026-01-31T12:30:00.5",
        "2026-01-31T10:30:00Z",
        None,
    )


@pytest.mark.parametrize("name", [*TEXT_FORMATS, "parquet"])
def test_every_format_is_read_back_as_the_same_rows(table: Table, tmp_path: Path, name: str) -> None:
    copy = read_back(table, name, tmp_path)
    assert written(copy, "csv") == written(table, "csv")
    assert written(copy, "json") == written(table, "json")


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_workbook_is_read_back_as_the_same_rows_but_for_empty_text(tmp_path: Path, name: str) -> None:
    shape = ObjectSchemaFactory.create(attributes=ATTRIBUTES)
    table = TableFactory.create(object=shape, rows=[*ROWS[:1], '{"text, with comma": "  ", "double": 1e300}'])
    assert written(read_back(table, name, tmp_path), "json") == written(table, "json")


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_rows_of_all_parts_come_in_order(tmp_path: Path, name: str) -> None:
    table = TableFactory.create(rows=[{"id": 1}])
    append_rows(table, json_rows([{"id": number} for number in range(2, 4)]))
    append_rows(table, json_rows([{"id": 4}]))
    assert table.current.parts.count() > 1 or table.current.row_count == 4
    copy = read_back(table, name, tmp_path)
    assert [row["id"] for row in json.loads(written(copy, "json"))] == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["parquet", *WORKBOOKS])
def test_a_file_without_rows_has_its_columns(tmp_path: Path, name: str) -> None:
    table = TableFactory.create(rows=[])
    assert read_back(table, name, tmp_path).row_count == 0


def test_a_table_without_rows_is_a_header_or_an_empty_array() -> None:
    table = TableFactory.create(rows=[])
    assert written(table, "csv") == "id,name,amount\n"
    assert written(table, "ndjson") == ""
    assert json.loads(written(table, "json")) == []


def test_row_ids_come_first_when_they_are_asked_for() -> None:
    table = TableFactory.create(rows=[{"id": 7}])
    assert written(table, "csv", with_ids=True) == "_id,id,name,amount\n1,7,,\n"
    assert json.loads(written(table, "json", with_ids=True)) == [{"_id": 1, "id": 7, "name": None, "amount": None}]


def test_null_in_the_only_column_is_a_blank_line(tmp_path: Path) -> None:
    shape = ObjectSchemaFactory.create(attributes=[{"name": "a", "type": "string"}])
    table = TableFactory.create(object=shape, rows=[{"a": None}, {"a": ""}, {"a": "x"}, {"a": None}])
    assert written(table, "csv") == 'a\n\n""\nx\n\n'
    copy = Table(object=shape, name="copy")
    create_table(copy, FORMATS["csv"].read(io.BytesIO(written(table, "csv").encode()), tmp_path))
    assert written(copy, "csv") == written(table, "csv")


def test_where_nothing_is_not_missing_null_is_the_first_missing_value() -> None:
    shape = ObjectSchemaFactory.create(
        definition={
            "attributes": [{"name": "a", "type": "string"}, {"name": "b", "type": "integer"}],
            "missingValues": ["NA"],
        }
    )
    table = TableFactory.create(object=shape, rows=[{"a": None}, {"a": "NA", "b": 1}])
    assert written(table, "csv") == 'a,b\nNA,NA\n"NA",1\n'


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_decimals_keep_digits_that_a_double_has_not(name: str) -> None:
    shape = ObjectSchemaFactory.create(attributes=[{"name": "a", "type": "number", "precision": 18, "scale": 2}])
    table = TableFactory.create(object=shape, rows=['{"a": 1234567890123456.70}', '{"a": 2.50}'])
    assert "1234567890123456.70" in written(table, name)
    assert "2.50" in written(table, name)


def test_text_that_a_spreadsheet_would_calculate_gets_an_apostrophe_on_request() -> None:
    shape = ObjectSchemaFactory.create(
        attributes=[{"name": "=a", "type": "string"}, {"name": "b", "type": "integer"}, {"name": "c", "type": "any"}]
    )
    rows = [{"=a": text, "b": -1} for text in ("=1+1", "+x", "-x", "@x", "\tx", "\r", "'=1", "a=1", "x,y", "", "'")]
    table = TableFactory.create(object=shape, rows=[*rows, {"c": -5}, {"c": "=x"}])
    escaped = b"".join(export(table.current, FORMATS["csv"].rows, options=WritingOptions(spreadsheet=True))).decode()
    assert escaped == (
        "'=a,b,c\n"
        '"\'=1+1",-1,\n"\'+x",-1,\n"\'-x",-1,\n"\'@x",-1,\n"\'\tx",-1,\n"\'\r",-1,\n"\'\'=1",-1,\n'
        'a=1,-1,\n"x,y",-1,\n"",-1,\n\',-1,\n'
        ',,"\'-5"\n'
        ',,"\'=x"\n'
    )
    assert "\n=1+1,-1," in written(table, "csv")


def test_decimals_and_integers_are_written_as_text_on_request() -> None:
    table = TableFactory.create(rows=[{"id": 9007199254740993, "amount": 2.5}, {"id": None}])
    options = WritingOptions(decimals="string", integers="string")
    lines = b"".join(export(table.current, FORMATS["ndjson"].rows, with_ids=True, options=options)).decode()
    assert [json.loads(line) for line in lines.splitlines()] == [
        {"_id": "1", "id": "9007199254740993", "name": None, "amount": "2.50"},
        {"_id": "2", "id": None, "name": None, "amount": None},
    ]
