"""The second and later cases of an sql function: their columns are known, and they read their inputs without views."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from processes.execution import ExecutionRequest, Executor, InputTable, Limits, Outcome

COLUMNS = (("id", "BIGINT"), ("name", "VARCHAR"))


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(Limits(wall_seconds=20), isolation="none") as executor:
        yield executor


def table(directory: Path, *names: str) -> InputTable:
    """Rows numbered from 0, each with its name."""
    path = directory / "-".join(["part", *names])
    rows = ", ".join(f"({number}, '{name}', {number}, 1)" for number, name in enumerate(names))
    duckdb.connect().execute(
        f"COPY (SELECT * FROM (VALUES {rows}) AS t(id, name, _id, _version)) TO '{path}' (FORMAT parquet)"
    )
    return InputTable((path,), COLUMNS)


def execute(
    executor: Executor, query: str, orders: InputTable, clock: datetime | None = None, **parameters: Any
) -> Outcome:
    return executor.execute(
        ExecutionRequest("sql", {"result": query}, {"orders": orders}, ("result",), parameters, clock=clock)
    )


def rows(outcome: Outcome) -> list[tuple[Any, ...]]:
    assert outcome.error is None, outcome.error
    path = outcome.outputs["result"].path
    return duckdb.connect().execute("SELECT * FROM read_parquet($path)", {"path": str(path)}).fetchall()


@pytest.mark.parametrize(
    "query",
    [
        "FROM orders",
        "WITH orders AS (SELECT * FROM orders) SELECT * FROM orders",
        "WITH l AS (FROM Orders), orders AS (SELECT id, name FROM l) SELECT o.* FROM orders o JOIN l USING (id)",
        "WITH RECURSIVE n AS (SELECT * FROM orders UNION SELECT n.* FROM n JOIN orders USING (id)) FROM n ORDER BY id",
        "SELECT * FROM orders WHERE EXISTS (WITH o AS (FROM orders) SELECT 1 FROM o) ORDER BY id",
    ],
)
def test_each_case_sees_its_own_rows(executor: Executor, tmp_path: Path, query: str) -> None:
    assert sorted(rows(execute(executor, query, table(tmp_path, "ann", "bob")))) == [(0, "ann"), (1, "bob")]
    assert rows(execute(executor, query, table(tmp_path, "cat"))) == [(0, "cat")]


def test_columns_follow_from_the_values_of_parameters(executor: Executor, tmp_path: Path) -> None:
    orders = table(tmp_path, "ann")
    outcomes = [execute(executor, "SELECT $p AS p FROM orders", orders, p=value) for value in (1, "x", Decimal("1.50"))]
    assert [outcome.outputs["result"].columns[0][1] for outcome in outcomes] == ["INTEGER", "VARCHAR", "DECIMAL(3,2)"]


def test_columns_follow_from_the_types_of_the_inputs(executor: Executor, tmp_path: Path) -> None:
    orders = table(tmp_path, "ann")
    assert execute(executor, "FROM orders", orders).outputs["result"].columns == COLUMNS
    other = InputTable(orders.paths, (("name", "VARCHAR"), ("id", "DECIMAL(9,2)")))
    assert execute(executor, "FROM orders", other).outputs["result"].columns == other.columns


def test_a_sum_stays_exact(executor: Executor, tmp_path: Path) -> None:
    query = "SELECT sum(id + 9007199254740993) AS total FROM orders"
    for names in (("ann",), ("bob",)):
        assert rows(execute(executor, query, table(tmp_path, *names))) == [(Decimal("9007199254740993"),)]


def test_each_case_has_its_own_clock(executor: Executor, tmp_path: Path) -> None:
    orders = table(tmp_path, "ann")
    for day in (1, 2):
        clock = datetime(2026, 1, day, tzinfo=UTC)
        outcome = execute(executor, "SELECT current_date AS day FROM orders", orders, clock)
        assert rows(outcome) == [(clock.date(),)]


def test_a_part_that_is_no_parquet_file_is_an_error_of_loading(executor: Executor, tmp_path: Path) -> None:
    query = "SELECT name FROM orders"
    assert execute(executor, query, table(tmp_path, "ann")).error is None
    (tmp_path / "broken").write_text("not parquet")
    outcome = execute(executor, query, InputTable((tmp_path / "broken",), COLUMNS))
    assert outcome.error is not None
    assert outcome.error.phase == "load"
    assert rows(execute(executor, query, table(tmp_path, "bob"))) == [("bob",)]


def test_an_error_of_the_query_is_told_as_the_first_time(executor: Executor, tmp_path: Path) -> None:
    query = "SELECT CAST(name AS INTEGER) AS number\nFROM orders WHERE\nid < CAST(name AS INTEGER)"
    assert rows(execute(executor, query, table(tmp_path, "1"))) == [(1,)]
    first, second = (execute(executor, query, table(tmp_path, "ann")).error for _ in range(2))
    assert first is not None
    assert (first.phase, first.code, first.kind) == ("execute", "execution_error", "conversion")
    assert "LINE " in first.message
    assert first == second
    with Executor(Limits(wall_seconds=20), isolation="none") as other:
        assert execute(other, query, table(tmp_path, "ann")).error == first


def test_a_column_given_twice_is_refused_each_time(executor: Executor, tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        outcome = execute(executor, "SELECT id, name AS id FROM orders", table(tmp_path, name))
        assert outcome.error is not None
        assert outcome.error.code == "duplicate_column"


def test_large_inputs_are_read_like_small_ones(executor: Executor, tmp_path: Path) -> None:
    path = tmp_path / "large"
    duckdb.connect().execute(
        f"COPY (SELECT range AS id, md5(range::VARCHAR) AS name FROM range(100000)) TO '{path}' (FORMAT parquet)"
    )
    query = "SELECT count(*) AS n, max(id) AS highest FROM orders"
    for orders, expected in ((table(tmp_path, "ann"), (1, 0)), (InputTable((path,), COLUMNS), (100_000, 99_999))):
        assert rows(execute(executor, query, orders)) == [expected]
