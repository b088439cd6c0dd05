"""Runs sql implementations: DuckDB queries over views of the input ports, in the child.

One locked instance lives as long as the child, because opening one costs more than a small case. A case gets a
connection of its own: its views and its transaction end with it, and a query that passed `sql_rules` can't change what
the next case sees.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from catalog.engine import quote_name, quote_text
from catalog.types.moments import duration_from_interval
from config.problems import pointer
from processes.runners import sql_rules
from processes.runners.contract import ExecutionError, Limits
from processes.runners.messages import decode_parameter

MESSAGE_CHARACTERS = 2000

_EXACT_IN_PARQUET = {"HUGEINT": "DECIMAL(38,0)", "UHUGEINT": "DECIMAL(38,0)"}
"""Parquet has no 128-bit integers and DuckDB writes them as DOUBLE; SUM of integers is a HUGEINT, so it matters."""

_KEPT_AS = {"INTERVAL": "VARCHAR"}
"""Parquet keeps intervals without microseconds and none below zero: they are written as ISO 8601 durations."""

_LOSSY_IN_PARQUET = re.compile(r"HUGEINT|UNION\(|INTERVAL|TIME WITH TIME ZONE")
_QUOTED = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'")
_LINE_NUMBER = re.compile(r"^LINE (\d+):", re.MULTILINE)

Report = Callable[[str, str], None]
"""Called with the phase and the output port that a case turns to."""


class RefusedError(Exception):
    """A function or what it gives is refused: a code and a sentence for its author."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SqlRunner:
    """A locked DuckDB for a directory whose ``inputs/`` is read and whose ``work/`` is written."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        self._instance = _open_instance(directory, limits)

    def run(self, request: Mapping[str, Any], report: Report) -> dict[str, Any]:
        """Run one case: ``{"outputs": [...], "load_ms", "execute_ms"}`` in the order asked, or ``{"error": {...}}``.

        ``request``: definition, inputs (port -> files and columns), outputs (names), output_files, parameters.
        """
        connection = self._instance.cursor()
        case = _Case(connection, request, self._limits, report)
        try:
            return case.run()
        except Exception as error:  # noqa: BLE001 - a user's query runs here
            message = _sentence(error).replace(str(self._directory), "")[:MESSAGE_CHARACTERS]
            return {"error": asdict(ExecutionError(case.phase, _code(error), message, case.output))}
        finally:
            connection.close()


class _Case:
    """One request on a connection of its own; knows the phase and the output port it is at."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, request: Mapping[str, Any], limits: Limits, report: Report
    ) -> None:
        self.phase, self.output = "definition", ""
        self._connection = connection
        self._request = request
        self._limits = limits
        self._report = report
        self._parameters = {name: decode_parameter(value) for name, value in request["parameters"].items()}
        self._row_count = 0
        self._size_bytes = 0

    def run(self) -> dict[str, Any]:
        self._check_definition()
        started = time.perf_counter()
        self._turn_to("load")
        self._connection.execute("BEGIN")  # one transaction, so that now() is the same moment in every output
        for name, table in self._request["inputs"].items():
            self._connection.execute(_view(name, table["files"], table["columns"]))
        loaded = time.perf_counter()
        named_files = zip(self._request["outputs"], self._request["output_files"], strict=True)
        outputs = [self._write_output(name, Path(file)) for name, file in named_files]
        finished = time.perf_counter()
        return {"outputs": outputs, "load_ms": (loaded - started) * 1000, "execute_ms": (finished - loaded) * 1000}

    def _turn_to(self, phase: str, output: str = "") -> None:
        self.phase, self.output = phase, output
        self._report(phase, output)

    def _check_definition(self) -> None:
        definition, outputs = self._request["definition"], self._request["outputs"]
        problems = sql_rules.check_queries(definition, outputs, self._parameters, self._request["inputs"])
        if problems:
            first = problems[0]
            self.output = next((name for name in outputs if pointer(name) == first.path), "")
            raise RefusedError("invalid_definition", first.message)

    def _write_output(self, name: str, path: Path) -> dict[str, Any]:
        self._turn_to("execute", name)
        query = f"(\n{sql_rules.strip_terminator(self._request['definition'][name])}\n)"
        columns = [row[:2] for row in self._execute(f"DESCRIBE {query}", duckdb.StatementType.SELECT)]
        self.phase = "output"
        selection = _selection(columns)
        self.phase = "execute"
        rows_left = self._limits.output_rows - self._row_count
        copy = (
            f"COPY (SELECT {selection} FROM {query} LIMIT {rows_left + 1}) TO {quote_text(str(path))} (FORMAT parquet)"
        )
        ((row_count,),) = self._execute(copy, duckdb.StatementType.COPY)
        self.phase = "output"
        self._count(row_count, path.stat().st_size)
        return {"columns": [(name, _KEPT_AS.get(kind, kind)) for name, kind in columns], "row_count": row_count}

    def _execute(self, sql: str, expected: duckdb.StatementType) -> list[tuple[Any, ...]]:
        """Run what must be one statement of the expected type, whatever text stands in its parentheses."""
        statements = self._connection.extract_statements(sql)
        if [statement.type for statement in statements] != [expected]:
            raise RefusedError("invalid_definition", "A query is exactly one SELECT statement.")
        used = {name: self._parameters[name] for name in statements[0].named_parameters}
        return self._connection.execute(statements[0], used).fetchall()

    def _count(self, row_count: int, size_bytes: int) -> None:
        self._row_count += row_count
        self._size_bytes += size_bytes
        if self._row_count > self._limits.output_rows:
            message = f"The function gives more than {self._limits.output_rows:,} rows."
            raise RefusedError("output_too_large", message)
        if self._size_bytes > self._limits.output_bytes:
            message = f"The function gives more than {self._limits.output_bytes:,} bytes of Parquet."
            raise RefusedError("output_too_large", message)


def _open_instance(directory: Path, limits: Limits) -> duckdb.DuckDBPyConnection:
    """DuckDB that reaches its own directory and nothing else. The order matters: each lock closes what is before it."""
    instance = duckdb.connect(
        ":memory:",
        config={
            "threads": limits.threads,
            "memory_limit": f"{limits.memory_bytes // 1024}KiB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "enable_external_file_cache": False,
        },
    )
    instance.execute("SET TimeZone = 'UTC'")
    temp_directory = quote_text(str(directory / "work" / "temp"))
    instance.execute(f"SET temp_directory = {temp_directory}")
    instance.execute(f"SET max_temp_directory_size = '{limits.temp_bytes // 1024}KiB'")
    instance.execute("SET python_enable_replacements = false")  # else FROM name reads a variable of this module
    instance.execute(f"SET allowed_directories = [{quote_text(str(directory))}]")
    instance.execute("SET enable_external_access = false")
    instance.execute("SET lock_configuration = true")
    return instance


def _view(name: str, files: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    """A view of an input port that shows the attributes and hides what else the Parts carry."""
    if not files:
        empty = ", ".join(f"CAST(NULL AS {column_type}) AS {quote_name(column)}" for column, column_type in columns)
        return f"CREATE TEMP VIEW {quote_name(name)} AS SELECT {empty} LIMIT 0"
    typed = ", ".join(
        f"CAST({quote_name(column)} AS {column_type}) AS {quote_name(column)}" for column, column_type in columns
    )
    paths = ", ".join(quote_text(file) for file in files)
    return f"CREATE TEMP VIEW {quote_name(name)} AS SELECT {typed} FROM read_parquet([{paths}])"


def _selection(columns: Sequence[tuple[str, str]]) -> str:
    """What to select from a query so that Parquet holds it exactly; refuses columns that it can't hold."""
    seen: set[str] = set()
    for name, column_type in columns:
        if name.lower() in seen:
            raise RefusedError("duplicate_column", f"The query gives column {name!r} twice.")
        seen.add(name.lower())
        if (
            column_type not in _EXACT_IN_PARQUET
            and column_type not in _KEPT_AS
            and _LOSSY_IN_PARQUET.search(_QUOTED.sub("", column_type))
        ):
            message = f"Column {name!r} has type {column_type}, which can't be kept exactly; cast it to another type."
            raise RefusedError("unsupported_type", message)
    casts = [
        f"CAST({quote_name(name)} AS {_EXACT_IN_PARQUET[column_type]}) AS {quote_name(name)}"
        for name, column_type in columns
        if column_type in _EXACT_IN_PARQUET
    ]
    casts += [
        f"{duration_from_interval(quote_name(name))} AS {quote_name(name)}"
        for name, column_type in columns
        if column_type == "INTERVAL"
    ]
    return f"* REPLACE ({', '.join(casts)})" if casts else "*"


def _code(error: Exception) -> str:
    if isinstance(error, RefusedError):
        return error.code
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return "out_of_memory"
    if isinstance(error, duckdb.FatalException | duckdb.InternalException):
        return "crashed"
    if isinstance(error, duckdb.IOException) and "File too large" in str(error):
        return "output_too_large"
    return "execution_error"


def _sentence(error: Exception) -> str:
    """DuckDB's message, with line numbers of the author's query: ours begins one line earlier."""
    if isinstance(error, MemoryError):
        return "The query needs more memory than it may use."
    if isinstance(error, duckdb.OutOfMemoryException):
        return "The query needs more memory or temporary space than it may use. " + str(error).split("\n")[0]
    return _LINE_NUMBER.sub(lambda match: f"LINE {int(match[1]) - 1}:", str(error))
