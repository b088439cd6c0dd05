"""The meaning of types and constraints (attributes.md), cell by cell."""

import time
from typing import Any

import pytest

from catalog import engine
from catalog.attributes import Attribute, from_column

INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
EXACT = {"type": "number", "precision": 12, "scale": 2}
LONG = {"type": "number", "precision": 38, "scale": 10}
STRING = {"type": "string"}
BOOLEAN = {"type": "boolean"}
DATE = {"type": "date"}
DATETIME = {"type": "datetime"}
INSTANT = {"type": "datetime", "timezone": True}


@pytest.mark.parametrize(
    ("attribute", "cell", "stored"),
    [
        (INTEGER, "12", "12"),
        (INTEGER, "1.0", "1"),
        (INTEGER, "-0", "0"),
        (INTEGER, "1e3", "1000"),
        (INTEGER, "9223372036854775807", "9223372036854775807"),
        (INTEGER, "-9223372036854775808", "-9223372036854775808"),
        (INTEGER, "9007199254740993.0", "9007199254740993"),
        (NUMBER, "1", "1.0"),
        (NUMBER, "0.1", "0.1"),
        (NUMBER, "1.7976931348623157e308", "1.7976931348623157e+308"),
        (EXACT, "1", "1.00"),
        (EXACT, "-1.5", "-1.50"),
        (EXACT, '"12.34"', "12.34"),
        (EXACT, "1234567890.12", "1234567890.12"),
        (EXACT, "1.500", "1.50"),
        (EXACT, "1.25e2", "125.00"),
        (EXACT, "1000e-3", "1.00"),
        (EXACT, '"1.25E+2"', "125.00"),
        (LONG, "1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"),
        (LONG, '"1234567890123456789012345678.0123456789"', "1234567890123456789012345678.0123456789"),
        (LONG, "0.1234567891", "0.1234567891"),
        (LONG, "12345678901234567890123", "12345678901234567890123.0000000000"),
        (LONG, "1.2345678901234567891e19", "12345678901234567891.0000000000"),
        (STRING, '""', ""),
        (STRING, '"null"', "null"),
        (STRING, '"01234"', "01234"),
        (STRING, '"a\\"b\\\\c\\u00e9\\n"', 'a"b\\cé\n'),
        (STRING, '"\\ud83e\\udd86 1.23456789012345678"', "🦆 1.23456789012345678"),
        (BOOLEAN, "true", "true"),
        (BOOLEAN, "false", "false"),
        (DATE, '"2024-02-29"', "2024-02-29"),
        (DATE, '"0001-01-01"', "0001-01-01"),
        (DATE, '"9999-12-31"', "9999-12-31"),
        (DATETIME, '"2026-01-31T12:30:00"', "2026-01-31 12:30:00"),
        (DATETIME, '"2026-01-31 12:30"', "2026-01-31 12:30:00"),
        (DATETIME, '"2026-01-31T12:30:00.123456"', "2026-01-31 12:30:00.123456"),
        (DATETIME, '"2026-01-31T12:30:00.500000000"', "2026-01-31 12:30:00.5"),
        (INSTANT, '"2026-01-31T12:30:00Z"', "2026-01-31 12:30:00+00"),
        (INSTANT, '"2026-01-31T12:30:00+02:00"', "2026-01-31 10:30:00+00"),
        (INSTANT, '"2026-01-31T12:30-0530"', "2026-01-31 18:00:00+00"),
    ],
)
def test_a_json_cell_is_stored_as_it_was_meant(check_cells, attribute, cell, stored):
    checked = check_cells(attribute, cell)
    assert checked.errors == ()
    assert checked.cells == [stored]


@pytest.mark.parametrize(
    ("attribute", "cell", "code"),
    [
        (INTEGER, '"12"', "type"),
        (INTEGER, "1.5", "type"),
        (INTEGER, "true", "type"),
        (INTEGER, "[1]", "type"),
        (INTEGER, "{}", "type"),
        (INTEGER, "NaN", "type"),
        (INTEGER, "9223372036854775808", "out_of_range"),
        (INTEGER, "-9223372036854775809", "out_of_range"),
        (INTEGER, "123456789012345678901234567890", "out_of_range"),
        (INTEGER, "1e30", "out_of_range"),
        (NUMBER, '"1.5"', "type"),
        (NUMBER, "NaN", "type"),
        (NUMBER, "-Infinity", "type"),
        (NUMBER, '"NaN"', "type"),
        (NUMBER, "1e400", "out_of_range"),
        (NUMBER, "false", "type"),
        (EXACT, "1.005", "type"),
        (EXACT, '"1.005"', "type"),
        (EXACT, "1e-3", "type"),
        (EXACT, "1.0000000000000000000000001", "type"),
        (EXACT, '"1.0000000000000000001e0"', "type"),
        (EXACT, "12345678901.00", "out_of_range"),
        (EXACT, '"12345678901.00"', "out_of_range"),
        (EXACT, '"twelve"', "type"),
        (EXACT, '""', "type"),
        (EXACT, '"."', "type"),
        (EXACT, '" 1"', "type"),
        (EXACT, "NaN", "type"),
        (LONG, "1.00000000001", "type"),
        (STRING, "12", "type"),
        (STRING, "true", "type"),
        (STRING, '["a"]', "type"),
        (BOOLEAN, '"true"', "type"),
        (BOOLEAN, "1", "type"),
        (DATE, '"2026-02-30"', "type"),
        (DATE, '"2023-02-29"', "type"),
        (DATE, '"2026-1-3"', "type"),
        (DATE, '"31.01.2026"', "type"),
        (DATE, '"2026-01-31T00:00:00"', "type"),
        (DATE, '"0000-01-01"', "type"),
        (DATE, "20260131", "type"),
        (DATE, '"infinity"', "type"),
        (DATETIME, '"2026-01-31T12:30:00Z"', "type"),
        (DATETIME, '"2026-01-31T12:30:00+02:00"', "type"),
        (DATETIME, '"2026-01-31"', "type"),
        (DATETIME, '"2026-01-31T24:00:00"', "type"),
        (DATETIME, '"2026-01-31T23:60:00"', "type"),
        (DATETIME, '"2026-01-31T12:30:00.1234567"', "type"),
        (DATETIME, '"0000-01-01T00:00:00"', "type"),
        (INSTANT, '"2026-01-31T12:30:00"', "type"),
        (INSTANT, '"2026-01-31T12:30:00+99:99"', "type"),
        (INSTANT, '"9999-12-31T23:59:59-12:00"', "type"),
        (INSTANT, '"0001-01-01T00:00:00+12:00"', "type"),
    ],
)
def test_a_json_cell_of_another_kind_is_refused(check_cells, attribute, cell, code):
    assert check_cells(attribute, cell).found == [(1, "a", code)]


@pytest.mark.parametrize(
    ("attribute", "text", "stored"),
    [
        (STRING, "01234", "01234"),
        (INTEGER, "+12", "12"),
        (INTEGER, "007", "7"),
        (INTEGER, "1.0", None),
        (INTEGER, " 12", None),
        (INTEGER, "1_000", None),
        (NUMBER, ".5", "0.5"),
        (NUMBER, "1e-3", "0.001"),
        (NUMBER, "nan", None),
        (NUMBER, "inf", None),
        (EXACT, "1.50", "1.50"),
        (EXACT, "1.505", None),
        (BOOLEAN, "TRUE", "true"),
        (BOOLEAN, "0", "false"),
        (BOOLEAN, "yes", None),
        (DATE, "2026-01-31", "2026-01-31"),
        (DATE, "2026-01-32", None),
        (DATETIME, "2026-01-31T12:30", "2026-01-31 12:30:00"),
    ],
)
def test_text_is_read_by_the_type_of_its_attribute(attribute, text, stored):
    parsed = Attribute.from_definition({"name": "a", **attribute})
    with engine.cursor() as connection:
        cell = parsed.kind.from_text(parsed, "$cell")
        found = connection.execute(f"SELECT CAST({cell} AS VARCHAR)", {"cell": text}).fetchone()
    assert found == (stored,)


@pytest.mark.parametrize(
    ("attribute", "constraint", "value", "good", "bad", "code"),
    [
        (INTEGER, "minimum", 3, "3", "2", "minimum"),
        (INTEGER, "maximum", 3, "3", "4", "maximum"),
        (INTEGER, "exclusiveMinimum", 3, "4", "3", "exclusive_minimum"),
        (INTEGER, "exclusiveMaximum", 3, "2", "3", "exclusive_maximum"),
        (INTEGER, "minimum", 1e18, "1000000000000000000", "999999999999999999", "minimum"),
        (NUMBER, "minimum", 0.1, "0.1", "0.09999999999999999", "minimum"),
        (EXACT, "maximum", 0.1, "0.1", "0.11", "maximum"),
        (LONG, "maximum", "1234567890123456789.5", "1234567890123456789.5", "1234567890123456789.6", "maximum"),
        (DATE, "minimum", "2026-01-31", '"2026-01-31"', '"2026-01-30"', "minimum"),
        (DATETIME, "maximum", "2026-01-31T12:30", '"2026-01-31T12:30:00"', '"2026-01-31T12:30:00.000001"', "maximum"),
        (
            INSTANT,
            "minimum",
            "2026-01-31T12:30Z",
            '"2026-01-31T14:30:00+02:00"',
            '"2026-01-31T13:30:00+02:00"',
            "minimum",
        ),
        (STRING, "minLength", 2, '"ab"', '"a"', "min_length"),
        (STRING, "minLength", 1, '"🦆"', '""', "min_length"),
        (STRING, "maxLength", 2, '"🦆🦆"', '"abc"', "max_length"),
        (STRING, "maxLength", 0, '""', '"a"', "max_length"),
        (STRING, "pattern", "[A-Z]{3}-[0-9]+", '"ABC-1"', '"ABC-1x"', "pattern"),
        (STRING, "pattern", "a|b", '"b"', '"ab"', "pattern"),
        (STRING, "enum", ["a, b", "c'd", 'e"f', "{}", "%"], '"c\'d"', '"a"', "enum"),
        (INTEGER, "enum", [1, 2.0], "2", "3", "enum"),
        (EXACT, "enum", [1.1, 2], "1.10", "1.2", "enum"),
        (BOOLEAN, "enum", [True], "true", "false", "enum"),
        (DATE, "enum", ["2026-01-31"], '"2026-01-31"', '"2026-02-01"', "enum"),
        (INSTANT, "enum", ["2026-01-31T00:00:00Z"], '"2026-01-31T01:00:00+01:00"', '"2026-01-31T01:00:00Z"', "enum"),
    ],
)
def test_a_constraint_is_tested_on_the_logical_value(check_cells, attribute, constraint, value, good, bad, code):
    checked = check_cells({**attribute, "constraints": {constraint: value}}, good, bad, "null")
    assert checked.found == [(2, "a", code)], "null is judged by `required` alone"


def test_null_and_missing_break_required_and_the_empty_text_does_not(check_rows):
    attributes = [{"name": "a", "type": "string", "constraints": {"required": True}}]
    checked = check_rows(attributes, {"a": ""}, {"a": None}, {})
    assert checked.found == [(2, "a", "required"), (3, "a", "required")]


def test_null_missing_and_empty_are_stored_apart_from_each_other_or_as_null(check_rows):
    assert check_rows([{"name": "a", "type": "string"}], {"a": ""}, {"a": None}, {}).cells == ["", None, None]


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|aa)+b", "(.*)*x"])
def test_a_pattern_takes_linear_time(check_cells, pattern):
    started = time.perf_counter()
    checked = check_cells({"type": "string", "constraints": {"pattern": pattern}}, f'"{"a" * 50_000}!"')
    assert checked.codes == ["pattern"]
    assert time.perf_counter() - started < 2


def test_an_error_says_what_was_found_and_what_is_allowed(check_rows):
    attributes = [{"name": "amount", "type": "integer", "constraints": {"minimum": 0}}]
    (error,) = check_rows(attributes, {"amount": -3}).errors
    assert error.as_dict() == {
        "row": 1,
        "attribute": "amount",
        "code": "minimum",
        "message": "amount is -3; the minimum is 0",
        "value": -3,
        "constraint": 0,
        "pointer": "/rows/1/amount",
    }


@pytest.mark.parametrize(
    ("attribute", "column_type", "cell", "stored"),
    [
        (INTEGER, "DOUBLE", "2.0::DOUBLE", "2"),
        (INTEGER, "DOUBLE", "2.5::DOUBLE", None),
        (INTEGER, "UBIGINT", "18446744073709551615::UBIGINT", None),
        (INTEGER, "DECIMAL(5,2)", "2.00::DECIMAL(5,2)", "2"),
        (NUMBER, "DOUBLE", "'nan'::DOUBLE", None),
        (NUMBER, "BIGINT", "3::BIGINT", "3.0"),
        (EXACT, "DOUBLE", "0.1::DOUBLE", "0.10"),
        (EXACT, "DOUBLE", "0.125::DOUBLE", None),
        (EXACT, "DECIMAL(18,6)", "1.500000::DECIMAL(18,6)", "1.50"),
        (EXACT, "DECIMAL(18,6)", "1.500001::DECIMAL(18,6)", None),
        (EXACT, "BIGINT", "99999999999::BIGINT", None),
        (DATE, "TIMESTAMP", "'2026-01-31 00:00:00'::TIMESTAMP", "2026-01-31"),
        (DATE, "TIMESTAMP", "'2026-01-31 00:00:01'::TIMESTAMP", None),
        (DATETIME, "DATE", "'2026-01-31'::DATE", "2026-01-31 00:00:00"),
    ],
)
def test_a_typed_column_is_taken_without_loss_or_not_at_all(attribute, column_type, cell, stored):
    taken = from_column(Attribute.from_definition({"name": "a", **attribute}), column_type, "given")
    assert taken
    with engine.cursor() as connection:
        found = connection.execute(f"SELECT CAST({taken} AS VARCHAR) FROM (SELECT {cell} AS given)").fetchone()
    assert found == (stored,)


@pytest.mark.parametrize(
    ("attribute", "column_type"),
    [
        (STRING, "BIGINT"),
        (INTEGER, "VARCHAR"),
        (BOOLEAN, "INTEGER"),
        (DATETIME, "TIMESTAMP WITH TIME ZONE"),
        (INSTANT, "TIMESTAMP"),
        (NUMBER, "BOOLEAN"),
    ],
)
def test_a_typed_column_of_another_kind_is_none_of_an_attribute(attribute: dict[str, Any], column_type: str):
    assert from_column(Attribute.from_definition({"name": "a", **attribute}), column_type, "given") is None
