"""The commands describe and validate: what they print, and the code that they leave with."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Application, ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory

ATTRIBUTES = [
    {"name": "id", "type": "integer"},
    {"name": "zip", "type": "string"},
    {"name": "seats", "type": "integer"},
]
ROWS = "id,zip,seats\n1,01234,2\n2,98101,\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "planes.csv"
    path.write_text(ROWS)
    return path


def run(command: str, *arguments: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def refused(command: str, *arguments: Any, **options: Any) -> tuple[int, str]:
    with pytest.raises(CommandError) as error:
        run(command, *arguments, **options)
    return error.value.returncode, str(error.value)


def test_the_table_has_types_evidence_and_suggestions(file: Path) -> None:
    text = run("describe", file)
    assert "2 rows looked at; format 'csv'" in text
    assert "1 value has leading zeros: string" in text
    assert "1 of 2 values are integers; 1 is empty" in text
    assert "Suggested (--accept):" in text


def test_json_has_all_that_was_found(file: Path) -> None:
    found = json.loads(run("describe", file, output="json"))
    assert [attribute["type"] for attribute in found["attributes"]] == ["integer", "string", "integer"]
    assert found["object"]["name"] == "planes"


def test_an_object_is_made_with_the_file_as_its_first_table(file: Path, application: Application) -> None:
    run("describe", file, create=["test", "planes"], table="all", accept="primaryKey,required")
    assert ObjectSchema.objects.get(name="planes").schema.primary_key == ("id",)
    assert Table.objects.get(name="all").row_count == 2


def test_what_is_described_conforms_without_a_database(file: Path, tmp_path: Path) -> None:
    schema = tmp_path / "planes.json"
    schema.write_text(run("describe", file, output="object", accept="all", application="demo"))
    assert run("validate", file, schema=schema) == "All 2 rows conform.\n"


@pytest.mark.parametrize(
    "schema",
    [
        {
            "fields": [
                {"name": "id", "type": "integer"},
                {"name": "zip", "type": "string"},
                {"name": "seats", "type": "integer"},
            ]
        },
        [{"name": "id", "type": "integer"}, {"name": "zip", "type": "string"}, {"name": "seats", "type": "integer"}],
    ],
)
def test_a_file_is_checked_against_a_table_schema(file: Path, tmp_path: Path, schema: Any) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(schema))
    assert run("validate", file, schema=path) == "All 2 rows conform.\n"


@pytest.mark.django_db
def test_rows_that_do_not_conform_leave_with_1(file: Path, application: Application) -> None:
    attributes = [{"name": name, "type": "integer"} for name in ("id", "zip", "seats")]
    ObjectSchemaFactory.create(application=application, name="planes", attributes=attributes)
    assert run("validate", file, application="test", object="planes") == "All 2 rows conform.\n"
    file.write_text(ROWS + "x,1,1\ny,1,1\n")
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("validate", str(file), application="test", object="planes", stdout=out)
    assert error.value.returncode == 1
    assert "2 errors in 4 rows" in out.getvalue()
    assert "2       id         type  id is x; it must be a whole number" in out.getvalue()


SCHEMAS = {
    "table-schema": {"fields": ATTRIBUTES},
    "json-schema": {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "zip": {"type": "string"}, "seats": {"type": "integer"}},
        "additionalProperties": False,
    },
    "csvw": {
        "@context": "http://www.w3.org/ns/csvw",
        "tables": [
            {
                "url": "planes.csv",
                "tableSchema": {"columns": [{"name": each["name"], "datatype": each["type"]} for each in ATTRIBUTES]},
            },
            {"url": "pilots.csv", "tableSchema": {"columns": [{"name": "id"}]}},
        ],
    },
}


@pytest.mark.parametrize("standard", SCHEMAS)
def test_a_schema_in_a_standards_words_becomes_an_object(
    tmp_path: Path, application: Application, standard: str
) -> None:
    path = tmp_path / "planes.csv-metadata.json"
    path.write_text(json.dumps(SCHEMAS[standard]))
    found = json.loads(run("describe", path, standard=standard, create=["test", "planes"]))
    assert (found["name"], found["attributes"]) == ("planes", ATTRIBUTES)
    assert ObjectSchema.objects.get(name="planes").schema.names == ["id", "zip", "seats"]


def test_a_file_is_checked_against_csvw(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "csvw.json"
    path.write_text(json.dumps(SCHEMAS["csvw"]))
    assert run("validate", file, schema=path) == "All 2 rows conform.\n"


def test_a_schema_that_is_none_of_its_standard_is_told_with_its_places(tmp_path: Path) -> None:
    path = tmp_path / "planes.json"
    path.write_text(json.dumps({**SCHEMAS["csvw"], "@id": "_:planes"}))
    code, message = refused("describe", path, standard="csvw", name="planes")
    assert (code, "/@id: An @id is" in message) == (2, True)
    assert "planes, pilots" in refused("describe", path, standard="csvw", name="x")[1]
    assert refused("describe", path, standard="csvw", delimiter=";")[0] == 2
    path.write_text("no json")
    assert refused("describe", path, standard="csvw")[0] == 2


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("describe", {"file": "nowhere.csv"}),
        ("describe", {"accept": "nope"}),
        ("describe", {"table": "x"}),
        ("describe", {"rows": 0}),
        ("describe", {"delimiter": "ab"}),
        ("validate", {}),
        ("validate", {"application": "test"}),
        ("validate", {"schema": "nowhere.json"}),
        ("validate", {"schema": "x", "object": "y"}),
    ],
)
def test_wrong_usage_leaves_with_2(file: Path, command: str, options: dict[str, Any]) -> None:
    name = options.pop("file", file)
    assert refused(command, name, **options)[0] == 2


def test_a_schema_that_is_none_is_told_with_everything_that_is_wrong(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"fields": [{"name": "a", "type": "nope"}, {"name": "", "type": "string"}]}')
    code, message = refused("validate", file, schema=path)
    assert code == 2
    assert "/0/type" in message
    assert "/1/name" in message
