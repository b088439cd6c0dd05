"""run_testcases: execute test cases and show their verdicts."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.checks import Tags
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db.models import Count, Max, Model, Q, Sum

from catalog.management.lookup import WRONG_USAGE, find_application
from catalog.models import Application, Configuration, ObjectSchema, Table
from config.commands import ExemplifiedCommand
from config.console import ProgressLine, printable
from processes.models import Function, Implementation
from testcases.junit import junit_xml
from testcases.management.report import (
    explanation,
    github_lines,
    runs_as_json,
    summary,
    total_counts,
    verdict_table,
)
from testcases.models import Result, Run, TestCase
from testcases.models.runs import Verdict
from testcases.runs import overall_verdict, run_test_cases
from testcases.selection import Criteria, find_configuration, select_test_cases

EXIT_CODES = {Verdict.PASSED: 0, Verdict.SKIPPED: 0, Verdict.FAILED: 1, Verdict.ERROR: 2}
FLAGS = ("failed", "error", "skipped", "stale", "flaky")
RESULTS_READ = 500
WATCH_SECONDS = 1.0
SEEN: Mapping[type[Model], str] = {
    TestCase: "application",
    Function: "application",
    Implementation: "function__application",
    ObjectSchema: "application",
    Table: "object__application",
}


class Command(ExemplifiedCommand):
    help = (
        "Runs test cases and shows their verdicts, and what differs where one failed. Each criterion may be given "
        "several times; a test case must meet one of each kind; names and implementations may be patterns such as "
        "'late *'. With several implementations each case is judged with each. "
        "Exit codes: 0 passed, 1 failed, 2 wrong usage, nothing selected, or an error."
    )
    examples = (
        "--application demo --name 'orders*' --last failed",
        "--application demo --implementation '*' --output junit > exemplar.xml",
        "--application demo --function customers --watch",
    )
    requires_system_checks = [Tags.files]  # those of addresses and the admin would load the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        for criterion, text in (
            ("application", "name of an application (default: all)"),
            ("function", "name of a function"),
            ("name", "name of a test case"),
            ("id", "id of a test case"),
            ("tag", "name of a tag"),
            ("last", "what the last run said: passed, failed, error or skipped"),
            ("implementation", "name of an implementation (default: each function's first; '*' for all)"),
        ):
            parser.add_argument(f"--{criterion}", action="append", default=[], help=text)
        parser.add_argument("--stale", action="store_true", help="only those whose last result is out of date")
        parser.add_argument("--configuration", help="name of a configuration that each application must have")
        parser.add_argument("--jobs", type=int, metavar="N", help="cases at once (default: the number of cores)")
        parser.add_argument("--output", choices=("table", "json", "junit", "github"), default="table")
        parser.add_argument("--diff-rows", type=int, default=20, help="rows shown of each difference (default: 20)")
        parser.add_argument(
            "--fail-on",
            action="append",
            choices=FLAGS,
            help="what makes the exit code 1, or 2 for error (default: failed and error)",
        )
        parser.add_argument("--watch", action="store_true", help="run again when something changes that the cases see")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["jobs"] is not None and not 1 <= options["jobs"] <= 256:
            raise CommandError("--jobs is a number from 1 to 256.", returncode=WRONG_USAGE)
        if not options["watch"]:
            code = self.run_once(options)
            if code:
                raise SystemExit(code)
            return
        code = self.watch(options)
        if code:
            raise SystemExit(code)

    def run_once(self, options: dict[str, Any]) -> int:
        """Run what is selected now, show it, and give the exit code."""
        started = time.monotonic()
        cases = selected(options)
        runs = self.run_all(cases, options)
        verdict = overall_verdict(total_counts(runs))
        results = [(run, results_of(run)) for run in runs]
        if options["output"] == "json":
            self.stdout.write(runs_as_json(verdict, results))
        elif options["output"] == "junit":
            for piece in junit_xml(results):
                self.stdout.write(piece, ending="")
        elif options["output"] == "github":
            for line in github_lines(wrong_results(runs)):
                self.stdout.write(line)
            self.stdout.write(summary(runs, time.monotonic() - started))
        else:
            self.show(runs, options["diff_rows"])
            self.stdout.write(summary(runs, time.monotonic() - started))
        return exit_code(runs, options["fail_on"])

    def watch(self, options: dict[str, Any]) -> int:
        """Run, and again whenever what the cases see has changed, until Ctrl-C; the exit code of the last time."""
        code, is_first = 0, True
        try:
            while True:
                seen = state_of_catalog(options["application"], options["configuration"])
                try:
                    code = self.run_once(options)
                except CommandError as error:
                    if is_first:
                        raise
                    # What was selected is gone; it may come back.
                    self.stderr.write(str(error))
                    code = error.returncode
                is_first = False
                self.stderr.write("Waiting for a change; Ctrl-C ends.")
                while state_of_catalog(options["application"], options["configuration"]) == seen:
                    time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            return code

    def run_all(self, cases: Sequence[TestCase], options: dict[str, Any]) -> list[Run]:
        """A Run for each application that has a case."""
        by_application: dict[Application, list[TestCase]] = {}
        for case in cases:
            by_application.setdefault(case.application, []).append(case)
        configurations = {each: configuration_of(each, options["configuration"]) for each in by_application}
        criteria = criteria_of(options).as_dict()
        progress = ProgressLine(self.stderr)
        before = 0

        def notice(done: int, total: int, result: Result) -> None:
            share = f" with {result.implementation_name}" if len(options["implementation"]) else ""
            progress.show_bar(before + done, max(len(cases), before + total), result.test_case.name + share)

        runs = []
        try:
            for application, own in by_application.items():
                run = run_test_cases(
                    application,
                    own,
                    criteria,
                    None,
                    options["implementation"],
                    configurations[application],
                    notice,
                    options["jobs"],
                )
                runs.append(run)
                before += run.total
        finally:
            progress.clear()
        return runs

    def show(self, runs: Sequence[Run], row_limit: int) -> None:
        """The verdict table, then what was wrong with each that did not pass."""
        self.stdout.write(verdict_table(result for run in runs for result in results_of(run)))
        for result in wrong_results(runs):
            self.stdout.write("\n" + explanation(result, max(row_limit, 0)))
        self.stdout.write("")


def criteria_of(options: dict[str, Any]) -> Criteria:
    """The criteria that the arguments say."""
    return Criteria(
        functions=options["function"],
        test_cases=options["id"],
        names=options["name"],
        tags=options["tag"],
        last_verdicts=options["last"],
        stale=options["stale"],
        implementations=options["implementation"],
    )


def selected(options: dict[str, Any]) -> list[TestCase]:
    """The test cases that meet one of each kind of criterion. CommandError if there is none."""
    applications = [find_application(name) for name in options["application"]]
    criteria = criteria_of(options)
    try:
        if len(applications) == 1:
            return select_test_cases(criteria, applications[0])
        chosen = select_test_cases(criteria)
    except ValidationError as error:
        message = " ".join(printable(each) for each in problems_of(error))
        raise CommandError(message, returncode=WRONG_USAGE) from error
    wanted = [case for case in chosen if not applications or case.application in applications]
    if not wanted:
        raise CommandError("No test case is selected.", returncode=WRONG_USAGE)
    return wanted


def problems_of(error: ValidationError) -> list[str]:
    """The messages alone."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [message for errors in error.error_dict.values() for each in errors for message in each.messages]


def configuration_of(application: Application, name: str | None) -> Configuration | None:
    """The configuration of this name. CommandError if the application has none."""
    if name is None:
        return None
    try:
        return find_configuration(application, name)
    except ValidationError as error:
        raise CommandError(" ".join(problems_of(error)), returncode=WRONG_USAGE) from error


def results_of(run: Run, **wanted: Any) -> Iterator[Result]:
    """The Results of a Run in the order in which they fell, some at a time."""
    results: Iterator[Result] = run.results.filter(**wanted).with_report().iterator(chunk_size=RESULTS_READ)
    return results


def wrong_results(runs: Sequence[Run]) -> Iterator[Result]:
    """Those that failed or are an error."""
    for run in runs:
        if run.failed or run.error:
            yield from results_of(run, verdict__in=[Verdict.FAILED, Verdict.ERROR])


def exit_code(runs: Sequence[Run], fail_on: Sequence[str] | None) -> int:
    """2 where an error counts and there is one, else 1 where anything else counts, else 0."""
    counts = set(fail_on or ("failed", "error"))
    verdicts = {verdict for verdict, number in total_counts(runs).items() if number}
    if "error" in counts and Verdict.ERROR in verdicts:
        return EXIT_CODES[Verdict.ERROR]
    is_wrong = bool(counts & {"failed", "skipped"} & verdicts)
    is_wrong = is_wrong or ("stale" in counts and any(each.is_stale for run in runs for each in staleness_of(run)))
    is_wrong = is_wrong or ("flaky" in counts and any(run.results.with_flakiness().flaky().exists() for run in runs))
    return 1 if is_wrong else 0


def staleness_of(run: Run) -> Iterator[Result]:
    """The Results of a Run with no more than tells whether they are stale."""
    results = run.results.with_staleness().defer("message", "errors", "timings_ms").order_by()
    found: Iterator[Result] = results.iterator(chunk_size=RESULTS_READ)
    return found


def state_of_catalog(applications: Sequence[str], configuration: str | None) -> tuple[Any, ...]:
    """What tells whether something has changed that cases of these applications, or of all, see. Five queries.

    Versions are added up, for the time of a long import may lie before that of the newest change.
    """
    found: list[Any] = []
    for model, path in SEEN.items():
        objects = model._default_manager.filter(**{f"{path}__name__in": applications} if applications else {})
        versions = {"versions": Sum("version")} if model in (Table, ObjectSchema) else {}
        found.append(objects.aggregate(Max("updated_at"), Count("pk"), **versions))
    named = Configuration.objects.filter(Q(name=configuration) | Q(pk=configuration)) if configuration else []
    return (*found, [(each.pk, each.config) for each in named])
