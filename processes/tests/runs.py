"""What tests of runners share: requests, their outcomes, and a table to give."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from processes.execution import (
    ExecutionError,
    ExecutionRequest,
    Executor,
    InputTable,
    IsolationUnavailableError,
    Limits,
    Outcome,
    Permissions,
)
from processes.runners.contract import MEBIBYTE

ORDER_COLUMNS = (
    ("customer", "VARCHAR"),
    ("price", "DECIMAL(9,2)"),
    ("day", "DATE"),
    ("at", "TIMESTAMP WITH TIME ZONE"),
    ("note", "JSON"),
)
LIMITS = Limits(
    wall_seconds=30,
    memory_bytes=192 * MEBIBYTE,
    temp_bytes=16 * MEBIBYTE,
    output_rows=1000,
    output_bytes=4 * MEBIBYTE,
)
CLOCK = datetime(2024, 2, 29, 12, 30, 15, 123456)


def orders(folder: Path) -> InputTable:
    """Two rows of every kind of value."""
    path = folder / "orders.parquet"
    rows = """
        (1, 3, 'ann', 1.10::DECIMAL(9,2), DATE '2024-01-01', TIMESTAMPTZ '2024-01-01 10:00:00+00', '{"a":[1.5]}'::JSON),
        (2, 3, '', 2.20, NULL, NULL, NULL)"""
    names = '_id, _version, customer, price, day, "at", note'
    duckdb.connect().execute(f"COPY (SELECT * FROM (VALUES {rows}) AS part({names})) TO '{path}' (FORMAT parquet)")
    return InputTable((path,), ORDER_COLUMNS)


def executor_of(isolation: str, permissions: Permissions, limits: Limits = LIMITS) -> Executor:
    """An Executor, or a skipped test where bubblewrap doesn't work."""
    try:
        return Executor(limits, isolation=isolation, permissions=permissions)
    except IsolationUnavailableError as error:
        pytest.skip(str(error))


def ask(
    executor: Executor,
    kind: str,
    definition: Any,
    inputs: dict[str, InputTable],
    outputs: Sequence[str] = ("out",),
    **fields: Any,
) -> Outcome:
    """Run one request."""
    return executor.execute(ExecutionRequest(kind, definition, inputs, tuple(outputs), **fields))


def rows(outcome: Outcome, port: str = "out") -> list[tuple[Any, ...]]:
    """The rows of an output, instants as text."""
    assert outcome.error is None, outcome.error
    table = outcome.outputs[port]
    instants = [f'"{name}"::VARCHAR AS "{name}"' for name, kind in table.columns if "TIME ZONE" in kind]
    replaced = f"REPLACE ({', '.join(instants)})" if instants else ""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.execute(f"SELECT * {replaced} FROM read_parquet('{table.path}')").fetchall()


def failure(outcome: Outcome) -> ExecutionError:
    """The error of a request that failed."""
    assert outcome.error is not None
    assert not outcome.outputs
    return outcome.error
