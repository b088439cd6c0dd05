"""The storage layer at a million rows of eight columns, beside raw DuckDB in the same run:
`python -m benchmarks.storage [ROWS]`.

Raw DuckDB reads the same NDJSON with its own type detection and writes one Parquet file: no schema is enforced, nothing
is versioned. Exemplar checks every type and the primary key, and ends with the commit of the Table. Memory is the
peak of a process of its own that loads, then streams.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.workplace import workplace

COLUMNS = {
    "id": "integer",
    "name": "string",
    "amount": "number",
    "quantity": "integer",
    "active": "boolean",
    "day": "date",
    "moment": "datetime",
    "note": "string",
}
GENERATED = """SELECT i AS id, 'customer ' || (i % 1000) AS name, (i * 7919 % 1000003) / 100.0::DOUBLE AS amount,
i % 7 AS quantity, i % 2 = 0 AS active, DATE '2020-01-01' + (i % 1000)::INTEGER AS day,
strftime(TIMESTAMP '2020-01-01' + to_seconds(i), '%Y-%m-%dT%H:%M:%S') AS moment,
CASE WHEN i % 10 = 0 THEN NULL ELSE 'note "' || i || '" é' END AS note FROM range({rows}) AS numbers(i)"""
WHERE = [("amount__gte", "9000"), ("quantity", "3")]
RAW_WHERE = "amount >= 9000 AND quantity = 3"


def generate(path: Path, row_count: int) -> None:
    """Write the rows as NDJSON, as a client would send them: 2020-01-01T00:00:01 is a string."""
    duckdb.sql(f"COPY ({GENERATED.format(rows=row_count)}) TO '{path}' (FORMAT json)")


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def load(path: Path, name: str):  # type: ignore[no-untyped-def]  # models load after the set-up
    """A Table with the rows of an NDJSON file."""
    from catalog.contents import create_table
    from catalog.evolution import publish
    from catalog.models import Application, ObjectSchema, Table
    from catalog.sources import JSONLines

    shape = ObjectSchema.objects.filter(name="benchmark").first()
    if shape is None:
        shape = ObjectSchema(application=Application.objects.get(name="test"), name="benchmark")
        attributes = [{"name": column, "type": kind} for column, kind in COLUMNS.items()]
        shape.definition = {"attributes": attributes, "primaryKey": ["id"]}
        shape.full_clean()
        publish(shape)
    table = Table(object=shape, name=name)
    directory = path.parent / f"slices-{name}"
    directory.mkdir()
    with path.open("rb") as stream:
        create_table(table, JSONLines(stream, directory))
    for file in directory.iterdir():
        file.unlink()
    return table


def compare(row_count: int, directory: Path) -> None:
    """Print Exemplar's time beside raw DuckDB's for each kind of work."""
    from catalog import browsing
    from catalog.queries import read_query

    source, parquet, target = directory / "rows.ndjson", directory / "raw.parquet", directory / "raw.ndjson"
    generate(source, row_count)
    raw = duckdb.connect(config={"threads": len(os.sched_getaffinity(0))})

    def raw_load() -> None:
        read = f"SELECT * FROM read_json('{source}', format = 'newline_delimited')"
        raw.execute(f"COPY ({read}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)")

    tables = []
    print(f"{row_count:,} rows, {len(COLUMNS)} columns, {source.stat().st_size / 1e6:.0f} MB of NDJSON")
    print(f"{'':28}{'Exemplar':>10}{'DuckDB':>10}{'ratio':>8}")
    report("load NDJSON, checked", lambda: tables.append(load(source, f"round {len(tables)}")), raw_load, 5)
    version = tables[-1].current
    everything = read_query(version.object_version.schema, [])
    filtered = read_query(version.object_version.schema, WHERE)
    ordered = read_query(version.object_version.schema, [("ordering", "-amount,name")])

    def fetch(sql: str) -> Callable[[], object]:
        return lambda: raw.execute(sql).fetchall()

    report(
        "filtered count",
        lambda: browsing.count(version, filtered, None),
        fetch(f"SELECT count(*) FROM '{parquet}' WHERE {RAW_WHERE}"),
        15,
    )
    report(
        "sorted page of 100",
        lambda: browsing.page(version, ordered, 100),
        fetch(f"SELECT * FROM '{parquet}' ORDER BY amount DESC, name, id LIMIT 100"),
        15,
    )
    report(
        "filtered page of 100",
        lambda: browsing.page(version, filtered, 100),
        fetch(f"SELECT * FROM '{parquet}' WHERE {RAW_WHERE} ORDER BY id LIMIT 100"),
        15,
    )
    report(
        "stream all as NDJSON",
        lambda: [len(block) for block in browsing.stream(version, everything)],
        lambda: raw.execute(f"COPY (FROM '{parquet}') TO '{target}' (FORMAT json)"),
        3,
    )


def report(label: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> None:
    """One line: median milliseconds of both, taken in turn, and the median of the ratios round by round."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, raw = (median(column) * 1000 for column in zip(*pairs, strict=True))
    print(f"{label:28}{mine:>8.0f}ms{raw:>8.0f}ms{median(a / b for a, b in pairs):>7.2f}x", flush=True)


def measure_memory(row_count: int) -> None:
    """In a process of its own: load, stream, print the peak of resident memory after each."""
    with workplace() as directory:
        from catalog import browsing
        from catalog.queries import read_query

        source = directory / "rows.ndjson"
        subprocess.run(
            [sys.executable, "-m", "benchmarks.storage", "generate", str(source), str(row_count)], check=True
        )
        before = peak_megabytes()
        version = load(source, "memory").current
        loaded = peak_megabytes()
        size = sum(len(block) for block in browsing.stream(version, read_query(version.object_version.schema, [])))
        print(
            f"{row_count:>10,} rows: {before:.0f} MB at the start, {loaded:.0f} MB at most after loading, "
            f"{peak_megabytes():.0f} MB after streaming {size / 1e6:.0f} MB",
            flush=True,
        )


def peak_megabytes() -> float:
    """The most resident memory that this program ever had (the kernel counts it anew for each program)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    match sys.argv[1:]:
        case ["generate", path, row_count]:
            generate(Path(path), int(row_count))
        case ["memory", row_count]:
            measure_memory(int(row_count))
        case arguments:
            rows = int(arguments[0]) if arguments else 1_000_000
            with workplace() as directory:
                compare(rows, directory)
            print("peak memory:")
            for multiple in (1, 4):
                command = [sys.executable, "-m", "benchmarks.storage", "memory", str(rows * multiple)]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
