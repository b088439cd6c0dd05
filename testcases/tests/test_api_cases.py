"""Test cases over REST."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from catalog.models import Table
from catalog.tests.factories import TableFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.models import TestCase
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
MISSING = "01JD4Y3Z8Q6V5T2W9X7R1N0MKB"
ADDRESS = "/api/v1/test-cases"
ORDERS = [{"customer": 1, "amount": 2.5}, {"customer": 1, "amount": 1}, {"customer": 2, "amount": 4}]
TOTALS = [{"id": 1, "total": 3.5}, {"id": 2, "total": 4}]


@pytest.fixture
def body(sum_orders: Function) -> dict[str, Any]:
    return {
        "function": sum_orders.pk,
        "name": "two customers",
        "tags": ["small"],
        "inputs": [{"name": "orders", "rows": ORDERS}],
        "outputs": [{"name": "totals", "rows": TOTALS}],
        "comparison": {"ordered": False, "abs_tol": 0.001},
    }


def places(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_a_test_case_brings_its_rows_along(api: APIClient, body: dict[str, Any], sum_orders: Function) -> None:
    made = api.post(ADDRESS, body)
    assert made.status_code == 201
    answer = made.json()
    given = Table.objects.get(object__name="orders")
    assert (given.name, given.row_count) == ("two customers: orders", 3)
    assert answer["inputs"] == [{"name": "orders", "table": given.pk, "table_name": "two customers: orders"}]
    assert answer["outputs"][0]["table_name"] == "two customers: totals"
    assert (answer["application"], answer["function"], answer["function_name"]) == (
        "test",
        sum_orders.pk,
        "sum_orders",
    )
    assert api.get(made["Location"]).json() == answer


def test_a_test_case_may_use_tables_that_are_there(api: APIClient, body: dict[str, Any]) -> None:
    orders = TableFactory.create(object=Function.objects.get().inputs[0].object, rows=ORDERS)
    body["inputs"] = [{"name": "orders", "table": orders.pk}]
    answer = api.post(ADDRESS, body)
    assert answer.json()["inputs"] == [{"name": "orders", "table": orders.pk, "table_name": orders.name}]


def test_an_answer_may_be_sent_back(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    answer = api.put(made["Location"], made.json())
    assert answer.status_code == 200
    assert {**answer.json(), "updated_at": ""} == {**made.json(), "updated_at": ""}


def test_rows_sent_again_replace_the_rows_of_the_same_table(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    body["inputs"][0]["rows"] = [{"customer": 1, "amount": 3.5}, {"customer": 2, "amount": 4}]
    answer = api.put(made["Location"], body)
    assert answer.json()["inputs"] == made.json()["inputs"]
    table = Table.objects.get(object__name="orders")
    assert (table.version, table.row_count) == (2, 2)


def test_rows_sent_again_leave_a_table_alone_that_serves_another_case(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    shared = made.json()["inputs"][0]["table"]
    other = {**body, "name": "other", "inputs": [{"name": "orders", "table": shared}]}
    assert api.post(ADDRESS, other).status_code == 201
    answer = api.put(made["Location"], body)
    assert answer.json()["inputs"][0]["table_name"] == "two customers: orders (2)"
    assert Table.objects.get(pk=shared).version == 1


def test_rows_leave_a_table_alone_that_was_picked(api: APIClient, body: dict[str, Any]) -> None:
    picked = TableFactory.create(object=Function.objects.get().inputs[0].object, rows=ORDERS, name="week 1")
    made = api.post(ADDRESS, {**body, "inputs": [{"name": "orders", "table": picked.pk}]})
    answer = api.put(made["Location"], body)
    assert answer.json()["inputs"][0]["table_name"] == "two customers: orders"
    assert Table.objects.get(pk=picked.pk).version == 1


def test_rows_that_do_not_conform_are_told_by_port_row_and_attribute(api: APIClient, body: dict[str, Any]) -> None:
    body["inputs"][0]["rows"] = [{"customer": 1, "amount": 1}, {"amount": 1}, {"customer": 1, "amount": -3}]
    body["outputs"][0]["rows"] = [{"id": 1, "total": 1}, {"id": 1, "total": 2}]
    answer = api.post(ADDRESS, body)
    assert (answer.status_code, answer.json()["code"], answer.json()["error_count"]) == (400, "row_validation", 3)
    assert places(answer) == [
        ("/inputs/0/rows/2/customer", "required"),
        ("/inputs/0/rows/3/amount", "minimum"),
        ("/outputs/0/rows/2/id", "primary_key"),
    ]
    assert not TestCase.objects.exists()
    assert not Table.objects.exists()


def test_decimals_in_rows_keep_their_digits(api: APIClient, body: dict[str, Any]) -> None:
    text = '{"name": "orders", "rows": [{"customer": 1, "amount": 1234567890.12}, {"customer": 1, "amount": 0.125}]}'
    raw = (
        f'{{"function": "{body["function"]}", "name": "exact", "inputs": [{text}], '
        '"outputs": [{"name": "totals", "rows": []}]}'
    )
    answer = api.post(ADDRESS, raw, content_type="application/json")
    assert places(answer) == [("/inputs/0/rows/2/amount", "type")]


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        ({"inputs": []}, "/inputs", "port_missing"),
        ({"inputs": [{"name": "order", "rows": []}]}, "/inputs/0/name", "unknown_port"),
        ({"inputs": [{"name": "orders"}]}, "/inputs/0/table", "required"),
        ({"inputs": [{"name": "orders", "table": MISSING}]}, "/inputs/0/table", "does_not_exist"),
        ({"inputs": [{"name": "orders", "table": MISSING, "rows": []}]}, "/inputs/0/rows", "conflict"),
        ({"inputs": [{"name": "orders", "rows": {}}]}, "/inputs/0/rows", "type"),
        ({"inputs": [{"name": "orders", "rows": [1]}]}, "/inputs/0/rows/1", "type"),
        ({"inputs": [{"name": "orders", "rows": []}] * 2}, "/inputs/1/name", "duplicate_port"),
        ({"function": MISSING}, "/function", "does_not_exist"),
        ({"tags": ["small", "small"]}, "/tags/1", "duplicate"),
        ({"comparison": {"orderd": True}}, "/comparison/orderd", "unknown_option"),
        ({"parameters": {"as_of": 1}}, "/parameters/as_of", "unknown_parameter"),
        ({"enabld": False}, "/enabld", "unknown_member"),
    ],
)
def test_an_invalid_test_case_is_refused_with_its_place(
    api: APIClient, body: dict[str, Any], change: dict[str, Any], place: str, code: str
) -> None:
    answer = api.post(ADDRESS, body | change)
    assert answer.status_code == 400
    assert (place, code) in places(answer)
    assert not TestCase.objects.exists()
    assert not Table.objects.exists()


def test_a_table_of_another_object_is_refused(api: APIClient, body: dict[str, Any]) -> None:
    body["inputs"] = [{"name": "orders", "table": TableFactory.create().pk}]
    answer = api.post(ADDRESS, body)
    assert (answer.status_code, places(answer)) == (400, [("/inputs/0/table", "wrong_object")])


def test_a_taken_name_is_a_conflict(api: APIClient, body: dict[str, Any]) -> None:
    api.post(ADDRESS, body)
    answer = api.post(ADDRESS, body)
    assert (answer.status_code, answer.json()["code"], places(answer)) == (
        409,
        "name_taken",
        [("/name", "name_taken")],
    )


def test_a_test_case_stays_with_its_function(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    other = FunctionFactory.create(application=Function.objects.get().application)
    answer = api.patch(made["Location"], {"function": other.pk})
    assert (answer.status_code, places(answer)) == (400, [("/function", "fixed")])


def test_a_patch_leaves_what_it_does_not_bring(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    answer = api.patch(made["Location"], {"enabled": False})
    assert {**answer.json(), "updated_at": ""} == {**made.json(), "enabled": False, "updated_at": ""}


def test_a_bound_table_is_not_deleted(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body).json()
    with pytest.raises(Exception, match="protected"):
        Table.objects.get(pk=made["inputs"][0]["table"]).delete()


def test_a_test_case_is_deleted_and_its_tables_stay(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body)
    assert api.delete(made["Location"]).status_code == 204
    assert Table.objects.count() == 2


def test_a_list_costs_the_same_for_one_case_and_for_many(
    api: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    case = TestCaseFactory.create()
    with django_assert_num_queries(5):  # count, cases, bindings, ports, tables
        assert len(api.get(ADDRESS).json()["results"]) == 1
    TestCaseFactory.create_batch(4, function=case.function)
    with django_assert_num_queries(5):
        assert len(api.get(ADDRESS).json()["results"]) == 5


def test_test_cases_are_found_by_what_they_are(api: APIClient, body: dict[str, Any]) -> None:
    made = api.post(ADDRESS, body).json()
    TestCaseFactory.create(name="other", enabled=False, tags=["smaller", "größer"])
    api.post(f"{ADDRESS}/{made['id']}/run")
    for query in (
        "application=test",
        f"function={body['function']}",
        "function_name=sum_orders",
        f"table={made['inputs'][0]['table']}",
        "tag=small",
        "enabled=true",
        "verdict=passed",
        "name=two customers",
        "search=customers sum",
    ):
        assert [each["name"] for each in api.get(f"{ADDRESS}?{query}").json()["results"]] == ["two customers"], query
    assert [each["name"] for each in api.get(f"{ADDRESS}?tag=größer").json()["results"]] == ["other"]


@pytest.mark.parametrize("query", ["enabled=maybe", "verdict=good", "tags=small", "ordering=tags"])
def test_a_filter_that_means_nothing_is_refused(api: APIClient, query: str) -> None:
    assert api.get(f"{ADDRESS}?{query}").status_code == 400
