"""Pages, files and patches of diffs of every type: the sum of the pages is the whole, and each form tells the same."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.comparison import ComparisonOptions, Relation, compare
from catalog.comparison.paging import LISTED_CLASSES, Differences, Page, differences
from catalog.comparison.patching import read_patch
from catalog.tests.comparison_tables import Tables, load, tables


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("diffs")


def sides(connection: duckdb.DuckDBPyConnection, given: Tables) -> tuple[Relation, Relation]:
    told = given.told
    return (
        load(connection, "one", told.names, given.types[0], told.expected),
        load(connection, "other", told.names, given.types[1], told.actual),
    )


def lines_of(found: Differences, page: Page) -> list[Any]:
    return [json.loads(line, parse_float=Decimal) for block in found.lines(page) for line in block]


def paged(found: Differences, page: Page) -> Iterator[Any]:
    """All rows, page by page."""
    while True:
        rows, after = found.rows(page)
        assert len(rows) <= (page.limit or 0)
        yield from rows
        if not after:
            return
        assert len(rows) == page.limit
        page = replace(page, after=after)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(given=tables(), limit=st.integers(1, 3), classes=st.sets(st.sampled_from(LISTED_CLASSES)), data=st.data())
def test_the_sum_of_the_pages_is_the_whole_and_each_form_tells_the_same(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    given: Tables,
    limit: int,
    classes: set[str],
    data: st.DataObject,
) -> None:
    attribute = data.draw(st.sampled_from(["", "", *given.told.names]))
    page = Page(tuple(classes) or LISTED_CLASSES, attribute)
    one, other = sides(connection, given)
    with differences(connection, one, other, given.told.options) as found:
        whole, after = found.rows(page)
        assert after == ""
        listed = compare(connection, one, other, given.told.options).rows
        wanted = [row for row in listed if row.row_class in page.classes and (not attribute or attribute in row.cells)]
        assert [repr(row) for row in whole] == [repr(row) for row in wanted]
        assert [repr(row) for row in paged(found, replace(page, limit=limit))] == [repr(row) for row in whole]
        skipped, _ = found.rows(replace(page, offset=limit, limit=limit))
        assert [repr(row) for row in skipped] == [repr(row) for row in whole[limit : 2 * limit]]
        lines = lines_of(found, page)
        assert [_outline(line) for line in lines] == [_outline(row.as_dict()) for row in whole]
        assert lines_of(found, replace(page, offset=1, limit=limit)) == lines[1 : limit + 1]
        for file_format in ("csv", "parquet"):
            path = folder / f"rows.{file_format}"
            assert found.write(page, path, file_format) == len(whole)
            if whole:
                read = f"SELECT class, expected_position::BIGINT, actual_position::BIGINT FROM '{path}'"
                places = [(row.row_class, row.expected_position, row.actual_position) for row in whole]
                assert connection.execute(read).fetchall() == places


def _outline(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a row is and what is told of it, without the values, which JSON writes in its own way."""
    nulls = {name: value is None for name, value in {**row["key"], **(row.get("row") or {})}.items()}
    cells = {name: (cell["expected"] is None, cell["actual"] is None) for name, cell in row.get("cells", {}).items()}
    return row["class"], row.get("expected_position"), row.get("actual_position"), nulls, cells


@settings(max_examples=50, deadline=None, derandomize=True)
@given(given=tables().filter(lambda given: given.types[0] == given.types[1]))
def test_the_diff_applied_to_expected_gives_actual_of_every_type(
    connection: duckdb.DuckDBPyConnection, given: Tables
) -> None:
    options = ComparisonOptions(key=given.told.options.key)
    one, other = sides(connection, given)
    with differences(connection, one, other, options) as found:
        lines = [line for block in found.lines(Page()) for line in block]
    with read_patch(connection, one, lines) as patch:
        assert compare(connection, patch.result(), other, ComparisonOptions()).is_equal
        connection.execute(f"CREATE OR REPLACE TEMP TABLE patched AS {patch.result()}")
    patched = Relation("SELECT * FROM patched", one.columns)
    with differences(connection, patched, one, options) as found:
        back = [line for block in found.lines(Page()) for line in block]
    with read_patch(connection, patched, back) as patch:
        assert compare(connection, patch.result(), one, ComparisonOptions()).is_equal


@settings(max_examples=30, deadline=None, derandomize=True)
@given(given=tables(), seed=st.randoms(use_true_random=False))
def test_a_table_of_any_type_equals_itself_shuffled(
    connection: duckdb.DuckDBPyConnection, given: Tables, seed: Any
) -> None:
    told, kinds = given.told, given.types[0]
    places = seed.sample(range(len(told.names)), len(told.names))
    rows = seed.sample([[row[place] for place in places] for row in told.expected], len(told.expected))
    one = load(connection, "one", told.names, kinds, told.expected)
    names = [told.names[place] for place in places]
    other = load(connection, "other", names, [kinds[place] for place in places], rows)
    options = replace(told.options, ordered=False, matchers=(), null_equal=True)
    for left, right in ((one, other), (other, one)):
        found = compare(connection, left, right, options)
        assert (found.is_equal, found.counts["matched"]) == (True, len(rows))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(given=tables())
def test_the_other_way_round_what_is_missing_is_unexpected(
    connection: duckdb.DuckDBPyConnection, given: Tables
) -> None:
    options = replace(given.told.options, rel_tol=0.0, per_attribute={}, matchers=(), ordered=False)
    one, other = sides(connection, given)
    there, back = compare(connection, one, other, options).counts, compare(connection, other, one, options).counts
    swapped = {**back, "missing": back["unexpected"], "unexpected": back["missing"]}
    assert there == swapped
