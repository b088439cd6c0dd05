"""export_table: the rows of a Table into a file."""

import time
from typing import Any

from django.core.management.base import CommandParser

from catalog.exporting import export
from catalog.formats import FORMATS, WritingOptions
from catalog.management.lookup import find_application, find_object, find_table
from catalog.management.output import STANDARD_OUTPUT, chosen_format, chosen_version, write_blocks
from config.commands import ExemplifiedCommand
from config.console import counted


class Command(ExemplifiedCommand):
    help = f"Exports the rows of a table as {', '.join(FORMATS)}. Exit codes: 0 exported, 2 wrong usage."
    examples = (
        'orders.xlsx --application demo --object orders --table "week 1"',
        '- --application demo --object orders --table "week 1" --format ndjson --version-number 3 | head',
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="path of the file, which is written over; - writes to the standard output")
        parser.add_argument("--application", required=True, help="name of the application")
        parser.add_argument("--object", required=True, help="name of the table's object")
        parser.add_argument("--table", required=True, help="name of the table")
        parser.add_argument("--version-number", type=int, help="an earlier version of the table; default: the newest")
        parser.add_argument("--format", choices=list(FORMATS), help="default: what the file's name ends with")
        parser.add_argument("--with-ids", action="store_true", help="begin each row with its _id")
        parser.add_argument("--spreadsheet", action="store_true", help="escape CSV cells that a spreadsheet would run")

    def handle(self, *args: Any, **options: Any) -> None:
        row_format = chosen_format(options["format"], options["file"])
        shape = find_object(find_application(options["application"]), options["object"])
        version = chosen_version(find_table(shape, options["table"]), options["version_number"])
        started = time.monotonic()
        writing = WritingOptions(spreadsheet=options["spreadsheet"])
        write_blocks(self, export(version, row_format.rows, options["with_ids"], writing), options["file"])
        if options["file"] == STANDARD_OUTPUT:
            return
        seconds = max(time.monotonic() - started, 0.001)
        self.stdout.write(
            f"{counted(version.row_count, 'row')} in {seconds:.1f} s "
            f"({version.row_count / seconds:,.0f} rows/s): {options['file']}"
        )
