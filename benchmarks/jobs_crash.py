"""kill -9 in the middle of a job: `python -m benchmarks.jobs_crash [STEPS] [KILLS]`.

A worker does a job of STEPS steps (500), each a row in a transaction of its own, and is killed KILLS times (2) on the
way; each time the next worker finds the job when the lease has run out. Each step must be there exactly once, and the
job be finished; ends with exit code 1 if not. DATABASE_URL names the database; without it, an empty SQLite one.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import django

from benchmarks.workplace import ROOT, workplace

STEPS = 500
KILLS = 2
KIND = "steps_of_the_crash_benchmark"
LEASE_SECONDS = "2"
PATIENCE_SECONDS = 300


def measure(steps: int, kills: int) -> int:
    """Enqueue the job and kill its workers, spread over the way; gives the exit code."""
    os.environ["JOB_LEASE_SECONDS"] = LEASE_SECONDS
    with workplace():
        from django.db import connection

        from jobs.execution import enqueue
        from jobs.registry import job_kind

        job_kind(KIND, max_attempts=kills + 1)(work)
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS crash_step")
            cursor.execute("CREATE TABLE crash_step (job varchar(26), step integer, attempt integer)")
        job = enqueue(KIND, {"steps": steps}, total=steps)
        started = time.perf_counter()
        for kill in range(kills):
            with worker() as process:
                wait(lambda: rows() >= steps * (kill + 1) // (kills + 1))  # noqa: B023 (waited for here)
                process.kill()
            print(f"killed after {rows()} steps", flush=True)
        with worker() as process:
            wait(lambda: ended(job))
            process.terminate()
        print(f"{job.state} in attempt {job.attempt} after {time.perf_counter() - started:.1f} seconds")
        found, distinct = rows(), rows("DISTINCT step")
        print(f"{found} steps were done, {distinct} of them different; {job.done} are told")
        is_right = (found, distinct, job.done, job.state, job.attempt) == (steps, steps, steps, "finished", kills + 1)
        connection.close()
        return 0 if is_right else 1


def work(context: Any) -> dict[str, Any]:
    """The steps that are not there yet."""
    from django.db import connection

    steps = context.arguments["steps"]
    for step in range(rows(), steps):
        context.check()
        with context.fenced(), connection.cursor() as cursor:
            row = [context.job.pk, step, context.attempt]
            cursor.execute("INSERT INTO crash_step (job, step, attempt) VALUES (%s, %s, %s)", row)
        context.report(done=step + 1)
        time.sleep(0.005)
    return {"steps": steps}


def rows(what: str = "*") -> int:
    """How many steps are there."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count({what}) FROM crash_step")
        return int(cursor.fetchone()[0])


def ended(job: Any) -> bool:
    """Whether the job has ended, as its row says now."""
    job.refresh_from_db()
    return bool(job.has_ended)


def wait(condition: Callable[[], bool]) -> None:
    """Until it holds, as long as a busy machine may take."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("The job did not go on.")
        time.sleep(0.05)


def worker() -> subprocess.Popen[bytes]:
    """A worker that knows the kind."""
    return subprocess.Popen([sys.executable, "-m", "benchmarks.jobs_crash", "worker"], cwd=ROOT)


def serve() -> None:
    """The process that is killed."""
    django.setup()
    from django.core.management import call_command

    from jobs.registry import job_kind

    job_kind(KIND)(work)
    call_command("db_worker", reload=False, startup_delay=False, interval=0.1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        serve()
    else:
        steps, kills, *_ = [*map(int, sys.argv[1:]), *(STEPS, KILLS)[len(sys.argv) - 1 :]]
        sys.exit(measure(steps, kills))
