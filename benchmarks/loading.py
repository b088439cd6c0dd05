"""Loading a million rows of eight columns over HTTP, every type and the primary key checked, beside raw DuckDB and what
a user would pick instead: `python -m benchmarks.loading [ROWS] [--postgres URL]`.

Raw DuckDB reads the same file with its own type detection and writes Parquet; it checks nothing. frictionless validates
the same CSV against the same schema. Datasette inserts over its JSON API, 10,000 rows a request. The JSONB model
inserts through Django's ORM, 10,000 objects at a time. These three take a part of the rows, since they need minutes for
all: rates are compared. frictionless and Datasette live in .venv-bench (`make bench` makes it).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks.sites import BENCH_PYTHON, ROOT, Site, datasette, empty_database, exemplar
from benchmarks.storage import COLUMNS, GENERATED, generate

CONSTRAINTS: dict[str, dict[str, Any]] = {
    "id": {"required": True, "unique": True, "minimum": 0},
    "name": {"required": True, "pattern": "customer [0-9]+", "minLength": 3, "maxLength": 40},
    "amount": {"minimum": 0, "exclusiveMaximum": 1_000_000},
    "quantity": {"enum": list(range(7)), "multipleOf": 1},
    "active": {"required": True},
    "day": {"minimum": "2020-01-01", "maximum": "2030-01-01"},
    "moment": {"exclusiveMinimum": "2019-12-31T00:00:00"},
    "note": {"minLength": 1, "maxLength": 100},
}
FRICTIONLESS = """
import json, sys, time
from frictionless import Checklist, Resource, Schema
path, fields, limit = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
schema = Schema.from_descriptor({"fields": fields, "primaryKey": ["id"]})
started = time.perf_counter()
report = Resource(path=path, schema=schema, format="csv").validate(limit_rows=limit)
print(json.dumps({"seconds": time.perf_counter() - started, "valid": report.valid}))
"""


def shape(ours: Site, name: str, constrained: bool) -> str:
    """An Object, with or without all kinds of constraints; its id."""
    attributes = [
        {"name": column, "type": kind, **({"constraints": CONSTRAINTS[column]} if constrained else {})}
        for column, kind in COLUMNS.items()
    ]
    body = {"application": "test", "name": name, "attributes": attributes}
    if constrained:
        body["uniqueKeys"] = [["name", "moment"]]
    body["primaryKey"] = ["id"]
    return str(ours.send("POST", "/api/v1/objects", body).document["id"])


def load(ours: Site, object_id: str, path: Path, media_type: str) -> float:
    """Seconds from the first byte sent to the answer that the Table is committed."""
    load.count += 1  # type: ignore[attr-defined]
    with path.open("rb") as body:
        address = f"/api/v1/tables?object={object_id}&name=load-{load.count}"  # type: ignore[attr-defined]
        return ours.send("POST", address, body, {"Content-Type": media_type}).seconds


load.count = 0  # type: ignore[attr-defined]


def raw_load(read: str, target: Path) -> Callable[[], float]:
    """Raw DuckDB, file to Parquet, in a fresh connection."""

    def work() -> float:
        started = time.perf_counter()
        with duckdb.connect(config={"threads": len(os.sched_getaffinity(0))}) as connection:
            connection.execute(f"COPY (FROM {read}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        return time.perf_counter() - started

    return work


def line(label: str, row_count: int, seconds: float, ours: float | None = None) -> None:
    """One line: rows per second, and how many times as fast ours is."""
    ratio = f"{seconds / ours:>9.2f}" if ours else ""
    print(f"{label:52}{seconds:>8.2f} s{row_count / seconds:>12,.0f}/s{ratio}", flush=True)


def duckdb_side(ours: Site, directory: Path, row_count: int) -> dict[str, float]:
    """NDJSON and CSV, plain and with all constraints, in turn with raw DuckDB; the medians of ours per row."""
    rates = {}
    plain_shape, strict_shape = shape(ours, "plain", False), shape(ours, "strict", True)
    for name, media_type, read in (
        ("ndjson", "application/x-ndjson", "read_json('{}', format = 'newline_delimited')"),
        ("csv", "text/csv", "read_csv('{}')"),
    ):
        path = directory / f"rows.{name}"
        raw = raw_load(read.format(path), directory / "raw.parquet")
        rounds = [
            (load(ours, plain_shape, path, media_type), raw(), load(ours, strict_shape, path, media_type))
            for _ in range(5)
        ]
        mine, theirs, strict = (median(column) for column in zip(*rounds, strict=True))
        line(f"Exemplar, {name}: types, primary key", row_count, mine)
        line(f"  raw DuckDB to Parquet, unchecked ({theirs / mine:.2f} of its rate)", row_count, theirs)
        line(f"  Exemplar, all constraints ({strict / mine:.2f} times the load without)", row_count, strict)
        rates[name] = mine / row_count
    return rates


def validate_with_frictionless(path: Path, row_count: int) -> float:
    fields = [{"name": name, "type": kind, **_field(kind)} for name, kind in COLUMNS.items()]
    command = [str(BENCH_PYTHON), "-c", FRICTIONLESS, path.name, json.dumps(fields), str(row_count)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=path.parent).stdout)
    if not found["valid"]:
        raise RuntimeError("frictionless does not find the rows valid: the comparison would not be fair.")
    return float(found["seconds"])


def _field(kind: str) -> dict[str, str]:
    return {"format": "%Y-%m-%dT%H:%M:%S"} if kind == "datetime" else {}


def insert_with_datasette(directory: Path, source: Path, row_count: int) -> float:
    with datasette(directory) as site, source.open() as lines:
        started = time.perf_counter()
        place = "/datasette/-/create"
        while chunk := [json.loads(text) for text in islice(lines, 10_000)][: max(row_count, 0)]:
            body = {"rows": chunk} if place.endswith("insert") else {"rows": chunk, "table": "rows", "pk": "id"}
            site.send("POST", place, body)
            row_count -= len(chunk)
            place = "/datasette/rows/-/insert"
        return time.perf_counter() - started


def insert_with_orm(database_url: str, source: Path, row_count: int) -> float:
    """In a process of its own: bulk_create of a JSONField model."""
    command = [sys.executable, "-m", "benchmarks.plain.fill", str(source), str(row_count)]
    environment = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "benchmarks.plain.settings"}
    return float(subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--postgres", help="URL of a server where databases may be made: adds the JSONB model")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exemplar-benchmark-")))
        generate(directory / "rows.ndjson", arguments.rows)
        duckdb.sql(f"COPY ({GENERATED.format(rows=arguments.rows)}) TO '{directory}/rows.csv' (HEADER)")
        print(f"{arguments.rows:,} rows, {len(COLUMNS)} columns")
        with exemplar(directory) as ours:
            rates = duckdb_side(ours, directory, arguments.rows)
        part = min(arguments.rows, 100_000)
        line(
            "frictionless, validation of CSV (times slower)",
            part,
            validate_with_frictionless(directory / "rows.csv", part),
            rates["csv"] * part,
        )
        line(
            "Datasette, insert over HTTP (times slower)",
            part,
            insert_with_datasette(directory, directory / "rows.ndjson", part),
            rates["ndjson"] * part,
        )
        if arguments.postgres:
            url = empty_database(arguments.postgres, "benchmark_plain")
            line(
                "PostgreSQL JSONB, Django ORM (times slower)",
                part,
                insert_with_orm(url, directory / "rows.ndjson", part),
                rates["ndjson"] * part,
            )


if __name__ == "__main__":
    main()
