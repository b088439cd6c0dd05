"""Imports: strict ones are all or nothing, lenient ones set aside what can't be taken, in a file that can be mended."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog.browsing import page
from catalog.formats import CSVText, JSONArray
from catalog.formats.dialects import Dialect
from catalog.importing import Imported, import_rows
from catalog.models import SetAside, Table
from catalog.queries import RowQuery
from catalog.sources import JSONLines, Source, TypedColumns
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from catalog.writing import NonconformingError, StaleVersionError, Write

pytestmark = pytest.mark.django_db

ATTRIBUTES = [
    {"name": "id", "type": "integer"},
    {"name": "name", "type": "string", "constraints": {"minLength": 2}},
    {"name": "amount", "type": "number", "precision": 12, "scale": 2, "constraints": {"minimum": 0}},
]


@pytest.fixture
def table() -> Table:
    shape = ObjectSchemaFactory.create(attributes=ATTRIBUTES, primary_key=("id",))
    return TableFactory.create(object=shape, rows=[{"id": 1, "name": "ann", "amount": 1}])


def lines(directory: Path, *rows: Any) -> JSONLines:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    return JSONLines(io.BytesIO(text.encode()), directory)


def csv_text(directory: Path, text: str | bytes) -> CSVText:
    return CSVText(io.BytesIO(text.encode() if isinstance(text, str) else text), directory)


def take(table: Table, source: Source, mode: Any = "append", **options: Any) -> Imported:
    return import_rows(table, mode, source, lenient=True, **options)


def content(imported: Imported) -> str:
    assert imported.set_aside is not None
    stored = SetAside.objects.get(pk=imported.set_aside.pk)
    return gzip.decompress(bytes(stored.content)).decode()


def stored(table: Table) -> list[dict[str, Any]]:
    version = Table.objects.get(pk=table.pk).current
    return page(version, RowQuery(version.object_version.schema), 100)


def ids(table: Table) -> list[int]:
    return [row["id"] for row in stored(table)]


def test_a_strict_import_is_all_or_nothing(table: Table, tmp_path: Path) -> None:
    with pytest.raises(NonconformingError):
        import_rows(table, "append", lines(tmp_path, {"id": 2, "name": "bob"}, {"id": "x"}))
    assert ids(table) == [1]
    imported = import_rows(table, "append", lines(tmp_path, {"id": 2, "name": "bob"}))
    assert (imported.row_count, imported.report, imported.set_aside) == (1, None, None)
    assert ids(table) == [1, 2]


def test_good_rows_are_kept_and_bad_ones_set_aside_with_all_their_errors(table: Table, tmp_path: Path) -> None:
    source = lines(tmp_path, {"id": 2, "name": "bob"}, {"id": "x", "name": "b", "amount": -1}, {"id": 3, "name": "cy"})
    imported = take(table, source)
    assert ids(table) == [1, 2, 3]
    assert (imported.row_count, imported.version.added) == (3, 2)
    aside = json.loads(content(imported))
    assert (aside["id"], aside["name"], aside["amount"], aside["_row"]) == ("x", "b", -1, 2)
    assert sorted(error["code"] for error in aside["_errors"]) == ["min_length", "minimum", "type"]
    assert imported.report is not None
    assert (imported.report.error_count, imported.report.row_count) == (3, 3)
    assert {error.row for error in imported.report.errors} == {2}
    found = SetAside.objects.get()
    assert (found.version, found.row_count, found.error_count, found.format) == (2, 1, 3, "ndjson")


def test_nothing_is_set_aside_where_all_rows_conform(table: Table, tmp_path: Path) -> None:
    imported = take(table, lines(tmp_path, {"id": 2, "name": "bob"}))
    assert (imported.report, imported.set_aside) == (None, None)
    assert not SetAside.objects.exists()


def test_of_rows_with_one_key_the_later_is_set_aside_and_what_the_table_has_stays(table: Table, tmp_path: Path) -> None:
    rows = [{"id": 2, "name": "bob"}, {"id": 1, "name": "new"}, {"id": 2, "name": "late"}, {"id": 3, "name": "cy"}]
    imported = take(table, lines(tmp_path, *rows))
    assert [(row["id"], row["name"]) for row in stored(table)] == [(1, "ann"), (2, "bob"), (3, "cy")]
    aside = [json.loads(line) for line in content(imported).splitlines()]
    assert [(row["_row"], row["name"], row["_errors"][0]["code"]) for row in aside] == [
        (2, "new", "primary_key"),
        (3, "late", "primary_key"),
    ]
    assert imported.report is not None
    assert imported.report.error_count == 2


def test_a_key_of_a_row_that_is_set_aside_is_free(table: Table, tmp_path: Path) -> None:
    take(table, lines(tmp_path, {"id": 2, "name": "x"}, {"id": 2, "name": "bob"}))
    assert [row["name"] for row in stored(table)] == ["ann", "bob"]


def test_what_is_no_json_is_kept_as_its_text(table: Table, tmp_path: Path) -> None:
    imported = take(table, lines(tmp_path, "nonsense", {"id": 2, "name": "bob"}, "[1]"))
    aside = [json.loads(line) for line in content(imported).splitlines()]
    assert [(row["_record"], row["_row"], row["_errors"][0]["code"]) for row in aside] == [
        ("nonsense", 1, "malformed"),
        ("[1]", 3, "type"),
    ]


def test_the_digits_of_json_stay_as_they_came(table: Table, tmp_path: Path) -> None:
    imported = take(table, lines(tmp_path, '{"id": 2, "amount": 12345678901234567890.10, "name": "b"}'))
    assert '"amount": 12345678901234567890.10' in content(imported)


def test_csv_stays_csv_and_can_be_mended_and_loaded_again(table: Table, tmp_path: Path) -> None:
    text = 'amount,name,id\n1,bob,2\n-5,"a ""b"",\nc",3\n,x,4\n'
    imported = take(table, csv_text(tmp_path, text), format_name="csv")
    aside = content(imported)
    rows = list(csv.DictReader(io.StringIO(aside)))
    assert [row["_row"] for row in rows] == ["2", "3"]
    assert rows[0]["name"] == 'a "b",\nc'
    assert [error["code"] for error in json.loads(rows[1]["_errors"])] == ["min_length"]
    mended = aside.replace(",-5,", ",5,").replace(",x,4", ",xi,4")
    (tmp_path / "again").mkdir()
    again = take(table, csv_text(tmp_path / "again", mended), format_name="csv")
    assert again.set_aside is None
    assert ids(table) == [1, 2, 3, 4]


def test_mended_ndjson_loads_as_it_is_and_what_stays_wrong_is_told_anew(table: Table, tmp_path: Path) -> None:
    imported = take(table, lines(tmp_path, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}))
    mended = content(imported).replace('"name": "b"', '"name": "bob"')
    again = take(table, JSONLines(io.BytesIO(mended.encode()), tmp_path))
    assert ids(table) == [1, 2]
    aside = json.loads(content(again))
    assert (aside["_row"], aside["id"], len(aside["_errors"])) == (2, 3, 1)


def test_records_of_csv_that_cannot_be_cut_stay_wrong_until_they_are_mended(table: Table, tmp_path: Path) -> None:
    text = 'id,name,amount\n2,bob,1,extra\n3,cy\n4,"a"b,1\n5,eve,1\n'
    imported = take(table, csv_text(tmp_path, text), format_name="csv")
    assert ids(table) == [1, 5]
    rows = list(csv.reader(io.StringIO(content(imported))))
    assert rows[1][2:] == ["2", "bob", "1", "extra"]
    assert rows[2][2:] == ["3", "cy"]
    assert rows[3][2:] == ['4,"a"b,1']
    (tmp_path / "again").mkdir()
    again = take(table, csv_text(tmp_path / "again", content(imported)), format_name="csv")
    assert again.version.added == 0
    assert again.set_aside is not None
    assert again.set_aside.row_count == 3


@pytest.mark.parametrize("quote", ["'", ""])
def test_a_record_of_another_dialect_is_cut_where_that_cuts_it(table: Table, tmp_path: Path, quote: str) -> None:
    text = f"id;name;amount\n2;{quote}x, y{quote};1;more\n3;a,b\n".encode()
    source = CSVText(io.BytesIO(text), tmp_path, Dialect(delimiter=";", quote=quote, escape=quote))
    imported = take(table, source, format_name="csv")
    records = list(csv.reader(io.StringIO(content(imported))))
    assert [record[2:] for record in records[1:]] == [["2", "x, y", "1", "more"], ["3", "a,b"]]


def test_a_row_with_too_many_empty_cells_keeps_them(table: Table, tmp_path: Path) -> None:
    imported = take(table, csv_text(tmp_path, "id,name,amount\n2,bob,1,,,\n"), format_name="csv")
    assert [record[2:] for record in csv.reader(io.StringIO(content(imported)))][1] == ["2", "bob", "1", "", "", ""]


def test_null_and_empty_text_stay_two_things_in_csv(tmp_path: Path) -> None:
    attributes = [{"name": "a", "type": "string"}, {"name": "b", "type": "integer"}]
    table = TableFactory.create(object=ObjectSchemaFactory.create(attributes=attributes))
    imported = take(table, csv_text(tmp_path, 'a,b\n"",x\n,y\n'), format_name="csv")
    assert [line.rpartition(']"')[2] for line in content(imported).splitlines()[1:]] == [',"",x', ",,y"]


def test_typed_columns_are_set_aside_as_ndjson(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"COPY (SELECT 2 AS id, 'b' AS name, 1.5::DECIMAL(12,2) AS amount) TO '{path}'")
    columns = [("id", "INTEGER"), ("name", "VARCHAR"), ("amount", "DECIMAL(12,2)")]
    imported = take(table, TypedColumns([(path, 1)], columns), format_name="parquet")
    aside = json.loads(content(imported))
    assert (aside["id"], aside["name"], aside["amount"]) == (2, "b", 1.5)


def test_a_json_array_is_set_aside_line_by_line(table: Table, tmp_path: Path) -> None:
    text = b'[{"id": 2,\n "name": "b"}, {"id": 3, "name": "cy"}]'
    imported = take(table, JSONArray(io.BytesIO(text), tmp_path), format_name="json")
    assert content(imported).count("\n") == 1
    assert json.loads(content(imported))["id"] == 2
    assert ids(table) == [1, 3]


def test_a_replacement_of_which_no_row_conforms_is_refused(table: Table, tmp_path: Path) -> None:
    with pytest.raises(NonconformingError):
        take(table, lines(tmp_path, {"id": 2, "name": "b"}), mode="replace")
    assert ids(table) == [1]
    take(table, lines(tmp_path, {"id": 2, "name": "b"}, {"id": 3, "name": "cy"}), mode="replace")
    assert ids(table) == [3]


def test_a_file_whose_header_does_not_fit_is_refused_whole(table: Table, tmp_path: Path) -> None:
    with pytest.raises(NonconformingError) as refused:
        take(table, csv_text(tmp_path, "id,nom\n2,bob\n"), format_name="csv")
    assert "unknown_attribute" in {error.code for error in refused.value.report.errors}
    assert ids(table) == [1]


def test_a_table_that_moved_on_takes_nothing(table: Table, tmp_path: Path) -> None:
    with pytest.raises(StaleVersionError):
        take(table, lines(tmp_path, {"id": 2, "name": "b"}), write=Write(expected_version=7))
    assert not SetAside.objects.exists()


def test_a_dry_run_leaves_nothing_but_says_all(table: Table, tmp_path: Path) -> None:
    source = lines(tmp_path, {"id": 2, "name": "b"}, {"id": 3, "name": "cy"})
    imported = take(table, source, write=Write(dry_run=True))
    assert imported.version.added == 1
    assert imported.set_aside is not None
    assert b"_errors" in gzip.decompress(imported.set_aside.content)
    assert not SetAside.objects.exists()
    assert ids(table) == [1]


def test_more_errors_than_are_listed_are_all_in_the_file(table: Table, tmp_path: Path) -> None:
    rows = [{"id": 2 + number // 2, "name": "bob" if number % 3 else "b"} for number in range(6_000)]
    imported = take(table, lines(tmp_path, *rows))
    assert imported.report is not None
    assert len(imported.report.errors) == 1_000
    assert [error.row for error in imported.report.errors] == sorted(error.row for error in imported.report.errors)
    aside = [json.loads(line) for line in content(imported).splitlines()]
    assert len(aside) + imported.version.added == 6_000
    assert sum(len(row["_errors"]) for row in aside) == imported.report.error_count
    assert all(row["_errors"] for row in aside)
    assert len(set(ids(table))) == len(ids(table))


def test_rows_that_refer_to_nothing_are_set_aside_also_where_others_refer_to_them(tmp_path: Path) -> None:
    attributes = [{"name": "id", "type": "integer"}, {"name": "boss", "type": "integer"}]
    keys = [{"fields": "boss", "reference": {"resource": "", "fields": "id"}}]
    definition = {"attributes": attributes, "primaryKey": ["id"], "foreignKeys": keys}
    table = TableFactory.create(object=ObjectSchemaFactory.create(definition=definition), rows=[{"id": 1}])
    rows = [{"id": 2, "boss": 1}, {"id": 3, "boss": 99}, {"id": 4, "boss": 3}, {"id": 5, "boss": 2}]
    imported = take(table, lines(tmp_path, *rows))
    assert ids(table) == [1, 2, 5]
    aside = [json.loads(line) for line in content(imported).splitlines()]
    assert [(row["id"], row["_errors"][0]["code"]) for row in aside] == [(3, "foreign_key"), (4, "foreign_key")]


def test_a_lenient_upsert_changes_adds_and_sets_aside(table: Table, tmp_path: Path) -> None:
    rows = [{"id": 1, "name": "new"}, {"id": 2, "name": "bob"}, {"id": 2, "name": "late"}, {"id": 3, "name": "x"}]
    imported = take(table, lines(tmp_path, *rows), mode="upsert")
    assert [(row["id"], row["name"]) for row in stored(table)] == [(1, "new"), (2, "bob")]
    assert (imported.version.added, imported.version.changed) == (1, 1)
    assert imported.set_aside is not None
    assert imported.set_aside.row_count == 2


def test_rows_are_set_aside_from_a_file_that_lacks_an_attribute(tmp_path: Path) -> None:
    shape = ObjectSchemaFactory.create(definition={"attributes": ATTRIBUTES, "fieldsMatch": "superset"})
    imported = take(TableFactory.create(object=shape), csv_text(tmp_path, "id,name\n1,eve\nx,cy\n"), format_name="csv")
    assert (imported.version.added, content(imported).count("cy")) == (1, 1)
