"""Asks the hand-written model, filled by `benchmarks.plain.fill`, and prints median milliseconds as JSON."""

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import django


def milliseconds(work: Callable[[], Any], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return median(times)


def main() -> None:
    django.setup()
    from benchmarks.plain.models import Record

    records = Record._default_manager
    found = {
        "filtered count": milliseconds(records.filter(data__amount__gte=9000, data__quantity=3).count, 5),
        "sorted page of 100": milliseconds(lambda: list(records.order_by("-data__amount", "id")[:100]), 5),
        "page of 100": milliseconds(lambda: list(records.order_by("id")[:100]), 15),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
