"""The conformance grid of a Run: its test cases by the implementations that it tried."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from testcases.models import Result, Run, TestCase
from testcases.models.runs import Verdict


@dataclass(frozen=True)
class GridCell:
    """What became of a test case with an implementation: its Result; without one it waits, or was not planned."""

    result: Result | None
    is_planned: bool


@dataclass(frozen=True)
class GridRow:
    """A test case, with a cell for each implementation."""

    test_case: TestCase
    cells: list[GridCell]


@dataclass(frozen=True)
class GridColumn:
    """An implementation, and how its Results went in the whole Run."""

    name: str
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """How many Results it has."""
        return sum(self.counts.values())

    @property
    def passed(self) -> int:
        """How many of them passed."""
        return self.counts[Verdict.PASSED]


@dataclass(frozen=True)
class Grid:
    """Some test cases of a Run by all of its implementations."""

    columns: list[GridColumn]
    rows: list[GridRow]


def implementations_of(run: Run) -> list[str]:
    """The names of the implementations that a Run tries, the functions' first ones first; "" where one has none."""
    found: dict[str, int] = {}
    for names in run.selection.get("plan", {}).values():
        for place, name in enumerate(names):
            found[name] = min(place, found.get(name, place))
    return sorted(found, key=lambda name: (found[name], name))


def has_grid(run: Run) -> bool:
    """Whether a Run tries several implementations of some function."""
    return any(len(names) > 1 for names in run.selection.get("plan", {}).values())


def cases_of(run: Run, verdict: str = "", disagreeing: bool = False) -> list[str]:
    """The ids of a Run's test cases in its order: of all, of those with a Result of a verdict, or of those on whose
    verdict its implementations do not agree."""
    ids: list[str] = run.selection.get("test_cases", [])
    wanted: set[str] | None = None
    if verdict:
        wanted = set(run.results.filter(verdict=verdict).order_by().values_list("test_case_id", flat=True))
    if disagreeing:
        verdicts = run.results.order_by().values("test_case_id").annotate(verdicts=Count("verdict", distinct=True))
        apart = set(verdicts.filter(verdicts__gt=1).values_list("test_case_id", flat=True))
        wanted = apart if wanted is None else wanted & apart
    return ids if wanted is None else [each for each in ids if each in wanted]


def grid_of(run: Run, ids: Sequence[str]) -> Grid:
    """The grid of these test cases of a Run. Three queries; a test case that was deleted is left out."""
    names = implementations_of(run)
    plan = run.selection.get("plan", {})
    cases = TestCase.objects.select_related("function").in_bulk(ids)
    found = run.results.filter(test_case__in=ids).with_staleness().with_flakiness()
    results = {(each.test_case_id, each.implementation_name): each for each in found.defer("errors", "timings_ms")}
    rows = [
        GridRow(
            cases[pk],
            [GridCell(results.get((pk, name)), name in plan.get(cases[pk].function_id, ())) for name in names],
        )
        for pk in ids
        if pk in cases
    ]
    return Grid(_columns(names, _counted(run)), rows)


def _counted(run: Run) -> Iterable[Any]:
    counted = run.results.order_by().values_list("implementation_name", "verdict")
    return counted.annotate(total=Count("id"))


def _columns(names: Sequence[str], counted: Iterable[Any]) -> list[GridColumn]:
    counts = {name: dict.fromkeys(Verdict.values, 0) for name in names}
    for name, verdict, total in counted:
        counts.setdefault(name, dict.fromkeys(Verdict.values, 0))[verdict] = total
    return [GridColumn(name, found) for name, found in counts.items() if name in names]
