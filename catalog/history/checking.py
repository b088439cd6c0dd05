"""Whether what is stored still is what was written: the bytes of Parts, the counts of versions, all rows' conformance.

Nothing here can go wrong through Exemplar; disks, restores and hands in the database can.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final

import duckdb
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from catalog import engine
from catalog.engine import quote_text
from catalog.history.pruning import unused_parts
from catalog.models import Part, Table, TableVersion, VersionPart
from catalog.parts import CorruptPartError
from catalog.reading import part_paths, with_parts
from catalog.references import concerned
from catalog.row_errors import Report
from catalog.sources import TypedColumns
from catalog.validation import check_rows

ROWS_NAMED: Final = 20
ATTEMPTS: Final = 3


@dataclass(frozen=True)
class Drift:
    """Something that is not as it was written. `version` is 0 where it is the Table's own."""

    application: str
    object: str
    table: str
    version: int
    code: str
    message: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Checked:
    """How much was looked at."""

    tables: int = 0
    versions: int = 0
    parts: int = 0
    rows: int = 0
    drifts: int = 0
    unused_parts: int = 0


Fault = tuple[int, str, str]  # version, code, message


class CatalogCheck:
    """One pass over Tables. Each Part's bytes are read once, however many versions have it."""

    def __init__(self, all_versions: bool = False, notice: Callable[[Checked], None] = lambda checked: None) -> None:
        self.all_versions = all_versions
        self.notice = notice
        self.checked = Checked()
        self._sound: set[str] = set()
        self._damaged: dict[str, str] = {}

    def tables(self, tables: QuerySet[Table]) -> Iterator[Drift]:
        """What drifted in these Tables."""
        for table in tables.select_related("object__application").order_by("pk").iterator(chunk_size=100):
            for version, code, message in self._table_at_rest(table):
                self.checked.drifts += 1
                names = (table.object.application.name, table.object.name, table.name)
                yield Drift(*names, version, code, message)
            self.checked.tables += 1
            self.notice(self.checked)

    def count_unused_parts(self) -> None:
        """How many Parts nothing uses, which is no drift: they wait for the next pruning."""
        self.checked.unused_parts = unused_parts().count()

    def _table_at_rest(self, table: Table) -> list[Fault]:
        """What drifted in a Table; looked at again where a writer came between, which looks like drift."""
        for _ in range(ATTEMPTS):
            faults = list(self._table(table))
            now = Table.objects.select_related("object__application").filter(pk=table.pk).first()
            if now is None:
                return []
            if not faults or (now.version, now.object.version) == (table.version, table.object.version):
                return faults
            table = now
        return faults

    def _table(self, table: Table) -> Iterator[Fault]:
        versions = list(table.versions.select_related("object_version").order_by("number"))
        yield from _table_faults(table, versions)
        yield from _history_faults(versions)
        wanted = versions if self.all_versions else [each for each in versions if each.number == table.version]
        for version in wanted:
            for code, message in self._version(table, version):
                yield version.number, code, message
            self.checked.versions += 1
            self.notice(self.checked)
            if version.number == table.version:
                yield from self._reference_faults(version)

    def _reference_faults(self, version: TableVersion) -> Iterator[Fault]:
        """Rows that refer to rows that are not there: a matter of the current versions on both sides."""
        if not version.object_version.schema.foreign_keys:
            return
        try:
            errors, tally = concerned(version.table, version, version.object_version, is_adding=True).unmatched_now()
        except (ObjectDoesNotExist, CorruptPartError, duckdb.Error) as error:
            yield version.number, "references_unreadable", f"The references can't be checked: {error}"
            return
        for each in errors[:ROWS_NAMED]:
            yield version.number, each.code, f"Row {each.row}: {each.message}."
        if tally.total > ROWS_NAMED:
            yield version.number, "rows", f"{tally.total - ROWS_NAMED} more references lead to nothing."

    def _version(self, table: Table, version: TableVersion) -> Iterator[tuple[str, str]]:
        places = list(
            VersionPart.objects.filter(version=version.pk).order_by("position").values_list("position", "part_id")
        )
        parts = {part.digest: part for part in Part.objects.without_content().filter(versions=version.pk)}
        yield from _place_faults(version, places, parts)
        if len(parts) < len({digest for _, digest in places}):
            return
        damaged = False
        for code, message in self._part_faults([parts[digest] for _, digest in places]):
            damaged = True
            yield code, message
        if not damaged:
            yield from self._row_faults(table, version, [parts[digest] for _, digest in places])

    def _part_faults(self, parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
        """Parts whose bytes are not those that were written."""
        unread = [part.digest for part in parts if part.digest not in self._sound | self._damaged.keys()]
        contents = Part.objects.filter(digest__in=unread).values_list("digest", "content")
        for digest, content in contents.iterator(chunk_size=4):
            found = hashlib.sha256(bytes(content)).hexdigest()
            if found == digest:
                self._sound.add(digest)
            else:
                self._damaged[digest] = f"The bytes of Part {digest[:12]} have the digest {found[:12]}."
            self.checked.parts += 1
        for part in parts:
            if part.digest in self._damaged:
                yield "part_digest", self._damaged[part.digest]

    def _row_faults(self, table: Table, version: TableVersion, parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
        """What is wrong with Parts whose bytes are sound: what is said about them, and the rows in them."""
        digests = [part.digest for part in parts]
        if not digests:
            return
        try:
            faults = with_parts(lambda: digests, lambda: list(_content_faults(table, version, parts)))
            yield from faults
            if not faults:
                report = with_parts(lambda: digests, lambda: _conformance(version, parts))
                yield from _report_faults(version, digests, report)
        except (CorruptPartError, duckdb.Error) as error:
            yield "part_unreadable", f"The rows can't be read: {error}"
        self.checked.rows += version.row_count


# --- what the database says of itself -------------------------------------------------------------------------------


def _table_faults(table: Table, versions: Sequence[TableVersion]) -> Iterator[Fault]:
    current = next((each for each in versions if each.number == table.version), None)
    if current is None:
        yield 0, "version_missing", f"The table is at version {table.version}, which is not there."
        return
    if versions[-1].number > table.version:
        yield 0, "version_count", f"The table is at version {table.version}, but there is a {versions[-1].number}."
    for name in ("row_count", "size_bytes"):
        said, true = getattr(table, name), getattr(current, name)
        if said != true:
            yield 0, name, f"{name} of the table is {said}; that of its version {current.number} is {true}."
    if current.object_version.object_id != table.object_id:
        yield current.number, "object_version", "The version conforms to another object than the table's."
    elif current.object_version.number != table.object.version:
        number, newest = current.object_version.number, table.object.version
        yield current.number, "object_version", f"The rows conform to version {number} of the object, not to {newest}."


def _history_faults(versions: Sequence[TableVersion]) -> Iterator[Fault]:
    """Counts that don't follow from one version to the next; between pruned ones nothing can be said."""
    for before, after in pairwise(versions):
        expected = before.row_count + after.added - after.removed
        if after.number == before.number + 1 and after.row_count != expected:
            yield (
                after.number,
                "version_counts",
                f"{before.row_count} rows, {after.added} added and {after.removed} removed make {expected}, "
                f"not {after.row_count}.",
            )


def _place_faults(
    version: TableVersion, places: Sequence[tuple[int, str]], parts: dict[str, Part]
) -> Iterator[tuple[str, str]]:
    """A version's Parts as the database counts them."""
    if [position for position, _ in places] != list(range(len(places))):
        yield "part_positions", f"The Parts have the positions {', '.join(str(place) for place, _ in places[:20])}."
    for _, digest in places:
        if digest not in parts:
            yield "part_missing", f"Part {digest[:12]} is not there."
    here = [parts[digest] for _, digest in places if digest in parts]
    for name in ("row_count", "size_bytes"):
        total, said = sum(getattr(part, name) for part in here), getattr(version, name)
        if total != said:
            yield name, f"{name} of the version is {said}; its Parts make {total}."


# --- what the Parts hold --------------------------------------------------------------------------------------------


def _content_faults(table: Table, version: TableVersion, parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """Parts against what the database says about them, and the ids of the rows in them."""
    paths = part_paths([part.digest for part in parts])
    files = ", ".join(quote_text(str(path)) for path in paths)
    wanted = dict([*version.object_version.schema.columns, ("_id", "BIGINT"), ("_version", "BIGINT")])
    with engine.cursor() as connection:
        for part, path in zip(parts, paths, strict=True):
            file = f"read_parquet({quote_text(str(path))})"
            columns = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE FROM {file}").fetchall()}
            for name in [name for name, kind in wanted.items() if columns.get(name) != kind]:
                held = columns.get(name, "nothing")
                yield "part_columns", f"Part {part.digest[:12]} holds {held} as {name!r}, not {wanted[name]}."
            yield from _said_faults(connection, part, file, path.stat().st_size)
        row = connection.execute(
            "SELECT count(*), count(DISTINCT _id), max(_id), min(_id), max(_version), min(_version) "
            f"FROM read_parquet([{files}], union_by_name = true)"
        ).fetchone()
    count, distinct, last, first, newest, oldest = row or (0, 0, 0, 1, 0, 1)
    if distinct != count:
        yield "row_ids", f"{count - distinct} rows have the _id of another row."
    if first < 1 or last >= table.next_row_id:
        yield "next_row_id", f"The rows have _id {first} to {last}; the next row would get {table.next_row_id}."
    if oldest < 1 or newest > version.number:
        yield "row_versions", f"The rows say that versions {oldest} to {newest} wrote them; this is {version.number}."


def _said_faults(
    connection: duckdb.DuckDBPyConnection, part: Part, file: str, size_bytes: int
) -> Iterator[tuple[str, str]]:
    row = connection.execute(f"SELECT count(*), min(_id), max(_id) FROM {file}").fetchone() or (0, 0, 0)
    found = dict(zip(("row_count", "first_row_id", "last_row_id", "size_bytes"), (*row, size_bytes), strict=True))
    for name, value in found.items():
        if getattr(part, name) != value:
            yield (
                "part_counts",
                f"{name} of Part {part.digest[:12]} is said to be {getattr(part, name)}, but is {value}.",
            )


def _conformance(version: TableVersion, parts: Sequence[Part]) -> Report:
    """What is wrong with the rows by today's checks of their ObjectVersion: types, constraints, keys."""
    files = zip(part_paths([part.digest for part in parts]), (part.row_count for part in parts), strict=True)
    schema = version.object_version.schema
    return check_rows(TypedColumns(list(files), schema.columns), schema, settings.ENGINE_THREADS)


def _report_faults(version: TableVersion, digests: Sequence[str], report: Report) -> Iterator[tuple[str, str]]:
    named = report.errors[:ROWS_NAMED]
    ids = _ids_of([error.row for error in named], digests)
    for error in named:
        yield error.code, f"Row {ids.get(error.row, error.row)}: {error.message}."
    if report.error_count > len(named):
        yield "rows", f"{report.error_count - len(named)} more errors in {report.row_count} rows."


def _ids_of(numbers: Sequence[int], digests: Sequence[str]) -> dict[int, int]:
    """Number of a row in its version, from 1 -> its `_id`."""
    if not numbers:
        return {}
    files = ", ".join(quote_text(str(path)) for path in part_paths(digests))
    wanted = ", ".join(str(int(number)) for number in set(numbers))
    with engine.cursor() as connection:
        return dict(
            connection.execute(
                f"SELECT place, _id FROM (SELECT _id, row_number() OVER () AS place FROM read_parquet([{files}])) "
                f"WHERE place IN ({wanted})"
            ).fetchall()
        )
