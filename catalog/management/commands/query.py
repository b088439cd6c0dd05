"""query: some rows of a Table, as a table in the terminal or in a file of any format."""

from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from catalog.browsing import COUNT_LIMIT, count, page
from catalog.exporting import stream
from catalog.formats import FORMATS
from catalog.management.lookup import WRONG_USAGE, find_application, find_object, find_table
from catalog.management.output import STANDARD_OUTPUT, chosen_version, write_blocks
from catalog.models import TableVersion
from catalog.queries import QueryError, RowQuery, read_query
from catalog.rows import VersionRows
from config.commands import ExemplifiedCommand
from config.console import counted, text_table

TABLE: Final = "table"
LIMIT: Final = 20
LIMIT_MAXIMUM: Final = 10_000


class Command(ExemplifiedCommand):
    help = (
        "Shows rows of a table: all, or those that meet conditions such as amount__gte=10 city__in=Oslo,Lima "
        "note__is_null. Exit codes: 0 done, 2 wrong usage."
    )
    examples = (
        'amount__gte=10 city__in=Oslo,Lima --application demo --object orders --table "week 1" --ordering=-amount',
        '--application demo --object orders --table "week 1" --since 3 --output csv --file changed.csv',
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("conditions", nargs="*", help="such as amount__gte=10; all of them must hold")
        parser.add_argument("--application", required=True, help="name of the application")
        parser.add_argument("--object", required=True, help="name of the table's object")
        parser.add_argument("--table", required=True, help="name of the table")
        parser.add_argument("--version-number", type=int, help="an earlier version of the table; default: the newest")
        parser.add_argument("--since", help="only the rows that were written after this version")
        parser.add_argument(
            "--where", help='conditions as JSON, such as \'{"or": [{"attribute": "id", "op": "gt", "value": 1}]}\''
        )
        parser.add_argument("--ordering", help="such as --ordering=-amount,city; _id comes last")
        parser.add_argument("--fields", help="the attributes to show, such as id,amount; default: all")
        parser.add_argument("--limit", type=int, help=f"how many rows; as a table {LIMIT} by default, else all")
        parser.add_argument("--output", choices=[TABLE, *FORMATS], default=TABLE, help="default: table")
        parser.add_argument("--file", default=STANDARD_OUTPUT, help="where to write; default: the standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        shape = find_object(find_application(options["application"]), options["object"])
        version = chosen_version(find_table(shape, options["table"]), options["version_number"])
        query = asked(version, options)
        limit = options["limit"]
        if limit is not None and not 0 < limit <= LIMIT_MAXIMUM:
            raise CommandError(f"--limit is {limit}; it must be from 1 to {LIMIT_MAXIMUM}.", returncode=WRONG_USAGE)
        if options["output"] == TABLE:
            self.show(version, query, limit or LIMIT)
            return
        blocks = stream(VersionRows(version), query, FORMATS[options["output"]].rows, limit=limit)
        write_blocks(self, blocks, options["file"])

    def show(self, version: TableVersion, query: RowQuery, limit: int) -> None:
        """Rows in aligned columns, and how many there are."""
        rows = page(version, query, limit)
        names = [attribute.name for attribute in query.attributes]
        if rows:
            self.stdout.write(text_table(names, ([_shown(row[name]) for name in names] for row in rows)))
        total, is_cut = count(version, query, COUNT_LIMIT if query.conditions else None)
        found = f"more than {counted(total, 'row')}" if is_cut else counted(total, "row")
        self.stdout.write(f"{found}, of which {len(rows):,} are shown." if len(rows) < total else f"{found}.")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def asked(version: TableVersion, options: dict[str, Any]) -> RowQuery:
    """The query that the arguments mean. CommandError, exit code 2, with all that is wrong."""
    parameters = [tuple(text.partition("=")[::2]) for text in options["conditions"]]
    names = {"where": "filter", "ordering": "ordering", "fields": "fields", "since": "since"}
    parameters += [(name, options[option]) for option, name in names.items() if options[option] is not None]
    try:
        return read_query(version.object_version.schema, parameters)
    except QueryError as error:
        raise CommandError("\n".join(each.message for each in error.problems), returncode=WRONG_USAGE) from error
