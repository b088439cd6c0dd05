"""/objects/describe and /objects/{id}/validate: files of any format and rows in JSON."""

import gzip
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory

DESCRIBE = "/api/v1/objects/describe"
ROWS = [{"zip": "01234", "seats": 2}, {"zip": "98101", "seats": None}]
CSV = b"zip;seats\n01234;2\n98101;\n"
KIND = "attributes"


def described(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200, answer.content
    return {attribute["name"]: attribute["type"] for attribute in answer.json()[KIND]}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(ROWS).encode(), "application/json"),
        (json.dumps({"rows": ROWS}).encode(), "application/json"),
        ("".join(json.dumps(row) + "\n" for row in ROWS).encode(), "application/x-ndjson"),
        (CSV, "text/csv"),
        (gzip.compress(CSV, mtime=0), "application/gzip"),
    ],
)
def test_rows_in_any_form_are_described_alike(api: APIClient, body: bytes, content_type: str) -> None:
    answer = api.post(DESCRIBE, body, content_type=content_type)
    assert described(answer) == {"zip": "string", "seats": "integer"}
    assert "1 of 2 values are integers; 1 is empty" in answer.json()["attributes"][1]["evidence"]


def test_a_file_comes_as_a_part_of_a_form(api: APIClient) -> None:
    answer = api.post(DESCRIBE, {"file": SimpleUploadedFile("planes.csv", CSV)}, format="multipart")
    assert described(answer) == {"zip": "string", "seats": "integer"}
    assert answer.json()["found"]["delimiter"] == ";"


def test_what_was_found_out_can_be_overridden(api: APIClient) -> None:
    answer = api.post(f"{DESCRIBE}?delimiter=%7C&format=csv", CSV, content_type="text/csv")
    assert described(answer) == {"zip;seats": "string"}


@pytest.mark.django_db
def test_the_proposed_object_can_be_posted(api: APIClient, application: Application) -> None:
    address = f"{DESCRIBE}?application=test&name=planes&accept=required,primaryKey"
    proposed = api.post(address, CSV, content_type="text/csv").json()["object"]
    assert proposed["primaryKey"] == ["zip"]
    assert api.post("/api/v1/objects", proposed, format="json").status_code == 201
    shape = ObjectSchema.objects.get(name="planes")
    report = api.post(f"/api/v1/objects/{shape.pk}/validate", CSV, content_type="text/csv").json()
    assert (report["conforms"], report["row_count"]) == (True, 2)


@pytest.mark.parametrize(
    ("query", "body", "content_type", "status", "code"),
    [
        ("?nope=1", b"[]", "application/json", 400, "unknown_parameter"),
        ("?accept=nope", b"[]", "application/json", 400, "invalid_choice"),
        ("?format=nope", CSV, "text/csv", 400, None),
        ("?delimiter=ab", CSV, "text/csv", 400, None),
        ("?encoding=base64", CSV, "text/csv", 400, None),
        ("?sheet=a", CSV, "text/csv", 400, "malformed"),
        ("", b"[]", "application/json", 400, "malformed"),
        ("", b"[1, 2]", "application/json", 400, "malformed"),
        ("", b'{"a": 1}', "application/json", 400, "not_a_list"),
        ("", b"[{", "application/json", 400, "malformed"),
        ("", b"x", "application/pdf", 415, None),
        ("", b"\n", "text/csv", 400, "malformed"),
        ("", b"PK\x03\x04 no archive", "text/csv", 400, "malformed"),
        ("", b"\x1f\x8b no gzip", "text/csv", 400, "malformed"),
        ("", b"no form", "multipart/form-data; boundary=x", 400, None),
    ],
)
def test_what_can_not_be_described_is_refused(
    api: APIClient, query: str, body: bytes, content_type: str, status: int, code: str | None
) -> None:
    answer = api.post(DESCRIBE + query, body, content_type=content_type)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert code in {None, answer.json()["code"]}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"id,amount\n1,-1\n2,x\nz,1\n4,-2\n", "text/csv"),
        (
            b'[{"id":1,"amount":-1},{"id":2,"amount":"x"},{"id":"z","amount":1},{"id":4,"amount":-2}]',
            "application/json",
        ),
    ],
)
def test_errors_are_counted_by_attribute_and_code(
    api: APIClient, application: Application, body: bytes, content_type: str
) -> None:
    attributes = [
        {"name": "id", "type": "integer"},
        {"name": "amount", "type": "number", "constraints": {"minimum": 0}},
    ]
    shape = ObjectSchemaFactory.create(application=application, attributes=attributes)
    report = api.post(f"/api/v1/objects/{shape.pk}/validate", body, content_type=content_type).json()
    assert (report["conforms"], report["error_count"], report["errors_truncated"]) == (False, 4, False)
    assert [(kind["attribute"], kind["code"], kind["count"]) for kind in report["kinds"]] == [
        ("amount", "minimum", 2),
        ("amount", "type", 1),
        ("id", "type", 1),
    ]
    assert report["kinds"][0]["first"]["row"] == 1


def test_a_table_schema_is_posted_as_it_is(api: APIClient, application: Application) -> None:
    schema = {
        "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
        "fields": [{"name": "id", "type": "integer", "constraints": {"required": True}}, {"name": "name"}],
        "primaryKey": "id",
        "missingValues": ["", "NA"],
    }
    answer = api.post("/api/v1/objects", {"application": "test", "name": "people", **schema}, format="json")
    assert answer.status_code == 201, answer.content
    assert [attribute["name"] for attribute in answer.json()["attributes"]] == ["id", "name"]
    assert answer.json()["primaryKey"] == ["id"]


def test_a_json_schema_is_translated_and_what_is_not_covered_is_told(api: APIClient) -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "integer", "minimum": 1}, "name": {"type": ["string", "null"]}},
        "required": ["id"],
        "additionalProperties": False,
        "if": {},
    }
    found = api.post(f"{DESCRIBE}?from=json-schema&name=people", schema, format="json").json()
    assert found["object"]["attributes"] == [
        {"name": "id", "type": "integer", "constraints": {"required": True, "minimum": 1}},
        {"name": "name", "type": "string"},
    ]
    assert found["notes"] == ["/if: 'if' is not covered; it would not be checked."]


def test_an_unknown_standard_is_refused(api: APIClient) -> None:
    answer = api.post(f"{DESCRIBE}?from=avro", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_choice")


CSVW = {
    "@context": "http://www.w3.org/ns/csvw",
    "url": "people.csv",
    "tableSchema": {
        "columns": [{"name": "id", "datatype": "integer"}, {"name": "born", "datatype": "date", "lang": "en"}],
        "primaryKey": "id",
    },
}


@pytest.mark.django_db
def test_csvw_becomes_an_object_that_can_be_posted(api: APIClient, application: Application) -> None:
    found = api.post(f"{DESCRIBE}?from=csvw&name=people&application=test", CSVW, format="json").json()
    assert found["notes"] == ["/tableSchema/columns/1/lang: 'lang' is not covered; it would not be checked."]
    assert found["object"]["primaryKey"] == ["id"]
    assert api.post("/api/v1/objects", found["object"], format="json").status_code == 201


@pytest.mark.parametrize(
    ("standard", "document", "place"),
    [
        ("csvw", {**CSVW, "tableSchema": 7}, "/tableSchema"),
        ("csvw", [], ""),
        ("table-schema", {"fields": 7}, "/fields"),
        ("table-schema", {"fields": [7]}, "/fields/0"),
        ("json-schema", {"type": "array"}, ""),
        ("json-schema", {"type": "object", "properties": {"a": {}}, "required": 7}, "/required"),
    ],
)
def test_a_document_that_is_none_of_its_standard_is_refused_with_its_places(
    api: APIClient, standard: str, document: Any, place: str
) -> None:
    answer = api.post(f"{DESCRIBE}?from={standard}", document, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "not_of_standard")
    assert place in [error["pointer"] for error in answer.json()["errors"]]


WORDS = (
    "@id", "categories", "columns", "const", "constraints", "contentEncoding", "datatype", "dialect", "enum", "fields",
    "foreignKeys", "format", "items", "lang", "minLength", "minimum", "missingValues", "name", "null", "pattern",
    "primaryKey", "required", "separator", "tables", "title", "titles", "transformations", "type", "url", "virtual",
)  # fmt: skip
SETTINGS = ("@id", "@type", "base", "format", "minimum", "length", "maxLength", "minExclusive")


@pytest.mark.parametrize("strange", [7, "x", None, True, [], [7], [[]], {}, {"a": {}}, [{"type": []}]])
@pytest.mark.parametrize("standard", ["csvw", "table-schema", "json-schema"])
def test_no_value_of_a_document_is_a_fault_of_the_server(api: APIClient, standard: str, strange: Any) -> None:
    for word in WORDS:
        inner = {"name": "a", word: strange}
        document: dict[str, Any] = {
            "csvw": {**CSVW, word: strange, "tableSchema": {"columns": [inner], word: strange}},
            "table-schema": {"fields": [inner], word: strange},
            "json-schema": {"type": "object", "properties": {"a": {"type": "string", **inner}, "b": strange}},
        }[standard]
        assert api.post(f"{DESCRIBE}?from={standard}", document, format="json").status_code in {200, 400}
    for word in SETTINGS:
        document = {**CSVW, "tableSchema": {"columns": [{"name": "a", "datatype": {"base": "integer", word: strange}}]}}
        assert api.post(f"{DESCRIBE}?from=csvw", document, format="json").status_code in {200, 400}
