"""The page that makes an Object from a file: upload, evidence, edit, and the file as its first Table."""

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog.models import Application, ObjectSchema, Table

PAGE = "/objects/new/from-file/"
CSV = b"id,zip\n1,01234\n2,98101\n"


@pytest.fixture
def client(client: Client, settings: Any, db: None) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return client


def upload(client: Client, application: Application, content: bytes = CSV, **more: Any) -> Any:
    file = SimpleUploadedFile("people.csv", content)
    return client.post(PAGE, {"file": file, "application": application.pk, **more})


def carried(answer: Any) -> str:
    return str(answer.context["carried"])


def saving(application: Application, file: str, **more: Any) -> dict[str, Any]:
    attributes = [{"name": "id", "type": "integer"}, {"name": "zip", "type": "string"}]
    fields = {"application": application.pk, "name": "people", "attributes": json.dumps(attributes)}
    return {"mode": "json", "action": "save", "carried": file, **fields, **more}


def test_the_upload_shows_types_with_their_evidence(client: Client, application: Application) -> None:
    answer = upload(client, application, accept=["primaryKey"])
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "1 value has leading zeros: string" in text
    assert re.search(r'name="name" value="people"', text)
    assert answer.context["editor"].rows.forms[0].initial["primary_key"] is True


def test_the_object_is_made_with_the_file_as_its_first_table(client: Client, application: Application) -> None:
    file = carried(upload(client, application))
    answer = client.post(PAGE, saving(application, file, table="all"))
    assert answer.status_code == 302, answer.content.decode()
    assert (Table.objects.get(name="all").object.name, Table.objects.get(name="all").row_count) == ("people", 2)


def test_without_a_name_for_a_table_only_the_object_is_made(client: Client, application: Application) -> None:
    file = carried(upload(client, application))
    assert client.post(PAGE, saving(application, file)).status_code == 302
    assert ObjectSchema.objects.filter(name="people").exists()
    assert not Table.objects.exists()


def test_a_file_that_does_not_conform_to_what_was_edited_makes_nothing(
    client: Client, application: Application
) -> None:
    file = carried(upload(client, application))
    attributes = json.dumps([{"name": "id", "type": "integer"}, {"name": "zip", "type": "boolean"}])
    answer = client.post(PAGE, saving(application, file, table="all", attributes=attributes))
    assert answer.status_code == 400
    assert "Row 1: zip is 01234" in answer.content.decode()
    assert not ObjectSchema.objects.filter(name="people").exists()
    assert carried(answer) == file


def test_the_editors_buttons_keep_the_file(client: Client, application: Application) -> None:
    file = carried(upload(client, application))
    answer = client.post(PAGE, saving(application, file, action="rows"))
    assert answer.status_code == 200
    assert carried(answer) == file
    assert "leading zeros" in answer.content.decode()


@pytest.mark.parametrize(
    ("content", "more"),
    [(b"", {}), (b"\n", {}), (b"PK\x03\x04 no archive", {}), (CSV, {"delimiter": "ab"}), (CSV, {"encoding": "base64"})],
)
def test_what_can_not_be_read_is_told_beside_its_field(
    client: Client, application: Application, content: bytes, more: dict[str, str]
) -> None:
    answer = upload(client, application, content, **more)
    assert answer.status_code == 400
    assert answer.context["form"].errors


@pytest.mark.parametrize("file", ["", "no json", "{}", '{"content": "!", "name": "a", "options": {}}', "[]", "7"])
def test_a_damaged_hidden_file_is_no_fault_of_the_server(client: Client, application: Application, file: str) -> None:
    assert client.post(PAGE, saving(application, file, table="all")).status_code == 302
    assert not Table.objects.exists()


CSVW = {
    "@context": "http://www.w3.org/ns/csvw",
    "url": "people.csv",
    "tableSchema": {"columns": [{"name": "born", "datatype": "date", "lang": "en"}], "primaryKey": "born"},
}


def test_a_schema_in_a_standards_words_is_edited_as_an_object(client: Client, application: Application) -> None:
    answer = upload(client, application, json.dumps(CSVW).encode(), standard="csvw")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "&#x27;lang&#x27; is not covered" in text
    assert 'action="/objects/new' in text
    first = answer.context["editor"].rows.forms[0].initial
    assert (first["name"], first["type"], first["primary_key"]) == ("born", "date", True)


@pytest.mark.parametrize("content", [b"no json", b"[]", b'{"@context": 1}', b"\xff", b'{"a": 1, "a": 2}'])
@pytest.mark.parametrize("standard", ["csvw", "table-schema", "json-schema"])
def test_what_is_no_schema_is_told_beside_the_file(
    client: Client, application: Application, standard: str, content: bytes
) -> None:
    answer = upload(client, application, content, standard=standard)
    assert answer.status_code == 400
    assert answer.context["form"].errors["file"]


def test_a_schema_that_is_unsound_is_shown_to_be_mended(client: Client, application: Application) -> None:
    schema = {"fields": [{"name": {}, "type": []}, {"name": "a", "constraints": 7}], "primaryKey": {"a": 1}}
    assert upload(client, application, json.dumps(schema).encode(), standard="table-schema").status_code == 200
