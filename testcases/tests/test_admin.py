"""Test cases, runs and results in Django admin: the same rules, and nothing saved when one is broken."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from catalog.models import Application, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.models import Result, Run, TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("cora", password="tea"))
    return client


@pytest.fixture
def given(sum_orders: Function) -> Table:
    return TableFactory.create(object=sum_orders.inputs[0].object, rows=[{"customer": 1, "amount": 2}])


@pytest.fixture
def expected(sum_orders: Function) -> Table:
    return TableFactory.create(object=sum_orders.outputs[0].object, rows=[{"id": 1, "total": 2}])


def address(page: str, *args: Any, model: str = "testcase") -> str:
    return reverse(f"admin:testcases_{model}_{page}", args=args)


def bindings(initial: int, *rows: dict[str, Any]) -> dict[str, Any]:
    """The inline's fields as a browser sends them."""
    fields = {
        "bindings-TOTAL_FORMS": len(rows),
        "bindings-INITIAL_FORMS": initial,
        "bindings-MIN_NUM_FORMS": 0,
        "bindings-MAX_NUM_FORMS": 1000,
    }
    return fields | {f"bindings-{i}-{name}": value for i, row in enumerate(rows) for name, value in row.items()}


@pytest.fixture
def typed(sum_orders: Function, given: Table, expected: Table) -> dict[str, Any]:
    return {
        "function": sum_orders.pk,
        "name": "one customer",
        "summary": "",
        "tags": '["small"]',
        "enabled": "on",
        "comparison": "{}",
        "parameters": "{}",
        **bindings(
            0,
            {"port": sum_orders.inputs[0].pk, "table": given.pk},
            {"port": sum_orders.outputs[0].pk, "table": expected.pk},
        ),
    }


def codes(answer: Any) -> list[str]:
    """What the form and its inline refuse."""
    found = [each.code for errors in answer.context["adminform"].form.errors.as_data().values() for each in errors]
    for row in answer.context["inline_admin_formsets"][0].formset.forms:
        found += [each.code for errors in row.errors.as_data().values() for each in errors]
    return found


def test_a_test_case_is_made_with_its_bindings(browser: Client, typed: dict[str, Any], given: Table) -> None:
    answer = browser.post(address("add"), typed)
    assert answer.status_code == 302, codes(answer)
    case = TestCase.objects.get()
    assert (case.name, case.tags, case.application.name) == ("one customer", ["small"], "test")
    assert [binding.table for binding in case.inputs] == [given]
    assert case.created_by is not None


def test_a_test_case_is_changed_with_its_bindings(browser: Client, typed: dict[str, Any], given: Table) -> None:
    browser.post(address("add"), typed)
    case = TestCase.objects.get()
    other = TableFactory.create(object=given.object, rows=[{"customer": 1, "amount": 3}])
    rows = [{"id": each.pk, "port": each.port_id, "table": each.table_id} for each in (*case.inputs, *case.outputs)]
    rows[0]["table"] = other.pk
    answer = browser.post(address("change", case.pk), {**typed, "name": "renamed", **bindings(2, *rows)})
    assert answer.status_code == 302, codes(answer)
    case = TestCase.objects.get()
    assert (case.name, case.inputs[0].table) == ("renamed", other)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, "blank"),
        ({"tags": '["a", "a"]'}, "duplicate"),
        ({"comparison": '{"orderd": true}'}, "unknown_option"),
        ({"parameters": '{"as_of": 1}'}, "unknown_parameter"),
        ({"comparison": "{"}, "invalid_json"),
        (bindings(0), "port_missing"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_nothing_saved(
    browser: Client, typed: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    answer = browser.post(address("add"), typed | change)
    assert answer.status_code == 200
    assert code in codes(answer)
    assert not TestCase.objects.exists()


def test_a_table_of_another_object_is_refused(browser: Client, typed: dict[str, Any]) -> None:
    answer = browser.post(address("add"), typed | {"bindings-0-table": TableFactory.create().pk})
    assert codes(answer) == ["wrong_object"]
    assert not TestCase.objects.exists()


def test_a_port_of_another_function_is_refused(browser: Client, typed: dict[str, Any], given: Table) -> None:
    other = FunctionFactory.create(inputs={"given": given.object}, outputs={"result": given.object})
    answer = browser.post(address("add"), typed | {"bindings-0-port": other.inputs[0].pk})
    assert "unknown_port" in codes(answer)
    assert not TestCase.objects.exists()


def test_a_port_that_is_bound_twice_is_refused(browser: Client, typed: dict[str, Any], given: Table) -> None:
    twice = {"port": typed["bindings-0-port"], "table": given.pk}
    expect = {"port": typed["bindings-1-port"], "table": typed["bindings-1-table"]}
    answer = browser.post(address("add"), typed | bindings(0, twice, twice, expect))
    assert codes(answer) == ["duplicate_port"]
    assert not TestCase.objects.exists()


def test_selected_test_cases_are_run(browser: Client, typed: dict[str, Any]) -> None:
    browser.post(address("add"), typed)
    case = TestCase.objects.get()
    sent = {"action": "run_selected", "_selected_action": [case.pk]}
    answer = browser.post(address("changelist"), sent, follow=True)
    run = Run.objects.get()
    assert run.verdict == "passed"
    assert "1 passed" in answer.content.decode()
    assert reverse("run-detail", args=[run.pk]) in answer.content.decode()


def test_everything_is_listed_searched_and_opened(browser: Client) -> None:
    case = TestCaseFactory.create()
    browser.post(address("changelist"), {"action": "run_selected", "_selected_action": [case.pk]})
    for model, record in (("testcase", case), ("run", Run.objects.get()), ("result", Result.objects.get())):
        assert browser.get(address("changelist", model=model) + "?q=case").status_code == 200, model
        assert browser.get(address("change", record.pk, model=model)).status_code == 200, model


def test_runs_and_results_are_read_only(browser: Client) -> None:
    case = TestCaseFactory.create()
    browser.post(address("changelist"), {"action": "run_selected", "_selected_action": [case.pk]})
    for model, record in (("run", Run.objects.get()), ("result", Result.objects.get())):
        assert browser.get(address("add", model=model)).status_code == 403
        assert browser.post(address("change", record.pk, model=model), {"verdict": "failed"}).status_code == 403
    assert browser.post(address("delete", Result.objects.get().pk, model="result"), {"post": "yes"}).status_code == 403


def test_a_test_case_and_a_run_are_deleted_with_their_results(browser: Client) -> None:
    case = TestCaseFactory.create()
    for model in ("run", "testcase"):
        browser.post(address("changelist"), {"action": "run_selected", "_selected_action": [case.pk]})
        record: Any = Run.objects.get() if model == "run" else case
        answer = browser.post(address("delete", record.pk, model=model), {"post": "yes"})
        assert answer.status_code == 302, model
        assert not Result.objects.exists()
    assert Table.objects.exists()


# --- accepting ------------------------------------------------------------------------------------------------------


@pytest.fixture
def mismatch(sum_orders: Function, given: Table) -> Result:
    case = TestCaseFactory.create(
        function=sum_orders, name="wrong", inputs={"orders": given}, outputs={"totals": [{"id": 1, "total": 9}]}
    )
    return run_test_cases(case.application, [case]).results.get()


def accept(browser: Client, result: Result, **fields: str) -> str:
    sent = {"action": "accept_selected", "_selected_action": [result.pk], **fields}
    answer = browser.post(address("changelist", model="result"), sent, follow=True)
    return " ".join(str(each) for each in answer.context["messages"])


def test_actual_is_accepted_with_a_reason(browser: Client, mismatch: Result) -> None:
    assert "Why it is right" in browser.get(address("changelist", model="result")).content.decode()
    assert "Say why this is right." in accept(browser, mismatch, message=" ")
    table = mismatch.test_case.outputs[0].table
    assert f"wrong: accepted {table.name} (version 2)." in accept(browser, mismatch, message="The price rose.")
    current = Table.objects.get(pk=table.pk).current
    assert (current.message, str(current.created_by)) == ("The price rose.", "cora")
    assert "something else is expected" in accept(browser, mismatch, message="Once more.")


def test_a_shared_table_is_accepted_where_it_is_confirmed(browser: Client, mismatch: Result) -> None:
    shared = mismatch.test_case.outputs[0].table
    TestCaseFactory.create(function=mismatch.test_case.function, name="sharer", outputs={"totals": shared})
    assert "(sharer)" in accept(browser, mismatch, message="Right.")
    assert "version 2" in accept(browser, mismatch, message="Right.", confirm="on")


def test_only_who_may_change_tables_accepts(browser: Client, mismatch: Result) -> None:
    reader = User.objects.create_user("rita", password="tea", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_result"))
    browser.force_login(reader)
    accept(browser, mismatch, message="Mine.")
    assert Table.objects.get(pk=mismatch.test_case.outputs[0].table.pk).version == 1


def test_sensitive_values_of_results_are_not_shown(browser: Client, application: Application) -> None:
    attributes = [{"name": "id", "type": "integer"}, {"name": "salary", "type": "integer", "sensitive": True}]
    shape = ObjectSchemaFactory.create(application=application, attributes=attributes, primary_key=["id"])
    function = FunctionFactory.create(inputs={"given": shape}, outputs={"result": shape})
    rows = {"inputs": {"given": [{"id": 1, "salary": 31337}]}, "outputs": {"result": [{"id": 1, "salary": 27182}]}}
    case = TestCaseFactory.create(function=function, **rows)
    page = address("change", run_test_cases(application, [case]).results.get().pk, model="result")
    assert "31337" in browser.get(page).content.decode()
    reader = User.objects.create_user("rita", password="tea", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_result"))
    browser.force_login(reader)
    answer = browser.get(page)
    assert answer.status_code == 200
    assert "31337" not in answer.content.decode()
