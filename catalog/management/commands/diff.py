"""diff: what differs between two files of rows, and a diff applied to a file. Needs no database."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from catalog import engine
from catalog.comparison import Relation
from catalog.comparison.paging import FILE_OPTIONS, Differences, Page, differences, row_lines
from catalog.comparison.patching import ConflictError, PatchError, read_patch
from catalog.comparison.shape import Column
from catalog.conformance import Destination, conform
from catalog.describing import describe
from catalog.management.comparing import (
    LISTED_ROWS,
    add_comparison_options,
    chosen_classes,
    chosen_options,
    document,
    report,
)
from catalog.management.lookup import WRONG_USAGE
from catalog.management.reading import opened_rows
from catalog.parts import rows_sql
from catalog.schema import Schema
from catalog.sources import MalformedError
from config import temporary
from config.commands import ExemplifiedCommand
from config.exact_json import dump_json

DIFFERENT: Final = 1
ALL_ROWS: Final = 2**62
OUTPUTS: Final = ("table", "json", "ndjson", "csv", "parquet")


class Command(ExemplifiedCommand):
    help = (
        "Compares two files of rows of any format: actual with expected. With --patch, applies a diff that "
        "`--output ndjson` wrote to the expected file. Exit codes: 0 equal or applied, 1 different or in conflict, "
        "2 wrong usage or unreadable."
    )
    examples = (
        "expected.csv actual.parquet --key id --tolerance amount=0.01",
        'expected.csv actual.csv --options \'{"rel_tol": 0.001, "null_equal": false}\' --subset --ignore loaded_at',
        "old.csv new.csv --key id --output ndjson --file changes.ndjson",
        "old.csv --patch changes.ndjson --output csv --file new.csv",
    )
    requires_system_checks: list[str] = []  # no database is asked

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("expected", help="path of the file that is right; - reads the standard input")
        parser.add_argument("actual", nargs="?", help="path of the file that is compared with it")
        parser.add_argument("--patch", help="apply this diff (NDJSON) to the first file instead of comparing")
        add_comparison_options(parser)
        parser.add_argument("--limit", type=int, help=f"how many rows; as a table {LISTED_ROWS} by default, else all")
        parser.add_argument("--output", choices=OUTPUTS, default="table", help="default: table")
        parser.add_argument("--file", default="-", help="where to write; default: the standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["actual"] is None) == (options["patch"] is None):
            raise CommandError("Give two files, or one and --patch.", returncode=WRONG_USAGE)
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError("--limit is at least 1.", returncode=WRONG_USAGE)
        if options["patch"] is not None and options["output"] == "json":
            raise CommandError("With --patch, --output is csv, ndjson or parquet.", returncode=WRONG_USAGE)
        if options["output"] == "parquet" and options["file"] == "-":
            raise CommandError("Parquet is written to a file: give --file.", returncode=WRONG_USAGE)
        with ExitStack() as stack:
            directory = stack.enter_context(temporary.directory("diff"))
            expected = read_file(options["expected"], directory / "expected")
            if options["patch"] is not None:
                self.apply(expected, options, directory, stack)
                return
            connection = stack.enter_context(engine.cursor())
            actual = read_file(options["actual"], directory / "actual")
            page = Page(chosen_classes(options["classes"]), limit=options["limit"])
            names = dict.fromkeys(name for each in (expected, actual) for name, _ in (each.columns or ())[:-2])
            asked = chosen_options(options, list(names))
            with differences(connection, expected, actual, asked) as found:
                self.show(found, page, options, directory)
                is_equal = found.diff.is_equal
        if not is_equal:
            raise SystemExit(DIFFERENT)

    def show(self, found: Differences, page: Page, options: Mapping[str, Any], directory: Path) -> None:
        """The diff in the form that is asked for."""
        output = options["output"]
        if output == "table":
            self.write(options, "\n".join(report(found, page)) + "\n")
        elif output == "json":
            self.write(options, dump_json(document(found, page)).decode() + "\n")
        elif output == "ndjson":
            self.write(options, "")
            for block in found.lines(page):
                self.write(options, "\n".join(block) + "\n", is_more=True)
        else:
            path = directory / f"rows.{output}"
            found.write(page, path, output)
            self.hand_over(path, options)

    def apply(self, relation: Relation, options: Mapping[str, Any], directory: Path, stack: ExitStack) -> None:
        """Write the rows of the file with the patch applied."""
        connection = stack.enter_context(engine.cursor())
        file_format = "csv" if options["output"] == "table" else options["output"]
        path = directory / f"patched.{file_format}"
        try:
            with Path(options["patch"]).open(encoding="utf-8") as lines:
                patch = stack.enter_context(read_patch(connection, relation, lines))
            query = patch.result()
            if file_format in FILE_OPTIONS:
                target = f"{engine.quote_text(str(path))} ({FILE_OPTIONS[file_format]})"
                connection.execute(f"COPY ({query}) TO {target}")
            else:
                columns = [
                    Column(name, place, kind) for place, (name, kind) in enumerate((relation.columns or ())[:-2])
                ]
                with path.open("w", encoding="utf-8") as target_file:
                    for block in row_lines(connection, query, columns):
                        target_file.write("\n".join(block) + "\n")
        except (OSError, UnicodeDecodeError, PatchError) as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        except ConflictError as error:
            raise CommandError(str(error), returncode=DIFFERENT) from error
        self.hand_over(path, options)
        self.stderr.write(", ".join(f"{count:,} {name}" for name, count in patch.counts.items()))

    def hand_over(self, path: Path, options: Mapping[str, Any]) -> None:
        """A file that is made, to where it is wanted."""
        if options["file"] == "-":
            with path.open(encoding="utf-8", newline="") as lines:
                for line in lines:
                    self.stdout.write(line, ending="")
            return
        try:
            shutil.copyfile(path, options["file"])
        except OSError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error

    def write(self, options: Mapping[str, Any], text: str, is_more: bool = False) -> None:
        """A piece of the answer, to where it is wanted."""
        if options["file"] == "-":
            self.stdout.write(text, ending="")
            return
        try:
            with Path(options["file"]).open("a" if is_more else "w", encoding="utf-8") as target:
                target.write(text)
        except OSError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error


def read_file(file: str, directory: Path) -> Relation:
    """The rows of a file, typed by what all of them are. CommandError if it can't be read."""
    directory.mkdir()
    with opened_rows({"file": file}) as opened:
        try:
            description = describe(opened.source, opened.found, ALL_ROWS)
            schema = Schema.from_definition(description.definition())
            conformed = conform(opened.source, schema, Destination(directory))
        except MalformedError as error:
            raise CommandError(f"{file}: {error}", returncode=WRONG_USAGE) from error
    if conformed.report:
        first = conformed.report.errors[0]
        raise CommandError(f"{file}: row {first.row}: {first.message}", returncode=WRONG_USAGE)
    columns = (*schema.columns, ("_id", "BIGINT"), ("_version", "BIGINT"))
    sql = rows_sql([part.path for part in conformed.parts], schema.columns)
    return Relation(sql, columns, conformed.row_count)
