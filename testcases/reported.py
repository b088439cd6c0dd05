"""Runs of implementations outside of the catalog: a client runs them, and reports outputs or an error, case by case.

The verdict falls here, by the very path that judges what the catalog runs itself.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from catalog.conformance import Conformed, Destination
from catalog.keys import conform_with_keys
from catalog.models import Application, TableVersion
from catalog.parts import CorruptPartError
from catalog.reading import GonePartError, part_paths, with_parts
from catalog.row_errors import Report, RowError
from catalog.schema import Schema
from catalog.sources import Source
from config import temporary
from config.problems import nearest
from processes.execution import ExecutionError
from processes.models import Direction, Implementation
from testcases.judging import Judgement, judge_outcome
from testcases.models import Run, TestCase
from testcases.models.runs import Reason, Verdict
from testcases.recording import Judged, Recorder, RunEndedError
from testcases.runs import bound_versions, overall_verdict
from testcases.trials import BoundTable, Trial, Untried, WantedOutput, prepare

REPORTED: Final = "reported"
Port = tuple[str, str]
"""The direction and the name of a port."""


class NotReportedError(Exception):
    """The Run is executed here: nobody reports its Results."""


class AlreadyReportedError(Exception):
    """The test case has its Result in this Run."""


class UnknownPinError(Exception):
    """The client read a version of a table that isn't there, or that no longer stands on the port."""


@dataclass(frozen=True)
class Pinned:
    """The version of a Table that the client read from a port."""

    table_id: str
    number: int


@dataclass(frozen=True)
class OutputRows:
    """The rows of an output, and the names that any of them has; a row that lacks one of these has null there."""

    source: Source
    row_count: int
    names: frozenset[str]


@dataclass(frozen=True)
class Reported:
    """What came of a case: rows by output port, or an error. `pins`: what the client read; the newest by default."""

    test_case_id: str
    outputs: Mapping[str, OutputRows] = field(default_factory=dict)
    error: ExecutionError | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    pins: Mapping[Port, Pinned] = field(default_factory=dict)


def start_reported_run(
    application: Application,
    test_cases: Sequence[TestCase],
    implementation_name: str,
    selection: Mapping[str, Any],
    author: Any = None,
) -> Run:
    """A running Run over these cases, each with the one implementation that only the client knows."""
    ids = [case.pk for case in test_cases]
    plan = {case.function_id: [implementation_name] for case in test_cases}
    asked = {"test_cases": ids, "plan": plan, "implementations": [implementation_name], REPORTED: True}
    now = timezone.now()
    return Run.objects.create(
        application=application,
        selection={**selection, **asked},
        state=Run.State.RUNNING,
        started_at=now,
        heard_at=now,
        total=len(ids),
        created_by=author,
    )


def finish_reported_run(run: Run) -> Run:
    """End a Run with the verdict on what was reported; cases that were not reported are no part of it any more.

    Raises NotReportedError and RunEndedError.
    """
    with transaction.atomic():
        held = Run.objects.select_for_update().get(pk=run.pk)
        _check_open(held)
        held.state, held.finished_at = Run.State.FINISHED, timezone.now()
        held.verdict, held.total = overall_verdict(held.counts), held.done
        held.save(update_fields=["state", "finished_at", "verdict", "total"])
    return Run.objects.with_names().get(pk=run.pk)


def record_reported(run: Run, reported: Reported) -> str:
    """Judge what was reported and store the Result; its id.

    Raises NotReportedError, RunEndedError, AlreadyReportedError, UnknownPinError, and ValidationError for a case that
    is not one of the Run's and for ports that are not the function's.
    """
    _check_open(run)
    case = _case(run, reported.test_case_id)
    if run.results.filter(test_case=case).exists():
        raise _already_reported(case)
    _check_ports(case, reported)
    judged = Judged(case, run.selection["implementations"][0], None, _tables(case, reported.pins))
    recorder = Recorder(run, "", run.done, nullcontext, None)
    with temporary.directory("report") as directory:
        recorder.add(judged, _judgement(judged, reported, Destination(directory, prefix="reported")))
        try:
            recorder.flush()
        except IntegrityError as error:
            if run.results.filter(test_case=case).exists():  # reported twice at the same time
                raise _already_reported(case) from error
            raise
        except RunEndedError as error:
            raise _ended() from error
    return str(run.results.values_list("pk", flat=True).get(test_case=case))


def _check_open(run: Run) -> None:
    if REPORTED not in run.selection:
        message = "The catalog executes this run itself. Begin one to report to with POST /api/v1/runs/reported."
        raise NotReportedError(message)
    if run.has_ended:
        raise _ended()


def _ended() -> RunEndedError:
    return RunEndedError("The run has ended; begin another one to report to.")


def _already_reported(case: TestCase) -> AlreadyReportedError:
    return AlreadyReportedError(f"The test case {case.name!r} has its result in this run; a result never changes.")


def _case(run: Run, pk: str) -> TestCase:
    found = None
    if pk in run.selection["test_cases"]:
        cases = TestCase.objects.filter(pk=pk).with_parts()
        found = cases.prefetch_related("function__ports__object").first()
    if found is None:
        message = f"The run has no test case {pk!r}; it lists the ones that it was begun with."
        raise ValidationError({"test_case": ValidationError(message, code="does_not_exist")})
    return found


def _check_ports(case: TestCase, reported: Reported) -> None:
    bound = {(each.port.direction, each.port.name) for each in case.bindings.all()}
    sides = {
        "outputs": ([port.name for port in case.function.outputs], list(reported.outputs)),
        "pins": ([name for _, name in bound], [name for side, name in reported.pins if (side, name) not in bound]),
    }
    errors = {}
    for member, (known, given) in sides.items():
        unknown = [name for name in given if member == "pins" or name not in known]
        if unknown:
            noun = "output" if member == "outputs" else "table on such a port"
            message = f"The test case has no {noun} {unknown[0]!r}; {nearest(unknown[0], known)}"
            errors[member] = ValidationError(message, code="unknown_port")
    if errors:
        raise ValidationError(errors)


def _tables(case: TestCase, pins: Mapping[Port, Pinned]) -> dict[str, BoundTable]:
    """By id of the port, the versions that the client read, the newest where it doesn't say."""
    bindings = list(case.bindings.all())
    wanted = []
    for binding in bindings:
        pinned = pins.get((binding.port.direction, binding.port.name))
        if pinned and pinned.table_id != binding.table_id:
            message = f"The port {binding.port.name!r} has another table now; read the test case again."
            raise UnknownPinError(message)
        wanted.append(Q(table=binding.table_id, number=pinned.number if pinned else F("table__version")))
    found = bound_versions(TableVersion.objects.filter(reduce(or_, wanted))) if wanted else {}
    for binding in bindings:
        pinned = pins.get((binding.port.direction, binding.port.name))
        version = found.get(binding.table_id)
        if version is None or (pinned and pinned.number != version.number):
            asked = f"version {pinned.number}" if pinned else "rows"
            message = f"The table {binding.table.name!r} has no {asked} to judge by; read the test case again."
            raise UnknownPinError(message)
    return {binding.port_id: found[binding.table_id] for binding in bindings}


def _judgement(judged: Judged, reported: Reported, actual: Destination) -> Judgement:
    # What the implementation is made of is not known here, and nothing runs it.
    stand_in = Implementation(function=judged.case.function, name=judged.implementation_name)
    trial = prepare(judged.case, stand_in, judged.tables)
    if isinstance(trial, Untried):
        return Judgement(trial.verdict, trial.reason, trial.message)
    try:
        return with_parts(lambda: trial.digests, lambda: _judge(trial, reported, actual))
    except (GonePartError, CorruptPartError) as error:
        message = f"The rows of a table that stands on a port can't be read any more: {error}"
        return Judgement(Verdict.ERROR, Reason.INVALID_INPUT, message)


def _judge(trial: Trial, reported: Reported, actual: Destination) -> Judgement:
    part_paths(trial.digests)

    def check(wanted: WantedOutput, target: Destination) -> Conformed:
        return _conformed(reported.outputs[wanted.port_name], wanted.schema, target)

    return judge_outcome(trial, _error(trial, reported), check, reported.timings_ms, actual)


def _conformed(rows: OutputRows, schema: Schema, target: Destination) -> Conformed:
    """The rows as Parts. A table without one of its columns is refused, as `check_output` refuses it."""
    absent = [name for name in schema.names if rows.row_count and name not in rows.names]
    if not absent:
        return conform_with_keys(rows.source, schema, target)
    errors = [RowError(0, name, "missing_attribute", f"the attribute {name!r} is missing") for name in absent]
    return Conformed((), rows.row_count, Report(tuple(errors), len(errors), rows.row_count))


def _error(trial: Trial, reported: Reported) -> ExecutionError | None:
    lacking = [wanted.port_name for wanted in trial.outputs if wanted.port_name not in reported.outputs]
    if reported.error or not lacking:
        return reported.error
    message = f"The function gives no table for {', '.join(lacking)}."
    return ExecutionError("output", "missing_output", message, lacking[0])


def pins_by_port(inputs: Mapping[str, Pinned], outputs: Mapping[str, Pinned]) -> dict[Port, Pinned]:
    """Pins of both sides in one mapping."""
    sides = {Direction.INPUT: inputs, Direction.OUTPUT: outputs}
    return {(str(side), name): pinned for side, pins in sides.items() for name, pinned in pins.items()}
