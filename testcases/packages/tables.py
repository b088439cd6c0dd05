"""The rows of a package's Tables: read from their CSV files, checked, and held against what is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from catalog import engine
from catalog.conformance import Conformed, Destination
from catalog.formats import CSVText
from catalog.keys import conform_with_keys
from catalog.parts import rows_sql
from catalog.row_errors import Report
from catalog.schema import Schema
from catalog.sources import TypedColumns
from testcases.packages.description import PackageProblem, PackageTable

PROBLEMS_LISTED = 20  # of one file


@dataclass(frozen=True)
class StagedRows:
    """The rows of a Table as Parts on this machine."""

    conformed: Conformed
    schema: Schema

    @property
    def digests(self) -> list[str]:
        """The names of the Parts, in order."""
        return [part.digest for part in self.conformed.parts]

    @property
    def paths(self) -> list[Path]:
        """The files of the Parts, in order."""
        return [part.path for part in self.conformed.parts]

    def source(self) -> TypedColumns:
        """The rows, to be written."""
        files = [(part.path, part.row_count) for part in self.conformed.parts]
        return TypedColumns(files, self.schema.columns)

    def equals(self, paths: Sequence[Path], row_count: int) -> bool:
        """Whether these Parts of the same Object hold the same rows in the same order, whatever their ids."""
        if row_count != self.conformed.row_count:
            return False
        if not row_count:
            return True
        rows = [rows_sql(each, self.schema.columns) for each in (self.paths, paths)]
        names = ", ".join(engine.quote_name(name) for name in self.schema.names)
        packed = f"SELECT ROW({names}) AS cells"
        with engine.cursor() as connection:
            row = connection.execute(
                f"SELECT count(*) FROM ({packed} FROM ({rows[0]})) AS new POSITIONAL JOIN "
                f"({packed} FROM ({rows[1]})) AS old WHERE new.cells IS DISTINCT FROM old.cells"
            ).fetchone()
        return row is not None and row[0] == 0


def stage_tables(
    tables: Sequence[PackageTable], schemas: Mapping[str, Schema], directory: Path
) -> tuple[list[StagedRows], list[PackageProblem]]:
    """Read and check the files of Tables; the rows of each, and what is wrong with any of them.

    schemas: by the names of the Objects. directory: where the Parts go; the caller removes it.
    """
    staged, problems = [], []
    for position, table in enumerate(tables):
        inner = directory / str(position)
        inner.mkdir()
        rows, report = _stage(table, schemas[table.object], inner)
        staged.append(rows)
        if report:
            problems += report_problems(table.file, report)
    return staged, problems


def _stage(table: PackageTable, schema: Schema, directory: Path) -> tuple[StagedRows, Report | None]:
    with table.path.open("rb") as stream:
        source = CSVText(stream, directory)
        conformed = conform_with_keys(source, schema, Destination(directory, 1, 1), settings.ENGINE_THREADS)
    return StagedRows(conformed, schema), conformed.report


def report_problems(file: str, report: Report) -> list[PackageProblem]:
    """The errors of a file's rows; the first PROBLEMS_LISTED, and how many more."""
    found = [
        PackageProblem(file, "", error.code, error.message, error.row, error.line, error.attribute)
        for error in report.errors[:PROBLEMS_LISTED]
    ]
    more = report.error_count - len(found)
    if more:
        found[-1] = replace(found[-1], message=f"{found[-1].message} (and {more:,} more errors in this file)")
    return found
