"""What a hostile or a careless query can't do, with and without bubblewrap; and that the next case always works."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import duckdb
import pytest

from processes.execution import ExecutionError, ExecutionRequest, Executor, InputTable, Limits, check_definition
from processes.runners import sql_rules
from processes.runners.contract import MEBIBYTE
from processes.runners.isolation import IsolationUnavailableError, choose_isolation
from processes.runners.sql import SqlRunner

LIMITS = Limits(
    wall_seconds=10,
    memory_bytes=64 * MEBIBYTE,
    temp_bytes=16 * MEBIBYTE,
    output_rows=100_000,
    output_bytes=4 * MEBIBYTE,
)
PROJECT_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["none", "bwrap"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    try:
        executor = Executor(LIMITS, isolation=request.param)
    except IsolationUnavailableError as error:
        pytest.skip(str(error))
    with executor:
        yield executor
        assert run(executor, "SELECT 1 AS x") is None, "the last case left a child that doesn't work"


def run(executor: Executor, query: str, inputs: dict[str, InputTable] | None = None) -> ExecutionError | None:
    return executor.execute(ExecutionRequest("sql", {"result": query}, inputs or {}, ("result",), {})).error


def failure(executor: Executor, query: str, inputs: dict[str, InputTable] | None = None) -> ExecutionError:
    error = run(executor, query, inputs)
    assert error is not None
    return error


def children(parent: int) -> list[int]:
    """Process ids of living children."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def descendants(parent: int) -> list[int]:
    return [each for child in children(parent) for each in (child, *descendants(child))]


def wait_until_gone(processes: list[int]) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{process}").exists() for process in processes):
            return True
        time.sleep(0.02)
    return False


REACHES_OUT = [
    "FROM read_csv('/etc/passwd')",
    "FROM '/etc/passwd'",
    "FROM '/etc/hosts.csv'",
    "FROM read_text('/proc/self/environ')",
    "FROM read_blob('/dev/zero')",
    "FROM glob('/*')",
    "FROM sniff_csv('/etc/passwd')",
    "FROM read_duckdb('/tmp/x.db')",
    "FROM parquet_metadata('inputs/*')",
    "FROM 'http://127.0.0.1/x.parquet'",
    "FROM read_csv('https://127.0.0.1/x.csv')",
    "FROM postgres_scan('host=127.0.0.1', 'public', 'users')",
    "FROM sqlite_scan('db.sqlite3', 'auth_user')",
    "FROM enable_logging('QueryLog')",
    "FROM main.ENABLE_LOGGING()",
    "FROM disable_logging()",
    "FROM truncate_duckdb_logs()",
    "FROM enable_profiling()",
    "FROM duckdb_logs",
    "FROM duckdb_logs()",
    "FROM duckdb_secrets()",
    "FROM duckdb_settings()",
    "FROM duckdb_views",
    "FROM pg_catalog.pg_settings",
    "FROM information_schema.tables",
    "FROM sqlite_master",
    "FROM pragma_database_list",
    "FROM pragma_database_size()",
    "FROM duckdb_external_file_cache()",
    "FROM which_secret('s3://x', 's3')",
    "FROM query('FROM duckdb_settings()')",
    "FROM query_table('duckdb_settings')",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "FROM python_map_function()",
    "FROM arrow_scan(1, 2, 3)",
    "FROM force_checkpoint()",
    "FROM checkpoint()",
    "SELECT * FROM (SHOW ALL TABLES)",
    "SELECT getvariable('x')",
    "SELECT current_setting('allowed_directories')",
    "SELECT main.current_query()",
    "SELECT write_log('x', scope := 'database')",
    "SELECT nextval('s')",
    "SELECT 1 WHERE 1 IN (SELECT count(*) FROM glob('*'))",
    "WITH a AS (FROM read_text('/etc/passwd')) FROM a",
    "SET threads = 8",
    "SET VARIABLE x = 1",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "ATTACH ':memory:' AS other",
    "COPY (SELECT 1) TO 'x.csv'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL enable_logging()",
    "CHECKPOINT",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE SECRET (TYPE s3)",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE '/etc'",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE p AS SELECT 1",
]


@pytest.mark.parametrize("query", REACHES_OUT)
def test_a_query_that_reaches_out_is_refused_before_it_runs(executor: Executor, query: str) -> None:
    assert failure(executor, query).code == "invalid_definition"


@pytest.mark.parametrize("query", ["SELECT getenv('HOME')", "SELECT read_text('/etc/passwd')"])
def test_there_is_no_function_of_one_value_that_reaches_out(executor: Executor, query: str) -> None:
    assert failure(executor, query).code == "execution_error"


@pytest.mark.parametrize(
    "query",
    [
        'WITH "x.parquet" AS (SELECT * FROM "x.parquet") FROM "x.parquet"',
        'WITH RECURSIVE "x.csv" AS (FROM "x.csv" UNION ALL SELECT 1) FROM "x.csv"',
        "SELECT (WITH duckdb_settings AS (SELECT 1 AS x) SELECT x FROM duckdb_settings) FROM duckdb_settings",
        "WITH a AS (FROM duckdb_views), duckdb_views AS (SELECT 1) FROM a",
    ],
)
def test_a_name_from_with_does_not_cover_what_it_hides(executor: Executor, query: str) -> None:
    assert "There is no input port" in failure(executor, query).message


def test_a_variable_of_our_code_is_not_a_table(executor: Executor) -> None:
    assert "There is no input port 'connection'" in failure(executor, "FROM connection").message


@pytest.mark.parametrize(
    "query",
    [
        "FROM read_text('/etc/passwd')",
        "FROM glob('/*')",
        "FROM read_csv('https://127.0.0.1/x.csv')",
        "COPY (SELECT 1) TO '/tmp/exemplar-escape.csv'",
        "COPY (SELECT 1) TO 'work/../../exemplar-escape.csv'",
        "ATTACH '/tmp/exemplar-escape.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET allowed_directories = ['/']",
    ],
)
def test_settings_alone_keep_queries_from_the_host(tmp_path: Path, query: str) -> None:
    (tmp_path / "work").mkdir()
    instance = SqlRunner(tmp_path, LIMITS, {})._instance(1)
    with pytest.raises(duckdb.Error, match=r"disabled by configuration|disabled through|locked|Cannot change"):
        instance.cursor().execute(query)


def test_checking_a_definition_does_not_execute_it(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text("SELECT read me")
    (tmp_path / "load.sql").write_text("")
    problems = check_definition("sql", {"result": f"IMPORT DATABASE '{tmp_path}'"}, ["result"], [])
    assert [problem.code for problem in problems] == ["not_a_select"]
    assert "read me" not in problems[0].message


def test_every_function_with_side_effects_is_refused_or_known_to_be_harmless() -> None:
    known = {"error", "gen_random_uuid", "random", "setseed", "sleep_ms", "stats", "uuid", "uuidv4", "uuidv7"}
    volatile = """SELECT DISTINCT function_name FROM duckdb_functions()
        WHERE function_type IN ('scalar', 'aggregate') AND (has_side_effects OR stability = 'VOLATILE')"""
    names = {name for (name,) in duckdb.connect().execute(volatile).fetchall()}
    assert names - sql_rules._REFUSED_FUNCTIONS == known


def test_a_seed_does_not_reach_the_next_case(executor: Executor) -> None:
    def draw(query: str) -> object:
        outcome = executor.execute(ExecutionRequest("sql", {"result": query}, {}, ("result",), {}))
        assert outcome.error is None
        path = str(outcome.outputs["result"].path)
        return duckdb.connect().execute("SELECT x FROM read_parquet($path)", {"path": path}).fetchone()

    seeded = draw("SELECT random() AS x FROM (SELECT setseed(0.5))")
    assert draw("SELECT random() AS x") != draw("SELECT random() AS x")
    assert draw("SELECT random() AS x") != seeded


def test_an_input_of_one_case_is_not_a_table_of_the_next(executor: Executor) -> None:
    assert run(executor, "FROM orders", {"orders": InputTable((), (("x", "INTEGER"),))}) is None
    assert "There is no input port 'orders'" in failure(executor, "FROM orders").message
    assert run(executor, "FROM orders", {"orders": InputTable((), (("y", "VARCHAR"),))}) is None


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range = 7",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n % 7 FROM t) SELECT count(*) FROM t",
        "SELECT sleep_ms(60000)",
    ],
)
def test_a_query_that_runs_for_ever_is_stopped(query: str) -> None:
    with Executor(Limits(wall_seconds=1)) as executor:
        assert run(executor, "SELECT 1 AS x") is None
        started = time.monotonic()
        error = failure(executor, query)
        assert time.monotonic() - started < 10
        assert (error.phase, error.code, error.output) == ("execute", "timeout", "result")
        assert error.message == "Output port 'result': Stopped after 1 seconds."
        assert run(executor, "SELECT 1 AS x") is None


@pytest.mark.parametrize(
    "query",
    [
        "SELECT string_agg(a.range || repeat('x', 1000)) FROM range(100000) a, range(1000) b",
        "SELECT list(range) FROM range(1000000000)",
        "SELECT list(x) FROM (SELECT repeat('y', 100000000) AS x FROM range(100))",
        "SELECT len(range(2000000000))",
        "SELECT length(repeat('x', 4000000000))",
        "SELECT count(DISTINCT md5(range::VARCHAR)) FROM range(10000000)",
        "SELECT row_number() OVER (ORDER BY md5(range::VARCHAR)) FROM range(10000000)",
    ],
)
def test_a_query_that_eats_memory_or_temporary_space_is_stopped(executor: Executor, query: str) -> None:
    error = failure(executor, query)
    assert error.code in ("out_of_memory", "timeout")
    assert error.output == "result"
    assert run(executor, "SELECT 1 AS x") is None


@pytest.mark.parametrize(
    "query",
    ["FROM range(1000000000000)", "SELECT uuid() AS a, uuid() AS b, uuid() AS c, uuid() AS d FROM range(99999)"],
)
def test_an_endless_output_is_refused_and_leaves_the_disk_as_it_was(tmp_path: Path, query: str) -> None:
    with Executor(LIMITS, work_root=tmp_path) as executor:
        error = failure(executor, query)
        assert error.code == "output_too_large"
        assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 100_000
        assert run(executor, "SELECT 1 AS x") is None


def test_the_kernel_bounds_a_file_before_it_is_counted() -> None:
    with Executor(Limits(output_bytes=MEBIBYTE, temp_bytes=MEBIBYTE)) as executor:
        error = failure(executor, "SELECT gen_random_uuid() AS a, gen_random_uuid() AS b FROM range(4000000)")
    assert error.code == "output_too_large"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_is_an_error_and_the_next_case_works(executor: Executor, how: signal.Signals) -> None:
    assert run(executor, "SELECT 1 AS x") is None
    timer = Timer(0.3, lambda: os.kill(descendants(os.getpid())[-1], how))
    timer.start()
    error = failure(executor, "SELECT sleep_ms(9000)")
    assert (error.phase, error.code, error.output) == ("execute", "crashed", "result")
    assert how.name in error.message
    assert run(executor, "SELECT 1 AS x") is None


def test_a_child_that_died_between_cases_is_replaced_unnoticed(executor: Executor) -> None:
    assert run(executor, "SELECT 1 AS x") is None
    killed = descendants(os.getpid())
    for process in killed:
        with contextlib.suppress(ProcessLookupError):  # bubblewrap takes its own along
            os.kill(process, signal.SIGKILL)
    time.sleep(0.1)
    assert run(executor, "SELECT 1 AS x") is None


def test_a_child_knows_nothing_of_our_environment(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    executor.close()
    assert run(executor, "SELECT 1 AS x") is None
    for process in descendants(os.getpid()):
        assert b"s3cret" not in Path(f"/proc/{process}/environ").read_bytes()


def test_a_child_has_no_descriptor_of_ours(executor: Executor, tmp_path: Path) -> None:
    with (tmp_path / "open.txt").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        executor.close()
        assert run(executor, "SELECT 1 AS x") is None
        for process in descendants(os.getpid()):
            opened = [str(entry.readlink()) for entry in Path(f"/proc/{process}/fd").iterdir()]
            assert str(tmp_path / "open.txt") not in opened


def test_bubblewrap_takes_network_and_files_away() -> None:
    if choose_isolation("auto") != "bwrap":
        pytest.skip("bubblewrap doesn't work here")
    with Executor(isolation="auto") as executor:
        assert executor.isolation == "bwrap"
        assert run(executor, "SELECT 1 AS x") is None
        inside = descendants(os.getpid())[-1]
        root = Path(f"/proc/{inside}/root")
        assert not (root / "etc" / "passwd").exists()
        assert not (root / str(PROJECT_ROOT).lstrip("/") / "config" / "settings.py").exists()
        assert Path(f"/proc/{inside}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_an_unknown_isolation_is_refused() -> None:
    with pytest.raises(ValueError, match="isolation is"):
        Executor(isolation="docker")


PARENT = """
import sys
from pathlib import Path
from processes.execution import ExecutionRequest, Executor
executor = Executor(isolation=sys.argv[1], work_root=Path(sys.argv[2]))
def run(query):
    return executor.execute(ExecutionRequest("sql", {"result": query}, {}, ("result",), {}))
run("SELECT 1 AS x")
print("ready", flush=True)
run("SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range = 7")
"""


def test_a_killed_parent_leaves_no_process_behind(executor: Executor, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, executor.isolation, str(tmp_path)], stdout=subprocess.PIPE, cwd=PROJECT_ROOT
    )
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        orphans = descendants(parent.pid)
        assert orphans
        parent.kill()
        parent.wait()
    assert wait_until_gone(orphans)


NEXT = """
import sys
from pathlib import Path
from processes.execution import Executor
from processes.tests.test_sandbox import run
with Executor(isolation="none", work_root=Path(sys.argv[1])) as executor:
    assert run(executor, "SELECT 1 AS x") is None
"""


def test_what_a_killed_parent_left_is_removed_and_what_lives_is_kept(tmp_path: Path) -> None:
    with Executor(isolation="none", work_root=tmp_path) as living:
        assert run(living, "SELECT 1 AS x") is None
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, "none", str(tmp_path)], stdout=subprocess.PIPE, cwd=PROJECT_ROOT
        )
        assert parent.stdout is not None
        with parent.stdout:
            assert parent.stdout.readline() == b"ready\n"
            orphans = descendants(parent.pid)
            parent.kill()
            parent.wait()
        assert wait_until_gone(orphans)
        assert len(list(tmp_path.iterdir())) == 2
        command = [sys.executable, "-c", NEXT, str(tmp_path)]
        subprocess.run(command, cwd=PROJECT_ROOT, check=True, timeout=60)
        assert len(list(tmp_path.iterdir())) == 1
        assert run(living, "SELECT 1 AS x") is None


@pytest.mark.parametrize("text", ["/*" * 45_000, "/*/" * 30_000, "/*" * 20_000 + "*/" * 20_000, "+-" * 45_000])
def test_a_query_that_takes_minutes_to_parse_is_refused_unread(text: str) -> None:
    problems = check_definition("sql", {"result": f"SELECT 1 {text} 1"}, ["result"], [])
    assert [problem.code for problem in problems] == ["too_deep"]


def test_many_comments_and_long_lines_are_no_reason_to_refuse_a_query() -> None:
    comments = "/* one */ -- two\n" * 2000 + "-" * 5000 + "\n" + " /* /* in */ */" * 1000
    query = f"SELECT 1 {comments}, '{'+' * 400}'"
    assert check_definition("sql", {"result": query}, ["result"], []) == []


def test_a_query_that_is_wrong_all_over_has_so_many_problems_and_no_more() -> None:
    query = "SELECT " + ",".join("?" * 5000)
    assert len(check_definition("sql", {"result": query}, ["result"], [])) == 100
