"""What a caller of the executor sees: typed tables in, typed tables or an error in words out."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pytest

from processes.execution import (
    ExecutionError,
    ExecutionRequest,
    Executor,
    InputTable,
    Limits,
    Outcome,
    OutputTable,
    check_definition,
)

ORDER_COLUMNS = (("customer", "VARCHAR"), ("price", "DECIMAL(9,2)"), ("day", "DATE"))


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(Limits(wall_seconds=20), isolation="none") as executor:
        yield executor


@pytest.fixture
def orders(tmp_path: Path) -> InputTable:
    return InputTable(
        (
            write_part(tmp_path / "first", "(1, 3, 'ann', 1.10, DATE '2024-01-01'), (2, 3, 'bob', 2.20, NULL)"),
            write_part(tmp_path / "second", "(3, 4, 'ann', 3.30, DATE '2024-03-01')"),
        ),
        ORDER_COLUMNS,
    )


def write_part(path: Path, values: str) -> Path:
    source = f"SELECT * FROM (VALUES {values}) AS part(_id, _version, customer, price, day)"
    duckdb.connect().execute(f"COPY ({source}) TO '{path}' (FORMAT parquet)")
    return path


def request(
    query: str | dict[str, str], inputs: dict[str, InputTable] | None = None, **parameters: Any
) -> ExecutionRequest:
    definition = {"result": query} if isinstance(query, str) else query
    return ExecutionRequest("sql", definition, inputs or {}, tuple(definition), parameters)


def rows(table: OutputTable) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute("SELECT * FROM read_parquet($path)", {"path": str(table.path)}).fetchall()


def result(outcome: Outcome) -> OutputTable:
    assert outcome.error is None, outcome.error
    return outcome.outputs["result"]


def failure(outcome: Outcome) -> ExecutionError:
    assert outcome.error is not None
    assert not outcome.outputs
    return outcome.error


def codes(definition: Any, outputs: Sequence[str] = ("result",), parameters: Sequence[str] = ()) -> list[str]:
    return [problem.code for problem in check_definition("sql", definition, outputs, parameters)]


def test_a_query_sees_all_parts_of_its_input_port(executor: Executor, orders: InputTable) -> None:
    query = "SELECT customer, sum(price) AS total FROM orders GROUP BY customer ORDER BY customer"
    table = result(executor.execute(request(query, {"orders": orders})))
    assert rows(table) == [("ann", Decimal("4.40")), ("bob", Decimal("2.20"))]
    assert table.columns == (("customer", "VARCHAR"), ("total", "DECIMAL(38,2)"))
    assert table.row_count == 2


@pytest.mark.parametrize("hidden", ["_id", "_version", "filename", "file_row_number", "rowid"])
def test_a_query_sees_attributes_only(executor: Executor, orders: InputTable, hidden: str) -> None:
    assert hidden in failure(executor.execute(request(f"SELECT {hidden} FROM orders", {"orders": orders}))).message
    everything = result(executor.execute(request("FROM orders", {"orders": orders})))
    assert everything.columns == ORDER_COLUMNS


def test_an_input_without_parts_is_an_empty_table_of_its_types(executor: Executor) -> None:
    table = result(executor.execute(request("FROM orders", {"orders": InputTable((), ORDER_COLUMNS)})))
    assert (table.columns, table.row_count, rows(table)) == (ORDER_COLUMNS, 0, [])


def test_ports_and_columns_may_have_any_name(executor: Executor, tmp_path: Path) -> None:
    path = tmp_path / "it's a part.parquet"
    duckdb.connect().execute(f'COPY (SELECT 1 AS "say ""hi""; --") TO {str(path)!r} (FORMAT parquet)')
    name = 'the "orders"; DROP'
    table = InputTable((path,), (('say "hi"; --', "INTEGER"),))
    definition = {"an 'output' / port": 'SELECT * FROM "the ""orders""; DROP"'}
    outcome = executor.execute(request(definition, {name: table}))
    assert outcome.error is None
    assert rows(outcome.outputs["an 'output' / port"]) == [(1,)]


def test_several_outputs_see_the_same_moment(executor: Executor) -> None:
    outcome = executor.execute(request({"a": "SELECT now() AS moment", "b": "SELECT now() AS moment"}))
    assert outcome.error is None
    first, second = outcome.outputs["a"].path, outcome.outputs["b"].path
    count = (
        duckdb.connect().execute(f"SELECT count(DISTINCT moment) FROM read_parquet(['{first}', '{second}'])").fetchone()
    )
    assert count == (1,)


@pytest.mark.parametrize(
    ("value", "column_type"),
    [
        ("text's", "VARCHAR"),
        (7, "INTEGER"),
        (2**40, "BIGINT"),
        (1.5, "DOUBLE"),
        (Decimal("1.20"), "DECIMAL(3,2)"),
        (True, "BOOLEAN"),
        (date(2024, 2, 29), "DATE"),
        (datetime(2024, 2, 29, 1, 2, 3, 4), "TIMESTAMP"),
    ],
)
def test_a_parameter_keeps_its_type(executor: Executor, value: Any, column_type: str) -> None:
    table = result(executor.execute(request("SELECT $value AS x", value=value, unused=1)))
    assert table.columns == (("x", column_type),)
    assert rows(table) == [(value,)]


def test_a_parameter_may_be_null_or_have_a_time_zone(executor: Executor) -> None:
    moment = datetime(2024, 1, 1, 12, tzinfo=UTC)
    query = "SELECT $nothing IS NULL AS a, typeof($moment) AS b, epoch($moment) AS c"
    table = result(executor.execute(request(query, nothing=None, moment=moment)))
    assert rows(table) == [(True, "TIMESTAMP WITH TIME ZONE", moment.timestamp())]


def test_a_parameter_of_another_type_is_the_callers_mistake(executor: Executor) -> None:
    with pytest.raises(TypeError, match="bytes"):
        executor.execute(request("SELECT $value AS x", value=b"x"))


def test_a_sum_of_integers_is_kept_exactly(executor: Executor) -> None:
    table = result(executor.execute(request("SELECT sum(x) AS total FROM (VALUES (9007199254740993), (2)) AS t(x)")))
    assert table.columns == (("total", "HUGEINT"),)
    assert rows(table) == [(Decimal(9007199254740995),)]


def test_nested_columns_are_given_with_their_types(executor: Executor) -> None:
    table = result(executor.execute(request("SELECT [1, 2] AS a, {'x': 1} AS b, '{}'::JSON AS c")))
    assert table.columns == (("a", "INTEGER[]"), ("b", "STRUCT(x INTEGER)"), ("c", "JSON"))


@pytest.mark.parametrize("expression", ["union_value(a := 1)", "[1::HUGEINT]", "'01:02+01'::TIMETZ"])
def test_a_type_that_a_file_would_distort_is_refused(executor: Executor, expression: str) -> None:
    error = failure(executor.execute(request(f"SELECT {expression} AS odd")))
    assert (error.phase, error.code, error.output) == ("output", "unsupported_type", "result")
    assert "'odd'" in error.message


def test_a_column_given_twice_is_refused(executor: Executor) -> None:
    error = failure(executor.execute(request("SELECT 1 AS a, 2 AS A")))
    assert (error.phase, error.code) == ("output", "duplicate_column")
    assert error.message == "Output port 'result': The query gives column 'A' twice."


def test_a_query_without_columns_is_an_error(executor: Executor) -> None:
    error = failure(executor.execute(request("SELECT * EXCLUDE (a) FROM (SELECT 1 AS a)")))
    assert (error.phase, error.code) == ("execute", "execution_error")


def test_the_order_of_rows_is_kept(executor: Executor) -> None:
    table = result(executor.execute(request("SELECT range AS x FROM range(50000) ORDER BY hash(range)")))
    expected = duckdb.connect().execute("SELECT range FROM range(50000) ORDER BY hash(range)").fetchall()
    assert rows(table) == expected


def test_the_first_failing_output_is_named_with_the_line_of_its_query(executor: Executor) -> None:
    queries = {"good": "SELECT 1 AS x", "bad": "SELECT 1 AS x,\n  missing", "worse": "SELECT also_missing"}
    error = failure(executor.execute(request(queries)))
    assert (error.phase, error.code, error.output) == ("execute", "execution_error", "bad")
    assert error.message.startswith("Output port 'bad': ")
    assert "LINE 2:" in error.message


def test_an_error_in_a_value_names_the_value(executor: Executor) -> None:
    error = failure(executor.execute(request("SELECT CAST(x AS INTEGER) AS x FROM (VALUES ('1'), ('seven')) AS t(x)")))
    assert "seven" in error.message
    assert error.output == "result"


def test_a_definition_is_checked_again_before_it_runs(executor: Executor) -> None:
    error = failure(executor.execute(request({"result": "DELETE FROM orders"})))
    assert (error.phase, error.code, error.output) == ("definition", "invalid_definition", "result")


def test_too_many_rows_are_refused(executor: Executor) -> None:
    with Executor(Limits(output_rows=10), isolation="none") as limited:
        assert failure(limited.execute(request("FROM range(11)"))).code == "output_too_large"
        assert failure(limited.execute(request({"a": "FROM range(6)", "b": "FROM range(5)"}))).output == "b"
        assert result(limited.execute(request("FROM range(10)"))).row_count == 10


def test_timings_are_milliseconds_of_each_phase() -> None:
    with Executor(isolation="none") as executor:
        cold = executor.execute(request("SELECT 1 AS x")).timings_ms
        warm = executor.execute(request("SELECT sleep_ms(50) AS x")).timings_ms
    assert set(cold) == set(warm) == {"start", "load", "execute"}
    assert 50 <= warm["execute"] < 5000
    assert warm["start"] < cold["start"] / 2, "the first execution starts the child"


def test_outputs_go_with_the_next_execution_unless_they_are_moved(executor: Executor, tmp_path: Path) -> None:
    lent = result(executor.execute(request("SELECT 1 AS x")))
    kept = result(executor.execute(request("SELECT 2 AS x"), workdir=tmp_path))
    executor.execute(request("SELECT 3 AS x"))
    assert not lent.path.exists()
    assert kept.path.parent == tmp_path
    assert rows(kept) == [(2,)]


def test_closing_removes_every_file(tmp_path: Path, orders: InputTable) -> None:
    work_root = tmp_path / "work"
    work_root.mkdir()
    with Executor(isolation="none", work_root=work_root) as executor:
        result(executor.execute(request("FROM orders", {"orders": orders})))
        assert list(work_root.glob("*/child-*"))
    assert not list(work_root.glob("*/*"))
    assert all(path.exists() for path in orders.paths)


def test_a_child_is_replaced_after_its_number_of_cases() -> None:
    with Executor(isolation="none", cases_per_child=2) as executor:
        first, second, third, fourth = (
            result(executor.execute(request("SELECT 1 AS x"))).path.parent for _ in range(4)
        )
    assert first == second != third == fourth


def test_threads_with_an_executor_each_do_not_meet(orders: InputTable) -> None:
    found: dict[int, list[tuple[Any, ...]]] = {}

    def work(number: int) -> None:
        with Executor(isolation="none") as executor:
            for _ in range(5):
                query = request("SELECT $number AS x, count(*) AS n FROM orders", {"orders": orders}, number=number)
                found[number] = rows(result(executor.execute(query)))

    threads = [Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [(number, 3)] for number in range(3)}


def test_an_executor_handed_to_another_thread_still_works(executor: Executor) -> None:
    found: list[Outcome] = []
    thread = Thread(target=lambda: found.append(executor.execute(request("SELECT 1 AS x"))))
    thread.start()
    thread.join()
    assert result(found[0]).row_count == 1
    assert result(executor.execute(request("SELECT 1 AS x"))).row_count == 1


def test_a_missing_part_is_the_callers_mistake(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        executor.execute(request("FROM orders", {"orders": InputTable((tmp_path / "gone",), ORDER_COLUMNS)}))
    assert result(executor.execute(request("SELECT 1 AS x"))).row_count == 1


def test_a_part_that_is_no_parquet_file_is_an_error_of_loading(executor: Executor, tmp_path: Path) -> None:
    (tmp_path / "part").write_text("not parquet")
    error = failure(executor.execute(request("FROM o", {"o": InputTable((tmp_path / "part",), ORDER_COLUMNS)})))
    assert error.phase == "load"
    assert "exemplar-child" not in error.message


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "SELECT 1;",
        "SELECT 1 -- a comment at the end",
        "FROM orders SELECT customer",
        "VALUES (1)",
        "WITH a AS (SELECT 1 AS x), b AS (FROM a) SELECT * FROM b UNION ALL FROM a ORDER BY x LIMIT 3",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) FROM t",
        "SELECT * FROM orders, LATERAL (SELECT price * 2), unnest([1, 2]) AS u(x), range(3)",
        "PIVOT orders ON customer IN ('ann', 'bob') USING sum(price)",
        "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b",
        "SELECT (SELECT max(price) FROM Orders) AS p, [x + 1 FOR x IN [1]] AS l WHERE EXISTS (FROM ORDERS)",
    ],
)
def test_what_analysts_write_is_accepted_and_runs(executor: Executor, orders: InputTable, query: str) -> None:
    assert check_definition("sql", {"result": query}, ["result"], [], ["orders"]) == []
    assert executor.execute(request(query, {"orders": orders})).error is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELEC 1", "syntax_error"),
        ("SELECT (1", "syntax_error"),
        ("SELECT 1) TO 'x'; COPY (SELECT 1", "syntax_error"),
        ("", "not_one_statement"),
        ("-- nothing", "not_one_statement"),
        ("SELECT 1; SELECT 2", "not_one_statement"),
        ("SELECT 1; -- a comment after the end", "not_one_statement"),
        ("CREATE TABLE t AS SELECT 1", "not_a_select"),
        ("PIVOT t ON a USING sum(b)", "not_a_select"),
        ("DESCRIBE orders", "not_a_select"),
        ("SUMMARIZE orders", "not_a_select"),
        ("SELECT $unknown", "unknown_parameter"),
        ("SELECT ?", "unknown_parameter"),
        ("SELECT 1 -- " + "x" * 100_000, "too_long"),
        ("SELECT " + "(" * 30_000 + "1" + ")" * 30_000, "syntax_error"),
        ("SELECT " + "1 + " * 900 + "1", "too_deep"),
        ("SELECT 1\x00", "syntax_error"),
        ("SELECT '\ud800'", "syntax_error"),
        (7, "invalid_type"),
    ],
)
def test_a_definition_with_a_bad_query_is_refused(query: Any, code: str) -> None:
    assert codes({"result": query}) == [code]


def test_a_definition_has_one_query_for_each_output_port() -> None:
    assert codes({"result": "SELECT 1"}) == []
    assert codes({}) == ["missing_output"]
    assert codes({"result": "SELECT 1", "reslut": "SELECT 1"}) == ["unknown_output"]
    assert codes("SELECT 1") == ["invalid_type"]
    problem = check_definition("sql", {"a/b": "SELECT"}, ["a/b"], [])[0]
    assert problem.path == "/a~1b"


def test_an_unknown_kind_is_refused() -> None:
    assert [problem.code for problem in check_definition("cobol", {}, [], [])] == ["unknown_kind"]


def test_parameters_that_exist_are_accepted() -> None:
    assert codes({"result": "SELECT $since, $since + $days"}, parameters=("since", "days")) == []
