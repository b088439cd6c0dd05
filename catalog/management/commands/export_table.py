"""export_table: the rows of a Table into a file."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.exporting import export
from catalog.formats import FORMATS
from catalog.management.commands.import_table import chosen_format
from catalog.management.lookup import WRONG_USAGE, find_application, find_object, find_table
from catalog.models import Table, TableVersion
from config.console import ProgressLine, counted


class Command(BaseCommand):
    help = "Exports the rows of a table as CSV, NDJSON or JSON. Exit codes: 0 exported, 2 wrong usage."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="path of the file, which is written over; - writes to the standard output")
        parser.add_argument("--application", required=True, help="name of the application")
        parser.add_argument("--object", required=True, help="name of the table's object")
        parser.add_argument("--table", required=True, help="name of the table")
        parser.add_argument("--version-number", type=int, help="an earlier version of the table; default: the newest")
        parser.add_argument("--format", choices=list(FORMATS), help="default: what the file's name ends with")
        parser.add_argument("--with-ids", action="store_true", help="begin each row with its _id")

    def handle(self, *args: Any, **options: Any) -> None:
        row_format = chosen_format(options["format"], options["file"])
        shape = find_object(find_application(options["application"]), options["object"])
        version = chosen_version(find_table(shape, options["table"]), options["version_number"])
        blocks = export(version, row_format.rows, options["with_ids"])
        if options["file"] == "-":
            for block in blocks:
                self.stdout.write(block.decode(), ending="")
            return
        started = time.monotonic()
        try:
            self.write_file(Path(options["file"]), blocks)
        except OSError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        seconds = max(time.monotonic() - started, 0.001)
        self.stdout.write(
            f"{counted(version.row_count, 'row')} in {seconds:.1f} s "
            f"({version.row_count / seconds:,.0f} rows/s): {options['file']}"
        )

    def write_file(self, path: Path, blocks: Iterator[bytes]) -> None:
        """Write aside, then rename: a file is whole or as it was."""
        progress = ProgressLine(self.stderr)
        aside = path.with_name(f".{path.name}.part")
        try:
            with aside.open("wb") as file:
                for block in blocks:
                    file.write(block)
                    progress.show(f"{file.tell() // 1024**2:,} MB written")
            aside.replace(path)
        finally:
            progress.clear()
            aside.unlink(missing_ok=True)


def chosen_version(table: Table, number: int | None) -> TableVersion:
    """The newest version, or that of a number. CommandError if the Table has none of it."""
    if number is None:
        return table.current
    found = table.versions.select_related("object_version").filter(number=number).first()
    if found is None:
        message = f"The table {table.name!r} has no version {number}; it has 1 to {table.version}."
        raise CommandError(message, returncode=WRONG_USAGE)
    return found
