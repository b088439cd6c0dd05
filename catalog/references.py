"""References between Tables: which must be locked together, and whether a write breaks one. Django's side.

Whoever writes rows that refer locks the Tables that he refers to; whoever takes rows away that are referred to holds
their Table, so both can't happen at once. Locks are taken in the order of the Tables' ids.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from django.db import connection, transaction
from django.db.models import F, ProtectedError, Q, QuerySet

from catalog import engine
from catalog.foreign_keys import key_columns, lost_keys, referring_rows, unmatched
from catalog.keys import NUMBER, tally_of_key
from catalog.models import ObjectVersion, Table, TableVersion, VersionPart
from catalog.parts import rows_sql
from catalog.reading import part_paths
from catalog.row_errors import ERRORS_LISTED, NO_ERRORS, Report, RowError, Tally
from catalog.schema import ForeignKey, Schema
from config.asking import KeptQuery

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Referrer:
    """Rows that refer to what would go: where they are, how many, and the first few."""

    table: Table
    key: ForeignKey
    row_count: int
    rows: Sequence[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """The referrer as data."""
        return {
            "kind": "table",
            "id": self.table.pk,
            "name": self.table.name,
            "object": self.table.object.name,
            "table": self.table.name,
            "fields": list(self.key.fields),
            "count": self.row_count,
            "rows": list(self.rows),
        }

    def __str__(self) -> str:
        ids = ", ".join(str(row["_id"]) for row in self.rows)
        more = ", …" if self.row_count > len(self.rows) else ""
        rows = "1 row" if self.row_count == 1 else f"{self.row_count:,} rows"
        return f"{rows} of {self.table} by {', '.join(self.key.fields)} (_id {ids}{more})"


class ReferencedError(ProtectedError):
    """Rows of other Tables refer to rows that a write would take away or change. Nothing was written."""

    def __init__(self, table: Table, referrers: Sequence[Referrer]) -> None:
        listed = "; ".join(map(str, referrers[:5]))
        message = f"Rows of {table} that would go or change are still referred to: {listed}."
        super().__init__(message, {each.table for each in referrers})
        self.message = message
        self.referrers = tuple(referrers)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class State:
    """The rows of a Table as a write would leave them: Parts that stay, by digest, and files of new ones."""

    kept: Sequence[str] = ()
    new: Sequence[Path] = ()


@dataclass
class LockedTables:
    """The Table that is written, with the Tables whose rows count beside it; all locked until the transaction ends."""

    table: Table
    base: TableVersion | None
    schema: Schema
    referred: Sequence[tuple[ForeignKey, Sequence[Table]]]
    referring: Sequence[tuple[ForeignKey, ObjectVersion]]
    siblings: Sequence[Table]
    _digests: dict[str, list[str]] = field(default_factory=dict)

    @property
    def needed(self) -> set[str]:
        """The other Tables that must be locked."""
        return {each.pk for _, others in self.referred for each in others if not each._state.adding} | {
            each.pk for each in self.siblings
        }

    # --- rows that refer ------------------------------------------------------------------------------------------

    def unmatched(self, fresh: str | None, state: State, limit: int = ERRORS_LISTED) -> tuple[list[RowError], Tally]:
        """Written rows that refer to nothing; the first `limit`, and how many of each kind."""
        errors: list[RowError] = []
        tally = NO_ERRORS
        for key, tables in self.referred if fresh is not None else ():
            there = self._keys(key, tables, state)
            found, count = unmatched(self.schema, key, fresh or "", there, limit)
            if count:
                errors = sorted([*errors, *found], key=lambda error: error.row)[:limit]
                tally += tally_of_key(found, count)
        return errors, tally

    def _keys(self, key: ForeignKey, tables: Sequence[Table], state: State) -> str:
        """SQL of the keys that a foreign key may refer to: those of the locked Tables, this one as it will be."""
        others = [table.pk for table in tables if table.pk != self.table.pk]
        paths = self._paths(others)
        if any(table.pk == self.table.pk for table in tables):
            paths += [*part_paths(state.kept), *state.new]
        return _keys_sql(key, paths)

    def _paths(self, table_ids: Sequence[str]) -> list[Path]:
        """The Parts of Tables as they are now; one query for those that were not asked for before."""
        absent = [each for each in table_ids if each not in self._digests]
        if absent:
            self._digests |= current_digests(absent)
        return part_paths([digest for each in table_ids for digest in self._digests[each]])

    def unmatched_now(self) -> tuple[list[RowError], Tally]:
        """The same of all rows of the Table as it is, numbered in their order."""
        digests = self._current_digests
        rows = rows_sql(part_paths(digests), self.schema.columns)
        fresh = f"SELECT *, row_number() OVER (ORDER BY _id) AS {NUMBER} FROM ({rows})"
        return self.unmatched(fresh, State(digests))

    # --- rows that are referred to --------------------------------------------------------------------------------

    def refuse_losses(self, state: State) -> None:
        """Raise ReferencedError if a row refers to a key that this write takes away."""
        referrers = list(self._referrers(state)) if self.referring and self.base else []
        if referrers:
            raise ReferencedError(self.table, referrers)

    def _referrers(self, state: State) -> Iterable[Referrer]:
        before = self._current_digests
        gone = [digest for digest in before if digest not in set(state.kept)]
        if not gone:
            return
        for key, version in self.referring:
            lost = self._lost(key, gone, state)
            if not _stands(lost):
                continue
            children = {table.pk: table for table in version.object.tables.select_related("object__application")}
            self._paths([pk for pk in children if pk != self.table.pk])
            relations = {pk: rows_sql(self._child_paths(pk, state), version.schema.columns) for pk in children}
            for pk, count, rows in referring_rows(version.schema, key, relations, lost):
                yield Referrer(children[pk], key, count, [_without(row, version.schema.sensitive) for row in rows])

    @cached_property
    def _current_digests(self) -> list[str]:
        return current_digests([self.table.pk])[self.table.pk]

    def _child_paths(self, table_id: str, state: State) -> list[Path]:
        if table_id == self.table.pk:
            return [*part_paths(state.kept), *state.new]
        return self._paths([table_id])

    def _lost(self, key: ForeignKey, gone: Sequence[str], state: State) -> str:
        """SQL of the keys that stand nowhere any more; the new Parts, which mostly hold them, are looked at first."""
        left = [list(state.new), part_paths(state.kept)]
        if key.table is None:
            left.append(self._paths([each.pk for each in self.siblings]))
        relations = [_keys_sql(key, paths) for paths in left if paths]
        return lost_keys(_keys_sql(key, part_paths(gone)), relations, len(key.fields))


def _without(row: dict[str, Any], sensitive: frozenset[str]) -> dict[str, Any]:
    """A row that refers, without values that not everybody may see; its `_id` finds it."""
    return {name: value for name, value in row.items() if name not in sensitive}


def _keys_sql(key: ForeignKey, paths: Sequence[Path]) -> str:
    if not paths:
        return "SELECT " + ", ".join(f"NULL AS k{place}" for place in range(len(key.fields))) + " WHERE false"
    files = rows_sql(paths, [(name, "") for name in key.reference_fields])
    return key_columns(key.reference_fields, files)


def _stands(select: str) -> bool:
    with engine.cursor() as found:
        return found.execute(f"SELECT 1 FROM ({select}) LIMIT 1").fetchone() is not None


def current_digests(table_ids: Sequence[str]) -> dict[str, list[str]]:
    """The Parts of each Table as it is now, in order; one query."""
    found: dict[str, list[str]] = {each: [] for each in table_ids}
    places = VersionPart.objects.filter(
        version__table__in=table_ids, version__number=F("version__table__version")
    ).order_by("version__table_id", "position")
    for table_id, digest in places.values_list("version__table_id", "part_id"):
        found[table_id].append(digest)
    return found


def with_locked_tables(
    table: Table,
    work: Callable[[LockedTables], Answer],
    is_adding: bool = False,
) -> Answer:
    """What `work` gives, in a transaction that holds the Table and all that its write concerns.

    Which Tables these are is known for sure under the lock only: if it turns out that there are more, all is begun
    again with these. is_adding: no row goes or changes, so that nobody who refers to the Table is concerned.
    """
    wanted = {table.pk}
    while True:
        with transaction.atomic():
            locked = lock_tables(wanted).get(table.pk)
            if locked is None:
                raise Table.DoesNotExist(f"The table {table.name!r} was deleted a moment ago.")
            base = locked.current
            tables = concerned(locked, base, base.object_version, is_adding)
            if tables.needed <= wanted or not connection.features.has_select_for_update:
                return work(tables)
        wanted |= tables.needed


def referrers(table: Table) -> Sequence[Referrer]:
    """The rows of other Tables that refer to rows of this one, and would hold up its deletion."""
    try:
        concerned(table, table.current, table.current.object_version).refuse_losses(State())
    except ReferencedError as error:
        return error.referrers
    return ()


def check_tables(tables: Sequence[Table]) -> list[tuple[Table, Report]]:
    """What is wrong with the references of these Tables, as they are now, and of all rows that may refer to them.

    Inside a transaction that has written some of them; locks what counts. Gives each Table with an error.
    """
    referring = {version.object_id for table in tables for _, version in referring_keys(table)}
    children = Table.objects.filter(Q(pk__in=[table.pk for table in tables]) | Q(object__in=referring))
    current = {version.table_id: version for version in current_versions(children)}
    scenes = [concerned(version.table, version, version.object_version, is_adding=True) for version in current.values()]
    scenes = [scene for scene in scenes if scene.schema.foreign_keys]
    lock_tables({*current, *(pk for scene in scenes for pk in scene.needed)})
    found = []
    for scene in scenes:
        errors, tally = scene.unmatched_now()
        if tally:
            found.append((scene.table, Report(tuple(errors), tally.total, scene.table.row_count, tally)))
    return found


def current_versions(tables: QuerySet[Table]) -> list[TableVersion]:
    """The newest version of each Table, with its ObjectVersion; one query."""
    versions = TableVersion.objects.filter(table__in=tables, number=F("table__version"))
    return list(versions.select_related("table__object", "object_version").order_by("table_id"))


def lock_tables(table_ids: Iterable[str]) -> dict[str, Table]:
    """Lock these Tables, in the order of their ids; inside a transaction."""
    wanted = set(table_ids)
    if len(wanted) < 2:
        return {each.pk: each for pk in wanted for each in _locked.all(pk)}
    tables = Table.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    return {each.pk: each for each in tables}


_locked: Final = KeptQuery(lambda pk: Table.objects.select_for_update().filter(pk=pk).order_by(), str)


def concerned(
    table: Table, base: TableVersion | None, object_version: ObjectVersion, is_adding: bool = False
) -> LockedTables:
    """Which Tables a write concerns. Two queries at most, none where nothing refers."""
    schema = object_version.schema
    shape_id = table.object_id
    referred = _referred(table, schema) if schema.foreign_keys else []
    referring = [] if is_adding else referring_keys(table)
    siblings: list[Table] = []
    if any(key.table is None for key, _ in referring):
        siblings = list(Table.objects.filter(object_id=shape_id).exclude(pk=table.pk))
    return LockedTables(table, base, schema, referred, referring, siblings)


def _referred(table: Table, schema: Schema) -> list[tuple[ForeignKey, list[Table]]]:
    """The Tables that each foreign key refers to."""
    names = {key.object for key in schema.foreign_keys if key.object}
    application_id = table.object.application_id
    wanted = Q(object__application_id=application_id, object__name__in=names)
    if any(not key.object for key in schema.foreign_keys):
        wanted |= Q(object_id=table.object_id)
    tables = list(Table.objects.filter(wanted).select_related("object"))
    if table._state.adding:
        tables.append(table)
    return [
        (
            key,
            [
                each
                for each in tables
                if (each.object.name == key.object if key.object else each.object_id == table.object_id)
                and key.table in {None, each.name}
            ],
        )
        for key in schema.foreign_keys
    ]


def referring_keys(table: Table) -> list[tuple[ForeignKey, ObjectVersion]]:
    """The foreign keys that may refer to rows of a Table, with the ObjectVersions that have them."""
    shape = table.object
    return [
        (key, version)
        for version in versions_with_foreign_keys(shape.application_id)
        for key in version.schema.foreign_keys
        if (key.object == shape.name or (not key.object and version.object_id == shape.pk))
        and key.table in {None, table.name}
    ]


def versions_with_foreign_keys(application_id: str) -> list[ObjectVersion]:
    """The current definitions of an application that refer to anything; one query if there are none, else two."""
    current = ObjectVersion.objects.filter(object__application_id=application_id, number=F("object__version"))
    found = list(current.filter(definition__foreignKeys__0__isnull=False).values_list("pk", flat=True))
    return list(ObjectVersion.objects.filter(pk__in=found).select_related("object")) if found else []
