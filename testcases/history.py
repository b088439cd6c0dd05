"""How verdicts change: of one test case over time, and between two Runs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from testcases.models import Result, Run, TestCase
from testcases.models.runs import Reason, Verdict

CHANGES = ("broken", "still_failing", "fixed", "new", "gone", "changed", "same")
_WRONG = frozenset({Verdict.FAILED, Verdict.ERROR})
Results = dict[tuple[str, str], Result]
"""Those of a Run by test case and implementation."""


@dataclass(frozen=True)
class CaseChange:
    """A test case in two Runs: what it was and what it is, None where it was not judged; the later implementation."""

    change: str
    test_case: str
    test_case_name: str
    function_name: str
    implementation: str
    before: Result | None
    after: Result | None

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "change": self.change,
            "test_case": self.test_case,
            "test_case_name": self.test_case_name,
            "function_name": self.function_name,
            "implementation": self.implementation,
            "before": _brief(self.before),
            "after": _brief(self.after),
        }


@dataclass(frozen=True)
class RunComparison:
    """What changed between two Runs; `counts` by change, `cases` in the order of CHANGES and then by name."""

    before: Run
    after: Run
    counts: dict[str, int]
    cases: Sequence[CaseChange] = field(default_factory=tuple)


def compare_runs(before: Run, after: Run) -> RunComparison:
    """Which cases are fixed, broken, still failing, new, gone, or of another verdict. Two queries.

    A case is paired by its implementation; where each Run judged it with another one, with that.
    """
    changes = [_change(*pair) for pair in _paired(_results(before), _results(after))]
    changes.sort(key=lambda each: (CHANGES.index(each.change), each.function_name, each.test_case_name))
    found = Counter(each.change for each in changes)
    return RunComparison(before, after, {name: found[name] for name in CHANGES}, changes)


def _results(run: Run) -> Results:
    results = run.results.select_related("test_case__function").defer("errors", "timings_ms")
    return {(each.test_case_id, each.implementation_name): each for each in results}


def _paired(before: Results, after: Results) -> Iterator[tuple[Result | None, Result | None]]:
    """Those of one case and implementation; then those of a case that has just one more on each side; then the rest."""
    yield from ((before[key], after[key]) for key in before if key in after)
    lone = [
        _by_case(each for key, each in one.items() if key not in other)
        for one, other in ((before, after), (after, before))
    ]
    for case in dict.fromkeys([*lone[0], *lone[1]]):
        left, right = (side.get(case, []) for side in lone)
        if len(left) == len(right) == 1:
            yield left[0], right[0]
        else:
            yield from ((each, None) for each in left)
            yield from ((None, each) for each in right)


def _by_case(results: Iterable[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for each in results:
        found.setdefault(each.test_case_id, []).append(each)
    return found


def _change(before: Result | None, after: Result | None) -> CaseChange:
    either = after or before or Result()
    case = either.test_case
    return CaseChange(
        change_between(before, after),
        case.pk,
        case.name,
        case.function.name,
        either.implementation_name,
        before,
        after,
    )


def change_between(before: Result | None, after: Result | None) -> str:
    """One of CHANGES."""
    if before is None:
        return "new"
    if after is None:
        return "gone"
    was_wrong, is_wrong = before.verdict in _WRONG, after.verdict in _WRONG
    if was_wrong and is_wrong:
        return "still_failing"
    if is_wrong:
        return "broken"
    if was_wrong and after.verdict == Verdict.PASSED:
        return "fixed"
    return "same" if before.verdict == after.verdict else "changed"


def _brief(result: Result | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "id": result.pk,
        "implementation": result.implementation_name,
        "verdict": result.verdict,
        "reason": result.reason,
    }


@dataclass(frozen=True)
class Trend:
    """How the newest Results of a case went: verdicts, and how long the function took."""

    verdicts: dict[str, int]
    verdict_changes: int
    passed_share: float | None
    median_execute_ms: float | None
    last_execute_ms: float | None


def trend_of(results: Sequence[Result]) -> Trend:
    """The trend over Results, the newest first. verdict_changes: how often the verdict was another than the one
    before, with the same implementation; a case that a cancelled Run left has none."""
    results = [each for each in results if each.reason != Reason.CANCELLED]
    found = Counter(str(each.verdict) for each in results)
    last: dict[str, str] = {}
    changes = 0
    for each in results:
        changes += last.get(each.implementation_name, each.verdict) != each.verdict
        last[each.implementation_name] = each.verdict
    times = [float(each.timings_ms["execute"]) for each in results if "execute" in each.timings_ms]
    judged = sum(found[verdict] for verdict in ("passed", "failed", "error"))
    return Trend(
        {verdict: found[verdict] for verdict in Verdict.values},
        changes,
        round(found["passed"] / judged, 4) if judged else None,
        sorted(times)[len(times) // 2] if times else None,
        times[0] if times else None,
    )


def history_of(case: TestCase) -> Any:
    """The Results of a case, the newest first, each with whether it is stale or flaky."""
    return case.results.with_parts().with_staleness().order_by("-id")
