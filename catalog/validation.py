"""Whether rows would be taken by an Object, without keeping them. Pure: no Django."""

import tempfile
from pathlib import Path

from catalog.attributes import Schema
from catalog.conformance import Destination, conform
from catalog.keys import key_errors
from catalog.row_errors import ERRORS_LISTED, Report
from catalog.sources import Source


def check_rows(source: Source, schema: Schema, workers: int = 2) -> Report:
    """What is wrong with the rows of a source, keys among them included; a Report without errors if they conform."""
    with tempfile.TemporaryDirectory(prefix="exemplar-check-") as directory:
        conformed = conform(source, schema, Destination(Path(directory)), workers=workers)
        if conformed.report:
            return conformed.report
        errors, error_count = key_errors(schema, [part.path for part in conformed.parts], "_id")
    return Report(tuple(errors[:ERRORS_LISTED]), error_count, conformed.row_count)
