"""Reading the rows of TableVersions: their Parts, brought to this machine, and queries over them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import duckdb
from django.conf import settings

from catalog import engine
from catalog.models import Part, TableVersion
from catalog.parts import PartCache, rows_sql
from catalog.schema import Schema
from catalog.sources import TypedColumns

READ_ATTEMPTS = 3
Answer = TypeVar("Answer")


def cache() -> PartCache:
    """This machine's cache of Parts."""
    return PartCache(settings.PARTS_CACHE_DIR, settings.PARTS_CACHE_BYTES)


class GonePartError(Exception):
    """Rows were pruned while they were being read."""


def part_paths(digests: Sequence[str]) -> list[Path]:
    """Local files of Parts, fetched from the database where they are missing (one query). Raises GonePartError."""
    return cache().paths(digests, _fetch)


def _fetch(digests: list[str]) -> Iterable[tuple[str, bytes]]:
    absent = set(digests)
    found = Part.objects.filter(digest__in=digests).values_list("digest", "content")
    for digest, content in found.iterator(chunk_size=4):
        absent.discard(digest)
        yield digest, bytes(content)
    if absent:
        raise GonePartError(f"{len(absent)} of the Parts that hold these rows were pruned a moment ago.")


def version_digests(version: TableVersion) -> list[str]:
    """The Parts of a TableVersion, in order (one query)."""
    return list(version.version_parts.order_by("position").values_list("part_id", flat=True))


def version_paths(version: TableVersion) -> list[Path]:
    """Local files of a TableVersion's Parts, in order."""
    return part_paths(version_digests(version))


def version_source(version: TableVersion) -> TypedColumns:
    """The rows of a TableVersion as a source for conformance."""
    parts = list(version.version_parts.order_by("position").values_list("part_id", "part__row_count"))
    paths = part_paths([digest for digest, _ in parts])
    counts = [row_count for _, row_count in parts]
    return TypedColumns(list(zip(paths, counts, strict=True)), version.object_version.schema.columns)


def read(version: TableVersion, query: Callable[[duckdb.DuckDBPyConnection, str], Answer]) -> Answer:
    """What `query(connection, relation)` gives; relation is SQL of the version's rows, usable as `FROM (relation)`."""
    return read_parts(version_digests(version), version.object_version.schema, query)


def read_parts(
    digests: Sequence[str], schema: Schema, query: Callable[[duckdb.DuckDBPyConnection, str], Answer]
) -> Answer:
    """The same over some Parts of a version whose Object is `schema`.

    A cached file that is deleted or damaged while it is being read comes back, and the query starts again.
    """

    def work() -> Answer:
        relation = rows_sql(part_paths(digests), schema.columns)
        with engine.cursor() as connection:
            return query(connection, relation)

    return with_parts(lambda: digests, work)


def with_parts(digests: Callable[[], Sequence[str]], work: Callable[[], Answer]) -> Answer:
    """What `work()` gives; done again if it failed because cached files of these Parts are gone or damaged."""
    for _ in range(READ_ATTEMPTS - 1):
        try:
            return work()
        except (duckdb.IOException, duckdb.InvalidInputException, OSError):
            if not cache().mend(digests()):
                raise
    return work()
