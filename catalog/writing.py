"""The machinery of a write: a TableVersion prepared from rows, and committed under the Table's lock.

For catalog.contents, which has the verbs.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from catalog.conformance import Conformed, Destination, PartFile
from catalog.keys import conform_with_keys
from catalog.models import ObjectVersion, Part, Table, TableVersion, VersionPart
from catalog.reading import part_paths, version_digests, with_parts
from catalog.row_errors import Report
from catalog.sources import JSONRows, Source

Operation = TableVersion.Operation
STORED_BYTES = 8 * 1024**2


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
    """Who writes and why; `expected_version` refuses the write if the Table has moved on."""

    author: Any = None
    message: str = ""
    expected_version: int | None = None


ANONYMOUS = Write()


class StaleObjectError(Exception):
    """The Object got a new version while rows were being checked against the old one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The object {name!r} was changed while the rows were being checked; try again.")


@dataclass(frozen=True)
class Prepared:
    """What a write leaves: old Parts by digest, then new ones; or, in place, both by position."""

    kept: list[str]
    parts: list[PartFile]
    added: int = 0
    changed: int = 0
    removed: int = 0
    positions: tuple[int, ...] | None = None

    @classmethod
    def in_place(
        cls, kept: list[tuple[int, str]], parts: list[tuple[int, PartFile]], changed: int = 0, removed: int = 0
    ) -> "Prepared":
        """Rewritten Parts stand where the old ones stood."""
        positions = (*(position for position, _ in kept), *(position for position, _ in parts))
        return cls([digest for _, digest in kept], [part for _, part in parts], 0, changed, removed, positions)

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

    What is small is prepared under the lock only: with many writers, the early work would mostly be in vain.
    """
    is_small = source is None or isinstance(source, JSONRows)
    with workspace() as directory:
        seen = Table.objects.select_related("object").get(pk=table.pk)
        prepared = None
        if not is_small and not transaction.get_connection().in_atomic_block:
            _check_expected(seen, write)
            prepared = _prepare_apart(prepare, seen.current, seen.next_row_id, directory)
        with transaction.atomic():
            locked = Table.objects.select_for_update().get(pk=table.pk)
            _check_expected(locked, write)
            base = locked.current
            if prepared is None or (locked.version, locked.next_row_id) != (seen.version, seen.next_row_id):
                prepared = _prepare_apart(prepare, base, locked.next_row_id, directory)
            version = commit(locked, base.object_version, operation, write, prepared)
    table.version, table.row_count = locked.version, locked.row_count
    table.size_bytes, table.next_row_id = locked.size_bytes, locked.next_row_id
    return version


def _prepare_apart(prepare: Preparation, base: TableVersion, next_row_id: int, directory: Path) -> Prepared:
    """One preparation, in a directory of its own; again if a cached Part was deleted meanwhile."""
    return with_parts(lambda: version_digests(base), lambda: prepare(base, next_row_id, subdirectory(directory)))


def _check_expected(table: Table, write: Write) -> None:
    if write.expected_version is not None and table.version != write.expected_version:
        raise StaleVersionError(table, write.expected_version)


def commit(
    table: Table, object_version: ObjectVersion, operation: Operation, write: Write, prepared: Prepared
) -> TableVersion:
    """Store new Parts and make the new version current; inside a transaction that holds the Table's row."""
    store_parts(prepared.parts)
    order = prepared.digests()
    sizes = dict(Part.objects.filter(digest__in=order).values_list("digest", "size_bytes"))
    version = TableVersion.objects.create(
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
    VersionPart.objects.bulk_create(
        VersionPart(version=version, part_id=digest, position=position) for position, digest in enumerate(order)
    )
    table.version, table.row_count, table.size_bytes = version.number, version.row_count, version.size_bytes
    table.next_row_id += prepared.added
    table.save(update_fields=["version", "row_count", "size_bytes", "next_row_id", "updated_at"])
    return version


def store_parts(parts: Iterable[PartFile]) -> None:
    """Put Parts into the database, a bounded number of bytes at a time; one that is there already is the same."""
    gathered: list[Part] = []
    size_bytes = 0
    for part in parts:
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
        if size_bytes > STORED_BYTES:
            Part.objects.bulk_create(gathered, ignore_conflicts=True)
            gathered, size_bytes = [], 0
    Part.objects.bulk_create(gathered, ignore_conflicts=True)


@contextmanager
def workspace() -> Iterator[Path]:
    """A private directory for the files of one write."""
    with tempfile.TemporaryDirectory(prefix="exemplar-write-") as directory:
        yield Path(directory)


def subdirectory(directory: Path) -> Path:
    """A new directory in this one."""
    return Path(tempfile.mkdtemp(dir=directory))


def conformed_rows(
    source: Source, object_version: ObjectVersion, destination: Destination, old: Sequence[str] = ()
) -> Conformed:
    """The rows of a source as Parts, sound beside those in the Parts `old` (digests). Raises NonconformingError."""
    conformed = conform_with_keys(source, object_version.schema, destination, settings.ENGINE_THREADS, part_paths(old))
    if conformed.report:
        raise NonconformingError(conformed.report)
    return conformed
