"""kill -9 in the middle of a Run: `python -m benchmarks.jobs_runs [CASES] [KILLS]`.

A worker judges CASES small cases (500) and is killed KILLS times (2) on the way, in the transaction that would store so
many of the Results; each time the next worker finds the job when its lease has run out, and goes on. Each case must
have one Result, and the Run's counts be those of its Results; ends with exit code 1 if not. DATABASE_URL names the
database; without it, an empty SQLite one.
"""

import os
import subprocess
import sys
import threading
import time
from typing import Any

from benchmarks.jobs_crash import LEASE_SECONDS, wait
from benchmarks.small_cases import build
from benchmarks.workplace import ROOT, workplace

CASES = 500
KILLS = 2
WORKER = [sys.executable, "manage.py", "db_worker", "--no-reload", "--no-startup-delay", "--interval", "0.1"]
STALLED = b"stalled\n"


def measure(case_count: int, kills: int) -> int:
    """Defer a Run and kill its workers, spread over the way; gives the exit code."""
    os.environ["JOB_LEASE_SECONDS"] = LEASE_SECONDS
    with workplace():
        from django.db import connection

        from catalog.models import Application
        from jobs.models import Job
        from testcases.deferring import defer_run
        from testcases.models import Result, TestCase

        application = Application.objects.create(name=f"benchmark {time.time()}")
        build(application, case_count)
        run = defer_run(application, TestCase.objects.filter(application=application))
        started = time.perf_counter()
        for kill in range(kills):
            goal = case_count * (kill + 1) // (kills + 1)
            stalling = [sys.executable, "-m", "benchmarks.jobs_runs", "worker", str(goal)]
            with subprocess.Popen(stalling, cwd=ROOT, stdout=subprocess.PIPE) as process:
                told = process.stdout.readline() if process.stdout else b""
                process.kill()
            if told != STALLED:
                raise RuntimeError("The worker ended before it was killed.")
            print(f"killed after {run.results.count()} results", flush=True)
        with subprocess.Popen(WORKER, cwd=ROOT) as process:
            wait(lambda: Job.objects.get(pk=run.job_id).has_ended)
            process.terminate()
        run.refresh_from_db()
        job = Job.objects.get(pk=run.job_id)
        stored = Result.objects.filter(run=run)
        found, distinct = stored.count(), stored.values("test_case").distinct().count()
        print(f"{run.state}, {run.verdict} in attempt {job.attempt} after {time.perf_counter() - started:.1f} seconds")
        print(f"{found} results, {distinct} cases; {run.passed} are counted as passed, {run.done} in all")
        outcome = (found, distinct, run.passed, run.done, run.state, job.state, job.attempt)
        connection.close()
        return 0 if outcome == (*[case_count] * 4, "finished", "finished", kills + 1) else 1


def serve(goal: int) -> None:
    """A worker that stalls in the transaction that would store Result number `goal`, and says so."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from testcases.recording import Recorder

    write = Recorder._write

    def stalling(recorder: Recorder, entries: Any) -> None:
        write(recorder, entries)
        if recorder.run.done >= goal:
            sys.stdout.buffer.write(STALLED)
            sys.stdout.buffer.flush()
            threading.Event().wait()

    Recorder._write = stalling  # type: ignore[method-assign, assignment]
    call_command("db_worker", reload=False, startup_delay=False, interval=0.1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        serve(int(sys.argv[2]))
        sys.exit()
    case_count, kills, *_ = [*map(int, sys.argv[1:]), *(CASES, KILLS)[len(sys.argv) - 1 :]]
    sys.exit(measure(case_count, kills))
