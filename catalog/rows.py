"""Rows that can be looked at: those of one TableVersion, or of all Tables of an Object."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from django.db.models import F

from catalog.engine import quote_name, quote_text
from catalog.models import ObjectSchema, TableVersion, VersionPart
from catalog.parts import rows_sql
from catalog.reading import part_paths
from catalog.schema import Schema


@dataclass(frozen=True)
class PartRange:
    """A Part of a version, and which `_id`s it may hold."""

    digest: str
    row_count: int
    first_row_id: int
    last_row_id: int
    table: str = ""


class Rows(Protocol):
    """Rows that can be looked at. The values of `masked` attributes are null."""

    masked: frozenset[str]

    @property
    def schema(self) -> Schema: ...

    @property
    def row_count(self) -> int: ...

    @property
    def parts(self) -> Sequence[PartRange]:
        """All Parts, in the order of rows; one query."""
        ...

    def relation(self, parts: Sequence[PartRange]) -> str:
        """SQL of the rows in these Parts, usable as `FROM (relation)`."""
        ...


class VersionRows:
    """The rows of one TableVersion. is_union: with `_table`, as among the rows of an Object."""

    def __init__(self, version: TableVersion, is_union: bool = False, masked: frozenset[str] = frozenset()) -> None:
        self.version = version
        self.is_union = is_union
        self.masked = masked

    @property
    def schema(self) -> Schema:
        return self.version.object_version.schema

    @property
    def row_count(self) -> int:
        return self.version.row_count

    @cached_property
    def parts(self) -> list[PartRange]:
        table = self.version.table_id if self.is_union else ""
        written = self.version.__dict__.get("written_parts")  # by who has just made it
        places = written or self.version.version_parts.order_by("position").values_list(*_RANGE)
        return [PartRange(digest, row_count, first, last, table) for digest, row_count, first, last in places]

    def relation(self, parts: Sequence[PartRange]) -> str:
        rows = rows_sql(part_paths([part.digest for part in parts]), self.schema.columns)
        rows = masked_sql(rows, self.schema, self.masked)
        return _of_table(rows, self.version.table_id) if self.is_union else rows


class ObjectRows:
    """The rows of all Tables of an Object, as they are now; each knows its Table by `_table`."""

    def __init__(self, shape: ObjectSchema, masked: frozenset[str] = frozenset()) -> None:
        self.shape = shape
        self.masked = masked

    @cached_property
    def tables(self) -> dict[str, tuple[int, int]]:
        """Version and row count of each Table, by id; one query."""
        found = self.shape.tables.order_by("pk").values_list("pk", "version", "row_count")
        return {pk: (version, row_count) for pk, version, row_count in found}

    @property
    def schema(self) -> Schema:
        return self.shape.schema

    @property
    def row_count(self) -> int:
        return sum(row_count for _, row_count in self.tables.values())

    @cached_property
    def parts(self) -> list[PartRange]:
        newest = VersionPart.objects.filter(
            version__table__object=self.shape, version__number=F("version__table__version")
        )
        places = newest.order_by("version__table_id", "position")
        return [PartRange(*values) for values in places.values_list(*_RANGE, "version__table_id")]

    def relation(self, parts: Sequence[PartRange]) -> str:
        return masked_sql(self._relation(parts), self.schema, self.masked)

    def _relation(self, parts: Sequence[PartRange]) -> str:
        schema = self.schema
        paths = dict(zip((part.digest for part in parts), part_paths([part.digest for part in parts]), strict=True))
        tables = {part.table for part in parts}
        if len(tables) < 2:
            return _of_table(rows_sql(list(paths.values()), schema.columns), next(iter(tables), ""))
        file = _unused_name(schema.names)
        names = "".join(f"{quote_name(name)}, " for name, _ in schema.columns)
        files = ", ".join(quote_text(str(path)) for path in paths.values())
        # A Part that stands in two Tables is one file, read once and joined to both.
        places = ", ".join(f"({quote_text(str(paths[part.digest]))}, {quote_text(part.table)})" for part in parts)
        return (
            f"SELECT {names}_id, _version, places._table FROM read_parquet([{files}], filename = {quote_text(file)}) "
            f"JOIN (VALUES {places}) AS places(path, _table) ON {quote_name(file)} = places.path"
        )


def masked_sql(relation: str, schema: Schema, masked: frozenset[str]) -> str:
    """SQL of the same rows, with null in place of the values of some attributes."""
    nulls = [f"CAST(NULL AS {kind}) AS {quote_name(name)}" for name, kind in schema.columns if name in masked]
    return f"SELECT * REPLACE ({', '.join(nulls)}) FROM ({relation})" if nulls else relation


def _of_table(rows: str, table: str) -> str:
    return f"SELECT *, {quote_text(table)} AS _table FROM ({rows})"


_RANGE: Final = ("part_id", "part__row_count", "part__first_row_id", "part__last_row_id")


def _unused_name(names: Sequence[str]) -> str:
    taken = {name.lower() for name in names}
    file = "_file"
    while file in taken:
        file += "_"
    return file
