"""The forms of Objects and Tables: what is typed becomes a definition or rows, and comes back unharmed."""

import json
from typing import Any

import pytest
from django.test import RequestFactory

from catalog.browsing import page
from catalog.forms.attributes import attribute_values, from_text, join_members, split_members
from catalog.forms.grids import shown_text
from catalog.forms.objects import ObjectEditor
from catalog.models import Application, ObjectSchema, Table
from catalog.queries import RowQuery
from catalog.tests.factories import ObjectSchemaFactory

pytestmark = pytest.mark.django_db


def all_rows(table: Table) -> list[dict[str, Any]]:
    return page(table.current, RowQuery(table.current.object_version.schema), 1000)


def object_data(rows: list[dict[str, Any]], application: Application, **fields: Any) -> dict[str, Any]:
    """What a browser posts for these rows of attributes; a flag that is off is not sent."""
    data = {"name": "orders", "application": application.pk, "mode": "rows", "unique_keys": "", **fields}
    data |= {"attributes-TOTAL_FORMS": len(rows), "attributes-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        sent = {"type": "string", **row}
        data |= {f"attributes-{number}-{name}": value for name, value in sent.items() if value is not False}
    return data


def edited(data: dict[str, Any], instance: ObjectSchema | None = None) -> ObjectEditor:
    return ObjectEditor(RequestFactory().post("/objects/new", data), instance or ObjectSchema())


def rows_of(shape: ObjectSchema) -> list[dict[str, Any]]:
    key = shape.definition["primaryKey"]
    rows = [attribute_values(attribute, key) for attribute in shape.definition["attributes"]]
    return [row | {"rest": json.dumps(row["rest"])} for row in rows]


# --- attributes -----------------------------------------------------------------------------------------------------


def test_what_is_typed_becomes_the_definition(application: Application) -> None:
    rows = [
        {"name": "id", "type": "integer", "primary_key": "on", "minimum": "1"},
        {"name": "status", "required": "on", "enum": 'placed, "on hold, again"\nshipped'},
        {"name": "amount", "type": "number", "precision": "12", "scale": "2", "exclusiveMinimum": "0.5"},
        {"name": "at", "type": "datetime", "timezone": "on", "title": "When"},
    ]
    editor = edited(object_data(rows, application, unique_keys="status, at"))
    assert editor.save(None)
    definition = ObjectSchema.objects.get(name="orders").definition
    assert definition["attributes"] == [
        {"name": "id", "type": "integer", "constraints": {"minimum": 1}},
        {
            "name": "status",
            "type": "string",
            "constraints": {"required": True, "enum": ["placed", "on hold, again", "shipped"]},
        },
        {
            "name": "amount",
            "type": "number",
            "precision": 12,
            "scale": 2,
            "constraints": {"exclusiveMinimum": 0.5},
        },
        {"name": "at", "type": "datetime", "timezone": True, "title": "When"},
    ]
    assert definition["primaryKey"] == ["id"]
    assert definition["uniqueKeys"] == [["status", "at"]]


def test_saving_a_definition_that_was_not_touched_makes_no_version(application: Application) -> None:
    attributes = [
        {"name": "id", "type": "integer", "example": 7, "constraints": {"required": False}},
        {"name": "a, b", "type": "string", "tags": ["x"], "constraints": {"enum": ["", "a,b", 'say "c"']}},
        {"name": "t", "type": "datetime", "timezone": False, "constraints": {}},
    ]
    shape = ObjectSchemaFactory.create(application=application, attributes=attributes, primary_key=["a, b", "id"])
    data = object_data(rows_of(shape), application, name=shape.name)
    kept = {name: value for name, value in shape.definition.items() if name not in {"attributes", "uniqueKeys"}}
    editor = edited(data | {"kept": json.dumps(kept), "expected_version": 1}, shape)
    assert editor.save(None), (editor.form.errors, editor.rows.errors)
    shape.refresh_from_db()
    assert shape.version == 1


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ({"name": ""}, "name", "blank"),
        ({"name": "_id"}, "name", "reserved"),
        ({"name": "n", "type": "text"}, "type", "unknown_type"),
        ({"name": "n", "type": "integer", "minimum": "many"}, "minimum", "type"),
        ({"name": "n", "type": "integer", "minLength": "3"}, "minLength", "not_allowed"),
        ({"name": "n", "maxLength": "-1"}, "maxLength", "type"),
        ({"name": "n", "pattern": "("}, "pattern", "invalid_pattern"),
        ({"name": "n", "type": "integer", "enum": "1\ntwo"}, "enum", "type"),
        ({"name": "n", "type": "number", "scale": "2"}, "scale", "not_allowed"),
        ({"name": "n", "type": "date", "timezone": "on"}, "timezone", "not_allowed"),
        ({"name": "n", "type": "integer", "minimum": "5", "maximum": "1"}, "__all__", "contradiction"),
    ],
)
def test_a_problem_stands_beside_its_field(
    application: Application, row: dict[str, Any], field: str, code: str
) -> None:
    blank, good = {"name": ""}, {"name": "good"}
    row = row if row["name"] else row | {"minLength": "1"}
    editor = edited(object_data([good, blank, row], application))
    assert not editor.save(None)
    assert [error.code for error in editor.rows.forms[2].errors.as_data()[field]] == [code]
    assert not editor.rows.forms[0].errors
    assert not ObjectSchema.objects.exists()


def test_a_key_that_names_no_attribute_is_told_at_the_keys(application: Application) -> None:
    editor = edited(object_data([{"name": "id"}], application, unique_keys="idd"))
    assert not editor.save(None)
    assert "did you mean 'id'?" in editor.keys.errors["unique_keys"][0]


def test_a_taken_name_is_told(application: Application) -> None:
    ObjectSchemaFactory.create(application=application, name="orders")
    editor = edited(object_data([{"name": "id"}], application))
    assert not editor.save(None)
    assert "already has an object of this name" in str(editor.form.errors)


def test_rows_can_be_added_moved_and_removed(application: Application) -> None:
    rows = [{"name": "a", "minLength": "1", "required": "on"}, {"name": "b"}]
    for action, names in [("add", ["a", "b", ""]), ("down 0", ["b", "a"]), ("up 0", ["a", "b"]), ("remove 0", ["b"])]:
        editor = edited(object_data(rows, application, action=action))
        editor.act()
        assert [form["name"].value() for form in editor.rows.forms] == [name or None for name in names]
    moved = edited(object_data(rows, application, action="down 0"))
    moved.act()
    assert moved.rows.forms[1]["minLength"].value() == "1"
    assert moved.rows.forms[1]["required"].value()
    assert not ObjectSchema.objects.exists()


def test_rows_become_json_and_rows_again(application: Application) -> None:
    editor = edited(object_data([{"name": "n", "type": "integer", "minimum": "3"}], application, action="json"))
    editor.act()
    text = editor.form["attributes"].value()
    assert json.loads(text)["attributes"] == [{"name": "n", "type": "integer", "constraints": {"minimum": 3}}]
    back = edited({"mode": "json", "action": "rows", "attributes": text, "name": "orders"})
    back.act()
    assert back.rows.forms[0]["minimum"].value() == "3"
    assert back.form["name"].value() == "orders"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "can't be read at line 1"),
        ('{"attributes": [{"name": "a", "type": "integer", "constraints": {"minimum": NaN}}]}', "NaN"),
        ("[]", "at least one attribute"),
        ('[{"name": "a", "type": "string", "constraints": {"minimum": 1}}]', "/0/constraints/minimum: A string can't"),
        ('{"attributes": [{"name": "a", "type": "string"}], "foreign": 1}', "'foreign' is unknown"),
    ],
)
def test_a_wrong_definition_in_json_is_refused_with_its_place(
    application: Application, text: str, message: str
) -> None:
    editor = edited({"mode": "json", "name": "n", "application": application.pk, "attributes": text})
    assert not editor.save(None)
    assert message in " ".join(editor.json_errors)


def test_a_list_of_attributes_alone_is_a_definition(application: Application) -> None:
    text = '[{"name": "col1", "type": "string"}]'
    editor = edited({"mode": "json", "name": "n", "application": application.pk, "attributes": text})
    assert editor.save(None)


def test_an_object_that_somebody_changed_meanwhile_is_not_overwritten(application: Application) -> None:
    shape = ObjectSchemaFactory.create(application=application, name="orders")
    editor = edited(object_data([{"name": "id"}], application, expected_version=7), shape)
    assert not editor.save(None)
    assert "you began with version 7" in str(editor.form.errors)


def test_an_object_of_very_many_attributes_is_edited_as_json(application: Application) -> None:
    attributes = [{"name": f"a{number}", "type": "string"} for number in range(600)]
    shape = ObjectSchemaFactory.create(application=application, attributes=attributes)
    editor = ObjectEditor(RequestFactory().get("/objects/edit"), shape)
    assert editor.as_json
    assert not editor.rows.forms
    assert len(json.loads(editor.form["attributes"].value())["attributes"]) == 600


# --- texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("members", [["a", "b"], ["a,b", 'c"d', "", " e ", "f\ng"], ["1"], []])
def test_members_come_back_as_they_were(members: list[str]) -> None:
    assert split_members(join_members(members)) == members
    assert split_members(join_members(members, ", ")) == members


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", " 12 ", 12),
        ("integer", "twelve", "twelve"),
        ("number", "1e400", "1e400"),
        ("number", "NaN", "NaN"),
        ("boolean", "true", True),
        ("integer", "true", "true"),
        ("string", "12", "12"),
        ("date", "2026-01-31", "2026-01-31"),
    ],
)
def test_a_typed_limit_is_read_by_its_type(kind: str, text: str, value: Any) -> None:
    assert from_text(kind, text) == value


@pytest.mark.parametrize(("value", "shown"), [(None, ""), ("", '""'), ("a", "a"), ('"q"', '"""q"""'), ('"', '"')])
def test_null_empty_and_quoted_texts_look_different_in_a_cell(value: str | None, shown: str) -> None:
    assert shown_text(value) == shown
