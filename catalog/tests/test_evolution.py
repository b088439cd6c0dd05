"""Publishing an Object: its Tables come along, or nothing changes."""

import pytest

from catalog.contents import append_rows
from catalog.evolution import publish
from catalog.models import ObjectSchema, ObjectVersion, Part, Table, TableVersion
from catalog.reading import read, version_digests
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from config.models import BreakingChangeError

pytestmark = pytest.mark.django_db

ID = {"name": "id", "type": "integer"}
NAME = {"name": "name", "type": "string"}


@pytest.fixture
def shape(db: None) -> ObjectSchema:
    return ObjectSchemaFactory.create(attributes=[ID, NAME], primary_key=["id"])


@pytest.fixture
def table(shape: ObjectSchema) -> Table:
    """Five rows in two Parts, the last row of version 2."""
    table = TableFactory.create(object=shape, name="week 1", rows=[{"id": n, "name": f"row {n}"} for n in range(1, 5)])
    append_rows(table, json_rows([{"id": 5, "name": "late"}]))
    return table


def change(shape: ObjectSchema, *attributes: dict, **keys: object) -> ObjectVersion:
    shape.definition = {"attributes": list(attributes), "primaryKey": ["id"], **keys}
    shape.full_clean()
    return publish(shape)


def rows_of(table: Table) -> list[tuple]:
    table.refresh_from_db()
    return read(
        table.current, lambda connection, rows: connection.execute(f"SELECT * FROM ({rows}) ORDER BY _id").fetchall()
    )


def test_an_equal_definition_makes_no_new_version(shape, table):
    shape.description = "only this"
    assert change(shape, ID, NAME).number == 1
    assert (table.current.number, ObjectSchema.objects.get().description) == (2, "only this")


def test_metadata_makes_a_new_version_and_keeps_every_part(shape, table):
    before, parts = version_digests(table.current), Part.objects.count()
    version = change(shape, {**ID, "title": "Number"}, NAME)
    assert version.number == shape.version == 2
    rows_of(table)
    assert (table.version, table.current.object_version, table.current.operation) == (3, version, "conform")
    assert (version_digests(table.current), Part.objects.count()) == (before, parts)


def test_a_constraint_that_every_row_meets_keeps_every_part(shape, table):
    before = version_digests(table.current)
    change(shape, {**ID, "constraints": {"minimum": 1}}, NAME)
    rows_of(table)
    assert version_digests(table.current) == before


@pytest.mark.parametrize(
    ("attributes", "cells"),
    [
        ([ID, NAME, {"name": "more", "type": "date"}], (5, "late", None)),
        ([ID], (5,)),
        ([NAME, ID], ("late", 5)),
        ([{**ID, "type": "number"}, NAME], (5.0, "late")),
        ([{**ID, "type": "number", "precision": 5, "scale": 1}, NAME], (5, "late")),
    ],
)
def test_rows_are_taken_along_with_their_ids_and_versions(shape, table, attributes, cells):
    old = table.current
    change(shape, *attributes)
    rows = rows_of(table)
    assert rows[-1] == (*cells, 5, 2)
    assert [row[-2:] for row in rows] == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2)]
    assert read(old, lambda connection, earlier: connection.execute(f"SELECT * FROM ({earlier})").fetchall())[0] == (
        1,
        "row 1",
        1,
        1,
    )
    append_rows(table, json_rows([{"id": 6}]))
    assert rows_of(table)[-1][-2] == 6


def test_a_table_without_rows_is_taken_along(shape):
    table = TableFactory.create(object=shape, rows=[])
    change(shape, ID)
    assert rows_of(table) == []
    assert table.current.object_version.number == 2


@pytest.mark.parametrize(
    ("attributes", "keys", "message"),
    [
        (
            [{**ID, "constraints": {"maximum": 4}}, NAME],
            {},
            "week 1: 1 error in 5 rows: row 5: id is 5; the maximum is 4",
        ),
        ([ID, {**NAME, "type": "integer"}], {}, "name comes as VARCHAR; it must be a whole number"),
        ([ID, NAME, {"name": "more", "type": "date", "constraints": {"required": True}}], {}, "row 1: more is missing"),
        ([ID, {**NAME, "constraints": {"unique": True}}], {}, "Another row already has name late"),
    ],
)
def test_a_change_that_rows_do_not_bear_changes_nothing(shape, table, attributes, keys, message):
    append_rows(table, json_rows([{"id": 4_000, "name": "late"}]) if "already" in message else json_rows([]))
    other = TableFactory.create(object=shape, name="a sound one")
    counts = [model._default_manager.count() for model in (ObjectVersion, TableVersion, Part)]
    with pytest.raises(BreakingChangeError) as caught:
        change(shape, *attributes, **keys)
    (sentence,) = caught.value.breaks
    assert message in sentence
    assert [model._default_manager.count() for model in (ObjectVersion, TableVersion, Part)] == counts
    assert ObjectSchema.objects.get(pk=shape.pk).version == shape.version == 1
    other.refresh_from_db()
    assert (other.version, other.current.object_version.number) == (1, 1)
    shape.definition = {"attributes": [ID, NAME], "primaryKey": ["id"]}
    assert publish(shape).number == 1, "the instance can be used again"


def test_every_table_that_would_break_is_named(shape):
    for name in ("b", "a", "c"):
        TableFactory.create(object=shape, name=name, rows=[{"id": 9 if name != "c" else 1}])
    with pytest.raises(BreakingChangeError, match="2 of its tables") as caught:
        change(shape, {**ID, "constraints": {"maximum": 4}}, NAME)
    assert [sentence[0] for sentence in caught.value.breaks] == ["a", "b"]
