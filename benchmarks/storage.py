"""The rows that the benchmarks load, and the memory they take: `python -m benchmarks.storage [ROWS ...]`.

For each number of rows, 1 and 10 million by default, a process of its own loads NDJSON into a Table with every type and
the primary key checked, reads a sorted page, and streams all rows; it prints its peak of resident memory after each.
"""

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


def report(label: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> None:
    """One line: median milliseconds of both, taken in turn, and the median of the ratios round by round."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, raw = (median(column) * 1000 for column in zip(*pairs, strict=True))
    print(f"{label:28}{mine:>8.0f}ms{raw:>8.0f}ms{median(a / b for a, b in pairs):>7.2f}x", flush=True)


def measure_memory(row_count: int) -> None:
    """In a process of its own: load, read a page, stream, and print the peak of resident memory after each."""
    with workplace() as directory:
        from catalog import browsing, exporting
        from catalog.formats.writers import NDJSON
        from catalog.queries import read_query

        source = directory / "rows.ndjson"
        subprocess.run(
            [sys.executable, "-m", "benchmarks.storage", "generate", str(source), str(row_count)], check=True
        )
        before = peak_megabytes()
        version = load(source, "memory").current
        schema = version.object_version.schema
        loaded = peak_megabytes()
        source.unlink()
        browsing.page(version, read_query(schema, [("ordering", "-amount,name")]), 100)
        sorted_page = peak_megabytes()
        size = sum(len(block) for block in exporting.export(version, NDJSON))
        print(
            f"{row_count:>10,} rows: {before:.0f} MB at the start, {loaded:.0f} MB at most after loading, "
            f"{sorted_page:.0f} MB after a sorted page, {peak_megabytes():.0f} MB after streaming {size / 1e6:.0f} MB",
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
        case row_counts:
            for row_count in row_counts or ("1000000", "10000000"):
                subprocess.run([sys.executable, "-m", "benchmarks.storage", "memory", row_count], check=True)


if __name__ == "__main__":
    main()
