"""Runs as text and as JSON, for the terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog.comparison.unseen import unseen_difference
from config.console import counted, printable, text_table
from config.exact_json import dump_json
from testcases.models import Result, Run
from testcases.models.runs import Reason, Verdict

ROW_CLASSES = ("matched", "changed", "missing", "unexpected", "moved", "duplicate_key")
ERRORS_SHOWN = 10
VALUE_CHARACTERS = 60


def verdict_table(results: Iterable[Result]) -> str:
    """A line for each Result: case, function, verdict, reason, counts of rows, milliseconds."""
    headers = ("test case", "function", "verdict", "reason", "rows", "ms")
    rows = [
        (
            result.test_case.name,
            result.test_case.function.name,
            result.verdict,
            result.reason,
            ", ".join(f"{number:,} {name}" for name, number in row_counts(result).items() if number) or "no rows",
            f"{sum(result.timings_ms.values()):.0f}",
        )
        for result in results
    ]
    return text_table(headers, rows)


def row_counts(result: Result) -> dict[str, int]:
    """Rows by class, over all outputs of a Result."""
    totals: Counter[str] = Counter()
    for output in result.outputs.all():
        if output.diff:
            totals.update(output.diff["counts"])
    return {name: totals[name] for name in ROW_CLASSES}


def explanation(result: Result, row_limit: int) -> str:
    """Why a Result didn't pass: its message, row errors, and the rows that differ, at most row_limit per output."""
    lines = [f"{printable(result.test_case.name)}: {result.verdict} ({result.reason})"]
    if result.reason != Reason.MISMATCH:  # the differences say it all
        lines += [f"  {printable(line)}" for line in result.message.splitlines()]
    lines += list(_error_lines(result.errors))
    for output in result.outputs.all():
        diff = output.diff
        if diff and not diff["is_equal"]:
            lines.append(f"  {printable(output.port_name)}: {printable(diff['summary'])}")
            lines += [f"    {line}" for line in _diff_lines(diff, row_limit)]
    return "\n".join(lines)


def _error_lines(errors: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for error in errors[:ERRORS_SHOWN]:
        place = f"row {error['row']}: " if "row" in error else ""
        yield f"    {place}{printable(error.get('message', ''))}"
    if len(errors) > ERRORS_SHOWN:
        yield f"    ... and {len(errors) - ERRORS_SHOWN:,} more errors"


def _diff_lines(diff: Mapping[str, Any], row_limit: int) -> Iterator[str]:
    shape = diff["shape"]
    for name in shape["missing_attributes"]:
        yield f"missing attribute {printable(name)}"
    for name in shape["unexpected_attributes"]:
        yield f"unexpected attribute {printable(name)}"
    for mismatch in shape["type_mismatches"]:
        yield printable(f"{mismatch['attribute']} is {mismatch['actual']}; expected {mismatch['expected']}")
    for row in diff["rows"][:row_limit]:
        yield from _row_lines(row)
    rest = sum(diff["counts"][name] for name in ROW_CLASSES[1:5]) - min(len(diff["rows"]), row_limit)
    if rest > 0:
        yield f"... and {counted(rest, 'row')} more that differ"
    for note in diff["notes"]:
        yield f"note: {printable(note)}"


def _row_lines(row: Mapping[str, Any]) -> Iterator[str]:
    """ "changed customer_id: 7", then a line for each cell: "lifetime_spend: 9.00 -> 3.50"."""
    known = row.get("row") or row["key"]
    place = ""
    if row["class"] == "moved":
        place = f" from place {row['expected_position']} to {row['actual_position']}"
    yield f"{row['class']}{place}  " + ", ".join(f"{printable(name)}: {_value(cell)}" for name, cell in known.items())
    for name, cell in row.get("cells", {}).items():
        unseen = unseen_difference(cell["expected"], cell["actual"])
        told = f" ({unseen})" if unseen else ""
        yield f"    {printable(name)}: {_value(cell['expected'])} -> {_value(cell['actual'])}{told}"


def _value(value: Any) -> str:
    text = dump_json(value).decode()
    return printable(text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…")


def github_lines(results: Iterable[Result]) -> Iterator[str]:
    """A workflow command of GitHub Actions for each of these Results, which failed or are an error."""
    for result in results:
        title = f"{result.test_case.function.name}: {result.test_case.name}"
        text = f"{result.verdict} ({result.reason}): {result.message}"
        yield f"::error title={_command_property(title)}::{_command_data(text)}"


def _command_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _command_property(text: str) -> str:
    return _command_data(text).replace(":", "%3A").replace(",", "%2C")


def summary(runs: Sequence[Run], seconds: float) -> str:
    """ "33 test cases in 1.2 s: 31 passed, 2 failed, 0 error, 0 skipped."."""
    counts = total_counts(runs)
    listed = ", ".join(f"{number:,} {verdict}" for verdict, number in counts.items())
    return f"{counted(sum(counts.values()), 'test case')} in {seconds:.1f} s: {listed}."


def total_counts(runs: Sequence[Run]) -> dict[str, int]:
    """Results by verdict, over several Runs."""
    return {verdict: sum(run.counts[verdict] for run in runs) for verdict in Verdict.values}


def runs_as_json(verdict: str, runs: Sequence[tuple[Run, Iterable[Result]]]) -> str:
    """All that is known of Runs and their Results; numbers keep their digits."""
    answer = {
        "verdict": verdict,
        "counts": total_counts([run for run, _ in runs]),
        "runs": [
            {
                "id": run.pk,
                "application": run.application.name,
                "verdict": run.verdict,
                "counts": run.counts,
                "results": [_result(result) for result in results],
            }
            for run, results in runs
        ],
    }
    return dump_json(answer).decode()


def _result(result: Result) -> dict[str, Any]:
    return {
        "id": result.pk,
        "test_case": result.test_case.name,
        "function": result.test_case.function.name,
        "implementation": result.implementation_name,
        "verdict": result.verdict,
        "reason": result.reason,
        "message": result.message,
        "errors": result.errors,
        "outputs": [
            {"name": output.port_name, "row_count": output.row_count, **(output.diff or {})}
            for output in result.outputs.all()
        ],
        "timings_ms": result.timings_ms,
    }
