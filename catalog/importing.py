"""Rows of a file into a Table: a new one, appended, in place of all, or by primary key; strict or lenient.

Strict is all or nothing. Lenient takes every row that conforms and sets the others aside, each with all its errors, in
a file beside the Table (models.SetAside). A row is set aside too for a key that stands already, in the Table or in an
earlier row that conforms by itself, and for a reference to what is not there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from django.conf import settings

from catalog.conformance import with_lines
from catalog.contents import append_rows, create_table, replace_rows, upsert_rows
from catalog.keys import key_errors, numbered_rows
from catalog.models import ObjectVersion, SetAside, Table, TableVersion
from catalog.reading import part_paths, version_digests, with_parts
from catalog.references import LockedTables, State, concerned, with_locked_tables
from catalog.row_errors import Report, RowError, Tally
from catalog.schema import Schema
from catalog.set_aside import SetAsideFile, set_aside
from catalog.sieving import FIRST_ID, SoundRows
from catalog.sources import MalformedError, Source
from catalog.writing import ANONYMOUS, NonconformingError, StaleObjectError, Write, subdirectory, workspace

Mode = Literal["create", "append", "replace", "upsert"]
Verb = Callable[[Table, Source, Write], TableVersion]
VERBS: Final[Mapping[str, Verb]] = {
    "create": create_table,
    "append": append_rows,
    "replace": replace_rows,
    "upsert": upsert_rows,
}
SET_ASIDE_BYTES: Final = 256 * 1024**2
REJECTED_AT_ONCE: Final = 100_000
ROUNDS: Final = 100


@dataclass(frozen=True)
class Imported:
    """What came of an import: the version it made, how many rows were read, and, if some were set aside, why and where.

    set_aside: as it is stored; after a dry run it is not, but has its content.
    """

    version: TableVersion
    row_count: int
    report: Report | None = None
    set_aside: SetAside | None = None


Beside = Callable[[Imported], None]


def import_rows(
    table: Table,
    mode: Mode,
    source: Source,
    write: Write = ANONYMOUS,
    *,
    lenient: bool = False,
    format_name: str = "ndjson",
    beside: Beside | None = None,
) -> Imported:
    """Take the rows of a source into a Table; with `create`, into one that is not saved yet (checked by `full_clean`).

    format_name: that of the input, which the rows set aside keep where it is text. beside: what is stored in the same
    transaction, given what came of the import; it is called again with each new attempt at one. Raises
    NonconformingError: strictly for any error, leniently for a source that breaks off, or where no row conforms that is
    to be all of a Table; and StaleVersionError, TooManyRowsError.
    """
    if lenient:
        with workspace() as directory:
            return _LenientImport(table, mode, source, _With(write, beside), format_name, directory).run()
    return _With(write, beside).taken(VERBS[mode], table, source, _all_taken)


def _all_taken(version: TableVersion) -> Imported:
    return Imported(version, version.added + version.changed)


@dataclass(frozen=True)
class _With:
    """A write, and what is stored beside it."""

    write: Write
    beside: Beside | None

    def taken(self, verb: Verb, table: Table, source: Source, outcome: Callable[[TableVersion], Imported]) -> Imported:
        """What came of the verb. outcome: called in its transaction, to make or store what goes with the version."""

        def store(version: TableVersion) -> None:
            if self.write.beside:
                self.write.beside(version)
            imported.append(outcome(version))
            if self.beside:
                self.beside(imported[-1])

        imported: list[Imported] = []
        verb(table, source, replace(self.write, beside=store))
        return imported[-1]


class _AllRefusedError(Exception):
    """Nothing is left to be all rows of a Table."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.title)
        self.report = report


class _LenientImport:
    """One lenient import: sieve, reject what can't stand beside other rows, write the rest and what was set aside."""

    def __init__(
        self, table: Table, mode: Mode, source: Source, given: _With, format_name: str, directory: Path
    ) -> None:
        self.table = table
        self.mode = mode
        self.source = source
        self.given = given
        self.format_name = format_name
        self.directory = directory

    def run(self) -> Imported:
        """Again while another writer comes in between, or a reference turns out to fail."""
        shape: ObjectVersion | None = None
        for _ in range(ROUNDS):
            base = None if self.mode == "create" else Table.objects.get(pk=self.table.pk).current
            object_version = base.object_version if base else self.table.object.current
            if object_version != shape:
                shape = object_version
                sound = self._sieved(shape.schema)
            self._reject_repeated(sound, base, shape.schema)
            self._reject_unmatched(sound, base, shape)
            try:
                return self._written(sound, shape.schema)
            except _AllRefusedError as error:
                raise NonconformingError(error.report) from error
            except NonconformingError as error:
                self._reject(sound, error)
        raise StaleObjectError(self.table.object.name)

    def _sieved(self, schema: Schema) -> SoundRows:
        try:
            return SoundRows(self.source, schema, subdirectory(self.directory), settings.ENGINE_THREADS)
        except MalformedError as error:
            raise NonconformingError(_report_of(error)) from error

    def _reject_repeated(self, sound: SoundRows, base: TableVersion | None, schema: Schema) -> None:
        """Reject rows whose key stands already: in an earlier sound row or, where these stay, in the Table."""
        if not any(schema.keys()):
            return
        number, old = f"_id - {FIRST_ID - 1}", version_digests(base) if base and self.mode == "append" else []
        tally: Tally | None = None
        while (tally is None or tally) and sound.files:
            fresh = numbered_rows(schema, sound.paths, FIRST_ID) if old else None

            def repeated(fresh: str | None = fresh) -> tuple[list[RowError], Tally]:
                paths = [*part_paths(old), *sound.paths]
                return key_errors(schema, paths, number, fresh, REJECTED_AT_ONCE)

            errors, tally = with_parts(lambda: old, repeated)
            sound.reject(errors)

    def _reject_unmatched(self, sound: SoundRows, base: TableVersion | None, shape: ObjectVersion) -> None:
        """Reject rows that refer to what is not there; to each other they may refer, as long as these are taken."""
        schema = shape.schema
        tally: Tally | None = None
        while (tally or (tally is None and schema.foreign_keys)) and sound.files:
            fresh = numbered_rows(schema, sound.paths, FIRST_ID)
            state = State(version_digests(base) if base and self.mode != "replace" else [], sound.paths)

            def unmatched(
                tables: LockedTables, fresh: str = fresh, state: State = state
            ) -> tuple[list[RowError], Tally]:
                return tables.unmatched(fresh, state, REJECTED_AT_ONCE)

            if base:
                errors, tally = with_locked_tables(self.table, unmatched, is_adding=True)
            else:  # seen without locks; what is found again under them is rejected in another round
                errors, tally = unmatched(concerned(self.table, None, shape, is_adding=True))
            sound.reject(errors)

    def _reject(self, sound: SoundRows, error: NonconformingError) -> None:
        """Reject the rows that the verb refused; it numbers them as they stand among the sound ones."""
        numbers = sound.numbers(each.row for each in error.report.errors)
        if not numbers:
            raise error
        sound.reject([replace(each, row=numbers[each.row]) for each in error.report.errors if each.row in numbers])

    def _written(self, sound: SoundRows, schema: Schema) -> Imported:
        verb = VERBS[self.mode]
        if sound.sound_count == sound.row_count:
            return self.given.taken(verb, self.table, sound.source(), lambda made: Imported(made, sound.row_count))
        file = set_aside(self.source, schema, sound, self.format_name, self.directory, SET_ASIDE_BYTES)
        report = with_lines(Report(file.errors, file.error_count, sound.row_count, file.tally), self.source)
        if self.mode in {"create", "replace"} and not sound.sound_count:
            raise _AllRefusedError(report)
        kept = self._kept(file)

        def with_kept(version: TableVersion) -> Imported:
            kept.version = version.number
            kept.save()
            return Imported(version, sound.row_count, report, kept)

        return self.given.taken(verb, self.table, sound.source(), with_kept)

    def _kept(self, file: SetAsideFile) -> SetAside:
        return SetAside(
            table=self.table,
            format=file.format,
            content=file.path.read_bytes(),
            row_count=file.row_count,
            error_count=file.error_count,
            created_by=self.given.write.author,
        )


def _report_of(error: MalformedError) -> Report:
    errors = [RowError(each.row, each.attribute, each.code, each.message, line=each.line) for each in error.faults]
    return Report(tuple(errors), len(errors), max(each.row for each in errors))
