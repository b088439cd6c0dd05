"""prune_runs: what goes, what stays, and what is freed."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Part
from processes.models import Function, ImplementationDefinition
from testcases.models import Run
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db


def prune(*arguments: str) -> str:
    out = io.StringIO()
    call_command("prune_runs", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_old_runs_go_with_the_rows_that_only_they_hold(sum_orders: Function) -> None:
    given: dict[str, Any] = {"orders": [{"customer": 1, "amount": 1}]}
    often, once = (TestCaseFactory.create(function=sum_orders, inputs=given, outputs={"totals": []}) for _ in range(2))
    first = run_test_cases(sum_orders.application, [once])
    old = run_test_cases(sum_orders.application, [often])
    query = "SELECT 7 AS id, CAST(8 AS DECIMAL(12, 2)) AS total"
    sum_orders.define(implementations=[ImplementationDefinition("sql", "sql", {"totals": query})])
    middle = run_test_cases(sum_orders.application, [often])
    last = run_test_cases(sum_orders.application, [often])
    parts = Part.objects.count()
    assert "Would go: 2 runs, 2 results." in prune("--keep", "1", "--dry-run")
    assert "Gone: 2 runs, 2 results, 0 parts" in prune("--keep", "1", "--application", "test")
    assert set(Run.objects.values_list("pk", flat=True)) == {first.pk, last.pk}
    assert not Run.objects.filter(pk__in=[old.pk, middle.pk]).exists()
    assert Part.objects.count() == parts  # the newest results still hold them


def test_wrong_usage_is_said(application: Any) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        prune("--keep", "0")
