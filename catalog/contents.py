"""The one write path for rows (invariant 3): Tables, their versions, their Parts. To read, see catalog.reading.

Every write makes a new TableVersion in one transaction. Writers to one Table queue on its row: on PostgreSQL by row
lock, on SQLite because a transaction takes the write lock when it begins. Readers never wait. Large input is checked
and encoded before the lock is taken, and again under it only if another writer came first.

What refers, and what is referred to, is checked in every write (catalog.references).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from catalog import engine
from catalog.browsing import note_rows
from catalog.changing import UnknownRowsError, part_rows, updated, upserted, without_rows
from catalog.conformance import Destination, PartFile, write_part
from catalog.engine import quote_name, quote_text
from catalog.keys import NUMBER
from catalog.known_keys import note_merged
from catalog.models import ObjectSchema, ObjectVersion, Table, TableVersion
from catalog.parts import rows_sql, tail_to_merge
from catalog.reading import part_paths, version_digests, version_source, with_parts
from catalog.references import LockedTables, State, concerned, lock_tables, with_locked_tables
from catalog.sources import JSONRows, Source, slice_rows
from catalog.writing import (
    ANONYMOUS,
    NonconformingError,
    Operation,
    Prepared,
    StaleObjectError,
    StaleVersionError,
    Write,
    adopt_parts,
    check_references,
    commit,
    conformed_rows,
    fresh_rows,
    subdirectory,
    workspace,
    write_version,
)
from catalog.written_rows import written_lines
from config.asking import KeptQuery
from config.exact_json import dump_json

__all__ = [
    "UnknownRowsError",
    "append_rows",
    "conform_table",
    "create_table",
    "delete_rows",
    "delete_table",
    "replace_rows",
    "revert_table",
    "update_rows",
    "update_rows_alike",
    "upsert_rows",
]


def create_table(table: Table, source: Source, write: Write = ANONYMOUS) -> TableVersion:
    """Save a new Table (checked by the caller's `full_clean`) with its rows as version 1.

    With `dry_run`, the instance is as it was before, unsaved.
    """
    with workspace() as directory:
        object_version = table.object.current
        conformed = conformed_rows(source, object_version, Destination(directory, 1, 1))
        fresh = fresh_rows(object_version, conformed, 1)
        prepared = Prepared([], list(conformed.parts), added=conformed.row_count, fresh=fresh, report=conformed.report)
        wanted: set[str] = set()
        while True:
            with transaction.atomic():
                # Under the lock that `publish` takes: a Table comes before the new version and is taken along, or
                # after.
                shape = _locked_object.first(table.object_id)
                if shape is None:
                    raise ObjectSchema.DoesNotExist(f"The object {table.object.name!r} was deleted a moment ago.")
                if object_version.number != shape.version:
                    raise StaleObjectError(table.object.name)
                lock_tables(wanted)
                tables = concerned(table, None, object_version, is_adding=True)
                if tables.needed <= wanted or not transaction.get_connection().features.has_select_for_update:
                    check_references(tables, prepared, source, write)
                    version = _create(table, object_version, prepared, write)
                    break
            wanted |= tables.needed
        if not write.dry_run:
            adopt_parts(prepared.parts)
            _note_rows(version, source)
        return version


_locked_object: Final = KeptQuery(
    lambda pk: ObjectSchema.objects.select_for_update().only("version").filter(pk=pk).order_by(), str
)


def _note_rows(version: TableVersion, source: Source) -> None:
    """Know the rows of a version that has no others, where they can be told from the source."""
    first_row_id = version.table.next_row_id - version.added
    lines = written_lines(source, version.object_version.schema, first_row_id)
    if lines is not None:
        note_rows(version, lines, first_row_id)


def _create(table: Table, object_version: ObjectVersion, prepared: Prepared, write: Write) -> TableVersion:
    table.created_by = write.author
    try:
        version = commit(table, object_version, Operation.CREATE, write, prepared)
        if write.beside:
            write.beside(version)
    except IntegrityError:  # another took the name meanwhile
        _make_unsaved(table)
        raise
    if write.dry_run:
        transaction.set_rollback(True)
        _make_unsaved(table)
    return version


def _make_unsaved(table: Table) -> None:
    table.version = table.row_count = table.size_bytes = 0
    table.next_row_id = 1
    table._state.adding = True


def append_rows(table: Table, source: Source, write: Write = ANONYMOUS) -> TableVersion:
    """Add rows at the end. Small Parts at the end are merged, so many small appends stay cheap to read."""

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        destination = Destination(directory, next_row_id, base.number + 1)
        old = part_rows(base)
        conformed = conformed_rows(source, base.object_version, destination, old)
        limit = slice_rows(len(base.object_version.schema.attributes))
        merged = tail_to_merge([row.row_count for row in old], conformed.row_count, limit)
        kept = old[: len(old) - merged]
        if merged and conformed.parts and not conformed.report:
            tail = [row.digest for row in old[len(old) - merged :]]
            together = [*part_paths(tail), *(part.path for part in conformed.parts)]
            parts = [_merge(base.object_version, together, directory)]
            note_merged(
                parts[0].digest, base.object_version.schema, [*tail, *(part.digest for part in conformed.parts)]
            )
        else:
            kept, parts = old, list(conformed.parts)
        return Prepared(
            [row.digest for row in kept],
            parts,
            added=conformed.row_count,
            fresh=fresh_rows(base.object_version, conformed, next_row_id),
            report=conformed.report,
            sizes={row.digest: row.size_bytes for row in kept},
        )

    return write_version(table, Operation.APPEND, write, prepare, source)


def replace_rows(table: Table, source: Source, write: Write = ANONYMOUS) -> TableVersion:
    """Put these rows in place of all rows; they get new ids."""

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        return _all_new(base, source, next_row_id, base.row_count, directory)

    version = write_version(table, Operation.REPLACE, write, prepare, source)
    if not write.dry_run:
        _note_rows(version, source)
    return version


def _all_new(base: TableVersion, source: Source, next_row_id: int, removed: int, directory: Path) -> Prepared:
    """Nothing but the rows of a source."""
    conformed = conformed_rows(source, base.object_version, Destination(directory, next_row_id, base.number + 1))
    fresh = fresh_rows(base.object_version, conformed, next_row_id)
    parts = list(conformed.parts)
    return Prepared([], parts, conformed.row_count, removed=removed, fresh=fresh, report=conformed.report)


def delete_rows(table: Table, row_ids: Sequence[int], write: Write = ANONYMOUS) -> TableVersion:
    """Delete rows by `_id`. Raises UnknownRowsError if one isn't there, ReferencedError if another row refers to it."""
    wanted = sorted(set(row_ids))

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        return without_rows(base, wanted, directory)

    return write_version(table, Operation.DELETE, write, prepare)


def update_rows(
    table: Table,
    row_ids: Sequence[int],
    source: Source,
    given: Sequence[Sequence[str]] | None = None,
    write: Write = ANONYMOUS,
) -> TableVersion:
    """Change rows by `_id`: row k of the source is for row_ids[k].

    given: per row the attributes that it brings, the others keep their values; None means whole rows. Raises
    UnknownRowsError, ValidationError for an `_id` that stands twice, and NonconformingError.
    """
    _refuse_repeated(row_ids)

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        return updated(base, row_ids, source, given, directory)

    return write_version(table, Operation.UPDATE, write, prepare, source)


def update_rows_alike(
    table: Table, row_ids: Sequence[int], changes: Mapping[str, Any], write: Write = ANONYMOUS
) -> TableVersion:
    """Give many rows the same values, by `_id`; the attributes that `changes` doesn't name keep theirs.

    changes: attribute name -> JSON value. Raises as `update_rows` does; the rows are numbered as in row_ids.
    """
    _refuse_repeated(row_ids)
    source = JSONRows([dump_json(dict(changes)).decode()])

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        return updated(base, row_ids, source, [list(changes)], directory, is_same=True)

    return write_version(table, Operation.UPDATE, write, prepare)


def _refuse_repeated(row_ids: Sequence[int]) -> None:
    if len(set(row_ids)) != len(row_ids):
        raise ValidationError({"_id": ValidationError("A row may be changed once in one request.", code="duplicate")})


def upsert_rows(table: Table, source: Source, write: Write = ANONYMOUS) -> TableVersion:
    """Put rows in place of those with the same primary key, which keep their `_id`; others are new, at the end.

    Rows that are there already, the same in every cell, are left alone and not counted. Raises ValidationError if the
    Object has no primary key, and NonconformingError, also where a key stands twice among the rows.
    """

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        if not base.object_version.schema.primary_key:
            message = f"The object {table.object.name!r} has no primary key to find rows by; append or replace instead."
            raise ValidationError({"mode": ValidationError(message.replace("%", "%%"), code="no_primary_key")})
        return upserted(base, next_row_id, source, directory)

    return write_version(table, Operation.UPSERT, write, prepare, source)


def delete_table(table: Table, expected_version: int | None = None) -> None:
    """Delete a Table with its history. Raises ReferencedError while rows of others refer to its rows."""

    def work(tables: LockedTables) -> None:
        if expected_version not in {None, tables.table.version}:
            raise StaleVersionError(tables.table, expected_version or 0)
        tables.refuse_losses(State())
        table.delete()

    with_locked_tables(table, work)


def revert_table(table: Table, number: int, write: Write = ANONYMOUS) -> TableVersion:
    """Make an earlier version's rows current again, as a new version. Raises TableVersion.DoesNotExist."""
    earlier = table.versions.select_related("object_version").get(number=number)

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        if not table.versions.filter(pk=earlier.pk).exists():  # under the lock, which a pruner takes too
            raise TableVersion.DoesNotExist(f"Version {number} was pruned a moment ago.")
        if earlier.object_version_id != base.object_version_id:
            return _all_new(base, version_source(earlier), next_row_id, base.row_count, directory)
        digests, fresh = version_digests(earlier), None
        if base.object_version.schema.foreign_keys:
            rows = rows_sql(part_paths(digests), base.object_version.schema.columns)
            fresh = f"SELECT *, row_number() OVER (ORDER BY _id) AS {NUMBER} FROM ({rows})"
        return Prepared(digests, [], added=earlier.row_count, removed=base.row_count, fresh=fresh)

    return write_version(table, Operation.REVERT, write, prepare)


def conform_table(table: Table, object_version: ObjectVersion, write: Write = ANONYMOUS) -> TableVersion:
    """Take the Table's rows to a new version of its Object. Raises NonconformingError.

    For catalog.evolution, inside its transaction, which then checks what the rows refer to; ids
    stay, and Parts too where no column changes.
    """
    base = table.current
    with workspace() as directory:
        if base.object_version.schema == object_version.schema:  # titles, descriptions
            prepared = Prepared(version_digests(base), [])
        else:
            prepared = with_parts(
                lambda: version_digests(base), lambda: _reshaped(base, object_version, subdirectory(directory))
            )
        return commit(table, object_version, Operation.CONFORM, write, prepared)


def _reshaped(base: TableVersion, object_version: ObjectVersion, directory: Path) -> "Prepared":
    """The rows of a version as another version of its Object has them."""
    conformed = conformed_rows(version_source(base), object_version, Destination(directory, 1, base.number + 1))
    if conformed.report:
        raise NonconformingError(conformed.report)
    if base.object_version.schema.columns == object_version.schema.columns:
        return Prepared(version_digests(base), [])
    parts: list[PartFile] = []
    new = iter(conformed.parts)
    for old, row_count in version_source(base).files:
        start = 0
        while start < row_count:  # wider rows make more and smaller Parts
            part = next(new)
            parts.append(_with_old_ids(object_version, part, old, start, directory / f"conformed-{len(parts)}.parquet"))
            start += part.row_count
    return Prepared([], parts)


def _merge(object_version: ObjectVersion, paths: Sequence[Path], directory: Path) -> PartFile:
    select = f"SELECT * FROM ({rows_sql(paths, object_version.schema.columns)}) ORDER BY _id"
    with engine.cursor(is_serial=True) as connection:
        return write_part(connection, select, directory / "merged.parquet")


def _with_old_ids(object_version: ObjectVersion, part: PartFile, old: Path, start: int, path: Path) -> PartFile:
    """A conformed Part with the ids and versions of the rows that it was made from: those of a Part from `start` on."""
    names = ", ".join(f"new.{quote_name(name)}" for name in object_version.schema.names)
    new = f"read_parquet({quote_text(str(part.path))})"
    before = (
        f"(SELECT _id, _version FROM read_parquet({quote_text(str(old))}, file_row_number = true) "
        f"WHERE file_row_number >= {start} AND file_row_number < {start + part.row_count})"
    )
    with engine.cursor(is_serial=True) as connection:
        return write_part(
            connection, f"SELECT {names}, old._id, old._version FROM {new} AS new POSITIONAL JOIN {before} AS old", path
        )
