"""Upserts by primary key, one change for many rows, dry runs, and all errors of an update at once."""

import pytest
from django.core.exceptions import ValidationError

from catalog.contents import append_rows, create_table, update_rows, update_rows_alike, upsert_rows
from catalog.models import Part, Table, TableVersion
from catalog.reading import read, version_digests
from catalog.sources import SLICE_ROWS, JSONLines
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from catalog.tests.test_sources import GeneratedLines
from catalog.writing import NonconformingError, Write

pytestmark = pytest.mark.django_db

ID = {"name": "id", "type": "integer"}
NAME = {"name": "name", "type": "string", "constraints": {"unique": True}}


@pytest.fixture
def table() -> Table:
    shape = ObjectSchemaFactory.create(attributes=[ID, NAME], primary_key=["id"])
    return TableFactory.create(object=shape, rows=[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3}])


def rows(version: TableVersion):
    return read(version, lambda found, relation: found.execute(f"FROM ({relation}) ORDER BY _id").fetchall())


def refused(verb, *arguments):
    with pytest.raises(NonconformingError) as caught:
        verb(*arguments)
    return [(error.row, error.attribute, error.code) for error in caught.value.report.errors]


def test_matched_rows_keep_their_id_and_new_ones_get_new_ids(table):
    version = upsert_rows(table, json_rows([{"id": 4}, {"id": 2, "name": "B"}, {"id": 1, "name": "a"}, {"id": 5}]))
    assert (version.added, version.changed, version.removed, version.row_count) == (2, 1, 0, 5)
    assert rows(version) == [
        (1, "a", 1, 1),
        (2, "B", 2, 2),
        (3, None, 3, 1),
        (4, None, 4, 2),
        (5, None, 5, 2),
    ]


def test_rows_that_are_the_same_are_left_alone(table):
    before = version_digests(table.current)
    version = upsert_rows(table, json_rows([{"id": 1, "name": "a"}, {"id": 3}]))
    assert (version.added, version.changed) == (0, 0)
    assert version_digests(version) == before


def test_values_of_a_unique_attribute_may_change_places(table):
    version = upsert_rows(table, json_rows([{"id": 1, "name": "b"}, {"id": 2, "name": "a"}]))
    assert [row[:2] for row in rows(version)] == [(1, "b"), (2, "a"), (3, None)]


def test_a_key_that_stands_twice_in_the_input_is_an_error(table):
    doubled = [{"id": 1, "name": "x"}, {"id": 9}, {"id": 1, "name": "a"}, {"id": 9, "name": "z"}]
    assert refused(upsert_rows, table, json_rows(doubled)) == [(3, "id", "primary_key"), (4, "id", "primary_key")]


def test_all_errors_of_an_upsert_are_told_at_once(table):
    wrong = [
        {"id": 1, "name": "b"},
        {"id": "x"},
        {"id": None},
        {"id": 7, "name": "a", "more": 1},
        {"id": 8, "name": "b"},
    ]
    assert refused(upsert_rows, table, json_rows(wrong)) == [
        (1, "name", "unique"),
        (2, "id", "type"),
        (3, "id", "required"),
        (4, "more", "unknown_attribute"),
        (5, "name", "unique"),
    ]


def test_an_object_without_a_primary_key_takes_no_upsert():
    loose = TableFactory.create(rows=[{"id": 1}])
    with pytest.raises(ValidationError, match="has no primary key"):
        upsert_rows(loose, json_rows([{"id": 1}]))


def test_only_parts_that_hold_a_changed_row_are_written_again(tmp_path):
    shape = ObjectSchemaFactory.create(attributes=[ID, {"name": "name", "type": "string"}], primary_key=["id"])
    table = Table(object=shape, name="large")
    create_table(table, JSONLines(GeneratedLines(SLICE_ROWS * 2 + 10, b'{"id":%d,"name":"x"}\n'), tmp_path))
    before = version_digests(table.current)
    version = upsert_rows(table, json_rows([{"id": SLICE_ROWS + 5, "name": "y"}, {"id": -1, "name": "new"}]))
    after = version_digests(version)
    assert [a == b for a, b in zip(before, after, strict=False)] == [True, False, True]
    assert (len(after), version.row_count) == (4, SLICE_ROWS * 2 + 11)


def test_a_dry_run_counts_and_stores_nothing(table):
    parts, versions = Part.objects.count(), TableVersion.objects.count()
    version = upsert_rows(table, json_rows([{"id": 1, "name": "z"}, {"id": 9}]), Write(dry_run=True))
    assert (version.added, version.changed, version.row_count) == (1, 1, 4)
    assert refused(append_rows, table, json_rows([{"id": 1}]), Write(dry_run=True)) == [(1, "id", "primary_key")]
    made = Table(object=table.object, name="never")
    assert create_table(made, json_rows([{"id": 1}]), Write(dry_run=True)).row_count == 1
    assert (Part.objects.count(), TableVersion.objects.count()) == (parts, versions)
    table.refresh_from_db()
    assert (table.version, Table.objects.count()) == (1, 1)
    assert create_table(made, json_rows([{"id": 1}])).row_count == 1


def test_one_change_is_made_to_many_rows(table):
    shape = ObjectSchemaFactory.create(attributes=[ID, {"name": "name", "type": "string"}])
    many = TableFactory.create(object=shape, rows=[{"id": number} for number in range(2000)])
    version = update_rows_alike(many, [*range(2, 1900)], {"name": "x"})
    assert version.changed == 1898
    assert [row[:3] for row in rows(version)[:3]] == [(0, None, 1), (1, "x", 2), (2, "x", 3)]
    assert refused(update_rows_alike, many, [1, 2], {"name": 7}) == [(1, "name", "type")]
    assert refused(update_rows_alike, table, [1, 2], {"name": "q"}) == [(2, "name", "unique")]


def test_an_update_tells_clashing_keys_beside_all_other_errors(table):
    changes = json_rows([{"name": "b"}, {"name": 7}, {"id": None}])
    given = [["name"], ["name"], ["id"]]
    assert refused(update_rows, table, [1, 2, 3], changes, given) == [(2, "name", "type"), (3, "id", "required")]
    changes = json_rows([{"name": "b"}, {"id": "x"}, {"id": None}])
    assert refused(update_rows, table, [1, 2, 3], changes, [["name"], ["id"], ["id"]]) == [
        (2, "id", "type"),
        (2, "name", "unique"),
        (3, "id", "required"),
    ]


@pytest.mark.parametrize("name", ["number", "place", "row_id", "_number", "names", "k0", "final_id", "missing", 'a"b'])
def test_an_attribute_may_be_called_like_anything_that_the_machinery_uses(name):
    own = {"fields": [name], "reference": {"object": "", "fields": [name]}}
    definition = {"attributes": [{"name": name, "type": "integer"}, ID], "primaryKey": [name], "foreignKeys": [own]}
    table = TableFactory.create(object=ObjectSchemaFactory.create(definition=definition), rows=[{name: 1}, {name: 2}])
    assert refused(append_rows, table, json_rows([{name: 1}])) == [(1, name, "primary_key")]
    assert refused(upsert_rows, table, json_rows([{name: 3}, {name: 3}])) == [(2, name, "primary_key")]
    assert upsert_rows(table, json_rows([{name: 2, "id": 5}, {name: 4}])).changed == 1
    assert update_rows(table, [1], json_rows([{"id": 6}]), [["id"]]).changed == 1
    assert refused(update_rows, table, [1, 2], json_rows([{"id": 6}, {name: 1}]), [["id"], [name]])[0][0] == 2
