"""Fills the hand-written model from NDJSON and prints the seconds: `python -m benchmarks.plain.fill FILE ROWS`."""

import json
import sys
import time
from itertools import islice
from pathlib import Path

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    from benchmarks.plain.models import Record, Sheet

    call_command("migrate", run_syncdb=True, verbosity=0)
    sheet = Sheet._default_manager.create(name="records")
    left = int(sys.argv[2])
    started = time.perf_counter()
    with Path(sys.argv[1]).open() as lines:
        while left > 0 and (chunk := list(islice(lines, min(left, 10_000)))):
            Record._default_manager.bulk_create(Record(sheet=sheet, data=json.loads(text)) for text in chunk)
            left -= len(chunk)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
