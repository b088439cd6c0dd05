"""The one write path for rows: versions, ids, Parts, and what happens when something is wrong."""

import itertools
import random
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Sum

from catalog import contents
from catalog.contents import (
    UnknownRowsError,
    append_rows,
    create_table,
    delete_rows,
    replace_rows,
    revert_table,
    update_rows,
)
from catalog.evolution import publish
from catalog.models import ObjectSchema, ObjectVersion, Part, Table, TableVersion, VersionPart
from catalog.parts import PART_ROWS
from catalog.reading import read
from catalog.sources import SLICE_ROWS, JSONLines
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from catalog.tests.test_sources import GeneratedLines
from catalog.writing import NonconformingError, StaleObjectError, StaleVersionError, Write

pytestmark = pytest.mark.django_db

NAMED = [{"name": "n", "type": "integer"}, {"name": "name", "type": "string"}]
STORED = (Part, VersionPart, TableVersion, Table, ObjectVersion, ObjectSchema)


def rows_of(table: Table, number: int | None = None) -> list[tuple[Any, ...]]:
    """The rows of a version, the current one by default, with `_id` and `_version`, in the order of `_id`."""
    version = table.versions.get(number=number or table.version)
    return read(version, lambda connection, rows: connection.execute(f"SELECT * FROM ({rows}) ORDER BY _id").fetchall())


def numbers_of(table: Table, number: int | None = None) -> list[int]:
    return [row[0] for row in rows_of(table, number)]


def stored() -> dict[str, int]:
    """How many rows each of the database's tables has."""
    return {model.__name__: model._default_manager.count() for model in STORED}


@pytest.fixture
def table(db: None) -> Table:
    """Three rows with the key `n`: 1, 2, 3."""
    shape = ObjectSchemaFactory.create(attributes=NAMED, primary_key=["n"])
    return TableFactory.create(object=shape, rows=[{"n": n, "name": f"row {n}"} for n in (1, 2, 3)])


def test_a_new_table_has_its_rows_as_version_one(table):
    assert rows_of(table) == [(1, "row 1", 1, 1), (2, "row 2", 2, 1), (3, "row 3", 3, 1)]
    version = table.current
    assert (table.version, table.row_count, version.row_count, version.added) == (1, 3, 3, 3)
    assert (version.operation, version.changed, version.removed) == ("create", 0, 0)
    assert version.size_bytes == table.size_bytes > 0


def test_a_table_may_be_empty():
    table = TableFactory.create(rows=[])
    assert (rows_of(table), table.row_count, table.size_bytes, Part.objects.count()) == ([], 0, 0, 0)
    append_rows(table, json_rows([{"id": 7}]))
    assert [row[-2:] for row in rows_of(table)] == [(1, 2)]
    delete_rows(table, [1])
    assert rows_of(table) == []
    append_rows(table, json_rows([]))
    assert (rows_of(table), table.version) == ([], 4)


def test_a_version_says_who_when_why_and_how_many(table, django_user_model):
    author = django_user_model.objects.create(username="ada")
    version = append_rows(table, json_rows([{"n": 4}, {"n": 5}]), Write(author, "two more"))
    assert (version.created_by, version.message, version.operation) == (author, "two more", "append")
    assert (version.added, version.changed, version.removed, version.row_count) == (2, 0, 0, 5)
    assert version.created_at


def test_append_adds_at_the_end_and_leaves_the_old_version(table):
    append_rows(table, json_rows([{"n": 9, "name": "nine"}]))
    assert rows_of(table)[-1] == (9, "nine", 4, 2)
    assert numbers_of(table, 1) == [1, 2, 3]
    assert [row[-1] for row in rows_of(table)] == [1, 1, 1, 2]


def test_replaced_rows_get_new_ids(table):
    version = replace_rows(table, json_rows([{"n": 1}, {"n": 2}]))
    assert rows_of(table) == [(1, None, 4, 2), (2, None, 5, 2)]
    assert (version.added, version.removed) == (2, 3)


def test_ids_of_deleted_rows_are_never_used_again(table):
    delete_rows(table, [3])
    append_rows(table, json_rows([{"n": 4}]))
    replace_rows(table, json_rows([{"n": 5}]))
    delete_rows(table, [5])
    append_rows(table, json_rows([{"n": 6}]))
    ids = {row[-2] for number in range(1, table.version + 1) for row in rows_of(table, number)}
    assert ids == {1, 2, 3, 4, 5, 6}
    assert [row[-2] for row in rows_of(table)] == [6]


def test_a_whole_row_is_changed_and_keeps_its_id(table):
    version = update_rows(table, [2], json_rows([{"n": 20}]))
    assert rows_of(table) == [(1, "row 1", 1, 1), (20, None, 2, 2), (3, "row 3", 3, 1)]
    assert (version.changed, version.added, version.removed, version.row_count) == (1, 0, 0, 3)


def test_a_row_is_changed_in_part(table):
    changes = json_rows([{"name": None}, {"n": 10}, {}])
    update_rows(table, [3, 1, 2], changes, given=[["name"], ["n"], []])
    assert rows_of(table) == [(10, "row 1", 1, 2), (2, "row 2", 2, 2), (3, None, 3, 2)]


def test_a_row_that_is_changed_in_part_is_checked_whole(table):
    with pytest.raises(NonconformingError) as caught:
        update_rows(table, [1, 2], json_rows([{"name": "x"}, {"n": None}]), given=[["name"], ["n"]])
    assert [(error.row, error.attribute, error.code) for error in caught.value.report.errors] == [(2, "n", "required")]
    with pytest.raises(NonconformingError) as caught:
        update_rows(table, [1, 2], json_rows([{"name": "x"}, {"n": "2"}]), given=[["name"], ["n"]])
    assert [(error.row, error.attribute, error.code) for error in caught.value.report.errors] == [(2, "n", "type")]


def test_a_row_may_be_changed_once_in_one_write(table):
    with pytest.raises(ValidationError) as caught:
        update_rows(table, [1, 1], json_rows([{"n": 1}, {"n": 2}]))
    assert caught.value.error_dict["_id"][0].code == "duplicate"


def test_rows_are_deleted_from_their_version_on(table):
    version = delete_rows(table, [1, 3, 3])
    assert numbers_of(table) == [2]
    assert (version.removed, table.row_count) == (2, 1)
    assert numbers_of(table, 1) == [1, 2, 3]


@pytest.mark.parametrize("row_ids", [[4], [0], [-1], [1, 99], [2**62]])
def test_a_row_that_is_not_there_is_named(table, row_ids):
    for write in (lambda: delete_rows(table, row_ids), lambda: update_rows(table, row_ids, json_rows([{}] * 2))):
        with pytest.raises(UnknownRowsError) as caught:
            write()
        assert caught.value.row_ids == [row_ids[-1]]
    assert table.version == 1


def test_an_earlier_version_comes_back_as_a_new_one(table):
    delete_rows(table, [1])
    replace_rows(table, json_rows([{"n": 7}]))
    version = revert_table(table, 1)
    assert (version.number, version.operation, table.row_count) == (4, "revert", 3)
    assert rows_of(table) == rows_of(table, 1)
    append_rows(table, json_rows([{"n": 8}]))
    assert rows_of(table)[-1][-2] > 4
    with pytest.raises(TableVersion.DoesNotExist):
        revert_table(table, 99)


def test_a_write_that_expects_another_version_is_refused(table):
    append_rows(table, json_rows([{"n": 4}]), Write(expected_version=1))
    before = stored()
    for write in (append_rows, replace_rows):
        with pytest.raises(StaleVersionError) as caught:
            write(table, json_rows([{"n": 5}]), Write(expected_version=1))
        assert (caught.value.current, caught.value.expected) == (2, 1)
    with pytest.raises(StaleVersionError):
        delete_rows(table, [1], Write(expected_version=3))
    assert stored() == before


def test_an_instance_that_was_loaded_earlier_writes_behind_the_newest_version(table):
    stale = Table.objects.get(pk=table.pk)
    append_rows(table, json_rows([{"n": 4}]))
    append_rows(stale, json_rows([{"n": 5}]))
    assert numbers_of(stale) == [1, 2, 3, 4, 5]
    assert (stale.version, stale.row_count) == (3, 5)


@pytest.mark.parametrize(
    "write",
    [
        lambda table: append_rows(table, json_rows([{"n": 4}, {"n": "5"}])),
        lambda table: append_rows(table, json_rows([{"n": 4}, {"n": 1}])),
        lambda table: replace_rows(table, json_rows([{"n": 4}, {"n": 4}])),
        lambda table: update_rows(table, [1], json_rows([{"n": 2}])),
        lambda table: update_rows(table, [1, 9], json_rows([{"n": 8}, {"n": 9}])),
        lambda table: delete_rows(table, [1, 9]),
        lambda table: create_table(Table(object=table.object, name="other"), json_rows([{"n": None}])),
        lambda table: create_table(Table(object=table.object, name="other"), json_rows(['{"n": 1', "{}"])),
    ],
)
def test_nothing_is_written_when_something_is_wrong(table, write):
    before, rows = stored(), rows_of(table)
    with pytest.raises((NonconformingError, UnknownRowsError)):
        write(table)
    assert stored() == before
    table.refresh_from_db()
    assert (table.version, table.next_row_id, rows_of(table)) == (1, 4, rows)


def test_a_new_table_conforms_to_the_newest_version_of_its_object():
    shape = ObjectSchemaFactory.create(attributes=NAMED)
    stale = ObjectSchema.objects.get(pk=shape.pk)
    assert stale.current
    shape.definition = {"attributes": [*NAMED, {"name": "more", "type": "string"}]}
    publish(shape)
    with pytest.raises(StaleObjectError):
        create_table(Table(object=stale, name="late"), json_rows([{"n": 1}]))
    assert not Table.objects.exists()


def test_many_small_appends_make_few_parts_and_every_version_stays_readable(table):
    for number in range(4, 104):
        append_rows(table, json_rows([{"n": number}]))
    assert numbers_of(table) == list(range(1, 104))
    assert [row[-2] for row in rows_of(table)] == list(range(1, 104))
    assert [row[-1] for row in rows_of(table)] == [1, 1, 1, *range(2, 102)]
    assert table.current.version_parts.count() <= 8
    for number in (1, 2, 3, 50, 99, 100):
        assert numbers_of(table, number) == list(range(1, number + 3))
    for version in table.versions.all():
        assert version.version_parts.aggregate(rows=Sum("part__row_count"))["rows"] == version.row_count
    # What all versions together hold grows as n log n, not as n squared.
    assert Part.objects.aggregate(rows=Sum("row_count"))["rows"] < 103 * 10


def test_a_big_append_has_several_parts_and_any_row_of_them_can_be_changed(table, tmp_path):
    row_count = SLICE_ROWS * 2 + 100
    append_rows(table, JSONLines(GeneratedLines(row_count, b'{"n": 1%07d}\n'), tmp_path))
    parts = [place.part for place in table.current.version_parts.select_related("part").order_by("position")]
    assert [part.row_count for part in parts] == [3, PART_ROWS, PART_ROWS, 100]
    assert table.row_count == row_count + 3

    chosen = [2, 4, SLICE_ROWS + 50, row_count + 3]
    update_rows(table, chosen, json_rows([{"n": -row_id, "name": "changed"} for row_id in chosen]))
    changed = [row for row in rows_of(table) if row[1] == "changed"]
    assert changed == [(-row_id, "changed", row_id, 3) for row_id in chosen]
    assert table.row_count == row_count + 3

    delete_rows(table, range(4, SLICE_ROWS + 4))
    assert [place.part.row_count for place in table.current.version_parts.order_by("position")] == [3, PART_ROWS, 100]
    assert rows_of(table, 1) == [(1, "row 1", 1, 1), (2, "row 2", 2, 1), (3, "row 3", 3, 1)]


def test_any_sequence_of_writes_gives_what_a_dictionary_would(table):
    """The store beside the simplest model of it: `_id` -> (n, version)."""
    chance = random.Random(11)
    fresh = itertools.count(100)
    model = {row[-2]: (row[0], row[-1]) for row in rows_of(table)}
    history = {1: dict(model)}
    next_id = 4
    for _ in range(60):
        number = table.version + 1
        kind = chance.choice(["append", "append", "update", "delete", "replace", "revert"])
        some = sorted(chance.sample(sorted(model), min(len(model), chance.randint(1, 4))))
        if kind == "append":
            added = [next(fresh) for _ in range(chance.randint(1, 5))]
            append_rows(table, json_rows([{"n": n} for n in added]))
            model |= {next_id + place: (n, number) for place, n in enumerate(added)}
            next_id += len(added)
        elif kind == "update" and some:
            values = [next(fresh) for _ in some]
            update_rows(table, some, json_rows([{"n": n} for n in values]))
            model |= {row_id: (n, number) for row_id, n in zip(some, values, strict=True)}
        elif kind == "delete" and some:
            delete_rows(table, some)
            model = {row_id: row for row_id, row in model.items() if row_id not in some}
        elif kind == "replace" and chance.random() < 0.3:
            replace_rows(table, json_rows([{"n": next(fresh)}]))
            model = {next_id: (rows_of(table)[0][0], number)}
            next_id += 1
        elif kind == "revert":
            earlier = chance.choice(sorted(history))
            revert_table(table, earlier)
            model = dict(history[earlier])
            next_id = Table.objects.get(pk=table.pk).next_row_id
        history[table.version] = dict(model)
        assert {row[-2]: (row[0], row[-1]) for row in rows_of(table)} == model
        assert table.row_count == len(model)
    for number, rows in history.items():
        assert {row[-2]: (row[0], row[-1]) for row in rows_of(table, number)} == rows


def test_another_writer_who_comes_in_between_is_not_overwritten(table, transactional_db, tmp_path):
    """A stream is read before the lock is taken; when another writer came first, its rows are prepared again."""
    inner = json_rows([{"n": 77}])

    class Overtaken(GeneratedLines):
        overtaken = False

        def read(self, size: int = -1) -> bytes:
            if not self.overtaken:
                self.overtaken = True
                append_rows(Table.objects.get(pk=table.pk), inner)
            return super().read(size)

    append_rows(table, JSONLines(Overtaken(5, b'{"n": 10%d}\n'), tmp_path))
    assert [(row[0], row[-2], row[-1]) for row in rows_of(table)[3:]] == [
        (77, 4, 2),
        *((100 + place, 5 + place, 3) for place in range(5)),
    ]


def test_rows_that_would_repeat_the_overtaker_are_refused(table, transactional_db, tmp_path):
    class Overtaken(GeneratedLines):
        def read(self, size: int = -1) -> bytes:
            if Table.objects.get(pk=table.pk).version == 1:
                append_rows(Table.objects.get(pk=table.pk), json_rows([{"n": 102}]))
            return super().read(size)

    with pytest.raises(NonconformingError) as caught:
        append_rows(table, JSONLines(Overtaken(5, b'{"n": 10%d}\n'), tmp_path))
    assert [(error.row, error.code) for error in caught.value.report.errors] == [(3, "primary_key")]


def test_rows_with_equal_content_share_a_part_between_tables():
    shape = ObjectSchemaFactory.create(attributes=NAMED)
    TableFactory.create_batch(3, object=shape, rows=[{"n": 1}])
    assert Part.objects.count() == 1
    contents.delete_rows(Table.objects.first(), [1])
    assert [table.row_count for table in Table.objects.order_by("row_count")] == [0, 1, 1]


def test_a_write_of_no_rows_is_a_version_like_any_other(table):
    update_rows(table, [], json_rows([]))
    update_rows(table, [], json_rows([]), given=[])
    delete_rows(table, [])
    assert (table.version, numbers_of(table)) == (4, [1, 2, 3])


def test_a_hundred_thousand_rows_are_changed_in_one_write():
    shape = ObjectSchemaFactory.create(attributes=NAMED, primary_key=["n"])
    table = TableFactory.create(object=shape, rows=[f'{{"n": {n}}}' for n in range(100_000)])
    row_ids = list(range(100_000, 0, -1))
    changes = json_rows(f'{{"name": "row {row_id}"}}' for row_id in row_ids)
    update_rows(table, row_ids, changes, given=[["name"]] * len(row_ids))
    assert rows_of(table)[41] == (41, "row 42", 42, 2)
    assert len(rows_of(table)) == 100_000
