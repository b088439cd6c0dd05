"""What begins a run from a page: a form of choices, and buttons on test cases, functions, lists and runs.

A small run happens while the browser waits; a large one is a worker's, and its page shows it go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from catalog.models import Application, Configuration
from catalog.views.lists import author, search
from processes.models import Function
from testcases.deferring import run_or_defer
from testcases.filters import TestCaseFilter
from testcases.forms.running import RunForm
from testcases.models import Run, TestCase
from testcases.models.runs import Verdict
from testcases.reported import REPORTED
from testcases.runs import run_test_cases
from testcases.views.cases import SEARCHED

CASES_LISTED = 20


@require_http_methods(["GET", "HEAD", "POST"])
def run_form(request: HttpRequest) -> HttpResponse:
    """Choose test cases, implementations and a configuration; count what that selects, or run it."""
    form = RunForm(request.POST if request.method == "POST" else None, asked=request.GET)
    context: dict[str, Any] = {"form": form, "chosen": form.chosen[:CASES_LISTED], "chosen_count": len(form.chosen)}
    if request.method == "POST" and form.is_valid():
        cases = form.selected()
        if cases and request.POST.get("action") != "count":
            return _run(request, cases, form.criteria().as_dict(), form.cleaned_data)
        context |= {"selected": cases[:CASES_LISTED], "selected_count": len(cases)}
    return render(request, "testcases/run_form.html", context, status=400 if form.errors else 200)


@require_POST
def test_case_run(request: HttpRequest, pk: str) -> HttpResponse:
    """Run one test case and show its result."""
    case = get_object_or_404(TestCase.objects.select_related("application"), pk=pk)
    run = run_test_cases(case.application, [case], {"test_cases": [case.pk]}, author(request))
    result = run.results.first()
    return redirect("result-detail", pk=result.pk) if result else redirect("run-detail", pk=run.pk)


@require_POST
def function_run(request: HttpRequest, pk: str) -> HttpResponse:
    """Run all test cases of a function and show the run; `implementation`: names, or `*` for all of them."""
    function = get_object_or_404(Function.objects.select_related("application"), pk=pk)
    how = {"implementations": request.POST.getlist("implementation")}
    return _run(request, function.test_cases.select_related("application"), {"functions": [function.pk]}, how)


@require_POST
def run_create(request: HttpRequest) -> HttpResponse:
    """Run the test cases that the query string finds, or those of them that are ticked."""
    found = TestCaseFilter(request.GET, TestCase.objects.select_related("application", "function"))
    if not found.is_valid():
        messages.error(request, "The list that was shown can't be found again, so nothing was run.")
        return redirect("test-case-list")
    cases = search(found.qs, request.GET.get("search", ""), *SEARCHED)
    ticked = [each for each in request.POST.getlist("test_case") if each.isalnum()]
    if "choose" in request.POST and ticked:
        return redirect(f"{reverse('run-form')}?{urlencode({'test_case': ticked}, doseq=True)}")
    if "choose" in request.POST:
        return redirect(f"{reverse('run-form')}?{request.GET.urlencode()}")
    if "selected" in request.POST:
        cases = cases.filter(pk__in=ticked)
    return _run(request, cases, {"query": request.GET.dict()} if not ticked else {"test_cases": ticked})


@require_POST
def run_again(request: HttpRequest, pk: str) -> HttpResponse:
    """Run what a run judged once more, with the same implementations and configuration; `only`: of these verdicts."""
    run = get_object_or_404(Run.objects.select_related("application", "configuration"), pk=pk)
    if REPORTED in run.selection:
        messages.error(request, "A client reported this run; the implementation is not known here.")
        return redirect("run-detail", pk=pk)
    wanted = [each for each in request.POST.getlist("only") if each in Verdict.values]
    ids = run.selection["test_cases"]
    if wanted:
        ids = list(run.results.filter(verdict__in=wanted).order_by().values_list("test_case_id", flat=True).distinct())
    cases = run.application.test_cases.select_related("application", "function").filter(pk__in=ids)
    implementations = run.selection.get("implementations", [])
    how = {"implementations": implementations, "configuration": run.configuration}
    return _run(request, cases, {"again": run.pk} | ({"last_verdicts": wanted} if wanted else {}), how)


def _run(
    request: HttpRequest, cases: Iterable[TestCase], selection: Mapping[str, Any], how: Mapping[str, Any] | None = None
) -> HttpResponse:
    """One run for each application that the cases are of."""
    by_application: dict[Application, list[TestCase]] = {}
    for case in cases:
        by_application.setdefault(case.application, []).append(case)
    if not by_application:
        messages.warning(request, "No test case is selected, so nothing was run.")
        return redirect("test-case-list")
    implementations: Sequence[str] = (how or {}).get("implementations", ())
    configuration: Configuration | None = (how or {}).get("configuration")
    runs = [
        run_or_defer(each, chosen, selection, author(request), implementations, configuration)
        for each, chosen in by_application.items()
    ]
    if len(runs) > 1:
        messages.info(request, f"The test cases are of {len(runs)} applications, so there are {len(runs)} runs.")
        return redirect("run-list")
    return redirect("run-detail", pk=runs[0].pk)
