"""The pages of the catalog, as a person meets them: what is shown, what is saved, what is refused."""

import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from catalog.browsing import page
from catalog.contents import append_rows, update_rows
from catalog.models import Application, ObjectSchema, Table
from catalog.queries import RowQuery
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from catalog.writing import Write
from processes.models import Function, PortDefinition

pytestmark = pytest.mark.django_db

ATTRIBUTES = [
    {"name": "id", "type": "integer", "constraints": {"minimum": 1}},
    {"name": "name", "type": "string", "constraints": {"maxLength": 10}},
    {"name": "amount", "type": "number", "precision": 20, "scale": 2},
]
ROWS: list[Any] = [
    '{"id": 1, "name": "ann", "amount": 123456789012345678.25}',
    {"id": 2, "name": ""},
    {"id": 3, "name": None, "amount": 0.5},
]


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ann", password="tea")


@pytest.fixture
def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def shape(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory.create(application=application, name="orders", attributes=ATTRIBUTES, primary_key=["id"])


@pytest.fixture
def table(shape: ObjectSchema) -> Table:
    return TableFactory.create(object=shape, name="week 1", rows=ROWS)


def rows_of(table: Table) -> list[tuple[Any, ...]]:
    table.refresh_from_db()
    query = RowQuery(table.current.object_version.schema)
    return [tuple(map(_shown, row.values())) for row in page(table.current, query, 1000)]


def _shown(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str) else str(value)


def grid(table: Table, rows: Sequence[tuple[int | None, str, str, str]], **fields: Any) -> dict[str, Any]:
    """What a browser posts for a grid of these rows: the row's id, or None for a new one, then its cells."""
    data = {
        "name": table.name,
        "expected_version": table.version,
        "base_version": table.version,
        "rows": len(rows),
        **fields,
    }
    for number, (row_id, *cells) in enumerate(rows):
        data |= {f"id-{number}": row_id} if row_id else {}
        data |= {f"cell-{number}-{place}": text for place, text in enumerate(cells)}
    return data


KEPT: list[tuple[int | None, str, str, str]] = [
    (1, "1", "ann", "123456789012345678.25"),
    (2, "2", '""', ""),
    (3, "3", "", "0.50"),
]


# --- every page -----------------------------------------------------------------------------------------------------


def test_every_page_answers_with_and_without_its_last_slash(browser: Client, table: Table) -> None:
    names = ["object-list", "object-create", "table-list", "table-create"]
    paths = [reverse(name) for name in names]
    paths += [reverse(f"object-{name}", args=[table.object_id]) for name in ("detail", "edit", "delete")]
    paths += [reverse(f"table-{name}", args=[table.pk]) for name in ("detail", "edit", "delete")]
    paths += [reverse("table-row", args=[table.pk, 1]), reverse("table-create") + f"?object={table.object_id}"]
    for path in paths:
        assert browser.get(path).status_code == 200, path
        bare, _, query = path.partition("?")
        assert browser.get(f"{bare}/" + (f"?{query}" if query else "")).status_code == 200, path


def test_pages_need_no_inline_script_or_style(browser: Client, table: Table) -> None:
    for path in [reverse("object-edit", args=[table.object_id]), reverse("table-edit", args=[table.pk])]:
        text = browser.get(path).content.decode()
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert "<script>" not in text
        assert 'href="#content"' in text


def test_who_is_not_signed_in_is_sent_to_the_login(table: Table) -> None:
    path = reverse("table-detail", args=[table.pk])
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("login"))
    assert "Sign in" in Client().get(answer["Location"]).content.decode()


def test_what_is_not_there_is_404(browser: Client, table: Table) -> None:
    for path in [
        reverse("object-detail", args=["01J0000000000000000000NONE"]),
        reverse("table-row", args=[table.pk, 99]),
        reverse("table-detail", args=[table.pk]) + "?version=9",
        reverse("object-detail", args=[table.object_id]) + "?version=9",
    ]:
        answer = browser.get(path)
        assert answer.status_code == 404, path
        assert "Not found" in answer.content.decode()


def test_home_finds_objects_and_tables(browser: Client, table: Table) -> None:
    text = browser.get(reverse("home"), {"search": "week"}).content.decode()
    assert reverse("table-detail", args=[table.pk]) in text
    assert "Nothing has these words" in browser.get(reverse("home"), {"search": "nowhere"}).content.decode()


# --- objects --------------------------------------------------------------------------------------------------------


def test_the_list_of_objects_is_searched_and_filtered(browser: Client, shape: ObjectSchema) -> None:
    other = ObjectSchemaFactory.create(name="customers")
    found = browser.get(reverse("object-list"), {"search": "ord"}).content.decode()
    assert "orders" in found
    assert reverse("object-detail", args=[other.pk]) not in found
    found = browser.get(reverse("object-list"), {"application": other.application.name}).content.decode()
    assert reverse("object-detail", args=[other.pk]) in found
    assert reverse("object-detail", args=[shape.pk]) not in found


def test_an_object_is_made_from_rows(browser: Client, user: User, application: Application) -> None:
    data = {
        "name": " orders ",
        "application": application.pk,
        "mode": "rows",
        "attributes-TOTAL_FORMS": 1,
        "attributes-INITIAL_FORMS": 0,
        "attributes-0-name": "id",
        "attributes-0-type": "integer",
        "attributes-0-primary_key": "on",
    }
    answer = browser.post(reverse("object-create"), data)
    made = ObjectSchema.objects.get()
    assert answer["Location"] == reverse("object-detail", args=[made.pk])
    assert (made.name, made.version, made.created_by) == ("orders", 1, user)
    assert made.definition["primaryKey"] == ["id"]


def test_a_button_changes_the_form_and_saves_nothing(browser: Client, application: Application) -> None:
    data = {
        "name": "draft",
        "mode": "rows",
        "action": "add",
        "attributes-TOTAL_FORMS": 0,
        "attributes-INITIAL_FORMS": 0,
    }
    text = browser.post(reverse("object-create"), data).content.decode()
    assert 'id="attribute-0"' in text
    assert 'value="draft"' in text
    assert not ObjectSchema.objects.exists()


def test_an_object_shows_its_attributes_tables_and_functions(browser: Client, table: Table) -> None:
    function = Function(application=table.object.application, name="sum_orders")
    function.define([PortDefinition("raw", table.object)], [PortDefinition("out", table.object)], [])
    text = browser.get(reverse("object-detail", args=[table.object_id])).content.decode()
    assert reverse("api-object-detail", args=[table.object_id]) in text
    assert "at least 1" in text
    assert "a number with at most 20 digits, 2 of them after the point" in text
    assert "week 1" in text
    assert "sum_orders" in text


def test_a_definition_that_breaks_a_table_is_refused_and_told(browser: Client, table: Table) -> None:
    shape = table.object
    definition = {**shape.definition, "attributes": [{"name": "id", "type": "integer", "constraints": {"minimum": 2}}]}
    data = {"name": "orders", "mode": "json", "attributes": json.dumps(definition), "expected_version": 1}
    answer = browser.post(reverse("object-edit", args=[shape.pk]), data)
    assert answer.status_code == 400
    assert "would break 1 of its tables" in answer.content.decode()
    assert "week 1" in answer.content.decode()
    shape.refresh_from_db()
    assert shape.version == 1
    assert rows_of(table)[0][1] == 1


def test_a_new_definition_takes_the_tables_along(browser: Client, table: Table) -> None:
    definition = {**table.object.definition, "attributes": [*ATTRIBUTES, {"name": "note", "type": "string"}]}
    data = {"name": "orders", "mode": "json", "attributes": json.dumps(definition), "expected_version": 1}
    answer = browser.post(reverse("object-edit", args=[table.object_id]), data)
    assert answer.status_code == 302
    assert rows_of(table)[1] == (2, 2, "", None, None)


def test_an_object_in_use_is_not_deleted_and_its_tables_are_named(browser: Client, table: Table) -> None:
    path = reverse("object-delete", args=[table.object_id])
    answer = browser.post(path)
    assert answer.status_code == 409
    assert reverse("table-detail", args=[table.pk]) in answer.content.decode()
    assert ObjectSchema.objects.filter(pk=table.object_id).exists()
    browser.post(reverse("table-delete", args=[table.pk]))
    assert not Table.objects.exists()
    assert browser.post(path).status_code == 302
    assert not ObjectSchema.objects.exists()


# --- tables: reading ------------------------------------------------------------------------------------------------


def test_a_table_shows_null_and_empty_text_apart_and_every_digit(browser: Client, table: Table) -> None:
    text = browser.get(reverse("table-detail", args=[table.pk])).content.decode()
    assert "123456789012345678.25" in text
    assert '<span class="null">null</span>' in text
    assert '<span class="empty-text">empty text</span>' in text


def test_rows_are_filtered_and_ordered_by_the_url(browser: Client, table: Table) -> None:
    path = reverse("table-detail", args=[table.pk])
    shown = browser.get(path, {"id__gte": "2", "ordering": "-id"}).context["rows"]
    assert [row_id for row_id, _ in shown.rows] == [3, 2]
    assert [each.words for each in shown.filters] == ["id is at least 2"]
    answer = browser.get(
        path, {"ordering": "-id", "filter_attribute": "id", "filter_operator": "lt", "filter_value": "3"}
    )
    assert answer["Location"] == f"{path}?ordering=-id&id__lt=3"


@pytest.mark.parametrize(
    ("query", "message"), [({"idd": "1"}, "did you mean"), ({"id": "x"}, "whole number"), ({"ordering": "z"}, "z")]
)
def test_a_filter_that_means_nothing_is_refused(
    browser: Client, table: Table, query: dict[str, str], message: str
) -> None:
    answer = browser.get(reverse("table-detail", args=[table.pk]), query)
    assert answer.status_code == 400
    assert message in answer.content.decode()


def test_a_long_table_is_shown_in_pages(browser: Client, shape: ObjectSchema) -> None:
    table = TableFactory.create(object=shape, rows=[{"id": number} for number in range(1, 251)])
    shown = browser.get(reverse("table-detail", args=[table.pk])).context["rows"]
    assert (shown.first, shown.last, shown.count) == (1, 100, 250)
    last = browser.get(reverse("table-detail", args=[table.pk]) + "?offset=200").context["rows"]
    assert (last.first, last.last, last.next_url) == (201, 250, "")


def test_an_earlier_version_is_read_and_made_current_again(browser: Client, user: User, table: Table) -> None:
    append_rows(table, json_rows([{"id": 4}]))
    path = reverse("table-detail", args=[table.pk])
    assert "These are the rows of version 1" in browser.get(path, {"version": "1"}).content.decode()
    browser.post(reverse("table-revert", args=[table.pk]), {"version": 1, "expected_version": 2})
    assert len(rows_of(table)) == 3
    assert (table.version, table.current.created_by) == (3, user)


def test_a_revert_that_another_writer_overtook_changes_nothing(browser: Client, table: Table) -> None:
    append_rows(table, json_rows([{"id": 4}]))
    answer = browser.post(reverse("table-revert", args=[table.pk]), {"version": 1, "expected_version": 1}, follow=True)
    assert "Nothing was changed" in answer.content.decode()
    assert len(rows_of(table)) == 4


@pytest.mark.parametrize("name", ["csv", "ndjson", "json"])
def test_a_version_is_downloaded(browser: Client, table: Table, name: str) -> None:
    answer = browser.get(reverse("table-download", args=[table.pk, name]))
    assert f"orders week 1 v1.{name}" in answer["Content-Disposition"]
    assert b"123456789012345678.25" in answer.getvalue()


# --- tables: writing ------------------------------------------------------------------------------------------------


def test_a_table_is_typed_into_a_grid(browser: Client, user: User, shape: ObjectSchema) -> None:
    rows = [(None, "1", "ann", "2.50"), (None, "", "", ""), (None, "2", '""', "")]
    data = grid(Table(name="typed"), rows, object=shape.pk, expected_version="", base_version="", message="by hand")
    answer = browser.post(reverse("table-create"), data)
    table = Table.objects.get()
    assert answer["Location"] == reverse("table-detail", args=[table.pk])
    assert rows_of(table) == [(1, 1, "ann", "2.50"), (2, 2, "", None)]
    assert (table.current.message, table.current.created_by, table.created_by) == ("by hand", user, user)


@pytest.mark.parametrize(
    "pasted",
    [
        'id,name,amount\n1,ann,2.50\n2,"",\n',
        "id\tname\tamount\r\n1\tann\t2.50\r\n2\t\t\r\n",
        '[{"id": 1, "name": "ann", "amount": 2.50}, {"id": 2, "name": ""}]',
        '{"id": 1, "name": "ann", "amount": 2.50}\n{"id": 2, "name": ""}\n',
    ],
)
def test_rows_are_pasted_in_any_format(browser: Client, shape: ObjectSchema, pasted: str) -> None:
    browser.post(reverse("table-create"), {"object": shape.pk, "name": "pasted", "pasted": pasted})
    empty = None if "\t" in pasted else ""
    assert rows_of(Table.objects.get()) == [(1, 1, "ann", "2.50"), (2, 2, empty, None)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", b"amount,id,name\n2.50,1,ann\n"),
        ("rows.tsv", b"id\tname\tamount\n1\tann\t2.50\n"),
        ("rows.ndjson", b'{"id": 1, "name": "ann", "amount": 2.5}\n'),
        ("rows.json", b'[{"id": 1, "name": "ann", "amount": 2.5}]'),
        ("rows.csv.gz", gzip.compress(b"amount,id,name\n2.50,1,ann\n", mtime=0)),
        ("rows of somebody", "id;name;amount\n1;ann;2.50\n".encode("utf-16")),
    ],
)
def test_rows_are_uploaded_in_any_format(browser: Client, shape: ObjectSchema, name: str, content: bytes) -> None:
    data = {"object": shape.pk, "name": "uploaded", "file": SimpleUploadedFile(name, content)}
    browser.post(reverse("table-create"), data)
    assert rows_of(Table.objects.get()) == [(1, 1, "ann", "2.50")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pasted": "id,nam,amount\n1,2,3"}, "did you mean &#x27;name&#x27;?"),
        ({"pasted": "[1"}, "malformed"),
        ({"file": SimpleUploadedFile("rows.xls", b"\xd0\xcf\x11\xe0")}, "save it as XLSX"),
        ({"file": SimpleUploadedFile("rows.csv", b"id"), "format": "parquet"}, "says Parquet"),
        ({"file": SimpleUploadedFile("rows.csv", b"id"), "delimiter": "ab"}, "delimiter"),
        ({"file": SimpleUploadedFile("rows.csv", b"")}, "The file is empty"),
        ({"file": SimpleUploadedFile("rows.tsv", b"id\t\xff"), "encoding": "utf-8"}, "not valid UTF-8"),
        ({"pasted": "id", "file": SimpleUploadedFile("rows.csv", b"x")}, "give them in one way"),
        ({"pasted": "id,name,amount\n1,a,1", "rows": "1", "cell-0-0": "1"}, "give them in one way"),
        ({"name": ""}, "may not be blank"),
    ],
)
def test_rows_that_cannot_be_read_make_no_table(
    browser: Client, shape: ObjectSchema, fields: dict[str, Any], message: str
) -> None:
    answer = browser.post(reverse("table-create"), {"object": shape.pk, "name": "t", **fields})
    assert answer.status_code == 400
    assert message in answer.content.decode()
    assert not Table.objects.exists()


def test_errors_stand_in_their_cells_and_are_counted_by_cause(browser: Client, shape: ObjectSchema) -> None:
    rows = [(None, "0", "ann", ""), (None, "", "", ""), (None, "-1", "a very long name", "x")]
    data = grid(Table(name="bad"), rows, object=shape.pk, expected_version="", base_version="")
    answer = browser.post(reverse("table-create"), data)
    assert answer.status_code == 400
    cells = [[cell.errors for cell in row.cells] for row in answer.context["editor"].grid.rows]
    assert cells[0] == [["id is 0; the minimum is 1"], [], []]
    assert cells[1] == [[], [], []]
    assert [bool(errors) for errors in cells[2]] == [True, True, True]
    text = answer.content.decode()
    assert "4 errors in 2 rows" in text
    groups = [(group.attribute, group.code, group.count) for group in answer.context["error_groups"]]
    assert groups[0] == ("id", "minimum", 2)
    assert 'value="a very long name"' in text
    assert not Table.objects.exists()


def test_the_total_of_errors_is_true_when_not_all_are_listed(browser: Client, shape: ObjectSchema) -> None:
    pasted = "id,name,amount\n" + "0,a,1\n" * 1500
    answer = browser.post(reverse("table-create"), {"object": shape.pk, "name": "bad", "pasted": pasted})
    # Each is below the minimum, and all but the first repeat the key.
    assert "2999 errors in 1500 rows" in answer.content.decode()
    assert "1,500 \u00d7 minimum in id" in answer.content.decode()


def test_only_what_was_changed_in_the_grid_is_written(browser: Client, table: Table) -> None:
    rows = [KEPT[0], (2, "2", "bob", ""), KEPT[2], (None, "4", "dan", "")]
    answer = browser.post(
        reverse("table-edit", args=[table.pk]), grid(table, rows, message="two names", **{"remove-2": "on"})
    )
    assert answer.status_code == 302
    assert rows_of(table) == [
        (1, 1, "ann", "123456789012345678.25"),
        (2, 2, "bob", None),
        (4, 4, "dan", None),
    ]
    found = table.versions.values_list("operation", "added", "changed", "removed").order_by("number")
    assert list(found)[1:] == [("delete", 0, 0, 1), ("update", 0, 1, 0), ("append", 1, 0, 0)]


def test_a_grid_that_nobody_touched_makes_no_version(browser: Client, table: Table) -> None:
    blank = (None, "", "", "")
    browser.post(reverse("table-edit", args=[table.pk]), grid(table, [*KEPT, blank]) | {"name": "week one"})
    table.refresh_from_db()
    assert (table.name, table.version) == ("week one", 1)


def test_what_the_grid_shows_is_what_it_takes_back(browser: Client, table: Table) -> None:
    shown = browser.get(reverse("table-edit", args=[table.pk])).context["editor"].grid
    assert [tuple(cell.text for cell in row.cells) for row in shown.rows[:3]] == [row[1:] for row in KEPT]


def test_a_repeated_key_is_told_and_nothing_of_the_grid_is_saved(browser: Client, table: Table) -> None:
    rows = [(1, "1", "new", "123456789012345678.25"), *KEPT[1:], (None, "3", "dan", "")]
    answer = browser.post(reverse("table-edit", args=[table.pk]), grid(table, rows))
    assert answer.status_code == 400
    assert answer.context["editor"].grid.rows[3].cells[0].errors == ["Another row already has id 3"]
    assert rows_of(table)[0][2] == "ann"
    assert table.version == 1


def test_a_stale_grid_is_kept_and_saves_on_top_of_the_newer_version(browser: Client, table: Table) -> None:
    data = grid(table, [(1, "1", "anna", "123456789012345678.25"), *KEPT[1:]])
    update_rows(table, [1, 2], json_rows([{"amount": 7}, {"name": "bob"}]), [["amount"], ["name"]], Write())
    answer = browser.post(reverse("table-edit", args=[table.pk]), data)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Somebody else saved version 2 while you were editing version 1" in text
    assert 'value="anna"' in text
    assert rows_of(table)[0] == (1, 1, "ann", "7.00")
    again = answer.context["editor"].form
    browser.post(reverse("table-edit", args=[table.pk]), data | {"expected_version": again["expected_version"].value()})
    assert rows_of(table)[:2] == [(1, 1, "anna", "7.00"), (2, 2, "bob", None)]


def test_pasted_rows_come_after_or_take_the_place_of_all(browser: Client, table: Table) -> None:
    path, pasted = reverse("table-edit", args=[table.pk]), "id,name,amount\n9,zoe,\n"
    browser.post(path, {"name": table.name, "expected_version": 1, "pasted": pasted, "operation": "append"})
    assert [row[1] for row in rows_of(table)] == [1, 2, 3, 9]
    browser.post(path, {"name": table.name, "expected_version": 2, "pasted": pasted, "operation": "replace"})
    assert [row[1] for row in rows_of(table)] == [9]


def test_a_long_table_is_edited_row_by_row(browser: Client, shape: ObjectSchema) -> None:
    table = TableFactory.create(object=shape, rows=[{"id": number} for number in range(1, 301)])
    assert browser.get(reverse("table-edit", args=[table.pk])).context["editor"].grid is None
    path = reverse("table-row", args=[table.pk, 300])
    assert 'value="300"' in browser.get(path).content.decode()
    browser.post(path, grid(table, [(300, "300", "last", "")]))
    assert rows_of(table)[-1] == (300, 300, "last", None)
    data = grid(table, [(300, "300", "last", "")], **{"remove-0": "on"})
    browser.post(path, data)
    assert len(rows_of(table)) == 299


def test_a_text_with_line_breaks_survives_the_form(browser: Client, shape: ObjectSchema) -> None:
    table = TableFactory.create(object=shape, rows=[{"id": 1, "name": "a\r\nb"}])
    browser.post(reverse("table-edit", args=[table.pk]), grid(table, [(1, "1", "a\r\nb", "1")]))
    assert rows_of(table) == [(1, 1, "a\r\nb", "1.00")]


def test_a_text_too_long_for_the_grid_is_kept_and_the_rest_of_its_row_can_change(
    browser: Client, application: Application
) -> None:
    attributes = [{"name": name, "type": "string"} for name in ("note", "mark", "other")]
    shape = ObjectSchemaFactory.create(application=application, attributes=attributes)
    table = TableFactory.create(object=shape, rows=[{"note": "x" * 9000, "mark": "a"}])
    path = reverse("table-edit", args=[table.pk])
    assert "Too long to be changed here" in browser.get(path).content.decode()
    data = grid(table, [(1, "", "b", "")])
    del data["cell-0-0"]
    assert "xxxx" in browser.post(path, data | {"action": "more"}).content.decode()
    browser.post(path, data)
    assert rows_of(table) == [(1, "x" * 9000, "b", None)]


def test_more_rows_can_be_asked_for(browser: Client, table: Table) -> None:
    data = grid(table, [(1, "1", "typed", "")], action="more")
    answer = browser.post(reverse("table-edit", args=[table.pk]), data)
    assert len(answer.context["editor"].grid.rows) == 11
    assert 'value="typed"' in answer.content.decode()
    assert rows_of(table)[0][2] == "ann"


def test_a_form_without_its_token_is_refused_in_the_sites_own_look(user: User, table: Table) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    answer = client.post(reverse("table-delete", args=[table.pk]))
    assert answer.status_code == 403
    assert "the form was open for too long" in answer.content.decode()
    assert Table.objects.exists()


def test_a_wide_table_is_shown_some_columns_at_a_time(browser: Client, application: Application) -> None:
    attributes = [{"name": f"a{place}", "type": "integer"} for place in range(250)]
    shape = ObjectSchemaFactory.create(application=application, name="wide", attributes=attributes)
    rows = [{f"a{place}": place for place in range(250)}] * 150
    address = reverse("table-detail", args=[TableFactory.create(object=shape, name="t", rows=rows).pk])
    first = browser.get(address, {"ordering": "-a249"})
    assert [column.name for column in first.context["rows"].columns] == [f"a{place}" for place in range(100)]
    assert "100 of 250" in first.content.decode()
    second = browser.get(address + first.context["rows"].column_range.next_url)
    assert [cell.text for cell in second.context["rows"].rows[0][1]] == [str(place) for place in range(100, 200)]
    assert "a249" in second.context["rows"].column_range.next_url
    below = browser.get(address + second.context["rows"].next_url)
    assert (below.context["rows"].columns[0].name, below.context["rows"].first) == ("a100", 101)
    assert browser.get(address, {"first_column": "9999"}).context["rows"].columns[-1].name == "a249"
    assert browser.get(address, {"first_column": "x"}).context["rows"].columns[0].name == "a0"
