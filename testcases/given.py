"""Test cases that are written with rows in place of Tables: the rows become Tables in the same transaction.

Such a Table bears the name of the test case and the port ("two customers: orders"). As long as it does, and nothing
else uses it, new rows for the port replace its rows; otherwise they become another Table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from catalog.contents import create_table, replace_rows
from catalog.models import Table
from catalog.row_errors import Report
from catalog.sources import Source
from catalog.writing import NonconformingError, Write
from processes.models import Direction, Port
from testcases.models import Binding, TestCase
from testcases.models.cases import BindingDefinition

NAME_SHARE = 120


@dataclass(frozen=True)
class RowsDefinition:
    """What a writer says of a binding that brings its rows along: the port's name and the rows."""

    name: str
    rows: Source


Definition = BindingDefinition | RowsDefinition
Place = tuple[Direction, int]


class InvalidRowsError(Exception):
    """Rows for ports don't conform to the ports' Objects. `reports`: by side and position in it. Nothing was saved."""

    def __init__(self, reports: Mapping[Place, Report]) -> None:
        super().__init__("; ".join(report.title for report in reports.values()))
        self.reports = reports


def define_test_case(
    case: TestCase,
    inputs: Sequence[Definition] | None = None,
    outputs: Sequence[Definition] | None = None,
    author: Any = None,
) -> None:
    """`TestCase.define` for definitions that may bring rows, after `full_clean()`; all or nothing.

    Raises what `define` raises, and InvalidRowsError with a report for each port.
    """
    sides = {Direction.INPUT: inputs, Direction.OUTPUT: outputs}
    with transaction.atomic():
        tables = _Tables(case, author)
        bound = {side: None if each is None else tables.bound(side, each) for side, each in sides.items()}
        if tables.reports:
            raise InvalidRowsError(tables.reports)
        if case._state.adding:
            case.created_by = author
        case.define(bound[Direction.INPUT], bound[Direction.OUTPUT])


class _Tables:
    """Makes Tables of rows, and gathers what is wrong with them."""

    def __init__(self, case: TestCase, author: Any) -> None:
        self.case = case
        self.author = author
        self.ports = {(port.direction, port.name): port for port in case.function.ports.select_related("object")}
        saved = [] if case._state.adding else case.bindings.select_related("test_case", "port", "table__object")
        self.bindings = {binding.port_id: binding for binding in saved}
        self.reports: dict[Place, Report] = {}

    def bound(self, side: Direction, definitions: Sequence[Definition]) -> list[BindingDefinition]:
        """The definitions of one side, with a Table for each."""
        found = []
        seen: set[str] = set()
        for position, definition in enumerate(definitions):
            if isinstance(definition, BindingDefinition):
                found.append(definition)
            else:
                port = self.ports.get((side, definition.name)) if definition.name not in seen else None
                # A port that isn't there, or stands twice, is refused by `define`, which then looks at no Table.
                table = self._table(port, definition.rows, (side, position)) if port else Table()
                found.append(BindingDefinition(definition.name, table))
            seen.add(definition.name)
        return found

    def _table(self, port: Port, rows: Source, place: Place) -> Table:
        binding = self.bindings.get(port.pk)
        table = binding.table if binding and _is_own(binding) else None
        write = Write(self.author, f"Rows of the test case {self.case.name!r}.")
        try:
            if table:
                replace_rows(table, rows, write)
                return table
            table = Table(object=port.object, name=_free_name(port, table_name(self.case.name, port.name)))
            table.full_clean()
            create_table(table, rows, write)
        except NonconformingError as error:
            self.reports[place] = error.report
        return table or Table(object=port.object)


def table_name(case_name: str, port_name: str) -> str:
    """The name of the Table that a test case's rows for a port become."""
    return f"{case_name[:NAME_SHARE].rstrip()}: {port_name[:NAME_SHARE].rstrip()}"


def _free_name(port: Port, wanted: str) -> str:
    """The wanted name, with a number behind it where the Object has a Table of this name."""
    taken = set(Table.objects.filter(object=port.object_id, name__startswith=wanted).values_list("name", flat=True))
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted} ({number})"
    return name


def _is_own(binding: Binding) -> bool:
    """Whether the bound Table came with the test case's rows and serves nothing else."""
    name, own = binding.table.name, table_name(binding.test_case.name, binding.port.name)
    numbered = name.removeprefix(own + " (").removesuffix(")")
    if name != own and not (name.startswith(own + " (") and numbered.isdecimal()):
        return False
    return not binding.table.bindings.exclude(pk=binding.pk).exists()
