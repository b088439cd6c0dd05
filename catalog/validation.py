"""Whether rows would be taken by an Object, without keeping them."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.conformance import Destination, with_lines
from catalog.keys import conform_with_keys, merged_report, numbered_rows
from catalog.models import ObjectSchema, Table
from catalog.references import State, concerned
from catalog.row_errors import Report, RowError
from catalog.schema import Schema
from catalog.sources import Source


@dataclass(frozen=True)
class ErrorKind:
    """The listed errors of one code in one attribute: how many, and the first of them."""

    attribute: str
    code: str
    count: int
    first: RowError

    def as_dict(self) -> dict[str, Any]:
        """The kind as in the answer."""
        return {"attribute": self.attribute, "code": self.code, "count": self.count, "first": self.first.as_dict()}


def check_rows(source: Source, schema: Schema, workers: int = 2) -> Report:
    """What is wrong with the rows of a source, keys among them included; a Report without errors if they conform."""
    with tempfile.TemporaryDirectory(prefix="exemplar-check-") as directory:
        conformed = conform_with_keys(source, schema, Destination(Path(directory)), workers)
    return conformed.report or Report((), 0, conformed.row_count)


def check_rows_of(shape: ObjectSchema, source: Source, workers: int = 2) -> Report:
    """The same for an Object, with its foreign keys: what the rows refer to stands in the Tables as they are now."""
    version = shape.current
    schema = version.schema
    with tempfile.TemporaryDirectory(prefix="exemplar-check-") as directory:
        destination = Destination(Path(directory))
        conformed = conform_with_keys(source, schema, destination, workers)
        report = conformed.report or Report((), 0, conformed.row_count)
        paths = [part.path for part in conformed.parts]
        if not schema.foreign_keys or not paths:
            return report
        tables = concerned(Table(object=shape), None, version, is_adding=True)
        fresh = numbered_rows(schema, paths, destination.first_row_id)
        errors, total = tables.unmatched(fresh, State((), paths))
    return with_lines(merged_report(conformed.report, errors, total, conformed.row_count), source) if total else report


def error_kinds(report: Report) -> list[ErrorKind]:
    """The listed errors by attribute and code, the most frequent first."""
    counts = Counter((error.attribute, error.code) for error in report.errors)
    first: dict[tuple[str, str], RowError] = {}
    for error in report.errors:
        first.setdefault((error.attribute, error.code), error)
    return [ErrorKind(*kind, count, first[kind]) for kind, count in counts.most_common()]
