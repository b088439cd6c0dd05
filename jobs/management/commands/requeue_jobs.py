"""`manage.py requeue_jobs`: look for lost jobs now, as every worker does by itself."""

from typing import Any

from django.core.management.base import BaseCommand

from jobs.execution import requeue_lost


class Command(BaseCommand):
    help = "Queue again the jobs whose worker has vanished. Every worker does so by itself; this does it now."

    def handle(self, *arguments: Any, **options: Any) -> None:
        count = requeue_lost()
        self.stdout.write(f"{count} lost job{'' if count == 1 else 's'} taken up.")
