"""Python implementations: tables in, tables out, and what a function may not do."""

import textwrap
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from processes.execution import Executor, InputTable, Outcome, Permissions, check_definition
from processes.tests.runs import CLOCK, ask, executor_of, failure, orders, rows

MODULE = """
    import ctypes, datetime, os, socket, subprocess, sys, threading, time
    from decimal import Decimal
    from time import time as seconds

    SEEN = []

    def kinds(orders): return [{name: f"{type(value).__name__} {value!r}" for name, value in orders[0].items()}]
    def same(orders): return orders
    def relation(orders: "duckdb.DuckDBPyRelation"): return orders.filter("price > 2")
    def pandas(orders: "pandas.DataFrame"): return orders
    def polars(orders: "polars.DataFrame"): return orders
    def arrow(orders: "pyarrow.Table"): return orders
    def two(orders, *, rate): return {"a": [{"n": len(orders) * rate}], "b": []}
    def one_of_two(orders): return {"a": []}
    def seen(orders): SEEN.append(1); return [{"n": len(SEEN)}]
    def configured(orders, configuration): return [{"x": configuration["x"]}]
    def clocks(orders):
        now = datetime.datetime.now()
        return [{"a": now, "b": datetime.datetime.now(datetime.UTC), "c": datetime.date.today(), "d": str(seconds()),
                 "e": datetime.datetime.utcnow() == now == datetime.datetime.today(), "f": time.strftime("%Y"),
                 "g": time.gmtime().tm_yday, "h": time.monotonic() < time.monotonic() + 1, "i": time.gmtime(0).tm_year}]
    def wide(orders): return [{"n": i} for i in range(2000)]
    def empty(orders): return []
    def nan(orders): return [{"x": float("nan")}]
    def big(orders): return [{"x": 2**100, "y": Decimal("1.10")}, {"x": 1, "y": None}]
    def mixed(orders): return [{"x": 1}, {"x": "a"}]
    def thing(orders): return [{"x": object()}]
    def number(orders): return 7
    def not_rows(orders): return [1]
    def twice(orders): return [{"a": 1, "A": 2}]
    def infinite(orders):
        while True: yield {"x": "y" * 1000}
    def raises(orders): raise ValueError("bad price in " + __file__)
    def exits(orders): sys.exit(3)
    def ends(orders): os._exit(3)
    def crashes(orders): ctypes.string_at(0)
    def eats(orders): return [{"x": len(bytearray(10**10))}]
    def forks(orders): os.fork()
    def runs(orders): subprocess.run(["/bin/true"])
    def threads(orders):
        found = []
        thread = threading.Thread(target=lambda: found.append(1)); thread.start(); thread.join()
        return [{"n": len(found)}]
    def connects(orders): socket.create_connection(("127.0.0.1", 9), 1)

    def looks(orders): return [{"found": os.path.exists("/etc/passwd") or "SECRET_KEY" in os.environ}]
    def speaks(orders):
        print("to the log")
        sys.stderr.write("x" * 10_000_000)
        return orders
    def leaves(orders):
        os.mkdir("left"); open("left/file", "w").close(); os.chmod("left", 0)
        return orders
    def found(orders): return [{"n": len(os.listdir())}]
    def forges(orders):
        import json
        forged = json.dumps({"reply": {"outputs": [{"columns": "x", "row_count": "y"}]}}).encode() + b"\\n"
        for number in range(3, 20):
            try: os.write(number, forged)
            except OSError: pass
        os._exit(0)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "pricing.py").write_text(textwrap.dedent(MODULE))
    (folder / "broken.py").write_text("1 / 0")
    return folder


@pytest.fixture(scope="module", params=["bwrap", "none"])
def executor(request: pytest.FixtureRequest, folder: Path) -> Iterator[Executor]:
    allowed = Permissions(("pricing", "broken"), (str(folder),), unconfined_programs=True)
    with executor_of(request.param, allowed) as executor:
        yield executor


@pytest.fixture(scope="module")
def table(folder: Path) -> InputTable:
    return orders(folder)


def call(executor: Executor, table: InputTable, name: str, **fields: Any) -> Outcome:
    definition = {"entry": f"pricing:{name}"} | fields.pop("definition", {})
    return ask(executor, "python", definition, {"orders": table}, **fields)


def test_records_have_pythons_types(executor: Executor, table: InputTable) -> None:
    (found,) = rows(call(executor, table, "kinds"))
    assert found == (
        "str 'ann'",
        "Decimal Decimal('1.10')",
        f"date {date(2024, 1, 1)!r}",
        f"datetime {datetime(2024, 1, 1, 10, tzinfo=UTC)!r}",
        "dict {'a': [1.5]}",
    )


EXACT = [
    ("ann", Decimal("1.10"), date(2024, 1, 1), "2024-01-01 10:00:00+00", '{"a": [1.5]}'),
    ("", Decimal("2.20"), None, None, None),
]


def test_records_come_back_as_they_were(executor: Executor, table: InputTable) -> None:
    outcome = call(executor, table, "same")
    assert rows(outcome) == EXACT
    kinds = dict(outcome.outputs["out"].columns)
    assert kinds["at"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["note"] == "JSON"


@pytest.mark.parametrize("name", ["polars", "arrow"])
def test_tables_of_other_libraries_go_in_and_come_out(executor: Executor, table: InputTable, name: str) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("polars")
    found = rows(call(executor, table, name, output_types={"out": table.columns}))
    assert [row[:4] for row in found] == [row[:4] for row in EXACT]


def test_pandas_tables_take_the_types_of_the_object_where_nothing_is_lost(
    executor: Executor, table: InputTable
) -> None:
    pytest.importorskip("pandas")
    outcome = call(executor, table, "pandas", output_types={"out": table.columns})
    assert [row[:4] for row in rows(outcome)] == [row[:4] for row in EXACT]
    assert outcome.outputs["out"].columns == table.columns


def test_a_relation_goes_in_and_comes_out(executor: Executor, table: InputTable) -> None:
    assert [row[0] for row in rows(call(executor, table, "relation"))] == [""]
    assert len(rows(call(executor, table, "same", definition={"tables": "relation"}))) == 2


def test_several_outputs_are_a_dict_and_parameters_go_by_name(executor: Executor, table: InputTable) -> None:
    outcome = call(
        executor,
        table,
        "two",
        outputs=("a", "b"),
        parameters={"rate": Decimal("1.5")},
        output_types={"b": (("x", "BIGINT"),)},
    )
    assert rows(outcome, "a") == [(Decimal("3.0"),)]
    assert outcome.outputs["b"].columns == (("x", "BIGINT"),)
    error = failure(call(executor, table, "one_of_two", outputs=("a", "b")))
    assert (error.code, "no table for b" in error.message) == ("missing_output", True)


def test_one_case_does_not_see_what_another_left(executor: Executor, table: InputTable) -> None:
    assert [rows(call(executor, table, "seen")) for _ in range(2)] == [[(1,)], [(1,)]]
    before = rows(call(executor, table, "found"))
    assert call(executor, table, "leaves").error is None
    assert rows(call(executor, table, "found")) == before


def test_a_frozen_clock_is_every_clock(executor: Executor, table: InputTable) -> None:
    assert rows(call(executor, table, "clocks", clock=CLOCK)) == [
        (CLOCK, "2024-02-29 12:30:15.123456+00", CLOCK.date(), "1709209815.123456", True, "2024", 60, True, 1970)
    ]
    assert rows(call(executor, table, "clocks"))[0][2] > date(2024, 2, 29)


def test_the_configuration_is_given_to_a_function_that_takes_it(executor: Executor, table: InputTable) -> None:
    assert rows(call(executor, table, "configured", configuration={"x": "y"})) == [("y",)]


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("raises", "execution_error", "ValueError"),
        ("exits", "execution_error", "SystemExit"),
        ("ends", "execution_error", "exit_status 3"),
        ("crashes", "execution_error", "signal SIGSEGV"),
        ("eats", "out_of_memory", "MemoryError"),
        ("forks", "execution_error", "PermissionError"),
        ("runs", "execution_error", "PermissionError"),
        ("wide", "output_too_large", ""),
        ("mixed", "invalid_output", ""),
        ("thing", "invalid_output", ""),
        ("number", "invalid_output", ""),
        ("not_rows", "invalid_output", ""),
        ("twice", "duplicate_column", ""),
        ("infinite", "output_too_large", None),
        ("forges", "missing_output", ""),
        ("absent", "execution_error", "AttributeError"),
    ],
)
def test_what_goes_wrong_is_told_and_the_next_case_runs(
    executor: Executor, table: InputTable, name: str, code: str, kind: str | None
) -> None:
    error = failure(call(executor, table, name))
    assert error.code == code, error
    assert kind in (None, error.kind), error
    assert rows(call(executor, table, "threads")) == [(1,)]


def test_a_message_holds_no_path_and_the_log_the_way_to_the_error(
    executor: Executor, table: InputTable, folder: Path
) -> None:
    outcome = call(executor, table, "raises")
    assert failure(outcome).message == "bad price in /pricing.py"
    assert "pricing.py, line" in outcome.log
    assert str(folder) not in outcome.log


def test_odd_values_are_kept(executor: Executor, table: InputTable) -> None:
    assert str(rows(call(executor, table, "nan"))) == "[(nan,)]"
    assert rows(call(executor, table, "big")) == [(Decimal(2**100), Decimal("1.10")), (Decimal(1), None)]
    empty = call(executor, table, "empty", output_types={"out": (("x", "DATE"),)})
    assert (rows(empty), empty.outputs["out"].columns) == ([], (("x", "DATE"),))
    assert failure(call(executor, table, "empty")).code == "invalid_output"


def test_the_log_is_bounded(executor: Executor, table: InputTable) -> None:
    outcome = call(executor, table, "speaks")
    assert outcome.error is None
    assert 0 < len(outcome.log) <= 65536
    assert "xxx" in outcome.log


def test_a_module_that_fails_to_import_is_an_error(executor: Executor, table: InputTable) -> None:
    error = failure(ask(executor, "python", {"entry": "broken:f"}, {"orders": table}))
    assert (error.phase, error.code, error.kind) == ("load", "execution_error", "ZeroDivisionError")


def test_bubblewrap_takes_network_files_and_environment_away(
    folder: Path, table: InputTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "x")
    with executor_of("bwrap", Permissions(("pricing",), (str(folder),))) as executor:
        assert rows(call(executor, table, "looks")) == [(False,)]
        assert failure(call(executor, table, "connects")).kind in {"OSError", "ConnectionRefusedError"}


def test_without_bubblewrap_a_program_runs_only_where_the_settings_say_so(folder: Path, table: InputTable) -> None:
    with Executor(isolation="none", permissions=Permissions(("pricing",), (str(folder),))) as executor:
        error = failure(call(executor, table, "same"))
    assert (error.phase, error.code) == ("start", "not_allowed")
    assert "SANDBOX_ISOLATION=none" in error.message


@pytest.mark.parametrize(
    ("definition", "place", "code"),
    [
        ({"entry": "os:system"}, "/entry", "not_allowed"),
        ({"entry": "pricing.inner:f"}, "/entry", "not_allowed"),
        ({"entry": "pricing"}, "/entry", "invalid"),
        ({"entry": "pricing:f()"}, "/entry", "invalid"),
        ({"entry": 7}, "/entry", "invalid"),
        ({}, "/entry", "required"),
        ({"entry": "pricing:f", "tables": "excel"}, "/tables", "invalid_choice"),
        ({"entry": "pricing:f", "table": "records"}, "/table", "unknown_property"),
        ([], "", "invalid_type"),
    ],
)
def test_a_bad_definition_is_refused(definition: Any, place: str, code: str) -> None:
    problems = check_definition("python", definition, ["out"], [], [], Permissions(("pricing",)))
    assert [(problem.path, problem.code) for problem in problems] == [(place, code)]


def test_nothing_is_allowed_by_default() -> None:
    assert [problem.code for problem in check_definition("python", {"entry": "pricing:f"}, ["out"], [])] == [
        "not_allowed"
    ]
