"""load_package: a folder into an application."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.management.lookup import WRONG_USAGE, find_application
from catalog.writing import StaleObjectError
from config.commands import ExemplifiedCommand
from config.console import counted, printable
from testcases.packages import LoadReport, PackageError, load_package, read_package

NAMES_LISTED = 20


class Command(ExemplifiedCommand):
    help = (
        "Loads an Exemplar package (a folder with datapackage.json) into an application. What is already as the "
        "package says gets no new version; what the package does not name is left alone. "
        "Exit codes: 0 loaded, 1 the package is not sound (all problems are shown, nothing is changed), 2 wrong usage."
    )
    examples = (
        "examples/jaffle_shop --application demo",
        "../catalog --application app --dry-run",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="folder of the package")
        parser.add_argument("--application", required=True, help="name of the application")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        application = find_application(options["application"])
        try:
            package = read_package(options["path"])
            report = load_package(package, application, is_dry_run=options["dry_run"])
        except PackageError as error:
            for problem in error.problems:
                self.stderr.write(printable(problem))
            message = f"{counted(len(error.problems), 'problem')}; nothing was changed."
            raise CommandError(message, returncode=1) from error
        except StaleObjectError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        self.stdout.write(report_text(report))
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was changed.")
        elif report.is_empty:
            self.stdout.write("Nothing was changed.")


def report_text(report: LoadReport) -> str:
    """A line for each kind, and the names of what was changed."""
    lines = []
    for kind, changes in report.changes.items():
        counts = [
            f"{len(names):,} {word}"
            for word, names in (
                ("created", changes.created),
                ("changed", changes.changed),
                ("unchanged", changes.unchanged),
            )
        ]
        lines.append(f"{kind:<11} {', '.join(counts)}")
        lines += [f"  changed: {printable(name)}" for name in changes.changed[:NAMES_LISTED]]
        if len(changes.changed) > NAMES_LISTED:
            lines.append(f"  ... and {len(changes.changed) - NAMES_LISTED:,} more")
    return "\n".join(lines)
