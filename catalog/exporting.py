"""The rows of a TableVersion as a stream of text, a Part at a time: memory doesn't grow with the Table."""

from collections.abc import Iterator

from catalog.formats import RowFormat
from catalog.models import TableVersion
from catalog.reading import read_parts, version_digests


def export(version: TableVersion, row_format: RowFormat, with_ids: bool = False) -> Iterator[bytes]:
    """The version's rows in a format, in UTF-8, in blocks of at most a Part; `with_ids` adds `_id` before the rest."""
    schema = version.object_version.schema
    yield row_format.head(schema, with_ids).encode()
    has_rows = False
    for digest in version_digests(version):
        lines = read_parts(
            [digest],
            schema,
            lambda connection, relation: row_format.encode(connection, relation, schema, with_ids),
        )
        if lines is not None:
            yield ((row_format.between if has_rows else "") + lines).encode()
            has_rows = True
    yield ((row_format.after if has_rows else "") + row_format.tail).encode()
