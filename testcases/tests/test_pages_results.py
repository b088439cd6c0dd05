"""The pages of results: accepting with a reason, comparing two runs."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from processes.models import Function
from testcases.models import Result, TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

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
