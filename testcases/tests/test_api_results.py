"""What came out of a function over REST: rows, diffs, accepting, calls, JUnit, history, comparison of runs."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rest_framework.test import APIClient

from catalog.models import ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.models import Result, TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

GIVEN = [{"customer": 1, "amount": 2.5}, {"customer": 2, "amount": 4}]
WRONG = [{"id": 1, "total": 9}, {"id": 3, "total": 1}]


@pytest.fixture
def case(sum_orders: Function) -> TestCase:
    """A case whose expected rows are wrong."""
    return TestCaseFactory.create(function=sum_orders, name="two", inputs={"orders": GIVEN}, outputs={"totals": WRONG})


@pytest.fixture
def result(case: TestCase) -> Result:
    return run_test_cases(case.application, [case]).results.get()


def output(result: Result, what: str) -> str:
    return f"/api/v1/results/{result.pk}/outputs/totals/{what}"


def stream(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_the_actual_rows_are_read_like_those_of_a_table(api: APIClient, result: Result) -> None:
    page = api.get(output(result, "rows?total__gt=3&ordering=-id")).json()
    assert [(row["id"], float(row["total"])) for row in page["results"]] == [(2, 4.0)]
    assert stream(api.get(output(result, "rows.csv"))).decode().splitlines() == ["_id,id,total", "1,1,2.50", "2,2,4.00"]
    assert len(stream(api.get(output(result, "rows"), HTTP_ACCEPT="application/x-ndjson")).splitlines()) == 2
    assert stream(api.get(output(result, "rows.parquet")))[:4] == b"PAR1"
    assert api.get(output(result, "rows?nothing=1")).status_code == 400
    assert api.get(f"/api/v1/results/{result.pk}/outputs/total/rows").status_code == 404


def test_accepting_makes_a_new_version_with_who_and_why(api: APIClient, case: TestCase, result: Result) -> None:
    table = case.outputs[0].table
    address = f"/api/v1/results/{result.pk}/accept"
    assert api.post(address, {}, format="json").status_code == 400
    assert api.post(address, {"message": " "}, format="json").status_code == 400
    assert api.post(address, {"message": "x"}, format="json", HTTP_IF_MATCH='"7"').status_code == 412
    answer = api.post(address, {"message": "The rule changed."}, format="json", HTTP_IF_MATCH='"1"')
    assert answer.json() == {"tables": [{"table": table.pk, "table_name": table.name, "version": 2}]}
    table = Table.objects.get(pk=table.pk)
    assert (table.current.message, table.row_count) == ("The rule changed.", 2)
    assert run_test_cases(case.application, [case]).verdict == "passed"
    again = api.post(address, {"message": "Once more."}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "moved_on")


def test_a_table_that_others_share_is_accepted_only_with_a_word(api: APIClient, case: TestCase, result: Result) -> None:
    TestCaseFactory.create(
        function=case.function, name="other", inputs={"orders": GIVEN}, outputs={"totals": case.outputs[0].table}
    )
    address = f"/api/v1/results/{result.pk}/accept"
    refused = api.post(address, {"message": "Yes."}, format="json")
    assert (refused.status_code, refused.json()["code"], refused.json()["test_cases"]) == (409, "shared", ["other"])
    assert api.post(address, {"message": "Yes.", "confirm": True}, format="json").status_code == 200


def test_only_a_mismatch_can_be_accepted(api: APIClient, sum_orders: Function) -> None:
    right = [{"id": 1, "total": 2.5}, {"id": 2, "total": 4}]
    case = TestCaseFactory.create(function=sum_orders, inputs={"orders": GIVEN}, outputs={"totals": right})
    result = run_test_cases(case.application, [case]).results.get()
    refused = api.post(f"/api/v1/results/{result.pk}/accept", {"message": "Why not."}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_a_mismatch")


def test_a_call_stores_nothing(api: APIClient, sum_orders: Function, orders: ObjectSchema) -> None:
    address = f"/api/v1/functions/{sum_orders.pk}/call"
    before = (Table.objects.count(), Result.objects.count())
    answer = api.post(address, {"inputs": {"orders": GIVEN}}, format="json")
    assert answer.status_code == 200, answer.content
    [found] = answer.json()["outputs"]
    assert [(row["id"], float(row["total"])) for row in found["rows"]] == [(1, 2.5), (2, 4.0)]
    table = TableFactory.create(object=orders, rows=GIVEN)
    with_table = api.post(address, {"inputs": {"orders": {"table": table.pk}}, "limit": 1}, format="json").json()
    assert (with_table["outputs"][0]["row_count"], with_table["outputs"][0]["rows_truncated"]) == (2, True)
    assert (Table.objects.count() - 1, Result.objects.count()) == before


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/inputs/orders"),
        ({"inputs": {"order": []}}, "/inputs/order"),
        ({"inputs": {"orders": 7}}, "/inputs/orders"),
        ({"inputs": {"orders": {"table": "x"}}}, "/inputs/orders"),
        ({"inputs": {"orders": [{"customer": 1, "amount": -1}]}}, "/inputs/orders/1/amount"),
        ({"inputs": {"orders": []}, "parameters": {"x": 1}}, "/parameters/x"),
        ({"inputs": {"orders": []}, "implementation": "spark"}, "/implementation"),
        ({"inputs": {"orders": []}, "configuration": "staging"}, "/configuration"),
        ({"inputs": {"orders": []}, "clokc": 1}, "/clokc"),
    ],
)
def test_a_call_that_can_not_be_is_refused_at_its_place(
    api: APIClient, sum_orders: Function, body: dict[str, Any], place: str
) -> None:
    answer = api.post(f"/api/v1/functions/{sum_orders.pk}/call", body, format="json")
    assert (answer.status_code, place in [error["pointer"] for error in answer.json()["errors"]]) == (400, True), (
        answer.content
    )


def test_a_call_becomes_a_test_case(api: APIClient, sum_orders: Function) -> None:
    body = {"inputs": {"orders": GIVEN}, "save_as": {"name": "as it is", "tags": ["kept"]}}
    answer = api.post(f"/api/v1/functions/{sum_orders.pk}/call", body, format="json")
    assert answer.status_code == 201, answer.content
    case = TestCase.objects.get(pk=answer.json()["test_case"])
    assert (case.name, case.tags) == ("as it is", ["kept"])
    assert run_test_cases(case.application, [case]).verdict == "passed"


def test_a_call_that_fails_answers_the_error(api: APIClient, sum_orders: Function, totals: ObjectSchema) -> None:
    orders = sum_orders.inputs[0].object
    query = "SELECT 1 AS id, CAST(error('out of milk') AS DECIMAL(12, 2)) AS total FROM orders"
    broken = FunctionFactory.create(inputs={"orders": orders}, outputs={"totals": totals}, sql={"totals": query})
    body = {"inputs": {"orders": GIVEN}, "save_as": {"name": "fails"}}
    answer = api.post(f"/api/v1/functions/{broken.pk}/call", body, format="json").json()
    assert (answer["outputs"], answer["error"]["code"]) == ([], "execution_error")
    case = TestCase.objects.get(pk=answer["test_case"])
    assert run_test_cases(case.application, [case]).verdict == "passed"


def test_junit_tells_failures_and_errors_apart(api: APIClient, case: TestCase, result: Result) -> None:
    suite = ET.fromstring(stream(api.get(f"/api/v1/runs/{result.run_id}.junit.xml")))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "1", "0")
    [found] = suite.iter("failure")
    assert found.get("type") == "mismatch"
    by_header = api.get(f"/api/v1/runs/{result.run_id}", HTTP_ACCEPT="application/xml")
    assert stream(by_header).startswith(b"<?xml")


def test_a_case_has_a_history_with_a_trend(api: APIClient, case: TestCase, result: Result) -> None:
    api.post(f"/api/v1/results/{result.pk}/accept", {"message": "Right."}, format="json")
    run_test_cases(case.application, [case])
    answer = api.get(f"/api/v1/test-cases/{case.pk}/history").json()
    assert [(each["verdict"], each["stale"], each["flaky"]) for each in answer["results"]] == [
        ("passed", False, False),
        ("failed", True, False),
    ]
    assert (answer["trend"]["verdict_changes"], answer["trend"]["passed_share"]) == (1, 0.5)


def test_two_runs_are_compared_over_rest(api: APIClient, case: TestCase, result: Result) -> None:
    after = run_test_cases(case.application, [case])
    answer = api.get(f"/api/v1/runs/{result.run_id}/compare/{after.pk}").json()
    assert (answer["counts"]["still_failing"], answer["cases"][0]["test_case_name"]) == (1, "two")


def test_sensitive_values_are_masked_in_results(client: Any, api: APIClient, settings: Any, application: Any) -> None:
    shape = ObjectSchemaFactory.create(
        application=application,
        name="people",
        attributes=[{"name": "id", "type": "integer"}, {"name": "salary", "type": "integer", "sensitive": True}],
        primary_key=["id"],
    )
    function = FunctionFactory.create(inputs={"given": shape}, outputs={"result": shape})
    case = TestCaseFactory.create(
        function=function,
        inputs={"given": [{"id": 1, "salary": 31337}]},
        outputs={"result": [{"id": 1, "salary": 27182}]},
    )
    result = run_test_cases(case.application, [case]).results.get()
    addresses = ["", "/diff", "/outputs/result/diff", "/outputs/result/rows"]
    seen = [api.get(f"/api/v1/results/{result.pk}{each}").content for each in addresses]
    assert all(b"31337" in each for each in seen)
    from django.contrib.auth import get_user_model

    settings.API_ACCESS = "private"
    api.force_login(get_user_model().objects.create_user("bob"))
    for each in addresses:
        answer = api.get(f"/api/v1/results/{result.pk}{each}")
        assert answer.status_code == 200
        assert b"31337" not in answer.content
        assert b"27182" not in answer.content
