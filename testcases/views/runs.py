"""The pages of runs: what ran, against what, and how it went. Without JavaScript the page of a run that goes on loads
itself again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from catalog.models import Application, TableVersion
from catalog.views.lists import author, paginated
from processes.models import Function
from testcases.deferring import cancel_run
from testcases.filters import ResultFilter, RunFilter
from testcases.grid import cases_of, grid_of, has_grid, implementations_of
from testcases.history import compare_runs
from testcases.models import Pin, Run
from testcases.models.runs import Verdict
from testcases.recording import RunEndedError
from testcases.reported import REPORTED
from testcases.sight import as_seen
from testcases.trials import digest_of

OTHERS_LISTED = 30
TABLES_LISTED = 30


@dataclass(frozen=True)
class Against:
    """What a run ran against: implementations, configuration, and the versions of tables."""

    implementations: list[str]
    configuration: str
    is_configuration_changed: bool
    is_reported: bool
    tables: list[TableVersion]
    has_more_tables: bool


@require_safe
def run_list(request: HttpRequest) -> HttpResponse:
    """Runs, the newest first."""
    # A selection holds the id of every test case, which no list shows.
    runs = RunFilter(request.GET, Run.objects.select_related("application", "created_by").defer("selection")).qs
    context = {
        "page": paginated(request, runs),
        "applications": Application.objects.values_list("name", flat=True),
        "verdicts": Verdict.values,
        "is_filtered": any(value for name, value in request.GET.items() if name != "page"),
    }
    return render(request, "testcases/run_list.html", context)


@require_safe
def run_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A run: how many of each verdict, what it ran against, and its verdicts as a list or as a grid."""
    run = get_object_or_404(Run.objects.with_names().select_related("configuration"), pk=pk)
    others = _others(run)
    context = {
        "run": run,
        "others": others,
        "before": next((other for other in others if other.pk < run.pk), None),
        "against": _against(run),
        "asked": _asked(run.selection),
        "verdicts": Verdict.values,
        "wanted": {name: request.GET.get(name, "") for name in ("verdict", "implementation")},
        "has_grid": has_grid(run) and run.has_ended,
    }
    if context["has_grid"] and request.GET.get("view") != "list":
        context |= _grid(request, run)
    else:
        context |= {"page": _results(request, run)}
    return render(request, "testcases/run_detail.html", context)


def _others(run: Run) -> list[Run]:
    """The newest runs that it may be compared with."""
    others = Run.objects.filter(application=run.application).exclude(pk=run.pk).defer("selection")
    return list(others.order_by("-pk")[:OTHERS_LISTED])


def _results(request: HttpRequest, run: Run) -> Any:
    """A page of a run's results, in the order in which they fell; as long as it goes on, the newest first."""
    found = ResultFilter(request.GET, run.results.order_by("id" if run.has_ended else "-id")).qs
    page = paginated(request, found.values_list("pk", flat=True))
    # Whether a result is flaky or stale is found out of those of the page alone.
    results = run.results.with_sight().with_flakiness().with_staleness().select_related("test_case__function")
    by_id = results.in_bulk(list(page.object_list))
    page.object_list = [as_seen(request, by_id[pk]) for pk in page.object_list if pk in by_id]
    return page


def _grid(request: HttpRequest, run: Run) -> dict[str, Any]:
    """A page of test cases by implementations."""
    verdict = request.GET.get("verdict", "")
    disagreeing = bool(request.GET.get("disagreeing"))
    page = paginated(request, cases_of(run, verdict if verdict in Verdict.values else "", disagreeing))
    return {"page": page, "grid": grid_of(run, list(page.object_list)), "disagreeing": disagreeing}


def _against(run: Run) -> Against:
    configuration = run.selection.get("configuration") or {}
    now = digest_of(run.configuration.config) if run.configuration else ""
    seen = Pin.objects.filter(result__run=run).values("table_version")
    tables = list(TableVersion.objects.filter(pk__in=seen).select_related("table__object")[: TABLES_LISTED + 1])
    return Against(
        [name for name in implementations_of(run) if name],
        configuration.get("name", ""),
        bool(configuration) and now != configuration.get("digest", ""),
        REPORTED in run.selection,
        tables[:TABLES_LISTED],
        len(tables) > TABLES_LISTED,
    )


def _asked(selection: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a run was asked for, as titles and texts; nothing where it was all test cases, or some by hand."""
    asked = []
    if selection.get("functions"):
        names = dict(Function.objects.filter(pk__in=selection["functions"]).values_list("pk", "name"))
        asked.append(("Functions", ", ".join(names.get(each, each) for each in selection["functions"])))
    for name, title in (("names", "Names"), ("tags", "Tags"), ("last_verdicts", "Last verdict")):
        if selection.get(name):
            asked.append((title, ", ".join(map(str, selection[name]))))
    if selection.get("stale"):
        asked.append(("Only", "where the last result was out of date"))
    found = {name: value for name, value in (selection.get("query") or {}).items() if value and name != "page"}
    if found:
        asked.append(("Found by", ", ".join(f"{name}: {value}" for name, value in found.items())))
    return asked


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
def run_compare_with(request: HttpRequest, pk: str) -> HttpResponse:
    """Go to the comparison with the run of `?with=`, the older one first."""
    runs: QuerySet[Run] = Run.objects.only("pk")
    other = request.GET.get("with", "")
    both = get_object_or_404(runs, pk=pk), get_object_or_404(runs, pk=other if other.isalnum() else "")
    before, after = sorted(both, key=lambda run: run.pk)
    return redirect("run-compare", pk=before.pk, other=after.pk)


@require_safe
def run_compare(request: HttpRequest, pk: str, other: str) -> HttpResponse:
    """What changed from one run to another, case by case."""
    runs = Run.objects.select_related("application").defer("selection")
    found = compare_runs(get_object_or_404(runs, pk=pk), get_object_or_404(runs, pk=other))
    wanted = request.GET.get("change", "")
    cases = [each for each in found.cases if (each.change == wanted if wanted else each.change != "same")]
    context = {"found": found, "page": paginated(request, cases), "wanted": wanted}
    return render(request, "testcases/run_compare.html", context)
