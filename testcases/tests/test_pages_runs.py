"""The pages of runs: the form that begins one, the grid of implementations, what it ran against, running it again."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from catalog.contents import append_rows
from catalog.models import Application, Configuration
from catalog.tests.factories import json_rows
from processes.models import Function, ImplementationDefinition
from processes.tests.factories import FunctionFactory
from testcases.models import Run, TestCase
from testcases.reported import start_reported_run
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
GIVEN = [{"customer": 1, "amount": 2.5}, {"customer": 1, "amount": 1}]
RIGHT = "SELECT customer AS id, CAST(sum(amount) AS DECIMAL(12, 2)) AS total FROM orders GROUP BY customer"
ROUNDED = "SELECT customer AS id, CAST(round(sum(amount)) AS DECIMAL(12, 2)) AS total FROM orders GROUP BY customer"


@pytest.fixture
def browser(settings: Any) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return Client()


@pytest.fixture
def function(sum_orders: Function) -> Function:
    """Two implementations, of which the second rounds."""
    sum_orders.define(
        implementations=[
            ImplementationDefinition("exact", "sql", {"totals": RIGHT}),
            ImplementationDefinition("rounded", "sql", {"totals": ROUNDED}),
        ]
    )
    return sum_orders


@pytest.fixture
def cases(function: Function) -> list[TestCase]:
    """On the first, the implementations do not agree."""
    expected = {"totals": [{"id": 1, "total": 3.5}]}
    return [
        TestCaseFactory.create(
            function=function, name="halves", tags=["small"], inputs={"orders": GIVEN}, outputs=expected
        ),
        TestCaseFactory.create(function=function, name="nothing"),
    ]


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def run_all(cases: list[TestCase], **options: Any) -> Run:
    return run_test_cases(cases[0].application, cases, implementations=["*"], **options)


def detail(run: Run, query: str = "") -> str:
    return reverse("run-detail", args=[run.pk]) + query


def names(answer: Any) -> list[str]:
    """The test cases in the grid of a page."""
    return [row.test_case.name for row in answer.context["grid"].rows]


# --- the form -------------------------------------------------------------------------------------------------------


def ask(browser: Client, **fields: Any) -> Any:
    return browser.post(reverse("run-form"), {"action": "run", **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["halves", "nothing"]),
        ({"names": "half*\r\nhalv?s"}, None),
        ({"names": "halv*"}, ["halves"]),
        ({"tags": "small, big"}, ["halves"]),
        ({"application": "test"}, ["halves", "nothing"]),
        ({"last_verdicts": ["failed"]}, None),
    ],
)
def test_the_form_runs_what_it_selects(
    browser: Client, cases: list[TestCase], fields: dict[str, Any], expected: list[str] | None
) -> None:
    answer = ask(browser, **fields)
    if expected is None:
        assert answer.status_code == 400
        assert not Run.objects.exists()
        return
    run = Run.objects.get()
    assert answer["Location"] == detail(run)
    assert sorted(result.test_case.name for result in run.results.all()) == expected
    assert {result.implementation_name for result in run.results.all()} == {"exact"}


def test_the_form_runs_with_implementations_and_a_configuration(browser: Client, cases: list[TestCase]) -> None:
    configuration = Configuration.objects.create(application=cases[0].application, name="local", config={"a": 1})
    page = text(browser.get(reverse("run-form") + f"?function={cases[0].function_id}&implementation=rounded"))
    assert "rounded" in page
    assert 'value="rounded" aria-describedby="id_implementations_helptext" checked' in page or "checked" in page
    ask(browser, implementations=["exact", "rounded"], configuration=configuration.pk)
    run = Run.objects.get()
    assert (run.total, run.configuration) == (4, configuration)
    shown = text(browser.get(detail(run)))
    assert "exact, rounded" in shown
    assert "local" in shown
    configuration.config = {"a": 2}
    configuration.save()
    assert "changed since" in text(browser.get(detail(run)))


def test_the_form_counts_without_running(browser: Client, cases: list[TestCase]) -> None:
    answer = ask(browser, action="count", tags="small")
    assert "1 test case" in text(answer)
    assert "halves" in text(answer)
    assert not Run.objects.exists()


def test_what_failed_last_or_is_stale_is_run_again(browser: Client, cases: list[TestCase]) -> None:
    run_all(cases)
    ask(browser, last_verdicts=["failed"])
    assert Run.objects.first().selection["test_cases"] == [cases[0].pk]  # type: ignore[union-attr]
    append_rows(cases[1].inputs[0].table, json_rows([{"customer": 3, "amount": 1}]))
    ask(browser, stale="on")
    assert Run.objects.first().selection["test_cases"] == [cases[1].pk]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"names": "halvs"}, "names", "does_not_exist"),
        ({"names": "100% \0"}, "names", "null_characters_not_allowed"),
        ({"tags": "none"}, "__all__", "empty_selection"),
        ({"implementations": ["magic"]}, "implementations", "invalid_choice"),
        ({"function": "nothing"}, "function", "invalid_choice"),
        ({"function": "\0"}, "function", "null_characters_not_allowed"),
        ({"application": "nowhere"}, "application", "invalid_choice"),
        ({"last_verdicts": ["good"]}, "last_verdicts", "invalid_choice"),
    ],
)
def test_what_selects_nothing_is_told_beside_its_field(
    browser: Client, cases: list[TestCase], fields: dict[str, Any], field: str, code: str
) -> None:
    answer = ask(browser, **fields)
    assert answer.status_code == 400
    found = {name: errors[0].code for name, errors in answer.context["form"].errors.as_data().items()}
    if code == "null_characters_not_allowed":
        assert field in found
    else:
        assert found == {field: code}
    assert not Run.objects.exists()


def test_what_belongs_to_another_application_is_refused(browser: Client, cases: list[TestCase]) -> None:
    demo = Application.objects.get(name="demo")
    elsewhere = Configuration.objects.create(application=demo, name="there", config={})
    answer = ask(browser, application="test", configuration=elsewhere.pk)
    assert "The configuration is of demo, not of test." in text(answer)
    answer = ask(browser, application="demo", function=cases[0].function_id)
    assert "The function is of test, not of demo." in text(answer)
    assert not Run.objects.exists()


def test_ticked_test_cases_are_taken_to_the_form(browser: Client, cases: list[TestCase]) -> None:
    answer = browser.post(reverse("run-create"), {"test_case": [cases[1].pk], "choose": "1"}, follow=True)
    assert "This test case:" in text(answer)
    assert "nothing" in text(answer)
    ask(browser, test_case=[cases[1].pk], implementations=["*"])
    assert Run.objects.get().total == 2
    found = browser.post(reverse("run-create") + "?tag=small&function=x", {"choose": "1"}, follow=True)
    assert found.context["form"]["tags"].value() == "small"


def test_the_form_bears_any_address(browser: Client, cases: list[TestCase]) -> None:
    for query in ("function=%00", "test_case=%00&test_case=nothing", "verdict=good", "application=x", "tag=%00"):
        assert browser.get(f"{reverse('run-form')}?{query}").status_code == 200


def test_the_form_costs_the_same_for_any_number(
    browser: Client, cases: list[TestCase], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    FunctionFactory.create_batch(5, application=cases[0].application)
    with django_assert_max_num_queries(5):
        browser.get(reverse("run-form"))


# --- the page -------------------------------------------------------------------------------------------------------


def test_a_run_with_several_implementations_is_a_grid(browser: Client, cases: list[TestCase]) -> None:
    run = run_all(cases)
    answer = browser.get(detail(run))
    grid = answer.context["grid"]
    assert [(column.name, column.passed, column.total) for column in grid.columns] == [
        ("exact", 2, 2),
        ("rounded", 1, 2),
    ]
    verdicts = {row.test_case.name: [cell.result.verdict for cell in row.cells] for row in grid.rows}
    assert verdicts == {"halves": ["passed", "failed"], "nothing": ["passed", "passed"]}
    for result in run.results.all():
        assert reverse("result-detail", args=[result.pk]) in text(answer)
    assert names(browser.get(detail(run, "?disagreeing=1"))) == ["halves"]
    assert names(browser.get(detail(run, "?verdict=failed"))) == ["halves"]
    only = browser.get(detail(run, "?view=list&implementation=rounded")).context["page"]
    assert {result.implementation_name for result in only} == {"rounded"}


def test_a_grid_tells_what_was_not_planned_and_what_was_not_judged(browser: Client, cases: list[TestCase]) -> None:
    single = FunctionFactory.create(name="single", application=cases[0].application)
    other = TestCaseFactory.create(function=single, name="of one")
    run = run_all([*cases, other])
    assert names(browser.get(detail(run))) == ["halves", "nothing", "of one"]
    rows = {row.test_case.name: row.cells for row in browser.get(detail(run)).context["grid"].rows}
    assert [(cell.result is None, cell.is_planned) for cell in rows["of one"]] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    run.results.filter(test_case=other).delete()
    assert "not judged" in text(browser.get(detail(run)))
    other.delete()
    assert names(browser.get(detail(run))) == ["halves", "nothing"]


def test_a_run_with_one_implementation_is_a_list(browser: Client, cases: list[TestCase]) -> None:
    run = run_test_cases(cases[0].application, cases)
    answer = browser.get(detail(run))
    assert "grid" not in answer.context
    assert [result.test_case.name for result in answer.context["page"]] == ["halves", "nothing"]


def test_a_grid_costs_the_same_for_few_and_for_many(
    browser: Client, cases: list[TestCase], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    few = run_all(cases[:1])
    more = [TestCaseFactory.create(function=cases[0].function, name=f"more {number}") for number in range(5)]
    many = run_all([*cases, *more])
    for run in (few, many):
        with django_assert_num_queries(6):  # the run, others, tables, and three for the grid
            browser.get(detail(run))


def test_a_run_tells_what_it_ran_against(browser: Client, cases: list[TestCase]) -> None:
    browser.post(reverse("function-run", args=[cases[0].function_id]), {"implementation": "*"})
    run = Run.objects.get()
    page = text(browser.get(detail(run)))
    assert "exact, rounded" in page
    assert "sum_orders" in page
    assert reverse("api-run-junit", args=[run.pk]) in page
    table = cases[0].inputs[0].table
    assert f"{table.name}, version 1" in page
    append_rows(table, json_rows([{"customer": 3, "amount": 1}]))
    assert "now at version 2" in text(browser.get(detail(run)))


def test_a_run_is_run_again_wholly_or_where_it_went_wrong(browser: Client, cases: list[TestCase]) -> None:
    run = run_all(cases)
    browser.post(reverse("run-again", args=[run.pk]))
    again = Run.objects.first()
    assert again is not None
    assert (again.total, again.selection["implementations"]) == (4, ["*"])
    browser.post(reverse("run-again", args=[run.pk]), {"only": ["failed", "error"]})
    wrong = Run.objects.first()
    assert wrong is not None
    assert (wrong.total, wrong.selection["test_cases"]) == (2, [cases[0].pk])


def test_a_run_that_a_client_reported_is_not_run_here(browser: Client, cases: list[TestCase]) -> None:
    run = start_reported_run(cases[0].application, cases, "shop:orders", {})
    assert "run and reported by a client" in text(browser.get(detail(run)))
    answer = browser.post(reverse("run-again", args=[run.pk]), follow=True)
    assert "the implementation is not known here" in text(answer)
    assert Run.objects.count() == 1


def test_a_run_is_compared_with_one_that_is_chosen(browser: Client, cases: list[TestCase]) -> None:
    first, second = run_all(cases), run_all(cases)
    page = text(browser.get(detail(first)))
    assert f'value="{second.pk}"' in page
    address = reverse("run-compare-with", args=[second.pk])
    for asked, other in ((second, first), (first, second)):
        answer = browser.get(reverse("run-compare-with", args=[asked.pk]) + f"?with={other.pk}")
        assert answer["Location"] == reverse("run-compare", args=[first.pk, second.pk])
    for wrong in ("", "?with=nothing", "?with=%00"):
        assert browser.get(address + wrong).status_code == 404


# --- the function ---------------------------------------------------------------------------------------------------


def test_a_function_shows_the_last_verdict_of_each_implementation(
    browser: Client, cases: list[TestCase], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    address = reverse("function-detail", args=[cases[0].function_id])
    assert "not run yet" in text(browser.get(address))
    run_all(cases)
    run_test_cases(cases[0].application, cases[:1])
    decisions = {each.case.name: each.last_results for each in browser.get(address).context["decisions"]}
    assert [result.verdict for result in decisions["halves"]] == ["passed", "failed"]
    newest = Run.objects.first()
    assert newest is not None
    assert [result.run_id == newest.pk for result in decisions["halves"]] == [True, False]
    with django_assert_num_queries(10):
        browser.get(address)
    TestCaseFactory.create_batch(3, function=cases[0].function)
    with django_assert_num_queries(10):
        browser.get(address)


# --- the test case --------------------------------------------------------------------------------------------------


def test_a_test_case_shows_how_it_went_lately(browser: Client, cases: list[TestCase]) -> None:
    for _ in range(2):
        run_all(cases[:1])
    address = reverse("test-case-detail", args=[cases[0].pk])
    strips = {strip.implementation: strip for strip in browser.get(address).context["strips"]}
    assert [result.verdict for result in strips["rounded"].results] == ["failed", "failed"]
    assert strips["exact"].results[0].pk < strips["exact"].results[1].pk
    assert "2 passed, never changed" in text(browser.get(address))
    append_rows(cases[0].inputs[0].table, json_rows([{"customer": 3, "amount": 1}]))
    assert "Stale:" in text(browser.get(address))
