"""Functions over REST."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ApplicationFactory, ObjectSchemaFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
MISSING = "01JD4Y3Z8Q6V5T2W9X7R1N0MKB"
ADDRESS = "/api/v1/functions"


@pytest.fixture
def api(settings: Any) -> APIClient:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return APIClient()


@pytest.fixture
def orders(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory.create(
        application=application,
        name="orders",
        attributes=[{"name": "customer", "type": "integer"}, {"name": "amount", "type": "number"}],
    )


@pytest.fixture
def totals(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory.create(
        application=application,
        name="totals",
        attributes=[{"name": "id", "type": "integer"}, {"name": "total", "type": "number"}],
        primary_key=["id"],
    )


@pytest.fixture
def body(orders: ObjectSchema, totals: ObjectSchema) -> dict[str, Any]:
    query = "SELECT customer AS id, sum(amount) AS total FROM orders GROUP BY customer"
    return {
        "application": "test",
        "name": "sum_orders",
        "summary": "What each customer has spent.",
        "parameters": [{"name": "as_of", "type": "date", "default": None}],
        "inputs": [{"name": "orders", "object": orders.pk, "required": True}],
        "outputs": [{"name": "totals", "object": totals.pk}],
        "implementations": [{"name": "sql", "kind": "sql", "definition": {"totals": query}}],
    }


def places(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_a_function_is_written_with_its_ports_and_implementations(
    api: APIClient, body: dict[str, Any], orders: ObjectSchema, totals: ObjectSchema
) -> None:
    made = api.post(ADDRESS, body)
    assert made.status_code == 201
    answer = api.get(made["Location"]).json()
    assert answer == made.json()
    assert answer["inputs"] == [
        {"name": "orders", "object": orders.pk, "object_name": "orders", "required": True},
    ]
    assert answer["outputs"] == [{"name": "totals", "object": totals.pk, "object_name": "totals", "required": True}]
    assert answer["implementations"] == body["implementations"]
    assert {name: answer[name] for name in ("application", "name", "summary", "parameters")} == {
        name: body[name] for name in ("application", "name", "summary", "parameters")
    }
    assert answer["created_by"] is None


def test_an_answer_may_be_sent_back(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    answer = api.put(made["Location"], made.json())
    assert answer.status_code == 200
    assert {**answer.json(), "updated_at": ""} == {**made.json(), "updated_at": ""}


def test_a_patch_leaves_absent_lists_as_they_are(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    answer = api.patch(made["Location"], {"summary": "Spent so far."})
    assert answer.json()["summary"] == "Spent so far."
    assert answer.json()["implementations"] == body["implementations"]
    assert [port["name"] for port in answer.json()["inputs"]] == ["orders"]


def test_a_put_without_implementations_removes_them(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    del body["implementations"]
    answer = api.put(made["Location"], body)
    assert (answer.status_code, answer.json()["implementations"]) == (200, [])


def test_a_put_needs_outputs(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    answer = api.put(made["Location"], {"name": "sum_orders"})
    assert (answer.status_code, places(answer)) == (400, [("/outputs", "required")])
    assert [port.name for port in Function.objects.get().outputs] == ["totals"]


def test_an_error_in_a_query_is_told_with_its_place(api: APIClient, body: dict[str, Any]) -> None:
    body["implementations"][0]["definition"]["totals"] = "SELEC 1"
    answer = api.post(ADDRESS, body)
    assert answer.status_code == 400
    assert [place for place, _ in places(answer)] == ["/implementations/0/definition/totals"]
    assert not Function.objects.exists()


def test_a_query_for_an_output_that_is_not_there_is_refused(api: APIClient, body: dict[str, Any]) -> None:
    body["implementations"][0]["definition"]["total"] = "SELECT 1"
    answer = api.post(ADDRESS, body)
    assert answer.status_code == 400
    assert "/implementations/0/definition/total" in [place for place, _ in places(answer)]


def test_ports_name_objects_that_exist(api: APIClient, body: dict[str, Any]) -> None:
    body["inputs"].append({"name": "stores", "object": MISSING})
    body["outputs"][0]["object"] = MISSING
    answer = api.post(ADDRESS, body)
    assert answer.status_code == 400
    assert places(answer) == [("/inputs/1/object", "does_not_exist"), ("/outputs/0/object", "does_not_exist")]


def test_ports_are_shaped_by_objects_of_the_same_application(api: APIClient, body: dict[str, Any]) -> None:
    body["inputs"][0]["object"] = ObjectSchemaFactory.create(application=ApplicationFactory.create()).pk
    answer = api.post(ADDRESS, body)
    assert (answer.status_code, places(answer)) == (400, [("/inputs/0/object", "other_application")])


def test_an_unknown_application_is_invalid(api: APIClient, body: dict[str, Any]) -> None:
    answer = api.post(ADDRESS, {**body, "application": "nowhere"})
    assert (answer.status_code, places(answer)) == (400, [("/application", "does_not_exist")])


@pytest.mark.parametrize("kind", [None, [], {}, 5, "money"])
def test_a_parameter_of_no_known_type_is_refused(api: APIClient, body: dict[str, Any], kind: Any) -> None:
    answer = api.post(ADDRESS, {**body, "parameters": [{"name": "as_of", "type": kind}]})
    assert (answer.status_code, places(answer)) == (400, [("/parameters/0/type", "unknown_type")])


def test_a_function_stays_in_its_application(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    answer = api.patch(made["Location"], {"application": ApplicationFactory.create().name})
    assert (answer.status_code, places(answer)) == (400, [("/application", "fixed")])


def test_an_unknown_member_of_a_port_is_refused_with_the_nearest(api: APIClient, body: dict[str, Any]) -> None:
    body["inputs"][0]["requird"] = True
    answer = api.post(ADDRESS, body)
    assert (answer.status_code, places(answer)) == (400, [("/inputs/0/requird", "unknown_member")])
    assert "required" in answer.json()["errors"][0]["message"]


def test_a_change_that_would_leave_test_cases_without_a_table_is_refused(
    api: APIClient, orders: ObjectSchema, totals: ObjectSchema
) -> None:
    function = FunctionFactory.create(
        inputs={"orders": orders}, outputs={"totals": totals}, sql={"totals": "SELECT 1 AS id, 2 AS total"}
    )
    TestCaseFactory.create(function=function, name="two customers")
    address = f"{ADDRESS}/{function.pk}"
    more = [{"name": "orders", "object": orders.pk}, {"name": "refunds", "object": orders.pk}]
    answer = api.patch(address, {"inputs": more})
    assert (answer.status_code, places(answer)) == (409, [("/inputs/1/required", "breaking_change")])
    assert "two customers" in answer.json()["detail"]
    gone = api.patch(address, {"inputs": []})
    assert (gone.status_code, gone.json()["code"]) == (409, "referenced")
    assert [port.name for port in Function.objects.get().inputs] == ["orders"]


def test_a_function_with_test_cases_is_kept_and_they_are_named(api: APIClient) -> None:
    case = TestCaseFactory.create()
    answer = api.delete(f"{ADDRESS}/{case.function_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "referenced")
    assert {"kind": "test case", "id": case.pk, "name": case.name} in answer.json()["referrers"]
    assert Function.objects.filter(pk=case.function_id).exists()


def test_a_function_without_test_cases_is_deleted(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    assert api.delete(made["Location"]).status_code == 204
    assert api.get(made["Location"]).status_code == 404


def test_a_list_costs_the_same_for_one_function_and_for_many(
    api: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    FunctionFactory.create()
    with django_assert_num_queries(5):  # count, functions, ports, their objects, implementations
        assert len(api.get(ADDRESS).json()["results"]) == 1
    FunctionFactory.create_batch(4)
    with django_assert_num_queries(5):
        assert len(api.get(ADDRESS).json()["results"]) == 5


def test_functions_are_found_by_application_object_name_and_words(api: APIClient, body: dict[str, Any]) -> None:
    api.post(ADDRESS, body)
    FunctionFactory.create(name="other")
    shape = body["inputs"][0]["object"]
    for query in ("application=test", f"object={shape}", "name=sum_orders", "name__icontains=SUM", "search=spent sum"):
        found = api.get(f"{ADDRESS}?{query}").json()["results"]
        assert [each["name"] for each in found] == ["sum_orders"], query
    ordered = api.get(f"{ADDRESS}?ordering=-name").json()["results"]
    assert [each["name"] for each in ordered] == ["sum_orders", "other"]


@pytest.mark.parametrize("query", ["nam=x", "ordering=summary", "limit=1001", "inputs=x"])
def test_an_unknown_parameter_is_refused(api: APIClient, query: str) -> None:
    assert api.get(f"{ADDRESS}?{query}").status_code == 400


def test_both_slash_forms_answer(api: APIClient) -> None:
    function = FunctionFactory.create()
    for address in (ADDRESS, f"{ADDRESS}/{function.pk}"):
        assert api.get(address).status_code == api.get(address + "/").status_code == 200
