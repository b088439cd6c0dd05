"""The page of a result: the verdict, who is to blame, and how the actual rows differ, by class and page by page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from catalog.comparison.diff import ROW_CLASSES
from catalog.comparison.options import LIMIT_MAX
from catalog.parts import CorruptPartError
from catalog.reading import GonePartError
from catalog.views.lists import author
from processes.models import Direction, Function
from testcases.accepting import NotAcceptableError, accept_actual
from testcases.models import Pin, Result, ResultOutput
from testcases.models.runs import Reason
from testcases.outputs import whole_diff
from testcases.sight import as_seen, hidden_by_port, masked_row
from testcases.wording import BLAME, CLASS_WORDS, DiffView, diff_view

ROWS_SHOWN = 50
OTHERS_LISTED = 5
ROW_FORMATS = ("csv", "parquet", "json", "xlsx")
LISTED_CLASSES = tuple(name for name in ROW_CLASSES if name != "matched")


@dataclass(frozen=True)
class OutputPage:
    """What came out of a port beside what was expected: a page of the rows that differ, of one class or of all."""

    view: DiffView
    wanted: str
    page: Page[Any] | None
    expected: Pin | None
    is_gone: bool = False
    is_beyond: bool = False

    @property
    def classes(self) -> list[tuple[str, str, int, str]]:
        """Of each class: the verdict that it looks like, its words, its total, and its name where it can be listed."""
        return [
            (
                "passed" if name == "passed" else "failed",
                words,
                total,
                "" if name == "passed" else name,
            )
            for name, words, total in self.view.counts
        ]

    @property
    def caption(self) -> str:
        """Which rows are shown."""
        if self.page is None:
            return ""
        which = f"Rows that are {CLASS_WORDS[self.wanted]}" if self.wanted else "Rows that differ"
        last = min(self.page.end_index(), self.page.start_index() + len(self.view.rows) - 1)
        more = "; beyond, ask for one class" if self.is_beyond and not self.wanted else ""
        return f"{which}: {self.page.start_index():,} to {last:,} of {self.page.paginator.count:,}{more}"


@require_safe
def result_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A result: the verdict, who is to blame, and the diff cell by cell."""
    found = Result.objects.with_parts().select_related("run__configuration")
    result = as_seen(request, get_object_or_404(found, pk=pk))
    function = Function.objects.with_parts().get(pk=result.test_case.function_id)
    order = {port.name: port.object.schema.names for port in function.outputs}
    hidden = hidden_by_port(request, result)
    pins = list(result.pins.all())
    outputs = [
        _output(request, result, each, order.get(each.port_name, ()), hidden.get(each.port_name, hidden[""]))
        for each in result.outputs.all()
    ]
    context = {
        "result": result,
        "function": function,
        "blame": BLAME.get(result.reason, ""),
        "outputs": outputs,
        "given": [pin for pin in pins if pin.direction == Direction.INPUT],
        "expected": [pin for pin in pins if pin.direction == Direction.OUTPUT],
        "moved": [pin for pin in pins if pin.table_version.number != pin.table_version.table.version],
        "others": _others(result) if result.is_flaky else [],
        "configuration": (result.run.selection.get("configuration") or {}).get("name", ""),
        "timings": result.timings_ms.items(),
        "formats": ROW_FORMATS,
        "is_acceptable": result.reason == Reason.MISMATCH,
        "accepted": [each.expected for each in outputs if each.expected and not each.view.is_equal],
    }
    return render(request, "testcases/result_detail.html", context)


def _others(result: Result) -> list[Result]:
    """Results that saw the same and have another verdict, the newest first."""
    same = Result.objects.filter(test_case=result.test_case_id, fingerprint=result.fingerprint)
    return list(same.exclude(verdict=result.verdict).exclude(reason="cancelled").order_by("-id")[:OTHERS_LISTED])


def _output(
    request: HttpRequest, result: Result, output: ResultOutput, order: Any, hidden: frozenset[str]
) -> OutputPage:
    expected = next(
        (pin for pin in result.pins.all() if (pin.direction, pin.port_name) == (Direction.OUTPUT, output.port_name)),
        None,
    )
    stored: Mapping[str, Any] | None = output.diff
    if stored is None:
        return OutputPage(diff_view(output.port_name, output.row_count, None, order), "", None, expected)
    is_asked = request.GET.get("output") == output.port_name
    wanted = request.GET.get("class", "") if is_asked and request.GET.get("class") in LISTED_CLASSES else ""
    total = sum(stored["counts"][name] for name in ([wanted] if wanted else LISTED_CLASSES))
    reachable = min(total, LIMIT_MAX)
    page = Paginator(range(reachable), ROWS_SHOWN).get_page(request.GET.get("page") if is_asked else 1)
    rows, is_gone = _rows(result, output, stored, wanted, page, hidden)
    view = diff_view(output.port_name, output.row_count, {**stored, "rows": rows}, order)
    return OutputPage(view, wanted, page, expected, is_gone, total > reachable)


def _rows(
    result: Result,
    output: ResultOutput,
    stored: Mapping[str, Any],
    wanted: str,
    page: Page[Any],
    hidden: frozenset[str],
) -> tuple[list[Mapping[str, Any]], bool]:
    """The rows of a page, and whether those that the result lists are all that is left.

    A result lists some rows of each class; others are found by comparing again, which is linear in rows.
    """
    first, last = page.start_index() - 1, page.end_index()
    listed = [row for row in stored["rows"] if not wanted or row["class"] == wanted]
    if last <= len(listed) and (wanted or not stored["rows_truncated"] or _is_first_class_enough(stored, last)):
        return listed[max(first, 0) : last], False
    try:
        whole = whole_diff(result, output, last)
    except (GonePartError, CorruptPartError):
        return listed[max(first, 0) : last], True
    if whole is None:
        return listed[max(first, 0) : last], True
    rows = [row.as_dict() for row in whole.rows if not wanted or row.row_class == wanted]
    return [masked_row(row, hidden) for row in rows[first:last]], False


def _is_first_class_enough(stored: Mapping[str, Any], last: int) -> bool:
    """Whether so many rows of the first class are listed: a page of all classes begins with them."""
    rows = stored["rows"]
    return all(row["class"] == rows[0]["class"] for row in rows[:last])


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
