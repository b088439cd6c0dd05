"""Writers in processes of their own, on a real database: nothing is lost, and a killed one leaves nothing behind.

The benchmarks do the same at full size.
"""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database_url(transactional_db: None, tmp_path: Path) -> str:
    """A database that other processes see: the test database on PostgreSQL, a file on SQLite."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{tmp_path}/shared.sqlite3"
    given = connection.settings_dict
    login = ":".join(quote(given[part], safe="") for part in ("USER", "PASSWORD") if given[part])
    return f"postgres://{login}@{given['HOST']}:{given['PORT'] or 5432}/{given['NAME']}"


def run(database_url: str, benchmark: str, *arguments: int) -> str:
    """A benchmark at the size of a test; it fails if the benchmark finds something wrong."""
    outcome = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def test_two_processes_that_append_to_one_table_lose_nothing(database_url):
    assert run(database_url, "concurrent_appends", 60).startswith("120 rows, 120 distinct ids, 120 distinct values")


def test_a_table_is_whole_after_its_writer_was_killed(database_url):
    assert run(database_url, "kill_during_replace", 200_000, 4).count("is whole") == 4


def test_two_processes_on_both_sides_of_a_foreign_key_leave_no_row_that_refers_to_nothing(database_url):
    assert "0 tables with broken references" in run(database_url, "concurrent_references", 40)


def test_imports_whose_workers_are_killed_are_done_once(database_url):
    told = run(database_url, "import_crash", 60_000, 2)
    assert "120,001 rows at version 3" in told and "0 chunks are left" in told


def test_a_prune_of_runs_that_is_killed_loses_no_rows(database_url):
    told = run(database_url, "prune_crash", 3)
    assert told.count("; whole") == 4
