"""`manage.py requeue_jobs`: look for lost jobs now, as every worker does by itself."""

from typing import Any

from config.commands import ExemplifiedCommand
from jobs.execution import requeue_lost


class Command(ExemplifiedCommand):
    help = (
        "Queues the jobs again whose worker has vanished. Every worker does so by itself; this does it now. "
        "Exit codes: 0 done, 2 wrong usage."
    )
    examples = ("",)

    def handle(self, *arguments: Any, **options: Any) -> None:
        count = requeue_lost()
        self.stdout.write(f"{count} lost job{'' if count == 1 else 's'} taken up.")
