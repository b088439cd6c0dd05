"""OpenAPI's description of a test case's options says what the rules say."""

import pytest
from jsonschema import Draft202012Validator

from catalog.comparison.matchers import OPERATORS, TOLERANCES
from catalog.comparison.options import OPTIONS
from testcases.rules import ERROR_PROPERTIES, check_comparison, check_expected_error
from testcases.serializers.options import COMPARISON_SCHEMA, EXPECTED_ERROR_SCHEMA

NAMES = ["id", "total"]


def test_every_option_is_described_and_no_other():
    assert COMPARISON_SCHEMA["properties"].keys() == OPTIONS.keys()
    condition = COMPARISON_SCHEMA["properties"]["matchers"]["items"]["properties"]["matcher"]
    assert condition["properties"].keys() == {*OPERATORS, *TOLERANCES}
    assert EXPECTED_ERROR_SCHEMA["properties"].keys() == set(ERROR_PROPERTIES)


@pytest.mark.parametrize(
    "options",
    [
        {},
        *COMPARISON_SCHEMA["examples"],
        *(
            {"matchers": [{"attribute": "total", "matcher": each}]}
            for each in COMPARISON_SCHEMA["properties"]["matchers"]["items"]["properties"]["matcher"]["examples"]
        ),
        {"key": ["id"], "ignore": ["total"], "mode": "subset", "ordered": True, "limit": 0},
        {"key": None, "per_attribute": {"total": {"rel_tol": 0.1}}, "null_equal": False, "normalize_unicode": True},
        {"literal_matchers": True, "matchers": [{"attribute": "total", "matcher": {"$any": True}, "row": 1}]},
    ],
)
def test_options_that_are_taken_are_valid(options):
    assert check_comparison(options, NAMES) == []
    Draft202012Validator(COMPARISON_SCHEMA).validate(options)


@pytest.mark.parametrize(
    "options",
    [
        [],
        {"keys": ["id"]},
        {"key": "id"},
        {"key": ["id", "id"]},
        {"mode": "loose"},
        {"ordered": 1},
        {"abs_tol": -1},
        {"rel_tol": "0.1"},
        {"per_attribute": {"total": 0.1}},
        {"per_attribute": {"total": {"tolerance": 0.1}}},
        {"limit": 10_001},
        {"matchers": {"attribute": "total", "matcher": {"$any": True}}},
        {"matchers": [{"attribute": "total"}]},
        {"matchers": [{"attribute": "total", "matcher": {}}]},
        {"matchers": [{"attribute": "total", "matcher": {"$some": True}}]},
        {"matchers": [{"attribute": "total", "matcher": {"$any": False}}]},
        {"matchers": [{"attribute": "total", "matcher": {"$any": True}, "row": 0}]},
    ],
)
def test_options_that_are_refused_are_invalid(options):
    assert check_comparison(options, NAMES)
    assert not Draft202012Validator(COMPARISON_SCHEMA).is_valid(options)


@pytest.mark.parametrize(
    ("expected", "is_sound"),
    [
        ({}, True),
        *((each, True) for each in EXPECTED_ERROR_SCHEMA["examples"]),
        ({"pattern": ""}, False),
        ({"pattern": "a", "match": "some"}, False),
        ({"kinds": "a"}, False),
        ({"kind": 1}, False),
    ],
)
def test_expected_errors_are_described(expected, is_sound):
    assert (check_expected_error(expected) == []) is is_sound
    assert Draft202012Validator(EXPECTED_ERROR_SCHEMA).is_valid(expected) is is_sound
