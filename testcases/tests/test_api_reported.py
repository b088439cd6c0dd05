"""Runs of implementations that the catalog doesn't know, reported over REST."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.contents import append_rows
from catalog.tests.factories import ApplicationFactory, json_rows
from processes.models import Function
from testcases.models import Result, Run, TestCase
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
ORDERS = [{"customer": 1, "amount": 2.5}, {"customer": 1, "amount": 1}, {"customer": 2, "amount": 4}]
RIGHT = [{"id": 1, "total": 3.5}, {"id": 2, "total": 4}]


@pytest.fixture
def case(sum_orders: Function) -> TestCase:
    return TestCaseFactory.create(
        function=sum_orders, name="two customers", inputs={"orders": ORDERS}, outputs={"totals": RIGHT}
    )


@pytest.fixture
def run(api: APIClient, case: TestCase) -> str:
    return begin(api)


def begin(api: APIClient, **more: Any) -> str:
    body = {"application": "test", "functions": ["sum_orders"], "implementation": "shop:sum_orders", **more}
    answer = api.post("/api/v1/runs/reported", body)
    assert answer.status_code == 201, answer.json()
    return str(answer.json()["id"])


def report(api: APIClient, run: str, case: TestCase, rows: Any = None, **more: Any) -> Any:
    outputs = {} if rows is None else {"outputs": {"totals": rows}}
    return api.post(f"/api/v1/runs/{run}/results", {"test_case": case.pk, **outputs, **more})


def places(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_a_reported_run_begins_open_and_ends_with_its_verdict(api: APIClient, run: str, case: TestCase) -> None:
    begun = api.get(f"/api/v1/runs/{run}").json()
    assert (begun["state"], begun["total"], begun["implementations"]) == ("running", 1, ["pytest shop:sum_orders"])
    answer = report(api, run, case, RIGHT, timings_ms={"execute": 1.25})
    assert answer.status_code == 201
    result = answer.json()
    assert (result["verdict"], result["implementation"], result["stale"]) == ("passed", "pytest shop:sum_orders", False)
    assert result["timings_ms"]["execute"] == 1.25
    assert result["pins"]["inputs"]["orders"]["version"] == 1
    assert api.get(answer["Location"]).json()["id"] == result["id"]
    ended = api.post(f"/api/v1/runs/{run}/finish").json()
    assert (ended["state"], ended["verdict"], ended["done"]) == ("finished", "passed", 1)
    assert Result.objects.get().implementation is None


def test_rows_that_differ_are_told_cell_by_cell(api: APIClient, run: str, case: TestCase) -> None:
    result = report(api, run, case, [{"id": 1, "total": 9}, {"id": 2, "total": 4}]).json()
    assert (result["verdict"], result["reason"]) == ("failed", "mismatch")
    (row,) = result["outputs"][0]["rows"]
    assert row["cells"] == {"total": {"expected": 3.5, "actual": 9}}
    assert api.post(f"/api/v1/runs/{run}/finish").json()["verdict"] == "failed"


def test_what_the_catalog_runs_and_what_is_reported_are_judged_alike(api: APIClient, case: TestCase) -> None:
    own = api.post(f"/api/v1/test-cases/{case.pk}/run").json()["id"]
    reported = begin(api)
    report(api, reported, case, RIGHT)
    for each in (own, reported):
        (result,) = api.get(f"/api/v1/runs/{each}/results").json()["results"]
        assert (result["verdict"], result["outputs"][0]["counts"]["matched"]) == ("passed", 2)


@pytest.mark.parametrize(
    "rows", [[{"id": "one", "total": 1}], [{"id": 1, "total": 1, "more": 2}], [{"id": 1}], [[1, 2]], [None]]
)
def test_rows_that_are_none_of_the_object_are_an_invalid_output(
    api: APIClient, run: str, case: TestCase, rows: Any
) -> None:
    result = report(api, run, case, rows).json()
    assert (result["verdict"], result["reason"]) == ("failed", "invalid_output")
    assert result["errors"][0]["output"] == "totals"


def test_an_output_that_is_lacking_is_an_invalid_output(api: APIClient, run: str, case: TestCase) -> None:
    result = report(api, run, case, outputs={}).json()
    assert (result["verdict"], result["reason"]) == ("failed", "invalid_output")
    assert "totals" in result["message"]


def test_an_error_is_judged_by_what_the_case_expects(api: APIClient, run: str, case: TestCase) -> None:
    error = {"kind": "ValueError", "message": "no orders\nat all"}
    result = report(api, run, case, error=error).json()
    assert (result["verdict"], result["reason"]) == ("error", "execution_error")
    for expected, verdict in (
        ({"kind": "ValueError", "pattern": "no orders", "match": "part"}, "passed"),
        ({"kind": "KeyError"}, "failed"),
    ):
        TestCase.objects.filter(pk=case.pk).update(expected_error=expected)
        result = report(api, begin(api), case, error=error).json()
        assert result["verdict"] == verdict, expected
    assert report(api, begin(api), case, RIGHT).json()["reason"] == "expected_error_not_raised"


def test_a_disabled_case_is_skipped_whatever_is_reported(api: APIClient, run: str, case: TestCase) -> None:
    TestCase.objects.filter(pk=case.pk).update(enabled=False)
    result = report(api, run, case, outputs={}).json()
    assert (result["verdict"], result["reason"]) == ("skipped", "disabled")


def test_a_result_is_judged_by_the_versions_that_were_read(api: APIClient, run: str, case: TestCase) -> None:
    table = case.outputs[0].table
    append_rows(table, json_rows([{"id": 3, "total": 1}]))
    old = {"outputs": {"totals": {"table": table.pk, "version": 1}}}
    result = report(api, run, case, RIGHT, pins=old).json()
    assert (result["verdict"], result["stale"]) == ("passed", True)
    assert result["pins"]["outputs"]["totals"]["version"] == 1
    assert report(api, begin(api), case, RIGHT).json()["reason"] == "mismatch"


def test_versions_that_are_not_there_are_a_conflict(api: APIClient, run: str, case: TestCase) -> None:
    orders, totals = case.inputs[0].table, case.outputs[0].table
    for pinned in ({"table": orders.pk, "version": 9}, {"table": totals.pk, "version": 1}):
        answer = report(api, run, case, RIGHT, pins={"inputs": {"orders": pinned}})
        assert (answer.status_code, answer.json()["code"]) == (409, "unknown_version")
    assert not Result.objects.exists()


def test_a_case_is_reported_once(api: APIClient, run: str, case: TestCase) -> None:
    assert report(api, run, case, RIGHT).status_code == 201
    answer = report(api, run, case, RIGHT)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_reported")
    assert api.get(f"/api/v1/runs/{run}").json()["done"] == 1


def test_a_run_that_has_ended_takes_nothing(api: APIClient, run: str, case: TestCase) -> None:
    cancelled = begin(api)
    assert api.post(f"/api/v1/runs/{cancelled}/cancel").status_code == 200
    assert api.post(f"/api/v1/runs/{run}/finish").json()["verdict"] == "skipped"
    for ended in (cancelled, run):
        for answer in (report(api, ended, case, RIGHT), api.post(f"/api/v1/runs/{ended}/finish")):
            assert (answer.status_code, answer.json()["code"]) == (409, "run_ended")
    assert Run.objects.get(pk=run).total == 0


def test_a_run_of_the_catalogs_own_takes_no_reports(api: APIClient, case: TestCase) -> None:
    own = api.post(f"/api/v1/test-cases/{case.pk}/run").json()["id"]
    for answer in (report(api, own, case, RIGHT), api.post(f"/api/v1/runs/{own}/finish")):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_reported")


def test_a_case_that_the_run_was_not_begun_with_is_refused(api: APIClient, run: str, case: TestCase) -> None:
    foreign = TestCaseFactory.create(function=case.function, name="another", outputs={"totals": RIGHT})
    assert places(report(api, run, foreign, RIGHT)) == [("/test_case", "does_not_exist")]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/outputs"),
        ({"outputs": {}, "error": {}}, "/outputs"),
        ({"outputs": []}, "/outputs"),
        ({"outputs": {"totals": {}}}, "/outputs/totals"),
        ({"outputs": {"sums": []}}, "/outputs"),
        ({"outputs": {}, "rows": []}, "/rows"),
        ({"error": {"message": "a\0b"}}, "/error/message"),
        ({"outputs": {}, "timings_ms": {"execute": "nan"}}, "/timings_ms/execute"),
        ({"outputs": {}, "timings_ms": {"think": 1}}, "/timings_ms/think"),
        ({"outputs": {}, "pins": {"inputs": {"orders": {"version": 1}}}}, "/pins/inputs/orders/table"),
        ({"outputs": {}, "pins": {"inputs": {"sums": {"table": "x", "version": 1}}}}, "/pins"),
    ],
)
def test_a_report_that_says_nothing_sound_is_refused_with_its_place(
    api: APIClient, run: str, case: TestCase, body: dict[str, Any], place: str
) -> None:
    answer = api.post(f"/api/v1/runs/{run}/results", {"test_case": case.pk, **body})
    assert answer.status_code == 400, answer.json()
    assert [each for each, _ in places(answer)] == [place], answer.json()
    assert not Result.objects.exists()


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"application": "test"}, "/implementation"),
        ({"application": "test", "implementation": "x", "functions": ["sum_order"]}, "/functions/0"),
        ({"application": "test", "implementation": "x" * 201}, "/implementation"),
        ({"application": "test", "implementation": "x", "configuration": "local"}, "/configuration"),
        ({"implementation": "x"}, "/application"),
    ],
)
def test_a_run_that_can_not_be_reported_is_refused(
    api: APIClient, case: TestCase, body: dict[str, Any], place: str
) -> None:
    answer = api.post("/api/v1/runs/reported", body)
    assert (answer.status_code, [each for each, _ in places(answer)]) == (400, [place]), answer.json()
    assert not Run.objects.exists()


def test_an_application_without_test_cases_begins_no_run(api: APIClient) -> None:
    body = {"application": ApplicationFactory.create().name, "implementation": "x"}
    assert places(api.post("/api/v1/runs/reported", body)) == [("", "empty_selection")]
