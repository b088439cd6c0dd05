"""Functions in Django admin: the same rules, and nothing saved when one is broken."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ApplicationFactory, ObjectSchemaFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
QUERY = "SELECT customer AS id FROM orders"


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("cora", password="tea"))
    return client


@pytest.fixture
def orders(application: Application) -> ObjectSchema:
    attributes = [{"name": "customer", "type": "integer"}]
    return ObjectSchemaFactory.create(application=application, name="orders", attributes=attributes)


@pytest.fixture
def totals(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory.create(
        application=application, name="totals", attributes=[{"name": "id", "type": "integer"}]
    )


def address(page: str, *args: Any) -> str:
    return reverse(f"admin:processes_function_{page}", args=args)


def inline(prefix: str, initial: int, *rows: dict[str, Any]) -> dict[str, Any]:
    """An inline's fields as a browser sends them."""
    fields = {
        f"{prefix}-TOTAL_FORMS": len(rows),
        f"{prefix}-INITIAL_FORMS": initial,
        f"{prefix}-MIN_NUM_FORMS": 0,
        f"{prefix}-MAX_NUM_FORMS": 1000,
    }
    return fields | {f"{prefix}-{i}-{name}": value for i, row in enumerate(rows) for name, value in row.items()}


@pytest.fixture
def typed(application: Application, orders: ObjectSchema, totals: ObjectSchema) -> dict[str, Any]:
    return {
        "application": application.pk,
        "name": "sum_orders",
        "summary": "",
        "parameters": "[]",
        **inline(
            "ports",
            0,
            {"direction": "output", "position": 0, "name": "totals", "object": totals.pk, "required": "on"},
            {"direction": "input", "position": 0, "name": "orders", "object": orders.pk, "required": "on"},
        ),
        **inline("implementations", 0, {"name": "sql", "kind": "sql", "definition": json.dumps({"totals": QUERY})}),
    }


def codes(answer: Any) -> list[str]:
    """What the form and its inlines refuse."""
    form = answer.context["adminform"].form
    found = [each.code for errors in form.errors.as_data().values() for each in errors]
    for formset in answer.context["inline_admin_formsets"]:
        for row in formset.formset.forms:
            found += [each.code for errors in row.errors.as_data().values() for each in errors]
    return found


def test_a_function_is_made_with_its_ports_and_implementations(browser: Client, typed: dict[str, Any]) -> None:
    answer = browser.post(address("add"), typed)
    assert answer["Location"] == address("changelist")
    function = Function.objects.get()
    assert [port.name for port in function.inputs] == ["orders"]
    assert [port.name for port in function.outputs] == ["totals"]
    assert function.implementations.get().definition == {"totals": QUERY}
    assert function.created_by is not None


def test_a_function_is_changed_with_its_ports(browser: Client, typed: dict[str, Any], orders: ObjectSchema) -> None:
    browser.post(address("add"), typed)
    function = Function.objects.get()
    output, entry = function.outputs[0], function.inputs[0]
    sent = typed | inline(
        "ports",
        2,
        {"id": entry.pk, "direction": "input", "position": 1, "name": "orders", "object": orders.pk, "required": "on"},
        {
            "id": output.pk,
            "direction": "output",
            "position": 0,
            "name": "result",
            "object": output.object_id,
            "required": "on",
        },
        {"direction": "input", "position": 0, "name": "refunds", "object": orders.pk},
    )
    implementation = function.implementations.get()
    query = {"result": "SELECT customer AS id FROM refunds"}
    row = {"id": implementation.pk, "name": "sql", "kind": "sql", "definition": json.dumps(query)}
    answer = browser.post(address("change", function.pk), sent | inline("implementations", 1, row))
    assert answer.status_code == 302, codes(answer)
    function = Function.objects.get()
    assert [(port.name, port.required) for port in function.inputs] == [("refunds", False), ("orders", True)]
    assert [port.name for port in function.outputs] == ["result"]
    assert function.implementations.get().definition == query


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": " "}, "blank"),
        ({"parameters": '[{"name": "a b", "type": "date"}]'}, "invalid"),
        ({"ports-0-name": "a\x07b"}, "control_character"),
        ({"ports-1-direction": "output", "ports-1-name": "Totals"}, "duplicate"),
        ({"ports-0-direction": "input"}, "required"),
        ({"implementations-0-definition": '{"totals": "SELEC"}'}, "syntax_error"),
        ({"implementations-0-definition": '{"total": "SELECT 1"}'}, "missing_output"),
        ({"implementations-0-definition": "{"}, "invalid_json"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_nothing_saved(
    browser: Client, typed: dict[str, Any], change: dict[str, str], code: str
) -> None:
    answer = browser.post(address("add"), typed | change)
    assert answer.status_code == 200
    assert code in codes(answer)
    assert not Function.objects.exists()


def test_ports_of_another_application_are_refused(browser: Client, typed: dict[str, Any]) -> None:
    other = ObjectSchemaFactory.create(application=ApplicationFactory.create())
    answer = browser.post(address("add"), typed | {"ports-1-object": other.pk})
    assert "other_application" in codes(answer)
    assert not Function.objects.exists()


def test_a_breaking_change_is_refused_with_a_message_and_nothing_saved(browser: Client, typed: dict[str, Any]) -> None:
    browser.post(address("add"), typed)
    function = Function.objects.get()
    TestCaseFactory.create(function=function, name="two customers")
    entry, output = function.inputs[0], function.outputs[0]
    kept = {"id": output.pk, "direction": "output", "position": 0, "name": "totals", "object": output.object_id}
    gone = {"id": entry.pk, "direction": "input", "position": 0, "name": "orders", "object": entry.object_id}
    implementation = function.implementations.get()
    constant = {"name": "sql", "kind": "sql", "definition": '{"totals": "SELECT 1 AS id"}'}
    sent = {
        **typed,
        "name": "renamed",
        **inline("ports", 2, kept | {"required": "on"}, gone | {"DELETE": "on"}),
        **inline("implementations", 1, {"id": implementation.pk, **constant}),
    }
    answer = browser.post(address("change", function.pk), sent)
    assert codes(answer) == ["referenced"]
    assert "still in use" in answer.content.decode()
    function.refresh_from_db()
    assert (function.name, len(function.inputs)) == ("sum_orders", 1)
    assert function.implementations.get().definition == {"totals": QUERY}


def test_functions_are_listed_searched_and_opened(browser: Client) -> None:
    function = FunctionFactory.create(name="sum_orders")
    listed = browser.get(address("changelist") + "?q=sum").content.decode()
    assert "sum_orders" in listed
    assert reverse("function-detail", args=[function.pk]) in listed
    assert browser.get(address("change", function.pk)).status_code == 200
    assert browser.get(reverse("admin:processes_port_changelist") + "?q=given").status_code == 200


def test_a_function_in_use_is_not_deleted(browser: Client) -> None:
    case = TestCaseFactory.create()
    answer = browser.post(address("delete", case.function_id), {"post": "yes"})
    assert case.name in answer.content.decode()
    assert Function.objects.exists()


def test_an_unused_function_is_deleted(browser: Client) -> None:
    function = FunctionFactory.create()
    answer = browser.post(address("delete", function.pk), {"post": "yes"})
    assert answer.status_code == 302
    assert not Function.objects.exists()
