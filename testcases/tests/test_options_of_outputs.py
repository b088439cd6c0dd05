"""Options of a function with several outputs: each output takes those that concern it, and none is silent."""

import pytest
from django.core.exceptions import ValidationError

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

GIVEN = [{"customer": 1, "amount": 2.5}, {"customer": 2, "amount": 4}]
TOTALS = "SELECT customer AS id, CAST(sum(amount) AS DECIMAL(12, 2)) AS total FROM orders GROUP BY customer"
ROWS = {"totals": [{"id": 1, "total": 2.5}, {"id": 2, "total": 4}], "cities": [{"city": "Oslo"}]}


@pytest.fixture
def function(application: Application, orders: ObjectSchema, totals: ObjectSchema) -> Function:
    cities = ObjectSchemaFactory.create(
        application=application, name="cities", attributes=[{"name": "city", "type": "string"}]
    )
    return FunctionFactory.create(
        name="two_outputs",
        inputs={"orders": orders},
        outputs={"totals": totals, "cities": cities},
        sql={"totals": TOTALS, "cities": "SELECT 'Oslo' AS city"},
    )


@pytest.mark.parametrize(
    ("comparison", "expected", "verdict"),
    [
        ({"matchers": [{"attribute": "total", "matcher": {"$gt": 2}}]}, [(1, 0), (2, 0)], "passed"),
        ({"matchers": [{"attribute": "total", "matcher": {"$gt": 3}}]}, [(1, 0), (2, 0)], "failed"),
        ({"matchers": [{"attribute": "total", "matcher": {"$gt": 2}, "row": {"id": 1}}]}, [(1, 0), (2, 4)], "passed"),
        ({"matchers": [{"attribute": "city", "matcher": {"$regex": "O.*"}}]}, [(1, 2.5), (2, 4)], "passed"),
        ({"matchers": [{"attribute": "id", "matcher": {"$gte": 1}}]}, [(7, 2.5), (8, 4)], "passed"),
        ({"per_attribute": {"total": {"abs_tol": 0.5}}}, [(1, 3), (2, 3.5)], "passed"),
    ],
)
def test_each_output_takes_the_options_of_its_attributes(function, comparison, expected, verdict):
    rows = [{"id": number, "total": total} for number, total in expected]
    case = TestCaseFactory.create(
        function=function, inputs={"orders": GIVEN}, outputs={**ROWS, "totals": rows}, comparison=comparison
    )
    result = run_test_cases(case.application, [case]).results.get()
    assert result.verdict == verdict, result.message


@pytest.mark.parametrize(
    ("comparison", "code", "words"),
    [
        ({"per_attribute": {"city": {"abs_tol": 1}}}, "type", "'city' is string, not a number"),
        ({"key": ["id", "city"]}, "unknown_attribute", "No output has 'id', 'city' together"),
        (
            {"matchers": [{"attribute": "total", "matcher": {"$gt": 1}, "row": {"city": "Oslo"}}]},
            "unknown_attribute",
            "No output has 'city', 'total' together",
        ),
        ({"matchers": [{"attribute": "total", "matcher": {"$gt": 1}}] * 2}, "duplicate", "of the same cells"),
    ],
)
def test_options_that_mean_nothing_for_any_output_are_refused(function, comparison, code, words):
    with pytest.raises(ValidationError) as caught:
        TestCaseFactory.create(function=function, comparison=comparison)
    [error] = caught.value.error_dict["comparison"]
    assert error.code == code
    assert words in str(error.message)
