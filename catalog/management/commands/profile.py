"""profile: what the values of a Table look like, attribute by attribute."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.history.versions import UnknownVersionError, find_version
from catalog.management.lookup import WRONG_USAGE, find_application, find_object, find_table
from catalog.profiles import version_profile
from config.commands import ExemplifiedCommand
from config.console import ProgressLine, counted, text_table
from config.exact_json import dump_json
from config.problems import nearest

BARS = " ▁▂▃▄▅▆▇█"
HEADERS = ("attribute", "type", "null", "distinct", "min", "median", "max", "histogram", "most frequent")
CELL_CHARACTERS = 24
TOP_SHOWN = 3


class Command(ExemplifiedCommand):
    help = "Shows the profile of a table's values. It is kept with the version. Exit codes: 0 shown, 2 wrong usage."
    examples = (
        '--application demo --object orders --table "week 1"',
        '--application demo --object orders --table "week 1" --fields amount,city --output json',
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--application", required=True, help="name of the application")
        parser.add_argument("--object", required=True, help="name of the table's object")
        parser.add_argument("--table", required=True, help="name of the table")
        parser.add_argument("--version-number", type=int, help="an earlier version of the table; default: the newest")
        parser.add_argument("--fields", help="only these attributes, comma-separated")
        parser.add_argument("--output", choices=("table", "json"), default="table", help="default: table")

    def handle(self, *args: Any, **options: Any) -> None:
        shape = find_object(find_application(options["application"]), options["object"])
        table = find_table(shape, options["table"])
        try:
            version = find_version(table, options["version_number"])
        except UnknownVersionError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        names = chosen_names(version.object_version.schema.names, options["fields"])
        progress = ProgressLine(self.stderr)
        total = len(names if names is not None else version.object_version.schema.names)
        found = version_profile(version, names, lambda done: progress.show_bar(done, total, "attributes"))
        progress.clear()
        if options["output"] == "json":
            document = {"version": version.number, "row_count": version.row_count, "attributes": found}
            self.stdout.write(dump_json(document).decode())
            return
        self.stdout.write(f"{shape.name}/{table.name}, version {version.number}: {counted(version.row_count, 'row')}")
        self.stdout.write(text_table(HEADERS, [line(each) for each in found]))


def chosen_names(known: Sequence[str], text: str | None) -> list[str] | None:
    """The attributes that were asked for; None for all. CommandError for one that there isn't."""
    if text is None:
        return None
    names = list(dict.fromkeys([text] if text in known else text.split(",")))
    for name in names:
        if name not in known:
            message = f"There is no attribute {name!r}; {nearest(name, list(known))}"
            raise CommandError(message, returncode=WRONG_USAGE)
    return names


def line(found: Mapping[str, Any]) -> tuple[object, ...]:
    """An attribute's profile as a line of the table."""
    distinct = f"{found['distinct']:,}" if found["distinct_exact"] else f"~{found['distinct']:,}"
    top = ", ".join(f"{short(each['value'])} ({each['count']:,})" for each in found["top_values"][:TOP_SHOWN])
    return (
        found["name"],
        found["type"],
        f"{found['nulls']:,}",
        distinct,
        short(found.get("min")),
        short(found.get("quantiles", {}).get("50")),
        short(found.get("max")),
        bars([each["count"] for each in found.get("histogram", [])]),
        top,
    )


def short(value: Any) -> str:
    """A value in a cell of the table; quotes tell the empty text."""
    if value is None:
        return ""
    text = '""' if value == "" else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def bars(counts: Sequence[int]) -> str:
    """Counts as a row of bars; what is not nothing is seen."""
    most = max(counts, default=0)
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] if most else BARS[0] for count in counts)
