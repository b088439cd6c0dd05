"""Outputs that are the very Parts that are expected: stored once, and equal without a look at them."""

from typing import Any

import pytest

from catalog.comparison import Relation, compare, parse_options
from catalog.engine import cursor

GONE = "SELECT error('this is not read') AS name, 1::BIGINT AS _id FROM range(2)"
COLUMNS = (("name", "VARCHAR"), ("_id", "BIGINT"))


def compared(sql: str, options: dict[str, Any], key: tuple[str, ...] = ("name",), other: str = "x") -> Any:
    """Two relations of two rows, of files `x` and `other`."""
    given = Relation(sql, COLUMNS, 2, key, digests=("x",))
    actual = Relation(sql, COLUMNS, 2, key, digests=(other,))
    with cursor(is_serial=True) as connection:
        return compare(connection, given, actual, parse_options(options, ["name"]))


@pytest.mark.parametrize("options", [{}, {"key": ["name"]}, {"ordered": True}])
def test_the_same_files_are_equal_unread(options: dict[str, Any]) -> None:
    diff = compared(GONE, options)
    assert diff.is_equal
    assert diff.counts["matched"] == 2
    assert diff.attributes["name"].equal == 2


def test_other_files_are_read() -> None:
    with pytest.raises(Exception, match="this is not read"):
        compared(GONE, {}, other="y")


def test_the_same_file_differs_from_itself_where_nulls_equal_nothing() -> None:
    nulls = "SELECT NULL::VARCHAR AS name, range AS _id FROM range(2)"
    assert not compared(nulls, {"null_equal": False}, key=()).is_equal


def test_a_key_that_may_stand_twice_is_looked_for() -> None:
    twice = "SELECT 'a' AS name, range AS _id FROM range(2)"
    assert compared(twice, {"key": ["name"]}, key=()).counts["duplicate_key"]
