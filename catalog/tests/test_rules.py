"""What makes a definition sound: everything else is refused with its place, a code, and a sentence to act on."""

from decimal import Decimal
from typing import Any

import pytest

from catalog.attributes import Attribute
from catalog.rules import ATTRIBUTE_LIMIT, check_definition, normalised, read_value

EXACT = {"name": "a", "type": "number", "precision": 38, "scale": 37}


def problems(*attributes: Any, **properties: Any) -> list[tuple[str, str]]:
    """Place and code of each problem."""
    found = check_definition({"attributes": list(attributes), **properties})
    assert all(problem.message.endswith((".", "?")) for problem in found)
    return [(problem.path, problem.code) for problem in found]


def test_the_minimal_form_is_sound():
    assert problems({"name": "col1", "type": "string"}) == []


@pytest.mark.parametrize("definition", [None, [], "x", {}, {"attributes": None}, {"attributes": {"name": "a"}}])
def test_attributes_are_a_list(definition):
    assert [(problem.path, problem.code) for problem in check_definition(definition)] == [("", "type")]


def test_an_object_has_an_attribute():
    assert problems() == [("", "required")]


@pytest.mark.parametrize(
    "name",
    [
        'a"b',
        "a'b",
        "a.b",
        "a/b",
        "a~b",
        "~0~1",
        "{name}",
        "{0}",
        "100%",
        "%s",
        "a b",
        "🦆",
        "select",
        "0",
        "$",
        "*",
        "a\\b",
    ],
)
def test_a_name_may_hold_anything_printable(name):
    assert problems({"name": name, "type": "string"}, {"name": "x'; DROP TABLE t; --", "type": "integer"}) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "blank"),
        ("  ", "blank"),
        (None, "blank"),
        (7, "blank"),
        (" a", "untrimmed"),
        ("a\n", "untrimmed"),
        ("a\tb", "control_character"),
        ("a" * 1001, "max_length"),
        ("_id", "reserved"),
        ("_Version", "reserved"),
        ("_table", "reserved"),
    ],
)
def test_a_name_that_can_not_serve_is_refused(name, code):
    assert problems({"name": name, "type": "string"}) == [("/0/name", code)]


def test_names_that_differ_in_case_alone_are_one_name():
    attributes = [{"name": "Straße", "type": "string"}, {"name": "STRASSE", "type": "string"}]
    assert problems(*attributes) == [("/1/name", "duplicate_attribute")]


def test_thousands_of_attributes_are_sound_and_too_many_are_not():
    many = [{"name": f"{'x' * 995}{number:05}", "type": "integer"} for number in range(ATTRIBUTE_LIMIT + 1)]
    assert problems(*many[:2000]) == []
    assert problems(*many) == [("", "max_length")]


@pytest.mark.parametrize("kind", [None, "text", "Integer", 7, ["string"], {"type": "string"}, "geopoint", True])
def test_an_unknown_type_is_refused(kind):
    assert problems({"name": "a", "type": kind}) == [("/0/type", "unknown_type")]


def test_a_geo_type_names_the_alternative():
    (problem,) = check_definition({"attributes": [{"name": "a", "type": "geopoint"}]})
    assert "'string'" in problem.message


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"type": "string", "precision": 3}, "/0/precision", "not_allowed"),
        ({"type": "number", "scale": 2}, "/0/scale", "not_allowed"),
        ({"type": "number", "precision": 39}, "/0/precision", "out_of_range"),
        ({"type": "number", "precision": 0}, "/0/precision", "out_of_range"),
        ({"type": "number", "precision": "12"}, "/0/precision", "out_of_range"),
        ({"type": "number", "precision": 12.0}, "/0/precision", "out_of_range"),
        ({"type": "number", "precision": 3, "scale": 4}, "/0/scale", "contradiction"),
        ({"type": "number", "precision": 3, "scale": -1}, "/0/scale", "out_of_range"),
        ({"type": "date", "timezone": True}, "/0/timezone", "not_allowed"),
        ({"type": "datetime", "timezone": "UTC"}, "/0/timezone", "type"),
        ({"type": "string", "colour": "red"}, "/0/colour", "unknown_property"),
        ({"type": "string", "constraints": []}, "/0/constraints", "type"),
        ({"type": "string", "constraints": None}, "/0/constraints", "type"),
        ({"type": "string", "title": "a\0b"}, "/0/title", "unstorable_text"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused(given, path, code):
    assert problems({"name": "a", **given}) == [(path, code)]


@pytest.mark.parametrize(
    ("kind", "name", "value", "code"),
    [
        ("string", "minimum", 3, "not_allowed"),
        ("integer", "maxLength", 3, "not_allowed"),
        ("boolean", "minimum", True, "not_allowed"),
        ("string", "min_length", 3, "unknown_constraint"),
        ("string", "required", "yes", "type"),
        ("string", "unique", 1, "type"),
        ("string", "minLength", -1, "type"),
        ("string", "minLength", True, "type"),
        ("string", "maxLength", 2.0, "type"),
        ("string", "pattern", "", "type"),
        ("string", "pattern", 7, "type"),
        ("string", "pattern", "(", "invalid_pattern"),
        ("string", "pattern", "(?=a)b", "invalid_pattern"),
        ("string", "pattern", "\ud800", "unstorable_text"),
        ("string", "enum", [], "type"),
        ("string", "enum", "a", "type"),
        ("integer", "minimum", "3", "type"),
        ("integer", "minimum", 1.5, "type"),
        ("integer", "minimum", True, "type"),
        ("integer", "minimum", None, "type"),
        ("integer", "minimum", 2**63, "type"),
        ("integer", "minimum", 10**400, "type"),
        ("integer", "minimum", float("nan"), "type"),
        ("integer", "minimum", float("inf"), "type"),
        ("number", "maximum", float("inf"), "type"),
        ("number", "maximum", "1", "type"),
        ("number", "maximum", [1], "type"),
        ("date", "minimum", "2026-02-30", "type"),
        ("date", "minimum", 20260131, "type"),
        ("datetime", "minimum", "2026-01-31T00:00:00Z", "type"),
    ],
)
def test_a_constraint_of_the_wrong_kind_is_refused(kind, name, value, code):
    assert problems({"name": "a", "type": kind, "constraints": {name: value}}) == [(f"/0/constraints/{name}", code)]


@pytest.mark.parametrize(
    ("member", "code"), [(None, "type"), ("b", "type"), (True, "type"), ([1], "type"), (1, "duplicate"), (1.5, "type")]
)
def test_an_enum_holds_distinct_values_of_its_attribute(member, code):
    attribute = {"name": "a", "type": "integer", "constraints": {"enum": [1, member]}}
    assert problems(attribute) == [("/0/constraints/enum/1", code)]


@pytest.mark.parametrize(
    ("kind", "constraints"),
    [
        ("integer", {"minimum": 3, "maximum": 2}),
        ("integer", {"exclusiveMinimum": 3, "maximum": 3}),
        ("number", {"minimum": 0.2, "exclusiveMaximum": 0.2}),
        ("date", {"minimum": "2026-02-01", "maximum": "2026-01-31"}),
        ("string", {"minLength": 3, "maxLength": 2}),
        ("string", {"enum": ["abc"], "maxLength": 2}),
        ("integer", {"enum": [1, 2], "minimum": 3}),
    ],
)
def test_constraints_that_no_value_meets_together_contradict(kind, constraints):
    found = problems({"name": "a", "type": kind, "constraints": constraints})
    assert found == [("/0/constraints", "contradiction")]


def test_a_datetime_with_an_offset_is_compared_as_an_instant():
    bounds = {"minimum": "2026-01-31T12:00:00+02:00", "maximum": "2026-01-31T11:00:00Z"}
    assert problems({"name": "a", "type": "datetime", "timezone": True, "constraints": bounds}) == []


@pytest.mark.parametrize(
    ("properties", "path", "code"),
    [
        ({"primaryKey": {"a": 1}}, "/primaryKey", "type"),
        ({"primaryKey": ["b"]}, "/primaryKey/0", "unknown_attribute"),
        ({"primaryKey": ["a", "a"]}, "/primaryKey/1", "duplicate"),
        ({"primaryKey": [["a"]]}, "/primaryKey", "type"),
        ({"uniqueKeys": ["a"]}, "/uniqueKeys/0", "type"),
        ({"uniqueKeys": [[]]}, "/uniqueKeys/0", "type"),
        ({"uniqueKeys": {"a": 1}}, "/uniqueKeys", "type"),
        ({"uniqueKeys": [["a"], ["a"]]}, "/uniqueKeys/1", "duplicate"),
        ({"primaryKey": ["a"], "uniqueKeys": [["a"]]}, "/uniqueKeys/0", "duplicate"),
        ({"uniqueKeys": [["c"]]}, "/uniqueKeys/0/0", "unknown_attribute"),
        ({"missingValues": "NA"}, "/missingValues", "type"),
        ({"missingValues": [None]}, "/missingValues", "type"),
        ({"fieldsMatch": "some"}, "/fieldsMatch", "unknown_choice"),
        ({"fieldsMatch": ["equal", "subset"]}, "/fieldsMatch", "unknown_choice"),
        ({"foreignKeys": {}}, "/foreignKeys", "type"),
        ({"foreignKeys": [{"fields": ["a"]}]}, "/foreignKeys/0/reference", "required"),
        ({"fields": []}, "/fields", "unknown_property"),
    ],
)
def test_a_key_or_a_property_that_can_not_be_enforced_is_refused(properties, path, code):
    assert problems({"name": "a", "type": "integer"}, **properties) == [(path, code)]


def test_everything_that_is_wrong_is_said_at_once():
    found = problems({"name": "", "type": "text"}, {"name": "b", "type": "integer", "constraints": {"minimum": "x"}}, 7)
    assert found == [
        ("/0/name", "blank"),
        ("/0/type", "unknown_type"),
        ("/1/constraints/minimum", "type"),
        ("/2", "type"),
    ]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("1.2345678901234567890123456789012345678", Decimal("1.2345678901234567890123456789012345678")),
        (Decimal("1.2345678901234567890123456789012345678"), Decimal("1.2345678901234567890123456789012345678")),
        ("1.23456789012345678901234567890123456789", None),
        ("10", None),
        (Decimal("1.50"), Decimal("1.50")),
        ("0.000", Decimal(0)),
        (Decimal("0e5"), Decimal(0)),
        ("1_0", None),
        (" 1", None),
        ("NaN", None),
        ("\u0661", None),
    ],
)
def test_an_exact_bound_keeps_its_digits(value, read):
    assert read_value(Attribute.from_definition(EXACT), value) == read


def test_normalised_definitions_fit_a_json_column_and_keep_exact_digits():
    exact = Decimal("0.1234567890123456789")
    found = normalised(
        {
            "attributes": [
                {**EXACT, "constraints": {"minimum": exact, "enum": [exact]}},
                {"name": "b", "type": "number", "constraints": {"maximum": exact}},
            ]
        }
    )
    assert found["attributes"][0]["constraints"] == {"minimum": str(exact), "enum": [str(exact)]}
    assert found["attributes"][1]["constraints"] == {"maximum": 0.12345678901234568}
    assert found["primaryKey"] == []
