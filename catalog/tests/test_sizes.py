"""Sizes: thousands of attributes, large cells, definitions and rows that are made to be too much."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog import grouping
from catalog.formats import CSVText, JSONArray
from catalog.refusals import TOO_LARGE
from catalog.rules.definition import check_definition
from catalog.sources import GROUPED_ATTRIBUTES, JSONLines, JSONRows, slice_rows
from catalog.tests.conftest import Checked
from config.api import describe

TYPES = ("string", "integer", "number", "boolean", "date", "datetime", "object")
VALUES = ('é "q', 7, 1.5, True, "2026-01-31", "2026-01-31T10:00:00", {"a": [1]})
WIDTH = GROUPED_ATTRIBUTES + 60


def attributes(width: int = WIDTH) -> list[dict[str, Any]]:
    return [{"name": f"a.{place} 'x\"", "type": TYPES[place % len(TYPES)]} for place in range(width)]


def row(width: int = WIDTH) -> dict[str, Any]:
    return {each["name"]: VALUES[place % len(TYPES)] for place, each in enumerate(attributes(width))}


def csv_of(width: int, *rows: dict[str, Any]) -> bytes:
    def cell(value: Any) -> str:
        text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
        return '"' + text.replace('"', '""') + '"' if text else ""

    head = ",".join(cell(each["name"]) for each in attributes(width))
    return "\n".join([head, *(",".join(map(cell, each.values())) for each in rows), ""]).encode()


@pytest.fixture(params=["json", "ndjson", "array", "csv"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """A source of many columns in each format."""

    def make(*rows: dict[str, Any]) -> Any:
        lines = "".join(json.dumps(each) + "\n" for each in rows).encode()
        if request.param == "json":
            return JSONRows([json.dumps(each) for each in rows])
        if request.param == "ndjson":
            return JSONLines(io.BytesIO(lines), tmp_path)
        if request.param == "array":
            return JSONArray(io.BytesIO(json.dumps(list(rows)).encode()), tmp_path)
        return CSVText(io.BytesIO(csv_of(len(rows[0]), *rows)), tmp_path)

    return make


def test_objects_of_many_attributes_are_read_as_those_of_few(
    check_source: Callable[..., Checked], source: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(), dict.fromkeys(row()), row()]
    many = check_source(attributes(), source(*rows))
    assert many.errors == ()
    monkeypatch.setattr("catalog.conformance.GROUPED_ATTRIBUTES", WIDTH)
    monkeypatch.setattr("catalog.sources.GROUPED_ATTRIBUTES", WIDTH)
    assert many.rows == check_source(attributes(), source(*rows)).rows


def test_every_error_of_many_attributes_is_found(
    check_source: Callable[..., Checked], source: Callable[..., Any]
) -> None:
    declared = attributes()
    declared[1]["constraints"] = {"minimum": 8}
    declared[WIDTH - 1]["constraints"] = {"required": True}
    names = [each["name"] for each in declared]
    bad = row() | {names[2]: "x", names[WIDTH - 1]: None}
    checked = check_source(declared, source(row() | {names[1]: 8}, bad))
    wanted = [(2, names[1], "minimum"), (2, names[2], "type"), (2, names[WIDTH - 1], "required")]
    assert sorted(checked.found) == sorted(wanted)


def test_names_of_json_are_told_apart_where_there_are_many(check_rows: Callable[..., Checked]) -> None:
    name = attributes()[0]["name"]
    twice = json.dumps(row())[:-1] + f', {json.dumps(name)}: "again"}}'
    checked = check_rows(attributes(), row() | {name.upper(): 1, "other": 2}, twice, {name: "1"}, "[]")
    assert checked.found == [
        (1, name.upper(), "unknown_attribute"),
        (1, "other", "unknown_attribute"),
        (2, name, "duplicate_attribute"),
        (4, "", "type"),
    ]


def test_exact_decimals_keep_their_digits_where_there_are_many(check_rows: Callable[..., Checked]) -> None:
    declared = attributes()
    declared[2] |= {"precision": 38, "scale": 10}
    text = json.dumps(row()).replace("1.5,", "1234567890123456789.0123456789,", 1)
    assert check_rows(declared, text).rows[0][2] == "1234567890123456789.0123456789"


def test_wide_rows_come_in_smaller_slices() -> None:
    assert slice_rows(GROUPED_ATTRIBUTES) > slice_rows(GROUPED_ATTRIBUTES + 1) > slice_rows(4_000) >= 1_000
    assert [list(some) for some in grouping.grouped([1, 2, 3], 2)] == [[1, 2], [3]]


def test_two_thousand_attributes_are_checked(check_source: Callable[..., Checked], source: Callable[..., Any]) -> None:
    checked = check_source(attributes(2_000), source(row(2_000), row(2_000)))
    assert checked.errors == ()
    assert len(checked.rows) == 2


def nested_schema(schema: Any) -> list[str]:
    """What is wrong with an Object that has this JSON Schema."""
    attribute = {"name": "a", "type": "object", "constraints": {"jsonSchema": schema}}
    return [problem.message for problem in check_definition({"attributes": [attribute]})]


def test_references_that_multiply_are_refused_where_they_are_declared() -> None:
    steps = {f"d{step}": {"allOf": [{"$ref": f"#/$defs/d{step - 1}"}] * 2} for step in range(1, 40)}
    (message,) = nested_schema({"$defs": {"d0": {"type": "string"}, **steps}, "$ref": "#/$defs/d39"})
    assert "with its references written out it has more than" in message


def test_references_that_lead_back_are_taken() -> None:
    assert nested_schema({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}) == []
    assert nested_schema({"$defs": {"a/b": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a~1b"}}}) == []


@pytest.mark.parametrize("depth", [150, 10_000])
def test_a_schema_nested_too_deep_is_refused(depth: int) -> None:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"properties": {"a": schema}}
    (message,) = nested_schema(schema)
    assert "nested" in message


def test_long_lists_and_schemas_are_taken() -> None:
    assert nested_schema({"properties": {"a": {"enum": list(range(20_000))}}}) == []


def test_what_does_not_fit_into_the_engine_is_told() -> None:
    details = describe(duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 16.0 MiB"))
    assert details is not None
    assert (details.status, details.code, details.detail) == (507, "too_large", TOO_LARGE)


def test_a_row_nested_ten_thousand_deep_is_an_error_or_a_row(check_rows: Callable[..., Checked]) -> None:
    deep = '{"a": ' + "[" * 10_000 + "]" * 10_000 + "}"
    checked = check_rows([{"name": "a", "type": "array", "constraints": {"jsonSchema": {"maxItems": 1}}}], deep)
    assert len(checked.errors) == 1


@pytest.mark.parametrize("word", ["anyOf", "oneOf", "allOf"])
def test_a_schema_that_leads_back_twice_on_each_level_is_told_in_a_moment(
    check_rows: Callable[..., Checked], word: str
) -> None:
    below = {"properties": {"a": {"$ref": "#"}}}
    attribute = {"name": "a", "type": "object", "constraints": {"jsonSchema": {"type": "object", word: [below, below]}}}
    deep = '{"a": ' * 40 + "1" + "}" * 40
    (error,) = check_rows([attribute], deep).errors
    assert error.code == "json_schema"
    assert "39 levels by a JSON Schema that refers back to itself 2 times" in error.message


def test_a_schema_that_leads_back_once_is_explained_at_any_depth(check_rows: Callable[..., Checked]) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    attribute = {"name": "a", "type": "object", "constraints": {"jsonSchema": schema}}
    (error,) = check_rows([attribute], '{"a": ' * 40 + "1" + "}" * 40).errors
    assert "at /a/a/a" in error.message


def test_long_records_come_a_few_at_a_time(check_source: Callable[..., Checked], tmp_path: Path) -> None:
    cell = b"x" * (9 * 1024**2)
    source = CSVText(io.BytesIO(b"a\n" + (cell + b"\n") * 3), tmp_path)
    checked = check_source([{"name": "a", "type": "string"}], source)
    assert [part.row_count for part in checked.conformed.parts] == [1, 1, 1]


def test_rows_wider_than_any_object_are_refused_without_a_look_at_their_members(
    check_source: Callable[..., Checked], source: Callable[..., Any]
) -> None:
    checked = check_source([{"name": "a", "type": "string"}], source({f"a{place}": None for place in range(10_000)}))
    (error,) = checked.errors
    assert error.code == "out_of_range"
    assert "10000" in error.message
    assert "at most 3000 attributes" in error.message
