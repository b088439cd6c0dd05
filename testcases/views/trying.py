"""The page on which a Function is tried: tables or typed rows go in, and what comes out is shown, and may be kept."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from catalog.forms.objects import database_refusal
from catalog.row_errors import RowError
from catalog.sight import hidden_in, without_values
from catalog.views.lists import author
from config import temporary
from processes.execution import ExecutionError
from processes.models import Function, Port
from testcases.calling import Call, Called, CalledOutput, NonconformingInputsError, called, save_call
from testcases.forms.trying import CallEditor, Given
from testcases.models import TestCase
from testcases.sight import MASKED_MESSAGE
from testcases.wording import EXECUTION_WORDS, Cell, cell

ROWS_SHOWN = 100
ERRORS_SHOWN = 100


@dataclass(frozen=True)
class TriedOutput:
    """What came out of a port: its first rows, or what does not conform in them."""

    port: Port
    row_count: int
    columns: list[str]
    rows: list[list[Cell]]
    errors: list[RowError]
    error_count: int


@dataclass(frozen=True)
class Tried:
    """What came of a call, as its caller may see it."""

    implementation: str
    outputs: list[TriedOutput]
    error: ExecutionError | None
    error_words: str
    message: str
    log: str
    timings: list[tuple[str, float]]

    @property
    def is_savable(self) -> bool:
        """Whether a test case can expect it."""
        return not any(output.error_count for output in self.outputs)


@require_http_methods(["GET", "HEAD", "POST"])
def function_try(request: HttpRequest, pk: str) -> HttpResponse:
    """Call a Function as the form says; `?test_case=` begins with the inputs of a test case."""
    function = get_object_or_404(Function.objects.with_parts(), pk=pk)
    begun = TestCase.objects.with_parts().filter(function=function, pk=request.GET.get("test_case", "")).first()
    editor = CallEditor(request, function, begun)
    context: dict[str, Any] = {"function": function, "editor": editor, "test_case": begun}
    if request.method == "POST":
        with temporary.directory("form") as directory:
            wanted = editor.call(directory)
            outcome = _outcome(request, editor, *wanted) if wanted else None
        if isinstance(outcome, TestCase):
            messages.success(request, f"The test case {outcome.name!r} is saved: it expects what has just come out.")
            return redirect("test-case-detail", pk=outcome.pk)
        context["tried"] = outcome
    return render(request, "processes/function_try.html", context, status=400 if editor.has_errors else 200)


def _outcome(request: HttpRequest, editor: CallEditor, call: Call, given: Given) -> Tried | TestCase | None:
    """What came of a call, or the test case that was made of it; None if the rows that were given don't conform."""
    try:
        with called(call, given) as outcome:
            tried = _tried(request, call, outcome)
            if editor.wants_to_save and editor.save_form.is_valid() and tried.is_savable:
                return _saved(request, editor, call, given, outcome) or tried
            return tried
    except NonconformingInputsError as error:
        editor.refuse_inputs(error)
        return None


def _saved(request: HttpRequest, editor: CallEditor, call: Call, given: Given, outcome: Called) -> TestCase | None:
    """The test case; None with what is wrong told beside its name."""
    try:
        return save_call(call, given, outcome, editor.save_form.cleaned_data["name"], author(request))
    except ValidationError as error:
        editor.save_form.add_error("name", error.messages)
    except DatabaseError as error:
        editor.save_form.add_error("name", database_refusal(error))
    return None


def _tried(request: HttpRequest, call: Call, outcome: Called) -> Tried:
    hidden = frozenset().union(*(hidden_in(request, port.object.schema) for port in call.function.ports.all()))
    error = outcome.error
    message = error.message if error else ""
    return Tried(
        implementation=call.implementation.name,
        outputs=[_output(request, output) for output in outcome.outputs],
        error=error,
        error_words=EXECUTION_WORDS.get(error.code, "") if error else "",
        message=MASKED_MESSAGE if message and hidden else message,
        log=MASKED_MESSAGE if outcome.log and hidden else outcome.log,
        timings=[(phase, round(spent, 1)) for phase, spent in outcome.timings_ms.items()],
    )


def _output(request: HttpRequest, output: CalledOutput) -> TriedOutput:
    schema = output.port.object.schema
    hidden = hidden_in(request, schema)
    row_count = output.conformed.row_count
    columns = list(schema.names)
    if output.conformed.report:
        report = without_values(output.conformed.report, hidden)
        return TriedOutput(output.port, row_count, columns, [], list(report.errors[:ERRORS_SHOWN]), report.error_count)
    # The digits as they are, where a Decimal has zeros at its end.
    rows = [json.loads(line, parse_float=Decimal) for line in output.lines(ROWS_SHOWN, hidden)]
    return TriedOutput(output.port, row_count, columns, [[cell(row.get(n)) for n in columns] for row in rows], [], 0)
