"""The page of a result: the verdict, who is to blame, and how the actual rows differ, by class and page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from catalog.comparison.paging import LISTED_CLASSES
from catalog.comparison.paging import Page as RowsAsked
from catalog.parts import CorruptPartError
from catalog.reading import GonePartError
from catalog.views.lists import author
from processes.models import Direction, Function
from testcases.accepting import NotAcceptableError, accept_actual
from testcases.models import Pin, Result, ResultOutput
from testcases.models.runs import Reason
from testcases.output_diffs import against_expected, page_of
from testcases.sight import as_seen, hidden_by_port, masked_row
from testcases.wording import BLAME, CLASS_WORDS, DiffView, diff_view

ROWS_SHOWN = 50
OTHERS_LISTED = 5
ROW_FORMATS = ("csv", "parquet", "json", "xlsx")
DIFF_FORMATS = ("csv", "parquet", "ndjson")
PAGES_MOST = 1_000_000
NUMBER_DIGITS = 9


@dataclass(frozen=True)
class RowsPage:
    """A page of the rows that differ. `total` is None where only those of an attribute are shown: nobody counted."""

    number: int
    rows: list[Mapping[str, Any]]
    total: int | None
    has_next: bool
    is_gone: bool = False

    @property
    def first(self) -> int:
        """The number of its first row, from 1."""
        return (self.number - 1) * ROWS_SHOWN + 1

    @property
    def last(self) -> int:
        """The number of its last row."""
        return self.first + len(self.rows) - 1


@dataclass(frozen=True)
class OutputPage:
    """What came out of a port beside what was expected: a page of the rows that differ, of one class or of all."""

    view: DiffView
    wanted: str
    attribute: str
    page: RowsPage | None
    expected: Pin | None

    @property
    def classes(self) -> list[tuple[str, str, int, str]]:
        """Of each class: the verdict that it looks like, its words, its total, and its name where it can be listed."""
        return [
            ("passed", words, total, "") if name == "passed" else ("failed", words, total, name)
            for name, words, total in self.view.counts
        ]

    @property
    def caption(self) -> str:
        """Which rows are shown."""
        if self.page is None:
            return ""
        which = f"Rows that are {CLASS_WORDS[self.wanted]}" if self.wanted else "Rows that differ"
        where = f" in {self.attribute}" if self.attribute else ""
        of = "" if self.page.total is None else f" of {self.page.total:,}"
        return f"{which}{where}: {self.page.first:,} to {self.page.last:,}{of}"

    @property
    def narrowed(self) -> str:
        """The class and the attribute as a query string, as the API takes it."""
        chosen = {"class": self.wanted, "attribute": self.attribute}
        return urlencode({name: value for name, value in chosen.items() if value})

    @property
    def filters(self) -> str:
        """The same for this page."""
        return "&".join(filter(None, [self.address, self.narrowed]))

    @property
    def address(self) -> str:
        """This output alone, as a query string."""
        return urlencode({"output": self.view.name})


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
        "diff_formats": DIFF_FORMATS,
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
        return OutputPage(diff_view(output.port_name, output.row_count, None, order), "", "", None, expected)
    asked = request.GET if request.GET.get("output") == output.port_name else {}
    wanted, attribute = asked.get("class", ""), asked.get("attribute", "")
    wanted = wanted if wanted in LISTED_CLASSES else ""
    attribute = attribute if attribute in stored["attributes"] else ""
    page = _rows(result, output, wanted, attribute, asked.get("page", ""), hidden)
    view = diff_view(output.port_name, output.row_count, {**stored, "rows": page.rows}, order)
    return OutputPage(view, wanted, attribute, page, expected)


def _rows(
    result: Result, output: ResultOutput, wanted: str, attribute: str, number: str, hidden: frozenset[str]
) -> RowsPage:
    """The rows of a page. A result lists some rows of each class; others are found by comparing again, which is linear
    in rows."""
    stored = output.diff
    classes = (wanted,) if wanted else LISTED_CLASSES
    total = None if attribute else sum(stored["counts"][name] for name in classes)
    ceiling = PAGES_MOST if total is None else max(1, -(-total // ROWS_SHOWN))
    place = min(max(int(number), 1), ceiling) if number.isdecimal() and len(number) < NUMBER_DIGITS else 1
    first = (place - 1) * ROWS_SHOWN
    listed = [
        row
        for row in stored["rows"]
        if row["class"] in classes and (not attribute or attribute in row.get("cells", ()))
    ]
    if not attribute and _are_listed(stored, listed, wanted, first + ROWS_SHOWN):
        rows = listed[first : first + ROWS_SHOWN]
        return RowsPage(place, rows, total, first + len(rows) < (total or 0))
    pair = against_expected(result, output)
    try:
        if pair is not None:
            asked = RowsAsked(classes, attribute, ROWS_SHOWN, first)
            _, found, following = page_of(pair, asked)
            return RowsPage(place, [masked_row(row.as_dict(), hidden) for row in found], total, bool(following))
    except (GonePartError, CorruptPartError):
        pass
    place = min(place, max(1, -(-len(listed) // ROWS_SHOWN)))
    first = (place - 1) * ROWS_SHOWN
    return RowsPage(place, listed[first : first + ROWS_SHOWN], total, first + ROWS_SHOWN < len(listed), is_gone=True)


def _are_listed(stored: Mapping[str, Any], listed: Sequence[Mapping[str, Any]], wanted: str, last: int) -> bool:
    """Whether the result itself lists the rows up to this one: they stand by class, of each the first are listed."""
    if not stored["rows_truncated"]:
        return True
    if wanted and len(listed) == stored["counts"][wanted]:
        return True
    return last <= len(listed) and len({row["class"] for row in listed[:last]}) == 1


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
