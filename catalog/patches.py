"""A diff applied to the rows of a Table, as one new version. For catalog.contents, which has the other verbs.

Rows that change and rows that are new go through the same checks as those of any write; rows that go are looked for by
those who refer to them.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from catalog import engine
from catalog.changing import RowCounts, candidates, ids_sql, part_columns, part_file, part_rows, prepared_in_place
from catalog.comparison import Relation
from catalog.comparison.patching import read_patch
from catalog.conformance import Conformed, Destination, PartFile, conform, rewrite_part
from catalog.engine import quote_name, quote_text
from catalog.keys import NUMBER
from catalog.models import Table, TableVersion
from catalog.parts import rows_sql
from catalog.reading import part_paths
from catalog.schema import Schema
from catalog.sources import TypedColumns, slice_rows
from catalog.writing import ANONYMOUS, NonconformingError, Operation, Prepared, Write, write_version

LINES_KEPT: Final = "lines.parquet"


@dataclass(frozen=True)
class _Kept:
    """A patch that fits, in files: its whole rows that change or are new, and which rows change and go."""

    rows: Path
    changed: Sequence[int]
    removed: Sequence[int]
    added_count: int

    @property
    def row_count(self) -> int:
        return len(self.changed) + self.added_count


def patch_rows(
    table: Table,
    lines: Callable[[], Iterable[str]],
    write: Write = ANONYMOUS,
    hidden: frozenset[str] = frozenset(),
) -> TableVersion:
    """Apply a patch (catalog.comparison.patching) to a Table's rows, by `_id`; rows that are new get new ids.

    lines: gives the patch's lines, perhaps more than once. hidden: attributes whose values the writer may not see.
    Raises PatchError, ConflictError, HiddenError, and as every write does NonconformingError, whose rows are those that
    change or are new in the order of the patch, ReferencedError and StaleVersionError.
    """

    def prepare(base: TableVersion, next_row_id: int, directory: Path) -> Prepared:
        kept = _keep(base, lines(), hidden, directory)
        return _prepared(base, kept, next_row_id, directory)

    return write_version(table, Operation.UPDATE, write, prepare)


def _keep(base: TableVersion, lines: Iterable[str], hidden: frozenset[str], directory: Path) -> _Kept:
    schema = base.object_version.schema
    columns = (*schema.columns, ("_id", "BIGINT"), ("_version", "BIGINT"))
    paths = part_paths([part.digest for part in part_rows(base)])
    relation = Relation(rows_sql(paths, schema.columns), columns, base.row_count)
    path = directory / LINES_KEPT
    with engine.cursor() as connection, read_patch(connection, relation, lines, hidden) as patch:
        connection.execute(f"COPY ({patch.written()}) TO {quote_text(str(path))} (FORMAT parquet)")
        file = f"read_parquet({quote_text(str(path))})"
        changed, removed = (
            array("q", (row for (row,) in connection.execute(query).fetchall()))
            for query in (f"SELECT _id FROM {file} WHERE _id IS NOT NULL ORDER BY _id", patch.removed())
        )
        return _Kept(path, changed, removed, patch.counts["unexpected"])


def _prepared(base: TableVersion, kept: _Kept, next_row_id: int, directory: Path) -> Prepared:
    schema = base.object_version.schema
    parts = part_rows(base)
    conformed = _conformed(base, kept, directory)
    path = _numbered(schema, conformed, kept, next_row_id, directory)
    file = f"read_parquet({quote_text(str(path))})"
    columns = part_columns(base.object_version)
    touched = {place: part for place, part, _ in candidates(parts, sorted([*kept.changed, *kept.removed]))}
    gone = f"SELECT unnest({ids_sql(kept.removed)})"
    rewritten: list[tuple[int, PartFile]] = []
    added: list[PartFile] = []
    with engine.cursor(is_serial=True) as connection:
        for place, part in touched.items():
            new = f"SELECT {columns} FROM {file} WHERE _id BETWEEN {part.first_row_id} AND {part.last_row_id}"
            new = f"{new} AND _id < {next_row_id}"
            old = f"SELECT {columns} FROM {part_file(part.digest)} WHERE _id NOT IN ({gone})"
            select = f"SELECT * FROM ({old}) ANTI JOIN ({new}) USING (_id) UNION ALL {new} ORDER BY _id"
            whole = rewrite_part(connection, select, directory / f"patched-{place}.parquet")
            rewritten += [(place, whole)] if whole else []
        step = slice_rows(len(schema.attributes))
        for first in range(next_row_id, next_row_id + kept.added_count, step):
            select = f"SELECT {columns} FROM {file} WHERE _id >= {first} AND _id < {first + step} ORDER BY _id"
            whole = rewrite_part(connection, select, directory / f"added-{first}.parquet")
            added += [whole] if whole else []
    left = [(place, part) for place, part in enumerate(parts) if place not in touched]
    fresh = f"SELECT {columns}, {NUMBER} FROM {file}"
    counts = RowCounts(kept.added_count, len(kept.changed), len(kept.removed), kept.row_count)
    return prepared_in_place(base, conformed.report, left, rewritten, added, fresh, counts)


def _conformed(base: TableVersion, kept: _Kept, directory: Path) -> Conformed:
    """The rows that are written, checked."""
    schema = base.object_version.schema
    source = TypedColumns([(kept.rows, kept.row_count)] if kept.row_count else [], schema.columns)
    conformed = conform(source, schema, Destination(directory, 1, base.number + 1), settings.ENGINE_THREADS)
    if conformed.report and not conformed.parts:
        raise NonconformingError(conformed.report)
    return conformed


def _numbered(schema: Schema, conformed: Conformed, kept: _Kept, next_row_id: int, directory: Path) -> Path:
    """A file of the checked rows with the `_id` that each will have, and its NUMBER among them."""
    rows = rows_sql([part.path for part in conformed.parts], schema.columns)
    names = ", ".join(f"new.{quote_name(name)}" for name in schema.names)
    places = (
        f"SELECT _id AS r, file_row_number + 1 AS place, {next_row_id} - 1 + row_number() OVER "
        "(PARTITION BY _id IS NULL ORDER BY file_row_number) AS fresh_id "
        f"FROM read_parquet({quote_text(str(kept.rows))}, file_row_number = true)"
    )
    path = directory / "numbered.parquet"
    with engine.cursor() as connection:
        connection.execute(
            f"COPY (SELECT {names}, coalesce(p.r, p.fresh_id) AS _id, new._version, new._id AS {NUMBER} "
            f"FROM ({rows}) AS new JOIN ({places}) AS p ON p.place = new._id ORDER BY _id) "
            f"TO {quote_text(str(path))} (FORMAT parquet)"
        )
    return path
