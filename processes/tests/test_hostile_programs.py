"""Programs that hide what they use, leave something for the next case, or answer for those who watch them."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processes.execution import Executor, InputTable, Outcome, Permissions
from processes.tests.runs import ask, executor_of, failure, orders, rows

MODULE = """
    import ctypes, mmap, os, resource, time
    from decimal import Decimal
    import duckdb

    LIBC = ctypes.CDLL(None, use_errno=True)
    PIECE = b"x" * 4_000_000

    def written(open_next):
        kept = []
        for number in range(60):
            file = open_next(number)
            file.write(PIECE); file.flush(); kept.append(file)
            time.sleep(0.02)
        return [{"n": len(kept)}]
    def removed(number):
        file = open(str(number), "wb"); os.unlink(str(number)); return file
    def below(folder): return lambda number: open(f"{folder}/{number}", "wb")

    def writes_unread(orders):
        os.mkdir("closed"); os.chmod("closed", 0o300)
        return written(below("closed"))
    def writes_deep(orders):
        for _ in range(60): os.mkdir("d" * 100); os.chdir("d" * 100)
        return written(lambda number: open(str(number), "wb"))
    def writes_removed(orders): return written(removed)
    def writes_memory_files(orders): return written(lambda number: os.fdopen(os.memfd_create("x"), "wb"))
    def shares_memory(orders):
        shared = mmap.mmap(-1, 800_000_000)
        for place in range(0, 800_000_000, 4096): shared[place] = 1
        return [{"n": 1}] if not time.sleep(0.5) else None
    def digs(orders):
        for _ in range(1100): os.mkdir("d"); os.chdir("d")
        return [{"n": 1}]
    def lasts(orders):
        made = [LIBC.shmget(4711, 1000, 0o1600), LIBC.semget(4711, 1, 0o1600), LIBC.msgget(4711, 0o1600)]
        return [{"n": sum(each == -1 for each in made)}]
    def keeps_a_key(orders):
        number = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
        return [{"n": LIBC.syscall(number, b"user", b"exemplar", b"hello", 5, -4)}]
    def limits_its_watch(orders):
        resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (4, 4))
    def hides(orders): return [{"n": LIBC.prctl(4, 0, 0, 0, 0)}]
    def ends_its_watch(orders): os.kill(os.getppid(), 9); time.sleep(60)
    def blocks_the_output(orders):
        for number in range(3): os.mkfifo(f"{number}-0.parquet")
        return [{"n": 1}]
    def stands_in_the_way(orders):
        for number in range(3): os.makedirs(f"{number}-0.parquet/x")
        return [{"n": 1}]
    def interrupts(orders): raise KeyboardInterrupt("now")
    def says_nothing(orders):
        class Silent(Exception):
            def __str__(self): return 7
        raise Silent
    def forges_a_time(orders):
        for number in range(3, 20):
            try: os.write(number, b'{"reply": {"load_ms": "soon"}}\\n')
            except OSError: pass
        return [{"n": 1}]
    def forges_a_place(orders):
        for number in range(3, 20):
            try: os.write(number, b'{"reply": {"error": {"code": "mine", "message": [], "output": "else"}}}\\n')
            except OSError: pass
        os._exit(0)

    def names_nothing(orders): return [{"": 1}]
    def half_a_pair(orders): return [{"x": "a\\ud800"}]
    def long_whole(orders): return [{"x": 10**5000}]
    def long_decimal(orders): return [{"x": Decimal("1e400000000")}]
    def nan_inside(orders): return [{"x": [float("nan")]}]
    def itself(orders):
        found = []; found.append(found)
        return [{"x": found}]
    def deep(orders):
        found = []
        for _ in range(100_000): found = [found]
        return [{"x": found}]
    def odd_keys(orders): return [{"x": {(1, 2): 3}}]
    def huge_relation(orders): return duckdb.sql("SELECT 9007199254740993::HUGEINT AS x, INTERVAL '-1 month' AS y")
    def lists_its_secret(orders, configuration):
        return [{"x": {"deep": [configuration["key"]]}, "y": "a" + configuration["key"]}]
    def relates_its_secret(orders, configuration): return duckdb.sql("SELECT [$key] AS x", params=configuration)
    def names_its_secret(orders, configuration): return [{configuration["key"]: 1}]
    def raises_its_secret(orders, configuration): raise ValueError("y" * 1990 + configuration["key"])
    def prints_its_secret(orders, configuration):
        print("y" * 65_530 + configuration["key"])
        return [{"n": 1}]
    def fine(orders): return [{"n": 1}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "hostile.py").write_text(textwrap.dedent(MODULE))
    (folder / "exits.py").write_text("import os\nos._exit(0)\n")
    (folder / "stops.py").write_text("import sys\nsys.exit(3)\n")
    forged = 'b"{\\"reply\\": {\\"outputs\\": []}}"'
    (folder / "forges.py").write_text(
        f"import os, struct\nsaid = {forged}\nos.write(0, struct.pack('!I', len(said)) + said)\n"
    )
    return folder


@pytest.fixture(scope="module")
def executor(folder: Path) -> Iterator[Executor]:
    allowed = Permissions(("hostile", "exits", "stops", "forges"), (str(folder),), ("sh",))
    with executor_of("bwrap", allowed) as executor:
        yield executor


@pytest.fixture(scope="module")
def table(folder: Path) -> InputTable:
    return orders(folder)


def call(executor: Executor, table: InputTable, name: str, **fields: Any) -> Outcome:
    entry = name if ":" in name else f"hostile:{name}"
    return ask(executor, "python", {"entry": entry}, {"orders": table}, **fields)


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("writes_unread", "output_too_large", ""),
        ("writes_deep", "execution_error", "too_deep"),
        ("writes_removed", "output_too_large", ""),
        ("writes_memory_files", "output_too_large", ""),
        ("shares_memory", "out_of_memory", ""),
        ("limits_its_watch", "execution_error", "PermissionError"),
        ("ends_its_watch", "crashed", ""),
        ("interrupts", "execution_error", "KeyboardInterrupt"),
        ("says_nothing", "execution_error", "Silent"),
        ("forges_a_place", "mine", ""),
        ("exits:f", "crashed", ""),
        ("stops:f", "execution_error", "SystemExit"),
        ("forges:f", "crashed", ""),
    ],
)
def test_what_hides_or_reaches_for_others_is_told_and_the_next_case_runs(
    executor: Executor, table: InputTable, name: str, code: str, kind: str
) -> None:
    error = failure(call(executor, table, name))
    assert (error.code, error.kind, error.output) == (code, kind, ""), error
    assert rows(call(executor, table, "fine")) == [(1,)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("lasts", 3),
        ("keeps_a_key", -1),
        ("hides", -1),
        ("blocks_the_output", 1),
        ("stands_in_the_way", 1),
        ("forges_a_time", 1),
    ],
)
def test_nothing_is_left_for_the_next_case_nor_in_its_way(
    executor: Executor, table: InputTable, name: str, found: int
) -> None:
    assert [rows(call(executor, table, name)) for _ in range(2)] == [[(found,)]] * 2


def test_directories_without_end_are_cleared_away(executor: Executor, table: InputTable) -> None:
    outcome = call(executor, table, "digs")
    assert outcome.error is None or outcome.error.kind == "too_deep"
    assert rows(call(executor, table, "fine")) == [(1,)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("names_nothing", "A column's name is text"),
        ("half_a_pair", "Row 1, x is a value that no column holds"),
        ("long_whole", "Row 1, x has too many digits"),
        ("long_decimal", "Row 1, x has too many digits"),
        ("nan_inside", "Row 1, x is a value that no column holds"),
        ("itself", "Row 1, x is a value that no column holds"),
        ("deep", "Row 1, x is a value that no column holds"),
        ("odd_keys", "Row 1, x is a value that no column holds"),
    ],
)
def test_a_value_that_no_column_holds_is_told_with_its_place(
    executor: Executor, table: InputTable, name: str, said: str
) -> None:
    error = failure(call(executor, table, name))
    assert (error.code, error.output, said in error.message) == ("invalid_output", "out", True), error


def test_a_relation_keeps_every_digit_and_every_duration(executor: Executor, table: InputTable) -> None:
    (found,) = rows(call(executor, table, "huge_relation"))
    assert [str(value) for value in found] == ["9007199254740993", "-P1M"]


@pytest.mark.parametrize("script", ["rm -rf ../work/* ../inputs; rmdir $PWD", "chmod 0 outputs; chmod 0 ."])
def test_a_program_that_removes_its_directories_harms_no_other(
    executor: Executor, table: InputTable, script: str
) -> None:
    def shell(script: str) -> Outcome:
        return ask(executor, "command", {"argv": ["sh", "-c", script]}, {"orders": table})

    assert failure(shell(script)).code in {"missing_output", "execution_error"}
    assert rows(shell("(echo n; wc -l < inputs/orders.csv) > outputs/out.csv")) == [("3",)]


KEY = 's3cret-"key"-\\ö'
CONFIGURED: dict[str, Any] = {"configuration": {"key": KEY}, "secrets": (KEY,)}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("lists_its_secret", None),
        ("relates_its_secret", "invalid_output"),
        ("names_its_secret", "invalid_output"),
        ("raises_its_secret", "execution_error"),
        ("prints_its_secret", None),
    ],
)
def test_no_secret_and_no_piece_of_one_leaves_a_function(
    executor: Executor, table: InputTable, name: str, code: str | None
) -> None:
    outcome = call(executor, table, name, **CONFIGURED)
    assert (outcome.error and outcome.error.code) == code, outcome.error
    assert "s3cre" not in f"{outcome.error} {outcome.log} {[] if code else rows(outcome)}"


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_no_secret_leaves_a_program(executor: Executor, table: InputTable, form: str) -> None:
    script = """(echo x; printf '"'; sed 's/"/""/g' configuration.json; echo '"') > outputs/out.csv"""
    script = script if form == "csv" else "cp configuration.json outputs/out.ndjson"
    definition = {"argv": ["sh", "-c", f"cat configuration.json >&2; {script}"], "format": form}
    outcome = ask(executor, "command", definition, {"orders": table}, **CONFIGURED)
    assert "s3cret" not in f"{outcome.error} {outcome.log} {[] if outcome.error else rows(outcome)}"
    assert "***" in outcome.log
