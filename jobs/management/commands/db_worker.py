"""`manage.py db_worker`: do the jobs that wait in the database."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV, run_with_reloader
from django_tasks_db.management.commands.db_worker import Command as TaskCommand

from jobs.worker import Worker

INTERVAL_SECONDS = 0.5


class Command(TaskCommand):
    """The command of django-tasks-db, with its options, and our worker."""

    help = (
        "Do the jobs that wait in the database, one at a time; start as many workers as there is work for, on any "
        "host. Also takes up jobs whose worker has vanished."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(interval=INTERVAL_SECONDS, reload=False)
        for option in parser._actions:
            if option.dest == "reload":
                option.help = "begin the worker again when code changes; for development (default: no)"

    def handle(
        self,
        *,
        verbosity: int,
        queue_name: str,
        exclude_queues: str,
        reload: bool,
        **options: Any,
    ) -> None:
        self.configure_logging(verbosity)
        names = ("interval", "batch", "backend_name", "startup_delay", "max_tasks", "worker_id")
        worker = Worker(
            queue_names=queue_name.split(","),
            excluded_queue_names=exclude_queues.split(",") if exclude_queues else [],
            **{name: options[name] for name in names},
        )
        if worker.excluded_queue_names and not worker.process_all_queues:
            raise CommandError("--exclude-queues can only be used with --queue-name=*.")
        if not reload or worker.batch:
            worker.configure_signals()
            worker.run()
            return
        if os.environ.get(DJANGO_AUTORELOAD_ENV) == "true":
            worker.configure_signals()  # in the process that is begun anew when code changes
        run_with_reloader(worker.run)
