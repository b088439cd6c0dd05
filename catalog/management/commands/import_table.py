"""import_table: the rows of a file into a Table."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.attributes import Schema
from catalog.contents import append_rows, create_table, replace_rows
from catalog.formats import FORMATS, Format, format_of
from catalog.management.lookup import WRONG_USAGE, find_application, find_object, find_table
from catalog.models import ObjectSchema, Table, TableVersion
from catalog.row_errors import Report
from catalog.sources import Cells, LinedSource, Slice, Source
from catalog.writing import NonconformingError, StaleObjectError, Write
from config.console import ProgressLine, counted, sentences, text_table

ERRORS_PRINTED = 50


class Command(BaseCommand):
    help = (
        "Imports the rows of a CSV, NDJSON or JSON file into a table. Exit codes: 0 imported, "
        "1 the rows do not conform (all errors are shown, nothing is imported), 2 wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="path of the file; - reads the standard input")
        parser.add_argument("--application", required=True, help="name of the application")
        parser.add_argument("--object", required=True, help="name of the object that the rows conform to")
        parser.add_argument("--table", required=True, help="name of the table")
        parser.add_argument(
            "--mode",
            choices=("create", "append", "replace"),
            default="create",
            help="create a new table (default), append to one, or replace all its rows",
        )
        parser.add_argument("--format", choices=list(FORMATS), help="default: what the file's name ends with")
        parser.add_argument("--message", default="", help="why, for the table's history")

    def handle(self, *args: Any, **options: Any) -> None:
        row_format = chosen_format(options["format"], options["file"])
        shape = find_object(find_application(options["application"]), options["object"])
        write = writing(options["mode"], shape, options["table"], Write(message=options["message"]))
        progress = ProgressLine(self.stderr)
        started = time.monotonic()

        def notice(rows: int) -> None:
            seconds = max(time.monotonic() - started, 0.001)
            progress.show(f"{rows:,} rows, {rows / seconds:,.0f} rows/s")

        progress.show(f"reading {options['file']} ...")
        with tempfile.TemporaryDirectory(prefix="exemplar-import-") as directory:
            try:
                with opened(options["file"]) as stream:
                    version = write(WatchedSource(row_format.read(stream, Path(directory)), notice))
            except NonconformingError as error:
                progress.clear()
                self.stderr.write(report_table(error.report))
                message = f"{error.report.title}; nothing was imported."
                raise CommandError(message, returncode=1) from error
            except (StaleObjectError, OSError) as error:
                progress.clear()
                raise CommandError(str(error), returncode=WRONG_USAGE) from error
        progress.clear()
        seconds = max(time.monotonic() - started, 0.001)
        self.stdout.write(
            f"{counted(version.added, 'row')} in {seconds:.1f} s ({version.added / seconds:,.0f} rows/s): "
            f"{options['object']}/{options['table']} is at version {version.number} "
            f"with {counted(version.row_count, 'row')}."
        )


def chosen_format(name: str | None, file: str) -> Format:
    """The format that was asked for, or that the file's name says. CommandError if neither does."""
    found = FORMATS[name] if name else format_of(file)
    if found is None:
        suffixes = ", ".join(suffix for each in FORMATS.values() for suffix in each.suffixes)
        message = f"{file} ends with none of {suffixes}: say --format {' or '.join(FORMATS)}."
        raise CommandError(message, returncode=WRONG_USAGE)
    return found


def opened(file: str) -> BinaryIO:
    """The file's bytes, or those of the standard input."""
    return sys.stdin.buffer if file == "-" else Path(file).open("rb")


def writing(mode: str, shape: ObjectSchema, name: str, write: Write) -> Callable[[Source], TableVersion]:
    """The verb of a mode, for one Table. CommandError if the Table is there, or is not, as the mode needs it."""
    if mode != "create":
        table = find_table(shape, name)
        verb = append_rows if mode == "append" else replace_rows
        return lambda source: verb(table, source, write)
    table = Table(object=shape, name=name)
    try:
        table.full_clean()
    except ValidationError as error:
        raise CommandError(" ".join(sentences(error)), returncode=WRONG_USAGE) from error
    return lambda source: create_table(table, source, write)


def report_table(report: Report) -> str:
    """The errors as a table, and how many there are in all."""
    shown = report.errors[:ERRORS_PRINTED]
    rows = [(e.row, e.line, e.attribute, e.code, e.message) for e in shown]
    text = text_table(("row", "line", "attribute", "code", "message"), rows)
    if report.error_count > len(shown):
        text += f"\n... and {report.error_count - len(shown):,} more"
    return text


class WatchedSource:
    """A source that tells how many rows were read before each slice."""

    def __init__(self, source: Source, notice: Callable[[int], None]) -> None:
        self._source = source
        self._notice = notice

    def cells(self, schema: Schema) -> Cells:
        return self._source.cells(schema)

    def slices(self) -> Iterator[Slice]:
        for piece in self._source.slices():
            self._notice(piece.rows_before)
            yield piece

    def line_numbers(self, rows: Sequence[int]) -> Mapping[int, int]:
        """The lines of rows, where the source has lines."""
        return self._source.line_numbers(rows) if isinstance(self._source, LinedSource) else {}
