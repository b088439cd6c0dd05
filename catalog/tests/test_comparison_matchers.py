"""Cells that have no one expected value, Unicode forms, and nulls that equal nothing."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from catalog.comparison import ComparisonOptions, OptionError, TableDiff, compare, parse_options
from catalog.comparison.matchers import MATCHERS_MAX

NAMES = ["id", "name", "v"]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture
def diff(connection: duckdb.DuckDBPyConnection) -> Any:
    """Compares rows (id, name, v) given as text, with options in their JSON form."""

    def compared(expected: str, actual: str, **options: Any) -> TableDiff:
        one, other = (f"SELECT * FROM (VALUES {rows}) AS t(id, name, v)" for rows in (expected, actual))
        return compare(connection, one, other, parse_options(options, NAMES))

    return compared


def every(condition: dict[str, Any], attribute: str = "v") -> list[dict[str, Any]]:
    return [{"attribute": attribute, "matcher": condition}]


@pytest.mark.parametrize("key", [[], ["id"]])
@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        ({"$any": True}, ["0", "NULL"], []),
        ({"$not_null": True}, ["0", "'nan'::DOUBLE"], ["NULL"]),
        ({"$gt": 0, "$lt": 1}, ["0.5"], ["0", "1", "NULL", "'nan'::DOUBLE"]),
        ({"$gte": 0, "$lte": 1}, ["0", "1"], ["1.01", "'inf'::DOUBLE"]),
        ({"$gt": 0}, ["'inf'::DOUBLE"], ["'nan'::DOUBLE", "'-inf'::DOUBLE"]),
        ({"$gt": 9007199254740992}, ["9007199254740993::BIGINT"], ["9007199254740992::BIGINT"]),
        ({"$approx": 3.0, "abs_tol": 0.05}, ["3.04", "2.96"], ["3.06", "NULL"]),
        ({"$approx": -200, "rel_tol": 0.01}, ["-201.9"], ["-203"]),
        ({"$regex": "ab+"}, ["'abb'"], ["'xabb'", "'abbx'", "'AB'", "NULL"]),
        ({"$gt": "2026-01-01"}, ["DATE '2026-01-02'"], ["DATE '2026-01-01'"]),
        ({"$lt": "b"}, ["'a'"], ["'b'"]),
    ],
)
def test_a_matcher_holds_or_not(diff, key, condition, good, bad):
    for cells, is_equal in ((good, True), (bad, False)):
        for cell in cells:
            kind = "" if "::" in cell or "DATE" in cell else ("::VARCHAR" if "'" in cell else "::DOUBLE")
            kind = "::VARCHAR" if "$regex" in condition else kind
            found = diff(f"(1, 'a', {cell}{kind})", f"(1, 'a', {cell}{kind})", key=key, matchers=every(condition))
            assert found.is_equal == is_equal, cell


def test_t24_a_pattern_matches_the_whole(diff):
    matchers = every({"$regex": "[A-Z]{2}[0-9]+"}, "name")
    assert diff("(1, '', 1)", "(1, 'AB12', 1)", key=["id"], matchers=matchers).is_equal
    for text in ("AB12x", "xAB12", "AB12\n", ""):
        assert not diff("(1, '', 1)", f"(1, '{text}', 1)", key=["id"], matchers=matchers).is_equal


@pytest.mark.parametrize("row", [2, {"id": 2}, {"name": "b", "id": 2}])
def test_a_matcher_of_a_row_holds_for_it_alone(diff, row):
    matchers = [{"attribute": "v", "row": row, "matcher": {"$gt": 10}}]
    for key in ([], ["id"]):
        options = {"key": key, "matchers": matchers}
        assert diff("(1, 'a', 1), (2, 'b', 2)", "(2, 'b', 11), (1, 'a', 1)", **options).is_equal
        assert not diff("(1, 'a', 1), (2, 'b', 2)", "(2, 'b', 2), (1, 'a', 1)", **options).is_equal
        assert not diff("(1, 'a', 1), (2, 'b', 2)", "(2, 'b', 11), (1, 'a', 11)", **options).is_equal


def test_a_row_that_is_not_there_is_told(diff):
    matchers = [{"attribute": "v", "row": {"id": 7}, "matcher": {"$any": True}}]
    assert "expected has not" in diff("(1, 'a', 1)", "(1, 'a', 1)", matchers=matchers).notes[0]


def test_what_was_asked_of_a_cell_is_in_the_report(diff):
    found = diff("(1, 'a', 0)", "(1, 'a', -1)", key=["id"], matchers=every({"$gte": 0}))
    assert found.rows[0].cells == {"v": {"expected": {"$gte": 0}, "actual": -1}}
    assert found.attributes["v"].changed == 1


def test_a_matcher_does_not_smear_over_rows_without_a_key(diff):
    found = diff(
        "(1, 'a', 0), (2, 'b', 0), (3, 'c', 0)",
        "(3, 'c', 7), (1, 'a', 9), (2, 'X', 8)",
        matchers=every({"$not_null": True}),
    )
    assert found.summary == "actual differs from expected: 1 changed"
    assert found.rows[0].cells == {"name": {"expected": "b", "actual": "X"}}


def test_texts_are_matchers_only_where_the_options_say_so(diff):
    expected = """(1, '{"$regex": "a.*"}', 1), (2, '{"$other": 1}', 1), (3, 'plain', 1)"""
    actual = """(1, 'abc', 1), (2, '{"$other": 1}', 1), (3, 'plain', 1)"""
    for key in ([], ["id"]):
        assert diff(expected, actual, key=key, literal_matchers=True).is_equal
        assert not diff(expected, actual, key=key).is_equal
    assert diff(expected, expected).is_equal


def test_a_matcher_that_its_type_can_not_meet_is_told(diff):
    found = diff("(1, 'a', 1)", "(1, 'a', 1)", key=["id"], matchers=every({"$regex": "1"}))
    assert not found.is_equal
    assert found.notes == ("a matcher of v holds for no cell: $regex is for strings, and this is integer",)


@pytest.mark.parametrize(
    ("matcher", "path", "code", "words"),
    [
        ({"attribute": "vv", "matcher": {"$any": True}}, "matchers.0.attribute", "unknown_attribute", "'v'"),
        ({"attribute": "v", "matcher": {"$regx": "a"}}, "matchers.0.matcher.$regx", "unknown_option", "'$regex'"),
        ({"attribute": "v", "matcher": {"$regex": "("}}, "matchers.0.matcher.$regex", "invalid_pattern", "RE2"),
        ({"attribute": "v", "matcher": {"$any": 1}}, "matchers.0.matcher.$any", "type", "true"),
        ({"attribute": "v", "matcher": {"$gt": float("nan")}}, "matchers.0.matcher.$gt", "type", "finite"),
        ({"attribute": "v", "matcher": {"$gt": 10**400}}, "matchers.0.matcher.$gt", "type", "finite"),
        ({"attribute": "v", "matcher": {"$approx": 1}}, "matchers.0.matcher.$approx", "required", "abs_tol"),
        ({"attribute": "v", "matcher": {"$approx": 1, "abs_tol": -1}}, "matchers.0.matcher.abs_tol", "minimum", "0"),
        ({"attribute": "v", "matcher": {}}, "matchers.0.matcher", "type", "object"),
        ({"attribute": "v", "matcher": {"$any": True}, "row": 0}, "matchers.0.row", "type", "place"),
        (
            {"attribute": "v", "matcher": {"$any": True}, "row": {"idd": 1}},
            "matchers.0.row.idd",
            "unknown_attribute",
            "",
        ),
        ({"attribute": "v", "matcher": {"$any": True}, "rows": 1}, "matchers.0.rows", "unknown_option", "'row'"),
        ({"attribute": "id", "matcher": {"$any": True}}, "matchers.0", "conflict", "key"),
    ],
)
def test_wrong_matchers_are_errors_that_help(matcher, path, code, words):
    with pytest.raises(OptionError) as caught:
        parse_options({"key": ["id"], "matchers": [matcher]}, NAMES)
    [(found_path, found_code, message)] = caught.value.problems
    assert (found_path, found_code) == (path, code)
    assert words in message


@pytest.mark.parametrize("row", [None, 1, {"id": 1, "name": "a"}])
def test_two_matchers_of_the_same_cells_are_refused_for_one_would_be_silent(row):
    one, other = ({"attribute": "v", "matcher": each, "row": row} for each in ({"$gt": 0}, {"$lt": 10}))
    with pytest.raises(OptionError) as caught:
        parse_options({"matchers": [one, other]}, NAMES)
    [(path, code, message)] = caught.value.problems
    assert (path, code) == ("matchers.1", "duplicate")
    assert "into one matcher" in message


def test_a_row_that_several_matchers_name_is_told(diff):
    matchers = [
        {"attribute": "v", "row": 1, "matcher": {"$gt": 10}},
        {"attribute": "v", "row": {"id": 1}, "matcher": {"$any": True}},
    ]
    found = diff("(1, 'a', 1)", "(1, 'a', 1)", matchers=matchers)
    assert not found.is_equal
    assert found.notes == ("1 row has several matchers of v: the first of them holds",)


@pytest.mark.parametrize("key", [(), ("id",)])
def test_more_rows_than_there_may_be_matchers_can_hold_the_same_literal_one(connection, key):
    expected = "SELECT i AS id, '{\"$not_null\": true}' AS name FROM range(1500) t(i)"
    options = ComparisonOptions(key=key, literal_matchers=True)
    found = compare(connection, expected, "SELECT i AS id, 'n' || i AS name FROM range(1500) t(i)", options)
    assert (found.is_equal, found.notes) == (True, ())


def test_literal_matchers_that_are_too_many_are_told(connection):
    expected = f"SELECT i AS id, '{{\"$regex\": \"' || i || '\"}}' AS name FROM range({MATCHERS_MAX + 1}) t(i)"
    options = ComparisonOptions(key=("id",), literal_matchers=True)
    found = compare(
        connection, expected, f"SELECT i AS id, i::VARCHAR AS name FROM range({MATCHERS_MAX + 1}) t(i)", options
    )
    assert found.counts["changed"] == 1
    assert "name has more than 1,000 different texts that may be matchers" in found.notes[0]


@pytest.mark.parametrize("key", [[], ["id"], ["name"]])
def test_t14_nfc_and_nfd_are_one_text_only_when_asked(diff, key):
    expected, actual = "(1, 'caf' || chr(233), 1)", "(1, 'cafe' || chr(769), 1)"
    assert not diff(expected, actual, key=key).is_equal
    assert diff(expected, actual, key=key, normalize_unicode=True).is_equal


@pytest.mark.parametrize("key", [[], ["id"]])
def test_null_equals_null_unless_asked_otherwise(diff, key):
    rows = "(1, 'a', NULL), (2, 'b', 2)"
    assert diff(rows, rows, key=key).is_equal
    found = diff(rows, rows, key=key, null_equal=False)
    assert (found.counts["matched"], found.counts["changed"]) == (1, 1)
    assert list(found.rows[0].cells) == ["v"]
