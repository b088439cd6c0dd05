"""The pages of test cases."""

import json
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from catalog.browsing import page
from catalog.models import Application, Table
from catalog.queries import read_query
from catalog.sight import hidden_of
from catalog.views.deleting import ask_and_delete
from catalog.views.lists import author, paginated, search
from processes.models import Function, Port
from testcases.filters import TestCaseFilter
from testcases.forms.cases import FunctionChoiceForm, TestCaseEditor
from testcases.history import Trend, trend_of
from testcases.models import Binding, Result, TestCase
from testcases.models.runs import Verdict
from testcases.sight import as_seen
from testcases.wording import Cell, cell

ROWS_SHOWN = 10
RESULTS_SHOWN = 10
STRIP_RESULTS = 60
SEARCHED = ("name", "summary", "function__name")


@dataclass(frozen=True)
class BoundRows:
    """A port of a test case with the first rows of its Table, if it has one."""

    port: Port
    table: Table | None
    columns: list[str]
    rows: list[list[Cell]]


@dataclass(frozen=True)
class Strip:
    """The newest verdicts with one implementation, the oldest first."""

    implementation: str
    results: list[Result]
    trend: Trend


@require_safe
def test_case_list(request: HttpRequest) -> HttpResponse:
    """Test cases with their last verdicts; those chosen can be run."""
    found = TestCaseFilter(request.GET, TestCase.objects.with_parts().with_last_result())
    cases = search(found.qs, request.GET.get("search", ""), *SEARCHED)
    function = found.form.cleaned_data.get("function") if found.is_valid() else None
    context = {
        "page": paginated(request, cases),
        "applications": Application.objects.values_list("name", flat=True),
        "verdicts": Verdict.values,
        "function": Function.objects.filter(pk=function).first() if function else None,
        "is_filtered": any(value for name, value in request.GET.items() if name != "page"),
    }
    return render(request, "testcases/test_case_list.html", context)


@require_safe
def test_case_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A test case: given and expect side by side, and how it went."""
    cases = TestCase.objects.with_parts().select_related("created_by", "function__application")
    case = get_object_or_404(cases, pk=pk)
    bound = {binding.port_id: binding for binding in case.bindings.select_related("table__object")}
    function = Function.objects.with_parts().get(pk=case.function_id)
    results = [as_seen(request, each) for each in case.results.with_parts().order_by("-id")[:RESULTS_SHOWN]]
    context = {
        "case": case,
        "function": function,
        "given": [_bound_rows(request, port, bound.get(port.pk)) for port in function.inputs],
        "expected": [_bound_rows(request, port, bound.get(port.pk)) for port in function.outputs],
        "results": results,
        "strips": _strips(case),
        "flaky": [result for result in results if result.is_flaky],
        "comparison": json.dumps(case.comparison, ensure_ascii=False) if case.comparison else "",
        "expected_error": json.dumps(case.expected_error, ensure_ascii=False) if case.expected_error else "",
        "parameters": case.parameters.items(),
    }
    return render(request, "testcases/test_case_detail.html", context)


def _strips(case: TestCase) -> list[Strip]:
    """How the case went lately, by implementation. One query."""
    newest = list(case.results.order_by("-id").defer("message", "errors")[:STRIP_RESULTS])
    by_implementation: dict[str, list[Result]] = {}
    for result in newest:
        by_implementation.setdefault(result.implementation_name, []).append(result)
    return [Strip(name, results[::-1], trend_of(results)) for name, results in by_implementation.items()]


def _bound_rows(request: HttpRequest, port: Port, binding: Binding | None) -> BoundRows:
    if binding is None:
        return BoundRows(port, None, [], [])
    version = binding.table.current
    rows = page(version, read_query(version.object_version.schema, []), ROWS_SHOWN, masked=hidden_of(request, version))
    columns = list(version.object_version.schema.names)
    return BoundRows(port, binding.table, columns, [[cell(row[name]) for name in columns] for row in rows])


@require_http_methods(["GET", "HEAD", "POST"])
def test_case_create(request: HttpRequest) -> HttpResponse:
    """A new test case of the Function in `?function=`, which is asked for where it is absent."""
    choice = FunctionChoiceForm(request.GET if "function" in request.GET else None)
    if not choice.is_valid():
        status = 400 if choice.is_bound else 200
        return render(request, "testcases/test_case_function.html", {"form": choice}, status=status)
    return _edit(request, TestCase(function=choice.cleaned_data["function"]))


@require_http_methods(["GET", "HEAD", "POST"])
def test_case_edit(request: HttpRequest, pk: str) -> HttpResponse:
    """Other tables or rows, options or parameters for a test case."""
    return _edit(request, get_object_or_404(TestCase.objects.with_parts(), pk=pk))


def _edit(request: HttpRequest, case: TestCase) -> HttpResponse:
    saved = None if case._state.adding else TestCase(pk=case.pk, name=case.name)
    case.function = Function.objects.with_parts().get(pk=case.function_id)
    editor = TestCaseEditor(request, case)
    if request.method == "POST" and editor.save(author(request)):
        messages.success(request, f"The test case {case.name!r} is saved.")
        return redirect("test-case-detail", pk=case.pk)
    context = {"editor": editor, "case": saved, "function": case.function}
    return render(request, "testcases/test_case_form.html", context, status=400 if editor.has_errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def test_case_delete(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask, then delete a test case with its results; its tables stay."""
    case = get_object_or_404(TestCase.objects.with_parts(), pk=pk)
    said = f"The test case {case.name!r} is deleted."
    return ask_and_delete(
        request, "testcases/test_case_delete.html", {"case": case}, case.delete, said, "test-case-list"
    )
