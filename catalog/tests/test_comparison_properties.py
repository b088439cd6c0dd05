"""Comparison against a slow and obvious judge, on tables made at random."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.comparison import ComparisonOptions, TableDiff, compare

COLUMNS = {"id": "BIGINT", "city": "VARCHAR", "amount": "DOUBLE", "is open": "BOOLEAN"}
Row = tuple[Any, ...]

quick = settings(max_examples=40, deadline=None)
cells = st.tuples(
    st.sampled_from(["Oslo", "oslo", "", None]),
    st.sampled_from([0.0, -0.0, 1.0, 1.5, math.nan, math.inf, None]),
    st.sampled_from([True, False, None]),
)
rows_with_key = st.dictionaries(st.integers(-5, 5) | st.none(), cells, max_size=8).map(
    lambda rows: [(key, *values) for key, values in rows.items()]
)
rows_of_any_kind = st.lists(
    st.tuples(st.integers(0, 2) | st.none(), cells).map(lambda row: (row[0], *row[1])), max_size=8
)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        yield opened


def relation(connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Row], columns: Sequence[str]) -> str:
    """A table of the rows; answers a query that gives its columns in the order of `columns`."""
    definitions = ", ".join(f'"{column}" {type_}' for column, type_ in COLUMNS.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({definitions})")
    if rows:
        connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?)", rows)
    selected = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT {selected} FROM {name}"


def compared(
    connection: duckdb.DuckDBPyConnection, expected: Sequence[Row], actual: Sequence[Row], **options: Any
) -> TableDiff:
    names = list(COLUMNS)
    expected_query = relation(connection, "expected_rows", expected, names)
    actual_query = relation(connection, "actual_rows", actual, names[::-1])
    return compare(connection, expected_query, actual_query, ComparisonOptions(**options))


def judged(row: Row) -> Row:
    """The row in a form in which Python finds equal what is to be equal."""
    return tuple("NaN" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row)


def agree(expected: float | None, actual: float | None, abs_tol: float) -> bool:
    if expected is None or actual is None:
        return expected is actual
    if math.isnan(expected) or math.isnan(actual):
        return math.isnan(expected) and math.isnan(actual)
    return expected == actual or (math.isfinite(expected) and abs(actual - expected) <= abs_tol)


@pytest.mark.parametrize("key", [(), ("id",)])
@quick
@given(rows=rows_of_any_kind, seed=st.randoms(use_true_random=False))
def test_a_table_equals_itself_with_its_rows_and_attributes_shuffled(connection, key, rows, seed):
    shuffled = seed.sample(rows, len(rows))
    found = compared(connection, rows, shuffled, key=key)
    assert found.is_equal
    assert found.counts["matched"] == len(rows)
    assert all(row.row_class == "duplicate_key" for row in found.rows)


@quick
@given(expected=rows_of_any_kind, actual=rows_of_any_kind)
def test_without_a_key_as_many_rows_are_equal_as_the_multisets_share(connection, expected, actual):
    found = compared(connection, expected, actual)
    shared = Counter(map(judged, expected)) & Counter(map(judged, actual))
    counts = found.counts
    assert counts["matched"] == shared.total()
    assert counts["matched"] + counts["changed"] + counts["missing"] == len(expected)
    assert counts["matched"] + counts["changed"] + counts["unexpected"] == len(actual)


@quick
@given(expected=rows_with_key, actual=rows_with_key)
def test_with_a_key_each_row_is_compared_with_the_one_that_has_its_key(connection, expected, actual):
    found = compared(connection, expected, actual, key=("id",))
    by_key = {row[0]: judged(row) for row in expected}, {row[0]: judged(row) for row in actual}
    both = by_key[0].keys() & by_key[1].keys()
    names = list(COLUMNS)
    listed = {row.key["id"]: set(row.cells) for row in found.rows if row.row_class == "changed"}
    assert listed == {
        key: {name for name, left, right in zip(names, by_key[0][key], by_key[1][key], strict=True) if left != right}
        for key in both
        if by_key[0][key] != by_key[1][key]
    }
    assert {row.key["id"] for row in found.rows if row.row_class == "missing"} == by_key[0].keys() - both
    assert {row.key["id"] for row in found.rows if row.row_class == "unexpected"} == by_key[1].keys() - both
    assert found.counts["duplicate_key"] == 0


@quick
@given(
    expected=st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4, math.nan, None]), max_size=5),
    actual=st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4, math.nan, None]), max_size=5),
)
def test_within_tolerance_the_most_rows_that_can_be_matched_are(connection, expected, actual):
    shorter, longer = sorted((expected, actual), key=len)
    best = max(
        sum(agree(left, right, 0.15) for left, right in zip(shorter, chosen, strict=True))
        for chosen in permutations(longer, len(shorter))
    )
    rows = [[(1, "same", value, True) for value in values] for values in (expected, actual)]
    for key in ((), ("id",)):
        assert compared(connection, *rows, key=key, abs_tol=0.15).counts["matched"] == best


@quick
@given(expected=st.permutations(range(6)), actual=st.permutations(range(6)))
def test_the_fewest_rows_are_moved(connection, expected, actual):
    places = [actual.index(number) for number in expected]
    longest = max(
        mask.bit_count()
        for mask in range(1 << len(places))
        if (kept := [place for bit, place in enumerate(places) if mask >> bit & 1]) == sorted(kept)
    )
    rows = [[(number, "same", 1.0, True) for number in numbers] for numbers in (expected, actual)]
    for key in ((), ("id",)):
        found = compared(connection, *rows, key=key, ordered=True)
        assert (found.counts["moved"], found.counts["matched"]) == (len(places) - longest, longest)


@quick
@given(rows=rows_with_key.filter(bool), seed=st.integers(0, 10**6))
def test_every_planted_change_is_found_and_no_other(connection, rows, seed):
    chance = random.Random(seed)
    changed, dropped = chance.choice(rows), chance.choice(rows)
    actual = [
        (*row[:1], f"{row[1]} planted", *row[2:]) if row is changed else row for row in rows if row is not dropped
    ]
    actual.append((99, "planted", None, None))
    found = compared(connection, rows, chance.sample(actual, len(actual)), key=("id",))
    changes = {row.key["id"]: dict(row.cells) for row in found.rows if row.row_class == "changed"}
    expected_cell = {"city": {"expected": changed[1], "actual": f"{changed[1]} planted"}}
    assert changes == ({} if changed is dropped else {changed[0]: expected_cell})
    assert [row.key["id"] for row in found.rows if row.row_class == "missing"] == [dropped[0]]
    assert [row.key["id"] for row in found.rows if row.row_class == "unexpected"] == [99]
