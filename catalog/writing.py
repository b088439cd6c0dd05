"""The machinery of a write: a TableVersion prepared from rows, and committed under the Table's lock.

For catalog.contents, which has the verbs.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from catalog.conformance import Conformed, Destination, PartFile, conform, with_lines
from catalog.idle import Idle
from catalog.keys import merged_report, numbered_rows, with_keys_checked
from catalog.known_keys import are_distinct, holders, keys_of, note_part
from catalog.models import ObjectVersion, Part, Table, TableVersion, VersionPart
from catalog.reading import cache, part_paths, version_digests, with_parts
from catalog.references import LockedTables, State, with_locked_tables
from catalog.row_errors import Report
from catalog.sources import JSONRows, Source
from config import temporary
from config.claims import note_done
from config.inserting import Insertion, Update, insert, write_together

Operation = TableVersion.Operation
STORED_BYTES = 8 * 1024**2
ADOPTED_BYTES = 64 * 1024
WRITTEN_COLUMNS = ("version", "row_count", "size_bytes", "next_row_id", "updated_at")


class NonconformingError(Exception):
    """Rows don't conform to their Object; `report` says which and why. Nothing was written."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.title)
        self.report = report


class StaleVersionError(Exception):
    """The Table has another version than the writer expects."""

    def __init__(self, table: Table, expected: int) -> None:
        super().__init__(f"{table.name!r} is at version {table.version}, not {expected}.")
        self.current, self.expected = table.version, expected


@dataclass(frozen=True)
class Write:
    """Who writes and why; `expected_version` refuses the write if the Table has moved on.

    dry_run: all is done and then rolled back; the TableVersion that the verb gives says what would have come of it.
    references_deferred: for a writer of several Tables, who checks in the end what they refer to
    (catalog.references.check_tables), in the same transaction.
    beside: what is stored in the same transaction, given the new version.
    """

    author: Any = None
    message: str = ""
    expected_version: int | None = None
    dry_run: bool = False
    references_deferred: bool = False
    beside: Callable[[TableVersion], None] | None = None


ANONYMOUS = Write()


class StaleObjectError(Exception):
    """The Object got a new version while rows were being checked against the old one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The object {name!r} was changed while the rows were being checked; try again.")


@dataclass(frozen=True)
class Prepared:
    """What a write leaves: old Parts by digest, then new ones; or, in place, both by position.

    fresh: SQL of the rows that are written, with `_id` and their NUMBER in the input, where they may refer to others.
    report: what is wrong with them; then the Parts hold them as far as they could be read, and nothing is stored.
    """

    kept: list[str]
    parts: list[PartFile]
    added: int = 0
    changed: int = 0
    removed: int = 0
    positions: tuple[int, ...] | None = None
    fresh: str | None = None
    report: Report | None = None
    input_rows: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)  # bytes of kept Parts, as far as they are known

    @classmethod
    def in_place(
        cls,
        kept: list[tuple[int, Part]],
        parts: list[tuple[int, PartFile]],
        new: Sequence[PartFile] = (),
        **rest: Any,
    ) -> "Prepared":
        """Rewritten Parts stand where the old ones stood, and new ones at the end."""
        places = [*(position for position, _ in kept), *(position for position, _ in parts)]
        end = max(places, default=-1) + 1
        positions = (*places, *range(end, end + len(new)))
        sizes = {part.digest: part.size_bytes for _, part in kept}
        digests = [part.digest for _, part in kept]
        return cls(digests, [*(part for _, part in parts), *new], positions=positions, sizes=sizes, **rest)

    def digests(self) -> list[str]:
        """All Parts, in order."""
        digests = [*self.kept, *(part.digest for part in self.parts)]
        if self.positions is None:
            return digests
        return [digest for _, digest in sorted(zip(self.positions, digests, strict=True))]


Preparation = Callable[[TableVersion, int, Path], Prepared]


def write_version(
    table: Table, operation: Operation, write: Write, prepare: Preparation, source: Source | None = None
) -> TableVersion:
    """Prepare a write outside the lock, commit it under the lock, and prepare again there if another came first.

    What is small is prepared under the lock only: with many writers, the early work would mostly be in vain. What the
    rows refer to, and what refers to them, is checked under the lock, together with the Tables that this concerns.
    Raises NonconformingError, ReferencedError and StaleVersionError.
    """
    is_small = source is None or isinstance(source, JSONRows)
    with workspace() as directory:
        early = None
        written: list[PartFile] = []
        if not is_small and not transaction.get_connection().in_atomic_block:
            seen = Table.objects.get(pk=table.pk)
            _check_expected(seen, write)
            early = (seen.version, _prepare_apart(prepare, seen.current, seen.next_row_id, directory))

        def work(tables: LockedTables) -> TableVersion:
            locked = tables.table
            base = tables.base or locked.current
            _check_expected(locked, write)
            prepared = early[1] if early and early[0] == locked.version else None
            if prepared is None:
                prepared = _prepare_apart(prepare, base, locked.next_row_id, directory)
            check_references(tables, prepared, source, write)
            version = commit(locked, base.object_version, operation, write, prepared)
            if write.beside:
                write.beside(version)
            if write.dry_run:
                transaction.set_rollback(True)
            written[:] = prepared.parts
            return version

        version = with_locked_tables(table, work, is_adding=operation == Operation.APPEND)
        if not write.dry_run:
            adopt_parts(written)
    if not write.dry_run:
        locked = version.table
        table.version, table.row_count = locked.version, locked.row_count
        table.size_bytes, table.next_row_id = locked.size_bytes, locked.next_row_id
        table.updated_at = locked.updated_at
    return version


def check_references(tables: LockedTables, prepared: Prepared, source: Source | None, write: Write) -> None:
    """Both sides: raise NonconformingError with all that is wrong with the rows, or ReferencedError."""
    state = State(prepared.kept, [part.path for part in prepared.parts])
    errors, tally = tables.unmatched(None if write.references_deferred else prepared.fresh, state)
    if tally:
        row_count = prepared.input_rows or prepared.added + prepared.changed
        report = merged_report(prepared.report, errors, tally, row_count)
        raise NonconformingError(with_lines(report, source) if source else report)
    if prepared.report:
        raise NonconformingError(prepared.report)
    if not write.references_deferred:
        tables.refuse_losses(state)


def _prepare_apart(prepare: Preparation, base: TableVersion, next_row_id: int, directory: Path) -> Prepared:
    """One preparation, in a directory of its own; again if a cached Part was deleted meanwhile."""
    return with_parts(lambda: version_digests(base), lambda: prepare(base, next_row_id, subdirectory(directory)))


def _check_expected(table: Table, write: Write) -> None:
    if write.expected_version is not None and table.version != write.expected_version:
        raise StaleVersionError(table, write.expected_version)


def commit(
    table: Table, object_version: ObjectVersion, operation: Operation, write: Write, prepared: Prepared
) -> TableVersion:
    """Store new Parts and make the new version current; inside a transaction that holds, or makes, the Table's row."""
    gathered = _stored_but_few(prepared.parts)
    order = prepared.digests()
    sizes = {**prepared.sizes, **{part.digest: part.size_bytes for part in prepared.parts}}
    unknown = [digest for digest in order if digest not in sizes]
    if unknown:
        sizes |= dict(Part.objects.filter(digest__in=unknown).values_list("digest", "size_bytes"))
    version = TableVersion(
        table=table,
        number=table.version + 1,
        object_version=object_version,
        operation=operation,
        message=write.message,
        row_count=table.row_count + prepared.added - prepared.removed,
        size_bytes=sum(sizes[digest] for digest in order),
        added=prepared.added,
        changed=prepared.changed,
        removed=prepared.removed,
        created_by=write.author,
    )
    table.version, table.row_count, table.size_bytes = version.number, version.row_count, version.size_bytes
    table.next_row_id += prepared.added
    write_together(
        Insertion(gathered, ignore_conflicts=True),
        Insertion([table]) if table._state.adding else Update(table, WRITTEN_COLUMNS),
        Insertion([version]),
        Insertion([VersionPart(version=version, part_id=digest, position=at) for at, digest in enumerate(order)]),
    )
    note_done()
    if not prepared.kept and prepared.positions is None:
        version.__dict__["written_parts"] = [
            (part.digest, part.row_count, part.first_row_id, part.last_row_id) for part in prepared.parts
        ]
    return version


def adopt_parts(parts: Iterable[PartFile]) -> None:
    """Leave the files of stored Parts in this machine's cache: small ones, others are fetched if they are wanted."""
    for part in parts:
        if part.size_bytes <= ADOPTED_BYTES:
            cache().adopt(part.digest, part.path)


def store_parts(parts: Iterable[PartFile]) -> None:
    """Put Parts into the database, a bounded number of bytes at a time; one that is there already is the same."""
    insert(_stored_but_few(parts), ignore_conflicts=True)


def _stored_but_few(parts: Iterable[PartFile]) -> list[Part]:
    """Do so but for the last few Parts, of no more than STORED_BYTES; these are for the caller."""
    gathered: list[Part] = []
    size_bytes = 0
    for part in parts:
        if gathered and size_bytes + part.size_bytes > STORED_BYTES:
            insert(gathered, ignore_conflicts=True)
            gathered, size_bytes = [], 0
        size_bytes += part.size_bytes
        gathered.append(
            Part(
                digest=part.digest,
                content=part.path.read_bytes(),
                row_count=part.row_count,
                size_bytes=part.size_bytes,
                first_row_id=part.first_row_id,
                last_row_id=part.last_row_id,
            )
        )
    return gathered


@contextmanager
def workspace() -> Iterator[Path]:
    """An empty private directory for the files of one write. It is emptied and kept for the next one."""
    with _workspaces.taken() as directory:
        temporary.restore(directory)
        try:
            yield directory
        finally:
            for entry in directory.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()


_workspaces = Idle(lambda: temporary.make_directory("write"))


def subdirectory(directory: Path) -> Path:
    """An empty directory: this one as long as it is, then a new one in it."""
    return Path(tempfile.mkdtemp(dir=directory)) if any(directory.iterdir()) else directory


def conformed_rows(
    source: Source, object_version: ObjectVersion, destination: Destination, old: Sequence[Part] = ()
) -> Conformed:
    """The rows of a source as Parts, beside those in the Parts `old`; or their report.

    Where it is known without a look at Parts that no key stands twice, none is taken.
    """
    schema = object_version.schema
    conformed = conform(source, schema, destination, settings.ENGINE_THREADS)
    if not any(schema.keys()):
        return conformed
    digests = [part.digest for part in old]
    keys = None if conformed.report else keys_of(source, schema)
    if keys is not None:
        digests = holders(keys, [(part.digest, part.row_count) for part in old], part_paths)
        if not digests and are_distinct(keys):
            for part in conformed.parts:  # mostly one; of several, each is taken to hold all: then it is looked at
                note_part(part.digest, keys)
            return conformed
    return with_keys_checked(conformed, source, schema, destination, part_paths(digests))


def fresh_rows(object_version: ObjectVersion, conformed: Conformed, first_row_id: int) -> str | None:
    """SQL of conformed rows with their NUMBER, where they may refer to others."""
    schema = object_version.schema
    if not schema.foreign_keys:
        return None
    return numbered_rows(schema, [part.path for part in conformed.parts], first_row_id)
