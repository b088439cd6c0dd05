"""Calling a function on tables of the moment: outputs or an error come back, and nothing is stored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.browsing import look
from catalog.conformance import Conformed, Destination
from catalog.keys import conform_with_keys
from catalog.models import Table
from catalog.parts import rows_sql
from catalog.queries import RowQuery, Window
from catalog.reading import version_paths
from catalog.row_errors import Report
from catalog.rows import PartRange, masked_sql
from catalog.rules.secrets import ResolvedConfiguration
from catalog.schema import Schema
from catalog.sources import Source, TypedColumns
from config import temporary
from processes.execution import ExecutionError, ExecutionRequest, InputTable
from processes.models import Function, Implementation, Port
from processes.rules import bind_arguments
from processes.sandbox import open_executor
from testcases.given import Definition, RowsDefinition, define_test_case
from testcases.judging import check_output
from testcases.models import TestCase
from testcases.models.cases import BindingDefinition

Given = Mapping[str, Table | Source]


class NonconformingInputsError(Exception):
    """Rows for inputs don't conform to the Objects of their ports; `reports` by port."""

    def __init__(self, reports: Mapping[str, Report]) -> None:
        super().__init__("; ".join(f"{name}: {report.title}" for name, report in reports.items()))
        self.reports = reports


@dataclass(frozen=True)
class Call:
    """What a function is called with, besides the tables on its inputs."""

    function: Function
    implementation: Implementation
    parameters: Mapping[str, Any] = field(default_factory=dict)
    configuration: ResolvedConfiguration | None = None
    clock: datetime | None = None


@dataclass(frozen=True)
class CalledOutput:
    """What came out of a port: Parts that conform, or the report of why they don't."""

    port: Port
    conformed: Conformed

    def lines(self, limit: int, masked: frozenset[str]) -> list[str]:
        """The first rows as JSON texts."""
        rows = _FileRows(self.conformed, self.port.object.schema, masked)
        return look(rows, RowQuery(rows.schema), Window(limit, 0)).lines

    @property
    def source(self) -> TypedColumns:
        """The rows, for a Table of them."""
        files = [(part.path, part.row_count) for part in self.conformed.parts]
        return TypedColumns(files, self.port.object.schema.columns)


@dataclass(frozen=True)
class Called:
    """What came of a call; its files live as long as the context. `log`: what the function wrote besides."""

    outputs: list[CalledOutput]
    error: ExecutionError | None
    timings_ms: Mapping[str, float]
    log: str = ""


class _FileRows:
    """Rows in files that are no stored Parts, as `catalog.rows.Rows`."""

    def __init__(self, conformed: Conformed, schema: Schema, masked: frozenset[str]) -> None:
        self._conformed, self._schema, self.masked = conformed, schema, masked
        self._paths = {part.digest: part.path for part in conformed.parts}

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def row_count(self) -> int:
        return self._conformed.row_count

    @property
    def parts(self) -> list[PartRange]:
        return [
            PartRange(part.digest, part.row_count, part.first_row_id, part.last_row_id)
            for part in self._conformed.parts
        ]

    def relation(self, parts: Any) -> str:
        rows = rows_sql([self._paths[part.digest] for part in parts], self.schema.columns)
        return masked_sql(rows, self.schema, self.masked)


@contextmanager
def called(call: Call, given: Given) -> Iterator[Called]:
    """Call a function. What goes wrong in it is the outcome's error.

    given: by the port's name, for every required port, each a Table of the port's Object or rows. Raises
    NonconformingInputsError.
    """
    with temporary.directory("call") as directory, open_executor() as executor:
        request = ExecutionRequest(
            kind=call.implementation.kind,
            definition=call.implementation.definition,
            inputs=_inputs(call.function, given, directory),
            outputs=tuple(port.name for port in call.function.outputs),
            parameters=bind_arguments(call.parameters, call.function.parameters),
            clock=call.clock,
            configuration=call.configuration.values if call.configuration else {},
            secrets=call.configuration.secrets if call.configuration else (),
            output_types={port.name: port.object.schema.columns for port in call.function.outputs},
        )
        outcome = executor.execute(request)
        outputs = []
        if not outcome.error:
            for position, port in enumerate(call.function.outputs):
                target = Destination(directory, prefix=f"output-{position}")
                outputs.append(CalledOutput(port, check_output(outcome.outputs[port.name], port.object.schema, target)))
        yield Called(outputs, outcome.error, outcome.timings_ms, outcome.log)


def _inputs(function: Function, given: Given, directory: Path) -> dict[str, InputTable]:
    inputs: dict[str, InputTable] = {}
    reports: dict[str, Report] = {}
    for position, port in enumerate(function.inputs):
        content = given.get(port.name)
        schema = port.object.schema
        if content is None:
            inputs[port.name] = InputTable((), schema.columns)
        elif isinstance(content, Table):
            version = content.current
            inputs[port.name] = InputTable(tuple(version_paths(version)), version.object_version.schema.columns)
        else:
            conformed = conform_with_keys(content, schema, Destination(directory, prefix=f"input-{position}"))
            if conformed.report:
                reports[port.name] = conformed.report
            inputs[port.name] = InputTable(tuple(part.path for part in conformed.parts), schema.columns)
    if reports:
        raise NonconformingInputsError(reports)
    return inputs


def save_call(call: Call, given: Given, outcome: Called, name: str, author: Any, **fields: Any) -> TestCase:
    """A TestCase that expects what came of a call: the outputs as they are, or the error.

    Raises ValidationError, also where an output does not conform to its Object.
    """
    case = TestCase(function=call.function, name=name, parameters=dict(call.parameters), clock=call.clock, **fields)
    if outcome.error:
        case.expected_error = {"kind": outcome.error.kind or outcome.error.code}
    case.full_clean()
    inputs: list[Definition] = [
        BindingDefinition(port, content) if isinstance(content, Table) else RowsDefinition(port, content)
        for port, content in given.items()
    ]
    outputs = [RowsDefinition(each.port.name, each.source) for each in outcome.outputs]
    define_test_case(case, inputs, outputs, author)
    return case
