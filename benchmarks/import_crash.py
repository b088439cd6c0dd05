"""kill -9 in the middle of an import by a worker: `python -m benchmarks.import_crash [ROWS] [KILLS]`.

Two imports of ROWS rows (200,000) to one Table wait, and each worker that takes them is killed after a while, KILLS
times (2), at moments spread over an import. Whenever a worker was killed the Table must be wholly as before or hold
whole imports; in the end each import must have been done once, and no byte of its file be left. Ends with exit code 1
if not. DATABASE_URL names the database; without it, an empty SQLite one.
"""

import io
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks.workplace import ROOT, workplace

ROWS = 200_000
KILLS = 2
LEASE_SECONDS = "2"
PATIENCE_SECONDS = 120


def measure(row_count: int, kills: int) -> int:
    """Send both, kill their workers, let others go on; gives the exit code."""
    os.environ["JOB_LEASE_SECONDS"] = LEASE_SECONDS
    with workplace():
        from benchmarks.scratch import scratch_table
        from catalog.deferring import WantedImport, defer_import
        from catalog.models import StagedChunk, Table
        from jobs.models import Job

        with scratch_table(['{"id": -1}']) as table:
            wanted = WantedImport("append", table.pk, media_type="application/x-ndjson")
            jobs = [defer_import(io.BytesIO(lines(start, row_count)), wanted).pk for start in (0, row_count)]
            seen = []
            for kill in range(kills):
                with worker() as process:
                    wait(lambda: Job.objects.filter(state="running", done__gt=0).exists() or ended(Job, jobs))
                    time.sleep(0.3 * kill)
                    process.kill()
                seen.append(Table.objects.get(pk=table.pk).row_count)
                print(f"killed: the table has {seen[-1]:,} rows", flush=True)
            with worker() as one, worker() as other:
                wait(lambda: ended(Job, jobs))
                one.terminate()
                other.terminate()
            found = Table.objects.get(pk=table.pk)
            states = list(Job.objects.filter(pk__in=jobs).values_list("state", "attempt"))
            left = StagedChunk.objects.count()
        print(f"{found.row_count:,} rows at version {found.version}; {states}; {left} chunks are left")
        whole = {1 + row_count * imports for imports in range(3)}
        is_right = set(seen) <= whole and (found.row_count, found.version, left) == (1 + 2 * row_count, 3, 0)
        return 0 if is_right and {state for state, _ in states} == {"finished"} else 1


def lines(start: int, row_count: int) -> bytes:
    """Rows with ids from `start` on, as NDJSON."""
    return b"".join(b'{"id": %d}\n' % number for number in range(start, start + row_count))


def ended(jobs: Any, wanted: list[str]) -> bool:
    """Whether nothing will change any more."""
    return all(job.has_ended for job in jobs.objects.filter(pk__in=wanted))


def worker() -> "subprocess.Popen[bytes]":
    """A worker in a process of its own."""
    command = [sys.executable, "manage.py", "db_worker", "--no-reload", "-v0"]
    return subprocess.Popen(command, cwd=ROOT)


def wait(condition: Any) -> None:
    """Until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("nothing happens any more")
        time.sleep(0.01)


if __name__ == "__main__":
    rows, kills, *_ = [*map(int, sys.argv[1:]), *(ROWS, KILLS)[len(sys.argv) - 1 :]]
    sys.exit(measure(rows, kills))
