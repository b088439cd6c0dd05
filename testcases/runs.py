"""Runs: which test cases, in which order, and how their Results reach the database."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from catalog.conformance import Destination, PartFile
from catalog.models import Application, TableVersion, VersionPart
from catalog.reading import part_paths, with_parts
from catalog.writing import store_parts
from processes.execution import Executor, Limits
from processes.models import Implementation
from testcases.judging import BoundTable, Judgement, judge
from testcases.models import ActualPart, Pin, Result, ResultOutput, Run, TestCase
from testcases.models.runs import Verdict

CASES_LOADED = 200
RESULTS_WRITTEN = 50
WRITE_INTERVAL_SECONDS = 0.5

Progress = Callable[[int, int, Result], None]


def start_run(
    application: Application,
    test_cases: Iterable[TestCase],
    selection: Mapping[str, Any] | None = None,
    author: Any = None,
    implementation: str | None = None,
) -> Run:
    """A queued Run over these cases. `implementation` names the one to use; by default each function's first."""
    names = {"test_cases": [case.pk for case in test_cases], "implementation": implementation}
    return Run.objects.create(
        application=application,
        selection={**(selection or {}), **names},
        total=len(names["test_cases"] or ()),
        created_by=author,
    )


def execute_run(run: Run, progress: Progress | None = None) -> Run:
    """Judge every case of a queued Run. Results are stored a few at a time; the Run's counts are those stored."""
    claimed = Run.objects.filter(pk=run.pk, state=Run.State.QUEUED).update(
        state=Run.State.RUNNING, started_at=timezone.now()
    )
    run.refresh_from_db()
    if not claimed:
        return run
    try:
        _judge_all(run, progress)
        run.state, run.verdict = Run.State.FINISHED, overall_verdict(run.counts)
    finally:
        if run.state != Run.State.FINISHED:  # stopped by an exception: Ctrl-C, a full disk
            run.state = Run.State.CANCELLED
        run.finished_at = timezone.now()
        run.save(update_fields=["state", "verdict", "finished_at"])
    return run


def _judge_all(run: Run, progress: Progress | None) -> None:
    with tempfile.TemporaryDirectory(prefix="exemplar-run-") as directory, open_executor() as executor:
        recorder = _Recorder(run, progress)
        for position, (case, bound) in enumerate(_cases_with_tables(run.selection["test_cases"])):
            implementation = _implementation(case, run.selection.get("implementation"))
            actual = Destination(Path(directory), prefix=str(position))
            judgement = _judge_again_if_parts_went(bound, partial(judge, case, implementation, bound, executor, actual))
            recorder.add(case, implementation, bound, judgement)
        recorder.flush()


def _judge_again_if_parts_went(tables: Mapping[str, BoundTable], work: Callable[[], Judgement]) -> Judgement:
    """The judgement; done again if a cached file was deleted meanwhile."""
    return with_parts(lambda: [digest for each in tables.values() for digest in each.digests], work)


def run_test_cases(
    application: Application,
    test_cases: Iterable[TestCase],
    selection: Mapping[str, Any] | None = None,
    author: Any = None,
    implementation: str | None = None,
    progress: Progress | None = None,
) -> Run:
    """Start a Run and execute it while the caller waits."""
    return execute_run(start_run(application, test_cases, selection, author, implementation), progress)


def open_executor() -> Executor:
    """An Executor with the limits of the settings."""
    limits = Limits(
        wall_seconds=settings.SANDBOX_WALL_SECONDS,
        memory_bytes=settings.SANDBOX_MEMORY_BYTES,
        temp_bytes=settings.SANDBOX_TEMP_BYTES,
        threads=settings.SANDBOX_THREADS,
        output_rows=settings.SANDBOX_OUTPUT_ROWS,
        output_bytes=settings.SANDBOX_OUTPUT_BYTES,
    )
    return Executor(limits, isolation=settings.SANDBOX_ISOLATION)


def overall_verdict(counts: Mapping[str, int]) -> str:
    """`error` if any is, else `failed` if any is, else `passed`, else `skipped`."""
    for verdict in (Verdict.ERROR, Verdict.FAILED, Verdict.PASSED):
        if counts[verdict]:
            return verdict
    return Verdict.SKIPPED


def _implementation(case: TestCase, name: str | None) -> Implementation | None:
    implementations = list(case.function.implementations.all())
    if name is None:
        return implementations[0] if implementations else None
    return next((each for each in implementations if each.name == name), None)


def _cases_with_tables(ids: Sequence[str]) -> Iterator[tuple[TestCase, dict[str, BoundTable]]]:
    """The cases in the order asked for, each with its tables by port; a handful of queries for CASES_LOADED cases."""
    remaining = iter(ids)
    while chunk := list(islice(remaining, CASES_LOADED)):
        found = {
            case.pk: case
            for case in TestCase.objects.filter(pk__in=chunk)
            .with_parts()
            .prefetch_related("function__ports__object", "function__implementations")
        }
        tables = _bound_tables(found.values())
        for pk in chunk:
            # A case may have been deleted since the Run was asked for.
            if pk in found:
                bindings = found[pk].bindings.all()
                yield found[pk], {each.port_id: tables[each.table_id] for each in bindings}


def _bound_tables(cases: Iterable[TestCase]) -> dict[str, BoundTable]:
    """The newest version of every bound Table, by the Table's id; all Parts that are missing here in one query."""
    table_ids = {binding.table_id for case in cases for binding in case.bindings.all()}
    versions = TableVersion.objects.filter(table__in=table_ids, number=F("table__version")).select_related(
        "object_version", "table"
    )
    shared = {version.object_version_id: version.object_version for version in versions}
    parts: dict[str, list[str]] = {version.pk: [] for version in versions}
    for version_id, digest in (
        VersionPart.objects.filter(version__in=parts)
        .order_by("version", "position")
        .values_list("version_id", "part_id")
    ):
        parts[version_id].append(digest)
    part_paths([digest for digests in parts.values() for digest in digests])
    bound = {}
    for version in versions:
        version.object_version = shared[version.object_version_id]  # parsed once for all its tables
        bound[version.table_id] = BoundTable(version, tuple(parts[version.pk]))
    return bound


@dataclass(frozen=True)
class _Entry:
    """A Result on its way to the database, with what belongs to it."""

    result: Result
    judgement: Judgement
    pins: list[Pin]


class _Recorder:
    """Stores Results a few at a time, so that a small case doesn't cost a transaction of its own."""

    def __init__(self, run: Run, progress: Progress | None) -> None:
        self.run = run
        self.progress = progress
        self.entries: list[_Entry] = []
        self.written_at = time.monotonic()
        self.done = 0

    def add(
        self,
        case: TestCase,
        implementation: Implementation | None,
        tables: Mapping[str, BoundTable],
        judgement: Judgement,
    ) -> None:
        result = Result(
            run=self.run,
            test_case=case,
            implementation=implementation,
            implementation_name=implementation.name if implementation else "",
            implementation_digest=implementation.digest if implementation else "",
            verdict=judgement.verdict,
            reason=judgement.reason,
            message=judgement.message,
            errors=list(judgement.errors),
            timings_ms=dict(judgement.timings_ms),
        )
        ports = {port.pk: port for port in case.function.ports.all()}
        pins = [
            Pin(
                result=result,
                direction=ports[port_id].direction,
                port_name=ports[port_id].name,
                table_version=bound.version,
            )
            for port_id, bound in tables.items()
        ]
        self.entries.append(_Entry(result, judgement, pins))
        late = time.monotonic() - self.written_at > WRITE_INTERVAL_SECONDS
        if late or len(self.entries) >= RESULTS_WRITTEN:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered in one transaction, then say so."""
        entries, self.entries = self.entries, []
        with transaction.atomic():
            Result.objects.bulk_create(entry.result for entry in entries)
            Pin.objects.bulk_create(pin for entry in entries for pin in entry.pins)
            self._write_outputs(entries)
            for entry in entries:
                verdict = entry.result.verdict
                setattr(self.run, verdict, getattr(self.run, verdict) + 1)
            self.run.save(update_fields=[verdict.value for verdict in Verdict])
        for entry in entries:
            for output in entry.judgement.outputs:
                for part in output.conformed.parts:
                    part.path.unlink(missing_ok=True)
            self.done += 1
            if self.progress:
                self.progress(self.done, self.run.total, entry.result)
        self.written_at = time.monotonic()

    @staticmethod
    def _write_outputs(entries: Sequence[_Entry]) -> None:
        outputs: list[ResultOutput] = []
        parts: list[PartFile] = []
        places: list[ActualPart] = []
        for entry in entries:
            for judged in entry.judgement.outputs:
                output = ResultOutput(
                    result=entry.result,
                    port_name=judged.port_name,
                    row_count=judged.conformed.row_count,
                    diff=judged.diff.as_dict() if judged.diff else None,
                )
                outputs.append(output)
                parts += judged.conformed.parts
                places += [
                    ActualPart(output=output, part_id=part.digest, position=position)
                    for position, part in enumerate(judged.conformed.parts)
                ]
        store_parts(parts)
        ResultOutput.objects.bulk_create(outputs)
        ActualPart.objects.bulk_create(places)
