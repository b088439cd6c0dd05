"""Runs and results over REST."""

import json
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from catalog.contents import append_rows
from catalog.tests.factories import ApplicationFactory, json_rows
from processes.models import Function
from testcases.models import Run, TestCase
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
ORDERS = [{"customer": 1, "amount": 2.5}, {"customer": 1, "amount": 1}, {"customer": 2, "amount": 4}]
WRONG = [{"id": 1, "total": 9}, {"id": 3, "total": 1}]


@pytest.fixture
def right(sum_orders: Function) -> TestCase:
    return TestCaseFactory.create(
        function=sum_orders,
        name="right",
        tags=["small"],
        inputs={"orders": ORDERS},
        outputs={"totals": [{"id": 1, "total": 3.5}, {"id": 2, "total": 4}]},
    )


@pytest.fixture
def wrong(sum_orders: Function) -> TestCase:
    return TestCaseFactory.create(
        function=sum_orders, name="wrong", tags=["slow"], inputs={"orders": ORDERS}, outputs={"totals": WRONG}
    )


def places(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_a_test_case_is_run_while_the_caller_waits(api: APIClient, right: TestCase) -> None:
    answer = api.post(f"/api/v1/test-cases/{right.pk}/run", headers={"Prefer": "wait=10"})
    assert answer.status_code == 200
    run = answer.json()
    assert {name: run[name] for name in ("application", "state", "verdict", "total", "counts", "job")} == {
        "application": "test",
        "state": "finished",
        "verdict": "passed",
        "total": 1,
        "counts": {"passed": 1, "failed": 0, "error": 0, "skipped": 0},
        "job": None,
    }
    assert api.get(answer["Location"]).json() == run


def test_a_function_is_run_with_all_its_test_cases(api: APIClient, right: TestCase, wrong: TestCase) -> None:
    run = api.post(f"/api/v1/functions/{right.function_id}/run", {"implementation": "sql"}).json()
    assert run["verdict"] == "failed"
    assert run["counts"] == {"passed": 1, "failed": 1, "error": 0, "skipped": 0}


def test_a_result_tells_rows_and_cells_that_differ(api: APIClient, wrong: TestCase) -> None:
    run = api.post(f"/api/v1/test-cases/{wrong.pk}/run").json()
    listed = api.get(f"/api/v1/runs/{run['id']}/results").json()["results"]
    result = api.get(f"/api/v1/results/{listed[0]['id']}").json()
    assert {name: result[name] for name in ("run", "test_case", "implementation", "verdict", "reason", "stale")} == {
        "run": run["id"],
        "test_case": wrong.pk,
        "implementation": "sql",
        "verdict": "failed",
        "reason": "mismatch",
        "stale": False,
    }
    assert result["message"] == "totals: actual differs from expected: 1 changed, 1 missing, 1 unexpected"
    output = result["outputs"][0]
    assert output["name"] == "totals"
    assert output["counts"] == {
        "matched": 0,
        "changed": 1,
        "missing": 1,
        "unexpected": 1,
        "moved": 0,
        "duplicate_key": 0,
    }
    changed = next(row for row in output["rows"] if row["class"] == "changed")
    assert (changed["key"], changed["cells"]) == ({"id": 1}, {"total": {"expected": 9, "actual": 3.5}})
    assert output["rows_truncated"] is False
    assert set(result["timings_ms"]) >= {"load", "execute", "check", "compare"}
    assert result["pins"]["inputs"]["orders"]["version"] == 1
    assert listed[0]["outputs"] == [{"name": "totals", "row_count": 2, "counts": output["counts"]}]


def test_decimals_in_a_diff_keep_their_digits(api: APIClient, wrong: TestCase) -> None:
    run = api.post(f"/api/v1/test-cases/{wrong.pk}/run").json()
    result = Run.objects.get(pk=run["id"]).results.get()
    text = api.get(f"/api/v1/results/{result.pk}/diff").content
    cells = json.loads(text, parse_float=Decimal)["outputs"][0]["rows"][0]["cells"]
    assert str(cells["total"]["actual"]) == "3.50"


def test_a_diff_says_what_became_of_each_attribute(api: APIClient, wrong: TestCase) -> None:
    run = api.post(f"/api/v1/test-cases/{wrong.pk}/run").json()
    result = Run.objects.get(pk=run["id"]).results.get()
    diff = api.get(f"/api/v1/results/{result.pk}/diff").json()
    assert diff["result"] == result.pk
    output = diff["outputs"][0]
    assert output["is_equal"] is False
    assert output["attributes"]["total"]["changed"] == 1
    assert output["shape"] == {"missing_attributes": [], "unexpected_attributes": [], "type_mismatches": []}


def test_a_result_is_stale_once_a_table_has_moved_on(api: APIClient, right: TestCase) -> None:
    run = api.post(f"/api/v1/test-cases/{right.pk}/run").json()
    append_rows(right.inputs[0].table, json_rows([{"customer": 3, "amount": 1}]))
    result = api.get(f"/api/v1/runs/{run['id']}/results").json()["results"][0]
    assert (result["verdict"], result["stale"]) == ("passed", True)


def test_a_run_takes_what_meets_every_criterion(api: APIClient, right: TestCase, wrong: TestCase) -> None:
    for criteria in (
        {"tags": ["slow"]},
        {"names": ["wrong"]},
        {"test_cases": [wrong.pk]},
        {"functions": [wrong.function_id], "tags": ["slow", "other"]},
    ):
        run = api.post("/api/v1/runs", {"application": "test", **criteria}).json()
        assert run["counts"] == {"passed": 0, "failed": 1, "error": 0, "skipped": 0}, criteria
    everything = api.post("/api/v1/runs", {"application": "test"}).json()
    assert everything["total"] == 2


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({}, "/application", "required"),
        ({"application": "nowhere"}, "/application", "does_not_exist"),
        ({"application": "test", "functions": ["x"]}, "/functions/0", "does_not_exist"),
        ({"application": "test", "test_cases": ["x"]}, "/test_cases/0", "does_not_exist"),
        ({"application": "test", "names": ["right", "wrong"]}, "/names/1", "does_not_exist"),
        ({"application": "test", "tags": ["none"]}, "", "empty_selection"),
        ({"application": "test", "implementation": "spark"}, "/implementations/0", "does_not_exist"),
        ({"application": "test", "tag": "small"}, "/tag", "unknown_member"),
    ],
)
def test_a_run_of_what_is_not_there_is_refused(
    api: APIClient, right: TestCase, body: dict[str, Any], place: str, code: str
) -> None:
    answer = api.post("/api/v1/runs", body)
    assert (answer.status_code, places(answer)) == (400, [(place, code)])
    assert not Run.objects.exists()


def test_a_test_case_of_another_application_is_not_run(api: APIClient, right: TestCase) -> None:
    other = ApplicationFactory.create()
    answer = api.post("/api/v1/runs", {"application": other.name, "test_cases": [right.pk]})
    assert places(answer) == [("/test_cases/0", "does_not_exist")]


def test_runs_and_results_are_found_by_what_they_are(api: APIClient, right: TestCase, wrong: TestCase) -> None:
    good = api.post(f"/api/v1/test-cases/{right.pk}/run").json()["id"]
    bad = api.post(f"/api/v1/test-cases/{wrong.pk}/run").json()["id"]
    for query, expected in (
        ("application=test&state=finished", [bad, good]),
        ("verdict=failed", [bad]),
        (f"test_case={right.pk}", [good]),
        (f"function={right.function_id}&ordering=id", [good, bad]),
    ):
        assert [run["id"] for run in api.get(f"/api/v1/runs?{query}").json()["results"]] == expected, query
    for query in (
        f"run={bad}",
        "verdict=failed",
        "reason=mismatch",
        f"test_case={wrong.pk}",
        "name=wrong",
        "search=unexpected",
        "application=test&implementation=sql&latest=true&ordering=-id&limit=1",
    ):
        assert [each["test_case_name"] for each in api.get(f"/api/v1/results?{query}").json()["results"]] == [
            "wrong"
        ], query


@pytest.mark.parametrize("address", ["runs?state=done", "results?verdict=good", "results?latest=yes", "runs?page=2"])
def test_a_filter_that_means_nothing_is_refused(api: APIClient, address: str) -> None:
    assert api.get(f"/api/v1/{address}").status_code == 400


def test_a_list_of_results_costs_the_same_for_one_and_for_many(
    api: APIClient, right: TestCase, wrong: TestCase, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # count, results, outputs, pins, their versions, tables and objects
    api.post(f"/api/v1/test-cases/{right.pk}/run")
    with django_assert_num_queries(11):
        assert len(api.get("/api/v1/results").json()["results"]) == 1
    api.post(f"/api/v1/functions/{right.function_id}/run")
    with django_assert_num_queries(11):
        assert len(api.get("/api/v1/results").json()["results"]) == 3


def test_a_run_is_deleted_with_its_results(api: APIClient, right: TestCase) -> None:
    answer = api.post(f"/api/v1/test-cases/{right.pk}/run")
    assert api.delete(answer["Location"]).status_code == 204
    assert api.get("/api/v1/results").json()["count"] == 0
    assert api.get(f"/api/v1/runs/{answer.json()['id']}/results").status_code == 404


def test_results_are_read_only(api: APIClient, right: TestCase) -> None:
    api.post(f"/api/v1/test-cases/{right.pk}/run")
    result = api.get("/api/v1/results").json()["results"][0]["id"]
    assert api.delete(f"/api/v1/results/{result}").status_code == 405
    assert api.patch(f"/api/v1/results/{result}", {"verdict": "passed"}).status_code == 405


def test_every_address_has_both_slash_forms(api: APIClient, right: TestCase) -> None:
    run = api.post(f"/api/v1/test-cases/{right.pk}/run/").json()["id"]
    result = api.get("/api/v1/results/").json()["results"][0]["id"]
    for path in (
        "runs",
        f"runs/{run}",
        f"runs/{run}/results",
        "results",
        f"results/{result}",
        f"results/{result}/diff",
    ):
        assert api.get(f"/api/v1/{path}").status_code == api.get(f"/api/v1/{path}/").status_code == 200


def test_a_filter_that_is_none_of_the_choices_is_answered_with_them(api: APIClient, db: None) -> None:
    answer = api.get("/api/v1/results?verdict=faild").json()
    assert answer["errors"] == [
        {"pointer": "/verdict", "code": "invalid_choice", "message": "verdict is 'faild'; did you mean 'failed'?"}
    ]
    assert answer["hint"] == "Allowed: passed, failed, error, skipped."
    assert api.get("/api/v1/jobs?state=queued&state=runing").json()["errors"][0]["pointer"] == "/state"
