"""Runs of what is hard to judge: at once, without what they need, with keys that stand twice."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.db.models import ProtectedError
from rest_framework.test import APIClient

from catalog.evolution import publish
from catalog.models import ObjectSchema, Part
from catalog.tests.factories import ObjectSchemaFactory
from processes.models import Function, PortDefinition
from processes.tests.factories import FunctionFactory
from testcases.models import Binding, Result, Run, TestCase
from testcases.running import judge
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

GIVEN = [{"customer": 1, "amount": 2.5}, {"customer": 2, "amount": 4}]
RIGHT = [{"id": 1, "total": 2.5}, {"id": 2, "total": 4}]
WAIT_SECONDS = 60


@pytest.fixture
def case(sum_orders: Function) -> TestCase:
    return TestCaseFactory.create(function=sum_orders, name="two", inputs={"orders": GIVEN}, outputs={"totals": RIGHT})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verdict", ["passed", "failed"])
def test_two_runs_of_one_case_at_once_are_two_whole_runs(case: TestCase, monkeypatch: Any, verdict: str) -> None:
    if verdict == "failed":
        case.function.define(implementations=[])
        other = "SELECT customer AS id, 1.25 AS total FROM orders"
        case.function.implementations.create(name="sql", kind="sql", definition={"totals": other})
    both_judged = threading.Barrier(2)

    def judge_with_the_other(*given: Any) -> Any:
        judgement = judge(*given)
        both_judged.wait(WAIT_SECONDS)
        return judgement

    monkeypatch.setattr("testcases.running.judge", judge_with_the_other)

    def work() -> None:
        try:
            run_test_cases(case.application, [TestCase.objects.get()], workers=1)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    runs = [(run.state, run.verdict, run.counts[verdict], run.results.count()) for run in Run.objects.all()]
    assert runs == [("finished", verdict, 1, 1)] * 2
    kept = [list(each.outputs.get().parts.values_list("digest", flat=True)) for each in Result.objects.all()]
    assert kept[0] == kept[1]
    assert Part.objects.filter(digest__in=kept[0]).count() == 1


pytestmark = pytest.mark.django_db


def test_the_object_of_a_port_can_not_be_lost(api: APIClient, case: TestCase) -> None:
    shape = case.function.outputs[0].object
    refused = api.delete(f"/api/v1/objects/{shape.pk}")
    assert refused.status_code == 409
    assert {each["kind"] for each in refused.json()["referrers"]} == {"port", "table"}
    with pytest.raises(ProtectedError):
        shape.versions.get().delete()
    assert run_test_cases(case.application, [case]).verdict == "passed"


def test_an_object_that_has_grown_asks_more_of_the_function(case: TestCase) -> None:
    shape: ObjectSchema = case.function.outputs[0].object
    attributes = [*shape.definition["attributes"], {"name": "note", "type": "string"}]
    shape.definition = {**shape.definition, "attributes": attributes}
    publish(shape)
    result = run_test_cases(case.application, [TestCase.objects.get()]).results.get()
    assert (result.verdict, result.reason) == ("failed", "invalid_output")
    assert "the attribute 'note' is missing" in result.message


def test_a_case_whose_expected_table_was_taken_away_says_so(case: TestCase) -> None:
    Binding.objects.filter(test_case=case, port__direction="output").delete()
    result = run_test_cases(case.application, [case]).results.get()
    assert (result.verdict, result.reason, result.message) == (
        "error",
        "invalid_expected",
        "The test case expects nothing.",
    )


def test_a_case_whose_given_table_was_taken_away_says_which(case: TestCase) -> None:
    Binding.objects.filter(test_case=case, port__direction="input").delete()
    result = run_test_cases(case.application, [case]).results.get()
    assert (result.verdict, result.reason) == ("error", "port_missing")
    assert "orders" in result.message


@pytest.mark.parametrize(
    ("numbers", "verdict", "missing"), [((1, 2), "passed", 0), ((2, 1), "passed", 0), ((1, 5), "failed", 1)]
)
def test_a_key_that_stands_twice_is_matched_by_its_cells_and_told(
    application: Any, numbers: tuple[int, int], verdict: str, missing: int
) -> None:
    attributes = [{"name": "name", "type": "string"}, {"name": "number", "type": "integer"}]
    shape = ObjectSchemaFactory.create(application=application, attributes=attributes)
    case = TestCaseFactory.create(
        function=FunctionFactory.create(inputs={"given": shape}, outputs={"result": shape}),
        comparison={"key": ["name"]},
        inputs={"given": [{"name": "a", "number": number} for number in (2, 1)]},
        outputs={"result": [{"name": "a", "number": number} for number in numbers]},
    )
    result = run_test_cases(application, [case]).results.get()
    diff = result.outputs.get().diff
    assert (result.verdict, diff["counts"]["missing"], diff["counts"]["unexpected"]) == (verdict, missing, missing)
    if verdict == "failed":
        assert diff["counts"]["duplicate_key"] == 1
        assert "1 key stands more than once" in diff["notes"][0]


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_port_whose_object_lost_its_version_is_an_error_and_the_next_case_is_judged(
    case: TestCase, totals: ObjectSchema, orders: ObjectSchema, side: str
) -> None:
    lost = ObjectSchemaFactory.create(application=case.application, name="lost")
    ports: dict[str, dict[str, Any]] = {"inputs": {"orders": orders}, "outputs": {"totals": totals}}
    ports[side]["lost"] = PortDefinition("lost", lost, required=False)
    query = "SELECT customer AS id, amount AS total FROM orders"
    sql = {"totals": query} | ({"lost": "SELECT * FROM orders"} if side == "outputs" else {})
    function = FunctionFactory.create(**ports, sql=sql)
    bare = TestCaseFactory.create(function=function, inputs={"orders": GIVEN}, outputs={"totals": RIGHT})
    lost.versions.all().delete()
    run = run_test_cases(case.application, [bare, case])
    first, second = run.results.order_by("id")
    assert (first.verdict, first.reason, second.verdict) == ("error", "port_missing", "passed")
    assert "The object lost" in first.message


def test_a_matcher_concerns_the_outputs_that_have_what_it_names(application: Any) -> None:
    shapes = {
        name: ObjectSchemaFactory.create(application=application, attributes=[{"name": name, "type": "integer"}])
        for name in ("one", "two")
    }
    function = FunctionFactory.create(
        inputs={"one": shapes["one"]}, outputs=shapes, sql={"one": "FROM one", "two": "SELECT one AS two FROM one"}
    )
    case = TestCaseFactory.create(
        function=function,
        comparison={"matchers": [{"attribute": "two", "matcher": {"$gt": 6}}]},
        inputs={"one": [{"one": 7}]},
        outputs={"one": [{"one": 7}], "two": [{"two": 0}]},
    )
    result = run_test_cases(application, [case]).results.get()
    assert (result.verdict, result.message) == ("passed", "")
