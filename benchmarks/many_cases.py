"""Runs over more and more test cases: `python -m benchmarks.many_cases [CASES ...]` (500, 2,000 and 10,000).

Each size is one Run in a process of its own. Prints cases a second, the CPU and the memory at its peak of the process
that executes the Run, and what telling progress costs: Runs that a Job executes, whose lease is renewed and which is
told how far it is, in turn with Runs that nobody is told of.
"""

import json
import resource
import statistics
import subprocess
import sys
import time

from benchmarks.small_cases import build
from benchmarks.workplace import ROOT, workplace

SIZES = (500, 2_000, 10_000)
TABLE_SETS = 500
PROGRESS_CASES = 500
PROGRESS_ROUNDS = 8
NAME = "many cases"


def run(size: int) -> None:
    """One Run over so many cases of the workplace; prints what it took as JSON."""
    from catalog.models import Application
    from testcases.models import TestCase
    from testcases.runs import execute_run, start_run

    application = Application.objects.get(name=NAME)
    cases = TestCase.objects.filter(application=application).order_by("id").prefetch_related("function")[:size]
    wanted = start_run(application, cases.iterator(chunk_size=500))
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    done = execute_run(wanted)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {"seconds": seconds, "passed": done.passed, "cpu": cpu, "peak": after.ru_maxrss / 1024}
    print(json.dumps(told))


def progress(rounds: int) -> None:
    """Runs that a Job executes, which is told of each batch, and Runs without one, in turn; prints the seconds of each,
    and of its CPU, as JSON."""
    from catalog.models import Application
    from jobs.execution import run_now
    from testcases.deferring import defer_run
    from testcases.models import TestCase
    from testcases.runs import execute_run, start_run

    application = Application.objects.get(name=NAME)
    cases = list(TestCase.objects.filter(application=application).order_by("id")[:PROGRESS_CASES])
    taken: dict[str, list[tuple[float, float]]] = {"told": [], "untold": []}
    for number in range(rounds + 1):
        job, alone = defer_run(application, cases).job, start_run(application, cases)
        if job is None:
            raise RuntimeError("A Run that was deferred has no Job.")
        for kind, work in (("told", lambda: run_now(job)), ("untold", lambda: execute_run(alone))):  # noqa: B023
            started, used = time.perf_counter(), time.process_time()
            work()
            if number:  # the first of each starts more than it measures
                taken[kind].append((time.perf_counter() - started, time.process_time() - used))
    print(json.dumps(taken))


def main(sizes: list[int]) -> None:
    with workplace():
        from catalog.models import Application

        application = Application.objects.create(name=NAME)
        build(application, max(sizes), min(TABLE_SETS, max(sizes)))
        print(f"{'cases':>7} {'seconds':>8} {'cases/s':>8} {'CPU ms a case':>14} {'peak MB':>8}   (of the parent)")
        for size in sizes:
            told = in_own_process("run", size)
            if told["passed"] != size:
                raise SystemExit(f"{told['passed']} of {size} passed")
            each = f"{told['cpu'] / size * 1000:14.2f} {told['peak']:8.0f}"
            print(f"{size:7,} {told['seconds']:8.1f} {size / told['seconds']:8.0f} {each}", flush=True)
        taken = in_own_process("progress", PROGRESS_ROUNDS)
        for place, what in enumerate(("seconds", "CPU of the parent")):
            ratios = [told[place] / alone[place] for told, alone in zip(taken["told"], taken["untold"], strict=True)]
            change = statistics.median(ratios) - 1
            print(f"with progress told: {change:+.1%} {what} (median of {len(ratios)} pairs of Runs)")


def in_own_process(what: str, number: int):  # type: ignore[no-untyped-def]  # any JSON
    """What this module prints when it does that, over the database that this process has in its environment."""
    command = [sys.executable, "-m", "benchmarks.many_cases", what, str(number)]
    return json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout)


if __name__ == "__main__":
    if sys.argv[1:2] in (["run"], ["progress"]):
        with workplace():
            {"run": run, "progress": progress}[sys.argv[1]](int(sys.argv[2]))
    else:
        main([int(each) for each in sys.argv[1:]] or list(SIZES))
