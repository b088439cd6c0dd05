"""Files whose header is blank, doubled or another: names can be given for their columns, in every face."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog.exporting import export
from catalog.formats import FORMATS
from catalog.models import ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

CSV = b"id,,id\n1,ann,2.5\n2,bob,3\n"
ROWS = [{"_id": 1, "id": 1, "name": "ann", "amount": 2.5}, {"_id": 2, "id": 2, "name": "bob", "amount": 3.0}]


@pytest.fixture
def shape(db: None) -> ObjectSchema:
    return ObjectSchemaFactory.create(name="orders")


@pytest.mark.parametrize("header", ["id,name,amount", '["id", "name", "amount"]'])
def test_names_are_given_in_the_address(api: APIClient, shape: ObjectSchema, header: str) -> None:
    address = f"/api/v1/tables?object={shape.pk}&name=a"
    refused = api.post(address, CSV, content_type="text/csv").json()
    told = [(error["code"], "option header" in error["message"]) for error in refused["errors"]]
    assert ("duplicate_attribute", True) in told
    assert ("unknown_attribute", True) in told
    answer = api.post(f"{address}&header={header}", CSV, content_type="text/csv")
    assert (answer.status_code, answer.json()["rows"]) == (201, ROWS)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [("id,name", "names 2 columns; the file has 3: 'id', '', 'id'"), ("[1]", "such as id,name"), ('"a', "such as")],
)
def test_names_must_fit(api: APIClient, shape: ObjectSchema, header: str, sentence: str) -> None:
    answer = api.post(f"/api/v1/tables?object={shape.pk}&name=a&header={header}", CSV, content_type="text/csv").json()
    assert answer["status"] == 400
    assert answer["errors"][0]["pointer"] == "/header"
    assert sentence in answer["errors"][0]["message"]


def test_rows_of_json_have_no_header(api: APIClient, shape: ObjectSchema) -> None:
    address = f"/api/v1/tables?object={shape.pk}&name=a&header=id"
    answer = api.post(address, b'{"id": 1}', content_type="application/x-ndjson").json()
    assert (answer["status"], "header is given, but NDJSON has none" in str(answer)) == (400, True)


@pytest.mark.parametrize("name", ["xlsx", "ods", "parquet"])
def test_columns_of_every_format_are_named(api: APIClient, shape: ObjectSchema, name: str) -> None:
    attributes = [{"name": "a", "type": "integer"}, {"name": "b", "type": "string"}]
    other = TableFactory.create(object=ObjectSchemaFactory.create(attributes=attributes), rows=[{"a": 1, "b": "ann"}])
    row_format = FORMATS[name].rows
    content = b"".join(export(other.current, row_format))
    pair = ObjectSchemaFactory.create(attributes=[{**each, "name": f"new {each['name']}"} for each in attributes])
    address = f"/api/v1/tables?object={pair.pk}&name=a&header=new a,new b"
    answer = api.post(address, content, content_type=row_format.media_type)
    assert (answer.status_code, answer.json().get("rows")) == (201, [{"_id": 1, "new a": 1, "new b": "ann"}])


def test_what_is_described_bears_the_given_names(api: APIClient, db: None) -> None:
    answer = api.post("/api/v1/objects/describe?header=x,y,z", CSV, content_type="text/csv").json()
    assert [each["name"] for each in answer["object"]["attributes"]] == ["x", "y", "z"]


def test_rows_set_aside_bear_the_given_names(api: APIClient, shape: ObjectSchema) -> None:
    address = f"/api/v1/tables?object={shape.pk}&name=a&header=id,name,amount"
    lenient = {"Prefer": "handling=lenient"}
    answer = api.post(address, CSV + b"x,cid,1\n", content_type="text/csv", headers=lenient).json()
    text = b"".join(api.get(answer["set_aside"]).streaming_content).decode()  # type: ignore[attr-defined]
    assert text.startswith("_row,_errors,id,name,amount\n3,")


def test_the_command_takes_names(shape: ObjectSchema, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(CSV)
    named: Any = {"application": shape.application.name, "object": "orders", "table": "a"}
    with pytest.raises(CommandError):
        call_command("import_table", str(file), **named, stdout=io.StringIO(), stderr=io.StringIO())
    call_command("import_table", str(file), **named, header="id,name,amount", stdout=io.StringIO())
    assert Table.objects.get().row_count == 2


def test_the_page_takes_names(client: Client, settings: Settings, shape: ObjectSchema) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    table = TableFactory.create(object=shape)
    sent: dict[str, Any] = {"action": "import", "mode": "append"}
    page = client.post(f"/tables/{table.pk}/import/", {**sent, "file": SimpleUploadedFile("a.csv", CSV)})
    assert "the option header gives the columns other names" in page.content.decode()
    short = {**sent, "file": SimpleUploadedFile("a.csv", CSV), "header": "id"}
    assert "The header names 1 columns" in client.post(f"/tables/{table.pk}/import/", short).content.decode()
    named = {**sent, "file": SimpleUploadedFile("a.csv", CSV), "header": "id,name,amount"}
    assert client.post(f"/tables/{table.pk}/import/", named).status_code == 302
    table.refresh_from_db()
    assert table.row_count == 2
