"""The pages of Functions."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from catalog.models import Application, Table
from catalog.views.deleting import ask_and_delete
from catalog.views.lists import author, paginated, search
from processes.filters import FunctionFilter
from processes.forms import FunctionEditor, error_messages
from processes.models import Function, Implementation, Kind, Port

CASES_SHOWN = 100


@dataclass(frozen=True)
class Decision:
    """A line of the decision table: the Table on each port (None where there is none), and how the case went last with
    each implementation."""

    case: Any
    given: list[Table | None]
    expected: list[Table | None]
    last_results: list[Any]

    @property
    def message(self) -> str:
        """Why the first verdict that is not `passed` is not."""
        return next((result.message for result in self.last_results if result and result.message), "")


@require_safe
def function_list(request: HttpRequest) -> HttpResponse:
    """All Functions, by application."""
    rows = Function.objects.with_parts().annotate(case_count=Count("test_cases", distinct=True))
    rows = rows.order_by("application__name", "name")  # which the annotation's GROUP BY lost
    functions = search(FunctionFilter(request.GET, rows).qs, request.GET.get("search", ""), "name", "summary")
    context = {
        "page": paginated(request, functions),
        "applications": Application.objects.values_list("name", flat=True),
    }
    return render(request, "processes/function_list.html", context)


@require_safe
def function_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A Function: ports, queries, and its test cases as a decision table."""
    function = get_object_or_404(Function.objects.with_parts().select_related("created_by"), pk=pk)
    inputs, outputs = function.inputs, function.outputs
    implementations = list(function.implementations.all())
    cases = function.test_cases.with_parts().with_last_results()
    context = {
        "function": function,
        "inputs": inputs,
        "outputs": outputs,
        "ports": [*inputs, *outputs],
        "implementations": [(each, _texts(each, outputs)) for each in implementations],
        "decisions": [_decision(case, inputs, outputs, implementations) for case in cases[:CASES_SHOWN]],
        "case_count": function.test_cases.count(),
    }
    return render(request, "processes/function_detail.html", context)


def _texts(implementation: Implementation, outputs: list[Port]) -> list[tuple[str, str]]:
    """What an implementation is defined by, as titles and texts: its queries, or its definition."""
    definition = implementation.definition
    if implementation.kind == Kind.SQL:
        return [(f"gives {port.name}", definition.get(port.name, "")) for port in outputs]
    return [("", json.dumps(definition, indent=2, ensure_ascii=False))]


def _decision(case: Any, inputs: list[Port], outputs: list[Port], implementations: list[Implementation]) -> Decision:
    tables = {binding.port_id: binding.table for binding in case.bindings.all()}
    last = {result.implementation_name: result for result in case.last_results}
    return Decision(
        case,
        [tables.get(port.pk) for port in inputs],
        [tables.get(port.pk) for port in outputs],
        [last.get(each.name) for each in implementations],
    )


@require_http_methods(["GET", "HEAD", "POST"])
def function_create(request: HttpRequest) -> HttpResponse:
    """A new Function."""
    return _edit(request, Function())


@require_http_methods(["GET", "HEAD", "POST"])
def function_edit(request: HttpRequest, pk: str) -> HttpResponse:
    """Other ports, parameters or queries for a Function."""
    return _edit(request, get_object_or_404(Function.objects.with_parts(), pk=pk))


def _edit(request: HttpRequest, function: Function) -> HttpResponse:
    saved = None if function._state.adding else Function(pk=function.pk, name=function.name)
    editor = FunctionEditor(request, function)
    if editor.action == "save" and editor.save(author(request)):
        messages.success(request, f"The function {function.name!r} is saved.")
        return redirect("function-detail", pk=function.pk)
    if editor.action not in {"save", "show"}:
        editor.act()
    context = {"editor": editor, "function": saved, "errors": list(error_messages(editor))}
    return render(request, "processes/function_form.html", context, status=400 if editor.has_errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def function_delete(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask, then delete a Function without test cases."""
    function = get_object_or_404(Function.objects.select_related("application"), pk=pk)
    said = f"The function {function.name!r} is deleted."
    context = {"function": function}
    return ask_and_delete(request, "processes/function_delete.html", context, function.delete, said, "function-list")
