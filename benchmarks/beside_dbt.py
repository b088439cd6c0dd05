"""Small test cases beside dbt's unit tests and SQLMesh's tests: `python -m benchmarks.beside_dbt [CASES [ROUNDS]]`.

The same cases for each: two tables of five rows are joined, and the two rows that come out are compared with the
expected ones; all pass. What is measured is a whole process, start included, as one types it: `manage.py
run_testcases --application ... --jobs 2`, which stores the results; `dbt test`; `sqlmesh test`. Each has a fresh
project, and runs in turn with the others; the figures are the medians. dbt and SQLMesh run in the environment of
`make beside`.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.small_cases import CUSTOMERS, ORDERS, QUERY, TOTALS, build
from benchmarks.workplace import ROOT, workplace

BESIDE = ROOT / ".venv-beside" / "bin"
ROUNDS = 3
SECONDS = 1800
NAMES = ("customers", "orders")
SOURCES = {
    "customers": "SELECT 1::BIGINT AS id, 'a'::VARCHAR AS name",
    "orders": "SELECT 1::BIGINT AS id, 1::BIGINT AS customer_id, 1.5::DOUBLE AS amount",
}


def whole_process(command: list[str], directory: Path, passed: str, environment: Mapping[str, str]) -> float:
    """Seconds that a command takes. RuntimeError where it does not say that all passed."""
    started = time.perf_counter()
    ended = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    seconds = time.perf_counter() - started
    if ended.returncode or not re.search(passed, ended.stdout):
        raise RuntimeError(f"{' '.join(command)}: exit {ended.returncode}\n{ended.stdout[-3000:]}")
    return seconds


def write(path: Path, content: Any) -> None:
    """A file of a project: text as it is, all else as YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))


def dbt(directory: Path, case_count: int) -> Callable[[], float]:
    """A dbt project over DuckDB, its inputs built; a unit test for each case."""
    project = {"name": "beside", "version": "1.0", "profile": "beside", "model-paths": ["models"]}
    output = {"type": "duckdb", "path": str(directory / "dbt.duckdb"), "threads": 2}
    write(directory / "dbt_project.yml", project)
    write(directory / "profiles.yml", {"beside": {"target": "dev", "outputs": {"dev": output}}})
    query = QUERY
    for name in NAMES:
        write(directory / f"models/{name}.sql", SOURCES[name])
        query = re.sub(rf"\b(FROM|JOIN) {name}\b", rf"\1 {{{{ ref('{name}') }}}}", query)
    write(directory / "models/totals.sql", query)
    given = [{"input": "ref('customers')", "rows": CUSTOMERS}, {"input": "ref('orders')", "rows": ORDERS}]
    tests = [
        {"name": f"case_{number}", "model": "totals", "given": given, "expect": {"rows": TOTALS}}
        for number in range(case_count)
    ]
    write(directory / "models/cases.yml", {"unit_tests": tests})
    command = [str(BESIDE / "dbt"), "--no-send-anonymous-usage-stats"]
    environment = {"DBT_PROFILES_DIR": str(directory), "DO_NOT_TRACK": "1"}
    whole_process([*command, "run"], directory, r"PASS=3\b", environment)
    test = [*command, "test", "--select", "test_type:unit", "--threads", "2"]
    return lambda: whole_process(test, directory, rf"PASS={case_count}\b", environment)


def sqlmesh(directory: Path, case_count: int) -> Callable[[], float]:
    """A SQLMesh project over DuckDB; a test for each case."""
    gateway = {"connection": {"type": "duckdb", "database": str(directory / "sqlmesh.duckdb")}}
    config = {"gateways": {"local": gateway}, "default_gateway": "local", "model_defaults": {"dialect": "duckdb"}}
    write(directory / "config.yaml", config)
    query = QUERY
    for name in NAMES:
        query = re.sub(rf"\b(FROM|JOIN) {name}\b", rf"\1 beside.{name}", query)
        write(directory / f"models/{name}.sql", f"MODEL (name beside.{name}, kind FULL);\n{SOURCES[name]}")
    write(directory / "models/totals.sql", f"MODEL (name beside.totals, kind FULL);\n{query}")
    inputs = {"beside.customers": {"rows": CUSTOMERS}, "beside.orders": {"rows": ORDERS}}
    case = {"model": "beside.totals", "inputs": inputs, "outputs": {"query": {"rows": TOTALS}}}
    write(directory / "tests/test_cases.yaml", {f"test_case_{number}": case for number in range(case_count)})
    environment = {"SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true", "MAX_FORK_WORKERS": "2"}
    passed = rf"Successfully Ran `{case_count}` Tests"
    return lambda: whole_process([str(BESIDE / "sqlmesh"), "test"], directory, passed, environment)


def exemplar(case_count: int) -> Callable[[], float]:
    """An application with the cases, in the workplace; the command for it."""
    from catalog.models import Application

    application = Application.objects.create(name="beside")
    build(application, case_count)
    command = [sys.executable, "manage.py", "run_testcases", "--application", "beside", "--jobs", "2"]
    return lambda: whole_process(command, ROOT, rf"\b{case_count} passed", {})


def main() -> None:
    case_count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    round_count = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    if not BESIDE.exists():
        raise SystemExit("dbt and SQLMesh aren't there; `make beside` installs them.")
    with workplace(), tempfile.TemporaryDirectory(prefix="exemplar-beside-") as directory:
        works = {
            "Exemplar": exemplar(case_count),
            "dbt": dbt(Path(directory) / "dbt", case_count),
            "SQLMesh": sqlmesh(Path(directory) / "sqlmesh", case_count),
        }
        seconds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(round_count):
            for name, work in works.items():
                seconds[name].append(work())
    own = statistics.median(seconds["Exemplar"])
    print(f"{case_count} cases, whole process, median of {round_count} rounds, {len(os.sched_getaffinity(0))} cores")
    print(f"{'':10} {'seconds':>8} {'cases/s':>8} {'times Exemplar':>15}   all rounds")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        rounds = ", ".join(f"{each:.1f}" for each in taken)
        print(f"{name:10} {median:8.2f} {case_count / median:8.0f} {median / own:15.1f}   {rounds}")


if __name__ == "__main__":
    main()
