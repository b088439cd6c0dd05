"""Whether rows would be taken by an Object, without keeping them."""

from catalog.conformance import Destination, with_lines
from catalog.keys import conform_with_keys, merged_report, numbered_rows
from catalog.models import ObjectSchema, Table
from catalog.references import State, concerned
from catalog.row_errors import Report
from catalog.schema import Schema
from catalog.sources import Source
from config import temporary


def check_rows(source: Source, schema: Schema, workers: int = 2) -> Report:
    """What is wrong with the rows of a source, keys among them included; a Report without errors if they conform."""
    with temporary.directory("check") as directory:
        conformed = conform_with_keys(source, schema, Destination(directory), workers)
    return conformed.report or Report((), 0, conformed.row_count)


def check_rows_of(shape: ObjectSchema, source: Source, workers: int = 2) -> Report:
    """The same for an Object, with its foreign keys: what the rows refer to stands in the Tables as they are now."""
    version = shape.current
    schema = version.schema
    with temporary.directory("check") as directory:
        destination = Destination(directory)
        conformed = conform_with_keys(source, schema, destination, workers)
        report = conformed.report or Report((), 0, conformed.row_count)
        paths = [part.path for part in conformed.parts]
        if not schema.foreign_keys or not paths:
            return report
        tables = concerned(Table(object=shape), None, version, is_adding=True)
        fresh = numbered_rows(schema, paths, destination.first_row_id)
        errors, tally = tables.unmatched(fresh, State((), paths))
    return with_lines(merged_report(conformed.report, errors, tally, conformed.row_count), source) if tally else report
