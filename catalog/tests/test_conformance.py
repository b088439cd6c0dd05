"""Whole sets of rows: every error of every row, with a true total, in the order of the rows."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from catalog.row_errors import ERRORS_LISTED
from catalog.sources import SLICE_ROWS
from catalog.tests.test_sources import GeneratedLines

ORDERS = [
    {"name": "order_id", "type": "integer", "constraints": {"required": True}},
    {"name": "status", "type": "string", "constraints": {"enum": ["placed", "shipped"]}},
    {"name": "amount", "type": "number", "precision": 12, "scale": 2, "constraints": {"minimum": 0}},
]
HOSTILE_NAMES = [
    'quo"te',
    "apos'trophe",
    "d.o.t",
    "sl/ash",
    "til~de",
    "~1",
    "{brace}",
    "{0}",
    "100%s",
    "$.path",
    "/",
    "*",
    "back\\slash",
    "🦆 é",
    "x'; DROP TABLE slice; --",
    '"); SELECT 1; --',
    "select",
    "0",
    "c0",
    "r0",
    "line",
    "rowid",
    "a" * 1000,
]


def test_every_error_of_every_row_is_found_in_one_pass(check_rows):
    checked = check_rows(
        ORDERS,
        {"order_id": 1, "status": "placed", "amount": 1},
        {"order_id": None, "status": "lost", "amount": -3},
        '{"order_id": "3", "colour": "red", "status": "placed", "status": "shipped"}',
        "[]",
        {"order_id": 5, "amount": 1.005},
    )
    assert checked.found == [
        (2, "order_id", "required"),
        (2, "status", "enum"),
        (2, "amount", "minimum"),
        (3, "colour", "unknown_attribute"),
        (3, "status", "duplicate_attribute"),
        (3, "order_id", "type"),
        (4, "", "type"),
        (5, "amount", "type"),
    ]
    assert checked.error_count == len(checked.errors)
    assert checked.conformed.report.title == "8 errors in 5 rows"
    assert checked.conformed.parts == ()


def test_an_unknown_attribute_is_answered_with_the_nearest_name(check_rows):
    (error,) = check_rows(ORDERS, {"order_id": 1, "statsu": "placed"}).errors
    assert error.message == "'statsu' is no attribute; did you mean 'status'?"
    assert error.as_dict()["pointer"] == "/rows/1/statsu"


def test_a_name_written_with_escapes_is_the_same_name(check_rows):
    assert check_rows(ORDERS, '{"\\u006frder_id": 1}').rows == [("1", None, None)]
    assert check_rows(ORDERS, '{"order_id": 1, "\\u006frder_id": 2}').codes == ["duplicate_attribute"]


def test_names_are_told_apart_by_case(check_rows):
    assert check_rows(ORDERS, {"Order_ID": 1}).codes == ["unknown_attribute", "required"]


def test_a_primary_key_implies_required_for_each_of_its_parts(check_rows):
    attributes = [{"name": "a", "type": "integer"}, {"name": "b", "type": "integer"}]
    checked = check_rows(attributes, {"a": 1, "b": None}, {"b": 1}, {"a": 1, "b": 1}, primaryKey=["a", "b"])
    assert checked.found == [(1, "b", "required"), (2, "a", "required")]


@pytest.mark.parametrize("kind", ["string", "integer", "number"])
def test_hostile_names_are_names_like_any_other(check_rows, kind):
    attributes = [
        {"name": name, "type": kind, "constraints": {"enum": ["1"] if kind == "string" else [1]}}
        for name in HOSTILE_NAMES
    ]
    good, bad = ("1", "2") if kind == "string" else (1, 2)
    assert check_rows(attributes, dict.fromkeys(HOSTILE_NAMES, good)).errors == ()
    checked = check_rows(attributes, dict.fromkeys(HOSTILE_NAMES, bad))
    assert [error.attribute for error in checked.errors] == HOSTILE_NAMES
    assert all(error.message.startswith(error.attribute) for error in checked.errors)
    assert set(checked.codes) == {"enum"}


@pytest.mark.parametrize("cell", ["{shown}", "%s", "{0}", "100%", "'; DROP TABLE slice; --", "\u2028", "\x7f"])
def test_hostile_cells_are_stored_and_shown_as_they_are(check_rows, cell):
    attributes = [{"name": "a", "type": "string"}]
    assert check_rows(attributes, {"a": cell}).cells == [cell]
    (error,) = check_rows([{**attributes[0], "constraints": {"enum": ["{name}"]}}], {"a": cell}).errors
    assert error.message == f"a is {cell}; allowed: {{name}}"
    assert error.value == cell


def test_a_long_cell_is_cut_in_the_report(check_rows):
    attributes = [{"name": "a", "type": "string", "constraints": {"maxLength": 1}}]
    (error,) = check_rows(attributes, {"a": "x" * 10_000}).errors
    assert len(error.value) < 1000
    assert len(error.message) < 1000


def test_digits_that_a_double_would_lose_are_shown_in_an_error(check_rows):
    attributes = [{"name": "n", "type": "integer"}, {"name": "a", "type": "string"}]
    (error,) = check_rows(attributes, '{"a": [1.2345678901234567890]}').errors
    assert error.message.startswith("a is [1.2345678901234567890];")


def test_two_thousand_attributes_are_checked_together(check_rows):
    attributes = [
        {"name": f"attribute {number}", "type": "integer", "constraints": {"required": True, "minimum": 0}}
        for number in range(2000)
    ]
    row = {attribute["name"]: number for number, attribute in enumerate(attributes)}
    assert check_rows(attributes, *[row] * 20).errors == ()
    checked = check_rows(attributes, row, {**row, "attribute 7": -1}, {**row, "attribute 1999": None})
    assert checked.found == [(2, "attribute 7", "minimum"), (3, "attribute 1999", "required")]


def test_the_list_of_errors_stops_at_a_thousand_and_the_total_is_true_over_all_slices(check_ndjson):
    row_count = SLICE_ROWS * 2 + 10
    attributes = [{"name": "id", "type": "integer", "constraints": {"maximum": row_count - 700}}]
    checked = check_ndjson(attributes, GeneratedLines(row_count, b'{"id": %d}\n'))
    assert (checked.error_count, checked.conformed.row_count) == (699, row_count)
    assert not checked.conformed.report.is_truncated
    assert [error.row for error in checked.errors] == list(range(row_count - 698, row_count + 1))

    attributes = [{"name": "id", "type": "integer", "constraints": {"enum": [0]}}]
    checked = check_ndjson(attributes, GeneratedLines(row_count, b'{"id": %d}\n'))
    assert checked.error_count == row_count - 1
    assert checked.conformed.report.is_truncated
    assert [error.row for error in checked.errors] == list(range(2, ERRORS_LISTED + 2))


def test_errors_of_several_slices_stand_in_the_order_of_rows(check_ndjson):
    attributes = [{"name": "id", "type": "integer", "constraints": {"enum": list(range(1, 11))}}]
    row_count = SLICE_ROWS * 3
    line = b'{"id": %d}\n'
    stream = GeneratedLines(row_count, b"")
    faulty = {5: b'{"id": "x"}\n', SLICE_ROWS + 1: b"\xff\n", 2 * SLICE_ROWS + 3: b'{"id": 11}\n'}

    def lines() -> Iterator[bytes]:
        for row in range(1, row_count + 1):
            yield faulty.get(row, line % (row % 10 + 1))

    stream.rest, stream.row = b"".join(lines()), row_count
    stream.seek = lambda position, whence=0: position
    checked = check_ndjson(attributes, stream)
    assert checked.found == [(5, "id", "type"), (SLICE_ROWS + 1, "", "encoding"), (2 * SLICE_ROWS + 3, "id", "enum")]


# --- against another implementation ---------------------------------------------------------------------------------

ATTRIBUTES = [
    {"name": "id", "type": "integer", "constraints": {"required": True, "minimum": -5, "exclusiveMaximum": 100}},
    {"name": "ratio", "type": "number", "constraints": {"exclusiveMinimum": 0.5, "maximum": 3}},
    {"name": "name", "type": "string", "constraints": {"minLength": 1, "maxLength": 3, "pattern": "[a-zé🦆]*"}},
    {"name": "state", "type": "string", "constraints": {"enum": ["a", "A", "", "null"]}},
    {"name": "level", "type": "integer", "constraints": {"enum": [1, 2, 30]}},
    {"name": "open", "type": "boolean"},
    {"name": "day", "type": "date", "constraints": {"required": True}},
]
JSON_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "day"],
    "properties": {
        "id": {"type": "integer", "minimum": -5, "exclusiveMaximum": 100},
        "ratio": {"anyOf": [{"type": "null"}, {"type": "number", "exclusiveMinimum": 0.5, "maximum": 3}]},
        "name": {
            "anyOf": [
                {"type": "null"},
                {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-zé🦆]*$"},
            ]
        },
        "state": {"enum": ["a", "A", "", "null", None]},
        "level": {"anyOf": [{"type": "null"}, {"type": "integer", "enum": [1, 2, 30]}]},
        "open": {"type": ["boolean", "null"]},
        "day": {"type": "string", "format": "date"},
    },
}
ORACLE = Draft202012Validator(JSON_SCHEMA, format_checker=FormatChecker(["date"]))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-200, 200),
    st.sampled_from([0.5, 0.5000000001, 1.0, 1.5, 3.0, 30.0, 2.5e10, -0.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text('aAé🦆n"\\\0 1', max_size=4),
    st.sampled_from(["", "a", "A", "null", "true", "1", "2024-02-29", "2023-02-29", "2024-2-9"]),
    st.dates(date(1, 1, 1), date(9999, 12, 31)).map(date.isoformat),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["id", "x"]), st.integers(), max_size=1),
)
near_values: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(-6, 101),
    "ratio": st.floats(0, 4),
    "name": st.text("aé🦆A", max_size=4),
    "state": st.sampled_from(["a", "A", "", "null", "b"]),
    "level": st.sampled_from([1, 2, 30, 2.0, 3]),
    "open": st.booleans(),
    "day": st.dates(date(1, 1, 1), date(9999, 12, 31)).map(date.isoformat),
}
good_rows = st.fixed_dictionaries(
    {"id": near_values["id"], "day": near_values["day"]},
    optional={name: st.one_of(st.none(), values) for name, values in near_values.items() if name not in {"id", "day"}},
)
wild_rows = st.dictionaries(st.sampled_from([*near_values, "other", "ID"]), scalars, max_size=9)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.one_of(good_rows, wild_rows), min_size=1, max_size=30))
def test_the_same_rows_are_invalid_as_in_json_schema(check_rows, rows):
    expected = [number for number, row in enumerate(rows, start=1) if not ORACLE.is_valid(row)]
    checked = check_rows(ATTRIBUTES, *(json.dumps(row) for row in rows))
    assert sorted({error.row for error in checked.errors}) == expected
