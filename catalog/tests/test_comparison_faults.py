"""Faults of other tools, each a test by its number (P), and those traps (T) that are not in test_comparison."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import call_command

from catalog.comparison import ComparisonOptions, OptionError, TableDiff, compare, parse_options
from catalog.contents import append_rows
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from catalog.writing import NonconformingError


@pytest.fixture
def diff() -> Iterator[Any]:
    """Compares rows given as text with the names of their columns."""
    with duckdb.connect() as connection:

        def compared(expected: str, actual: str, columns: str, **options: Any) -> TableDiff:
            one, other = (f"SELECT * FROM (VALUES {rows}) AS t({columns})" for rows in (expected, actual))
            return compare(connection, one, other, ComparisonOptions(**options))

        yield compared


BOTH = pytest.mark.parametrize("key", [(), ("id",)])


@BOTH
def test_t12_leading_zeros_are_kept(diff, key):
    found = diff("(1, '007'), (2, '0')", "(1, '7'), (2, '00')", "id, v", key=key)
    assert [row.cells["v"] for row in found.rows] == [
        {"expected": "007", "actual": "7"},
        {"expected": "0", "actual": "00"},
    ]
    assert diff("(1, '007')", "(1, '007')", "id, v", key=key).is_equal


@BOTH
def test_t13_true_is_not_1(diff, key):
    found = diff("(1, true), (2, false)", "(1, 1), (2, 0)", "id, v", key=key)
    assert [(each.expected, each.actual) for each in found.shape.type_mismatches] == [("boolean", "integer")]
    assert not found.is_equal
    assert found.counts["matched"] == 2


@pytest.mark.django_db
def test_t19_a_row_that_refers_to_none_is_an_error_of_its_own_and_no_change():
    referred = ObjectSchemaFactory.create(attributes=[{"name": "id", "type": "integer"}], primary_key=["id"])
    TableFactory.create(object=referred, rows=[{"id": 1}])
    key = {"fields": ["to"], "reference": {"object": referred.name, "fields": ["id"]}}
    referring = ObjectSchemaFactory.create(
        application=referred.application,
        definition={"attributes": [{"name": "to", "type": "integer"}], "foreignKeys": [key]},
    )
    table = TableFactory.create(object=referring, rows=[{"to": 1}])
    with pytest.raises(NonconformingError) as caught:
        append_rows(table, json_rows([{"to": 1}, {"to": 7}]))
    [error] = caught.value.report.errors
    assert (error.row, error.code) == (2, "foreign_key")
    assert table.versions.count() == 1


def test_p1_of_two_rows_of_one_key_none_is_lost(diff):
    found = diff("(1, 'a'), (1, 'b')", "(1, 'b')", "id, v", key=("id",))
    assert (found.counts["matched"], found.counts["missing"], found.counts["duplicate_key"]) == (1, 1, 1)


@BOTH
def test_p2_identical_rows_two_against_one_differ(diff, key):
    found = diff("(1, 'a'), (1, 'a')", "(1, 'a')", "id, v", key=key)
    assert found.summary.startswith("actual differs from expected: 1 missing")


@pytest.mark.parametrize("empty", ["old.csv", "new.csv"])
def test_p3_an_empty_side_is_no_crash(tmp_path: Path, empty: str):
    for name in ("old.csv", "new.csv"):
        (tmp_path / name).write_text("id,v\n" if name == empty else "id,v\n1,2\n")
    printed = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("diff", str(tmp_path / "old.csv"), str(tmp_path / "new.csv"), "--output=json", stdout=printed)
    assert ended.value.code == 1
    counts = json.loads(printed.getvalue())["counts"]
    assert counts["missing" if empty == "new.csv" else "unexpected"] == 1


@BOTH
def test_p4_one_is_one_point_nought(diff, key):
    assert diff("(1, 1)", "(1, 1.0::DOUBLE)", "id, v", key=key).is_equal
    assert diff("(1, 1)", "(1, 1.00)", "id, v", key=key).is_equal


@BOTH
def test_p5_the_same_multiset_with_null_keys_that_stand_twice_is_equal(diff, key):
    rows = ["(NULL, 1)", "(NULL, 1)", "(NULL, 2)", "(3, 1)"]
    assert diff(", ".join(rows), ", ".join(rows[::-1]), "id, v", key=key).is_equal


@BOTH
def test_p6_the_integer_1_is_not_the_text_1(diff, key):
    found = diff("(1, 1)", "(1, '1')", "id, v", key=key)
    assert not found.is_equal
    assert [(each.expected, each.actual) for each in found.shape.type_mismatches] == [("integer", "string")]


@BOTH
def test_p7_rows_within_tolerance_are_matched_whatever_their_order(diff, key):
    expected = "(1, 1.000::DOUBLE, 'b'), (2, 1.001, 'a')"
    actual = "(2, 1.0015::DOUBLE, 'a'), (1, 1.0012, 'b')"  # sorted by v, they would be apart
    assert diff(expected, actual, "id, v, w", key=key, abs_tol=0.002).is_equal


@BOTH
def test_p8_where_the_numbers_of_rows_differ_the_row_is_named(diff, key):
    found = diff("(1, 'a'), (2, 'b'), (3, 'c')", "(1, 'a'), (3, 'c')", "id, v", key=key)
    assert [(row.row_class, row.row) for row in found.rows] == [("missing", {"id": 2, "v": "b"})]


@BOTH
def test_p9_nothing_is_not_nan(diff, key):
    found = diff("(1, NULL::DOUBLE), (2, 'nan')", "(1, 'nan'::DOUBLE), (2, 'nan')", "id, v", key=key)
    assert (found.counts["changed"], found.attributes["v"].null_only_expected) == (1, 1)


def test_p10_keys_that_stand_twice_may_come_in_any_order(diff):
    rows = ["(1, 'a')", "(1, 'b')", "(1, 'c')", "(2, 'd')"]
    assert diff(", ".join(rows), ", ".join(rows[::-1]), "id, v", key=("id",)).is_equal


def test_p11_a_shift_under_one_key_is_one_row_that_went_and_one_that_came(diff):
    found = diff("(1, 'a'), (1, 'b'), (1, 'c')", "(1, 'b'), (1, 'c'), (1, 'd')", "id, v", key=("id",))
    counts = found.counts
    assert (counts["matched"], counts["changed"], counts["missing"], counts["unexpected"]) == (2, 0, 1, 1)


@pytest.mark.parametrize("raw", [{"per_attribute": {"amuont": {"abs_tol": 1}}}, {"ignore": ["amuont"]}])
def test_p12_a_misspelt_attribute_is_refused_with_the_nearest_name(raw):
    with pytest.raises(OptionError, match="did you mean 'amount'"):
        parse_options(raw, ["id", "amount"])
