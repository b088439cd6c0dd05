"""The comparison against a slow and obvious judge (`comparison_oracle`), on tables of every type made at random."""

from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import given, settings

from catalog.comparison import ComparisonOptions, TableDiff, compare, reducing
from catalog.tests.comparison_oracle import Told, judge
from catalog.tests.comparison_tables import Tables, compared, load, tables


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


@settings(max_examples=150, deadline=None, derandomize=True)
@given(given=tables())
def test_a_judge_who_looks_at_each_cell_finds_the_same(connection: duckdb.DuckDBPyConnection, given: Tables) -> None:
    judge(given.told, compared(connection, given))


def compared_by_id(connection: duckdb.DuckDBPyConnection, given: Tables) -> TableDiff:
    """What the engine finds between the rows of Tables, which have ids."""
    told = given.told
    sides = []
    for name, kinds, rows in zip(("one", "other"), given.types, (told.expected, told.actual), strict=True):
        relation = load(connection, name, told.names, kinds, rows)
        columns = (*(relation.columns or ()), ("_id", "BIGINT"))
        sides.append(replace(relation, sql=f"SELECT *, rowid * 3 + 7 AS _id FROM {name}", columns=columns))
    return compare(connection, sides[0], sides[1], told.options)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(given=tables())
def test_rows_with_ids_differ_as_those_without(connection: duckdb.DuckDBPyConnection, given: Tables) -> None:
    judge(given.told, compared_by_id(connection, given))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(given=tables())
def test_of_many_attributes_the_same_is_found_as_of_few(connection: duckdb.DuckDBPyConnection, given: Tables) -> None:
    told = replace(given.told, options=replace(given.told.options, key=given.told.names[:1], ordered=False))
    given = replace(given, told=replace(told, options=_without(told, told.names[0])))
    narrow = compared_by_id(connection, given)
    with patch.object(reducing, "WIDE_ATTRIBUTES", 0), patch.object(reducing, "WIDE_GROUP", 2):
        wide = compared_by_id(connection, given)
    judge(given.told, wide)
    assert repr(wide) == repr(narrow)


def _without(told: Told, key: str) -> ComparisonOptions:
    """The options without what a key can't have."""
    options = told.options
    return replace(
        options,
        per_attribute={name: each for name, each in options.per_attribute.items() if name != key},
        matchers=tuple(each for each in options.matchers if each.attribute != key),
    )
