"""A profile of 1,000,000 rows beside DuckDB's SUMMARIZE, and a diff of two versions beside a bare full outer join.

    python -m benchmarks.profile_and_diff [rows]

Both sides read the same Parquet Parts. The diff is of a version and its follower, in which one row in a hundred
changed, all over the table.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from benchmarks.storage import COLUMNS, generate, load, report
from benchmarks.workplace import workplace

CHANGED_SHARE = 100


def compare(row_count: int, directory: Path) -> None:
    """Print Exemplar's time beside raw DuckDB's."""
    from catalog import engine
    from catalog.contents import append_rows, update_rows
    from catalog.history.comparing import difference
    from catalog.history.difference import Window
    from catalog.profiles import version_profile
    from catalog.reading import version_paths
    from catalog.sources import JSONRows

    source = directory / "rows.ndjson"
    generate(source, row_count)
    table = load(source, "profiled")
    old = table.current
    names = list(COLUMNS)
    changed = list(range(1, row_count + 1, CHANGED_SHARE))
    text = ", ".join(f'"{name}": null' for name in names[-1:])
    update_rows(table, changed, JSONRows([f"{{{text}}}"] * len(changed)), [names[-1:]] * len(changed))
    new = table.current
    raw = duckdb.connect(config={"threads": 2})

    def files(paths: Sequence[Path]) -> str:
        return "read_parquet([" + ", ".join(engine.quote_text(str(path)) for path in paths) + "])"

    before, after = files(version_paths(old)), files(version_paths(new))
    differ = " OR ".join(f"o.{name} IS DISTINCT FROM n.{name}" for name in map(engine.quote_name, names))

    def fetch(sql: str) -> Callable[[], object]:
        return lambda: raw.execute(sql).fetchall()

    print(f"{row_count:,} rows, {len(names)} columns")
    print(f"{'':28}{'Exemplar':>10}{'DuckDB':>10}{'ratio':>8}")
    # Of all attributes by name, which is never kept.
    report("profile", lambda: version_profile(old, names), fetch(f"SUMMARIZE SELECT * FROM {before}"), 5)
    report(
        "diff, 1 % changed",
        lambda: difference(old, new, Window(limit=100)),
        fetch(
            f"SELECT count(*) FILTER (o._id IS NULL), count(*) FILTER (n._id IS NULL), count(*) FILTER ({differ}) "
            f"FROM {before} AS o FULL JOIN {after} AS n ON o._id = n._id"
        ),
        5,
    )
    append_rows(table, JSONRows([f'{{"{names[0]}": {10 * row_count}}}']))
    report(
        "diff after one append",
        lambda: difference(new, table.current, Window(limit=100)),
        fetch(f"SELECT count(*) FROM {after}"),
        15,
    )


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with workplace() as directory:
        compare(rows, directory)


if __name__ == "__main__":
    main()
