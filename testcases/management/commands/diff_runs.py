"""diff_runs: what changed from one run to another, in verdicts and in actual outputs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from catalog.management.lookup import WRONG_USAGE, find_application
from config.commands import ExemplifiedCommand
from config.console import counted, text_table
from config.exact_json import dump_json
from testcases.models import Result, Run
from testcases.run_diffs import OutputChange, RunOutputs, compare_outputs

DIFFERENT: Final = 1
NEWEST_SHOWN: Final = 5


class Command(ExemplifiedCommand):
    help = (
        "Compares two runs: test cases whose verdict is another, and the actual outputs of the same case and port, row "
        "by row, by the case's key and tolerances. Without a second run, the newest one of the same application is "
        "taken; without any, its two newest ones. Exit codes: 0 nothing changed, 1 a verdict or an output is another, "
        "2 wrong usage."
    )
    examples = (
        "--application demo",
        "01JD4Y3Z8Q6V5T2W9X7R1N0MKG 01JD4Y4B6N2M8K5H3F7D9S1A0P",
        "01JD4Y3Z8Q6V5T2W9X7R1N0MKG --output json",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("before", nargs="?", help="id of the run before (default: the newest but one)")
        parser.add_argument("after", nargs="?", help="id of the run after (default: the newest)")
        parser.add_argument("--application", help="without ids: whose runs (default: that of the newest one)")
        parser.add_argument("--output", choices=("table", "json"), default="table", help="default: table")

    def handle(self, *args: Any, **options: Any) -> None:
        before, after = chosen_runs(options)
        if before == after:
            raise CommandError("That is one run, not two.", returncode=WRONG_USAGE)
        found = compare_outputs(before, after)
        outputs = list(found.compared(0))
        if options["output"] == "json":
            self.stdout.write(dump_json(_document(before, after, found, outputs)).decode())
        else:
            self.stdout.write("\n".join(_report(found, outputs)))
        if found.other_verdicts or not all(each.is_equal for each in outputs):
            raise SystemExit(DIFFERENT)


def chosen_runs(options: Mapping[str, Any]) -> tuple[Run, Run]:
    """The run before and the run after. CommandError if there are not two."""
    if options["before"]:
        before = find_run(options["before"])
        return before, find_run(options["after"]) if options["after"] else before.application.runs.order_by("-pk")[0]
    runs = Run.objects.select_related("application").order_by("-pk")
    if options["application"]:
        runs = runs.filter(application=find_application(options["application"]))
    newest = list(runs[:1])
    both = list(runs.filter(application=newest[0].application)[:2]) if newest else []
    if len(both) < 2:
        raise CommandError("There are not yet two runs to compare.", returncode=WRONG_USAGE)
    return both[1], both[0]


def find_run(pk: str) -> Run:
    """The Run of this id. CommandError that names the newest ones if there is none."""
    run = Run.objects.select_related("application").filter(pk=pk).first()
    if run is None:
        newest = ", ".join(Run.objects.order_by("-pk").values_list("pk", flat=True)[:NEWEST_SHOWN])
        hint = f"the newest are {newest}." if newest else "there is none yet."
        raise CommandError(f"There is no run {pk!r}; {hint}", returncode=WRONG_USAGE)
    return run


def _document(before: Run, after: Run, found: RunOutputs, outputs: Sequence[OutputChange]) -> dict[str, Any]:
    return {
        "before": before.pk,
        "after": after.pk,
        "verdicts": found.verdicts,
        "cases": [each.as_dict() for each in found.other_verdicts],
        "same_outputs": found.same + sum(each.is_equal for each in outputs),
        "outputs": [each.as_dict() for each in outputs if not each.is_equal],
    }


def _report(found: RunOutputs, outputs: Sequence[OutputChange]) -> Iterator[str]:
    if found.other_verdicts:
        rows = [
            (each.test_case_name, each.function_name, each.change, _verdict(each.before), _verdict(each.after))
            for each in found.other_verdicts
        ]
        yield text_table(("test case", "function", "verdict is", "before", "after"), rows)
    differing = [each for each in outputs if not each.is_equal]
    if differing:
        lines = [(each.case.test_case_name, each.port_name, each.summary) for each in differing]
        yield text_table(("test case", "output", "rows"), lines)
    same = found.same + len(outputs) - len(differing)
    yield (
        f"{counted(len(found.other_verdicts), 'test case')} with another verdict, {counted(len(differing), 'output')} "
        f"with other rows, {same:,} the same."
    )


def _verdict(result: Result | None) -> str:
    if result is None:
        return "not judged"
    return f"{result.verdict} ({result.reason})" if result.reason else result.verdict
