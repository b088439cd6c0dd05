"""The pages of runs and results. A small run happens while the browser waits; a large one is a worker's, and its page
shows it go on. Without JavaScript that page loads itself again."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from catalog.models import Application
from catalog.views.lists import author, paginated, search
from processes.models import Function
from testcases.accepting import NotAcceptableError, accept_actual
from testcases.deferring import cancel_run, run_or_defer
from testcases.filters import ResultFilter, RunFilter, TestCaseFilter
from testcases.history import compare_runs
from testcases.models import Result, Run, TestCase
from testcases.models.runs import Reason, Verdict
from testcases.recording import RunEndedError
from testcases.runs import run_test_cases
from testcases.sight import as_seen
from testcases.views.cases import SEARCHED
from testcases.wording import BLAME, diff_view


@require_safe
def run_list(request: HttpRequest) -> HttpResponse:
    """Runs, the newest first."""
    runs = RunFilter(request.GET, Run.objects.select_related("application", "created_by")).qs
    context = {
        "page": paginated(request, runs),
        "applications": Application.objects.values_list("name", flat=True),
        "verdicts": Verdict.values,
        "is_filtered": any(value for name, value in request.GET.items() if name != "page"),
    }
    return render(request, "testcases/run_list.html", context)


@require_safe
def run_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A run: how many of each verdict, and the table of verdicts."""
    run = get_object_or_404(Run.objects.with_names(), pk=pk)
    results = run.results.with_sight().with_flakiness().with_staleness().select_related("test_case__function")
    found = ResultFilter(request.GET, results.order_by("id" if run.has_ended else "-id"))
    before = Run.objects.filter(application=run.application, pk__lt=run.pk).order_by("-pk").first()
    page = paginated(request, found.qs)
    page.object_list = [as_seen(request, result) for result in page.object_list]
    context = {"run": run, "before": before, "page": page, "verdicts": Verdict.values}
    return render(request, "testcases/run_detail.html", context)


@require_POST
def run_cancel(request: HttpRequest, pk: str) -> HttpResponse:
    """Stop a run; the results that it has stay."""
    try:
        run = cancel_run(get_object_or_404(Run.objects.with_names(), pk=pk), author(request))
    except RunEndedError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "The run is cancelled." if run.has_ended else "The run will stop in a moment.")
    return redirect("run-detail", pk=pk)


@require_safe
def result_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A result: the verdict, who is to blame, and the diff cell by cell."""
    result = as_seen(request, get_object_or_404(Result.objects.with_parts(), pk=pk))
    function = Function.objects.with_parts().get(pk=result.test_case.function_id)
    order = {port.name: port.object.schema.names for port in function.outputs}
    context = {
        "result": result,
        "function": function,
        "blame": BLAME.get(result.reason, ""),
        "outputs": [
            diff_view(each.port_name, each.row_count, each.diff, order.get(each.port_name, ()))
            for each in result.outputs.all()
        ],
        "pins": result.pins.all(),
        "timings": result.timings_ms.items(),
        "is_acceptable": result.reason == Reason.MISMATCH,
    }
    return render(request, "testcases/result_detail.html", context)


@require_POST
def result_accept(request: HttpRequest, pk: str) -> HttpResponse:
    """Make what a result's function gave the expected rows, for the reason that is given."""
    result = get_object_or_404(Result.objects.with_parts(), pk=pk)
    try:
        versions = accept_actual(
            result,
            request.POST.get("message", ""),
            author(request),
            is_confirmed="confirm" in request.POST,
        )
    except NotAcceptableError as error:
        messages.error(request, f"{error} {error.hint}")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        names = ", ".join(f"{each.table.name} (version {each.number})" for each in versions)
        messages.success(request, f"Accepted: {names}. Run the test case again to see it pass.")
    return redirect("result-detail", pk=result.pk)


@require_safe
def run_compare(request: HttpRequest, pk: str, other: str) -> HttpResponse:
    """What changed from one run to another, case by case."""
    runs = Run.objects.select_related("application")
    found = compare_runs(get_object_or_404(runs, pk=pk), get_object_or_404(runs, pk=other))
    wanted = request.GET.get("change", "")
    cases = [each for each in found.cases if (each.change == wanted if wanted else each.change != "same")]
    context = {"found": found, "page": paginated(request, cases), "wanted": wanted}
    return render(request, "testcases/run_compare.html", context)


@require_POST
def test_case_run(request: HttpRequest, pk: str) -> HttpResponse:
    """Run one test case and show its result."""
    case = get_object_or_404(TestCase.objects.select_related("application"), pk=pk)
    run = run_test_cases(case.application, [case], {"test_cases": [case.pk]}, author(request))
    result = run.results.first()
    return redirect("result-detail", pk=result.pk) if result else redirect("run-detail", pk=run.pk)


@require_POST
def function_run(request: HttpRequest, pk: str) -> HttpResponse:
    """Run all test cases of a function and show the run."""
    function = get_object_or_404(Function.objects.select_related("application"), pk=pk)
    return _run(request, function.test_cases.select_related("application"), {"functions": [function.pk]})


@require_POST
def run_create(request: HttpRequest) -> HttpResponse:
    """Run the test cases that the query string finds, or those of them that are ticked."""
    found = TestCaseFilter(request.GET, TestCase.objects.select_related("application", "function"))
    if not found.is_valid():
        messages.error(request, "The list that was shown can't be found again, so nothing was run.")
        return redirect("test-case-list")
    cases = search(found.qs, request.GET.get("search", ""), *SEARCHED)
    ticked = [each for each in request.POST.getlist("test_case") if each.isalnum()]
    if "selected" in request.POST:
        cases = cases.filter(pk__in=ticked)
    return _run(request, cases, {"query": request.GET.dict()} if not ticked else {"test_cases": ticked})


def _run(request: HttpRequest, cases: Iterable[TestCase], selection: Mapping[str, Any]) -> HttpResponse:
    """One run for each application that the cases are of."""
    by_application: dict[Application, list[TestCase]] = {}
    for case in cases:
        by_application.setdefault(case.application, []).append(case)
    if not by_application:
        messages.warning(request, "No test case is selected, so nothing was run.")
        return redirect("test-case-list")
    runs = [run_or_defer(each, chosen, selection, author(request)) for each, chosen in by_application.items()]
    if len(runs) == 1:
        return redirect("run-detail", pk=runs[0].pk)
    messages.info(request, f"The test cases are of {len(runs)} applications, so there are {len(runs)} runs.")
    return redirect("run-list")
