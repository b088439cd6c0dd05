"""The rows of a source that can be taken, apart from those that can't, for lenient imports. Pure: no Django."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from catalog import engine
from catalog.conformance import Destination, sieve, write_part
from catalog.engine import quote_text
from catalog.row_errors import RowError
from catalog.schema import Schema
from catalog.sources import Source, TypedColumns

FIRST_ID: Final = 2**50  # beyond the ids of any Table, whose rows may stand beside these in one check


@dataclass(frozen=True)
class SoundFile:
    """Rows of one slice: those of the input from `first` to `last`, as many as are sound."""

    path: Path
    row_count: int
    first: int
    last: int

    @property
    def relation(self) -> str:
        return f"read_parquet({quote_text(str(self.path))})"


class SoundRows:
    """The rows of a source that conform, as typed columns, less those that were rejected since (keys, references).

    directory: where the files are; the caller removes it. Raises MalformedError if the source breaks off.
    """

    def __init__(self, source: Source, schema: Schema, directory: Path, workers: int = 2) -> None:
        sieved = sieve(source, schema, Destination(directory, FIRST_ID, prefix="sieved"), workers)
        self.row_count = sieved.row_count
        self.files = [
            SoundFile(part.path, part.row_count, part.first_row_id - FIRST_ID + 1, part.last_row_id - FIRST_ID + 1)
            for part in sieved.parts
        ]
        self._schema = schema
        self._directory = directory
        self._rejections = Rejections(directory / "rejections")

    @property
    def rejections(self) -> "Rejections":
        return self._rejections

    @property
    def sound_count(self) -> int:
        return sum(file.row_count for file in self.files)

    @property
    def paths(self) -> list[Path]:
        return [file.path for file in self.files]

    def source(self) -> TypedColumns:
        """These rows as a source."""
        return TypedColumns([(file.path, file.row_count) for file in self.files], self._schema.columns)

    def numbers(self, places: Iterable[int]) -> Mapping[int, int]:
        """Place among these rows, from 1 -> number in the input."""
        wanted, found, before = sorted(set(places)), {}, 0
        for file in self.files:
            here = [place - before for place in wanted if before < place <= before + file.row_count]
            before += file.row_count
            if here:
                with engine.cursor(is_serial=True) as connection:
                    rows = connection.execute(
                        f"SELECT place, _id - {FIRST_ID} + 1 FROM (SELECT _id, row_number() OVER (ORDER BY _id) "
                        f"AS place FROM {file.relation}) "
                        "WHERE place IN (SELECT unnest(CAST(CAST($places AS JSON) AS BIGINT[])))",
                        {"places": json.dumps(here)},
                    ).fetchall()
                found.update({before - file.row_count + place: number for place, number in rows})
        return found

    def reject(self, errors: Sequence[RowError]) -> None:
        """Take out the rows of these errors; `row` is the number in the input. The errors are kept for `set_aside`."""
        self._rejections.add(errors)
        rows = {error.row for error in errors}
        kept = []
        for file in self.files:
            here = [row for row in rows if file.first <= row <= file.last]
            left = self._without(file, here) if here else file
            kept += [left] if left else []
        self.files = kept

    def _without(self, file: SoundFile, rows: Sequence[int]) -> SoundFile | None:
        path = file.path.with_name(f"{file.path.stem}-less.parquet")
        # As text: DuckDB takes seconds for a long list parameter.
        parameters = {"ids": json.dumps([row + FIRST_ID - 1 for row in rows])}
        with engine.cursor(is_serial=True) as connection:
            connection.execute(
                f"CREATE TEMP TABLE kept AS SELECT * FROM {file.relation} "
                "WHERE _id NOT IN (SELECT unnest(CAST(CAST($ids AS JSON) AS BIGINT[])))",
                parameters,
            )
            row = connection.execute("SELECT count(*) FROM kept").fetchone()
            left = write_part(connection, "SELECT * FROM kept ORDER BY _id", path) if row and row[0] else None
        file.path.unlink()
        return SoundFile(path, left.row_count, file.first, file.last) if left else None


class Rejections:
    """Errors of rows that only show beside other rows, in a file: as many as there are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.error_count = 0

    def add(self, errors: Sequence[RowError]) -> None:
        """Keep these errors."""
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{error.row}\t{json.dumps(told(error), default=str)}\n" for error in errors)
        self.error_count += len(errors)

    def between(self, first: int, last: int) -> Mapping[int, list[RowError]]:
        """The errors of the rows from first to last, by row."""
        found: dict[int, list[RowError]] = defaultdict(list)
        if not self.error_count:
            return found
        with engine.cursor(is_serial=True) as connection:
            rows = connection.execute(
                f"SELECT row, error FROM read_csv({quote_text(str(self._path))}, header = false, delim = '\t', "
                "quote = '', escape = '', columns = {'row': 'BIGINT', 'error': 'VARCHAR'}, auto_detect = false) "
                "WHERE row BETWEEN $first AND $last",
                {"first": first, "last": last},
            ).fetchall()
        for row, text in rows:
            found[row].append(RowError(row, **json.loads(text)))
        return found


def told(error: RowError) -> dict[str, Any]:
    """An error without its row."""
    return {name: value for name, value in error.as_dict().items() if name not in {"row", "line", "pointer"}}
