"""The rules of comparison, by their traps (T). The faults of other tools (P): test_comparison_faults."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from time import process_time
from typing import Any

import duckdb
import pytest

from catalog.comparison import ComparisonOptions, OptionError, Relation, TableDiff, Tolerance, compare, parse_options


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture
def diff(connection: duckdb.DuckDBPyConnection) -> Any:
    """Compares `expected` with `actual`: each a query, or the rows of one as text with the names of its columns."""

    def compared(expected: str, actual: str, columns: str = "", **options: Any) -> TableDiff:
        if columns:
            expected, actual = (f"SELECT * FROM (VALUES {rows}) AS t({columns})" for rows in (expected, actual))
        return compare(connection, expected, actual, ComparisonOptions(**options))

    return compared


def classes(table_diff: TableDiff) -> list[str]:
    return [row.row_class for row in table_diff.rows]


def test_t1_duplicate_rows_are_counted(diff):
    assert diff("(1), (1), (2)", "(2), (1), (1)", "a").is_equal
    fewer = diff("(1), (1), (2)", "(2), (1)", "a")
    assert fewer.summary == "actual differs from expected: 1 missing"
    assert fewer.rows[0].row == {"a": 1}


def test_t2_an_empty_side_lists_all_rows(diff):
    empty = "SELECT 1 AS id, 'x' AS name WHERE false"
    full = "SELECT 1 AS id, 'x' AS name UNION ALL SELECT 2, 'y'"
    for key in ((), ("id",)):
        assert diff(empty, empty, key=key).summary == "actual equals expected: 0 rows"
        assert classes(diff(empty, full, key=key)) == ["unexpected", "unexpected"]
        assert classes(diff(full, empty, key=key)) == ["missing", "missing"]


@pytest.mark.parametrize("key", [(), ("k",)])
def test_t3_duplicate_rows_with_null_keys_are_equal_in_any_order(diff, key):
    expected, actual = "(NULL, 1), (NULL, 1), (NULL, 2), (3, 4)", "(NULL, 2), (3, 4), (NULL, 1), (NULL, 1)"
    assert diff(expected, actual, "k, v", key=key).is_equal


@pytest.mark.parametrize("key", [(), ("b",)])
def test_t4_one_changed_row_in_the_first_sorted_column_does_not_smear(diff, key):
    found = diff("(1, 'a'), (2, 'b'), (3, 'c')", "(9, 'a'), (2, 'b'), (3, 'c')", "a, b", key=key)
    assert found.counts["matched"] == 2
    assert [row.cells for row in found.rows] == [{"a": {"expected": 1, "actual": 9}}]


@pytest.mark.parametrize("key", [(), ("name",)])
def test_t5_tolerance_works_on_shuffled_rows(diff, key):
    expected = "(1.0::DOUBLE, 'x'), (1.0, 'y'), (2.0, 'z')"
    actual = "(2.0001::DOUBLE, 'z'), (1.0002, 'x'), (0.9999, 'y')"
    assert diff(expected, actual, "v, name", key=key, abs_tol=0.001).is_equal
    assert not diff(expected, actual, "v, name", key=key, abs_tol=0.00001).is_equal


def test_t6_an_extra_attribute_and_a_missing_row_are_in_one_report(diff):
    found = diff("SELECT 1 AS id UNION ALL SELECT 2", "SELECT 1 AS id, 'new' AS extra", key=("id",))
    assert found.summary == "actual differs from expected: 1 missing, 1 unexpected attribute"
    assert found.shape.unexpected_attributes == ("extra",)


@pytest.mark.parametrize(
    ("expected", "actual", "is_equal"),
    [
        ("1", "1.0::DOUBLE", True),
        ("1", "1.00", True),
        ("1::HUGEINT", "1::TINYINT", True),
        ("0.5::DECIMAL(3,3)", "0.50::DECIMAL(38,2)", True),
        ("0.5::DECIMAL(38,38)", "0.50::DECIMAL(38,2)", True),
        ("0.3", "0.3::DOUBLE", True),
        ("0.3", "0.30000001::DOUBLE", False),
        ("1", "1.5::DOUBLE", False),
        ("9007199254740993", "9007199254740992::DOUBLE", False),
        ("9007199254740993.0::DECIMAL(20,1)", "9007199254740992::DOUBLE", False),
        ("100::DECIMAL(38,0)", "100.00::DECIMAL(38,30)", True),
        ("0::DECIMAL(38,10)", "(-0.0)::DOUBLE", True),
    ],
)
def test_t7_numbers_are_compared_by_value_whatever_their_types(diff, expected, actual, is_equal):
    for key in ((), ("id",), ("v",)):
        found = diff(f"SELECT 1 AS id, {expected} AS v", f"SELECT 1 AS id, {actual} AS v", key=key)
        assert (found.is_equal, found.shape.type_mismatches) == (is_equal, ())


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        ("1", "'1'", ("integer", "string")),
        ("1.5", "'1.5'", ("number", "string")),
        ("true", "1", ("boolean", "integer")),
        ("'2024-01-01'", "DATE '2024-01-01'", ("string", "date")),
        (
            "TIMESTAMP '2024-01-01'",
            "TIMESTAMPTZ '2024-01-01 00:00:00+00'",
            ("datetime", "datetime with time zone"),
        ),
    ],
)
def test_values_of_different_types_are_never_equal(diff, expected, actual, words):
    found = diff(f"SELECT 1 AS id, {expected} AS v", f"SELECT 1 AS id, {actual} AS v", key=("id",))
    assert [(item.attribute, item.expected, item.actual) for item in found.shape.type_mismatches] == [("v", *words)]
    assert found.summary == "actual differs from expected: 1 type mismatch"
    assert found.counts["matched"] == 1


def test_t8_doubles_need_a_tolerance_where_exact_decimals_need_none(diff):
    doubles = ("SELECT 0.3::DOUBLE AS v", "SELECT 0.1::DOUBLE + 0.2::DOUBLE AS v")
    assert not diff(*doubles).is_equal
    assert diff(*doubles, abs_tol=1e-9).attributes["v"].equal_within_tolerance == 1
    assert diff("SELECT 0.3 AS v", "SELECT 0.1 + 0.2 AS v").is_equal


def test_of_two_tolerances_the_wider_holds_and_not_their_sum(diff):
    both = {"key": ("id",), "abs_tol": 5, "rel_tol": 0.06}
    for actual, is_equal in (("106", True), ("107", False)):
        assert diff("SELECT 1 AS id, 100 AS v", f"SELECT 1 AS id, {actual} AS v", **both).is_equal == is_equal


def test_null_is_a_key_also_where_null_equals_nothing_else(diff):
    found = diff("(NULL, 1), (2, NULL)", "(2, NULL), (NULL, 1)", "k, v", key=("k",), null_equal=False)
    assert (found.counts["matched"], found.counts["changed"], found.counts["missing"]) == (1, 1, 0)


def test_keys_that_become_one_value_beside_another_type_are_duplicates_though_each_was_unique(connection):
    digits = "SELECT unnest([0.1, 0.10000000000000000001])::DECIMAL(38,20) AS k, unnest(['a', 'b']) AS v"
    sides = [
        Relation("SELECT 0.1::DOUBLE AS k, 'b' AS v", unique_key=("k",)),
        Relation(digits, unique_key=("k",)),
    ]
    found = compare(connection, *sides, ComparisonOptions(key=("k",)))
    assert (found.counts["duplicate_key"], found.counts["matched"], found.counts["unexpected"]) == (1, 1, 1)


def test_a_key_that_stands_twice_is_told_of_equal_tables_too(diff):
    found = diff("(1, 'a'), (1, 'b')", "(1, 'b'), (1, 'a')", "k, v", key=("k",))
    assert (found.is_equal, found.counts["duplicate_key"]) == (True, 1)
    assert "1 key stands more than once" in found.notes[0]


def test_a_tolerance_on_decimals_is_exact_at_its_bound(diff):
    assert diff("SELECT 1 AS id, 0.30 AS v", "SELECT 1 AS id, 0.31 AS v", key=("id",), abs_tol=0.01).is_equal
    assert diff("SELECT 1 AS id, 100 AS v", "SELECT 1 AS id, 110 AS v", key=("id",), rel_tol=0.1).is_equal
    assert not diff("SELECT 1 AS id, 100 AS v", "SELECT 1 AS id, 111 AS v", key=("id",), rel_tol=0.1).is_equal


@pytest.mark.parametrize(
    ("expected", "actual", "abs_tol", "is_equal"),
    [
        ("1234567890123456789012345678.0000000001::DECIMAL(38,10)", "1234567890123456789012345678", 1e-12, False),
        ("1234567890123456789012345678.0000000001::DECIMAL(38,10)", "1234567890123456789012345678", 1e-9, True),
        ("9999999999999999999999999999::DECIMAL(38,10)", "-9999999999999999999999999999", 1e29, True),
        ("9007199254740993", "9007199254740992::DOUBLE", 0.5, False),
        ("9007199254740993", "9007199254740992::DOUBLE", 1, True),
        ("9007199254740992::DOUBLE", "9007199254740993.25::DECIMAL(20,2)", 1.2, False),
        ("9007199254740992::DOUBLE", "9007199254740993.25::DECIMAL(20,2)", 1.25, True),
        ("5", "1e300::DOUBLE", 1, False),
    ],
)
def test_a_tolerance_is_kept_where_doubles_have_no_digits_left(diff, expected, actual, abs_tol, is_equal):
    actual = actual if "::" in actual else f"{actual}::DECIMAL(38,10)"
    found = diff(f"SELECT 1 AS id, {expected} AS v", f"SELECT 1 AS id, {actual} AS v", key=("id",), abs_tol=abs_tol)
    assert found.is_equal == is_equal


@pytest.mark.parametrize("key", [(), ("id",)])
@pytest.mark.parametrize(
    ("expected", "actual", "is_equal"),
    [
        ('{"a": 1, "b": [1, 2]}', '{"b": [1.0, 2], "a": 1e0}', True),
        ("[1, 2]", "[2, 1]", False),
        ("1", '"1"', False),
        ('"caf\u00e9"', '"caf\\u00e9"', True),
        ("0.12345678901234567890123456789012341", "0.12345678901234567890123456789012342", False),
        ("12345678901234567890", "12345678901234567891", False),
    ],
)
def test_json_is_compared_by_value_with_all_digits(diff, key, expected, actual, is_equal):
    one, other = (f"SELECT 1 AS id, '{text}'::JSON AS v" for text in (expected, actual))
    assert diff(one, other, key=key).is_equal == is_equal


@pytest.mark.parametrize("options", [{}, {"abs_tol": 0.5}, {"key": ("id",)}, {"key": ("id",), "rel_tol": 0.5}])
def test_t9_nan_equals_nan_infinities_themselves_and_minus_zero_zero(diff, options):
    expected = "(1, 'nan'::DOUBLE), (2, 'inf'), (3, '-inf'), (4, -0.0::DOUBLE)"
    assert diff(expected, "(1, 'nan'::DOUBLE), (2, 'inf'), (3, '-inf'), (4, 0.0)", "id, v", **options).is_equal
    apart = diff(expected, "(1, 'inf'::DOUBLE), (2, 1), (3, 'inf'), (4, 'nan')", "id, v", **options)
    assert apart.counts["matched"] == 0


@pytest.mark.parametrize("key", [(), ("id",)])
def test_t10_null_empty_text_and_na_are_three_values(diff, key):
    expected, actual = "(1, 'a', NULL), (2, 'b', ''), (3, 'c', 'NA')", "(1, 'a', ''), (2, 'b', 'NA'), (3, 'c', NULL)"
    found = diff(expected, actual, "id, name, v", key=key)
    assert found.counts["changed"] == 3
    assert found.attributes["v"].as_dict() == {
        "equal": 0,
        "equal_within_tolerance": 0,
        "changed": 1,
        "null_only_expected": 1,
        "null_only_actual": 1,
    }


def test_nan_and_minus_zero_may_be_keys(diff):
    expected, actual = "('nan'::DOUBLE, 1), (-0.0::DOUBLE, 2), (1, 3)", "(0.0::DOUBLE, 2), ('nan'::DOUBLE, 1), (1, 4)"
    found = diff(expected, actual, "k, v", key=("k",))
    assert (found.counts["matched"], found.counts["changed"]) == (2, 1)


@pytest.mark.parametrize(
    ("expected", "actual", "is_equal"),
    [
        ("DATE '2024-01-01'", "TIMESTAMP '2024-01-01 00:00:00'", True),
        ("DATE '2024-01-01'", "TIMESTAMP '2024-01-01 00:00:01'", False),
        ("DATE '300000-01-01'", "TIMESTAMP '2024-01-01 00:00:00'", False),
        ("DATE 'infinity'", "TIMESTAMP 'infinity'", True),
        ("TIMESTAMP '2024-01-01 10:00:00.5'", "TIMESTAMP_NS '2024-01-01 10:00:00.5'", True),
        ("TIMESTAMPTZ '2024-01-01 12:00:00+02'", "TIMESTAMPTZ '2024-01-01 10:00:00+00'", True),
        ("TIMESTAMPTZ '2024-01-01 12:00:00+02'", "TIMESTAMPTZ '2024-01-01 12:00:00+00'", False),
    ],
)
def test_t11_dates_equal_their_midnight_and_instants_equal_across_zones(diff, expected, actual, is_equal):
    for key in ((), ("v",), ("id",)):
        found = diff(f"SELECT 1 AS id, {expected} AS v", f"SELECT 1 AS id, {actual} AS v", key=key)
        assert (found.is_equal, found.shape.type_mismatches) == (is_equal, ())


def test_instants_are_reported_in_utc(diff):
    found = diff("SELECT TIMESTAMPTZ '2024-01-01 12:00:00+02' AS at", "SELECT now() AS at WHERE false")
    assert found.rows[0].row == {"at": datetime.datetime(2024, 1, 1, 10, tzinfo=datetime.UTC)}


@pytest.mark.parametrize(
    ("expected", "actual"),
    [("'007'", "'7'"), ("'caf' || chr(233)", "'cafe' || chr(769)"), ("'Oslo'", "'Oslo '"), ("'a'", "'A'")],
)
def test_text_is_compared_as_it_is(diff, expected, actual):
    assert not diff(f"SELECT {expected} AS v", f"SELECT {actual} AS v").is_equal


def test_a_trailing_space_is_in_the_report(diff):
    found = diff("(1, 'Oslo')", "(1, 'Oslo ')", "id, city", key=("id",))
    assert found.rows[0].cells == {"city": {"expected": "Oslo", "actual": "Oslo "}}


def test_t15_the_order_of_attributes_does_not_matter(diff):
    assert diff("SELECT 1 AS a, 'x' AS b", "SELECT 'x' AS b, 1 AS a").is_equal


@pytest.mark.parametrize("key", [(), ("id",)])
def test_t16_an_ignored_attribute_does_not_disturb_matching(diff, key):
    expected, actual = "(5, 1, 'a'), (6, 2, 'b')", "(1, 2, 'b'), (2, 1, 'a')"
    assert diff(expected, actual, "loaded, id, v", key=key, ignore=("loaded",)).is_equal
    assert diff("SELECT 1 AS a, 2 AS loaded", "SELECT 1 AS a", ignore=("loaded",)).is_equal


@pytest.mark.parametrize(
    ("raw", "path", "code", "words"),
    [
        ({"keys": ["id"]}, "keys", "unknown_option", "'key'"),
        ({"key": ["idd"]}, "key", "unknown_attribute", "'id'"),
        ({"ignore": ["amuont"]}, "ignore", "unknown_attribute", "'amount'"),
        ({"per_attribute": {"amuont": {"abs_tol": 1}}}, "per_attribute.amuont", "unknown_attribute", "'amount'"),
        ({"per_attribute": {"amount": {"abstol": 1}}}, "per_attribute.amount.abstol", "unknown_option", "'abs_tol'"),
        ({"abs_tol": -1}, "abs_tol", "minimum", "minimum is 0"),
        ({"abs_tol": True}, "abs_tol", "type", "number"),
        ({"rel_tol": float("nan")}, "rel_tol", "type", "finite"),
        ({"rel_tol": 10**400}, "rel_tol", "type", "finite"),
        ({"mode": "superset"}, "mode", "enum", "exact, subset"),
        ({"ordered": "yes"}, "ordered", "type", "true or false"),
        ({"limit": 1.5}, "limit", "type", "integer"),
        ({"limit": 10**6}, "limit", "maximum", "10000"),
        ({"key": "id"}, "key", "type", "list"),
        ({"key": ["id", "id"]}, "key", "duplicate", "twice"),
        ({"key": ["id"], "ignore": ["id"]}, "ignore", "conflict", "key"),
        ({"key": ["id"], "per_attribute": {"id": {"abs_tol": 1}}}, "per_attribute.id", "conflict", "key"),
    ],
)
def test_t17_unknown_or_wrong_options_are_errors_that_help(raw, path, code, words):
    with pytest.raises(OptionError) as caught:
        parse_options(raw, ["id", "amount"])
    [(found_path, found_code, message)] = caught.value.problems
    assert (found_path, found_code) == (path, code)
    assert words in message


def test_all_mistakes_are_told_at_once():
    with pytest.raises(OptionError) as caught:
        parse_options({"orderd": True, "abs_tol": "x", "key": ["nope"]}, ["id"])
    assert [path for path, _, _ in caught.value.problems] == ["orderd", "key", "abs_tol"]


def test_options_are_read_and_an_attribute_takes_its_own_tolerance_in_place_of_the_common_one():
    options = parse_options(
        {"key": ["id"], "abs_tol": 1, "per_attribute": {"amount": {"rel_tol": 0.1}}}, ["id", "amount"]
    )
    assert options.key == ("id",)
    assert options.tolerance_of("amount") == Tolerance(abs_tol=1.0, rel_tol=0.1)
    own = parse_options({"rel_tol": 0.5, "per_attribute": {"amount": {"abs_tol": 2}}}, ["amount"])
    assert own.tolerance_of("amount") == Tolerance(abs_tol=2.0, rel_tol=0.5)
    assert not options.tolerance_of("id")


def test_t18_null_in_a_composite_key_is_a_value(diff):
    found = diff("(1, NULL, 'x'), (NULL, 1, 'y')", "(NULL, 1, 'y'), (1, NULL, 'z')", "a, b, v", key=("a", "b"))
    assert found.counts["matched"] == 1
    assert [(row.key, dict(row.cells)) for row in found.rows] == [
        ({"a": 1, "b": None}, {"v": {"expected": "x", "actual": "z"}})
    ]


@pytest.mark.parametrize(
    "name",
    [
        "a.b",
        "with space",
        'with "quotes"',
        "it's",
        "🦆",
        "select",
        "x'); DROP TABLE t; --",
        "count_star()",
        "%s {0} $1",
    ],
)
def test_t20_attribute_names_may_hold_anything(connection, name):
    quoted = name.replace('"', '""')
    found = compare(
        connection,
        f'SELECT 1 AS id, 2 AS "{quoted}"',
        f'SELECT 1 AS id, 3 AS "{quoted}"',
        ComparisonOptions(key=("id",), per_attribute={name: Tolerance(abs_tol=0.5)}),
    )
    assert found.rows[0].cells == {name: {"expected": 2, "actual": 3}}


def test_t21_a_hundred_thousand_rows_are_compared_in_time(connection):
    rows = "SELECT i AS id, 'name ' || i AS name, i * 1.5::DOUBLE AS v FROM range(100000) t(i)"
    start = process_time()
    found = compare(connection, rows, f"SELECT * REPLACE (v + 1 AS v) FROM ({rows})", ComparisonOptions(key=("id",)))
    assert (found.counts["changed"], len(found.rows), found.rows_truncated) == (100_000, 100, True)
    assert process_time() - start < 20, "of the processor's time, which other work doesn't lengthen"


@pytest.mark.parametrize("key", [(), ("k",)])
def test_t22_a_shifted_bucket_is_one_missing_and_one_unexpected_row(diff, key):
    columns = "k, v" if key else "v"
    expected, actual = ("(1, 'a'), (1, 'b'), (1, 'c')", "(1, 'b'), (1, 'c'), (1, 'd')")
    if not key:
        expected, actual = expected.replace("1, ", ""), actual.replace("1, ", "")
    found = diff(expected, actual, columns, key=key)
    assert found.summary == "actual differs from expected: 1 missing, 1 unexpected"
    assert [row.row["v"] for row in found.rows if row.row] == ["a", "d"]


@pytest.mark.parametrize("key", [(), ("id",)])
def test_t23_a_moved_row_is_reported_once(diff, key):
    found = diff("(1), (2), (3), (4), (5)", "(5), (1), (2), (3), (4)", "id", key=key, ordered=True)
    assert found.summary == "actual differs from expected: 1 moved"
    assert [(row.row_class, row.row, row.expected_position, row.actual_position) for row in found.rows] == [
        ("moved", {"id": 5}, 5, 1)
    ]


@pytest.mark.parametrize("mode", ["exact", "subset"])
def test_rows_of_a_duplicate_key_are_matched_where_they_move_no_other(diff, mode):
    expected, actual = "(7, 0), (1, 0), (7, 0)", "(7, 0), (7, 0), (1, 0), (7, 0)"
    found = diff(expected, actual, "k, v", key=("k",), ordered=True, mode=mode)
    assert (found.counts["matched"], found.counts["moved"], found.counts["unexpected"]) == (3, 0, 1)
    assert found.is_equal == (mode == "subset")


def test_order_matters_only_when_asked(diff):
    assert diff("(1), (2)", "(2), (1)", "id").is_equal
    assert not diff("(1), (2)", "(2), (1)", "id", ordered=True).is_equal
    assert diff("(1), (2)", "(1), (2)", "id", ordered=True).is_equal


@pytest.mark.parametrize(
    ("actual", "summary"),
    [
        ("(9), (1), (2), (1)", "1 unexpected"),
        ("(1), (1), (2), (1)", "1 unexpected"),
        ("(1), (2), (1), (1)", "1 unexpected"),
        ("(2), (1)", "1 missing"),
        ("(1), (2)", "1 missing"),
    ],
)
def test_an_inserted_or_deleted_duplicate_moves_no_other_row(diff, actual, summary):
    assert diff("(1), (2), (1)", actual, "v", ordered=True).summary == f"actual differs from expected: {summary}"


def test_an_ordered_subset_may_have_rows_between_before_and_after(diff):
    options = {"ordered": True, "mode": "subset"}
    assert diff("('x'), ('a')", "('a'), ('x'), ('a'), ('y')", "v", **options).is_equal
    assert not diff("('x'), ('a')", "('a'), ('y'), ('x')", "v", **options).is_equal


@pytest.mark.parametrize("columns", ["v", "k, v"])
def test_ordered_rows_within_tolerance_are_matched_place_by_place(diff, columns):
    expected, actual = "(1.0::DOUBLE), (1.001), (1.0)", "(1.001::DOUBLE), (1.0), (1.0)"
    if columns == "k, v":
        expected, actual = expected.replace("(1", "(7, 1"), actual.replace("(1", "(7, 1")
    key = ("k",) if columns == "k, v" else ()
    assert diff(expected, actual, columns, key=key, abs_tol=0.01, ordered=True).is_equal


def test_an_inserted_row_moves_no_other(diff):
    found = diff("(1), (2), (3)", "(1), (9), (2), (3)", "id", key=("id",), ordered=True)
    assert found.summary == "actual differs from expected: 1 unexpected"


def test_rows_are_in_the_order_of_their_ids_where_they_have_them(diff):
    expected = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(_id, v)"
    assert diff(expected, "SELECT * FROM (VALUES (8, 'b'), (7, 'a')) t(_id, v)", ordered=True).is_equal
    assert not diff(expected, "SELECT * FROM (VALUES (7, 'b'), (8, 'a')) t(_id, v)", ordered=True).is_equal


def test_ids_and_versions_are_reported_but_not_compared(diff):
    found = diff(
        "SELECT 10 AS _id, 1 AS _version, 'a' AS name, 1 AS v",
        "SELECT 20 AS _id, 2 AS _version, 'a' AS name, 2 AS v",
        key=("name",),
    )
    assert (found.rows[0].expected_id, found.rows[0].actual_id) == (10, 20)
    assert list(found.rows[0].cells) == ["v"]
    assert found.shape.unexpected_attributes == ()


def test_no_row_of_a_duplicate_key_is_lost(diff):
    found = diff("(1, 'a'), (1, 'b')", "(1, 'b')", "k, v", key=("k",))
    assert (found.counts["matched"], found.counts["missing"], found.counts["duplicate_key"]) == (1, 1, 1)
    assert [(row.row_class, row.key, row.row) for row in found.rows] == [
        ("missing", {"k": 1}, {"k": 1, "v": "a"}),
        ("duplicate_key", {"k": 1}, None),
    ]
    assert found.notes == ("1 key stands more than once on a side: rows under such a key were matched by their cells",)


def test_rows_of_a_duplicate_key_are_matched_by_most_shared_cells(diff):
    expected, actual = "(1, 'a', 'x', 1), (1, 'b', 'y', 2)", "(1, 'b', 'y', 9), (1, 'a', 'x', 8)"
    found = diff(expected, actual, "k, v, w, n", key=("k",))
    assert [row.cells["n"] for row in found.rows if row.row_class == "changed"] == [
        {"expected": 1, "actual": 8},
        {"expected": 2, "actual": 9},
    ]


def test_rows_of_a_duplicate_key_are_matched_within_tolerance(diff):
    expected, actual = "(1, 1.0::DOUBLE), (1, 1.1), (2, 5.0)", "(1, 1.2::DOUBLE), (1, 1.1), (2, 5.05)"
    assert diff(expected, actual, "k, v", key=("k",), abs_tol=0.1001).is_equal


def test_a_different_row_count_names_the_row(diff):
    found = diff("(1, 'a'), (2, 'b')", "(1, 'a')", "id, v", key=("id",))
    assert [(row.row_class, row.row) for row in found.rows] == [("missing", {"id": 2, "v": "b"})]


def test_null_is_not_nan(diff):
    found = diff("(1, NULL::DOUBLE)", "(1, 'nan'::DOUBLE)", "id, v", key=("id",))
    assert found.attributes["v"].null_only_expected == 1


def test_duplicate_keys_in_another_order_are_equal(diff):
    found = diff("(1, 'a'), (1, 'b'), (2, 'c')", "(2, 'c'), (1, 'b'), (1, 'a')", "k, v", key=("k",))
    assert found.summary == "actual equals expected: 3 rows"


def test_without_a_key_a_row_is_paired_with_the_one_that_shares_most_cells(diff):
    expected = "(1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z')"
    found = diff(expected, "(3, 'c', 'z'), (2, 'b', 'Y'), (1, 'a', 'X')", "a, b, c")
    assert [(row.row, dict(row.cells)) for row in found.rows] == [
        ({"a": 1, "b": "a", "c": "x"}, {"c": {"expected": "x", "actual": "X"}}),
        ({"a": 2, "b": "b", "c": "y"}, {"c": {"expected": "y", "actual": "Y"}}),
    ]


def test_a_tie_is_left_unpaired_and_called_ambiguous(diff):
    found = diff("(1, 'a')", "(1, 'b'), (1, 'c')", "a, b")
    assert found.summary == "actual differs from expected: 1 missing, 2 unexpected"
    assert "ambiguous" in found.notes[0]


def test_identical_rows_are_no_tie(diff):
    assert diff("(1, 'a'), (1, 'a')", "(1, 'b'), (1, 'b')", "a, b").summary.endswith("2 changed")


def test_beyond_the_cap_rows_are_listed_unpaired_and_the_report_says_so(diff):
    rows = "SELECT i AS a, 1 AS b FROM range({}) t(i)"
    found = diff(rows.format("3000"), rows.format("3000, 6000"))
    assert (found.counts["missing"], found.counts["unexpected"], found.counts["changed"]) == (3000, 3000, 0)
    assert "pairing was skipped" in found.notes[0]


def test_a_missing_row_does_not_disturb_rows_within_tolerance(diff):
    found = diff("(1.0::DOUBLE), (2.0), (3.0), (4.0)", "(3.01::DOUBLE), (4.01), (2.01)", "v", abs_tol=0.1)
    assert found.summary == "actual differs from expected: 1 missing"
    assert found.rows[0].row == {"v": 1.0}


def test_tolerance_finds_the_assignment_that_fits_all_rows(diff):
    expected = "(1.0::DOUBLE, 5.0::DOUBLE), (1.05, 9.0)"
    assert diff(expected, "(1.01::DOUBLE, 9.0::DOUBLE), (1.04, 5.0)", "v, w", abs_tol=0.1).is_equal


def test_a_large_group_within_tolerance_is_matched_but_for_the_rows_that_differ(diff):
    rows = "SELECT 'x' AS k, (i * 10)::DOUBLE AS v FROM range(3000) t(i)"
    found = diff(rows, f"SELECT k, v + 0.5 AS v FROM ({rows}) WHERE v <> 50", abs_tol=1)
    assert (found.counts["matched"], found.counts["missing"]) == (2999, 1)


def test_a_key_has_no_tolerance_and_a_tolerance_of_text_is_noted(diff):
    found = diff("(1.0, 'a')", "(1.1, 'a')", "id, v", key=("id",), abs_tol=1, per_attribute={"v": Tolerance(1)})
    assert (found.counts["missing"], found.counts["unexpected"]) == (1, 1)
    assert found.notes == ("the tolerance of v has no effect: it is string, not a number",)


def test_subset_allows_unexpected_rows_and_attributes(diff):
    more = "SELECT 1 AS id, 'new' AS extra UNION ALL SELECT 2, 'new'"
    found = diff("SELECT 1 AS id", more, mode="subset", key=("id",))
    assert found.is_equal
    assert found.summary == "actual contains expected: 1 row, and 1 more"
    assert not diff(more, "SELECT 1 AS id", mode="subset", key=("id",)).is_equal


def test_a_key_that_one_side_lacks_is_told_and_the_rest_compared(diff):
    found = diff("SELECT 1 AS id, 'a' AS v", "SELECT 'a' AS v", key=("id",))
    assert found.shape.missing_attributes == ("id",)
    assert found.counts["matched"] == 1
    assert "without a key" in found.notes[0]


def test_tables_without_a_common_attribute_are_compared_by_their_row_counts(diff):
    found = diff("SELECT 1 AS a UNION ALL SELECT 2", "SELECT 1 AS b")
    assert (found.counts["matched"], found.counts["missing"]) == (1, 1)
    assert (found.shape.missing_attributes, found.shape.unexpected_attributes) == (("a",), ("b",))


def test_totals_are_true_when_the_listing_is_limited(diff):
    rows = "SELECT i AS id FROM range(250) t(i)"
    found = diff(rows, "SELECT 1000 AS id", key=("id",), limit=10)
    assert (found.counts["missing"], classes(found).count("missing"), found.rows_truncated) == (250, 10, True)


def test_nested_values_and_json_are_compared_by_their_content(diff):
    assert diff("SELECT [1, 2] AS v", "SELECT '[1,2]'::JSON AS v").is_equal
    assert diff("""SELECT '{"a": 1}'::JSON AS v""", """SELECT '{"a":1}'::JSON AS v""").is_equal
    assert not diff("SELECT {'a': 1} AS v", "SELECT {'a': 2} AS v").is_equal


def test_the_json_form_has_the_names_of_the_rest_contract(diff):
    found = diff("(1, 9.0, 'same')", "(1, 3.5, 'same')", "id, total, name", key=("id",)).as_dict()
    assert found["counts"] == {
        "matched": 0,
        "changed": 1,
        "missing": 0,
        "unexpected": 0,
        "moved": 0,
        "duplicate_key": 0,
    }
    [row] = found["rows"]
    assert (row["class"], row["key"]) == ("changed", {"id": 1})
    assert row["cells"] == {"total": {"expected": Decimal("9.0"), "actual": Decimal("3.5")}}
    assert found["rows_truncated"] is False


def test_the_connection_is_left_as_it_was(connection):
    compare(connection, "SELECT 1 AS a", "SELECT 2 AS a", ComparisonOptions())
    with pytest.raises(duckdb.Error):
        compare(connection, "SELECT 1 AS a", "SELECT error('broken') AS a", ComparisonOptions())
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_a_comparison_may_run_in_a_transaction_of_the_caller(connection):
    connection.execute("BEGIN")
    assert not compare(connection, "SELECT 1 AS a", "SELECT 2 AS a", ComparisonOptions()).is_equal
    connection.execute("COMMIT")
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


@pytest.mark.parametrize("options", [{"key": ("c0",), "abs_tol": 0.5}, {}])
def test_more_than_a_thousand_attributes_are_compared(connection, options):
    columns = ", ".join(f"i AS c{number}" for number in range(1100))
    expected = f"SELECT {columns} FROM range(3) t(i)"
    found = compare(
        connection, expected, expected.replace("i AS c1099", "i + 1 AS c1099"), ComparisonOptions(**options)
    )
    assert found.counts["changed"] == 3
    assert [list(row.cells) for row in found.rows] == [["c1099"]] * 3


def test_a_query_may_end_in_a_comment(diff):
    assert diff("SELECT 1 AS a -- first", "SELECT 1 AS a -- second").is_equal
