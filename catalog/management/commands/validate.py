"""validate: whether the rows of a file conform to an Object."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from catalog.management.lookup import WRONG_USAGE, find_application, find_object
from catalog.management.reading import add_reading_arguments, opened_rows
from catalog.row_errors import Report
from catalog.rules import check_definition, normalised
from catalog.schema import Schema
from catalog.serializers.validation import RowReportSerializer
from catalog.sources import Source
from catalog.standards import from_csvw, from_json_schema, from_table_schema
from catalog.validation import check_rows, check_rows_of
from config.commands import ExemplifiedCommand
from config.console import counted, text_table
from config.exact_json import JSONError, dump_json, load_json
from config.problems import Problem

ERRORS_PRINTED = 50
DEFINITION_NAMES = ("application", "name", "description")  # of an Object, beside its definition


class Command(ExemplifiedCommand):
    help = (
        "Checks the rows of a file against an object. Exit codes: 0 they conform, 1 they do not (what is wrong is "
        "shown), 2 wrong usage or a file that can't be read. Nothing is stored; --schema needs no database."
    )
    requires_system_checks: list[str] = []
    examples = (
        "orders.csv --application demo --object orders",
        "orders.csv.gz --schema orders.json --output json",
        "- --application demo --object orders < orders.ndjson",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_reading_arguments(parser)
        parser.add_argument("--application", help="name of the application")
        parser.add_argument("--object", help="name of the object, of this application")
        parser.add_argument(
            "--schema",
            help="path of a JSON file instead: a Table Schema, a JSON Schema of one row, CSVW metadata, or an object "
            "as the API takes it; what it says and can't be checked is told",
        )
        parser.add_argument("--output", choices=("table", "json"), default="table", help="how the report is shown")

    def handle(self, *args: Any, **options: Any) -> None:
        check = chosen_check(options, self.stderr.write)
        with opened_rows(options) as opened:
            report = check(opened.source)
        if options["output"] == "json":
            self.stdout.write(dump_json(RowReportSerializer(report).data).decode())
        else:
            self.stdout.write(report_text(report))
        if report.error_count:
            raise CommandError("The rows do not conform.", returncode=1)


def chosen_check(options: dict[str, Any], tell: Callable[[str], Any]) -> Callable[[Source], Report]:
    """The check against what the arguments name. CommandError if they name nothing, or more than one thing."""
    by_name = [options["application"], options["object"]]
    if bool(options["schema"]) == any(by_name) or (any(by_name) and not all(by_name)):
        message = "Say --application and --object, or --schema with the path of a schema."
        raise CommandError(message, returncode=WRONG_USAGE)
    if options["schema"]:
        schema = read_schema(options["schema"], Path(options["file"]).name.partition(".")[0], tell)
        return lambda source: check_rows(source, schema, settings.ENGINE_THREADS)
    shape = find_object(find_application(options["application"]), options["object"])
    return lambda source: check_rows_of(shape, source, settings.ENGINE_THREADS)


def read_schema(file: str, name: str, tell: Callable[[str], Any]) -> Schema:
    """The schema in a JSON file; what is not checked is told. CommandError with all that is wrong if it is none.

    name: of the table that is meant, where CSVW describes several.
    """
    try:
        document = load_json(Path(file).read_bytes())
    except (OSError, JSONError) as error:
        raise CommandError(f"{file}: {error}", returncode=WRONG_USAGE) from error
    definition, found = as_definition(document, name)
    for problem in found:
        if problem.code == "uncovered":
            tell(f"Not checked: {problem.path or '/'}: {problem.message}")
    problems = [problem for problem in found if problem.code != "uncovered"] or check_definition(definition)
    if problems:
        told = "\n".join(f"  {problem.path or '/'}: {problem.message}" for problem in problems)
        raise CommandError(f"{file} is not the definition of an object:\n{told}", returncode=WRONG_USAGE)
    schema = Schema.from_definition(normalised(definition))
    if schema.foreign_keys:
        tell("Not checked: /foreignKeys: there are no tables beside a schema; --object checks them.")
    return schema


def as_definition(document: Any, name: str) -> tuple[Any, list[Problem]]:
    """A schema of a standard, an Object or a bare list of attributes as a definition, and what it leaves out.

    name: of the table that is meant, where CSVW describes several.
    """
    if isinstance(document, list):
        return {"attributes": document}, []
    if not isinstance(document, dict):
        return document, []
    bare = {name: value for name, value in document.items() if name not in DEFINITION_NAMES}
    if "fields" in document:
        return from_table_schema(bare)
    if {"@context", "tableSchema"} & set(document):
        return from_csvw(document, name)
    if "attributes" in document:
        return {name: value for name, value in bare.items() if name != "$schema"}, []
    return from_json_schema(document)


def report_text(report: Report) -> str:
    """What is wrong: by attribute and code, then the first errors."""
    if not report.error_count:
        return f"All {counted(report.row_count, 'row')} conform."
    kinds = [(kind.count, kind.attribute, kind.code, kind.first.message) for kind in report.kinds]
    shown = report.errors[:ERRORS_PRINTED]
    rows = [(error.row, error.line, error.attribute, error.code, error.message) for error in shown]
    parts = [
        report.title,
        "",
        text_table(("errors", "attribute", "code", "for example"), kinds),
        "",
        text_table(("row", "line", "attribute", "code", "message"), rows),
    ]
    if report.error_count > len(shown):
        parts.append(f"... and {report.error_count - len(shown):,} more")
    return "\n".join(parts)
