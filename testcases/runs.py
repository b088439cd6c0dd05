"""Runs: which test cases, with which implementations, in which order. How trials go: testcases.running."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain, islice
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from catalog.conformance import Destination
from catalog.models import Application, Configuration, ObjectVersion, TableVersion, VersionPart
from catalog.reading import GonePartError, part_paths
from catalog.rules.secrets import ConfigurationError, ResolvedConfiguration
from config import temporary
from processes.models import Implementation
from testcases.judging import Judgement
from testcases.models import Binding, Run, TestCase
from testcases.models.runs import Reason, Verdict
from testcases.recording import Fence, Judged, Progress, Recorder, RunEndedError
from testcases.running import Bench, Pending
from testcases.trials import BoundTable, Untried, prepare

CANCELLED: Final = Judgement(Verdict.SKIPPED, Reason.CANCELLED, "The run was cancelled before this case.")
CASES_LOADED = 200
UNUSED_FIELDS = ("summary", "tags", "created_at", "updated_at")
CASES_A_WORKER = 8  # a worker starts a process, which takes as long as some cases

__all__ = ["execute_run", "overall_verdict", "run_test_cases", "start_run"]


@dataclass(frozen=True)
class How:
    """How a Run is executed. A Job that drives one gives all of these.

    progress: told (done, total, Result) for each Result that was stored. should_stop: asked before each case; none is
    begun after it said so, and the rest is skipped as cancelled. fenced: a context around each write, which raises
    where the caller may not write any more. resumes: takes up a Run that is running but whose worker is gone, what has
    a Result is not judged again, and leaves it running for another if this process is to end. workers: how many cases
    at once; by default the number of cores.
    """

    progress: Progress | None = None
    should_stop: Callable[[], bool] = lambda: False
    fenced: Fence = nullcontext
    resumes: bool = False
    workers: int | None = None


def start_run(
    application: Application,
    test_cases: Iterable[TestCase],
    selection: Mapping[str, Any] | None = None,
    author: Any = None,
    implementations: Sequence[str] = (),
    configuration: Configuration | None = None,
) -> Run:
    """A queued Run over these cases, each with every implementation that is named; names may be patterns (`*`).

    By default each function's first. Two queries. Where a function lacks an implementation of a plain name, its
    cases will be skipped with that reason.
    """
    cases = list(test_cases)
    plan = _plan({case.function_id for case in cases}, implementations)
    asked: dict[str, Any] = {"test_cases": [case.pk for case in cases], "plan": plan}
    if implementations:
        asked["implementations"] = list(implementations)
    if configuration:
        asked["configuration"] = {"name": configuration.name, "digest": configuration.digest}
    return Run.objects.create(
        application=application,
        selection={**(selection or {}), **asked},
        configuration=configuration,
        total=_planned_results(cases, plan),
        created_by=author,
    )


def trial_count(test_cases: Iterable[TestCase], implementations: Sequence[str] = ()) -> int:
    """How many Results a Run over these cases will have."""
    cases = list(test_cases)
    return _planned_results(cases, _plan({case.function_id for case in cases}, implementations))


def _planned_results(cases: Iterable[TestCase], plan: Mapping[str, Sequence[str]]) -> int:
    return sum(len(plan[case.function_id]) for case in cases)


def _plan(functions: Iterable[str], wanted: Sequence[str]) -> dict[str, list[str]]:
    """Names of implementations by function; "" where it has none."""
    names: dict[str, list[str]] = {function: [] for function in functions}
    for function, name in Implementation.objects.filter(function__in=names).values_list("function_id", "name"):
        names[function].append(name)
    return {function: _planned(own, wanted) or [""] for function, own in names.items()}


def _planned(own: Sequence[str], wanted: Sequence[str]) -> list[str]:
    if not wanted:
        return list(own[:1])
    found: dict[str, None] = {}
    for name in wanted:
        alike = [each for each in own if fnmatchcase(each, name)]
        found |= dict.fromkeys([name] if name in own else alike or ([] if is_pattern(name) else [name]))
    return list(found)


def is_pattern(name: str) -> bool:
    """Whether a name stands for many."""
    return any(sign in name for sign in "*?[")


def run_test_cases(
    application: Application,
    test_cases: Iterable[TestCase],
    selection: Mapping[str, Any] | None = None,
    author: Any = None,
    implementations: Sequence[str] = (),
    configuration: Configuration | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Run:
    """Start a Run and execute it while the caller waits."""
    run = start_run(application, test_cases, selection, author, implementations, configuration)
    return execute_run(run, How(progress, workers=workers))


def execute_run(run: Run, how: How | None = None) -> Run:
    """Judge every case of a Run that is not judged yet. Results are stored a few at a time; the Run's counts are those
    stored. A Run that another has begun is left alone, unless `how` resumes it.

    An exception that ends it, such as Ctrl-C, leaves it cancelled with what was judged; one from the fence, as it was.
    If somebody else cancels it meanwhile, or deletes it, nothing more is stored.
    """
    how = how or How()
    open_states = [Run.State.QUEUED, *([Run.State.RUNNING] if how.resumes else [])]
    with how.fenced():
        claimed = Run.objects.filter(pk=run.pk, state__in=open_states).update(
            state=Run.State.RUNNING, started_at=Coalesce(F("started_at"), timezone.now()), heard_at=timezone.now()
        )
    run.refresh_from_db()
    if not claimed:
        return run
    try:
        is_whole = _Execution(run, how).judge_all()
        _end(run, Run.State.FINISHED if is_whole else Run.State.CANCELLED, how)
    except RunEndedError:
        return Run.objects.filter(pk=run.pk).first() or _deleted(run)
    except BaseException as error:
        if isinstance(error, Exception) or not how.resumes:
            with suppress(Exception):
                _end(run, Run.State.CANCELLED, how)
        raise
    return run


def _end(run: Run, state: Run.State, how: How) -> None:
    outcome: dict[str, Any] = {"state": state, "finished_at": timezone.now()}
    if state == Run.State.FINISHED:
        outcome["verdict"] = overall_verdict(run.counts)
    with how.fenced(), transaction.atomic():
        if not Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(**outcome):
            raise RunEndedError
    for name, value in outcome.items():
        setattr(run, name, value)


def _deleted(run: Run) -> Run:
    run.state = Run.State.CANCELLED
    return run


def overall_verdict(counts: Mapping[str, int]) -> str:
    """`error` if any is, else `failed` if any is, else `passed`, else `skipped`."""
    for verdict in (Verdict.ERROR, Verdict.FAILED, Verdict.PASSED):
        if counts[verdict]:
            return verdict
    return Verdict.SKIPPED


class _Execution:
    """One execution of a Run."""

    def __init__(self, run: Run, how: How) -> None:
        self.run = run
        self.how = how
        self.refusal = ""
        self.configuration: ResolvedConfiguration | None = None
        try:
            self.configuration = run.configuration.resolve() if run.configuration else None
        except ConfigurationError as error:
            self.refusal = str(error)
        self.judged = set(run.results.values_list("test_case_id", "implementation_name")) if how.resumes else set()
        digest = run.configuration.digest if run.configuration else ""
        self.recorder = Recorder(run, digest, len(self.judged), how.fenced, how.progress)

    def judge_all(self) -> bool:
        """Whether it came to its end, and was not told to stop."""
        cores = self.how.workers or len(os.sched_getaffinity(0))
        workers = max(1, min(cores, self.run.total // CASES_A_WORKER))
        waiting: deque[tuple[Judged, Pending]] = deque()
        has_stopped = False
        with temporary.directory("run") as directory, Bench(workers) as bench:
            cases = self._cases()
            for position, judged in enumerate(cases):
                has_stopped = self.how.should_stop()
                if has_stopped:
                    cases = chain([judged], cases)
                    break
                waiting.append((judged, self._begin(bench, judged, Destination(directory, prefix=str(position)))))
                if len(waiting) >= 2 * workers or workers == 1:
                    self._settle(waiting)
            while waiting:
                self._settle(waiting)
            if has_stopped:
                for judged in cases:
                    self.recorder.add(judged, CANCELLED)
            self.recorder.flush()
        return not has_stopped

    def _begin(self, bench: Bench, judged: Judged, actual: Destination) -> Pending:
        trial = prepare(judged.case, judged.implementation, judged.tables, self.configuration)
        if self.refusal and not isinstance(trial, Untried):
            trial = Untried(Verdict.ERROR, Reason.EXECUTION_ERROR, self.refusal)
        if isinstance(trial, Untried):
            judgement = Judgement(trial.verdict, trial.reason, trial.message)
            return lambda: judgement
        return bench.begin(trial, actual)

    def _settle(self, waiting: deque[tuple[Judged, Pending]]) -> None:
        judged, pending = waiting.popleft()
        self.recorder.add(judged, pending())

    def _cases(self) -> Iterator[Judged]:
        """What is to be judged, in the order asked for; a handful of queries for CASES_LOADED cases."""
        plan = self.run.selection["plan"]
        for case, bound in _cases_with_tables(self.run.selection["test_cases"]):
            implementations = {each.name: each for each in case.function.implementations.all()}
            for name in plan[case.function_id]:
                if (case.pk, name) not in self.judged:
                    yield Judged(case, name, implementations.get(name), bound)


def _cases_with_tables(ids: Sequence[str]) -> Iterator[tuple[TestCase, dict[str, BoundTable]]]:
    """The cases in the order asked for, each with its tables by port; the cases of a function share that."""
    remaining = iter(ids)
    while chunk := list(islice(remaining, CASES_LOADED)):
        cases = TestCase.objects.filter(pk__in=chunk).defer(*UNUSED_FIELDS).order_by()
        found = {
            case.pk: case for case in cases.prefetch_related("function__ports__object", "function__implementations")
        }
        tables = _tables_of_cases(chunk)
        for pk in chunk:
            # A case may have been deleted since the Run was asked for.
            if pk in found:
                yield found[pk], tables[pk]


def _tables_of_cases(cases: Sequence[str]) -> dict[str, dict[str, BoundTable]]:
    """For each of these cases, by port, the newest version of the Table that is bound; all Parts that are missing here
    in one query."""
    bindings = Binding.objects.filter(test_case__in=cases).order_by("test_case", "port__position")
    places = list(bindings.values_list("test_case_id", "port_id", "table_id"))
    newest = TableVersion.objects.filter(table__in={table for _, _, table in places}, number=F("table__version"))
    tables = bound_versions(newest)
    found: dict[str, dict[str, BoundTable]] = {case: {} for case in cases}
    for case, port, table in places:
        found[case][port] = tables[table]
    return found


def bound_versions(versions: Any) -> dict[str, BoundTable]:
    """These TableVersions by the Table's id, with their Parts; three queries."""
    fields = ("pk", "number", "row_count", "object_version_id", "table_id")
    found = list(versions.order_by().values_list(*fields))
    shapes = ObjectVersion.objects.in_bulk({shape for _, _, _, shape, _ in found})  # parsed once for all their tables
    parts: dict[str, list[str]] = {pk: [] for pk, *_ in found}
    places = VersionPart.objects.filter(version__in=parts).order_by("version", "position")
    for version_id, digest in places.values_list("version_id", "part_id"):
        parts[version_id].append(digest)
    with suppress(GonePartError):  # each case whose rows are gone is told so
        part_paths([digest for digests in parts.values() for digest in digests])
    return {
        table: BoundTable(pk, number, row_count, shapes[shape], tuple(parts[pk]))
        for pk, number, row_count, shape, table in found
    }
