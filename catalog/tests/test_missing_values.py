"""Missing values of one attribute: its own texts stand for no value, in place of the Object's."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog.exporting import export
from catalog.formats import FORMATS, CSVText
from catalog.forms.attributes import AttributeFormSet, attribute_values
from catalog.models import ObjectSchema, Table
from catalog.rules import check_definition
from catalog.standards import from_table_schema, table_schema
from catalog.tests.conftest import Checked
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

ATTRIBUTES: list[dict[str, Any]] = [
    {"name": "id", "type": "integer"},
    {"name": "level", "type": "integer", "missingValues": ["-1", "NA"]},
    {"name": "note", "type": "string", "missingValues": ["-"]},
    {"name": "other", "type": "string"},
]
CSV = 'id,level,note,other\n1,-1,-,-\n2,NA,,\n3,7,NA,""\n4,"8","-","x"\n'
ROWS = [("1", None, None, "-"), ("2", None, "", None), ("3", "7", "NA", ""), ("4", "8", "-", "x")]


def read(check_source: Callable[..., Checked], tmp_path: Path, text: str, attributes: Any = ATTRIBUTES) -> Checked:
    return check_source(attributes, CSVText(io.BytesIO(text.encode()), tmp_path))


def test_each_attribute_has_its_own_texts_for_nothing(check_source: Callable[..., Checked], tmp_path: Path) -> None:
    assert read(check_source, tmp_path, CSV).rows == ROWS


def test_so_it_is_among_records_that_are_at_fault(check_source: Callable[..., Checked], tmp_path: Path) -> None:
    checked = read(check_source, tmp_path, CSV + '5\n6,,-,-\n7,"-1x",,\n')
    assert checked.found == [(5, "", "malformed"), (6, "level", "type"), (7, "level", "type")]


def test_of_a_file_of_one_column_it_says_what_a_blank_line_is(
    check_source: Callable[..., Checked], tmp_path: Path
) -> None:
    own = [{"name": "a", "type": "string", "missingValues": ["-"]}]
    assert read(check_source, tmp_path, "a\n-\n\nx\n", own).cells == [None, "", "x"]
    usual = [{"name": "a", "type": "string"}]
    assert read(check_source, tmp_path, "a\n-\n\nx\n", usual).cells == ["-", None, "x"]
    nothing = [{"name": "a", "type": "string", "missingValues": []}]
    assert read(check_source, tmp_path, "a\n-\n\nx\n", nothing).cells == ["-", "", "x"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_what_is_written_reads_back(api: APIClient, name: str) -> None:
    shape = ObjectSchemaFactory.create(attributes=ATTRIBUTES)
    rows = [{"id": 1, "level": 3, "note": None, "other": "-"}, {"id": 2, "level": None, "note": "NA", "other": None}]
    if name == "csv":  # in a workbook, a text is a text: what means nothing is not told from what says it
        rows += [{"id": 3, "level": -1, "note": "-", "other": ""}, {"id": 4, "level": 0, "note": "", "other": "x"}]
    table = TableFactory.create(object=shape, rows=rows)
    row_format = FORMATS[name].rows
    content = b"".join(export(table.current, row_format))
    answer = api.post(f"/api/v1/tables?object={shape.pk}&name=again", content, content_type=row_format.media_type)
    assert answer.status_code == 201, answer.json()
    assert [{k: v for k, v in row.items() if k != "_id"} for row in answer.json()["rows"]] == rows


@pytest.mark.django_db
def test_a_workbook_is_read_alike_and_rows_of_json_are_not(api: APIClient) -> None:
    shape = ObjectSchemaFactory.create(attributes=ATTRIBUTES)
    text = ObjectSchemaFactory.create(attributes=[{"name": each["name"], "type": "string"} for each in ATTRIBUTES])
    table = TableFactory.create(object=text, rows=[{"id": "1", "level": "NA", "note": "-", "other": "-"}])
    content = b"".join(export(table.current, FORMATS["xlsx"].rows))
    answer = api.post(
        f"/api/v1/tables?object={shape.pk}&name=a", content, content_type=FORMATS["xlsx"].rows.media_type
    ).json()
    assert answer["rows"] == [{"_id": 1, "id": 1, "level": None, "note": None, "other": "-"}]
    rows = [{"id": 1, "level": -1, "note": "-"}]
    answer = api.post("/api/v1/tables", {"object": shape.pk, "name": "b", "rows": rows}).json()
    assert (answer["rows"][0]["level"], answer["rows"][0]["note"]) == (-1, "-")


@pytest.mark.django_db
def test_rows_set_aside_keep_what_stood_for_nothing(api: APIClient) -> None:
    shape = ObjectSchemaFactory.create(attributes=ATTRIBUTES)
    table = TableFactory.create(object=shape)
    body = "id,level,note,other\nx,NA,-,-\n1,1,a,b\n"
    lenient = {"Prefer": "handling=lenient"}
    answer = api.post(f"/api/v1/tables/{table.pk}/rows", body, content_type="text/csv", headers=lenient).json()
    text = b"".join(api.get(answer["set_aside"]).streaming_content).decode()  # type: ignore[attr-defined]
    mended = text.replace(",x,", ",2,")
    assert mended != text
    api.post(f"/api/v1/tables/{table.pk}/rows", mended, content_type="text/csv")
    found = api.get(f"/api/v1/tables/{table.pk}/rows").json()["results"][1]
    assert found == {"_id": 2, "id": 2, "level": None, "note": None, "other": "-"}


# --- the definition -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["NA", [1], {"NA": 1}, True])
def test_missing_values_are_texts(given: Any) -> None:
    problems = check_definition({"attributes": [{"name": "a", "type": "string", "missingValues": given}]})
    assert [(problem.path, problem.code) for problem in problems] == [("/0/missingValues", "type")]


@pytest.mark.django_db
def test_an_object_answers_them_as_they_were_given(api: APIClient) -> None:
    body = {"application": "app", "name": "levels", "attributes": ATTRIBUTES}
    made = api.post("/api/v1/objects", body).json()
    assert made["attributes"] == ATTRIBUTES
    schema = api.get(f"/api/v1/objects/{made['id']}/schema?as=table-schema").json()
    assert schema["fields"] == ATTRIBUTES
    refused = api.post("/api/v1/objects", {**body, "name": "b", "attributes": [{**ATTRIBUTES[0], "missingValues": 1}]})
    assert refused.json()["errors"][0]["pointer"] == "/attributes/0/missingValues"


def test_a_table_schema_may_label_them() -> None:
    labelled = {"name": "a", "type": "string", "missingValues": [{"value": "-9", "label": "refused"}, ""]}
    definition, problems = from_table_schema({"fields": [labelled]})
    assert problems == []
    assert definition["attributes"] == [{"name": "a", "type": "string", "missingValues": ["-9", ""]}]
    assert table_schema(definition)["fields"] == definition["attributes"]


@pytest.mark.parametrize("missing", [["-1", "NA"], [""], [], ["a, b", ""]])
def test_the_form_keeps_them(missing: list[str]) -> None:
    attribute = {"name": "a", "type": "integer", "missingValues": missing}
    values = {f"form-0-{name}": value for name, value in attribute_values(attribute, []).items()}
    values["form-0-rest"] = json.dumps(values["form-0-rest"])
    data = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "0", **values}
    forms = AttributeFormSet({name: value for name, value in data.items() if value is not False})
    assert forms.is_valid(), forms.errors
    assert forms.forms[0].attribute() == attribute


@pytest.mark.django_db
def test_the_page_says_them(client: Client, settings: Settings) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    shape: ObjectSchema = ObjectSchemaFactory.create(attributes=ATTRIBUTES)
    page = client.get(f"/objects/{shape.pk}/").content.decode()
    assert "missing in text is -1 or NA" in page
    assert not Table.objects.exists()
