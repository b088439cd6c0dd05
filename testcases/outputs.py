"""What came out of a function, kept as Parts: its rows, and their schema."""

from collections.abc import Sequence
from functools import cached_property

from catalog.models import ObjectVersion, TableVersion
from catalog.parts import rows_sql
from catalog.reading import part_paths
from catalog.rows import PartRange, masked_sql
from catalog.schema import Schema
from processes.models import Direction
from testcases.models import Result, ResultOutput


class OutputRows:
    """The actual rows of a ResultOutput, as `catalog.rows.Rows`."""

    def __init__(self, output: ResultOutput, schema: Schema, masked: frozenset[str] = frozenset()) -> None:
        self.output = output
        self._schema = schema
        self.masked = masked

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def row_count(self) -> int:
        return self.output.row_count

    @cached_property
    def parts(self) -> list[PartRange]:
        fields = ("part_id", "part__row_count", "part__first_row_id", "part__last_row_id")
        return [PartRange(*values) for values in self.output.actual_parts.order_by("position").values_list(*fields)]

    def relation(self, parts: Sequence[PartRange]) -> str:
        rows = rows_sql(part_paths([part.digest for part in parts]), self.schema.columns)
        return masked_sql(rows, self.schema, self.masked)


def expected_version_of(result: Result, port_name: str) -> TableVersion | None:
    """The TableVersion that was pinned on an output port; served from a prefetch of `pins`."""
    for pin in result.pins.all():
        if pin.direction == Direction.OUTPUT and pin.port_name == port_name:
            return pin.table_version
    return None


def schema_of(result: Result, port_name: str) -> Schema:
    """The schema of an output's rows: that of the pinned table, else the newest Object's that had it then."""
    version = expected_version_of(result, port_name)
    if version is not None:
        return version.object_version.schema
    port = next(port for port in result.test_case.function.outputs if port.name == port_name)
    then = ObjectVersion.objects.filter(object=port.object, created_at__lte=result.created_at).order_by("-number")
    return (then.first() or port.object.current).schema
