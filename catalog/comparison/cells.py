"""When two cells are equal, as DuckDB SQL.

Each function takes column types as DuckDB writes them and SQL expressions, and gives an SQL expression. Two cells are
compared in a canonical form that both types of the pair share, so that equal values are equal in joins and groups too.
"""

import re
from collections.abc import Callable

Canonical = Callable[[str], str]

DOUBLE_WHOLE = 2**53
DATETIMES = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})
FLOATS = frozenset({"FLOAT", "DOUBLE"})
INTEGER_DIGITS = {
    "TINYINT": 3,
    "UTINYINT": 3,
    "SMALLINT": 5,
    "USMALLINT": 5,
    "INTEGER": 10,
    "UINTEGER": 10,
    "BIGINT": 19,
    "UBIGINT": 20,
    "HUGEINT": 39,
    "UHUGEINT": 39,
    "BIGNUM": 39,
}
DECIMAL_DIGITS_MAX = 38
HUGEINT_HOLDS = INTEGER_DIGITS.keys() - {"UHUGEINT", "BIGNUM"}
WORDS = {
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIME": "time",
    "TIME WITH TIME ZONE": "time with time zone",
    "TIMESTAMP WITH TIME ZONE": "datetime with time zone",
    "INTERVAL": "duration",
    "BLOB": "binary",
    "JSON": "object",
}


def type_word(duckdb_type: str) -> str:
    """The type in the words of attributes, such as "integer"; DuckDB's own where there is none."""
    if duckdb_type in INTEGER_DIGITS:
        return "integer"
    if _is_number(duckdb_type):
        return "number"
    if _is_text(duckdb_type):
        return "string"
    if duckdb_type in DATETIMES:
        return "datetime"
    return WORDS.get(duckdb_type, duckdb_type.lower())


def canonical_pair(expected_type: str, actual_type: str) -> tuple[Canonical, Canonical] | None:
    """What brings the two sides' cells into one form, or None when the types have no values in common.

    Numbers are compared by value whatever their types, dates with datetimes as midnight, datetimes with a time zone
    as instants. Text is never a number, a boolean is never an integer.
    """
    if expected_type == actual_type:
        same = _cast("VARCHAR") if expected_type == "JSON" else _as_it_is  # to_json would make doubles of its numbers
        return same, same
    for is_of_family, canonical in FAMILIES:
        if is_of_family(expected_type) and is_of_family(actual_type):
            return canonical(expected_type, actual_type)
    return None


def normalized(canonical: Canonical) -> Canonical:
    """The form of texts in which what reads the same is the same: Unicode's NFC."""
    return lambda cell: f"nfc_normalize({canonical(cell)})"


def value_sql(duckdb_type: str, cell: str) -> str:
    """The cell as it is fetched: instants in UTC, for DuckDB needs a package of its own to attach a time zone."""
    return f"({cell} AT TIME ZONE 'UTC')" if duckdb_type == "TIMESTAMP WITH TIME ZONE" else cell


def is_numeric_pair(expected_type: str, actual_type: str) -> bool:
    """Whether a tolerance means something between the two types."""
    return _is_number(expected_type) and _is_number(actual_type)


def within_tolerance(
    expected_type: str, actual_type: str, expected: str, actual: str, abs_tol: float, rel_tol: float
) -> str:
    """Whether |actual - expected| <= max(abs_tol, rel_tol * |expected|); false beside a null, NaN or infinity."""
    difference = _difference_sql(expected_type, actual_type, expected, actual)
    are_finite = f"isfinite({expected}::DOUBLE) AND isfinite({actual}::DOUBLE)"
    allowed = f"greatest({abs_tol!r}::DOUBLE, {rel_tol!r}::DOUBLE * abs({expected}::DOUBLE))"
    return f"coalesce({are_finite} AND abs({difference})::DOUBLE <= {allowed}, false)"


def _difference_sql(expected_type: str, actual_type: str, expected: str, actual: str) -> str:
    """actual - expected, exact where doubles would not do.

    They would put 0.31 - 0.30 beyond a tolerance of 0.01; and beyond 2^53 they are whole numbers, but not all of them.
    """
    difference = f"{actual}::DOUBLE - {expected}::DOUBLE"
    common = _common_decimal(expected_type, actual_type, spare_digits=1)
    if common:
        return f"{actual}::{common} - {expected}::{common}"
    common = _common_decimal(expected_type, actual_type)
    if common:  # of other signs they may be too far apart for the type, but then doubles lose nothing
        return f"coalesce(TRY({actual}::{common} - {expected}::{common})::DOUBLE, {difference})"
    if (expected_type in FLOATS) == (actual_type in FLOATS):
        return difference
    number, exact, sign = (expected, actual, "") if expected_type in FLOATS else (actual, expected, "-")
    whole = f"trunc({exact})"
    digits = f"{sign}(({whole}::HUGEINT - {number}::DOUBLE::HUGEINT)::DOUBLE + ({exact} - {whole})::DOUBLE)"
    is_long = f"abs({number}::DOUBLE) BETWEEN {DOUBLE_WHOLE} AND 1e38 AND abs({exact}::DOUBLE) < 1.6e38"
    return f"(CASE WHEN {is_long} THEN TRY({digits}) ELSE {difference} END)"


def _decimal_size(duckdb_type: str) -> tuple[int, int] | None:
    """(digits before the point, digits after it) of an exact number type that has a limit to its digits."""
    if duckdb_type in INTEGER_DIGITS:
        return INTEGER_DIGITS[duckdb_type], 0
    size = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type)
    return (int(size[1]) - int(size[2]), int(size[2])) if size else None


def _common_decimal(expected_type: str, actual_type: str, spare_digits: int = 0) -> str | None:
    """The decimal type that holds all values of both types exactly, if there is one."""
    expected, actual = _decimal_size(expected_type), _decimal_size(actual_type)
    if expected is None or actual is None:
        return None
    whole, scale = max(expected[0], actual[0]) + spare_digits, max(expected[1], actual[1])
    return f"DECIMAL({whole + scale},{scale})" if whole + scale <= DECIMAL_DIGITS_MAX else None


def _is_number(duckdb_type: str) -> bool:
    return duckdb_type in FLOATS or _decimal_size(duckdb_type) is not None


def _is_text(duckdb_type: str) -> bool:
    return duckdb_type in ("VARCHAR", "UUID") or duckdb_type.startswith("ENUM(")


def _is_moment(duckdb_type: str) -> bool:
    return duckdb_type == "DATE" or duckdb_type in DATETIMES


def is_nested(duckdb_type: str) -> bool:
    """Whether cells are lists, objects, or JSON of any kind."""
    return duckdb_type == "JSON" or duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT(", "MAP("))


def _number_pair(expected_type: str, actual_type: str) -> tuple[Canonical, Canonical]:
    if expected_type in FLOATS and actual_type in FLOATS:
        return _cast("DOUBLE"), _cast("DOUBLE")
    common = _common_decimal(expected_type, actual_type)
    if common is None and {expected_type, actual_type} <= HUGEINT_HOLDS:
        common = "HUGEINT"
    if common:
        return _cast(common), _cast(common)
    if expected_type in FLOATS or actual_type in FLOATS:
        return _exact_or_double_text(expected_type), _exact_or_double_text(actual_type)
    return _plain_digits(expected_type), _plain_digits(actual_type)


def _exact_or_double_text(duckdb_type: str) -> Canonical:
    """Text that is the same for an exact number and the double nearest to it.

    Whole numbers keep all digits: 2^53 + 1 is not the double 2^53, as it would be after a cast to double.
    """
    if duckdb_type in FLOATS:
        return lambda cell: (
            f"CASE WHEN {cell}::DOUBLE = trunc({cell}::DOUBLE) AND abs({cell}::DOUBLE) < 1.7e38 "
            f"THEN {cell}::DOUBLE::HUGEINT::VARCHAR ELSE {cell}::DOUBLE::VARCHAR END"
        )
    digits = _plain_digits(duckdb_type)
    if duckdb_type in INTEGER_DIGITS:
        return digits
    return lambda cell: (
        f"CASE WHEN contains({digits(cell)}, '.') THEN {digits(cell)}::DOUBLE::VARCHAR ELSE {digits(cell)} END"
    )


def _plain_digits(duckdb_type: str) -> Canonical:
    """The digits of an exact number without trailing zeros: 1.50 is '1.5', 1.00 is '1', .500 is '0.5'."""
    size = _decimal_size(duckdb_type)
    if size is None or size[1] == 0:
        return _cast("VARCHAR")
    return lambda cell: f"rtrim(rtrim(regexp_replace({cell}::VARCHAR, '^(-?)[.]', '\\10.'), '0'), '.')"


def _moment_pair(expected_type: str, actual_type: str) -> tuple[Canonical, Canonical]:
    """As text, because dates reach further than datetimes do, so that a cast could fail."""
    return _moment_text(expected_type), _moment_text(actual_type)


def _moment_text(duckdb_type: str) -> Canonical:
    if duckdb_type == "DATE":
        return lambda cell: f"CASE WHEN isfinite({cell}) THEN {cell}::VARCHAR || ' 00:00:00' ELSE {cell}::VARCHAR END"
    return _cast("VARCHAR")


def _cast(duckdb_type: str) -> Canonical:
    return lambda cell: f"{cell}::{duckdb_type}"


def _as_it_is(cell: str) -> str:
    return cell


def _json_text(cell: str) -> str:
    return f"to_json({cell})::VARCHAR"


FAMILIES: tuple[tuple[Callable[[str], bool], Callable[[str, str], tuple[Canonical, Canonical]]], ...] = (
    (_is_number, _number_pair),
    (_is_text, lambda expected_type, actual_type: (_cast("VARCHAR"), _cast("VARCHAR"))),
    (_is_moment, _moment_pair),
    (is_nested, lambda expected_type, actual_type: (_json_text, _json_text)),
)
