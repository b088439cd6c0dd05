"""run_testcases: execute test cases and show their verdicts."""

import time
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.management.lookup import WRONG_USAGE, find_application, hint
from catalog.models import Application
from config.console import ProgressLine
from testcases.management.report import explanation, runs_as_json, summary, total_counts, verdict_table
from testcases.models import Result, Run, TestCase
from testcases.models.runs import Verdict
from testcases.runs import overall_verdict, run_test_cases

EXIT_CODES = {Verdict.PASSED: 0, Verdict.SKIPPED: 0, Verdict.FAILED: 1, Verdict.ERROR: 2}


class Command(BaseCommand):
    help = (
        "Runs test cases and shows their verdicts, and what differs where one failed. Each criterion may be given "
        "several times; a test case must meet one of each kind. "
        "Exit codes: 0 passed, 1 failed, 2 an error, wrong usage, or nothing selected."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for criterion, noun in (
            ("application", "an application (default: all)"),
            ("function", "a function"),
            ("name", "a test case"),
            ("tag", "a tag"),
        ):
            parser.add_argument(f"--{criterion}", action="append", default=[], help=f"name of {noun}")
        parser.add_argument("--output", choices=("table", "json"), default="table")
        parser.add_argument("--diff-rows", type=int, default=20, help="rows shown of each difference (default: 20)")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        cases = selected(options["application"], options["function"], options["name"], options["tag"])
        runs = self.run_all(cases, {name: options[name] for name in ("function", "name", "tag") if options[name]})
        results = [(run, list(run.results.with_parts().order_by("id"))) for run in runs]
        verdict = overall_verdict(total_counts(runs))
        if options["output"] == "json":
            self.stdout.write(runs_as_json(verdict, results))
        else:
            self.show([each for _, found in results for each in found], options["diff_rows"])
            self.stdout.write(summary(runs, time.monotonic() - started))
        if EXIT_CODES[Verdict(verdict)]:
            raise SystemExit(EXIT_CODES[Verdict(verdict)])

    def run_all(self, cases: Sequence[TestCase], selection: dict[str, Any]) -> list[Run]:
        """A Run for each application that has a case."""
        by_application: dict[Application, list[TestCase]] = {}
        for case in cases:
            by_application.setdefault(case.application, []).append(case)
        progress = ProgressLine(self.stderr)
        before = 0

        def notice(done: int, total: int, result: Result) -> None:
            progress.show_bar(before + done, len(cases), result.test_case.name)

        runs = []
        try:
            for application, own in by_application.items():
                runs.append(run_test_cases(application, own, selection, progress=notice))
                before += len(own)
        finally:
            progress.clear()
        return runs

    def show(self, results: Sequence[Result], row_limit: int) -> None:
        """The verdict table, then what was wrong with each that did not pass."""
        self.stdout.write(verdict_table(results))
        for result in results:
            if result.verdict in {Verdict.FAILED, Verdict.ERROR}:
                self.stdout.write("\n" + explanation(result, max(row_limit, 0)))
        self.stdout.write("")


def selected(
    applications: Sequence[str], functions: Sequence[str], names: Sequence[str], tags: Sequence[str]
) -> list[TestCase]:
    """The test cases that meet one of each kind of criterion; three queries. CommandError if there is none."""
    found = [find_application(name) for name in applications]
    cases = TestCase.objects.select_related("application", "function")
    if found:
        cases = cases.filter(application__in=found)
    if functions:
        refuse_unknown("function", functions, cases.values_list("function__name", flat=True))
    if names:
        refuse_unknown("test case", names, cases.values_list("name", flat=True))
    criteria = {"function__name__in": functions, "name__in": names}
    cases = cases.filter(**{lookup: wanted for lookup, wanted in criteria.items() if wanted})
    chosen = list(cases.tagged(*tags) if tags else cases)
    if not chosen:
        raise CommandError("No test case is selected.", returncode=WRONG_USAGE)
    return chosen


def refuse_unknown(noun: str, wanted: Sequence[str], known: Any) -> None:
    """CommandError for a name that no test case has, or that no function with test cases has."""
    names = sorted(set(known))
    for name in wanted:
        if name not in names:
            message = f"There is no {noun} {name!r} to run; {hint(name, names)}"
            raise CommandError(message, returncode=WRONG_USAGE)
