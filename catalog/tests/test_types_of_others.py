"""Types, constraints and JSON Schema against cases written by others, in the folder that the tests are given."""

import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog import rules
from catalog.conformance import Destination, conform
from catalog.formats import CSVText
from catalog.nested import SchemaError, validator_for
from catalog.schema import Schema
from catalog.sources import JSONRows, Source
from catalog.standards import from_json_schema

VARIABLE = "EXEMPLAR_SHARED_DATA"
SETTINGS = ("trueValues", "falseValues", "decimalChar", "groupChar", "bareNumber", "delimiter", "itemType")
# What is not as theirs, and why.
FRICTIONLESS: Any = {
    "right": 185,
    # a date in JSON is a date, and no datetime at midnight
    "date default: {'$t': 'datetime', 'v': '2018-01-01T00:00:00'}": 1,
    # the format `any` is a guess, and refused as a definition
    "date any: {'$t': 'date', 'v': '2019-01-01'}": 1,
    "date any: '10th Jan 1969'": 1,
    "datetime any: '2014-01-01T06:00:00'": 1,
    "datetime any: '10th Jan 1969 9 am'": 1,
    "time any: '06:00:00'": 1,
    "time any: '3:00 am'": 1,
    # an offset asks for `"timezone": true`; a time of day has none
    "datetime default: '2014-01-01T06:00:00Z'": 1,
    "datetime: {'minimum': '1789-07-14T08:00:00Z'}": 1,
    "time default: '06:00:00Z'": 1,
    # geo types are refused with their alternative
    "geojson default: {'properties': {'Ã': 'Ã'}, 'type': 'Feature', 'geometry': None}": 1,
    'geojson topojson: \'{"type": "LineString", "arcs": [42]}\'': 1,
    "geopoint default: [180, 90]": 1,
    "geopoint default: '180, -90'": 1,
    "geopoint array: [180, 90]": 1,
    "geopoint array: '[180, -90]'": 1,
    'geopoint object: \'{"lon": 180, "lat": 90}\'': 1,
    # integers have 64 bits
    "integer default: 9223372036854775808": 1,
    # wkt is no format of Table Schema
    "string wkt: 'LINESTRING (30 10, 10 30, 40 40)'": 1,
    "string wkt: 'MULTIPOINT ((10 40), (40 30), (20 20), (30 10))'": 1,
    "string wkt: 'MULTILINESTRING ((0 0, 1 1, 2 2), (3 3, 4 4, 5 5))'": 1,
    "string wkt: 'CIRCULARSTRING (-116.4 45.2, -118.0 47.0, -120.0 49.0)'": 1,
    "string wkt: 'CURVEPOLYGON(COMPOUNDCURVE(CIRCULARSTRING (0 0,1 1,2 0),(2 0,0 0)))'": 1,
    "string wkt: 'CIRCULARSTRING EMPTY'": 1,
    # a month is a text, YYYY-MM, and no pair of numbers
    "yearmonth default: [2000, 10]": 1,
    # no cells: what frictionless' own classes keep
    "about metadata: test_field_standard_specs_properties": 1,
    "about metadata: test_field_with_example_set": 1,
    "about metadata: test_field_with_example_set_for_datetime": 1,
}
INSIDE: Any = {
    "right": 1136,
    "other verdict: format": 10,  # they say that `format` is a remark; here what is declared is enforced
    # documents and vocabularies elsewhere are never fetched
    "refused where it is defined: refRemote": 16,
    "refused where it is defined: dynamicRef": 6,
    "refused where it is defined: vocabulary": 3,
    "refused where it is defined: format-assertion": 2,
    "refused where it is defined: cross-draft": 1,
}
AS_OBJECT: Any = {"right": 27, "told as not covered": 1147}


@pytest.fixture
def folder() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the folder `data` to run the cases written by others")
    return Path(os.environ[VARIABLE])


def is_taken(definition: dict[str, Any], source: Source, directory: Path) -> bool:
    """Whether all rows conform to a definition."""
    schema = Schema.from_definition(rules.normalised(definition))
    return conform(source, schema, Destination(directory)).report is None


def cell_verdict(case: dict[str, Any], directory: Path) -> bool:
    """Whether a cell is taken: text as in CSV, anything else as in JSON; a definition that is refused takes nothing."""
    source, is_text = case["source"], isinstance(case["source"], str)
    if isinstance(source, dict) and "$t" in source:
        source = float(source["v"]) if source["$t"] == "decimal" else source["v"]
    attribute: dict[str, Any] = {"name": "a", "type": case["field_type"]}
    attribute |= {"format": case["format"]} if case.get("format", "default") != "default" else {}
    attribute |= {name: value for name, value in (case.get("options") or {}).items() if name in SETTINGS}
    definition = {"attributes": [attribute]}
    if rules.check_definition(definition) or source == "":
        return False
    if is_text:
        quoted = '"' + source.replace('"', '""') + '"'
        return is_taken(definition, CSVText(io.BytesIO(f"a\n{quoted}\n".encode()), directory), directory)
    return is_taken(definition, JSONRows([json.dumps({"a": source})]), directory)


def is_sound(case: dict[str, Any]) -> bool:
    attribute = {"name": "a", "type": case["type"], "constraints": case["constraints"]}
    return not rules.check_definition({"attributes": [attribute]})


def test_frictionless_cells(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = json.loads((folder / "15_frictionless" / "field_parse_vectors.json").read_text())
    found: Counter[str] = Counter()
    for case in cases:
        if "source" in case:
            right = cell_verdict(case, tmp_path) == (case["target"] is not None)
            name = f"{case['field_type']} {case.get('format', 'default')}: {case['source']!r}"
        elif "constraints" in case:
            right = is_sound(case) == case["valid"]
            name = f"{case['type']}: {case['constraints']}"
        else:
            right, name = False, f"about metadata: {case['test']}"
        found["right" if right else name] += 1
    with capsys.disabled():
        print(f"\nfrictionless: {found['right']} of {len(cases)} as theirs")
    assert dict(found) == FRICTIONLESS


def suite(folder: Path) -> Iterator[tuple[str, Any, Any, bool]]:
    """File, schema, value and verdict of each test."""
    for path in sorted((folder / "12_json_schema_test_suite" / "tests").rglob("*.json")):
        for group in json.loads(path.read_text()):
            for test in group["tests"]:
                yield path.stem, group["schema"], test["data"], test["valid"]


def test_json_schema_inside_a_cell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: Counter[str] = Counter()
    for name, schema, value, valid in suite(folder):
        try:
            found["right" if validator_for(schema).is_valid(value) == valid else f"other verdict: {name}"] += 1
        except SchemaError:
            found[f"refused where it is defined: {name}"] += 1
    with capsys.disabled():
        print(f"\nJSON Schema inside a cell: {found['right']} of {sum(found.values())} as theirs")
    assert dict(found) == INSIDE


def test_json_schema_as_an_object(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each schema as that of one property: what from_json_schema covers gives the verdicts of the suite."""
    found: Counter[str] = Counter()
    for name, schema, value, valid in suite(folder):
        row = {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}
        definition, problems = from_json_schema(row)
        if problems or rules.check_definition(definition):
            found["told as not covered"] += 1
            continue
        verdict = is_taken(definition, JSONRows([json.dumps({"a": value})]), tmp_path)
        found["right" if verdict == valid else f"other verdict: {name}"] += 1
    with capsys.disabled():
        print(f"\nJSON Schema as an Object: {dict(found)}")
    assert dict(found) == AS_OBJECT
