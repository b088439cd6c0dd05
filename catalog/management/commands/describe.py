"""describe: what Object the rows of a file have, and why."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from catalog.contents import create_table
from catalog.describing import ROWS_LOOKED_AT, SUGGESTIONS, Description, describe
from catalog.evolution import publish
from catalog.formats.opening import OPTION_NAMES
from catalog.management.lookup import WRONG_USAGE, find_application
from catalog.management.reading import STANDARD_INPUT, add_reading_arguments, opened_rows
from catalog.models import ObjectSchema, Table
from catalog.rules import check_definition
from catalog.serializers.descriptions import description_document, proposed_object
from catalog.sources import MalformedError
from catalog.standards import READABLE, NotOfStandardError, read_standard
from catalog.writing import NonconformingError, StaleObjectError
from config.commands import ExemplifiedCommand
from config.console import counted, sentences, text_table
from config.exact_json import JSONError, load_json

OUTPUTS = ("table", "json", "object")


class Command(ExemplifiedCommand):
    help = (
        "Finds out what object the rows of a file have: a type for each attribute, with its evidence, and suggestions; "
        "or, with --from, what object a schema describes: it is printed, and what of it would not be checked is told. "
        "Exit codes: 0 described, 1 the rows do not conform to the object made of them, 2 wrong usage or unreadable."
    )
    examples = (
        "orders.csv",
        "orders.xlsx --sheet 2026 --output object --application demo --accept required,primaryKey",
        'orders.csv --create demo orders --table "week 1"',
        "countries.csv-metadata.json --from csvw --name countries",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_reading_arguments(parser)
        parser.add_argument(
            "--from",
            dest="standard",
            choices=READABLE,
            help="the file holds no rows but a schema in the words of this standard, as JSON; of several tables that "
            "CSVW describes, --name says which one is meant",
        )
        parser.add_argument("--rows", type=int, default=ROWS_LOOKED_AT, help="look at no more rows than this")
        parser.add_argument(
            "--output",
            choices=OUTPUTS,
            default="table",
            help="a table to read (default), all that was found as JSON, or an object ready to post",
        )
        parser.add_argument("--application", default="", help="the application of an object ready to post")
        parser.add_argument("--name", default="", help="its name; default: the file's")
        parser.add_argument(
            "--accept",
            default="",
            help=f"suggestions that the object has, comma-separated: {', '.join(SUGGESTIONS)}, or all",
        )
        parser.add_argument(
            "--create", nargs=2, metavar=("APPLICATION", "NAME"), help="make the object in this application"
        )
        parser.add_argument("--table", help="with --create: load the file as a table of this name")

    def handle(self, *args: Any, **options: Any) -> None:
        accepted = accepted_suggestions(options["accept"])
        if options["table"] and not options["create"]:
            raise CommandError("--table needs --create APPLICATION NAME.", returncode=WRONG_USAGE)
        if options["rows"] < 1:
            raise CommandError("--rows is at least 1.", returncode=WRONG_USAGE)
        if options["create"] and options["table"] and options["file"] == STANDARD_INPUT:
            raise CommandError("A table is loaded from a file, not from the standard input.", returncode=WRONG_USAGE)
        if options["standard"]:
            self.translate(options)
            return
        with opened_rows(options) as opened:
            try:
                description = describe(opened.source, opened.found, options["rows"])
            except MalformedError as error:
                raise CommandError(str(error), returncode=WRONG_USAGE) from error
        application, name = options["create"] or (options["application"], options["name"] or stem(options["file"]))
        if options["output"] == "table":
            self.stdout.write(report(description))
        elif options["output"] == "json":
            self.stdout.write(as_json(description_document(description, application, name, accepted)))
        else:
            self.stdout.write(as_json(proposed_object(description, application, name, accepted)))
        if options["create"]:
            self.create(description.definition(accepted), options)

    def translate(self, options: dict[str, Any]) -> None:
        """Show the Object that a schema describes, and make it if that is asked."""
        unfit = [name for name in ("table", "accept", *OPTION_NAMES) if options[name]]
        if unfit:
            raise CommandError(f"--{unfit[0]} is for rows; --from reads a schema.", returncode=WRONG_USAGE)
        application, name = options["create"] or (options["application"], options["name"] or stem(options["file"]))
        document = read_document(options["file"])
        try:
            definition, told = read_standard(options["standard"], document, options["name"] or name)
        except NotOfStandardError as error:
            problems = "\n".join(f"  {problem}" for problem in error.problems)
            message = f"{options['file']} is not sound {options['standard']}:\n{problems}"
            raise CommandError(message, returncode=WRONG_USAGE) from error
        for problem in told:
            self.stderr.write(f"Not checked: {problem}")
        for problem in check_definition(definition):
            self.stderr.write(f"To be mended: {problem}")
        place = {"application": application} if application else {}
        self.stdout.write(as_json({**place, "name": name, **definition}))
        if options["create"]:
            self.create(definition, options)

    def create(self, definition: dict[str, Any], options: dict[str, Any]) -> None:
        """Make the Object, and its first Table if one is named: both or nothing."""
        application, name = options["create"]
        shape = ObjectSchema(application=find_application(application), name=name)
        shape.definition = definition
        try:
            with transaction.atomic():
                shape.full_clean()
                publish(shape)
                loaded = load(shape, options) if options["table"] else ""
        except ValidationError as error:
            raise CommandError(" ".join(sentences(error)), returncode=WRONG_USAGE) from error
        except (NonconformingError, StaleObjectError) as error:
            raise CommandError(f"{error}; nothing was made.", returncode=1) from error
        self.stderr.write(f"Made the object {application}/{name}{loaded}.")


def accepted_suggestions(text: str) -> list[str]:
    """The kinds that --accept names. CommandError for one that there is not."""
    kinds = [kind for kind in text.split(",") if kind]
    unknown = [kind for kind in kinds if kind not in (*SUGGESTIONS, "all")]
    if unknown:
        message = f"--accept has {unknown[0]!r}; there are {', '.join(SUGGESTIONS)} and all."
        raise CommandError(message, returncode=WRONG_USAGE)
    return list(SUGGESTIONS) if "all" in kinds else kinds


def read_document(file: str) -> Any:
    """The JSON in a file, or in the standard input."""
    try:
        return load_json(sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes())
    except (OSError, JSONError) as error:
        raise CommandError(f"{file}: {error}", returncode=WRONG_USAGE) from error


def load(shape: ObjectSchema, options: dict[str, Any]) -> str:
    """Load the file as a Table of the Object; says so."""
    table = Table(object=shape, name=options["table"])
    table.full_clean()
    with opened_rows(options) as opened:
        version = create_table(table, opened.source)
    return f" and its table {table.name!r} with {counted(version.row_count, 'row')}"


def stem(file: str) -> str:
    """The file's name without its suffixes."""
    return "rows" if file == STANDARD_INPUT else Path(file).name.partition(".")[0] or "rows"


def as_json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def report(description: Description) -> str:
    """The description as a table, with the suggestions and notes below."""
    found = ", ".join(f"{name} {value!r}" for name, value in description.found.items() if name != "notes")
    notes = [*description.found.get("notes", ()), *description.notes]
    rows = [
        (attribute.name, _type(attribute.type, attribute.settings), _range(attribute), "; ".join(attribute.evidence))
        for attribute in description.attributes
    ]
    return "\n".join(
        [
            f"{counted(description.row_count, 'row')} looked at; {found}",
            "",
            text_table(("attribute", "type", "values", "evidence"), rows),
            *_suggested(description),
            *(["", *(f"Note: {note}" for note in notes)] if notes else []),
        ]
    )


def _type(kind: str, settings: Any) -> str:
    if "precision" in settings:
        return f"{kind}({settings['precision']},{settings['scale']})"
    return f"{kind} with offset" if settings.get("timezone") else kind


def _range(attribute: Any) -> str:
    if attribute.minimum is not None:
        return f"{attribute.minimum} to {attribute.maximum}"
    return ", ".join(attribute.examples)


def _suggested(description: Description) -> Iterator[str]:
    """The suggestions as a table; what holds for most attributes in one line."""
    marks = ", ".join(map(repr, description.missing_values[1:]))
    if marks:
        yield f"\nRead as missing (missingValues): {marks}"
    required = [each.attributes[0] for each in description.suggestions if each.kind == "required"]
    others = [each for each in description.suggestions if each.kind != "required"]
    rows = [(each.kind, ", ".join(each.attributes), _shown(each.value), each.evidence) for each in others]
    if required:
        evidence = f"none is missing in {counted(description.row_count, 'row')}"
        rows.insert(0, ("required", ", ".join(required), "", evidence))
    if rows:
        yield "\nSuggested (--accept):"
        yield text_table(("what", "attributes", "value", "evidence"), rows)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is True else str(value)
