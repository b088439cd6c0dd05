"""table_versions: the history of a Table; what differs between two versions; going back to one."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.comparison.paging import Page
from catalog.contents import revert_table
from catalog.history.comparing import compared, difference, with_primary_key
from catalog.history.difference import Difference, Window
from catalog.history.versions import UnknownVersionError, find_version, versions_of
from catalog.management.commands.profile import CELL_CHARACTERS
from catalog.management.comparing import (
    LISTED_ROWS,
    add_comparison_options,
    chosen_classes,
    chosen_options,
    document,
    is_asked,
    report,
    shown_change,
    shown_value,
)
from catalog.management.lookup import WRONG_USAGE, find_application, find_object, find_table
from catalog.models import Table, TableVersion
from catalog.writing import NonconformingError, Write
from config.commands import ExemplifiedCommand
from config.console import counted, text_table
from config.exact_json import dump_json

HEADERS = ("version", "when", "who", "what", "added", "changed", "removed", "rows", "why")
MARKS = {"added": "+", "changed": "~", "removed": "-"}


class Command(ExemplifiedCommand):
    help = (
        "Lists the versions of a table, shows what differs between two, or goes back to one. Exit codes: 0 done, "
        "1 the rows of the earlier version no longer conform, 2 wrong usage."
    )
    examples = (
        '--application demo --object orders --table "week 1"',
        '--application demo --object orders --table "week 1" --diff 3 7',
        '--application demo --object orders --table "week 1" --diff 3 7 --key order_id --tolerance amount=0.01',
        '--application demo --object orders --table "week 1" --revert 3 --message "the import was wrong"',
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--application", required=True, help="name of the application")
        parser.add_argument("--object", required=True, help="name of the table's object")
        parser.add_argument("--table", required=True, help="name of the table")
        verb = parser.add_mutually_exclusive_group()
        verb.add_argument("--diff", nargs=2, type=int, metavar=("FROM", "TO"), help="what differs between two versions")
        verb.add_argument("--revert", type=int, metavar="N", help="make the rows of version N current again")
        parser.add_argument("--message", default="", help="why, for the table's history, with --revert")
        parser.add_argument(
            "--limit", type=int, default=LISTED_ROWS, help="versions or rows shown at most; default: 50"
        )
        parser.add_argument("--output", choices=("table", "json"), default="table", help="default: table")
        asked = "with --diff; by default rows are the same by their _id, else as those of two tables are"
        add_comparison_options(parser, asked)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit is at least 1.", returncode=WRONG_USAGE)
        if is_asked(options) and not options["diff"]:
            raise CommandError("Options of a comparison are for --diff FROM TO.", returncode=WRONG_USAGE)
        shape = find_object(find_application(options["application"]), options["object"])
        table = find_table(shape, options["table"])
        try:
            if options["diff"] and is_asked(options):
                self.compare(table, options)
            elif options["diff"]:
                self.show_difference(table, options)
            elif options["revert"] is not None:
                self.revert(table, options["revert"], options["message"])
            else:
                self.show_versions(table, options)
        except UnknownVersionError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error

    def show_versions(self, table: Table, options: Mapping[str, Any]) -> None:
        versions = [_described(version) for version in versions_of(table)[: options["limit"]]]
        if options["output"] == "json":
            self.stdout.write(dump_json(versions).decode())
            return
        self.stdout.write(text_table(HEADERS, [tuple(each.values()) for each in versions]))

    def show_difference(self, table: Table, options: Mapping[str, Any]) -> None:
        before, after = options["diff"]
        old, new = find_version(table, before), find_version(table, after)
        found = difference(old, new, Window(limit=options["limit"]))
        if options["output"] == "json":
            columns = found.columns
            document = {
                "from": before,
                "to": after,
                "counts": found.counts,
                "attributes": found.attributes,
                "columns": {"added": columns.added, "removed": columns.removed, "retyped": columns.retyped},
                "results": found.rows,
            }
            self.stdout.write(dump_json(document).decode())
            return
        counts = ", ".join(f"{count:,} {name}" for name, count in found.counts.items())
        self.stdout.write(f"{table}: version {before} to {after}: {counts}")
        for sentence in _column_sentences(found):
            self.stdout.write(sentence)
        if found.rows:
            self.stdout.write(text_table(("", "_id", "attribute", "old", "new"), _cells(found.rows)))
        if sum(found.counts.values()) > len(found.rows):
            self.stdout.write(f"... and {counted(sum(found.counts.values()) - len(found.rows), 'more row')}")

    def compare(self, table: Table, options: Mapping[str, Any]) -> None:
        """What differs as the comparison of any two tables finds it, by a key, within tolerances and so on."""
        old, new = (find_version(table, number) for number in options["diff"])
        schemas = [version.object_version.schema for version in (old, new)]
        names = dict.fromkeys(name for schema in schemas for name in schema.names)
        asked = with_primary_key(chosen_options(options, list(names)), *schemas)
        page = Page(chosen_classes(options["classes"]), limit=options["limit"])
        with compared(old, new, asked) as found:
            if options["output"] == "json":
                before, after = options["diff"]
                self.stdout.write(dump_json({"from": before, "to": after} | document(found, page)).decode())
                return
            self.stdout.write(f"{table}: version {old.number} is expected, version {new.number} is actual")
            for sentence in report(found, page):
                self.stdout.write(sentence)

    def revert(self, table: Table, number: int, message: str) -> None:
        find_version(table, number)
        try:
            version = revert_table(table, number, Write(message=message or f"Back to version {number}"))
        except NonconformingError as error:
            raise CommandError(f"{error} by the object of today; nothing was changed.", returncode=1) from error
        except TableVersion.DoesNotExist as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        rows = counted(version.row_count, "row")
        self.stdout.write(f"The rows of version {number} are current again: version {version.number}, {rows}.")


def _described(version: TableVersion) -> dict[str, Any]:
    values = (
        version.number,
        version.created_at.isoformat(timespec="seconds"),
        str(version.created_by or ""),
        version.operation,
        version.added,
        version.changed,
        version.removed,
        version.row_count,
        version.message,
    )
    return dict(zip(HEADERS, values, strict=True))


def _column_sentences(found: Difference) -> Iterator[str]:
    changes = found.columns
    for words, names in (
        ("attributes that came", changes.added),
        ("attributes that went", changes.removed),
        ("attributes of another type", changes.retyped),
    ):
        if names:
            yield f"{words}: {', '.join(names)}"
    if found.attributes:
        yield "changed cells: " + ", ".join(f"{name} {count:,}" for name, count in found.attributes.items())


def _cells(rows: list[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    """A line for each cell that changed, and one for each row that came or went."""
    for row in rows:
        mark, row_id = MARKS[row["class"]], row["_id"]
        if "cells" in row:
            for name, cell in row["cells"].items():
                yield mark, row_id, name, *shown_change(cell["old"], cell["new"], CELL_CHARACTERS)
        else:
            text = shown_value(", ".join(f"{name} {shown_value(value)}" for name, value in row["row"].items()))
            yield (mark, row_id, "", text, "") if row["class"] == "removed" else (mark, row_id, "", "", text)
