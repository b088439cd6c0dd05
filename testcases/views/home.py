"""The first page: what there is, how it went, and what to do next."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog.views.home import FOUND, catalog_overview
from catalog.views.lists import search
from processes.models import Function, Implementation
from testcases.models import Result, Run, TestCase
from testcases.models.runs import Verdict
from testcases.views.cases import SEARCHED

RUNS_SHOWN = 8


@dataclass(frozen=True)
class Step:
    """Something to do next: a sentence, and the page where it is done."""

    text: str
    url: str


@dataclass(frozen=True)
class Glance:
    """How the test cases went last: cases by verdict, and how many verdicts are out of date."""

    by_verdict: dict[str, int]
    stale: int
    not_run: int

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        return list(self.by_verdict.items())


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Verdicts at a glance, recent runs and changes, and a search over everything."""
    words = request.GET.get("search", "").strip()
    glance = _glance()
    context: dict[str, Any] = catalog_overview(words) | {
        "glance": glance,
        "runs": Run.objects.select_related("application", "created_by").defer("selection")[:RUNS_SHOWN],
        "steps": _steps(glance),
    }
    if words:
        functions = Function.objects.select_related("application")
        cases = TestCase.objects.select_related("application", "function")
        context["functions"] = search(functions, words, "name", "summary")[:FOUND]
        context["test_cases"] = search(cases, words, *SEARCHED)[:FOUND]
    return render(request, "home.html", context)


def _glance() -> Glance:
    """How the newest Results went, counted in the database: three queries, and as many rows as implementations."""
    newest = Result.objects.newest().with_staleness().order_by()
    kinds = ("verdict", "is_outdated", "implementation_id", "implementation_digest")
    counted = list(newest.values_list(*kinds).annotate(total=Count("id")))
    digests = {pk: each.digest for pk, each in Implementation.objects.in_bulk({kind[2] for kind in counted}).items()}
    found: Counter[str] = Counter()
    stale = 0
    for verdict, is_outdated, implementation, digest, total in counted:
        found[verdict] += total
        if is_outdated or (digest and digests.get(implementation) != digest):
            stale += total
    by_verdict = {verdict: found[verdict] for verdict in Verdict.values}
    return Glance(by_verdict, stale, TestCase.objects.count() - found.total())


def _steps(glance: Glance) -> list[Step]:
    cases = reverse("test-case-list")
    wrong = [(verdict, glance.by_verdict[verdict]) for verdict in (Verdict.ERROR, Verdict.FAILED)]
    steps = [
        Step(f"Look at {_count(number, 'test case')} whose last verdict is {verdict}", f"{cases}?verdict={verdict}")
        for verdict, number in wrong
        if number
    ]
    if glance.stale:
        stale = f"Run again what has changed since: {_count(glance.stale, 'verdict')} stale"
        steps.append(Step(stale, reverse("run-form") + "?stale=1"))
    if glance.not_run:
        steps.append(Step(f"Run {_count(glance.not_run, 'test case')} for the first time", cases))
    unproved = Function.objects.filter(test_cases=None)
    steps += [
        Step(f"Prove the function {each.name} with a test case", reverse("test-case-create") + f"?function={each.pk}")
        for each in unproved[:3]
    ]
    return steps


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
