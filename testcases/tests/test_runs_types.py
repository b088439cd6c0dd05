"""Functions over Tables of every type, judged end to end."""

import pytest

from catalog.models import Application
from catalog.tests.factories import ObjectSchemaFactory
from processes.tests.factories import FunctionFactory
from testcases.models import Result
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

ATTRIBUTES = [
    {"name": "clock", "type": "time"},
    {"name": "born", "type": "year"},
    {"name": "month", "type": "yearmonth"},
    {"name": "took", "type": "duration"},
    {"name": "tags", "type": "list"},
    {"name": "sizes", "type": "array"},
    {"name": "rest", "type": "object"},
    {"name": "mixed", "type": "any"},
]
GIVEN = {
    "clock": "12:30:00.5",
    "born": 1984,
    "month": "2026-02",
    "took": "PT90M",
    "tags": ["a", "b,c"],
    "sizes": [1, {"w": 2.50}],
    "rest": {"b": 1, "a": [True, None]},
    "mixed": "text",
}
MADE = """SELECT clock + INTERVAL 1 HOUR AS clock, born + 1 AS born, DATE '2026-03-01' AS month,
INTERVAL 150 MINUTE AS took, list_concat(from_json(tags, '["VARCHAR"]'), ['d']) AS tags, sizes,
{'a': [1, 2], 'b': 'x'} AS rest, 7 AS mixed FROM given"""
EXPECTED = {
    "clock": "13:30:00.500",
    "born": 1985,
    "month": "2026-03",
    "took": "P0DT2H30M",
    "tags": ["a", "b,c", "d"],
    "sizes": [1.0, {"w": 2.5}],
    "rest": {"b": "x", "a": [1, 2]},
    "mixed": 7.0,
}


def judge(application: Application, expected: dict[str, object], sql: str = MADE) -> Result:
    shape = ObjectSchemaFactory.create(application=application, name="things", attributes=ATTRIBUTES)
    function = FunctionFactory.create(inputs={"given": shape}, outputs={"made": shape}, sql={"made": sql})
    case = TestCaseFactory.create(function=function, inputs={"given": [GIVEN]}, outputs={"made": [expected]})
    run = run_test_cases(application, [case])
    return Result.objects.get(run=run)


def test_values_of_every_type_pass_through_a_function_and_are_compared_by_value(application: Application) -> None:
    result = judge(application, EXPECTED)
    assert (result.verdict, result.message) == ("passed", "")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("clock", "13:30:01"),
        ("born", 1986),
        ("month", "2026-04"),
        ("took", "PT2H31M"),
        ("tags", ["a", "d", "b,c"]),
        ("sizes", [1, {"w": 2.51}]),
        ("rest", {"a": [2, 1], "b": "x"}),
        ("mixed", "7"),
    ],
)
def test_a_value_that_differs_is_told_for_every_type(application: Application, name: str, other: object) -> None:
    result = judge(application, {**EXPECTED, name: other})
    assert result.verdict == "failed"


def test_a_function_that_gives_what_is_of_no_type_is_told_so(application: Application) -> None:
    wrong = MADE.replace("DATE '2026-03-01' AS month", "DATE '2026-03-02' AS month").replace("born + 1", "born + 99999")
    result = judge(application, EXPECTED, wrong)
    assert result.verdict == "failed"
    assert sorted((error["attribute"], error["code"]) for error in result.errors) == [
        ("born", "type"),
        ("month", "type"),
    ]
