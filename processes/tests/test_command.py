"""Commands: files in, files out, and what a program may not do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processes.execution import Executor, InputTable, Outcome, Permissions, check_definition
from processes.runners.groups import make_group, remove_group
from processes.tests.runs import CLOCK, LIMITS, ask, executor_of, failure, orders, rows

PERMISSIONS = Permissions(command_programs=("sh", "cp", "nothing-of-this-name"), unconfined_programs=True)
SETTINGS = Path(__file__).resolve().parents[2] / "config" / "settings.py"
PRICES = {"out": (("price", "DECIMAL(9,2)"),)}


@pytest.fixture(scope="module", params=["bwrap", "none"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with executor_of(request.param, PERMISSIONS) as executor:
        yield executor


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> InputTable:
    return orders(tmp_path_factory.mktemp("parts"))


def shell(executor: Executor, table: InputTable, script: str, form: str = "csv", **fields: Any) -> Outcome:
    definition = {"argv": ["sh", "-c", script, "sh", *fields.pop("arguments", ())], "format": form}
    fields.setdefault("output_types", PRICES)
    return ask(executor, "command", definition, {"orders": table}, **fields)


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_rows_survive_every_format(executor: Executor, table: InputTable, form: str) -> None:
    definition = {"argv": ["cp", "{input:orders}", "{output:out}"], "format": form}
    outcome = ask(executor, "command", definition, {"orders": table}, output_types={"out": table.columns})
    assert outcome.outputs["out"].columns == table.columns
    (ann, other) = rows(outcome)
    assert [str(value) for value in ann] == ["ann", "1.10", "2024-01-01", "2024-01-01 10:00:00+00", '{"a":[1.5]}']
    assert other[0] == "", "an empty text is no null"
    assert other[2:] == (None, None, None)


def test_placeholders_are_paths_and_values(executor: Executor, table: InputTable) -> None:
    script = 'printf "a,b,c\\n%s,%s,%s\\n" "$1" "$2" "$3" > "$2"'
    outcome = shell(
        executor,
        table,
        script,
        arguments=("{input:orders}", "{output:out}", "{parameter:rate}-{no:placeholder}"),
        parameters={"rate": 7},
    )
    assert rows(outcome) == [("inputs/orders.csv", "outputs/out.csv", "7-{no:placeholder}")]


def test_a_port_of_any_name_has_a_file(executor: Executor, table: InputTable) -> None:
    definition = {"argv": ["cp", "{input:../../a b}", "{output:c/d}"], "format": "parquet"}
    outcome = ask(executor, "command", definition, {"../../a b": table}, outputs=("c/d",))
    assert len(rows(outcome, "c/d")) == 2


def test_a_frozen_clock_is_in_the_environment(executor: Executor, table: InputTable) -> None:
    script = 'printf "a,b\\n$EXEMPLAR_CLOCK,$SOURCE_DATE_EPOCH\\n" > outputs/out.csv'
    assert rows(shell(executor, table, script, clock=CLOCK)) == [("2024-02-29T12:30:15.123456Z", "1709209815")]


def test_a_configuration_is_a_file(executor: Executor, table: InputTable) -> None:
    found = shell(executor, table, "cp configuration.json outputs/out.ndjson", "ndjson", configuration={"price": 1.5})
    assert [str(value) for (value,) in rows(found)] == ["1.50"]


@pytest.mark.parametrize(
    ("script", "code", "kind", "said"),
    [
        ("echo oops >&2; exit 3", "execution_error", "exit_status 3", "oops"),
        ("kill -SEGV $$", "execution_error", "signal SIGSEGV", "SIGSEGV"),
        ("exit 0", "missing_output", "", "outputs/out.csv"),
        ("ln -s /etc/passwd outputs/out.csv", "invalid_output", "", "no regular file"),
        ("mkfifo outputs/out.csv", "invalid_output", "", "no regular file"),
        ("mkdir outputs/out.csv", "invalid_output", "", "no regular file"),
        (": > outputs/out.csv", "invalid_output", "", "is empty"),
        ("printf 'price,Price\\n1,2\\n' > outputs/out.csv", "duplicate_column", "", "twice"),
        ("printf 'price\\n1.5\\nabc\\n' > outputs/out.csv", "invalid_output", "", "row 2, price: abc"),
        ("printf 'price\\n1,2\\n' > outputs/out.csv", "invalid_output", "", "can't be read"),
        ("printf 'price\\n\\377\\376\\n' > outputs/out.csv", "invalid_output", "", ""),
        ("yes price | head -2000 > outputs/out.csv", "invalid_output", "", "row 1"),
        ("(echo price; yes 1 | head -2000) > outputs/out.csv", "output_too_large", "", "1,000 rows"),
        ("for i in $(seq 100); do sleep 20 & done; sleep 20", "execution_error", "too_many_processes", "processes"),
        ("while :; do head -c 3000000 /dev/zero > f$(date +%N); done", "output_too_large", "", "bytes"),
        ("head -c 60000000 /dev/zero > big", "output_too_large", None, ""),
    ],
)
def test_what_goes_wrong_is_told_and_the_next_case_runs(
    executor: Executor, table: InputTable, script: str, code: str, kind: str | None, said: str
) -> None:
    error = failure(shell(executor, table, script))
    assert (error.code, said in error.message) == (code, True), error
    assert kind in (None, error.kind), error
    assert rows(shell(executor, table, "echo price > outputs/out.csv; echo 1 >> outputs/out.csv"))


def test_a_program_that_forks_without_end_meets_the_limit_of_the_kernel(executor: Executor, table: InputTable) -> None:
    group = make_group(10)
    if group is None:
        pytest.skip("no control group can be made here: a fork bomb would only meet the watch, so none is let loose")
    remove_group(group)
    error = failure(shell(executor, table, "b() { b|b& };b; sleep 20"))
    assert (error.code, error.kind) == ("execution_error", "too_many_processes"), error
    assert rows(shell(executor, table, "echo price > outputs/out.csv; echo 1 >> outputs/out.csv"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"price": "1.25"}\n{"price": 3}\n{}\n', None),
        ('{"price": true}\n', "row 1, price: true"),
        ("[1]\n", "no JSON objects"),
        ("{\n", "can't be read"),
        ("{}\n", "without any column"),
    ],
)
def test_lines_of_json_are_read_strictly(executor: Executor, table: InputTable, text: str, said: str | None) -> None:
    outcome = shell(executor, table, "printf '%s' \"$1\" > outputs/out.ndjson", "ndjson", arguments=(text,))
    if said is None:
        assert [str(value) for (value,) in rows(outcome)] == ["1.25", "3.00", "None"]
    else:
        assert (failure(outcome).code, said in failure(outcome).message) == ("invalid_output", True)


def test_a_flood_of_errors_is_bounded(executor: Executor, table: InputTable) -> None:
    script = "head -c 100000000 /dev/zero | tr '\\0' x >&2; echo price > outputs/out.csv"
    outcome = shell(executor, table, script)
    assert rows(outcome) == []
    assert len(outcome.log) <= 65536


def test_what_a_program_leaves_running_is_ended(executor: Executor, table: InputTable, tmp_path: Path) -> None:
    script = "(setsid sh -c 'sleep 1; echo 2 >> outputs/out.csv' &); (echo price; echo 1) > outputs/out.csv"
    assert len(rows(shell(executor, table, script))) == 1
    assert len(rows(shell(executor, table, "(echo price; ls | grep -c left) > outputs/out.csv; :"))) == 1


def test_a_program_that_is_not_there_is_an_error(executor: Executor, table: InputTable) -> None:
    error = failure(ask(executor, "command", {"argv": ["nothing-of-this-name"]}, {"orders": table}))
    assert (error.code, error.kind) == ("execution_error", "exit_status 127")


def test_bubblewrap_takes_network_and_files_away(table: InputTable) -> None:
    script = f"""
        (echo found; for path in /etc/passwd /root/.ssh /home /var {SETTINGS}; do
          [ -e $path ] && echo $path; done; cat /proc/net/dev | grep -v lo: | grep :; touch /dev/shm/x && echo shm
        ) > outputs/out.csv 2> /dev/null; true
    """
    with executor_of("bwrap", PERMISSIONS) as executor:
        assert rows(shell(executor, table, script)) == []


def test_a_program_that_never_ends_is_stopped(table: InputTable) -> None:
    with executor_of("bwrap", PERMISSIONS, replace(LIMITS, wall_seconds=2)) as executor:
        error = failure(shell(executor, table, "sleep 600"))
        assert (error.code, error.kind) == ("timeout", "timeout")


@pytest.mark.parametrize(
    ("definition", "place", "code"),
    [
        ({"argv": ["rm"]}, "/argv/0", "not_allowed"),
        ({"argv": ["/bin/sh"]}, "/argv/0", "not_allowed"),
        ({"argv": []}, "/argv", "invalid_type"),
        ({"argv": "sh"}, "/argv", "invalid_type"),
        ({"argv": ["sh", 1]}, "/argv", "invalid_type"),
        ({"argv": ["sh", "\0"]}, "/argv/1", "invalid"),
        ({"argv": ["sh", "x"] * 200}, "/argv", "too_long"),
        ({"argv": ["sh", "{input:ordres}"]}, "/argv/1", "unknown_input"),
        ({"argv": ["sh", "{output:orders}"]}, "/argv/1", "unknown_output"),
        ({"argv": ["sh", "{parameter:x}"]}, "/argv/1", "unknown_parameter"),
        ({"argv": ["sh"], "format": "xml"}, "/format", "invalid_choice"),
        ({}, "/argv", "required"),
    ],
)
def test_a_bad_definition_is_refused(definition: Any, place: str, code: str) -> None:
    problems = check_definition("command", definition, ["out"], [], ["orders"], PERMISSIONS)
    assert [(problem.path, problem.code) for problem in problems] == [(place, code)]
