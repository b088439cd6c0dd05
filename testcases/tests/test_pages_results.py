"""The pages of results: accepting with a reason, comparing two runs."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.contents import append_rows
from catalog.reading import GonePartError
from catalog.tests.factories import json_rows
from processes.models import Function
from testcases.models import Result, TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory
from testcases.views import results

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(sum_orders: Function) -> TestCase:
    """A case whose expected rows are wrong."""
    given = [{"customer": 1, "amount": 2.5}]
    return TestCaseFactory.create(function=sum_orders, inputs={"orders": given}, outputs={"totals": []})


@pytest.fixture
def page(client: Client, settings: Any) -> Client:
    """A browser on this machine, to whom the site is open."""
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return client


def test_the_actual_rows_are_accepted_with_a_reason(page: Client, case: TestCase) -> None:
    result = run_test_cases(case.application, [case]).results.get()
    assert b"Accept actual as expected" in page.get(reverse("result-detail", args=[result.pk])).content
    address = reverse("result-accept", args=[result.pk])
    assert b"Say why this is right" in page.post(address, {"message": " "}, follow=True).content
    assert b"Accepted: " in page.post(address, {"message": "It is."}, follow=True).content
    assert b"since then something else is" in page.post(address, {"message": "It is."}, follow=True).content
    assert run_test_cases(case.application, [case]).verdict == "passed"
    right = Result.objects.get(run__verdict="passed")
    assert b"Accept actual" not in page.get(reverse("result-detail", args=[right.pk])).content


def test_two_runs_are_compared_on_a_page(page: Client, case: TestCase) -> None:
    first = run_test_cases(case.application, [case])
    result = first.results.get()
    page.post(reverse("result-accept", args=[result.pk]), {"message": "It is."})
    second = run_test_cases(case.application, [case])
    address = reverse("run-compare", args=[first.pk, second.pk])
    assert address.encode() in page.get(reverse("run-detail", args=[second.pk])).content
    content = page.get(address).content
    assert b"1 fixed" in content
    assert case.name.encode() in content
    assert page.get(reverse("run-compare", args=[first.pk, "x"])).status_code == 404


@pytest.fixture
def many(sum_orders: Function) -> Result:
    """300 rows changed, 150 missing and 60 unexpected, of which a result lists 100 of each class."""
    given = [{"customer": number, "amount": 1} for number in range(510)]
    expected = [{"id": number, "total": 2 if number < 300 else 1} for number in range(600) if not 300 <= number < 360]
    case = TestCaseFactory.create(function=sum_orders, inputs={"orders": given}, outputs={"totals": expected})
    return run_test_cases(case.application, [case]).results.get()


def shown(page: Client, result: Result, query: str) -> Any:
    return page.get(reverse("result-detail", args=[result.pk]) + query).context["outputs"][0]


def ids(output: Any) -> list[int]:
    """The key of each row that is shown."""
    place = output.view.columns.index("id")
    return [int(row.cells[place].value.text) for row in output.view.rows]


@pytest.mark.parametrize(
    ("query", "expected", "caption"),
    [
        ("", range(50), "Rows that differ: 1 to 50 of 450"),
        ("?output=totals&page=5", range(200, 250), "Rows that differ: 201 to 250 of 450"),
        ("?output=totals&class=changed&page=6", range(250, 300), "Rows that are changed: 251 to 300 of 300"),
        ("?output=totals&class=changed&page=7", range(250, 300), "Rows that are changed: 251 to 300 of 300"),
        ("?output=totals&class=missing&page=2", range(560, 600), "Rows that are missing: 51 to 90 of 90"),
        ("?output=totals&class=unexpected&page=2", range(350, 360), "Rows that are unexpected: 51 to 60 of 60"),
        ("?output=totals&attribute=total&page=3", range(100, 150), "Rows that differ in total: 101 to 150"),
        ("?output=other&class=missing&page=2", range(50), "Rows that differ: 1 to 50 of 450"),
        ("?output=totals&class=good&attribute=x&page=-1", range(50), "Rows that differ: 1 to 50 of 450"),
        ("?output=totals&page=%00", range(50), "Rows that differ: 1 to 50 of 450"),
    ],
)
def test_rows_that_differ_are_paged_by_class_and_attribute(
    page: Client, many: Result, query: str, expected: range, caption: str
) -> None:
    output = shown(page, many, query)
    assert ids(output) == list(expected)
    assert output.caption == caption


def test_pages_lead_to_each_other_and_to_files(page: Client, many: Result) -> None:
    address = reverse("result-detail", args=[many.pk])
    first = page.get(address + "?output=totals&class=missing").content
    assert b"output=totals&amp;class=missing&amp;page=2#output-1" in first
    assert b'rel="prev"' not in first
    assert b"diff.csv?class=missing" in first
    last = page.get(address + "?output=totals&class=missing&page=2").content
    assert b'rel="prev"' in last
    assert b'rel="next"' not in last


def test_where_the_rows_are_gone_what_was_listed_is_shown(
    page: Client, many: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*given: Any) -> Any:
        raise GonePartError(["x"])

    monkeypatch.setattr(results, "page_of", gone)
    answer = page.get(reverse("result-detail", args=[many.pk]) + "?output=totals&class=changed&page=4")
    assert b"The rows themselves are gone" in answer.content
    assert ids(answer.context["outputs"][0]) == list(range(50, 100))


def test_a_stale_or_flaky_verdict_is_explained(page: Client, case: TestCase) -> None:
    result = run_test_cases(case.application, [case]).results.get()
    Result.objects.create(
        run=run_test_cases(case.application, []),
        test_case=case,
        implementation_name=result.implementation_name,
        fingerprint=result.fingerprint,
        verdict="passed",
    )
    table = case.inputs[0].table
    append_rows(table, json_rows([{"customer": 3, "amount": 1}]))
    content = page.get(reverse("result-detail", args=[result.pk])).content
    assert b"Flaky:" in content
    assert b"passed on" in content
    assert f"{table.name} was at version 1 and is at version 2".encode() in content


def test_a_result_is_run_again_as_it_was(page: Client, case: TestCase) -> None:
    result = run_test_cases(case.application, [case]).results.get()
    content = page.get(reverse("result-detail", args=[result.pk])).content
    assert b'name="implementations" value="sql"' in content
    page.post(reverse("run-form"), {"test_case": case.pk, "implementations": "sql"})
    newest = Result.objects.order_by("-id").first()
    assert newest is not None
    assert (newest.test_case_id, newest.implementation_name) == (case.pk, "sql")
    assert newest.pk != result.pk
