"""import_table: the rows of a file into a Table."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from catalog.formats.opening import OPTION_NAMES, Opened, ReadingOptionError, open_rows, read_options
from catalog.importing import Imported, import_rows
from catalog.management.lookup import WRONG_USAGE, find_application, find_object, find_table
from catalog.management.reading import add_reading_arguments
from catalog.models import ObjectSchema, Table
from catalog.references import ReferencedError
from catalog.row_errors import Report
from catalog.set_aside import TooManyRowsError, unpacked
from catalog.sources import MalformedError, Source
from catalog.watching import WatchedSource, bytes_read, stream_size
from catalog.writing import NonconformingError, StaleObjectError, Write
from config import temporary
from config.commands import ExemplifiedCommand
from config.console import ProgressLine, counted, printable, sentences, text_table

ERRORS_PRINTED: Final = 50
NAMES_PRINTED: Final = 10
TOLD: Final = ("format", "notes")  # in words of their own


class Command(ExemplifiedCommand):
    help = (
        "Imports the rows of a file into a table: CSV, NDJSON, JSON and others, gzip too. All is done when the command "
        "ends, without a worker; the page and the API can leave a large file to one. Exit codes: 0 imported, 1 the "
        "rows do not conform (all errors are shown, nothing is imported), 2 wrong usage."
    )
    examples = (
        'orders.csv --application demo --object orders --table "week 1"',
        'more.ndjson --application demo --object orders --table "week 1" --mode append',
        'orders.csv --application demo --object orders --table "week 1" --mode upsert --lenient --set-aside bad.csv',
        '- --application demo --object orders --table "week 1" --mode replace --dry-run < orders.csv',
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_reading_arguments(parser)
        parser.add_argument("--application", required=True, help="name of the application")
        parser.add_argument("--object", required=True, help="name of the object that the rows conform to")
        parser.add_argument("--table", required=True, help="name of the table")
        parser.add_argument(
            "--mode",
            choices=("create", "append", "replace", "upsert"),
            default="create",
            help="create a new table (default), append to one, replace all its rows, or put rows in place by their "
            "primary key",
        )
        parser.add_argument("--message", default="", help="why, for the table's history")
        parser.add_argument("--lenient", action="store_true", help="take the rows that conform, set the others aside")
        parser.add_argument(
            "--set-aside", metavar="FILE", help="with --lenient: where rows that do not conform are written, too"
        )
        parser.add_argument("--dry-run", action="store_true", help="do everything but commit")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["set_aside"] and not options["lenient"]:
            raise CommandError("--set-aside goes with --lenient.", returncode=WRONG_USAGE)
        shape = find_object(find_application(options["application"]), options["object"])
        take = taking(shape, options)
        progress = ProgressLine(self.stderr)
        started = time.monotonic()
        progress.show(f"reading {options['file']} ...")
        try:
            with refusals(progress, self.stderr.write), opened_file(options) as (opened, share):

                def notice(rows: int) -> None:
                    seconds = max(time.monotonic() - started, 0.001)
                    progress.show(f"{rows:,} rows, {rows / seconds:,.0f} rows/s{share()}")

                imported = take(WatchedSource(opened.source, notice), opened.format.name)
        finally:
            progress.clear()
        seconds = max(time.monotonic() - started, 0.001)
        self.stdout.write(" ".join([f"Read as {found(opened.found)}.", *opened.found.get("notes", ())]))
        if imported.set_aside:
            self._tell_of_set_aside(imported, options["set_aside"])
        self.stdout.write(summary(imported, options, seconds))

    def _tell_of_set_aside(self, imported: Imported, path: str | None) -> None:
        kept, report = imported.set_aside, imported.report
        if kept is None or report is None:
            return
        self.stderr.write(report_table(report))
        self.stdout.write(
            f"{counted(kept.row_count, 'row')} set aside with {counted(kept.error_count, 'error')}"
            + (f", in {path}." if path else f"; --set-aside FILE writes them to a file of {kept.format.upper()}.")
        )
        if path:
            with Path(path).open("wb") as file:
                file.writelines(unpacked(bytes(kept.content)))


def taking(shape: ObjectSchema, options: Mapping[str, Any]) -> Callable[[Source, str], Imported]:
    """What is to be done with the rows. CommandError if the Table is there, or is not, as the mode needs it."""
    write = Write(message=options["message"], dry_run=options["dry_run"])
    mode, lenient = options["mode"], options["lenient"]
    if mode != "create":
        table = find_table(shape, options["table"])
        return lambda source, name: import_rows(table, mode, source, write, lenient=lenient, format_name=name)
    new = Table(object=shape, name=options["table"])
    try:
        new.full_clean()
    except ValidationError as error:
        raise CommandError(" ".join(sentences(error)), returncode=WRONG_USAGE) from error
    return lambda source, name: import_rows(new, "create", source, write, lenient=lenient, format_name=name)


@contextmanager
def refusals(progress: ProgressLine, tell: Callable[[str], Any]) -> Iterator[None]:
    """What goes wrong, as the command says it."""
    try:
        yield
    except NonconformingError as error:
        progress.clear()
        tell(report_table(error.report))
        raise CommandError(f"{error.report.title}; nothing was imported.", returncode=1) from error
    except MalformedError as error:
        raise CommandError(f"{error}. Nothing was imported.", returncode=1) from error
    except (TooManyRowsError, ReferencedError) as error:
        raise CommandError(f"{error} Nothing was imported.", returncode=1) from error
    except ValidationError as error:
        raise CommandError(" ".join(sentences(error)), returncode=WRONG_USAGE) from error
    except (StaleObjectError, ReadingOptionError, OSError) as error:
        raise CommandError(str(error), returncode=WRONG_USAGE) from error


@contextmanager
def opened_file(options: Mapping[str, Any]) -> Iterator[tuple[Opened, Callable[[], str]]]:
    """The rows of the file, and a word on how much of it was read, where that can be known."""
    given = read_options({name: options[name] for name in OPTION_NAMES if options.get(name)})
    with temporary.directory("import") as directory, _InputFile(options["file"]) as stream:
        name = "" if options["file"] == "-" else options["file"]
        opened = open_rows(stream, directory, name=name, options=given)
        size = stream_size(stream) if bytes_read(opened, stream) is not None else 0
        yield opened, lambda: f", {min(100 * stream.tell() // size, 100)} %" if size else ""


class _InputFile:
    """A file by its path; of `-`, the standard input, brought to a file of its own so that it can be read again."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> BinaryIO:
        if self._path == "-":
            self._stream: Any = tempfile.TemporaryFile(dir=temporary.home())
            shutil.copyfileobj(sys.stdin.buffer, self._stream, 1024 * 1024)
            self._stream.seek(0)
        else:
            self._stream = Path(self._path).open("rb")
        stream: BinaryIO = self._stream
        return stream

    def __exit__(self, *error: object) -> None:
        self._stream.close()


def found(values: Mapping[str, Any]) -> str:
    """What was found out of a file, on one line: "csv: delimiter ;, encoding utf-8"."""
    listed = ", ".join(f"{name} {in_words(value)}" for name, value in values.items() if name not in TOLD)
    return f"{values.get('format', 'rows')}: {listed}" if listed else str(values.get("format", "rows"))


def in_words(value: Any) -> str:
    """A value that was found out: a list as its members, yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        shown = [printable(each) for each in value[:NAMES_PRINTED]]
        return " | ".join(shown) + (f" and {len(value) - len(shown)} more" if len(value) > len(shown) else "")
    return printable(value)


def summary(imported: Imported, options: Mapping[str, Any], seconds: float) -> str:
    """What came of it, on one line."""
    version, rows = imported.version, imported.row_count
    name = f"{options['object']}/{options['table']}"
    counts = [f"{version.added:,} added"]
    counts += [f"{version.changed:,} changed"] if version.changed else []
    counts += [f"{version.removed:,} removed"] if version.removed else []
    start = f"{counted(rows, 'row')} in {seconds:.1f} s ({rows / seconds:,.0f} rows/s), {', '.join(counts)}"
    if options["dry_run"]:
        return f"{start}: a dry run; {name} would be at version {version.number}."
    return f"{start}: {name} is at version {version.number} with {counted(version.row_count, 'row')}."


def report_table(report: Report) -> str:
    """The errors as a table, and how many there are in all."""
    shown = report.errors[:ERRORS_PRINTED]
    rows = [(e.row, e.line, e.attribute, e.code, e.message) for e in shown]
    text = text_table(("row", "line", "attribute", "code", "message"), rows)
    if report.error_count > len(shown):
        text += f"\n... and {report.error_count - len(shown):,} more"
    return text
