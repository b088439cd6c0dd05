"""Primary keys, unique keys and unique attributes, in rows that come and against rows that are there."""

import pytest

from catalog.contents import append_rows, create_table, update_rows
from catalog.models import Table
from catalog.sources import SLICE_ROWS, JSONLines
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from catalog.tests.test_sources import GeneratedLines
from catalog.writing import NonconformingError

pytestmark = pytest.mark.django_db

INTEGER = {"type": "integer"}


def shape(*attributes, **keys):
    return ObjectSchemaFactory.create(attributes=attributes, **keys)


def refused(write, *arguments):
    """Row, attribute, code and value of each error of a write that is refused."""
    with pytest.raises(NonconformingError) as caught:
        write(*arguments)
    report = caught.value.report
    assert report.error_count == len(report.errors)
    return [(error.row, error.attribute, error.code, error.value) for error in report.errors]


def test_of_rows_with_one_key_the_first_is_right():
    pairs = shape({"name": "a", **INTEGER}, {"name": "b", "type": "string"}, primary_key=["a", "b"])
    table = Table(object=pairs, name="pairs")
    rows = json_rows([{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 1, "b": "x"}, {"a": 1, "b": "x"}])
    twice = {"a": 1, "b": "x"}
    assert refused(create_table, table, rows) == [(3, "", "primary_key", twice), (4, "", "primary_key", twice)]


def test_a_unique_key_skips_rows_with_a_null_part():
    pairs = shape({"name": "a", **INTEGER}, {"name": "b", **INTEGER}, unique_keys=[["a", "b"]])
    table = TableFactory.create(object=pairs, rows=[{"a": 1}, {"a": 1}, {"b": 2}, {"b": 2}, {}, {}, {"a": 1, "b": 2}])
    assert refused(append_rows, table, json_rows([{"a": 1}, {"a": 1, "b": 2}])) == [
        (2, "", "unique_key", {"a": 1, "b": 2})
    ]


def test_a_unique_attribute_may_be_null_often_and_hold_each_value_once():
    named = shape({"name": "a", "type": "string", "constraints": {"unique": True}})
    table = TableFactory.create(object=named, rows=[{"a": None}, {}, {"a": ""}, {"a": "x"}])
    assert refused(append_rows, table, json_rows([{"a": "y"}, {"a": "x"}, {"a": ""}])) == [
        (2, "a", "unique", "x"),
        (3, "a", "unique", ""),
    ]


def test_every_key_that_a_row_repeats_is_named():
    both = shape({"name": "a", **INTEGER}, {"name": "b", **INTEGER}, primary_key=["a"], unique_keys=[["b"]])
    table = TableFactory.create(object=both, rows=[{"a": 1, "b": 1}])
    found = refused(append_rows, table, json_rows([{"a": 1, "b": 1}, {"a": 2, "b": 1}]))
    assert found == [(1, "a", "primary_key", 1), (1, "b", "unique_key", 1), (2, "b", "unique_key", 1)]


@pytest.mark.parametrize(
    ("attribute", "cell", "same"),
    [
        ({"type": "datetime", "timezone": True}, "2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00"),
        ({"type": "number", "precision": 12, "scale": 2}, 1, "1.00"),
        ({"type": "number"}, 0.0, -0.0),
        ({"type": "date"}, "2026-01-31", "2026-01-31"),
        ({"type": "boolean"}, True, True),
        ({"type": "string"}, "é", "\u00e9"),
    ],
)
def test_a_key_is_compared_by_value_not_by_text(attribute, cell, same):
    keyed = shape({"name": "k", **attribute}, primary_key=["k"])
    table = TableFactory.create(object=keyed, rows=[{"k": cell}])
    assert [found[:3] for found in refused(append_rows, table, json_rows([{"k": same}]))] == [(1, "k", "primary_key")]


def test_a_hostile_name_can_be_a_key():
    name = "a\"b'; DROP TABLE twice; -- {0} %s 🦆"
    keyed = shape({"name": name, **INTEGER}, primary_key=[name])
    table = TableFactory.create(object=keyed, rows=[{name: 1}])
    assert refused(append_rows, table, json_rows([{name: 1}])) == [(1, name, "primary_key", 1)]


def test_two_rows_may_swap_their_keys_in_one_update():
    keyed = shape({"name": "k", **INTEGER}, primary_key=["k"])
    table = TableFactory.create(object=keyed, rows=[{"k": 1}, {"k": 2}, {"k": 3}])
    update_rows(table, [1, 2], json_rows([{"k": 2}, {"k": 1}]))
    assert table.version == 2


def test_an_update_to_a_key_that_another_row_has_is_an_error_of_the_row_that_is_written():
    keyed = shape({"name": "k", **INTEGER}, primary_key=["k"])
    table = TableFactory.create(object=keyed, rows=[{"k": 1}, {"k": 2}, {"k": 3}])
    assert refused(update_rows, table, [3, 1], json_rows([{"k": 9}, {"k": 2}])) == [(2, "k", "primary_key", 2)]


@pytest.mark.parametrize(
    ("attribute", "line"),
    [
        (INTEGER, b'{"k": %d}\n'),
        ({"type": "string"}, b'{"k": "%d"}\n'),
        ({"type": "datetime", "timezone": True}, b'{"k": "2026-01-01T00:00:00.%06dZ"}\n'),
    ],
)
def test_a_key_is_found_again_in_another_part(tmp_path, attribute, line):
    keyed = shape({"name": "k", **attribute}, primary_key=["k"])
    row_count = SLICE_ROWS + 2_000
    table = Table(object=keyed, name="two parts")
    create_table(table, JSONLines(GeneratedLines(row_count, line), tmp_path))
    assert table.current.version_parts.count() == 2

    found = refused(append_rows, table, json_rows([(line % (row_count + 1)).decode(), (line % 5).decode()]))
    assert [error[:3] for error in found] == [(2, "k", "primary_key")]


def test_the_total_of_repeated_keys_is_true(tmp_path):
    keyed = shape({"name": "k", **INTEGER}, primary_key=["k"])
    table = TableFactory.create(object=keyed, rows=[{"k": number} for number in range(1500)])
    with pytest.raises(NonconformingError) as caught:
        append_rows(table, JSONLines(GeneratedLines(2000, b'{"k": %d}\n'), tmp_path))
    report = caught.value.report
    assert (report.error_count, len(report.errors), report.is_truncated) == (1500, 1000, True)
    assert [error.row for error in report.errors] == list(range(1, 1001))


def test_a_repeated_key_is_told_beside_other_errors_in_one_report():
    keyed = shape({"name": "id", **INTEGER}, {"name": "n", **INTEGER}, primary_key=["id"])
    table = TableFactory.create(object=keyed, rows=[{"id": 1, "n": 1}])
    with pytest.raises(NonconformingError) as caught:
        append_rows(table, json_rows([{"id": 1, "n": "x"}, {"id": 2}, {"id": 2.5}, {"id": 2, "n": 3}]))
    report = caught.value.report
    assert report.error_count == 4
    assert [(error.row, error.attribute, error.code) for error in report.errors] == [
        (1, "n", "type"),
        (1, "id", "primary_key"),
        (3, "id", "type"),
        (4, "id", "primary_key"),
    ]
