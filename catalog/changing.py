"""Rows that take the place of others: SQL and files for changes in place. For catalog.contents, which has the verbs.

Rows that change are held as files with their `_id` and their NUMBER in the input; only Parts that hold one of them are
written again.
"""

import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from django.conf import settings

from catalog import engine
from catalog.conformance import Conformed, Destination, PartFile, conform, rewrite_part
from catalog.engine import quote_name, quote_text
from catalog.keys import NUMBER, SMALL_ROWS, key_errors, merged_report
from catalog.models import ObjectVersion, Part, TableVersion, VersionPart
from catalog.parts import rows_sql
from catalog.reading import part_paths
from catalog.row_errors import Report, Tally
from catalog.schema import Schema
from catalog.sources import SLICE_ROWS, Source, TypedColumns, slice_rows
from catalog.writing import NonconformingError, Prepared
from config.asking import KeptQuery

MANY_IDS = 1_000


class UnknownRowsError(Exception):
    """Rows to be changed or deleted are not there."""

    def __init__(self, row_ids: Sequence[int]) -> None:
        listed = ", ".join(map(str, row_ids[:20])) + (", …" if len(row_ids) > 20 else "")
        super().__init__(f"The table has no row with _id {listed}.")
        self.row_ids = list(row_ids)


def part_rows(version: TableVersion) -> list[Part]:
    """The Parts of a version in order, without their bytes; one query."""
    return [place.part for place in _places.all(version.pk)]


_places: Final = KeptQuery(
    lambda pk: (
        VersionPart.objects.filter(version=pk).select_related("part").defer("part__content").order_by("position")
    ),
    str,
)


def part_file(digest: str) -> str:
    """SQL of one Part's rows."""
    return f"read_parquet({quote_text(str(part_paths([digest])[0]))})"


def part_columns(object_version: ObjectVersion) -> str:
    """The columns of a Part, in order."""
    names = [*object_version.schema.names, "_id", "_version"]
    return ", ".join(quote_name(name) for name in names)


# A long list travels as text: as a list parameter, DuckDB takes seconds for a hundred thousand members.
IDS = "CAST(CAST($ids AS JSON) AS BIGINT[])"


def ids_sql(row_ids: Sequence[int]) -> str:
    """SQL of a list of ids."""
    return IDS.replace("$ids", quote_text(json.dumps([int(each) for each in row_ids])))


def candidates(parts: Sequence[Part], row_ids: Sequence[int]) -> list[tuple[int, Part, Sequence[int]]]:
    """Position, Part, and which of the ids it may hold, of each Part that may hold any. row_ids: sorted."""
    found = []
    for position, part in enumerate(parts):
        here = row_ids[bisect_left(row_ids, part.first_row_id) : bisect_right(row_ids, part.last_row_id)]
        if len(here):
            found.append((position, part, here))
    return found


def without_rows(base: TableVersion, row_ids: Sequence[int], directory: Path) -> Prepared:
    """The version without these rows. Raises UnknownRowsError."""
    parts = part_rows(base)
    columns = part_columns(base.object_version)
    touched = {position: (part, here) for position, part, here in candidates(parts, row_ids)}
    rewritten: list[tuple[int, PartFile]] = []
    removed = 0
    with engine.cursor(is_serial=True) as connection:
        for position, (part, here) in touched.items():
            select = f"SELECT {columns} FROM {part_file(part.digest)} WHERE _id NOT IN (SELECT unnest({ids_sql(here)}))"
            left = rewrite_part(connection, select, directory / f"kept-{position}.parquet")
            removed += part.row_count - (left.row_count if left else 0)
            rewritten += [(position, left)] if left else []
    if removed != len(row_ids):
        raise UnknownRowsError(_absent(parts, row_ids))
    kept = [(position, part) for position, part in enumerate(parts) if position not in touched]
    return Prepared.in_place(kept, rewritten, removed=len(row_ids))


def _absent(parts: Sequence[Part], row_ids: Sequence[int]) -> list[int]:
    found: set[int] = set()
    with engine.cursor(is_serial=True) as connection:
        for _, part, here in candidates(parts, row_ids):
            select = f"SELECT _id FROM {part_file(part.digest)} WHERE _id IN (SELECT unnest({ids_sql(here)}))"
            found.update(row_id for (row_id,) in connection.execute(select).fetchall())
    return [row_id for row_id in row_ids if row_id not in found]


@dataclass(frozen=True)
class Changes:
    """Rows that take the place of others: SQL with `_id`, `_version` and NUMBER, and how many; sorted are their ids.

    added: files of rows that are new, with how many; the SQL of these has a NUMBER too.
    """

    select: str
    row_ids: Sequence[int]
    conformed: Conformed
    input_rows: int
    added: Sequence[PartFile] = ()
    added_select: str = ""


def with_changes(base: TableVersion, changes: Changes, directory: Path) -> Prepared:
    """The version with rows in place of others, and new ones at its end, keys checked. Raises UnknownRowsError."""
    object_version = base.object_version
    parts = part_rows(base)
    columns = part_columns(object_version)
    touched = {position: (part, here) for position, part, here in candidates(parts, changes.row_ids)}
    rewritten: list[tuple[int, PartFile]] = []
    with engine.cursor(is_serial=True) as connection:
        for position, (part, _) in touched.items():
            old = part_file(part.digest)
            window = f"FROM ({changes.select}) WHERE _id BETWEEN {part.first_row_id} AND {part.last_row_id}"
            select = (
                f"SELECT {columns} FROM {old} AS old ANTI JOIN (SELECT _id {window}) AS new USING (_id) "
                f"UNION ALL SELECT {columns} {window} ORDER BY _id"
            )
            whole = rewrite_part(connection, select, directory / f"changed-{position}.parquet")
            if whole is None or whole.row_count != part.row_count:
                raise UnknownRowsError(_absent(parts, changes.row_ids))
            rewritten.append((position, whole))
    if sum(len(here) for _, here in touched.values()) != len(changes.row_ids):
        raise UnknownRowsError(_absent(parts, changes.row_ids))
    kept = [(position, part) for position, part in enumerate(parts) if position not in touched]
    return _checked(base, changes, kept, rewritten)


def _checked(
    base: TableVersion, changes: Changes, kept: list[tuple[int, Part]], rewritten: list[tuple[int, PartFile]]
) -> Prepared:
    fresh = changes.select
    if changes.added:
        fresh = f"SELECT * FROM ({changes.select}) UNION ALL BY NAME SELECT * FROM ({changes.added_select})"
    added_count = sum(part.row_count for part in changes.added)
    counts = RowCounts(added_count, len(changes.row_ids), 0, changes.input_rows)
    return prepared_in_place(base, changes.conformed.report, kept, rewritten, changes.added, fresh, counts)


@dataclass(frozen=True)
class RowCounts:
    """What a write does to the rows of a version, and how many it was given."""

    added: int
    changed: int
    removed: int
    given: int


def prepared_in_place(
    base: TableVersion,
    report: Report | None,
    kept: list[tuple[int, Part]],
    rewritten: list[tuple[int, PartFile]],
    added: Sequence[PartFile],
    fresh: str,
    counts: RowCounts,
) -> Prepared:
    """A version of Parts that are kept, rewritten and added, its keys checked.

    report: what is wrong with the given rows already. fresh: SQL of the rows that are new or changed.
    """
    schema = base.object_version.schema
    if any(schema.keys()):
        old = part_paths([part.digest for _, part in kept])
        paths = [*old, *(part.path for _, part in rewritten), *(part.path for part in added)]
        errors, tally = key_errors(schema, paths, "", fresh, is_serial=counts.given <= SMALL_ROWS)
        if tally:
            report = merged_report(report, errors, tally, counts.given)
    return Prepared.in_place(
        kept,
        rewritten,
        added,
        added=counts.added,
        changed=counts.changed,
        removed=counts.removed,
        input_rows=counts.given,
        fresh=fresh if schema.foreign_keys else None,
        report=report,
    )


# --- rows by their `_id` --------------------------------------------------------------------------------------------


def updated(
    base: TableVersion,
    row_ids: Sequence[int],
    source: Source,
    given: Sequence[Sequence[str]] | None,
    directory: Path,
    is_same: bool = False,
) -> Prepared:
    """The version with rows changed by `_id`: row k of the source is for row_ids[k], or its only row for all."""
    schema = base.object_version.schema
    merged, unread = source, None
    if given is not None:
        merged, unread = _patched(base, row_ids, source, given, directory, is_same)
    conformed = conform(merged, schema, Destination(directory, 1, base.number + 1), settings.ENGINE_THREADS)
    conformed = replace(conformed, report=_together(unread, conformed.report))
    if not conformed.parts and conformed.report:
        raise NonconformingError(conformed.report)
    rows = rows_sql([part.path for part in conformed.parts], schema.columns)
    names = ", ".join(quote_name(name) for name in schema.names)
    final = f"({ids_sql(row_ids)})[rows._id]"
    select = f"SELECT {names}, {final} AS _id, _version, rows._id AS {NUMBER} FROM ({rows}) AS rows"
    if len(row_ids) > MANY_IDS:
        select = _kept(select, directory / "changed.parquet")
    return with_changes(base, Changes(select, sorted(row_ids), conformed, len(row_ids)), directory)


def _kept(select: str, path: Path) -> str:
    """SQL of the same rows, kept in a file."""
    with engine.cursor() as connection:
        connection.execute(f"COPY ({select}) TO {quote_text(str(path))} (FORMAT parquet)")
    return f"SELECT * FROM read_parquet({quote_text(str(path))})"


def _together(unread: Report | None, found: Report | None) -> Report | None:
    """What could not be read, and what is wrong besides: a cell that could not be read is not called missing too."""
    if unread is None or found is None:
        return unread or found
    cells = {(error.row, error.attribute) for error in unread.errors}
    others = [error for error in found.errors if (error.row, error.attribute) not in cells]
    doubled = [error for error in found.errors if (error.row, error.attribute) in cells]
    tally = (found.tally or Tally.of(found.errors)).without(doubled)
    return merged_report(unread, others, tally, found.row_count)


def _patched(
    base: TableVersion,
    row_ids: Sequence[int],
    source: Source,
    given: Sequence[Sequence[str]],
    directory: Path,
    is_same: bool,
) -> tuple[TypedColumns, Report | None]:
    """Whole rows made of the old ones and of what the source gives, in the order of row_ids; and what can't be read."""
    schema = base.object_version.schema
    parts = part_rows(base)
    holding = [part.digest for _, part, _ in candidates(parts, sorted(row_ids))]
    attributes = tuple(replace(attribute, constraints={}) for attribute in schema.attributes)
    keys = tuple(key.names for key in schema.keys())  # noqa: SIM118 (no dictionary)
    loose = Schema(attributes, (), keys, foreign_keys=schema.foreign_keys)
    conformed = conform(source, loose, Destination(directory, 1, prefix="given"))
    if conformed.report and not conformed.parts:
        raise NonconformingError(conformed.report)
    fresh = rows_sql([part.path for part in conformed.parts], schema.columns)
    old = rows_sql(part_paths(holding), schema.columns)
    path = directory / "patched.parquet"
    brought = _brought(row_ids, given, is_same)
    columns = ", ".join(_patch(name, given) for name in schema.names)
    pairing = "true" if is_same else "new._id = brought.place"
    with engine.cursor(is_serial=len(row_ids) <= SMALL_ROWS) as connection:
        row = connection.execute(
            f"COPY (SELECT {columns} FROM {brought} AS brought JOIN ({fresh}) AS new ON {pairing} "
            f"JOIN ({old}) AS old ON old._id = brought.row_id ORDER BY brought.place) "
            f"TO {quote_text(str(path))} (FORMAT parquet)"
        ).fetchone()
    if not row or row[0] != len(row_ids):
        raise UnknownRowsError(_absent(parts, sorted(row_ids)))
    return TypedColumns([(path, len(row_ids))], schema.columns), conformed.report


def _brought(row_ids: Sequence[int], given: Sequence[Sequence[str]], is_same: bool) -> str:
    """SQL of the ids with their place, and with the names that each row brings where these differ."""
    ids = ids_sql(row_ids)
    names = ""
    if not _is_uniform(given):
        listed = quote_text(json.dumps([list(each) for each in given]))
        names = f"unnest(CAST(CAST({listed} AS JSON) AS VARCHAR[][])) AS names, "
    return f"(SELECT unnest({ids}) AS row_id, {names}generate_subscripts({ids}, 1) AS place)"


def _is_uniform(given: Sequence[Sequence[str]]) -> bool:
    return len(given) == 1 or len({tuple(sorted(each)) for each in given}) == 1


def _patch(name: str, given: Sequence[Sequence[str]]) -> str:
    quoted = quote_name(name)
    if _is_uniform(given):
        return f"{'new' if name in given[0] else 'old'}.{quoted} AS {quoted}"
    is_given = f"list_contains(brought.names, {quote_text(name)})"
    return f"CASE WHEN {is_given} THEN new.{quoted} ELSE old.{quoted} END AS {quoted}"


# --- rows by their primary key --------------------------------------------------------------------------------------


def upserted(base: TableVersion, next_row_id: int, source: Source, directory: Path) -> Prepared:
    """The version with the rows of a source, by primary key: in place of those there are, or new.

    A row that is there already, in every cell the same, is left alone.
    """
    object_version = base.object_version
    schema = object_version.schema
    conformed = conform(source, schema, Destination(directory, 1, base.number + 1), settings.ENGINE_THREADS)
    if not conformed.parts:
        if conformed.report:
            raise NonconformingError(conformed.report)
        return Prepared.in_place(list(enumerate(part_rows(base))), [])
    path = directory / "matched.parquet"
    row_ids, new_count = _match(base, conformed, next_row_id, path)
    file = f"read_parquet({quote_text(str(path))})"
    names = part_columns(object_version)
    changes = f"SELECT {names}, {NUMBER} FROM {file} WHERE _id < {next_row_id}"
    additions = f"SELECT {names}, {NUMBER} FROM {file} WHERE _id >= {next_row_id}"
    added = []
    with engine.cursor(is_serial=True) as connection:
        step = slice_rows(len(schema.attributes))
        for start in range(0, new_count, step):
            first = next_row_id + start
            select = f"SELECT {names} FROM {file} WHERE _id >= {first} AND _id < {first + step} ORDER BY _id"
            part = rewrite_part(connection, select, directory / f"added-{start}.parquet")
            added += [part] if part else []
    return with_changes(base, Changes(changes, row_ids, conformed, conformed.row_count, added, additions), directory)


def _match(base: TableVersion, conformed: Conformed, next_row_id: int, path: Path) -> tuple["array[int]", int]:
    """Write the rows that differ from those there are, with the `_id` that each will have.

    Gives the ids of those that change, as a sorted array, and how many are new. Rows whose key can't be read,
    or that repeat the key of an earlier one, are in error anyway; they count as new.
    """
    schema = base.object_version.schema
    names = [quote_name(name) for name in schema.names]
    new = rows_sql([part.path for part in conformed.parts], schema.columns)
    old = rows_sql(part_paths([part.digest for part in part_rows(base)]), schema.columns)
    key = " AND ".join(f"new.{quote_name(name)} = old.{quote_name(name)}" for name in schema.primary_key)
    differs = " OR ".join(f"new.{name} IS DISTINCT FROM old.{name}" for name in names)
    columns = ", ".join(f"new.{name}" for name in names)
    is_small = conformed.row_count <= SMALL_ROWS
    with engine.cursor(is_serial=is_small) as connection:
        connection.execute(
            f"CREATE TEMP TABLE matched AS SELECT place, any_value(row_id) AS row_id, bool_or(differs) AS differs FROM "
            f"(SELECT new._id AS place, old._id AS row_id, {differs} AS differs FROM ({new}) AS new "
            f"JOIN ({old}) AS old ON {key}) GROUP BY place"
        )
        # Of rows with one key, which is an error, the first takes the place of the old one.
        connection.execute(
            "CREATE TEMP TABLE placed AS SELECT place, CASE WHEN number = 1 THEN row_id END AS row_id, differs FROM "
            "(SELECT *, row_number() OVER (PARTITION BY row_id ORDER BY place) AS number FROM matched)"
        )
        ids = (
            f"SELECT {columns}, new._version, new._id AS {NUMBER}, "
            f"coalesce(placed.row_id, {next_row_id} - 1 + row_number() OVER "
            "(PARTITION BY placed.row_id IS NULL ORDER BY new._id)) AS _id "
            f"FROM ({new}) AS new LEFT JOIN placed ON placed.place = new._id "
            "WHERE placed.row_id IS NULL OR placed.differs"
        )
        connection.execute(f"COPY (SELECT * FROM ({ids}) ORDER BY _id) TO {quote_text(str(path))} (FORMAT parquet)")
        changed = array("q")
        connection.execute("SELECT row_id FROM placed WHERE row_id IS NOT NULL AND differs ORDER BY row_id")
        while chunk := connection.fetchmany(SLICE_ROWS):
            changed.extend(row_id for (row_id,) in chunk)
        count = connection.execute(
            f"SELECT count(*) FROM read_parquet({quote_text(str(path))}) WHERE _id >= {next_row_id}"
        ).fetchone()
    return changed, int(count[0]) if count else 0
