"""Runs sql implementations: DuckDB queries over the input ports, in the child.

A locked instance lives as long as the child, because opening one costs more than a small case. A case gets a
connection of its own: its transaction ends with it, and a query that passed `sql_rules` can't change what the next
case sees.
"""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from catalog.engine import quote_name, quote_text
from config.problems import pointer
from processes.runners import sql_rules
from processes.runners.clock import clock_macros
from processes.runners.contract import Limits
from processes.runners.inputs import input_select
from processes.runners.messages import decode_parameter
from processes.runners.outputs import (
    OutputBudget,
    PartWanted,
    copy_statement,
    output_reply,
    part_statement,
    parts_wanted,
)
from processes.runners.refusals import RefusedError, error_reply

_LINE_NUMBER = re.compile(r"^LINE (\d+):", re.MULTILINE)

_SMALL_INPUT_BYTES = 1024 * 1024
"""Inputs that one thread reads as quickly as several, which first have to wake each other."""

_DESCRIPTIONS_KEPT = 512

Columns = list[tuple[str, str]]
Report = Callable[[str, str], None]
"""Called with the phase and the output port that a case turns to."""


class SqlRunner:
    """A locked DuckDB for a directory whose ``inputs/`` is read and whose ``work/`` is written."""

    def __init__(self, directory: Path, limits: Limits, settings: Mapping[str, Any]) -> None:
        self._directory = directory
        self._limits = limits
        self._instances: dict[int, duckdb.DuckDBPyConnection] = {}
        self._descriptions = _Descriptions()
        self._instance(1)

    def run(self, request: Mapping[str, Any], report: Report) -> dict[str, Any]:
        """Run one case: ``{"outputs": [...], "load_ms", "execute_ms"}`` in the order asked, or ``{"error": {...}}``.

        ``request``: definition, inputs (port -> files and columns), outputs (names), output_files, parameters.
        """
        instance = self._instance(self._threads(request))
        try:
            return self._run(instance, request, report, parts_wanted(request))
        except duckdb.ConversionException:  # perhaps of a value that no Part holds: then it is told as it is
            return self._run(instance, request, report, {})

    def _run(
        self,
        instance: duckdb.DuckDBPyConnection,
        request: Mapping[str, Any],
        report: Report,
        parts: Mapping[str, PartWanted],
    ) -> dict[str, Any]:
        connection = instance.cursor()
        case = _Case(connection, request, self._limits, report, self._descriptions, parts)
        try:
            return case.run()
        except Exception as error:
            if case.has_parts and isinstance(error, duckdb.ConversionException):
                raise
            return error_reply(_from_first_line(error), case.phase, case.output, (str(self._directory),))
        finally:
            connection.close()

    def _threads(self, request: Mapping[str, Any]) -> int:
        size_bytes = sum(Path(file).stat().st_size for table in request["inputs"].values() for file in table["files"])
        return 1 if size_bytes <= _SMALL_INPUT_BYTES else self._limits.threads

    def _instance(self, threads: int) -> duckdb.DuckDBPyConnection:
        """The instance with so many threads; that number can't be changed in one that is locked."""
        if threads not in self._instances:
            self._instances[threads] = _open_instance(self._directory, self._limits, threads)
        return self._instances[threads]


class _Descriptions:
    """Columns of queries that were described, the longest unused first: to describe takes as long as to plan.

    They follow from the query, the types of its inputs and the values of its parameters; never from rows.
    """

    def __init__(self) -> None:
        self._columns: OrderedDict[str, Columns] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._columns

    def columns(self, key: str, describe: Callable[[], Columns]) -> Columns:
        """What is kept under a key, or else what `describe` gives."""
        if key not in self._columns:
            self._columns[key] = describe()
            if len(self._columns) > _DESCRIPTIONS_KEPT:
                self._columns.popitem(last=False)
        self._columns.move_to_end(key)
        return self._columns[key]


class _Case:
    """One request on a connection of its own; knows the phase and the output port it is at."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        request: Mapping[str, Any],
        limits: Limits,
        report: Report,
        descriptions: _Descriptions,
        parts: Mapping[str, PartWanted],
    ) -> None:
        self.phase, self.output = "definition", ""
        self.has_parts = False
        self._parts = parts
        self._connection = connection
        self._request = request
        self._limits = limits
        self._report = report
        self._descriptions = descriptions
        self._parameters = {name: decode_parameter(value) for name, value in request["parameters"].items()}
        self._budget = OutputBudget(limits)
        self._has_views = False

    def run(self) -> dict[str, Any]:
        self._check_definition()
        started = time.perf_counter()
        self.phase = "load"  # where the parent takes a case to be until it is told otherwise
        self._connection.execute("BEGIN")  # one transaction, so that now() is the same moment in every output
        if self._request["clock"]:
            for statement in clock_macros(datetime.fromisoformat(self._request["clock"])):
                self._connection.execute(statement)
        if not all(self._description_key(name) in self._descriptions for name in self._request["outputs"]):
            self._create_views()
        loaded = time.perf_counter()
        outputs = self._write_outputs()
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

    def _create_views(self) -> None:
        for name, table in self._request["inputs"].items():
            # The view shows the attributes and hides what else the Parts carry.
            self._connection.execute(f"CREATE TEMP VIEW {quote_name(name)} AS {input_select(table)}")
        self._has_views = True

    def _write_outputs(self) -> list[dict[str, Any]]:
        named_files = zip(self._request["outputs"], self._request["output_files"], strict=True)
        try:
            return [self._write_output(name, Path(file)) for name, file in named_files]
        except duckdb.Error:
            if not self._has_views:  # an input that can't be read is an error of loading
                position = self.phase, self.output
                self._connection.execute("ROLLBACK")
                self._turn_to("load")
                self._create_views()
                self._turn_to(*position)
            raise

    def _write_output(self, name: str, path: Path) -> dict[str, Any]:
        self._turn_to("execute", name)
        query = f"(\n{self._text(name)}\n)"
        columns = self._descriptions.columns(self._description_key(name), lambda: self._describe(query))
        self.phase = "output"
        rows, copy = self._with_inputs(query), None
        if name in self._parts:
            copy = part_statement(rows, columns, self._parts[name], path, self._budget)
        is_part = copy is not None
        self.has_parts = self.has_parts or is_part
        copy = copy or copy_statement(rows, columns, path, self._budget)
        self.phase = "execute"
        ((row_count,),) = self._execute(copy, duckdb.StatementType.COPY)
        self.phase = "output"
        self._budget.count(row_count, path.stat().st_size)
        return output_reply(columns, row_count, is_part)

    def _text(self, name: str) -> str:
        return sql_rules.strip_terminator(self._request["definition"][name])

    def _with_inputs(self, query: str) -> str:
        """The query over its inputs where these are no views, which saves opening each file once more; on one line."""
        if self._has_views or not self._request["inputs"]:
            return query
        named = (
            f"{quote_name(name)} AS NOT MATERIALIZED ({input_select(table)})"
            for name, table in self._request["inputs"].items()
        )
        return f"(WITH {', '.join(named)} SELECT * FROM {query})"

    def _description_key(self, name: str) -> str:
        columns = {port: table["columns"] for port, table in self._request["inputs"].items()}
        return json.dumps([self._text(name), columns, self._request["parameters"], self._request["clock"]])

    def _describe(self, query: str) -> Columns:
        return [(row[0], row[1]) for row in self._execute(f"DESCRIBE {query}", duckdb.StatementType.SELECT)]

    def _execute(self, sql: str, expected: duckdb.StatementType) -> list[tuple[Any, ...]]:
        """Run what must be one statement of the expected type, whatever text stands in its parentheses."""
        statements = self._connection.extract_statements(sql)
        if [statement.type for statement in statements] != [expected]:
            raise RefusedError("invalid_definition", "A query is exactly one SELECT statement.")
        used = {name: self._parameters[name] for name in statements[0].named_parameters}
        return self._connection.execute(statements[0], used).fetchall()


def _open_instance(directory: Path, limits: Limits, threads: int) -> duckdb.DuckDBPyConnection:
    """DuckDB that reaches its own directory and nothing else. The order matters: each lock closes what is before it."""
    instance = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": f"{limits.memory_bytes // 1024}KiB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "enable_external_file_cache": False,
        },
    )
    instance.execute("SET TimeZone = 'UTC'")
    temp = directory / "work" / "temp"  # of each instance its own, below one that the parent leaves alone
    temp.mkdir(parents=True, exist_ok=True)
    temp_directory = quote_text(str(temp / str(threads)))
    instance.execute(f"SET temp_directory = {temp_directory}")
    instance.execute(f"SET max_temp_directory_size = '{limits.temp_bytes // 1024}KiB'")
    instance.execute("SET python_enable_replacements = false")  # else FROM name reads a variable of this module
    instance.execute(f"SET allowed_directories = [{quote_text(str(directory))}]")
    instance.execute("SET enable_external_access = false")
    instance.execute("SET lock_configuration = true")
    return instance


def _from_first_line(error: Exception) -> Exception:
    """The error with line numbers of the author's query: ours begins one line earlier."""
    if isinstance(error, RefusedError | MemoryError) or not _LINE_NUMBER.search(str(error)):
        return error
    return type(error)(_LINE_NUMBER.sub(lambda match: f"LINE {int(match[1]) - 1}:", str(error)))
