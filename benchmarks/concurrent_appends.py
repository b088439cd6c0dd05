"""Two processes append to one Table, one row at a time: `python -m benchmarks.concurrent_appends [APPENDS_EACH]`.

Nothing may be lost and no `_id` given twice; ends with exit code 1 if so. With DATABASE_URL on that database, else on
SQLite. Both processes fill one cache of Parts.
"""

import subprocess
import sys
import time

import django

from benchmarks.workplace import ROOT, workplace

PROCESSES = 2
APPENDS = 500


def measure(appends: int) -> int:
    """Run the writers, print what is in the Table, and give the exit code."""
    with workplace():
        from benchmarks.scratch import scratch_table
        from catalog.reading import read

        with scratch_table() as table:
            started = time.perf_counter()
            command = [sys.executable, "-m", "benchmarks.concurrent_appends", "append", table.pk, str(appends)]
            writers = [subprocess.Popen([*command, str(number)], cwd=ROOT) for number in range(PROCESSES)]
            codes = [writer.wait() for writer in writers]
            seconds = time.perf_counter() - started
            table.refresh_from_db()
            count = "SELECT count(*), count(DISTINCT _id), count(DISTINCT id) FROM"
            counted = read(table.current, lambda connection, rows: connection.execute(f"{count} ({rows})").fetchone())
            found = counted or (0, 0, 0)
            expected = appends * PROCESSES
            print(
                f"{found[0]} rows, {found[1]} distinct ids, {found[2]} distinct values, version {table.version}, "
                f"{table.current.version_parts.count()} parts, {seconds:.1f} seconds "
                f"({expected / seconds:.0f} appends a second)"
            )
            is_right = codes == [0] * PROCESSES and found == (expected, expected, expected)
            return 0 if is_right and table.version == expected + 1 else 1


def append(table_id: str, appends: int, writer: int) -> None:
    """One of the writers."""
    django.setup()
    from catalog.contents import append_rows
    from catalog.models import Table
    from catalog.sources import JSONRows

    table = Table.objects.get(pk=table_id)
    for number in range(appends):
        append_rows(table, JSONRows([f'{{"id": {writer * appends + number}}}']))


if __name__ == "__main__":
    if sys.argv[1:2] == ["append"]:
        append(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(measure(int(sys.argv[1]) if sys.argv[1:] else APPENDS))
