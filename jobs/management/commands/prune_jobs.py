"""`manage.py prune_jobs`: let old jobs go."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import ProtectedError, QuerySet, RestrictedError

from config.commands import WRONG_USAGE, ExemplifiedCommand
from config.console import counted
from jobs.models import Job

AT_ONCE = 500
DAYS_MOST = 36_500


class Command(ExemplifiedCommand):
    help = (
        "Deletes jobs that ended at least so many days ago, with what they told; what they did stays. A job to which "
        "something refers stays too. Exit codes: 0 done, 2 wrong usage."
    )
    examples = ("--keep-days 30 --dry-run",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--keep-days", type=int, required=True, help="jobs that ended in so many last days stay")
        parser.add_argument("--dry-run", action="store_true", help="say how many would go, and delete nothing")

    def handle(self, *arguments: Any, **options: Any) -> None:
        if not 0 <= options["keep_days"] <= DAYS_MOST:
            raise CommandError(f"--keep-days is from 0 to {DAYS_MOST}.", returncode=WRONG_USAGE)
        going = Job.objects.ended_before(options["keep_days"]).order_by("pk")
        if options["dry_run"]:
            self.stdout.write(f"Would go: {counted(going.count(), 'job')}.")
            return
        gone = held = 0
        last = ""
        while found := list(going.filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
            last = found[-1]
            deleted = _deleted(Job.objects.filter(pk__in=found))
            gone, held = gone + deleted, held + len(found) - deleted
        kept = f" {counted(held, 'job')} stayed: something refers to them." if held else ""
        self.stdout.write(f"Gone: {counted(gone, 'job')}.{kept}")


def _deleted(jobs: QuerySet[Job]) -> int:
    """Delete these, or of several those that nothing refers to; how many went."""
    try:
        return jobs.delete()[1].get(Job._meta.label, 0)
    except (ProtectedError, RestrictedError):
        listed = list(jobs.values_list("pk", flat=True))
        return sum(_deleted(Job.objects.filter(pk=pk)) for pk in listed) if len(listed) > 1 else 0
