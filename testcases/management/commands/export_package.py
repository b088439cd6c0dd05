"""export_package: an application into a folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.management.lookup import WRONG_USAGE, find_application
from config.commands import ExemplifiedCommand
from testcases.packages import write_package


class Command(ExemplifiedCommand):
    help = (
        "Exports all objects, tables, functions and test cases of an application as an Exemplar package. "
        "Exit codes: 0 exported, 2 wrong usage."
    )
    examples = ("../catalog --application demo",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="folder to write; it must be new or empty")
        parser.add_argument("--application", required=True, help="name of the application")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counts = write_package(find_application(options["application"]), options["path"])
        except OSError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        listed = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
        self.stdout.write(f"{listed}: {options['path']}")
