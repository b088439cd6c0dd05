"""A Table for one measurement. Imported once Django is set up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from catalog.contents import create_table
from catalog.evolution import publish
from catalog.models import Application, ObjectSchema, Table
from catalog.sources import JSONRows
from config.models import new_ulid


@contextmanager
def scratch_table(rows: Sequence[str] = ()) -> Iterator[Table]:
    """A Table of integers `id`, its primary key, with these rows as JSON; gone afterwards, with its Object."""
    shape = ObjectSchema(application=Application.objects.get(name="test"), name=f"scratch {new_ulid()}")
    shape.definition = {"attributes": [{"name": "id", "type": "integer"}], "primaryKey": ["id"]}
    shape.full_clean()
    publish(shape)
    table = Table(object=shape, name="scratch")
    create_table(table, JSONRows(rows))
    try:
        yield table
    finally:
        table.delete()
        shape.delete()
