"""The pages of test cases, runs and results."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from catalog.contents import append_rows
from catalog.models import Table
from catalog.tests.factories import TableFactory, json_rows
from processes.models import Function
from testcases.models import Result, Run, TestCase
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
ORDERS = [{"customer": 1, "amount": 2.5}, {"customer": 1, "amount": 1}, {"customer": 2, "amount": 4}]
WRONG = [{"id": 1, "total": 9}, {"id": 3, "total": 1}]


@pytest.fixture
def browser(settings: Any) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return Client()


@pytest.fixture
def wrong(sum_orders: Function) -> TestCase:
    return TestCaseFactory.create(
        function=sum_orders, name="wrong", tags=["slow"], inputs={"orders": ORDERS}, outputs={"totals": WRONG}
    )


@pytest.fixture
def right(sum_orders: Function) -> TestCase:
    totals = [{"id": 1, "total": 3.5}, {"id": 2, "total": 4}]
    return TestCaseFactory.create(
        function=sum_orders, name="right", inputs={"orders": ORDERS}, outputs={"totals": totals}
    )


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def typed(function: Function, **fields: str) -> dict[str, str]:
    """The form as a browser sends it; `orders` and `totals` are rows, `orders_table` and `totals_table` ids."""
    ports = {port.name: port.pk for port in function.ports.all()}
    sent = {"name": "two customers", "enabled": "on", **fields}
    for name, port in ports.items():
        sent[f"port-{port}-rows"] = sent.pop(name, "")
        sent[f"port-{port}-table"] = sent.pop(f"{name}_table", "")
    return sent


def create(function: Function) -> str:
    return reverse("test-case-create") + f"?function={function.pk}"


def port_errors(answer: Any) -> dict[str, list[str]]:
    """The codes of what is wrong with the ports, by port and field."""
    return {
        f"{form.port.name}.{name}": [each.code for each in errors]
        for form in answer.context["editor"].port_forms
        for name, errors in form.errors.as_data().items()
    }


def test_a_test_case_is_made_of_pasted_rows(browser: Client, sum_orders: Function) -> None:
    sent = typed(
        sum_orders,
        orders="customer,amount\n1,2.50\n2,4\n",
        totals='[{"id": 1, "total": 2.5}, {"id": 2, "total": 4}]',
        tags="small, slow",
        comparison='{"abs_tol": 0.001}',
    )
    answer = browser.post(create(sum_orders), sent)
    case = TestCase.objects.get()
    assert answer["Location"] == reverse("test-case-detail", args=[case.pk])
    assert (case.tags, case.comparison, case.parameters) == (["small", "slow"], {"abs_tol": 0.001}, {})
    assert [binding.table.name for binding in case.inputs] == ["two customers: orders"]
    page = text(browser.get(answer["Location"]))
    assert "2.50" in page
    assert "This test case has not been run yet." in page


def test_a_test_case_is_made_of_tables_that_are_there(browser: Client, sum_orders: Function) -> None:
    orders = TableFactory.create(object=sum_orders.inputs[0].object, rows=ORDERS)
    sent = typed(sum_orders, orders_table=orders.pk, totals="id,total\n1,3.50\n")
    assert browser.post(create(sum_orders), sent).status_code == 302
    assert TestCase.objects.get().inputs[0].table == orders


def test_the_function_is_asked_for_first(browser: Client, sum_orders: Function) -> None:
    assert "sum_orders" in text(browser.get(reverse("test-case-create")))
    assert browser.get(reverse("test-case-create") + "?function=nothing").status_code == 400


def test_only_tables_of_the_right_object_can_be_picked(browser: Client, sum_orders: Function) -> None:
    other = TableFactory.create()
    assert other.name not in text(browser.get(create(sum_orders)))
    answer = browser.post(create(sum_orders), typed(sum_orders, orders_table=other.pk, totals="id,total\n"))
    assert port_errors(answer) == {"orders.table": ["invalid_choice"]}
    assert not TestCase.objects.exists()


def test_rows_that_do_not_conform_are_told_beside_their_port(browser: Client, sum_orders: Function) -> None:
    sent = typed(sum_orders, orders="customer,amount\n1,2\n,3\n1,-1\n", totals="id,total\n1,1\n1,2\n")
    answer = browser.post(create(sum_orders), sent)
    assert answer.status_code == 400
    assert port_errors(answer) == {"orders.rows": ["required", "minimum"], "totals.rows": ["primary_key"]}
    assert "row 3" in text(answer)
    assert "customer,amount" in text(answer)
    assert not TestCase.objects.exists()
    assert not Table.objects.exists()


def test_a_required_port_without_a_table_is_told(browser: Client, sum_orders: Function) -> None:
    answer = browser.post(create(sum_orders), typed(sum_orders, totals="id,total\n"))
    assert port_errors(answer) == {"orders.table": ["port_missing"]}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("comparison", '{"orderd": true}', "unknown_option"),
        ("comparison", "{", "invalid_json"),
        ("comparison", "[1]", "type"),
        ("parameters", '{"as_of": 1}', "unknown_parameter"),
        ("tags", "small,small", "duplicate"),
    ],
)
def test_errors_of_the_rules_stand_beside_their_fields(
    browser: Client, sum_orders: Function, field: str, value: str, code: str
) -> None:
    sent = typed(sum_orders, orders="customer,amount\n", totals="id,total\n", **{field: value})
    answer = browser.post(create(sum_orders), sent)
    assert [each.code for each in answer.context["editor"].form.errors.as_data()[field]] == [code]
    assert value in text(answer)
    assert not TestCase.objects.exists()


def test_a_test_case_is_edited_and_its_own_rows_are_replaced(browser: Client, sum_orders: Function) -> None:
    browser.post(create(sum_orders), typed(sum_orders, orders="customer,amount\n", totals="id,total\n"))
    case = TestCase.objects.get()
    given = case.inputs[0].table
    address = reverse("test-case-edit", args=[case.pk])
    assert "two customers: orders" in text(browser.get(address))
    sent = typed(sum_orders, orders="customer,amount\n1,2\n", totals_table=case.outputs[0].table_id, name="one")
    assert browser.post(address, sent).status_code == 302
    case.refresh_from_db()
    given.refresh_from_db()
    assert (case.name, given.version, given.row_count) == ("one", 2, 1)


def test_a_run_of_one_case_leads_to_its_diff(browser: Client, wrong: TestCase) -> None:
    answer = browser.post(reverse("test-case-run", args=[wrong.pk]), follow=True)
    page = text(answer)
    assert "actual differs from expected: 1 changed, 1 missing, 1 unexpected".capitalize() in page
    for words in ("1 changed", "1 missing", "1 unexpected", "0 moved", "Who is to blame?", "Mismatch"):
        assert words in page
    changed = answer.context["outputs"][0].view.rows[0].cells[1]
    assert (changed.expected.text, changed.actual.text) == ("9.00", "3.50")


def test_a_failure_to_conform_names_rows_and_the_function(browser: Client, wrong: TestCase) -> None:
    implementation = wrong.function.implementations.get()
    implementation.definition = {"totals": "SELECT NULL::BIGINT AS id, 1.00::DECIMAL(12, 2) AS total FROM orders"}
    implementation.save()
    page = text(browser.post(reverse("test-case-run", args=[wrong.pk]), follow=True))
    assert "invalid_output" in page or "invalid output" in page.lower()
    assert "what it gives does not conform to its object" in page


def test_chosen_test_cases_are_run_together(browser: Client, right: TestCase, wrong: TestCase) -> None:
    answer = browser.post(reverse("run-create"), {"test_case": [right.pk], "selected": "1"})
    run = Run.objects.get()
    assert answer["Location"] == reverse("run-detail", args=[run.pk])
    assert run.counts == {"passed": 1, "failed": 0, "error": 0, "skipped": 0}
    browser.post(reverse("run-create") + "?application=test&verdict=passed", {"all": "1"})
    assert Run.objects.first().total == 1  # type: ignore[union-attr]


def test_nothing_is_run_where_nothing_is_chosen(browser: Client, right: TestCase) -> None:
    for address, sent in (("", {"selected": "1"}), ("?verdict=good", {"all": "1"}), ("?tag=none", {"all": "1"})):
        answer = browser.post(reverse("run-create") + address, sent)
        assert answer["Location"] == reverse("test-case-list")
    assert not Run.objects.exists()


@pytest.mark.parametrize("name", ["home", "function-list", "test-case-list", "run-list"])
@pytest.mark.parametrize("query", ["search=%00", "function=%00", "verdict=good", "page=-1", "page=x"])
def test_a_query_that_means_nothing_harms_no_list(browser: Client, right: TestCase, name: str, query: str) -> None:
    assert browser.get(f"{reverse(name)}?{query}").status_code == 200
    assert browser.post(reverse("run-create"), {"test_case": "\0", "selected": "1"}).status_code == 302


def test_a_run_shows_the_table_of_verdicts(browser: Client, right: TestCase, wrong: TestCase) -> None:
    browser.post(reverse("function-run", args=[right.function_id]))
    run = Run.objects.get()
    page = text(browser.get(reverse("run-detail", args=[run.pk])))
    assert "1 passed" in page
    assert "1 failed" in page
    only = browser.get(reverse("run-detail", args=[run.pk]) + "?verdict=failed").context["page"]
    assert [result.test_case.name for result in only] == ["wrong"]
    assert "1 failed" in text(browser.get(reverse("run-list")))


def test_lists_cost_the_same_for_one_and_for_many(
    browser: Client, right: TestCase, wrong: TestCase, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser.post(reverse("test-case-run", args=[right.pk]))
    one = reverse("run-detail", args=[Run.objects.get().pk])
    with django_assert_num_queries(12):  # the run, others, tables, count, ids, results, and six for who may see what
        browser.get(one)
    two = browser.post(reverse("function-run", args=[right.function_id]))["Location"]
    with django_assert_num_queries(13):  # the function's name too
        browser.get(two)
    for extra in range(2):
        with django_assert_num_queries(7):  # count, cases, bindings, ports, tables, last results, applications
            browser.get(reverse("test-case-list"))
        TestCaseFactory.create(function=right.function, name=f"more {extra}")


def test_a_verdict_is_stale_once_a_table_has_moved_on(browser: Client, right: TestCase) -> None:
    browser.post(reverse("test-case-run", args=[right.pk]))
    append_rows(right.inputs[0].table, json_rows([{"customer": 3, "amount": 1}]))
    addresses = [
        reverse("test-case-list"),
        reverse("test-case-detail", args=[right.pk]),
        reverse("function-detail", args=[right.function_id]),
        reverse("result-detail", args=[Result.objects.get().pk]),
        reverse("run-detail", args=[Run.objects.get().pk]),
    ]
    for address in addresses:
        assert 'class="stale"' in text(browser.get(address)), address


def test_empty_lists_say_what_to_do(browser: Client) -> None:
    assert "Write the first one" in text(browser.get(reverse("test-case-list")))
    assert "Describe one first" in text(browser.get(reverse("test-case-create")))
    assert "Choose test cases to run" in text(browser.get(reverse("run-list")))


def test_a_test_case_is_deleted_with_its_results_and_without_its_tables(browser: Client, right: TestCase) -> None:
    browser.post(reverse("test-case-run", args=[right.pk]))
    address = reverse("test-case-delete", args=[right.pk])
    assert "its tables stay" in text(browser.get(address))
    assert browser.post(address)["Location"] == reverse("test-case-list")
    assert not Result.objects.exists()
    assert Table.objects.count() == 2


def test_what_changes_something_is_posted_with_a_token(right: TestCase, settings: Any) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    strict = Client(enforce_csrf_checks=True)
    for name, args in (("test-case-run", [right.pk]), ("function-run", [right.function_id]), ("run-create", [])):
        assert strict.get(reverse(name, args=args)).status_code == 405
        assert strict.post(reverse(name, args=args)).status_code == 403
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "name", ["test-case-detail", "test-case-edit", "test-case-delete", "run-detail", "result-detail"]
)
def test_what_is_not_there_is_not_found(browser: Client, name: str) -> None:
    assert browser.get(reverse(name, args=["nothing"])).status_code == 404


def test_home_shows_verdicts_runs_and_what_to_do_next(
    browser: Client, right: TestCase, wrong: TestCase, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    before = text(browser.get(reverse("home")))
    assert "2 not run yet" in before
    assert "Run 2 test cases for the first time" in before
    browser.post(reverse("function-run", args=[right.function_id]))
    append_rows(right.inputs[0].table, json_rows([{"customer": 3, "amount": 1}]))
    with django_assert_max_num_queries(12):
        after = text(browser.get(reverse("home")))
    for words in ("1 passed", "1 failed", "1 stale", "Look at 1 test case whose last verdict is failed"):
        assert words in after
    assert reverse("run-detail", args=[Run.objects.get().pk]) in after


def test_home_counts_a_changed_or_missing_implementation_as_stale(
    browser: Client, right: TestCase, wrong: TestCase
) -> None:
    browser.post(reverse("function-run", args=[right.function_id]))
    glance = browser.get(reverse("home")).context["glance"]
    assert (glance.by_verdict["passed"], glance.by_verdict["failed"], glance.stale, glance.not_run) == (1, 1, 0, 0)
    implementation = right.function.implementations.get()
    implementation.definition = {"totals": "SELECT 1 AS id, CAST(1 AS DECIMAL(12, 2)) AS total"}
    implementation.save()
    assert browser.get(reverse("home")).context["glance"].stale == 2
    implementation.delete()
    assert browser.get(reverse("home")).context["glance"].stale == 2


def test_home_finds_functions_and_test_cases(browser: Client, right: TestCase) -> None:
    page = text(browser.get(reverse("home"), {"search": "orders sum"}))
    assert reverse("function-detail", args=[right.function_id]) in page
    assert reverse("test-case-detail", args=[right.pk]) in page
