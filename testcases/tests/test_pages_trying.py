"""The page on which a function is tried."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Configuration, ObjectSchema, Table
from catalog.tests.factories import TableFactory
from processes.models import Function, ImplementationDefinition
from processes.tests.factories import FunctionFactory
from testcases.forms import ports
from testcases.models import Run, TestCase
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
ORDERS = "customer,amount\n1,2.50\n1,1\n2,\n"


@pytest.fixture
def browser(settings: Any) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return Client()


def attempt(browser: Client, function: Function, **fields: str) -> Any:
    """Press the button; `rows` and `table` are what stands on the first input."""
    port = function.inputs[0].pk
    sent = {
        "action": "run",
        "implementation": function.implementations.get().pk,
        f"port-{port}-rows": fields.pop("rows", ""),
        f"port-{port}-table": fields.pop("table", ""),
        **fields,
    }
    return browser.post(reverse("function-try", args=[function.pk]), sent)


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def problems(answer: Any) -> dict[str, list[str]]:
    editor = answer.context["editor"]
    return {
        field: [each.code for each in errors]
        for form in editor.forms
        if form.is_bound
        for field, errors in form.errors.as_data().items()
    }


def shown(answer: Any) -> list[list[str]]:
    return [[cell.text for cell in row] for row in answer.context["tried"].outputs[0].rows]


def test_typed_rows_go_in_and_what_comes_out_is_shown(browser: Client, sum_orders: Function) -> None:
    assert "Choose tables, or type some rows" in text(browser.get(reverse("function-try", args=[sum_orders.pk])))
    answer = attempt(browser, sum_orders, rows=ORDERS)
    assert sorted(shown(answer)) == [["1", "3.50"], ["2", "null"]]
    assert "execute" in text(answer)
    assert not Run.objects.exists()
    assert not Table.objects.exists()


def test_a_table_of_the_right_object_goes_in(browser: Client, sum_orders: Function) -> None:
    orders = TableFactory.create(object=sum_orders.inputs[0].object, rows=[{"customer": 7, "amount": 1}])
    assert shown(attempt(browser, sum_orders, table=orders.pk)) == [["7", "1.00"]]
    other = TableFactory.create()
    assert other.name not in text(browser.get(reverse("function-try", args=[sum_orders.pk])))
    assert problems(attempt(browser, sum_orders, table=other.pk)) == {"table": ["invalid_choice"]}


def test_where_there_are_many_tables_one_is_named(
    browser: Client, sum_orders: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "TABLES_LISTED", 1)
    for number in range(3):
        TableFactory.create(
            object=sum_orders.inputs[0].object, name=f"week {number}", rows=[{"customer": number, "amount": 1}]
        )
    assert "<datalist" in text(browser.get(reverse("function-try", args=[sum_orders.pk])))
    answer = attempt(browser, sum_orders, table="week 2")
    assert shown(answer) == [["2", "1.00"]]
    assert 'value="week 2"' in text(answer)
    for wrong in ("week 9", "\0", "nothing"):
        assert problems(attempt(browser, sum_orders, table=wrong)) == {"table": ["invalid_choice"]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"table": ["port_missing"]}),
        ({"rows": "customer,amount\n,1\n1,-2\n"}, {"rows": ["required", "minimum"]}),
        ({"rows": '[{"customer": 1'}, {"rows": ["malformed"]}),
        ({"rows": ORDERS, "clock": "noon"}, {"clock": ["invalid"]}),
        ({"rows": ORDERS, "implementation": "nothing"}, {"implementation": ["invalid_choice"]}),
        ({"rows": ORDERS, "configuration": "nothing"}, {"configuration": ["invalid_choice"]}),
        ({"rows": ORDERS, "action": "save", "name": " "}, {"name": ["blank"]}),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    browser: Client, sum_orders: Function, fields: dict[str, str], expected: dict[str, list[str]]
) -> None:
    answer = attempt(browser, sum_orders, **fields)
    assert answer.status_code == 400
    assert problems(answer) == expected
    assert not TestCase.objects.exists()


def test_parameters_and_the_clock_reach_the_function(browser: Client, orders: ObjectSchema) -> None:
    query = "SELECT $first AS customer, CAST(year(now()) AS DECIMAL(12, 2)) AS amount FROM given"
    function = FunctionFactory.create(
        parameters=[{"name": "first", "type": "integer", "default": 3}],
        inputs={"given": orders},
        outputs={"result": orders},
        sql={"result": query},
    )
    one = {"rows": "customer,amount\n1,1\n", "clock": "2020-02-29 12:00"}
    assert shown(attempt(browser, function, **one)) == [["3", "2020.00"]]
    assert shown(attempt(browser, function, **one, parameter_0="5")) == [["5", "2020.00"]]
    assert problems(attempt(browser, function, **one, parameter_0="five")) == {"parameter_0": ["type"]}


def test_an_output_that_does_not_conform_is_told_and_not_kept(browser: Client, sum_orders: Function) -> None:
    given = "customer,amount\n1,1.50\n"
    sum_orders.define(
        implementations=[ImplementationDefinition("sql", "sql", {"totals": "SELECT NULL AS id, 1 AS total"})]
    )
    answer = attempt(browser, sum_orders, rows=given)
    assert "It does not conform to its object." in text(answer)
    assert "Save as test case" not in text(answer)
    attempt(browser, sum_orders, rows=given, action="save", name="wrong")
    assert not TestCase.objects.exists()


def test_an_error_of_the_function_is_shown_and_can_be_expected(browser: Client, sum_orders: Function) -> None:
    query = {"totals": "SELECT CAST('x' AS INTEGER) AS id, 1.0 AS total FROM orders"}
    sum_orders.define(implementations=[ImplementationDefinition("sql", "sql", query)])
    answer = attempt(browser, sum_orders, rows=ORDERS)
    assert answer.status_code == 200
    assert "The function ended with an error." in text(answer)
    attempt(browser, sum_orders, rows=ORDERS, action="save", name="must fail")
    assert TestCase.objects.get().expected_error == {"kind": "conversion"}


def test_what_came_out_is_kept_as_a_test_case(browser: Client, sum_orders: Function) -> None:
    answer = attempt(browser, sum_orders, rows=ORDERS, action="save", name="two customers")
    case = TestCase.objects.get()
    assert answer["Location"] == reverse("test-case-detail", args=[case.pk])
    assert {binding.table.name for binding in case.bindings.all()} == {"two customers: orders", "two customers: totals"}
    browser.post(reverse("test-case-run", args=[case.pk]))
    assert Run.objects.get().verdict == "passed"
    again = attempt(browser, sum_orders, rows=ORDERS, action="save", name="two customers")
    assert "already has a test case of this name" in text(again)
    assert "It ran, and nothing was saved" in text(again)
    assert shown(again)


def test_the_inputs_of_a_test_case_can_be_begun_with(browser: Client, sum_orders: Function) -> None:
    case = TestCaseFactory.create(function=sum_orders, inputs={"orders": [{"customer": 1, "amount": 2}]})
    page = browser.get(reverse("function-try", args=[sum_orders.pk]) + f"?test_case={case.pk}")
    assert page.context["editor"].ports[0]["table"].value() == case.inputs[0].table_id
    for other in ("nothing", TestCaseFactory.create().pk):
        page = browser.get(reverse("function-try", args=[sum_orders.pk]) + f"?test_case={other}")
        assert page.context["editor"].ports[0]["table"].value() is None


def test_a_secret_that_is_not_set_is_told_and_none_is_shown(
    browser: Client, sum_orders: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = Configuration.objects.create(
        application=sum_orders.application, name="local", config={"token": {"$env": "EXEMPLAR_SECRET_TOKEN"}}
    )
    monkeypatch.delenv("EXEMPLAR_SECRET_TOKEN", raising=False)
    answer = attempt(browser, sum_orders, rows=ORDERS, configuration=configuration.pk)
    assert problems(answer) == {"configuration": ["unresolved"]}
    monkeypatch.setenv("EXEMPLAR_SECRET_TOKEN", "moonlight")
    answer = attempt(browser, sum_orders, rows=ORDERS, configuration=configuration.pk)
    assert shown(answer)
    assert "moonlight" not in text(answer)


def test_a_function_that_nothing_computes_says_what_to_do(browser: Client) -> None:
    function = FunctionFactory.create(sql=None)
    page = text(browser.get(reverse("function-try", args=[function.pk])))
    assert "Nothing computes this function yet" in page
    assert browser.get(reverse("function-try", args=["nothing"])).status_code == 404
