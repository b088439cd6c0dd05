"""prune_versions: lets old versions go, and the bytes of rows that nothing uses any more."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from catalog.history.pruning import Pruned, Rule, prune
from catalog.management.lookup import WRONG_USAGE, find_application, find_object, find_table
from catalog.models import Table
from config.commands import ExemplifiedCommand
from config.console import ProgressLine, counted
from config.exact_json import dump_json


class Command(ExemplifiedCommand):
    help = (
        "Deletes the versions of tables but the newest and those that anything refers to (a result of a run pins what "
        "it saw), with their profiles and their rows set aside; and all bytes of rows that nothing uses any more, "
        "also those of deleted tables. SQLite keeps the room for new rows; VACUUM gives it back to the disk. "
        "Exit codes: 0 done, 2 wrong usage."
    )
    examples = (
        "--keep 10 --dry-run",
        "--application demo --object orders --keep 3 --older-than 30",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--application", help="only tables of this application")
        parser.add_argument("--object", help="only tables of this object of the application")
        parser.add_argument("--table", help="only this table of the object")
        parser.add_argument("--keep", type=int, required=True, help="how many of the newest versions stay, at least 1")
        parser.add_argument("--older-than", type=float, default=0, metavar="DAYS", help="keep what was current since")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")
        parser.add_argument("--output", choices=("text", "json"), default="text", help="default: text")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] < 1:
            raise CommandError("--keep is at least 1: the current version stays.", returncode=WRONG_USAGE)
        if not 0 <= options["older_than"] < 100_000:
            raise CommandError("--older-than is a number of days.", returncode=WRONG_USAGE)
        tables = chosen_tables(options["application"], options["object"], options["table"])
        progress = ProgressLine(self.stderr)
        rule = Rule(options["keep"], options["older_than"])
        found = prune(tables, rule, options["dry_run"], lambda so_far: progress.show(sentence(so_far)))
        progress.clear()
        if options["output"] == "json":
            self.stdout.write(dump_json({"dry_run": options["dry_run"], **asdict(found)}).decode())
            return
        verb = "Would go" if options["dry_run"] else "Gone"
        self.stdout.write(f"{verb}: {sentence(found)}.")


def chosen_tables(application: str | None, shape: str | None, table: str | None) -> QuerySet[Table]:
    """The Tables that the arguments name. CommandError for a name without the one above it."""
    if (shape and not application) or (table and not shape):
        message = "An --object is named with its --application, a --table with its --object."
        raise CommandError(message, returncode=WRONG_USAGE)
    if application is None:
        return Table.objects.all()
    found = find_application(application)
    if shape is None:
        return Table.objects.filter(object__application=found)
    if table is None:
        return Table.objects.filter(object=find_object(found, shape))
    return Table.objects.filter(pk=find_table(find_object(found, shape), table).pk)


def sentence(found: Pruned) -> str:
    """ "3 versions, 1 profile, 0 files of rows set aside, 3 parts: 1.2 MB" """
    files = f"{counted(found.set_aside, 'file')} of rows set aside"
    return (
        f"{counted(found.versions, 'version')}, {counted(found.profiles, 'profile')}, {files}, "
        f"{counted(found.parts, 'part')}: {found.size_bytes / 1e6:,.1f} MB"
    )
