"""Trials side by side: threads, each with an Executor of its own, and judgements in the order of the trials."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import duckdb

from catalog.conformance import Destination
from catalog.parts import CorruptPartError
from catalog.reading import GonePartError, part_paths, with_parts
from processes.execution import Executor
from processes.sandbox import open_executor
from testcases.judging import Judgement, judge
from testcases.models.runs import Reason, Verdict
from testcases.trials import Trial

Pending = Callable[[], Judgement]


class Bench:
    """Judges trials with so many workers; with one, in the caller's thread and when it is asked for.

    A child belongs to the thread that started it, so each thread has an Executor; none has a connection to the
    database. A trial whose Parts are gone from this machine is judged again by the caller, who can fetch them.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._own = threading.local()
        self._executors: list[Executor] = []
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="trial") if workers > 1 else None
        if self._pool:  # which looks how children can be kept in, while the caller loads the first trials
            self._pool.submit(self._executor)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        for executor in self._executors:
            executor.close()

    def begin(self, trial: Trial, actual: Destination) -> Pending:
        """Have a trial judged; the answer waits for the judgement."""
        if self._pool is None:
            return lambda: self._judge_here(trial, actual)
        future = self._pool.submit(self._judge, trial, actual)
        return lambda: self._judgement(future, trial, actual)

    def _judge(self, trial: Trial, actual: Destination) -> Judgement:
        return judge(trial, self._executor(), actual)

    def _executor(self) -> Executor:
        executor: Executor | None = getattr(self._own, "executor", None)
        if executor is None:
            executor = self._own.executor = open_executor()
            self._executors.append(executor)
        return executor

    def _judgement(self, future: Future[Judgement], trial: Trial, actual: Destination) -> Judgement:
        try:
            return future.result()
        except (duckdb.IOException, duckdb.InvalidInputException, OSError):
            return self._judge_here(trial, actual)

    def _judge_here(self, trial: Trial, actual: Destination) -> Judgement:
        """Judge in the caller's thread, and again if a cached file was deleted meanwhile."""

        def work() -> Judgement:
            part_paths(trial.digests)
            return self._judge(trial, actual)

        try:
            return with_parts(lambda: trial.digests, work)
        except (GonePartError, CorruptPartError) as error:
            message = f"The rows of a table that stands on a port can't be read any more: {error}"
            return Judgement(Verdict.ERROR, Reason.INVALID_INPUT, message)
