"""prune_runs: lets old runs go, with the bytes of rows that only they hold."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from catalog.history.pruning import Rule, prune
from catalog.management.lookup import WRONG_USAGE, find_application
from catalog.models import Application, Table
from config.commands import ExemplifiedCommand
from config.console import counted
from testcases.models import Result, Run

RUNS_AT_ONCE = 20


class Command(ExemplifiedCommand):
    help = (
        "Deletes the runs of each application but the newest, with their results; a run that holds the newest result "
        "of a test case stays, and so does one that is under way. Then all bytes of rows go that nothing uses any "
        "more; the versions of tables stay (see prune_versions). Exit codes: 0 done, 2 wrong usage."
    )
    examples = ("--keep 50 --dry-run", "--application demo --keep 10")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--application", help="only runs of this application")
        parser.add_argument("--keep", type=int, required=True, help="how many of the newest runs stay, at least 1")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] < 1:
            raise CommandError("--keep is at least 1.", returncode=WRONG_USAGE)
        name = options["application"]
        applications = [find_application(name)] if name else list(Application.objects.all())
        going = [run for each in applications for run in prunable_runs(each, options["keep"])]
        results = Result.objects.filter(run__in=going).count()
        what = f"{counted(len(going), 'run')}, {counted(results, 'result')}"
        if options["dry_run"]:
            self.stdout.write(f"Would go: {what}.")
            return
        for start in range(0, len(going), RUNS_AT_ONCE):
            with transaction.atomic():
                Run.objects.filter(pk__in=going[start : start + RUNS_AT_ONCE]).delete()
        freed = prune(Table.objects.none(), Rule(1))
        self.stdout.write(f"Gone: {what}, {counted(freed.parts, 'part')}: {freed.size_bytes / 1e6:,.1f} MB.")


def prunable_runs(application: Application, keep: int) -> list[str]:
    """The ids of runs that may go. Two queries."""
    needed = Result.objects.newest().filter(run__application=application).values("run")
    ended = application.runs.filter(state__in=[Run.State.FINISHED, Run.State.CANCELLED])
    newest = list(application.runs.order_by("-id").values_list("pk", flat=True)[:keep])
    return list(ended.exclude(pk__in=newest).exclude(pk__in=needed).order_by("pk").values_list("pk", flat=True))
