"""How one test case is judged: execute, check the outputs against their Objects, compare with what is expected.

A bad result is a value: whatever a user's function does ends as a Judgement, never as an exception.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from catalog import engine
from catalog.attributes import describe_type, from_column
from catalog.comparison import Relation, TableDiff, compare, parse_options
from catalog.conformance import Conformed, Destination
from catalog.keys import conform_with_keys
from catalog.models import TableVersion
from catalog.parts import rows_sql
from catalog.reading import part_paths
from catalog.row_errors import Report, RowError
from catalog.schema import Schema
from catalog.sources import TypedColumns
from processes.execution import ExecutionError, ExecutionRequest, Executor, InputTable, OutputTable
from processes.models import Implementation, Port
from processes.rules import bind_arguments
from testcases.models.cases import TestCase
from testcases.models.runs import Reason, Verdict

MESSAGE_ERRORS = 3
SMALL_ROWS = 100_000  # what one thread compares as quickly as several


@dataclass(frozen=True)
class BoundTable:
    """A TableVersion on a port, and its Parts."""

    version: TableVersion
    digests: tuple[str, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The Parts on this machine, fetched where they are missing."""
        return tuple(part_paths(self.digests))

    @property
    def schema(self) -> Schema:
        return self.version.object_version.schema


@dataclass(frozen=True)
class JudgedOutput:
    """What came out of one port: the rows as Parts, and the diff where something was expected."""

    port_name: str
    conformed: Conformed
    diff: TableDiff | None


@dataclass(frozen=True)
class Judgement:
    """The verdict on one test case, with all that a Result keeps."""

    verdict: Verdict
    reason: Reason = Reason.NONE
    message: str = ""
    errors: Sequence[dict[str, Any]] = ()
    outputs: Sequence[JudgedOutput] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


class Stopwatch:
    """Milliseconds by phase."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.milliseconds[name] = round(self.milliseconds.get(name, 0) + spent, 3)


def judge(
    case: TestCase,
    implementation: Implementation | None,
    tables: Mapping[str, BoundTable],
    executor: Executor,
    actual: Destination,
) -> Judgement:
    """Judge a case with its bindings prefetched.

    tables: by id of the Port. actual: where the Parts of the actual outputs are written; the files are the caller's.
    """
    if not case.enabled:
        return Judgement(Verdict.SKIPPED, Reason.DISABLED, "The test case is disabled.")
    if implementation is None:
        return Judgement(Verdict.SKIPPED, Reason.NO_IMPLEMENTATION, "The function has no such implementation.")
    lacking = [port.name for port in case.function.inputs if port.required and port.pk not in tables]
    if lacking:
        message = f"No table is bound to the required input {', '.join(lacking)}."
        return Judgement(Verdict.ERROR, Reason.PORT_MISSING, message)
    if not any(port.pk in tables for port in case.function.outputs):
        return Judgement(Verdict.ERROR, Reason.INVALID_EXPECTED, "The test case expects nothing.")
    watch = Stopwatch()
    outcome = executor.execute(_request(case, implementation, tables))
    watch.milliseconds |= {phase: round(spent, 3) for phase, spent in outcome.timings_ms.items() if phase != "start"}
    if outcome.error:
        return _failed_execution(outcome.error, watch)
    return _judge_outputs(case, outcome.outputs, tables, actual, watch)


def _request(case: TestCase, implementation: Implementation, tables: Mapping[str, BoundTable]) -> ExecutionRequest:
    inputs = {}
    for port in case.function.inputs:
        bound = tables.get(port.pk)
        # An optional input without a table is an empty one.
        inputs[port.name] = InputTable(bound.paths, bound.schema.columns) if bound else InputTable((), _columns(port))
    return ExecutionRequest(
        kind=implementation.kind,
        definition=implementation.definition,
        inputs=inputs,
        outputs=tuple(port.name for port in case.function.outputs),
        parameters=bind_arguments(case.parameters, case.function.parameters),
    )


def _columns(port: Port) -> tuple[tuple[str, str], ...]:
    return port.object.schema.columns


def _failed_execution(error: ExecutionError, watch: Stopwatch) -> Judgement:
    if error.code in {"duplicate_column", "unsupported_type"}:
        return Judgement(Verdict.FAILED, Reason.INVALID_OUTPUT, error.message, timings_ms=watch.milliseconds)
    reason = Reason.TIMEOUT if error.code == "timeout" else Reason.EXECUTION_ERROR
    return Judgement(Verdict.ERROR, reason, error.message, timings_ms=watch.milliseconds)


def _judge_outputs(
    case: TestCase,
    given: Mapping[str, OutputTable],
    tables: Mapping[str, BoundTable],
    actual: Destination,
    watch: Stopwatch,
) -> Judgement:
    outputs: list[JudgedOutput] = []
    errors: list[dict[str, Any]] = []
    sentences: list[str] = []
    for position, port in enumerate(case.function.outputs):
        bound = tables.get(port.pk)
        schema = bound.schema if bound else port.object.schema
        target = replace(actual, prefix=f"{actual.prefix}-{position}")
        with watch.phase("check"):
            conformed = check_output(given[port.name], schema, target)
        if conformed.report:
            sentences.append(_report_sentence(port.name, conformed.report))
            errors += [{"output": port.name, **error.as_dict()} for error in conformed.report.errors]
            continue
        diff = None
        if bound:
            with watch.phase("compare"):
                diff = compare_output(case, bound, conformed)
        outputs.append(JudgedOutput(port.name, conformed, diff))
    if errors:
        message = " ".join(sentences)
        return Judgement(Verdict.FAILED, Reason.INVALID_OUTPUT, message, errors, outputs, watch.milliseconds)
    wrong = [output for output in outputs if output.diff and not output.diff.is_equal]
    if wrong:
        message = "; ".join(f"{output.port_name}: {output.diff.summary}" for output in wrong if output.diff)
        return Judgement(Verdict.FAILED, Reason.MISMATCH, message, [], outputs, watch.milliseconds)
    return Judgement(Verdict.PASSED, outputs=outputs, timings_ms=watch.milliseconds)


def _report_sentence(port_name: str, report: Report) -> str:
    listed = "; ".join(error.message for error in report.errors[:MESSAGE_ERRORS])
    more = ", and more" if report.error_count > MESSAGE_ERRORS else ""
    return f"The output {port_name} does not conform to its object: {listed}{more}."


def check_output(output: OutputTable, schema: Schema, actual: Destination) -> Conformed:
    """An output as Parts of its Object, or the report of why it isn't one: columns first, then rows and keys."""
    wrong = list(_column_errors(output.columns, schema))
    if wrong:
        return Conformed((), output.row_count, Report(tuple(wrong), len(wrong), output.row_count))
    source = TypedColumns([(output.path, output.row_count)], output.columns)
    return conform_with_keys(source, schema, actual)


def _column_errors(columns: Sequence[tuple[str, str]], schema: Schema) -> Iterator[RowError]:
    types = dict(columns)
    for attribute in schema.attributes:
        if attribute.name not in types:
            yield RowError(0, attribute.name, "missing_attribute", f"the attribute {attribute.name!r} is missing")
        elif from_column(attribute, types[attribute.name], "cell") is None:
            message = f"{attribute.name} comes as {types[attribute.name]}; it must be {describe_type(attribute)}"
            yield RowError(0, attribute.name, "type", message)
    for name in types:
        if name not in schema.names:
            yield RowError(0, name, "unknown_attribute", f"the column {name!r} is no attribute of the object")


def compare_output(case: TestCase, expected: BoundTable, actual: Conformed) -> TableDiff:
    """How an output differs from what its case expects."""
    schema = expected.schema
    options = parse_options(comparison_options(case.comparison, schema), schema.names)
    is_small = expected.version.row_count + actual.row_count <= SMALL_ROWS
    with engine.cursor(is_serial=is_small) as connection:
        return compare(
            connection,
            table_relation(expected.paths, schema, expected.version.row_count),
            table_relation([part.path for part in actual.parts], schema, actual.row_count),
            options,
        )


def table_relation(paths: Sequence[Path], schema: Schema, row_count: int) -> Relation:
    """The rows of Parts that conform to a schema, with all that is known of them."""
    columns = (*schema.columns, ("_id", "BIGINT"), ("_version", "BIGINT"))
    return Relation(rows_sql(paths, schema.columns), columns, row_count, tuple(schema.primary_key))


def comparison_options(given: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """A case's options as they concern one output: names of other outputs' attributes left out, the key by default
    the Object's primary key."""
    options = dict(given)
    names = set(schema.names)
    ignored = [name for name in options.get("ignore", ()) if name in names]
    if "ignore" in options:
        options["ignore"] = ignored
    if "per_attribute" in options:
        options["per_attribute"] = {name: each for name, each in options["per_attribute"].items() if name in names}
    key = options.get("key") or list(schema.primary_key)
    if key and names.issuperset(key) and not set(key) & {*ignored, *options.get("per_attribute", ())}:
        options["key"] = list(key)
    else:
        options.pop("key", None)
    return options
