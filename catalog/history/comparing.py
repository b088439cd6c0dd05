"""What differs between two versions of a Table."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from catalog import engine
from catalog.attributes import ROW_ID
from catalog.comparison import ComparisonOptions, Relation
from catalog.comparison.paging import Differences, differences
from catalog.formats import RowFormat
from catalog.formats.writing import Query
from catalog.history.difference import Difference, Side, Window, compare, flatten, lines
from catalog.models import TableVersion
from catalog.parts import rows_sql
from catalog.reading import part_paths, version_digests, with_parts
from catalog.schema import Schema

Answer = TypeVar("Answer")


def difference(
    old: TableVersion, new: TableVersion, window: Window, masked: frozenset[str] = frozenset()
) -> Difference:
    """How many rows and cells differ, and the rows of the window. Parts that both versions have are not read."""
    before, after = _own_digests(old, new)

    def work() -> Difference:
        with engine.cursor() as connection:
            return compare(connection, _side(old, before, masked), _side(new, after, masked), window)

    return with_parts(lambda: [*before, *after], work)


def difference_lines(
    old: TableVersion, new: TableVersion, window: Window, masked: frozenset[str] = frozenset()
) -> Iterator[bytes]:
    """The rows of the window as NDJSON, by `_id`, in blocks."""
    before, after = _own_digests(old, new)
    with engine.cursor() as connection:

        def begin() -> tuple[Iterator[list[str]], list[str]]:
            blocks = lines(connection, _side(old, before, masked), _side(new, after, masked), window)
            return blocks, next(blocks, [])

        blocks, block = with_parts(lambda: [*before, *after], begin)
        while block:
            yield ("\n".join(block) + "\n").encode()
            block = next(blocks, [])


def difference_file(
    old: TableVersion, new: TableVersion, window: Window, row_format: RowFormat, masked: frozenset[str] = frozenset()
) -> Iterator[bytes]:
    """The rows of the window in a format, both sides beside each other: class, _id, old: name, ..., new: name, ..."""
    before, after = _own_digests(old, new)
    with engine.cursor() as connection:
        columns = with_parts(
            lambda: [*before, *after],
            lambda: flatten(connection, _side(old, before, masked), _side(new, after, masked), window),
        )

        def read(query: Query[Any]) -> Any:
            return query(connection, "SELECT * FROM flat ORDER BY _id", {})

        yield from row_format.blocks([read], columns)


def with_primary_key(options: ComparisonOptions, *schemas: Schema) -> ComparisonOptions:
    """The options with the primary key that both versions have, if no other key is asked for and nothing else of it."""
    key = schemas[0].primary_key
    taken = {*options.ignore, *options.per_attribute, *(matcher.attribute for matcher in options.matchers)}
    is_usable = all(schema.primary_key == key for schema in schemas) and not taken & set(key)
    return replace(options, key=tuple(key)) if key and is_usable and not options.key else options


@contextmanager
def compared(old: TableVersion, new: TableVersion, options: ComparisonOptions) -> Iterator[Differences]:
    """What differs between two versions as between any two tables: the old one is expected, the new one actual."""
    digests = [*version_digests(old), *version_digests(new)]
    with ExitStack() as stack:
        connection = stack.enter_context(engine.cursor())
        sides = [_relation(version) for version in (old, new)]
        yield with_parts(
            lambda: digests, lambda: stack.enter_context(differences(connection, sides[0], sides[1], options))
        )


def _relation(version: TableVersion) -> Relation:
    schema, digests = version.object_version.schema, version_digests(version)
    columns = (*schema.columns, (ROW_ID.name, "BIGINT"), ("_version", "BIGINT"))
    sql = rows_sql(part_paths(digests), schema.columns)
    return Relation(sql, columns, version.row_count, tuple(schema.primary_key), digests=tuple(digests))


def _own_digests(old: TableVersion, new: TableVersion) -> tuple[list[str], list[str]]:
    """The Parts that only one of the versions has."""
    before, after = version_digests(old), version_digests(new)
    common = set(before) & set(after)
    return [each for each in before if each not in common], [each for each in after if each not in common]


def _side(version: TableVersion, digests: list[str], masked: frozenset[str]) -> Side:
    schema = version.object_version.schema
    return Side(rows_sql(part_paths(digests), schema.columns), schema, masked)
