"""What each type and constraint takes and refuses, in JSON and in text; the faults of other tools, as tests."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from catalog import rules
from catalog.formats import CSVText
from catalog.rules.settings import SETTINGS
from catalog.types import TYPES


@pytest.fixture
def check_text(check_source: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Conform cells of CSV of one attribute, `a`; the cells stand in quotes."""

    def check(attribute: dict[str, Any], *cells: str, **keys: Any) -> Any:
        lines = ["a", *('"' + cell.replace('"', '""') + '"' for cell in cells)]
        text = io.BytesIO(("\n".join(lines) + "\n").encode())
        return check_source([{"name": "a", **attribute}], CSVText(text, tmp_path), missingValues=[], **keys)

    return check


SOUND = [
    ({"type": "time"}, ['"12:30"', '"12:30:00.5"'], ["12:30:00", "12:30:00.5"]),
    ({"type": "year"}, ["2026", "2026.0", "0"], ["2026", "2026", "0"]),
    ({"type": "yearmonth"}, ['"2026-02"'], ["2026-02"]),
    (
        {"type": "duration"},
        ['"P1Y2M3DT4H5M6.7S"', '"PT90M"', '"P14M"', '"PT24H"', '"-P1D"', '"P0D"'],
        ["P1Y2M3DT4H5M6.7S", "PT1H30M", "P1Y2M", "P1D", "-P1D", "PT0S"],
    ),
    ({"type": "list"}, ['["a", "b"]', "[]"], ['["a","b"]', "[]"]),
    ({"type": "list", "itemType": "date"}, ['["2026-01-31"]'], ['["2026-01-31"]']),
    ({"type": "array"}, ['[1, {"a": 1}, {"a": 2}]'], ['[1,{"a":1},{"a":2}]']),
    ({"type": "object"}, ['{"b": 1, "a": {"b": []}}'], ['{"b":1,"a":{"b":[]}}']),
    ({"type": "any"}, ['"x"', "1", "true", "{}"], ['"x"', "1", "true", "{}"]),
]
UNSOUND = [
    ({"type": "time"}, ['"24:00:00"', '"12:61"', '"12"', '"06:00:00Z"', "12"]),
    ({"type": "year"}, ['"2026"', "-1", "10000", "2026.5"]),
    ({"type": "yearmonth"}, ['"2026-13"', '"2026-1"', '"2026-01-01"', "202601"]),
    ({"type": "duration"}, ['"P"', '"PT"', '"P1DT"', '"P-1Y"', '"1D"', '"P1W"', '"P1.5D"', "5"]),
    ({"type": "list"}, ['["a", 1]', "[null]", '{"a": 1}', '"a,b"']),
    ({"type": "list", "itemType": "integer"}, ["[1.5]", '["1"]', "[[1]]"]),
    ({"type": "array"}, ['{"a": 1}', '"[1]"', "1"]),
    ({"type": "object"}, ["[1]", '"{}"', "1"]),
]


@pytest.mark.parametrize(("attribute", "cells", "stored"), SOUND)
def test_a_value_in_json_is_stored_in_one_form(check_cells, attribute, cells, stored):
    assert check_cells(attribute, *cells).cells == stored


@pytest.mark.parametrize(("attribute", "cells"), UNSOUND)
def test_json_of_another_type_is_refused_every_time(check_cells, attribute, cells):
    assert check_cells(attribute, *cells).codes == ["type"] * len(cells)


TEXTS = [
    ({"type": "date", "format": "%d/%m/%Y"}, ["31/01/2026"], ["2026-01-31"]),
    ({"type": "date", "format": "fmt:%d.%m.%y"}, ["31.01.26"], ["2026-01-31"]),
    ({"type": "time", "format": "%H.%M"}, ["12.30"], ["12:30:00"]),
    ({"type": "datetime", "format": "%d/%m/%Y %H:%M"}, ["31/01/2026 12:30"], ["2026-01-31 12:30:00"]),
    ({"type": "number", "decimalChar": ",", "groupChar": "."}, ["1.234,5", "-0,5"], ["1234.5", "-0.5"]),
    ({"type": "number", "bareNumber": False}, ["€ 95.5", "95 %", "EUR -1"], ["95.5", "95.0", "-1.0"]),
    ({"type": "number", "precision": 20, "scale": 2, "groupChar": "'"}, ["123'456'789'012.05"], ["123456789012.05"]),
    ({"type": "integer", "groupChar": ","}, ["12,34,567", "1,000"], ["1234567", "1000"]),
    ({"type": "boolean", "trueValues": ["yes"], "falseValues": ["no"]}, ["yes", "no"], ["true", "false"]),
    ({"type": "list", "delimiter": ";", "itemType": "integer"}, ["1;2", "3", "[4,5]"], ["[1,2]", "[3]", "[4,5]"]),
    ({"type": "list"}, ["a,,b"], ['["a","","b"]']),
    ({"type": "object"}, [' {"a": [1, 2]} '], ['{"a":[1,2]}']),
    ({"type": "any"}, ["3.14", "{}"], ['"3.14"', '"{}"']),
    ({"type": "year"}, ["0999"], ["999"]),
    ({"type": "string"}, ["01234"], ["01234"]),
]
REFUSED_TEXTS = [
    ({"type": "date", "format": "%d/%m/%Y"}, ["2026-01-31", " 31/01/2026", "32/01/2026"]),
    ({"type": "number", "groupChar": ","}, ["1,2", "1,00", ",5", "1,0000"]),
    ({"type": "number", "decimalChar": ","}, ["1.5"]),
    ({"type": "boolean", "trueValues": ["yes"]}, ["true", "YES"]),
    ({"type": "list", "itemType": "integer"}, ["1;2", "a", "1,"]),
    ({"type": "object"}, ["[1]", '{"a": 1,}', '{"a": NaN}', "x", ""]),
    ({"type": "year"}, ["99", "20266", "-2000", "2026.0"]),
]


@pytest.mark.parametrize(("attribute", "cells", "stored"), TEXTS)
def test_text_is_read_by_the_settings_of_its_attribute(check_text, attribute, cells, stored):
    assert check_text(attribute, *cells).cells == stored


@pytest.mark.parametrize(("attribute", "cells"), REFUSED_TEXTS)
def test_text_in_another_form_is_refused(check_text, attribute, cells):
    assert check_text(attribute, *cells).codes == ["type"] * len(cells)


def test_an_error_of_text_says_how_it_is_to_be_written(check_text):
    error = check_text({"type": "date", "format": "%d/%m/%Y"}, "2026-01-31").errors[0]
    assert error.message == "a is 2026-01-31; it must be a date such as 2026-01-31, written as %d/%m/%Y"


BROKEN = [
    ({"type": "number", "constraints": {"multipleOf": 0.1}}, ["0.3", "1e300", "-0.7"], ["0.25", "0.30000000000000004"]),
    ({"type": "number", "precision": 9, "scale": 3, "constraints": {"multipleOf": 0.25}}, ["0.75"], ["0.3"]),
    ({"type": "integer", "constraints": {"multipleOf": 2.5}}, ["5", "0", "-10"], ["6"]),
    ({"type": "duration", "constraints": {"minimum": "PT90M"}}, ['"PT2H"', '"P1M"'], ['"PT1H"', '"-P1Y"']),
    ({"type": "time", "constraints": {"exclusiveMaximum": "12:30"}}, ['"12:29:59"'], ['"12:30"']),
    ({"type": "yearmonth", "constraints": {"minimum": "2026-02"}}, ['"2026-10"'], ['"2026-01"']),
    ({"type": "duration", "constraints": {"enum": ["PT60M"]}}, ['"PT1H"'], ['"PT61M"']),
    ({"type": "list", "constraints": {"maxLength": 1}}, ["[]"], ['["a", "b"]']),
    ({"type": "object", "constraints": {"minLength": 1}}, ['{"a": 1}'], ["{}"]),
    ({"type": "array", "constraints": {"enum": [[1, {"a": 1, "b": 2}]]}}, ['[1.0, {"b": 2, "a": 1}]'], ["[1]"]),
    ({"type": "string", "categories": ["x", "y"]}, ['"x"'], ['"z"']),
    ({"type": "integer", "categories": [{"value": 1, "label": "one"}]}, ["1"], ["2"]),
    ({"type": "string", "format": "email"}, ['"a.b@example.org"'], ['"a"', '"a..b@c.d"', '"a@b c"', '"a@"']),
    (
        {"type": "string", "format": "uri"},
        ['"mailto:a@b"', '"http://[::1]:8/?q#f"'],
        ['"://x"', '"http://"', '"a b:c"'],
    ),
    ({"type": "string", "format": "uuid"}, ['"6ba7b810-9dad-11d1-80b4-00c04fd430c8"'], ['"6ba7b810"']),
    ({"type": "string", "format": "binary"}, ['"YQ=="'], ['"YQ="', '"Y Q="']),
    ({"type": "string", "constraints": {"pattern": "ab"}}, ['"ab"'], ['"abc"', '"xab"']),
]


@pytest.mark.parametrize(("attribute", "good", "bad"), BROKEN)
def test_a_constraint_is_tested_on_the_logical_value(check_cells, attribute, good, bad):
    assert check_cells(attribute, *good).codes == []
    assert [error.row for error in check_cells(attribute, *bad, *good).errors] == list(range(1, len(bad) + 1))


SCHEMA = {"required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"items": {"maximum": 9}}}}


def test_a_json_schema_is_checked_in_every_row_with_the_place_in_the_value(check_rows):
    attributes = [
        {"name": "o", "type": "object", "constraints": {"jsonSchema": SCHEMA}},
        {"name": "n", "type": "integer"},
    ]
    rows = [{"o": {"a": 1}}, {"o": {"a": 1, "b": [1, 10]}, "n": "x"}, {"o": {}}, {"o": {"a": 1}}, {"o": None}]
    checked = check_rows(attributes, *rows)
    assert sorted(checked.found) == [(2, "n", "type"), (2, "o", "json_schema"), (3, "o", "json_schema")]
    messages = [error.message for error in checked.errors if error.code == "json_schema"]
    assert messages == ["o: at /b/1: 10 is greater than the maximum of 9", 'o: "a" is a required property']


def test_a_json_schema_takes_rows_that_conform(check_rows):
    attributes = [{"name": "o", "type": "object", "constraints": {"jsonSchema": SCHEMA}}]
    assert check_rows(attributes, {"o": {"a": 1}}, {"o": None}).cells == ['{"a":1}', None]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.org/schema.json"},
        {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"type": "thing"},
        {"pattern": "(?=a)"},
    ],
)
def test_a_json_schema_that_leads_elsewhere_or_is_none_is_refused_where_it_is_defined(schema):
    attributes = [{"name": "o", "type": "object", "constraints": {"jsonSchema": schema}}]
    problems = rules.check_definition({"attributes": attributes})
    assert [(each.path, each.code) for each in problems] == [("/0/constraints/jsonSchema", "invalid_json_schema")]


def test_a_pattern_that_backtracks_elsewhere_takes_no_time(check_cells):
    started = perf_counter()
    nested = {"type": "array", "constraints": {"jsonSchema": {"items": {"pattern": "^(a+)+$"}}}}
    plain = {"type": "string", "constraints": {"pattern": "^(a+)+$"}}
    text = json.dumps("a" * 50_000 + "!")
    assert check_cells(nested, f"[{text}]").codes == ["json_schema"]
    assert check_cells(plain, text).codes == ["pattern"]
    assert perf_counter() - started < 5


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "duplicate_attribute"),
        ('{"a": [1,]}', "malformed"),
        ('{"a": NaN}', "malformed"),
    ],
)
def test_json_inside_a_cell_is_strict(check_cells, cell, code):
    assert check_cells({"type": "object"}, cell, '{"text": "nan, ]", "list": [{"a": 1}, {"a": 1}]}').codes == [code]


def test_numbers_inside_json_keep_their_digits(check_cells):
    cell = '{"n":0.12345678901234567890,"big":123456789012345678901234567890}'
    assert check_cells({"type": "object"}, cell).cells == [cell]


def test_a_composite_key_with_a_null_part_is_refused(check_rows):
    """frictionless-py lets it pass."""
    attributes = [{"name": "a", "type": "integer"}, {"name": "b", "type": "integer"}]
    assert check_rows(attributes, {"a": 1}, primaryKey=["a", "b"]).found == [(1, "b", "required")]


def test_text_is_no_number_and_no_number_is_rounded(check_cells):
    """DuckDB's read_json makes 12 of "12" and 2 of 1.5."""
    assert check_cells({"type": "integer"}, '"12"', "1.5").codes == ["type", "type"]


@pytest.mark.parametrize(("kind", "named"), [("geopoint", "object"), ("geojson", "object")])
def test_a_geo_type_is_refused_with_its_alternative(kind, named):
    problem = rules.check_definition({"attributes": [{"name": "a", "type": kind}]})[0]
    assert (problem.code, named in problem.message) == ("unknown_type", True)


UNSOUND_DEFINITIONS = [
    ({"type": "date", "format": "any"}, "/0/format", "unknown_format"),
    ({"type": "date", "format": "%d/%m"}, "/0/format", "unknown_format"),
    ({"type": "date", "format": "%Q"}, "/0/format", "unknown_format"),
    ({"type": "string", "format": "wkt"}, "/0/format", "unknown_format"),
    ({"type": "datetime", "format": "%Y-%m-%d %H:%M %z"}, "/0/format", "contradiction"),
    ({"type": "integer", "decimalChar": ","}, "/0/decimalChar", "not_allowed"),
    ({"type": "number", "decimalChar": ",", "groupChar": ","}, "/0/groupChar", "contradiction"),
    ({"type": "number", "groupChar": "1"}, "/0/groupChar", "type"),
    ({"type": "boolean", "trueValues": ["0"]}, "/0/trueValues", "contradiction"),
    ({"type": "list", "itemType": "object"}, "/0/itemType", "unknown_type"),
    ({"type": "string", "categories": ["a", "a"]}, "/0/categories/1", "duplicate"),
    ({"type": "string", "categoriesOrdered": True}, "/0/categoriesOrdered", "not_allowed"),
    ({"type": "string", "categories": ["a"], "constraints": {"enum": ["b"]}}, "/0/constraints/enum/0", "contradiction"),
    ({"type": "number", "constraints": {"multipleOf": 0}}, "/0/constraints/multipleOf", "type"),
    ({"type": "object", "constraints": {"unique": True}}, "/0/constraints/unique", "not_allowed"),
    ({"type": "duration", "constraints": {"minimum": "P1Y", "maximum": "P1M"}}, "/0/constraints", "contradiction"),
    ({"type": "time", "constraints": {"minimum": "25:00"}}, "/0/constraints/minimum", "type"),
    ({"type": "string", "sensitive": "yes"}, "/0/sensitive", "type"),
]


@pytest.mark.parametrize(("attribute", "path", "code"), UNSOUND_DEFINITIONS)
def test_a_setting_that_means_nothing_is_refused_where_it_stands(attribute, path, code):
    problems = rules.check_definition({"attributes": [{"name": "a", **attribute}]})
    assert [(each.path, each.code) for each in problems] == [(path, code)]


VALUES: list[Any] = [None, 0, "", "x", [], {}, [[]], [{}], [None], {"a": 1}, True, -1, 1e300, "x" * 1000]
CONSTRAINTS = sorted({name for kind in TYPES.values() for name in kind.constraints})


@pytest.mark.parametrize("kind", TYPES)
def test_whatever_stands_in_a_definition_is_told_and_never_a_crash(kind):
    for value in VALUES:
        given = [{name: value} for name in SETTINGS] + [{"constraints": {name: value}} for name in CONSTRAINTS]
        for each in given:
            problems = rules.check_definition({"attributes": [{"name": "a", "type": kind, **each}]})
            assert all(problem.message for problem in problems)
