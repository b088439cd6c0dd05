"""How one test case is judged: execute, check the outputs against their Objects, compare with what is expected.

Without a look at the database, so that many can be judged side by side in threads. A bad result is a value: whatever a
user's function does ends as a Judgement, never as an exception.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from catalog import engine
from catalog.attributes import describe_type, from_column
from catalog.comparison import ComparisonOptions, Relation, TableDiff, compare
from catalog.conformance import Conformed, Destination, part_file
from catalog.keys import conform_with_keys
from catalog.parts import rows_sql
from catalog.row_errors import Report, RowError
from catalog.schema import Schema
from catalog.sources import TypedColumns
from processes.execution import OUTPUT_CODES, ExecutionError, Executor, OutputTable
from testcases.models.runs import Reason, Verdict
from testcases.rules import matches_pattern
from testcases.trials import BoundTable, Trial, WantedOutput

MESSAGE_ERRORS = 3
SMALL_ROWS = 100_000  # what one thread compares as quickly as several

Check = Callable[[WantedOutput, Destination], Conformed]
"""Gives an output as Parts of its Object, written to the destination, or the report of why it isn't one."""


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


def judge(trial: Trial, executor: Executor, actual: Destination) -> Judgement:
    """Judge a trial. Raises OSError or duckdb.Error where a Part is not on this machine any more.

    actual: where the Parts of the actual outputs are written; the files are the caller's.
    """
    outcome = executor.execute(trial.request)
    timings_ms = {phase: round(spent, 3) for phase, spent in outcome.timings_ms.items() if phase != "start"}

    def check(wanted: WantedOutput, target: Destination) -> Conformed:
        output = outcome.outputs[wanted.port_name]
        taken = _taken_as_expected(output, wanted, target)
        if taken:
            return taken
        try:
            return check_output(output, wanted.schema, target)
        except (duckdb.ProgrammingError, duckdb.DataError, RuntimeError) as error:
            raise _FalseOutputError(wanted.port_name) from error

    try:
        return judge_outcome(trial, outcome.error, check, timings_ms, actual)
    except _FalseOutputError as error:
        return Judgement(Verdict.ERROR, Reason.EXECUTION_ERROR, str(error), timings_ms=timings_ms)


class _FalseOutputError(Exception):
    """A file is not what the child says that wrote it: a function must have taken it over."""

    def __init__(self, port_name: str) -> None:
        super().__init__(f"Output port {port_name!r}: what was written is not what the function's process says of it.")


def judge_outcome(
    trial: Trial, error: ExecutionError | None, check: Check, timings_ms: Mapping[str, float], actual: Destination
) -> Judgement:
    """Judge what came of a trial, wherever it ran: its error, or else its outputs, which `check` gives as Parts."""
    watch = Stopwatch()
    watch.milliseconds |= timings_ms
    if error:
        judgement = _judge_error(error, trial.expected_error)
        return replace(judgement, timings_ms=watch.milliseconds)
    if trial.expected_error:
        message = f"The function ended without an error; expected is {describe_error(trial.expected_error)}."
        return Judgement(Verdict.FAILED, Reason.EXPECTED_ERROR_NOT_RAISED, message, timings_ms=watch.milliseconds)
    return _judge_outputs(trial, check, actual, watch)


def describe_error(expected: Mapping[str, Any]) -> str:
    """An expected error in words."""
    kind, pattern = expected.get("kind"), expected.get("pattern")
    words = f"an error of the kind {kind!r}" if kind else "an error"
    if not pattern:
        return words
    return f"{words} whose message {'holds' if expected.get('match') == 'part' else 'is'} {pattern!r}"


def _judge_error(error: ExecutionError, expected: Mapping[str, Any]) -> Judgement:
    if not expected or error.phase == "start":
        return _failed_execution(error)
    if _is_expected(error, expected):
        return Judgement(Verdict.PASSED)
    name = error.kind or error.code
    message = f"Expected is {describe_error(expected)}; the function ended with {name}: {error.message}"
    return Judgement(Verdict.FAILED, Reason.UNEXPECTED_ERROR, message)


def _is_expected(error: ExecutionError, expected: Mapping[str, Any]) -> bool:
    names = {error.kind.casefold(), error.code.casefold()} - {""}
    if "kind" in expected and expected["kind"].casefold() not in names:
        return False
    if "pattern" not in expected:
        return True
    # The place before the message is ours; who writes a pattern knows the message alone.
    messages = {error.message, error.message.removeprefix(f"Output port {error.output!r}: ")}
    is_whole = expected.get("match") != "part"
    return any(matches_pattern(message, expected["pattern"], is_whole) for message in messages)


def _failed_execution(error: ExecutionError) -> Judgement:
    if error.code in OUTPUT_CODES:
        return Judgement(Verdict.FAILED, Reason.INVALID_OUTPUT, error.message)
    reason = Reason.TIMEOUT if error.code == "timeout" else Reason.EXECUTION_ERROR
    return Judgement(Verdict.ERROR, reason, error.message)


def _judge_outputs(trial: Trial, check: Check, actual: Destination, watch: Stopwatch) -> Judgement:
    outputs: list[JudgedOutput] = []
    errors: list[dict[str, Any]] = []
    sentences: list[str] = []
    for position, wanted in enumerate(trial.outputs):
        target = _target(actual, position, wanted)
        with watch.phase("check"):
            conformed = check(wanted, target)
        if conformed.report:
            sentences.append(_report_sentence(wanted.port_name, conformed.report))
            errors += [{"output": wanted.port_name, **error.as_dict()} for error in conformed.report.errors]
            continue
        diff = None
        if wanted.expected:
            with watch.phase("compare"):
                paths, digests = [part.path for part in conformed.parts], [part.digest for part in conformed.parts]
                diff = compare_output(wanted.expected, paths, conformed.row_count, wanted.options, digests)
        outputs.append(JudgedOutput(wanted.port_name, conformed, diff))
    if errors:
        message = " ".join(sentences)
        return Judgement(Verdict.FAILED, Reason.INVALID_OUTPUT, message, errors, outputs, watch.milliseconds)
    wrong = [output for output in outputs if output.diff and not output.diff.is_equal]
    if wrong:
        message = "; ".join(f"{output.port_name}: {output.diff.summary}" for output in wrong if output.diff)
        return Judgement(Verdict.FAILED, Reason.MISMATCH, message, [], outputs, watch.milliseconds)
    return Judgement(Verdict.PASSED, outputs=outputs, timings_ms=watch.milliseconds)


def _target(actual: Destination, position: int, wanted: WantedOutput) -> Destination:
    """Where an output goes. Its rows are numbered like those of a Table that was written at once: so the same rows in
    the same order are the same Part, which is stored already and needs no comparison."""
    version = wanted.expected.number if wanted.expected else actual.version
    return replace(actual, prefix=f"{actual.prefix}-{position}", version=version)


def _report_sentence(port_name: str, report: Report) -> str:
    listed = "; ".join(error.message for error in report.errors[:MESSAGE_ERRORS])
    more = ", and more" if report.error_count > MESSAGE_ERRORS else ""
    return f"The output {port_name} does not conform to its object: {listed}{more}."


def _taken_as_expected(output: OutputTable, wanted: WantedOutput, actual: Destination) -> Conformed | None:
    """An output whose file is the Part that is expected, byte by byte: it conforms as that does. Nothing is read.

    None of any other: what a child says of its file is not believed.
    """
    expected = wanted.expected
    if not output.is_part or not expected or any(_column_errors(output.columns, wanted.schema)):
        return None
    row_count = expected.row_count
    part = part_file(output.path, row_count, actual.first_row_id, actual.first_row_id + row_count - 1)
    if (part.digest,) != expected.digests:
        return None
    path = shutil.move(output.path, actual.directory / f"{actual.prefix}.parquet")
    return Conformed((replace(part, path=Path(path)),), row_count)


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


def compare_output(
    expected: BoundTable, paths: Sequence[Path], row_count: int, options: ComparisonOptions, digests: Sequence[str] = ()
) -> TableDiff:
    """How the rows of an output, in these Parts, differ from what is expected.

    digests: of the Parts. Where they are those of the expected rows, nothing is read.
    """
    schema = expected.schema
    is_small = expected.row_count + row_count <= SMALL_ROWS
    with engine.cursor(is_serial=is_small) as connection:
        return compare(
            connection,
            table_relation(expected.paths, schema, expected.row_count, expected.digests),
            table_relation(paths, schema, row_count, digests),
            options,
        )


def table_relation(paths: Sequence[Path], schema: Schema, row_count: int, digests: Sequence[str] = ()) -> Relation:
    """The rows of Parts that conform to a schema, with all that is known of them."""
    columns = (*schema.columns, ("_id", "BIGINT"), ("_version", "BIGINT"))
    return Relation(
        rows_sql(paths, schema.columns), columns, row_count, tuple(schema.primary_key), digests=tuple(digests)
    )
