"""The pages of functions."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
QUERY = "SELECT customer AS id, sum(amount) AS total FROM orders GROUP BY customer"


@pytest.fixture
def browser(settings: Any) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return Client()


@pytest.fixture
def orders(application: Application) -> ObjectSchema:
    attributes = [{"name": "customer", "type": "integer"}, {"name": "amount", "type": "number"}]
    return ObjectSchemaFactory.create(application=application, name="orders", attributes=attributes)


@pytest.fixture
def totals(application: Application) -> ObjectSchema:
    attributes = [{"name": "id", "type": "integer"}, {"name": "total", "type": "number"}]
    return ObjectSchemaFactory.create(application=application, name="totals", attributes=attributes)


@pytest.fixture
def sum_orders(orders: ObjectSchema, totals: ObjectSchema) -> Function:
    return FunctionFactory.create(
        name="sum_orders", inputs={"orders": orders}, outputs={"totals": totals}, sql={"totals": QUERY}
    )


def rows(prefix: str, *values: dict[str, Any]) -> dict[str, Any]:
    """A formset's fields as a browser sends them."""
    fields = {f"{prefix}-TOTAL_FORMS": len(values), f"{prefix}-INITIAL_FORMS": 0}
    return fields | {f"{prefix}-{i}-{name}": value for i, row in enumerate(values) for name, value in row.items()}


@pytest.fixture
def typed(application: Application, orders: ObjectSchema, totals: ObjectSchema) -> dict[str, Any]:
    return {
        "application": application.pk,
        "name": "sum_orders",
        "summary": "What each customer has spent.",
        **rows("inputs", {"name": "orders", "object": orders.pk, "required": "on"}),
        **rows("outputs", {"name": "totals", "object": totals.pk, "required": "on"}),
        **rows("parameters", {"name": "as_of", "type": "integer", "default": "7", "description": ""}),
        **rows("implementations", {"name": "sql", "query_0": QUERY}),
        "action": "save",
    }


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_a_function_is_made_with_ports_parameters_and_sql(browser: Client, typed: dict[str, Any]) -> None:
    answer = browser.post(reverse("function-create"), typed)
    function = Function.objects.get()
    assert answer["Location"] == reverse("function-detail", args=[function.pk])
    assert [(port.name, port.object.name, port.required) for port in function.inputs] == [("orders", "orders", True)]
    assert function.parameters == [{"name": "as_of", "type": "integer", "default": 7}]
    assert function.implementations.get().definition == {"totals": QUERY}
    page = text(browser.get(answer["Location"]))
    assert QUERY in page
    assert "The function 'sum_orders' is saved." in page


def test_rows_are_added_removed_and_moved_without_a_script(
    browser: Client, typed: dict[str, Any], orders: ObjectSchema
) -> None:
    added = browser.post(reverse("function-create"), {**typed, "action": "add inputs"})
    assert 'name="inputs-1-name"' in text(added)
    assert QUERY in text(added)
    two = {**typed, **rows("inputs", {"name": "first", "object": orders.pk}, {"name": "second", "object": orders.pk})}
    moved = text(browser.post(reverse("function-create"), {**two, "action": "down inputs 0"}))
    assert moved.index('value="second"') < moved.index('value="first"')
    removed = text(browser.post(reverse("function-create"), {**two, "action": "remove inputs 0"}))
    assert 'value="first"' not in removed
    assert 'value="second"' in removed
    assert not Function.objects.exists()


def test_queries_follow_their_outputs(browser: Client, typed: dict[str, Any], totals: ObjectSchema) -> None:
    typed |= rows("outputs", {"name": "first", "object": totals.pk}, {"name": "second", "object": totals.pk})
    typed |= rows("implementations", {"name": "sql", "query_0": "SELECT 1", "query_1": "SELECT 2"})
    moved = text(browser.post(reverse("function-create"), {**typed, "action": "up outputs 1"}))
    assert moved.index("SQL that gives second") < moved.index("SELECT 2") < moved.index("SELECT 1")
    removed = text(browser.post(reverse("function-create"), {**typed, "action": "remove outputs 0"}))
    assert "SELECT 1" not in removed
    assert "SELECT 2" in removed


@pytest.mark.parametrize("action", ["down inputs 9", "remove nothing 0", "up", "dance inputs 0", ""])
def test_a_button_that_means_nothing_changes_nothing(browser: Client, typed: dict[str, Any], action: str) -> None:
    answer = browser.post(reverse("function-create"), {**typed, "action": action})
    assert answer.status_code == 200
    assert QUERY in text(answer)
    assert not Function.objects.exists()


def test_errors_stand_beside_their_fields_and_nothing_is_saved(
    browser: Client, typed: dict[str, Any], orders: ObjectSchema
) -> None:
    typed |= rows("inputs", {"name": "orders", "object": orders.pk}, {"name": "Orders", "object": orders.pk})
    typed |= rows("implementations", {"name": "sql", "query_0": "SELEC"})
    answer = browser.post(reverse("function-create"), typed)
    editor = answer.context["editor"]
    assert answer.status_code == 400
    assert editor.rows["inputs"].forms[1].errors.as_data()["name"][0].code == "duplicate"
    assert list(editor.rows["implementations"].forms[0].errors) == ["query_0"]
    assert "Nothing was saved" in text(answer)
    assert not Function.objects.exists()


def test_a_parameter_that_is_wrong_is_told_in_its_row(browser: Client, typed: dict[str, Any]) -> None:
    typed |= rows("parameters", {"name": "as of", "type": "integer", "default": "seven"})
    answer = browser.post(reverse("function-create"), typed)
    errors = answer.context["editor"].rows["parameters"].forms[0].errors.as_data()
    assert {name: [each.code for each in found] for name, found in errors.items()} == {
        "name": ["invalid"],
        "default": ["type"],
    }


def test_a_port_without_an_object_is_told(browser: Client, typed: dict[str, Any]) -> None:
    typed |= rows("inputs", {"name": "orders", "object": ""})
    answer = browser.post(reverse("function-create"), typed)
    assert answer.context["editor"].rows["inputs"].forms[0].errors.as_data()["object"][0].code == "required"


def test_blank_rows_are_left_out(browser: Client, typed: dict[str, Any], orders: ObjectSchema) -> None:
    typed |= rows("inputs", {"name": "", "object": "", "required": "on"}, {"name": "orders", "object": orders.pk})
    browser.post(reverse("function-create"), typed)
    assert [port.name for port in Function.objects.get().inputs] == ["orders"]


def test_a_function_is_edited_and_shows_what_it_has(browser: Client, sum_orders: Function) -> None:
    address = reverse("function-edit", args=[sum_orders.pk])
    page = browser.get(address)
    editor = page.context["editor"]
    assert QUERY in text(page)
    assert editor.rows["inputs"].forms[0]["name"].value() == "orders"
    assert editor.form.fields["application"].disabled


def test_a_breaking_change_is_refused_with_what_breaks(
    browser: Client, typed: dict[str, Any], sum_orders: Function, orders: ObjectSchema
) -> None:
    TestCaseFactory.create(function=sum_orders, name="two customers")
    address = reverse("function-edit", args=[sum_orders.pk])
    gone = browser.post(address, {**typed, **rows("inputs"), **rows("implementations")})
    assert gone.status_code == 400
    assert "two customers" in text(gone)
    more = rows("inputs", *({"name": name, "object": orders.pk, "required": "on"} for name in ("orders", "refunds")))
    answer = browser.post(address, {**typed, **more})
    assert answer.context["editor"].rows["inputs"].forms[1].errors.as_data()["required"][0].code == "breaking_change"
    assert [port.name for port in Function.objects.get().inputs] == ["orders"]


def test_the_list_is_searched_and_says_what_to_do_when_empty(browser: Client, application: Application) -> None:
    address = reverse("function-list")
    assert "Describe the first one" in text(browser.get(address))
    FunctionFactory.create(name="sum_orders")
    assert "sum_orders" in text(browser.get(address + "?search=orders"))
    assert "No function fits this search." in text(browser.get(address + "?search=nothing"))


def test_a_list_costs_the_same_for_one_function_and_for_many(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    FunctionFactory.create()
    with django_assert_num_queries(6):  # count, functions, ports, objects, implementations, applications
        browser.get(reverse("function-list"))
    FunctionFactory.create_batch(4)
    with django_assert_num_queries(6):
        browser.get(reverse("function-list"))


def test_the_decision_table_shows_what_is_given_expected_and_how_it_went(browser: Client, sum_orders: Function) -> None:
    case = TestCaseFactory.create(function=sum_orders, inputs={"orders": [{"customer": 1, "amount": 2}]})
    page = text(browser.get(reverse("function-detail", args=[sum_orders.pk])))
    assert case.name in page
    assert case.inputs[0].table.name in page
    assert "not run yet" in page
    browser.post(reverse("function-run", args=[sum_orders.pk]))
    page = text(browser.get(reverse("function-detail", args=[sum_orders.pk])))
    assert "1 unexpected" in page


def test_a_function_in_use_is_kept_and_its_test_cases_are_named(browser: Client) -> None:
    case = TestCaseFactory.create()
    address = reverse("function-delete", args=[case.function_id])
    assert browser.get(address).status_code == 200
    answer = browser.post(address)
    assert answer.status_code == 409
    assert case.name in text(answer)
    assert Function.objects.exists()


def test_an_unused_function_is_deleted(browser: Client, sum_orders: Function) -> None:
    answer = browser.post(reverse("function-delete", args=[sum_orders.pk]))
    assert answer["Location"] == reverse("function-list")
    assert not Function.objects.exists()


@pytest.mark.parametrize("name", ["function-detail", "function-edit", "function-delete"])
def test_a_function_that_is_not_there_is_not_found(browser: Client, name: str) -> None:
    assert browser.get(reverse(name, args=["nothing"])).status_code == 404


def test_pages_answer_with_and_without_their_final_slash(browser: Client, sum_orders: Function) -> None:
    for name in ("function-list", "function-create"):
        assert browser.get(reverse(name) + "/").status_code == 200
    assert browser.get(reverse("function-detail", args=[sum_orders.pk]) + "/").status_code == 200
