"""Reading a Table of a million rows over HTTP, beside raw DuckDB over one Parquet file of the same rows, and beside
Datasette: `python -m benchmarks.reading [ROWS] [--postgres URL]`.

Raw DuckDB runs in this process, without HTTP, JSON or checks of the request. The JSONB model is asked through
Django's ORM.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks.loading import shape
from benchmarks.sites import BENCH_PYTHON, ROOT, Site, datasette, empty_database, exemplar
from benchmarks.storage import generate, seconds

PAGES = 9_000
SORTED_PAGES = 200
ROUNDS = 15


def compare(ours: Site, directory: Path, row_count: int) -> str:
    """Counts, pages, single rows and streams; the id of the Table."""
    source, parquet, target = directory / "rows.ndjson", directory / "raw.parquet", directory / "raw.ndjson"
    generate(source, row_count)
    with source.open("rb") as body:
        path = f"/api/v1/tables?object={shape(ours, 'reading', False)}&name=large"
        table = str(ours.send("POST", path, body, {"Content-Type": "application/x-ndjson"}).document["id"])
    raw = duckdb.connect(config={"threads": len(os.sched_getaffinity(0))})
    read = f"read_json('{source}', format = 'newline_delimited')"
    raw.execute(f"COPY (SELECT *, row_number() OVER () AS _id FROM {read}) TO '{parquet}' (COMPRESSION zstd)")
    rows = f"/api/v1/tables/{table}/rows"
    print(f"{row_count:,} rows{'':28}{'Exemplar':>11}{'DuckDB':>11}{'ratio':>7}")
    where = "amount >= 9000 AND quantity = 3"
    filters = "amount__gte=9000&quantity=3"
    for label, address, sql in (
        ("filtered count", f"{filters}&limit=1&count=exact", f"SELECT count(*) FROM '{parquet}' WHERE {where}"),
        ("filtered page of 100", filters, f"SELECT * FROM '{parquet}' WHERE {where} ORDER BY _id LIMIT 100"),
        (
            "sorted page of 100",
            "ordering=-amount,name",
            f"SELECT * FROM '{parquet}' ORDER BY amount DESC, name, _id LIMIT 100",
        ),
        ("row by _id", f"_id={row_count // 2}", f"SELECT * FROM '{parquet}' WHERE _id = {row_count // 2}"),
    ):
        in_turn(label, partial(ours.send, "GET", f"{rows}?{address}"), partial(_fetch, raw, sql))
    in_turn(
        "one row by its address",
        lambda: ours.send("GET", f"{rows}/{row_count // 2}"),
        lambda: raw.execute(f"SELECT * FROM '{parquet}' WHERE _id = {row_count // 2}").fetchall(),
    )
    in_turn(
        "stream all as NDJSON",
        lambda: ours.send("GET", f"{rows}.ndjson", keep=False),
        lambda: raw.execute(f"COPY (FROM '{parquet}') TO '{target}' (FORMAT json)"),
        rounds=5,
    )
    return table


def _fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return connection.execute(sql).fetchall()


def in_turn(label: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int = ROUNDS) -> None:
    """One line: the medians of both, taken in turn after a warm-up."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, other = (median(column) * 1000 for column in zip(*pairs, strict=True))
    print(f"{label:40}{mine:>8.1f} ms{other:>8.1f} ms{median(a / b for a, b in pairs):>7.2f}", flush=True)


def cursors(ours: Site, table: str) -> None:
    """What page 1 costs by cursor, and page 9,000."""
    for ordering in ("", "&ordering=-amount"):
        address: str | None = f"/api/v1/tables/{table}/rows?limit=100&count=none{ordering}"
        times = []
        for _ in range(SORTED_PAGES if ordering else PAGES):
            answer = ours.send("GET", str(address))
            times.append(answer.seconds * 1000)
            address = answer.document["next"]
            if address is None:
                break
        name = ordering.removeprefix("&") or "by _id"
        print(
            f"cursor, {name}: pages 2-50 {median(times[1:50]):.1f} ms, the last 50 of {len(times):,} "
            f"{median(times[-50:]):.1f} ms (medians)",
            flush=True,
        )


def first_bytes(ours: Site, directory: Path, table: str, row_count: int) -> None:
    """Time to the first byte of a stream, of this Table and of one a hundredth as large."""
    small = directory / "small.ndjson"
    with (directory / "rows.ndjson").open() as lines:
        small.write_text("".join(islice(lines, row_count // 100)))
    object_id = ours.send("GET", f"/api/v1/tables/{table}").document["object"]
    with small.open("rb") as body:
        path = f"/api/v1/tables?object={object_id}&name=small"
        other = ours.send("POST", path, body, {"Content-Type": "application/x-ndjson"}).document["id"]
    for name, identity in ((f"{row_count // 100:,}", other), (f"{row_count:,}", table)):
        address = f"/api/v1/tables/{identity}/rows.ndjson"
        times = [ours.send("GET", address, keep=False).first_byte_seconds * 1000 for _ in range(5)]
        print(f"first byte of a stream of {name} rows: {median(times):.1f} ms", flush=True)


def beside_datasette(ours: Site, directory: Path, table: str) -> None:
    """The same rows in Datasette: a page, a filtered count, all as CSV."""
    fill = (
        "import json, sqlite3, sys; from itertools import islice\n"
        "db = sqlite3.connect(sys.argv[1]); lines = map(json.loads, open(sys.argv[2]))\n"
        "first = next(lines); names = list(first); marks = ', '.join('?' * len(names))\n"
        "db.execute('CREATE TABLE rows (id INTEGER PRIMARY KEY, ' + ', '.join(names[1:]) + ')')\n"
        "insert = f'INSERT INTO rows VALUES ({marks})'\n"
        "db.execute(insert, list(first.values()))\n"
        "db.executemany(insert, (list(row.values()) for row in lines)); db.commit()"
    )
    rows = f"/api/v1/tables/{table}/rows"
    with datasette(directory) as site:
        command = [sys.executable, "-c", fill, str(directory / "datasette.db"), str(directory / "rows.ndjson")]
        subprocess.run(command, check=True)
        print(f"{'':40}{'Exemplar':>11}{'Datasette':>11}{'ratio':>7}")
        in_turn(
            "page of 100",
            lambda: ours.send("GET", f"{rows}?limit=100"),
            lambda: site.send("GET", "/datasette/rows.json?_size=100&_shape=objects"),
        )
        in_turn(
            "filtered, sorted page of 100",
            lambda: ours.send("GET", f"{rows}?amount__gte=9000&quantity=3&ordering=-amount&limit=100"),
            lambda: site.send(
                "GET", "/datasette/rows.json?amount__gte=9000&quantity=3&_sort_desc=amount&_size=100&_shape=objects"
            ),
        )
        in_turn(
            "all as CSV",
            lambda: ours.send("GET", f"{rows}.csv", keep=False),
            lambda: site.send("GET", "/datasette/rows.csv?_stream=on", keep=False),
            rounds=1,
        )


def beside_jsonb(ours: Site, table: str, url: str, source: Path, row_count: int) -> None:
    """The same rows in a JSONB column, asked through Django's ORM in a process of its own."""
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "benchmarks.plain.settings"}
    for program, arguments in (("fill", [str(source), str(row_count)]), ("ask", [])):
        command = [sys.executable, "-m", f"benchmarks.plain.{program}", *arguments]
        output = subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT).stdout
    theirs = json.loads(output)
    rows = f"/api/v1/tables/{table}/rows"
    print(f"{'':40}{'Exemplar':>11}{'JSONB, ORM':>11}{'ratio':>7}")
    for name, address in (
        ("filtered count", "amount__gte=9000&quantity=3&limit=1&count=exact"),
        ("sorted page of 100", "ordering=-amount"),
        ("page of 100", "limit=100"),
    ):
        mine = median(ours.send("GET", f"{rows}?{address}").seconds * 1000 for _ in range(ROUNDS))
        print(f"{name:40}{mine:>8.1f} ms{theirs[name]:>8.1f} ms{mine / theirs[name]:>7.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--postgres", help="URL of a server where databases may be made: adds the JSONB model")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exemplar-benchmark-")))
        ours = stack.enter_context(exemplar(directory))
        table = compare(ours, directory, arguments.rows)
        cursors(ours, table)
        first_bytes(ours, directory, table, arguments.rows)
        if BENCH_PYTHON.exists():
            beside_datasette(ours, directory, table)
        else:
            print("Datasette is not here: make bench sets .venv-bench up.")
        if arguments.postgres:
            url = empty_database(arguments.postgres, "benchmark_plain")
            beside_jsonb(ours, table, url, directory / "rows.ndjson", arguments.rows)


if __name__ == "__main__":
    main()
