"""CSVW metadata as an Object: what is taken over, what is told, and what is refused, with its place."""

from typing import Any

import pytest

from catalog.rules import check_definition
from catalog.standards import UNCOVERED, from_csvw, read_standard

CONTEXT = "http://www.w3.org/ns/csvw"


def described(*columns: Any, **schema: Any) -> dict[str, Any]:
    return {"@context": CONTEXT, "url": "rows.csv", "tableSchema": {"columns": list(columns), **schema}}


def attribute(**column: Any) -> dict[str, Any]:
    definition, problems = from_csvw(described({"name": "a", **column}))
    assert [problem for problem in problems if problem.code != UNCOVERED] == []
    assert check_definition(definition) == []
    found: dict[str, Any] = definition["attributes"][0]
    assert found.pop("name") == "a"
    return found


def refusals(document: Any, name: str = "") -> list[tuple[str, str]]:
    problems = from_csvw(document, name)[1]
    return [(problem.path, problem.code) for problem in problems if problem.code != UNCOVERED]


def told(document: Any) -> list[str]:
    return [problem.path for problem in from_csvw(document)[1] if problem.code == UNCOVERED]


@pytest.mark.parametrize(
    ("datatype", "expected"),
    [
        ("string", {"type": "string"}),
        ("anyURI", {"type": "string"}),
        ("base64Binary", {"type": "string", "format": "binary"}),
        ("hexBinary", {"type": "string", "constraints": {"pattern": "([0-9A-Fa-f]{2})*"}}),
        ({"base": "string", "format": "[A-Z]+", "maxLength": 3}, {
            "type": "string", "constraints": {"pattern": "[A-Z]+", "maxLength": 3}}),
        ({"base": "string", "length": 2}, {"type": "string", "constraints": {"minLength": 2, "maxLength": 2}}),
        ("integer", {"type": "integer"}),
        ("unsignedByte", {"type": "integer", "constraints": {"minimum": 0, "maximum": 255}}),
        ({"base": "decimal", "minimum": "1.5"}, {"type": "number", "constraints": {"minimum": 1.5}}),
        ({"base": "number", "format": {"decimalChar": ",", "groupChar": "."}}, {
            "type": "number", "decimalChar": ",", "groupChar": "."}),
        ({"base": "integer", "format": "#,##0"}, {"type": "integer", "groupChar": ","}),
        ({"base": "decimal", "format": "0.0%"}, {"type": "string"}),
        ("boolean", {"type": "boolean", "trueValues": ["true", "1"], "falseValues": ["false", "0"]}),
        ({"base": "boolean", "format": "Y|N"}, {"type": "boolean", "trueValues": ["Y"], "falseValues": ["N"]}),
        ({"base": "date", "format": "dd.MM.yyyy"}, {"type": "date", "format": "%d.%m.%Y"}),
        ({"base": "date", "maxExclusive": "2026-01-31"}, {
            "type": "date", "constraints": {"exclusiveMaximum": "2026-01-31"}}),
        ({"base": "time", "format": "HHmm"}, {"type": "time", "format": "%H%M"}),
        ({"base": "datetime", "format": "yyyy-MM-ddTHH:mm"}, {"type": "datetime", "format": "%Y-%m-%dT%H:%M"}),
        ({"base": "dateTime", "format": "yyyy-MM-dd HH:mm:ss XXX"}, {
            "type": "datetime", "timezone": True, "format": "%Y-%m-%d %H:%M:%S %z"}),
        ("dateTimeStamp", {"type": "datetime", "timezone": True}),
        ("gYear", {"type": "year"}),
        ("gYearMonth", {"type": "yearmonth"}),
        ("duration", {"type": "duration"}),
        ("nonsense", {"type": "string"}),
        (7, {"type": "string"}),
    ],
)  # fmt: skip
def test_a_datatype_is_a_type_with_its_settings_and_constraints(datatype: Any, expected: dict[str, Any]) -> None:
    assert attribute(datatype=datatype) == expected


def test_what_is_missing_required_or_a_list_is_taken_over() -> None:
    assert attribute(null=["NA", ""], required=True) == {
        "type": "string",
        "missingValues": ["NA", ""],
        "constraints": {"required": True},
    }
    assert attribute(separator=";", datatype="integer") == {"type": "list", "delimiter": ";", "itemType": "integer"}
    assert attribute(separator=";", datatype={"base": "string", "maxLength": 3}) == {"type": "string"}


def test_properties_are_inherited_from_the_group_the_table_and_the_schema() -> None:
    table = {"url": "rows.csv", "tableSchema": {"columns": [{"name": "a"}, {"name": "b", "datatype": "date"}]}}
    definition, problems = from_csvw({"@context": CONTEXT, "datatype": "gYear", "null": "-", "tables": [table]})
    assert [each["type"] for each in definition["attributes"]] == ["year", "date"]
    assert (definition["missingValues"], problems) == (["-"], [])


def test_a_column_without_a_name_has_that_of_its_title_or_place() -> None:
    definition, problems = from_csvw(described({"titles": {"en": ["On Street", "Street"]}}, {}, {"name": "_no"}))
    assert [each["name"] for each in definition["attributes"]] == ["On Street", "_col.2", "_col.3"]
    assert [problem.path for problem in problems] == ["/tableSchema/columns/2/name"]


def test_where_the_header_has_titles_it_is_told_how_the_file_is_read() -> None:
    definition, problems = from_csvw(described({"name": "street", "titles": "On Street"}, {"name": "b"}))
    assert definition["attributes"][0]["title"] == "On Street"
    assert "header=street,b" in problems[0].message


def test_keys_are_taken_over() -> None:
    countries = {"url": "data/countries.csv", "tableSchema": {"columns": [{"name": "code"}], "primaryKey": "code"}}
    key = {"columnReference": "of", "reference": {"resource": "data/countries.csv", "columnReference": ["code"]}}
    cities = {"url": "cities.csv", "tableSchema": {"columns": [{"name": "of"}], "foreignKeys": [key]}}
    group = {"@context": [CONTEXT, {"@language": "en"}], "tables": [countries, cities]}
    assert read_standard("csvw", group, "countries")[0]["primaryKey"] == ["code"]
    definition, told = read_standard("csvw", group, "cities")
    assert definition["foreignKeys"] == [{"fields": ["of"], "reference": {"object": "countries", "fields": ["code"]}}]
    assert (told, check_definition(definition)) == ([], [])
    assert refusals(group, "lakes") == [("/tables", "ambiguous")]


def test_a_key_into_the_same_table_refers_to_the_object_itself() -> None:
    key = {"columnReference": "parent", "reference": {"resource": "rows.csv", "columnReference": "id"}}
    definition, _ = from_csvw(described({"name": "id"}, {"name": "parent"}, foreignKeys=[key]))
    assert definition["foreignKeys"][0]["reference"] == {"object": "", "fields": ["id"]}


def test_what_an_object_has_no_word_for_is_told() -> None:
    document = described(
        {"name": "a", "lang": "en", "valueUrl": "http://example.org/{a}", "propertyUrl": "x"},
        {"name": "b", "virtual": True},
        rowTitles=["a"],
        aboutUrl="{#a}",
    )
    document |= {"dialect": {"delimiter": ";"}, "transformations": [{}], "nonsense": 1, "dc:title": "Rows"}
    assert set(told(document)) == {
        "/dialect", "/transformations", "/nonsense", "/tableSchema/rowTitles", "/tableSchema/aboutUrl",
        "/tableSchema/columns/0/lang", "/tableSchema/columns/0/valueUrl", "/tableSchema/columns/0/propertyUrl",
        "/tableSchema/columns/1",
    }  # fmt: skip
    assert [each["name"] for each in from_csvw(document)[0]["attributes"]] == ["a"]


COLUMN = "/tableSchema/columns/0"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], ""),
        ({}, "/@context"),
        ({"@context": CONTEXT}, "/tables"),
        ({"@context": CONTEXT, "tables": [7]}, "/tables"),
        ({"@context": CONTEXT, "url": 7, "tableSchema": {"columns": [{}]}}, "/url"),
        ({"@context": CONTEXT, "url": "http://[", "tableSchema": {"columns": [{}]}}, "/url"),
        ({"@context": CONTEXT, "url": "a.csv"}, "/tableSchema/columns"),
        ({"@context": CONTEXT, "url": "a.csv", "tableSchema": "schema.json"}, "/tableSchema"),
        ({"@context": CONTEXT, "url": "a.csv", "tableSchema": 7}, "/tableSchema"),
        (described({}) | {"@id": "_:a"}, "/@id"),
        (described({}) | {"@type": "Tables"}, "/@type"),
        (described({}) | {"dc:title": {"@list": []}}, "/dc:title/@list"),
        (described({}) | {"dc:title": [{"@value": 1, "x": 1}]}, "/dc:title/0"),
        (described({"titles": 7}), f"{COLUMN}/titles"),
        (described({"titles": {"a-bad-language": "x"}}), f"{COLUMN}/titles/a-bad-language"),
        (described({"datatype": {"base": "boolean", "format": "YN"}}), f"{COLUMN}/datatype/format"),
        (described({"datatype": {"base": "date", "length": 1}}), f"{COLUMN}/datatype/length"),
        (described({"datatype": {"minLength": 3, "maxLength": 1}}), f"{COLUMN}/datatype/minLength"),
        (described({"datatype": {"minimum": 1}}), f"{COLUMN}/datatype/minimum"),
        (described({"datatype": {"base": "integer", "minInclusive": 1, "minExclusive": 1}}),
         f"{COLUMN}/datatype/minExclusive"),
        (described({"datatype": {"@id": "_:x"}}), f"{COLUMN}/datatype/@id"),
        (described({"virtual": True}, {"name": "b"}), "/tableSchema/columns/1/virtual"),
        (described({"name": "a"}, foreignKeys=[{"columnReference": "a"}]), "/tableSchema/foreignKeys/0/reference"),
        (described({"name": "a"}, foreignKeys=[{"columnReference": "b", "reference": {
            "resource": "rows.csv", "columnReference": "a"}}]), "/tableSchema/foreignKeys/0/columnReference"),
        (described({"name": "a"}, foreignKeys=[{"columnReference": "a", "reference": {
            "resource": ["x"], "columnReference": "a"}}]), "/tableSchema/foreignKeys/0/reference/resource"),
    ],
)  # fmt: skip
def test_bad_metadata_is_refused_with_its_place(document: Any, place: str) -> None:
    assert place in [path for path, _ in refusals(document)]


def test_an_annotation_of_any_depth_is_no_fault_of_the_server() -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"x:y": [deep]}
    assert refusals(described({}) | {"x:y": deep})[0][1] == "out_of_range"
