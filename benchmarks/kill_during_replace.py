"""kill -9 in the middle of a replace: `python -m benchmarks.kill_during_replace [ROWS] [MOMENTS]`.

A process replaces a Table's 1,000 rows by ROWS others (a million by default) and is killed after a part of the time
that a replace takes. Each time the old version must be whole and a new write must work; ends with exit code 1 if not.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import django

from benchmarks.workplace import ROOT, workplace

ROWS = 1_000_000
MOMENTS = 8
OLD_ROWS = 1_000


def measure(row_count: int, moments: int) -> int:
    """Replace once undisturbed, then kill at moments spread over that time; gives the exit code."""
    with workplace() as directory:
        from benchmarks.scratch import scratch_table
        from catalog.models import Part

        source = directory / "rows.ndjson"
        with source.open("w") as file:
            file.writelines(f'{{"id": {number}}}\n' for number in range(row_count))
        old = [f'{{"id": {-number}}}' for number in range(1, OLD_ROWS + 1)]
        with scratch_table(old) as table:
            seconds = replaced_after(table, source, None)
        print(f"a replace by {row_count:,} rows takes {seconds:.2f} seconds")
        failures = 0
        for moment in range(moments):
            delay = seconds * (moment + 0.5) / moments
            with scratch_table(old) as table:
                parts = Part.objects.count()
                replaced_after(table, source, delay)
                outcome = what_is_wrong(table, row_count, parts)
                failures += bool(outcome)
                print(f"killed after {delay:.2f} seconds: {outcome or f'version {table.version} is whole'}", flush=True)
        return 1 if failures else 0


def replaced_after(table: Any, source: Path, kill_after_seconds: float | None) -> float:
    """Replace the rows in a process of its own, killed after a while; the seconds that it ran."""
    command = [sys.executable, "-m", "benchmarks.kill_during_replace", "replace", table.pk, str(source)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        if writer.stdout:
            writer.stdout.readline()  # it says that it is ready
        started = time.perf_counter()
        try:
            writer.wait(kill_after_seconds)
        except subprocess.TimeoutExpired:
            writer.kill()
            writer.wait()
        return time.perf_counter() - started


def what_is_wrong(table: Any, row_count: int, parts_before: int) -> str:
    """Empty if the Table has either all old rows or, if the kill came late, all new ones, and takes another row."""
    from catalog.contents import append_rows
    from catalog.models import Part, Table
    from catalog.reading import read
    from catalog.sources import JSONRows

    def sums(version: Any) -> tuple[int, int, int]:
        query = "SELECT count(*), coalesce(sum(id), 0)::BIGINT, count(DISTINCT _id) FROM"
        found = read(version, lambda connection, rows: connection.execute(f"{query} ({rows})").fetchone())
        return found or (0, 0, 0)

    table.refresh_from_db()
    old = (OLD_ROWS, -OLD_ROWS * (OLD_ROWS + 1) // 2, OLD_ROWS)
    new = (row_count, row_count * (row_count - 1) // 2, row_count)
    if sums(table.versions.get(number=1)) != old:
        return "the old version is damaged"
    if sums(table.current) != (old if table.version == 1 else new):
        return "the current version is damaged"
    if table.version == 1 and Part.objects.count() != parts_before:
        return "parts without a version were left behind"
    before = table.version
    append_rows(table, JSONRows([f'{{"id": {row_count}}}']))
    if Table.objects.get(pk=table.pk).version != before + 1 or sums(table.current)[0] != table.row_count:
        return "a new write does not work"
    table.version = before
    return ""


def replace(table_id: str, source: Path) -> None:
    """The process that is killed."""
    django.setup()
    from catalog.contents import replace_rows
    from catalog.models import Table
    from catalog.sources import JSONLines

    table = Table.objects.get(pk=table_id)
    print("ready", flush=True)
    with source.open("rb") as stream:
        replace_rows(table, JSONLines(stream, source.parent))


if __name__ == "__main__":
    if sys.argv[1:2] == ["replace"]:
        replace(sys.argv[2], Path(sys.argv[3]))
    else:
        rows, moments, *_ = [*map(int, sys.argv[1:]), *(ROWS, MOMENTS)[len(sys.argv) - 1 :]]
        sys.exit(measure(rows, moments))
