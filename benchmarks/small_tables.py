"""Small tables over HTTP, Exemplar beside a hand-written Django REST framework model with a JSONField:
`python -m benchmarks.small_tables [POSTGRES_URL]`.

Both are served by uvicorn with one process, on SQLite, or on a PostgreSQL server where databases may be made. A table
has 10 rows of 8 columns. The hand-written site checks nothing about the rows; Exemplar checks each and keeps every
version. Then one appended row, to Tables of 1 and of 1,000,000 rows.
"""

import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.sites import Answer, Site, empty_database, exemplar, plain
from benchmarks.storage import COLUMNS, generate

ROUNDS = 300
NDJSON = {"Content-Type": "application/x-ndjson"}


def rows(first: int, count: int = 10) -> list[dict[str, Any]]:
    """Rows as a client sends them."""
    return [
        {
            "id": number,
            "name": f"customer {number}",
            "amount": number / 4,
            "quantity": number % 7,
            "active": number % 2 == 0,
            "day": "2026-01-31",
            "moment": "2026-01-31T12:30:00",
            "note": None if number % 10 == 0 else f'note "{number}" é',
        }
        for number in range(first, first + count)
    ]


def in_turn(ours: Callable[[int], Answer], theirs: Callable[[int], Answer], label: str) -> None:
    """One line: the median of each, measured in turn after a warm-up, and the median of the ratios."""
    for number in range(20):
        ours(number)
        theirs(number)
    pairs = [(ours(number).seconds, theirs(number).seconds) for number in range(20, ROUNDS)]
    mine, other = (median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    print(f"{label:34}{mine:>8.2f} ms{other:>8.2f} ms{ratio:>7.2f}", flush=True)


def compare(ours: Site, theirs: Site) -> None:
    """List, read, create and replace 10-row tables."""
    shape = ours.send(
        "POST",
        "/api/v1/objects",
        {
            "application": "test",
            "name": "small",
            "attributes": [{"name": name, "type": kind} for name, kind in COLUMNS.items()],
            "primaryKey": ["id"],
        },
    ).document["id"]
    tables = [
        ours.send("POST", "/api/v1/tables", {"object": shape, "name": f"table {n}", "rows": rows(1)}).document["id"]
        for n in range(10)
    ]
    sheets = [
        theirs.send("POST", "/sheets/", {"name": f"table {n}", "rows": rows(1)}).document["id"] for n in range(10)
    ]
    print(f"{'10 rows, 8 columns':34}{'Exemplar':>11}{'plain DRF':>11}{'ratio':>7}")
    in_turn(
        lambda n: ours.send("GET", "/api/v1/tables?limit=10"),
        lambda n: theirs.send("GET", "/sheets/?limit=10"),
        "list 10 tables",
    )
    in_turn(
        lambda n: ours.send("GET", f"/api/v1/tables/{tables[n % 10]}"),
        lambda n: theirs.send("GET", f"/sheets/{sheets[n % 10]}/"),
        "read a table with its rows",
    )
    in_turn(
        lambda n: ours.send("GET", f"/api/v1/tables/{tables[n % 10]}/rows"),
        lambda n: theirs.send("GET", f"/sheets/{sheets[n % 10]}/"),
        "read its rows",
    )
    in_turn(
        lambda n: ours.send("POST", "/api/v1/tables", {"object": shape, "name": f"new {n}", "rows": rows(n)}),
        lambda n: theirs.send("POST", "/sheets/", {"name": f"new {n}", "rows": rows(n)}),
        "create a table",
    )
    in_turn(
        lambda n: ours.send("PUT", f"/api/v1/tables/{tables[n % 10]}/rows", rows(n)),
        lambda n: theirs.send("PATCH", f"/sheets/{sheets[n % 10]}/", {"rows": rows(n)}),
        "replace all rows",
    )


def append(ours: Site, directory: Path) -> None:
    """One appended row to a small and to a large Table."""
    shape = ours.send("GET", "/api/v1/objects?name=small").document["results"][0]["id"]
    for row_count in (1, 1_000_000):
        file = directory / "large.ndjson"
        generate(file, row_count)
        with file.open("rb") as body:
            path = f"/api/v1/tables?object={shape}&name=of-{row_count}"
            table = ours.send("POST", path, body, NDJSON).document["id"]
        times = [
            ours.send("POST", f"/api/v1/tables/{table}/rows", rows(10_000_000 + n, 1)).seconds * 1000
            for n in range(200)
        ]
        print(f"append a row to {row_count:>9,} rows        {median(times[20:]):>8.2f} ms", flush=True)


def main() -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exemplar-benchmark-")))
        urls: list[str | None] = [None, None]
        if sys.argv[1:]:
            urls = [empty_database(sys.argv[1], f"benchmark_{name}") for name in ("exemplar", "plain")]
        ours = stack.enter_context(exemplar(directory, urls[0]))
        theirs = stack.enter_context(plain(directory, urls[1]))
        compare(ours, theirs)
        append(ours, directory)


if __name__ == "__main__":
    main()
