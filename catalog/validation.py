"""Whether rows would be taken by an Object, without keeping them. Pure: no Django."""

import tempfile
from pathlib import Path

from catalog.attributes import Schema
from catalog.conformance import Destination
from catalog.keys import conform_with_keys
from catalog.row_errors import Report
from catalog.sources import Source


def check_rows(source: Source, schema: Schema, workers: int = 2) -> Report:
    """What is wrong with the rows of a source, keys among them included; a Report without errors if they conform."""
    with tempfile.TemporaryDirectory(prefix="exemplar-check-") as directory:
        conformed = conform_with_keys(source, schema, Destination(Path(directory)), workers)
    return conformed.report or Report((), 0, conformed.row_count)
