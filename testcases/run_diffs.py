"""How the actual outputs of two Runs differ: test case by test case and port by port, with the one comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from catalog.comparison import TableDiff
from testcases.history import CaseChange, compare_runs
from testcases.models import ActualPart, Result, ResultOutput, Run
from testcases.output_diffs import against_other, totals_of


@dataclass(frozen=True)
class OutputChange:
    """An output that two Runs did not give as the same Parts.

    diff: how the later rows differ, None where only one Run gave any. They may be equal all the same, in another order.
    """

    case: CaseChange
    port_name: str
    has_before: bool
    has_after: bool
    diff: TableDiff | None = None

    @property
    def is_equal(self) -> bool:
        """Whether both gave the same rows."""
        return self.diff is not None and self.diff.is_equal

    @property
    def summary(self) -> str:
        """How they differ, in words."""
        if self.diff is not None:
            told = self.diff.summary.partition(": ")[2]
            return f"equal: {told}" if self.diff.is_equal else told
        return "only the later run gave rows" if self.has_after else "only the earlier run gave rows"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            **self.case.as_dict(),
            "output": self.port_name,
            "is_equal": self.diff.is_equal if self.diff else None,
            "summary": self.summary,
            "counts": dict(self.diff.counts) if self.diff else None,
        }


@dataclass(frozen=True)
class RunOutputs:
    """The outputs of two Runs: how many are the same, those that may differ, and how verdicts changed."""

    same: int
    outputs: Sequence[OutputChange]
    verdicts: dict[str, int]
    cases: Sequence[CaseChange]

    @property
    def other_verdicts(self) -> list[CaseChange]:
        """The cases with another verdict, and those that are in one of the Runs only."""
        return [each for each in self.cases if each.change not in ("same", "still_failing")]

    def compared(self, start: int, stop: int | None = None) -> Iterator[OutputChange]:
        """Those from one place to another with their diffs: each costs a comparison, which is linear in rows."""
        chosen = self.outputs[start:stop]
        ids = {each.pk for change in chosen for each in (change.case.before, change.case.after) if each}
        results = Result.objects.with_parts().prefetch_related("outputs__actual_parts").in_bulk(ids)
        for change in chosen:
            yield _compared(change, results)


def compare_outputs(before: Run, after: Run) -> RunOutputs:
    """Which outputs two Runs did not give as the same Parts, what is broken first. Six queries; no row is read."""
    found = compare_runs(before, after)
    parts = [_parts(before), _parts(after)]
    same, outputs = 0, []
    for case in found.cases:
        if case.before is None or case.after is None:
            continue
        left, right = (one.get(each.pk, {}) for one, each in zip(parts, (case.before, case.after), strict=True))
        for name in dict.fromkeys([*left, *right]):
            if left.get(name) == right.get(name):
                same += 1
            else:
                outputs.append(OutputChange(case, name, name in left, name in right))
    return RunOutputs(same, outputs, found.counts, found.cases)


def _parts(run: Run) -> dict[str, dict[str, list[str]]]:
    """The Parts of all outputs of a Run, by the Result's id and the port's name. Two queries."""
    outputs = ResultOutput.objects.filter(result__run=run).order_by("id").values_list("pk", "result_id", "port_name")
    by_output: dict[str, list[str]] = {}
    found: dict[str, dict[str, list[str]]] = {}
    for pk, result, name in outputs:
        by_output[pk] = found.setdefault(result, {}).setdefault(name, [])
    places = ActualPart.objects.filter(output__result__run=run).order_by("output", "position")
    for output, digest in places.values_list("output_id", "part_id"):
        by_output[output].append(digest)
    return found


def _compared(change: OutputChange, results: dict[str, Result]) -> OutputChange:
    before, after = change.case.before, change.case.after
    if not (change.has_before and change.has_after and before and after):
        return change
    sides = [
        (result, next(each for each in result.outputs.all() if each.port_name == change.port_name))
        for result in (results[before.pk], results[after.pk])
    ]
    return replace(change, diff=totals_of(against_other(sides[0], sides[1])))
