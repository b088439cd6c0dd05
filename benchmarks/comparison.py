"""Comparison beside bare joins of DuckDB, and beside datacompy: `python -m benchmarks.comparison [ROWS]`.

Two Parquet files of ROWS rows by 8 columns, of which 1 % differ, all over the table. Each figure is the median of
interleaved rounds in one run. datacompy gets pandas frames that are in memory already, and runs in the environment of
`make bench`; without that, its line is left out.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks.workplace import ROOT

NAMES = ("id", "name", "amount", "price", "flag", "day", "city", "other")
ROUNDS = 5
SMALL_ROUNDS = 300
MEMORY = "1GiB"
ROWS = """SELECT i AS id, 'name ' || (i % 5000) AS name, (i * 7 % 1000) / 10.0::DOUBLE AS amount,
(i * 13 % 100000)::DECIMAL(12, 2) AS price, i % 2 = 0 AS flag, DATE '2020-01-01' + (i % 3000)::INTEGER AS day,
'city ' || (i % 97) AS city, i * 3 AS other, i AS _id, 1::BIGINT AS _version FROM range({}) t(i)"""
CHANGED = "SELECT * REPLACE (CASE WHEN id % 100 = 0 THEN amount + 1 ELSE amount END AS amount) FROM ({})"
DATACOMPY = """import sys, time, datacompy, pandas
left, right = (pandas.read_parquet(path).drop(columns=["_id", "_version"]) for path in sys.argv[1:])
for _ in range(2):
    started = time.perf_counter()
    found = getattr(datacompy, "PandasCompare", None) or datacompy.Compare
    compared = found(left, right, join_columns=["id"])
    assert not compared.matches() and compared.count_matching_rows() == len(left) * 99 // 100
    print(time.perf_counter() - started)
"""


def interleaved(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each work, all of them run in turn; a first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if number:
                taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def show(label: str, seconds: float, beside: float | None = None, what: str = "") -> None:
    ratio = f"{seconds / beside:6.2f} times {what}" if beside else ""
    print(f"{label:44}{seconds:9.4f} s {ratio}", flush=True)


def datacompy_seconds(paths: tuple[Path, Path]) -> float | None:
    """Of frames that are in memory; None where the environment of the benchmarks isn't there."""
    python = Path(os.environ.get("BENCH_PYTHON", ROOT / ".venv-bench/bin/python"))
    if not python.exists():
        return None
    found = subprocess.run([python, "-c", DATACOMPY, *map(str, paths)], capture_output=True, text=True, check=True)
    return min(map(float, found.stdout.split()))


def measure(row_count: int, directory: Path) -> None:
    """Print the figures of large tables."""
    from catalog.comparison import ComparisonOptions, Relation, compare

    connection = duckdb.connect(
        config={"threads": 2, "memory_limit": MEMORY, "temp_directory": str(directory / "spilled")}
    )
    paths = directory / "expected.parquet", directory / "actual.parquet"
    for path, rows in zip(paths, (ROWS.format(row_count), CHANGED.format(ROWS.format(row_count))), strict=True):
        connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    expected, actual = (f"SELECT * FROM read_parquet('{path}')" for path in paths)
    keyed, multiset = ComparisonOptions(key=("id",)), ComparisonOptions()
    left, right = (Relation(each, unique_key=("id",)) for each in (expected, actual))
    differ = " OR ".join(f"e.{name} IS DISTINCT FROM a.{name}" for name in NAMES)
    columns = ", ".join(NAMES)
    bare_join = (
        "SELECT count(*) FILTER (e.id IS NULL), count(*) FILTER (a.id IS NULL), "
        f"count(*) FILTER ({differ}) FROM ({expected}) e FULL JOIN ({actual}) a ON e.id = a.id"
    )
    bare_except = (
        f"SELECT count(*) FROM (SELECT {columns} FROM ({expected}) EXCEPT ALL SELECT {columns} FROM ({actual}))"
    )
    found = interleaved(
        {
            "join": lambda: connection.execute(bare_join).fetchone(),
            "keyed": lambda: compare(connection, expected, actual, keyed),
            "known": lambda: compare(connection, left, right, keyed),
            "except": lambda: connection.execute(bare_except).fetchone(),
            "multiset": lambda: compare(connection, expected, actual, multiset),
        },
        ROUNDS,
    )
    print(f"{row_count:,} against {row_count:,} rows, {len(NAMES)} columns, 1 % changed, memory {MEMORY}")
    show("bare full outer join that counts", found["join"])
    show("diff by key", found["keyed"], found["join"], "the join")
    show("diff by a key that is known to be unique", found["known"], found["join"], "the join")
    show("bare EXCEPT ALL that counts, one way", found["except"])
    show("diff without a key", found["multiset"], found["except"], "EXCEPT ALL")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'peak memory of the process':44}{peak:9.0f} MiB")
    theirs = datacompy_seconds(paths)
    if theirs is None:
        print("datacompy is left out: make bench installs it")
    else:
        show("datacompy, frames in memory, by key", theirs, found["keyed"], "our diff by key")


def measure_small(directory: Path) -> None:
    """Print what a case of ten rows takes."""
    from catalog import engine
    from catalog.comparison import ComparisonOptions, Relation, compare
    from catalog.parts import rows_sql

    columns = (("id", "BIGINT"), ("name", "VARCHAR"), ("amount", "DOUBLE"))
    sides = []
    for number, factor in enumerate((1.5, 1.5, 2.5)):
        path = directory / f"small-{number}.parquet"
        rows = f"SELECT i AS id, 'n' || i AS name, i * {factor}::DOUBLE AS amount, i AS _id, 1::BIGINT AS _version"
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({rows} FROM range(10) t(i)) TO '{path}' (FORMAT parquet)")
        known = (*columns, ("_id", "BIGINT"), ("_version", "BIGINT"))
        sides.append(Relation(rows_sql([path], columns), known, 10, ("id",)))

    def work(actual: Relation, options: ComparisonOptions) -> Callable[[], object]:
        def run() -> object:
            with engine.cursor(is_serial=True) as connection:
                return compare(connection, sides[0], actual, options)

        return run

    keyed, multiset = ComparisonOptions(key=("id",)), ComparisonOptions()
    works = {
        "10 rows that are equal, by key": work(sides[1], keyed),
        "10 rows that are equal, without": work(sides[1], multiset),
        "10 rows that differ, by key": work(sides[2], keyed),
    }
    for name, seconds in interleaved(works, SMALL_ROUNDS).items():
        show(name, seconds)


def main() -> None:
    row_count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="exemplar-benchmark-") as directory:
        measure(row_count, Path(directory))
        measure_small(Path(directory))


if __name__ == "__main__":
    main()
