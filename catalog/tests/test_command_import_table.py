"""import_table: files into Tables, and what is said when that can't be."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Application, ObjectSchema, Part, Table, TableVersion
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shape(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory.create(application=application, name="orders", primary_key=("id",))


def run(file: Any, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    arguments = {"application": "test", "object": "orders", "table": "week 1", **options}
    call_command("import_table", str(file), **arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refusal(file: Any, **options: Any) -> tuple[str, int, str]:
    """Message, exit code and what stands above it; the database is as it was."""
    before = state()
    out, err = io.StringIO(), io.StringIO()
    arguments = {"application": "test", "object": "orders", "table": "week 1", **options}
    with pytest.raises(CommandError) as refused:
        call_command("import_table", str(file), **arguments, stdout=out, stderr=err)
    assert state() == before
    return str(refused.value), refused.value.returncode, err.getvalue()


def state() -> list[Any]:
    return [
        sorted(Table.objects.values_list("name", "version", "row_count")),
        TableVersion.objects.count(),
        Part.objects.count(),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", "name,id,amount\nann,1,2.50\n,2,\n"),
        ("rows.ndjson", '{"id": 1, "name": "ann", "amount": 2.50}\n{"id": 2}\n'),
        ("rows.jsonl", '{"id": 1, "name": "ann", "amount": 2.50}\n{"id": 2}\n'),
        ("rows.json", '[{"id": 1, "name": "ann", "amount": 2.50}, {"id": 2}]'),
    ],
)
def test_a_file_of_each_format_becomes_a_table(shape: ObjectSchema, tmp_path: Path, name: str, text: Any) -> None:
    file = tmp_path / name
    file.write_text(text)
    out, err = run(file, message="from the till")
    assert "orders/week 1 is at version 1 with 2 rows." in out
    assert err == ""
    version = shape.tables.get(name="week 1").current
    assert (version.row_count, version.message) == (2, "from the till")


def test_append_adds_rows_and_replace_puts_them_in_place_of_all(shape: ObjectSchema, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,name,amount\n1,ann,\n")
    run(file)
    file.write_text("id,name,amount\n2,bob,\n")
    run(file, mode="append")
    table = shape.tables.get(name="week 1")
    assert (table.version, table.row_count) == (2, 2)
    run(file, mode="replace")
    table.refresh_from_db()
    assert (table.version, table.row_count) == (3, 1)


def test_rows_that_do_not_conform_are_listed_with_row_and_line_and_exit_with_1(
    shape: ObjectSchema, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('id,name,amount\n1,"a\nb",2.50\nx,c,1.234\n3\n')
    message, code, table = refusal(file)
    assert (message, code) == ("3 errors in 3 rows; nothing was imported.", 1)
    assert [line.split()[:4] for line in table.splitlines()[2:]] == [
        ["2", "4", "id", "type"],
        ["2", "4", "amount", "type"],
        ["3", "5", "malformed", "The"],
    ]


def test_a_key_that_stands_twice_is_listed_with_its_line(shape: ObjectSchema, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('id,name,amount\n1,"a\nb",\n1,c,\n')
    _, code, table = refusal(file)
    assert code == 1
    assert table.splitlines()[2].split()[:4] == ["2", "4", "id", "primary_key"]


def test_the_list_of_errors_ends_and_says_how_many_more_there_are(shape: ObjectSchema, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,name,amount\n" + "x,,\n" * 2_000)
    message, _, table = refusal(file)
    assert message == "2000 errors in 2000 rows; nothing was imported."
    assert len(table.splitlines()) == 53
    assert table.splitlines()[-1] == "... and 1,950 more"


def test_a_header_that_does_not_fit_is_refused(shape: ObjectSchema, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,nme,amount\n1,,\n")
    _, code, table = refusal(file)
    assert code == 1
    assert "'nme' is no attribute; did you mean 'name'?" in table
    assert "'name' is not in the header" in table


@pytest.mark.parametrize("text", [b"", b'id,name,amount\n1,"x,\n', b"id,name,amount\n1,\xff,\n"])
def test_an_empty_file_an_open_quote_and_wrong_bytes_are_refused(
    shape: ObjectSchema, tmp_path: Path, text: Any
) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(text)
    assert refusal(file, encoding="utf-8", quote='"')[1] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"application": "tset"}, "There is no application 'tset'; did you mean 'test'?"),
        ({"object": "order"}, "There is no object 'order' in the application 'test'; did you mean 'orders'?"),
        ({"mode": "append"}, "There is no table 'week 1' of the object 'orders'; did you mean 'week 2'?"),
        ({"table": "week 2"}, "This object already has a table of this name."),
        ({"table": " "}, "name: This field cannot be blank."),
    ],
)
def test_wrong_names_are_refused_with_the_nearest_and_exit_with_2(
    shape: ObjectSchema, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    TableFactory.create(object=shape, name="week 2")
    file = tmp_path / "rows.csv"
    file.write_text("id,name,amount\n")
    assert refusal(file, **options)[:2] == (message, 2)


def test_a_file_that_is_not_there_and_options_that_cannot_be_meant_exit_with_2(
    shape: ObjectSchema, tmp_path: Path
) -> None:
    message, code, _ = refusal(tmp_path / "rows.csv")
    assert ("No such file" in message, code) == (True, 2)
    message, code, _ = refusal(tmp_path / "rows.csv", delimiter="abc")
    assert ("one character" in message, code) == (True, 2)


def test_a_file_whose_name_says_nothing_is_known_by_what_it_holds(shape: ObjectSchema, tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_text('{"id": 1}\n')
    assert "Read as ndjson" in run(file)[0]


def test_rows_are_put_in_place_by_primary_key(shape: ObjectSchema, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,name,amount\n1,ann,\n")
    run(file)
    file.write_text("id,name,amount\n1,new,\n2,bob,\n")
    out, _ = run(file, mode="upsert")
    assert "1 added, 1 changed" in out
    assert shape.tables.get().row_count == 2


def test_a_lenient_import_sets_rows_aside_in_a_file_that_can_be_mended(shape: ObjectSchema, tmp_path: Path) -> None:
    file, aside = tmp_path / "rows.csv", tmp_path / "aside.csv"
    file.write_text("id,name,amount\n1,ann,\nx,bob,\n1,eve,\n")
    out, err = run(file, lenient=True, set_aside=str(aside))
    assert "2 rows set aside with 2 errors" in out
    assert "primary_key" in err
    aside.write_text(aside.read_text().replace(",x,bob", ",2,bob").replace(",1,eve", ",3,eve"))
    out, err = run(aside, lenient=True, mode="append")
    assert "set aside" not in out
    assert err == ""
    assert shape.tables.get().row_count == 3


@pytest.mark.parametrize("lenient", [True, False])
def test_a_dry_run_changes_nothing(shape: ObjectSchema, tmp_path: Path, lenient: bool) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,name,amount\n1,ann,\n")
    before = state()
    out, _ = run(file, dry_run=True, lenient=lenient)
    assert "a dry run" in out
    assert state() == before


def test_what_was_found_out_of_a_file_is_said(shape: ObjectSchema, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,name,amount\n1,ann,\n")
    out, _ = run(file)
    assert "Read as csv" in out


def test_set_aside_without_lenient_is_wrong_usage(shape: ObjectSchema, tmp_path: Path) -> None:
    message, code, _ = refusal(tmp_path / "rows.csv", set_aside="x.csv")
    assert ("--lenient" in message, code) == (True, 2)
