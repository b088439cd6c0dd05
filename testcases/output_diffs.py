"""How an output of a Result differs from what was expected, or from the same output of another Result: row by row.

Compared again from the Parts each time, and kept nowhere. Linear in rows; where both sides are the same Parts, nothing
is read.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from catalog import engine
from catalog.attributes import ROW_ID, Attribute
from catalog.comparison import ComparisonOptions, Relation, TableDiff, parse_options
from catalog.comparison.diff import RowDiff
from catalog.comparison.paging import Differences, Page, differences
from catalog.engine import quote_name
from catalog.formats.writing import Query, RowFormat, WritingOptions
from catalog.history.difference import CLASS_COLUMN
from catalog.reading import part_paths, version_digests, with_parts
from catalog.schema import Schema
from testcases.judging import SMALL_ROWS, table_relation
from testcases.models import Result, ResultOutput
from testcases.outputs import expected_version_of, schema_of
from testcases.trials import comparison_options

OWN_TO_EXPECTED: Final = ("mode", "matchers", "literal_matchers")
"""Options that say what only expected rows can be like."""


@dataclass(frozen=True)
class Side:
    """Rows kept as Parts."""

    digests: tuple[str, ...]
    schema: Schema
    row_count: int

    def relation(self) -> Relation:
        """The rows, once the Parts are on this machine."""
        return table_relation(part_paths(self.digests), self.schema, self.row_count, self.digests)


@dataclass(frozen=True)
class Pair:
    """Two sides that are compared, and how."""

    expected: Side
    actual: Side
    options: ComparisonOptions

    @property
    def digests(self) -> Sequence[str]:
        """The Parts of both."""
        return [*self.expected.digests, *self.actual.digests]

    @property
    def is_same(self) -> bool:
        """Whether both are the same Parts, and so equal."""
        return self.expected.digests == self.actual.digests


def against_expected(result: Result, output: ResultOutput) -> Pair | None:
    """An output against the rows that were pinned as expected, by the options of then; None if nothing was expected."""
    version = expected_version_of(result, output.port_name)
    if version is None:
        return None
    schema = version.object_version.schema
    options = parse_options(comparison_options(result.comparison, schema), schema.names)
    expected = Side(tuple(version_digests(version)), schema, version.row_count)
    return Pair(expected, side_of(result, output), options)


def against_other(before: tuple[Result, ResultOutput], after: tuple[Result, ResultOutput]) -> Pair:
    """An output against the same of another Result, by the later one's key, tolerances and what it ignores."""
    sides = [side_of(*before), side_of(*after)]
    given = {name: each for name, each in after[0].comparison.items() if name not in OWN_TO_EXPECTED}
    options = comparison_options(given, sides[1].schema)
    if not set(options.get("key", ())) <= set(sides[0].schema.names):
        del options["key"]
    names = list(dict.fromkeys([*sides[0].schema.names, *sides[1].schema.names]))
    return Pair(sides[0], sides[1], parse_options(options, names))


def side_of(result: Result, output: ResultOutput) -> Side:
    """The actual rows."""
    digests = sorted((each.position, each.part_id) for each in output.actual_parts.all())
    return Side(tuple(digest for _, digest in digests), schema_of(result, output.port_name), output.row_count)


def totals_of(pair: Pair) -> TableDiff:
    """Totals and histograms, without rows."""
    return page_of(pair, Page(classes=(), limit=0))[0]


def page_of(pair: Pair, page: Page) -> tuple[TableDiff, Sequence[RowDiff], str]:
    """Totals and histograms, the rows of a page, and the cursor of the next one. Raises CursorError."""

    def work() -> tuple[TableDiff, Sequence[RowDiff], str]:
        with _opened(pair) as found:
            return found.diff, *found.rows(page)

    return with_parts(lambda: pair.digests, work)


def lines_of(pair: Pair, page: Page, masked: Collection[str] = ()) -> Iterator[bytes]:
    """The rows of a page as NDJSON, in blocks; of masked attributes it is only told that they differ."""

    def begin(found: Differences) -> Iterator[bytes]:
        for block in found.lines(page):
            yield ("\n".join(block) + "\n").encode()

    with ExitStack() as stack:

        def work() -> tuple[bytes, Iterator[bytes]]:
            stack.close()
            blocks = begin(stack.enter_context(_opened(pair, masked)))
            return next(blocks, b""), blocks

        first, rest = with_parts(lambda: pair.digests, work)
        yield first
        yield from rest


def file_of(
    pair: Pair, page: Page, row_format: RowFormat, options: WritingOptions, masked: Collection[str] = ()
) -> Iterator[bytes]:
    """The rows of a page in a format, both sides of a row beside each other: class, ids, expected: name, ..."""
    columns = list(_columns(pair))
    with engine.cursor() as connection, ExitStack() as stack:
        nothing = ", ".join(f"CAST(NULL AS {each.duckdb_type}) AS {quote_name(each.name)}" for each in columns)

        def work() -> None:
            stack.close()
            found = stack.enter_context(differences(connection, *_sides(pair), pair.options, masked))
            query = found.flat(page) or f"SELECT {nothing} LIMIT 0"
            connection.execute(f"CREATE OR REPLACE TEMP TABLE flat AS {query}")

        with_parts(lambda: pair.digests, work)
        stack.close()

        def read(query: Query[Any]) -> Any:
            return query(connection, "SELECT * FROM flat", {})

        yield from row_format.blocks([read], columns, options=options)


def _columns(pair: Pair) -> Iterator[Attribute]:
    yield CLASS_COLUMN
    yield from (replace(ROW_ID, name=f"{word}_id") for word in ("expected", "actual"))
    for word, side in (("expected", pair.expected), ("actual", pair.actual)):
        for each in side.schema.attributes:
            if each.name not in pair.options.ignore:
                yield replace(each, name=f"{word}: {each.name}", constraints={})


@contextmanager
def _opened(pair: Pair, masked: Collection[str] = ()) -> Iterator[Differences]:
    is_small = pair.expected.row_count + pair.actual.row_count <= SMALL_ROWS
    with (
        engine.cursor(is_serial=is_small) as connection,
        differences(connection, *_sides(pair), pair.options, masked) as found,
    ):
        yield found


def _sides(pair: Pair) -> tuple[Relation, Relation]:
    return pair.expected.relation(), pair.actual.relation()
