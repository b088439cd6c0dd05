"""The one write path for rows (invariant 3): Tables, their versions, their Parts. To read, see catalog.reading.

Every write makes a new TableVersion in one transaction. Writers to one Table queue on its row: on PostgreSQL by row
lock, on SQLite because a transaction takes the write lock when it begins. Readers never wait. Large input is checked
and encoded before the lock is taken, and again under it only if another writer came first.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from catalog import engine
from catalog.conformance import Conformed, Destination, PartFile, conform, write_part
from catalog.engine import quote_name, quote_text
from catalog.keys import key_errors
from catalog.models import ObjectSchema, ObjectVersion, Part, Table, TableVersion
from catalog.parts import rows_sql, tail_to_merge
from catalog.reading import part_paths, version_digests, version_paths, version_source, with_parts
from catalog.row_errors import Report
from catalog.sources import Source, TypedColumns
from catalog.writing import (
    ANONYMOUS,
    NonconformingError,
    Operation,
    Prepared,
    StaleObjectError,
    Write,
    commit,
    conformed_rows,
    subdirectory,
    workspace,
    write_version,
)


class UnknownRowsError(Exception):
    """Rows to be changed or deleted are not there."""

    def __init__(self, row_ids: Sequence[int]) -> None:
        listed = ", ".join(map(str, row_ids[:20])) + (", …" if len(row_ids) > 20 else "")
        super().__init__(f"The table has no row with _id {listed}.")
        self.row_ids = list(row_ids)


def create_table(table: Table, source: Source, write: Write = ANONYMOUS) -> TableVersion:
    """Save a new Table (checked by the caller's `full_clean`) with its rows as version 1."""
    with workspace() as directory:
        object_version = table.object.current
        conformed = conformed_rows(source, object_version, Destination(directory, 1, 1))
        with transaction.atomic():
            # Under the lock that `publish` takes: a Table comes before the new version and is taken along, or after.
            shape = ObjectSchema.objects.select_for_update().only("version").get(pk=table.object_id)
            if object_version.number != shape.version:
                raise StaleObjectError(table.object.name)
            table.created_by = write.author
            table.save()
            prepared = Prepared([], list(conformed.parts), added=conformed.row_count)
            return commit(table, object_version, Operation.CREATE, write, prepared)


def append_rows(table: Table, source: Source, write: Write = ANONYMOUS) -> TableVersion:
    """Add rows at the end. Small Parts at the end are merged, so many small appends stay cheap to read."""

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        destination = Destination(directory, next_row_id, base.number + 1)
        old = _part_rows(base)
        conformed = conformed_rows(source, base.object_version, destination, [row.digest for row in old])
        merged = tail_to_merge([row.row_count for row in old], conformed.row_count)
        kept = [row.digest for row in old[: len(old) - merged]]
        if merged and conformed.parts:
            tail = part_paths([row.digest for row in old[len(old) - merged :]])
            together = [*tail, *(part.path for part in conformed.parts)]
            parts = [_merge(base.object_version, together, directory)]
        else:
            parts = list(conformed.parts)
        return Prepared(kept, parts, added=conformed.row_count)

    return write_version(table, Operation.APPEND, write, prepare, source)


def replace_rows(table: Table, source: Source, write: Write = ANONYMOUS) -> TableVersion:
    """Put these rows in place of all rows; they get new ids."""

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        conformed = conformed_rows(source, base.object_version, Destination(directory, next_row_id, base.number + 1))
        return Prepared([], list(conformed.parts), added=conformed.row_count, removed=base.row_count)

    return write_version(table, Operation.REPLACE, write, prepare, source)


def delete_rows(table: Table, row_ids: Sequence[int], write: Write = ANONYMOUS) -> TableVersion:
    """Delete rows by `_id`. Raises UnknownRowsError if one isn't there."""
    wanted = sorted(set(row_ids))

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        touched = _touched(base, wanted)
        columns = _part_columns(base.object_version)
        kept, parts = [], []
        for position, row in enumerate(_part_rows(base)):
            if row.digest not in touched:
                kept.append((position, row.digest))
                continue
            select = f"SELECT {columns} FROM {_file(row.digest)} WHERE _id NOT IN (SELECT unnest({_IDS}))"
            part = _rewrite(select, {"ids": _as_text(wanted)}, directory / f"kept-{position}.parquet")
            if part:
                parts.append((position, part))
        return Prepared.in_place(kept, parts, removed=len(wanted))

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
    if len(set(row_ids)) != len(row_ids):
        raise ValidationError({"_id": ValidationError("A row may be changed once in one request.", code="duplicate")})

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        touched = _touched(base, row_ids)
        merged = source if given is None else _patched(base, touched, row_ids, source, given, directory)
        conformed = conformed_rows(merged, base.object_version, Destination(directory, 1, base.number + 1))
        fresh = _with_ids(base.object_version, conformed, row_ids)
        kept, parts = [], []
        for position, row in enumerate(_part_rows(base)):
            if row.digest not in touched:
                kept.append((position, row.digest))
                continue
            select = (
                f"SELECT {_part_columns(base.object_version)} FROM (SELECT {_part_columns(base.object_version)} "
                f"FROM {_file(row.digest)} AS old ANTI JOIN ({fresh}) AS new USING (_id) UNION ALL "
                f"SELECT {_part_columns(base.object_version)} FROM ({fresh}) "
                f"SEMI JOIN {_file(row.digest)} AS old USING (_id)) ORDER BY _id"
            )
            part = _rewrite(select, {}, directory / f"changed-{position}.parquet")
            if part:
                parts.append((position, part))
        prepared = Prepared.in_place(kept, parts, changed=len(row_ids))
        everything = [*part_paths(prepared.kept), *(part.path for part in prepared.parts)]
        ids = _IDS.replace("$ids", quote_text(_as_text(row_ids)))
        number, changed = f"list_position({ids}, _id)", f"SELECT unnest({ids})"
        errors, total = key_errors(base.object_version.schema, everything, number, changed)
        if total:
            raise NonconformingError(Report(tuple(errors), total, len(row_ids)))
        return prepared

    return write_version(table, Operation.UPDATE, write, prepare, source)


def revert_table(table: Table, number: int, write: Write = ANONYMOUS) -> TableVersion:
    """Make an earlier version's rows current again, as a new version. Raises TableVersion.DoesNotExist."""
    earlier = table.versions.select_related("object_version").get(number=number)

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> "Prepared":
        if earlier.object_version_id == base.object_version_id:
            return Prepared(version_digests(earlier), [], added=earlier.row_count, removed=base.row_count)
        source = version_source(earlier)
        conformed = conformed_rows(source, base.object_version, Destination(directory, next_row_id, base.number + 1))
        return Prepared([], list(conformed.parts), added=conformed.row_count, removed=base.row_count)

    return write_version(table, Operation.REVERT, write, prepare)


def conform_table(table: Table, object_version: ObjectVersion, write: Write = ANONYMOUS) -> TableVersion:
    """Take the Table's rows to a new version of its Object. Raises NonconformingError.

    For catalog.evolution, inside its transaction; ids stay, and Parts too where no column changes.
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
    if base.object_version.schema.columns == object_version.schema.columns:
        return Prepared(version_digests(base), [])
    parts = [
        _with_old_ids(object_version, part, old, directory / f"conformed-{position}.parquet")
        for position, (part, old) in enumerate(zip(conformed.parts, version_paths(base), strict=True))
    ]
    return Prepared([], parts)


def _part_rows(version: TableVersion) -> list[Part]:
    """The Parts of a version in order, without their bytes."""
    places = version.version_parts.select_related("part").defer("part__content").order_by("position")
    return [place.part for place in places]


def _part_columns(object_version: ObjectVersion) -> str:
    names = [*object_version.schema.names, "_id", "_version"]
    return ", ".join(quote_name(name) for name in names)


def _file(digest: str) -> str:
    return f"read_parquet({quote_text(str(part_paths([digest])[0]))})"


def _merge(object_version: ObjectVersion, paths: Sequence[Path], directory: Path) -> PartFile:
    select = f"SELECT * FROM ({rows_sql(paths, object_version.schema.columns)}) ORDER BY _id"
    with engine.cursor(is_serial=True) as connection:
        return write_part(connection, select, directory / "merged.parquet")


def _rewrite(select: str, parameters: dict[str, Any], path: Path) -> PartFile | None:
    """The rows of a SELECT as one Part, or None if there are none."""
    with engine.cursor(is_serial=True) as connection:
        connection.execute(f"CREATE TEMP TABLE rewritten AS {select}", parameters)
        row = connection.execute("SELECT count(*) FROM rewritten").fetchone()
        return write_part(connection, "SELECT * FROM rewritten", path) if row and row[0] else None


# A long list travels as text: as a list parameter, DuckDB takes seconds for a hundred thousand members.
_IDS = "CAST(CAST($ids AS JSON) AS BIGINT[])"


def _as_text(row_ids: Sequence[int]) -> str:
    return json.dumps(list(row_ids))


def _touched(version: TableVersion, row_ids: Sequence[int]) -> set[str]:
    """The digests of the Parts that hold these rows. Raises UnknownRowsError if a row is nowhere."""
    wanted = sorted(set(row_ids))
    found: set[int] = set()
    touched: set[str] = set()
    if not wanted:
        return touched
    candidates = [p for p in _part_rows(version) if p.first_row_id <= wanted[-1] and p.last_row_id >= wanted[0]]
    with engine.cursor(is_serial=True) as connection:
        for part in candidates:
            select = f"SELECT _id FROM {_file(part.digest)} WHERE _id IN (SELECT unnest({_IDS}))"
            here = [row_id for (row_id,) in connection.execute(select, {"ids": _as_text(wanted)}).fetchall()]
            if here:
                touched.add(part.digest)
                found.update(here)
    absent = [row_id for row_id in wanted if row_id not in found]
    if absent:
        raise UnknownRowsError(absent)
    return touched


def _patched(
    version: TableVersion,
    touched: set[str],
    row_ids: Sequence[int],
    source: Source,
    given: Sequence[Sequence[str]],
    directory: Path,
) -> TypedColumns:
    """Whole rows made of the old ones and of what the source gives; as typed columns, in the order of row_ids."""
    schema = version.object_version.schema
    loose = type(schema)(tuple(_unconstrained(attribute) for attribute in schema.attributes))
    conformed = conform(source, loose, Destination(directory, 1, prefix="given"))
    if conformed.report:
        raise NonconformingError(conformed.report)
    fresh = rows_sql([part.path for part in conformed.parts], schema.columns)
    old = rows_sql(part_paths(sorted(touched)), schema.columns)
    columns = ", ".join(
        f"CASE WHEN list_contains(brought.names, {quote_text(name)}) THEN new.{quote_name(name)} "
        f"ELSE old.{quote_name(name)} END AS {quote_name(name)}"
        for name in schema.names
    )
    brought = (
        f"(SELECT unnest({_IDS}) AS row_id, unnest(CAST(CAST($given AS JSON) AS VARCHAR[][])) AS names, "
        f"generate_subscripts({_IDS}, 1) AS place)"
    )
    path = directory / "patched.parquet"
    with engine.cursor(is_serial=True) as connection:
        connection.execute(
            f"COPY (SELECT {columns} FROM {brought} AS brought JOIN ({fresh}) AS new ON new._id = brought.place "
            f"JOIN ({old}) AS old ON old._id = brought.row_id ORDER BY brought.place) "
            f"TO {quote_text(str(path))} (FORMAT parquet)",
            {"ids": _as_text(row_ids), "given": json.dumps([list(names) for names in given])},
        )
    return TypedColumns([(path, len(row_ids))], schema.columns)


def _unconstrained(attribute: Any) -> Any:
    return type(attribute)(attribute.name, attribute.type, {}, attribute.precision, attribute.scale, attribute.timezone)


def _with_ids(object_version: ObjectVersion, conformed: Conformed, row_ids: Sequence[int]) -> str:
    """SQL of conformed rows with the `_id` that each is for."""
    rows = rows_sql([part.path for part in conformed.parts], object_version.schema.columns)
    names = ", ".join(quote_name(name) for name in object_version.schema.names)
    ids = _IDS.replace("$ids", quote_text(_as_text(row_ids)))
    return f"SELECT {names}, ({ids})[rows._id] AS _id, _version FROM ({rows}) AS rows"


def _with_old_ids(object_version: ObjectVersion, part: PartFile, old: Path, path: Path) -> PartFile:
    """A conformed Part with the ids and versions of the Part that it was made from, row by row."""
    names = ", ".join(f"new.{quote_name(name)}" for name in object_version.schema.names)
    new, before = (f"read_parquet({quote_text(str(file))})" for file in (part.path, old))
    with engine.cursor(is_serial=True) as connection:
        return write_part(
            connection, f"SELECT {names}, old._id, old._version FROM {new} AS new POSITIONAL JOIN {before} AS old", path
        )
