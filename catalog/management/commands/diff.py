"""diff: what differs between two files of rows, and a diff applied to a file. Needs no database."""

import shutil
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from catalog import engine
from catalog.comparison import ComparisonOptions, OptionError, Relation, parse_options
from catalog.comparison.diff import TableDiff
from catalog.comparison.paging import FILE_OPTIONS, LISTED_CLASSES, Differences, Page, differences, row_lines
from catalog.comparison.patching import ConflictError, PatchError, read_patch
from catalog.comparison.shape import Column
from catalog.conformance import Destination, conform
from catalog.describing import describe
from catalog.management.lookup import WRONG_USAGE
from catalog.management.reading import opened_rows
from catalog.parts import rows_sql
from catalog.schema import Schema
from catalog.sources import MalformedError
from config import temporary
from config.commands import ExemplifiedCommand
from config.console import counted, text_table
from config.exact_json import dump_json, load_json

DIFFERENT: Final = 1
LIMIT: Final = 50
ALL_ROWS: Final = 2**62
OUTPUTS: Final = ("table", "json", "ndjson", "csv", "parquet")


def _tolerance(text: str) -> tuple[str, float]:
    """`0.01` for all numbers, or `amount=0.01` for one attribute."""
    name, _, number = text.rpartition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is neither a number nor such as amount=0.01") from error


class Command(ExemplifiedCommand):
    help = (
        "Compares two files of rows of any format: actual with expected. With --patch, applies a diff that "
        "`--output ndjson` wrote to the expected file. Exit codes: 0 equal or applied, 1 different or in conflict, "
        "2 wrong usage or unreadable."
    )
    examples = (
        "expected.csv actual.parquet --key id --tolerance amount=0.01",
        "old.csv new.csv --key id --output ndjson --file changes.ndjson",
        "old.csv --patch changes.ndjson --output csv --file new.csv",
    )
    requires_system_checks: list[str] = []  # no database is asked

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("expected", help="path of the file that is right; - reads the standard input")
        parser.add_argument("actual", nargs="?", help="path of the file that is compared with it")
        parser.add_argument("--patch", help="apply this diff (NDJSON) to the first file instead of comparing")
        parser.add_argument("--key", default="", help="the attributes that identify a row, such as id,day")
        parser.add_argument("--ignore", default="", help="attributes that are not compared, comma-separated")
        parser.add_argument("--ordered", action="store_true", help="the order of rows counts")
        parser.add_argument("--subset", action="store_true", help="actual may have more rows and attributes")
        parser.add_argument(
            "--tolerance",
            type=_tolerance,
            action="append",
            default=[],
            help="how far numbers may be apart, such as 0.01, or amount=0.01 for one attribute; may be repeated",
        )
        parser.add_argument("--normalize-unicode", action="store_true", help="compare texts in Unicode's form NFC")
        parser.add_argument("--options", help="more options of a comparison as JSON, such as matchers")
        parser.add_argument("--class", dest="classes", default="", help="only rows of these classes, comma-separated")
        parser.add_argument("--limit", type=int, help=f"how many rows; as a table {LIMIT} by default, else all")
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
            asked = chosen_options(options, expected, actual)
            with differences(connection, expected, actual, asked) as found:
                self.show(found, page, options, directory)
                is_equal = found.diff.is_equal
        if not is_equal:
            raise SystemExit(DIFFERENT)

    def show(self, found: Differences, page: Page, options: Mapping[str, Any], directory: Path) -> None:
        """The diff in the form that is asked for."""
        output = options["output"]
        if output == "table":
            self.write(options, "\n".join(_report(found, page)) + "\n")
        elif output == "json":
            rows, _ = found.rows(page)
            document = {**found.diff.as_dict(), "rows": [row.as_dict() for row in rows]}
            document["rows_truncated"] = len(rows) < _listed_count(found.diff, page)
            self.write(options, dump_json(document).decode() + "\n")
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


def chosen_classes(text: str) -> tuple[str, ...]:
    """The classes that --class names. CommandError for one that there is not."""
    classes = tuple(each for each in text.split(",") if each) or LISTED_CLASSES
    unknown = [each for each in classes if each not in LISTED_CLASSES]
    if unknown:
        message = f"--class has {unknown[0]!r}; there are {', '.join(LISTED_CLASSES)}."
        raise CommandError(message, returncode=WRONG_USAGE)
    return tuple(classes)


def chosen_options(options: Mapping[str, Any], expected: Relation, actual: Relation) -> ComparisonOptions:
    """The options of the comparison. CommandError with all that is wrong with them."""
    raw: dict[str, Any] = {"ordered": options["ordered"], "normalize_unicode": options["normalize_unicode"]}
    raw |= {name: options[name].split(",") for name in ("key", "ignore") if options[name]}
    raw |= {"mode": "subset"} if options["subset"] else {}
    for name, tolerance in options["tolerance"]:
        if name:
            raw.setdefault("per_attribute", {})[name] = {"abs_tol": tolerance}
        else:
            raw["abs_tol"] = tolerance
    try:
        raw |= json_options(options["options"])
        names = dict.fromkeys(name for each in (expected, actual) for name, _ in (each.columns or ())[:-2])
        return parse_options(raw, list(names))
    except OptionError as error:
        raise CommandError("\n".join(message for *_, message in error.problems), returncode=WRONG_USAGE) from error


def json_options(text: str | None) -> dict[str, Any]:
    """The options that --options gives."""
    if text is None:
        return {}
    try:
        found = load_json(text.encode())
    except ValueError as error:
        raise CommandError(f"--options is no JSON: {error}.", returncode=WRONG_USAGE) from error
    if not isinstance(found, dict):
        raise CommandError('--options is an object such as {"null_equal": false}.', returncode=WRONG_USAGE)
    return found


# --- the report -----------------------------------------------------------------------------------------------------


def _listed_count(diff: TableDiff, page: Page) -> int:
    return sum(diff.counts[row_class] for row_class in page.classes)


def _report(found: Differences, page: Page) -> Iterator[str]:
    diff = found.diff
    yield diff.summary
    shape = diff.shape
    for word, names in (("missing", shape.missing_attributes), ("unexpected", shape.unexpected_attributes)):
        if names:
            yield f"{word} attributes: {', '.join(names)}"
    for each in shape.type_mismatches:
        yield f"{each.attribute} is {each.actual}; expected is {each.expected}"
    yield from diff.notes
    page = Page(page.classes, limit=page.limit or LIMIT)
    rows, _ = found.rows(page)
    if rows:
        yield text_table(("class", "row", "attribute", "expected", "actual"), _cells(rows))
    left = _listed_count(diff, page) - len(rows)
    if left > 0:
        yield f"... and {counted(left, 'more row')}"


def _cells(rows: Any) -> Iterator[tuple[object, ...]]:
    """A line for each cell that changed, and one for each other row."""
    for row in rows:
        place = row.actual_position if row.expected_position is None else row.expected_position
        named = ", ".join(f"{name} {_shown(value)}" for name, value in row.key.items()) or place
        if row.cells:
            for name, cell in row.cells.items():
                yield row.row_class, named, name, _shown(cell["expected"]), _shown(cell["actual"])
            continue
        text = ", ".join(f"{name} {_shown(value)}" for name, value in (row.row or {}).items())
        is_actual = row.row_class == "unexpected"
        yield row.row_class, named, "", "" if is_actual else text, text if is_actual else ""


def _shown(value: Any) -> str:
    """A value on one line; text in quotes where its ends would not be seen."""
    if value is None:
        return "null"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return (
        repr(text) if isinstance(value, str) and (text != text.strip() or not text.isprintable() or not text) else text
    )
