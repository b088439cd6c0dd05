"""The DuckDB of this process: instances in memory, a cursor for each piece of work. Pure: no Django.

User-written SQL never runs here; it runs in a sandboxed child (processes/runners).
"""

import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from catalog.idle import Idle
from config import temporary


@dataclass(frozen=True)
class EngineLimits:
    """What the instance may take: bytes of memory and of temporary files, and threads."""

    memory_bytes: int = 1024**3
    temp_bytes: int = 16 * 1024**3
    threads: int = 2


_limits = EngineLimits()
_instances: dict[tuple[int, int], duckdb.DuckDBPyConnection] = {}
_lock = threading.Lock()


def configure(limits: EngineLimits) -> None:
    """Set the limits for instances that are yet to be made; called once, at start-up."""
    global _limits
    _limits = limits


def _instance(threads: int) -> duckdb.DuckDBPyConnection:
    """This process's instance with so many threads: a forked child makes its own."""
    process = os.getpid()
    key = (process, threads)
    with _lock:
        if key not in _instances:
            for other in [each for each in _instances if each[0] != process]:
                del _instances[other]
            _instances[key] = duckdb.connect(
                ":memory:",
                config={
                    "memory_limit": f"{_limits.memory_bytes // 1024**2}MiB",
                    "threads": threads,
                    "temp_directory": str(temporary.home() / f"engine-{threads}"),
                    "max_temp_directory_size": f"{_limits.temp_bytes // 1024**2}MiB",
                    # It would hold a damaged file's bytes after the file was mended, and saves nothing on local files.
                    "enable_external_file_cache": False,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )
            _instances[key].execute("SET GLOBAL TimeZone = 'UTC'")
        return _instances[key]


@contextmanager
def cursor(is_serial: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own: its temporary tables and its transaction are seen by nobody else.

    is_serial: for small work, and for work that is parallel as a whole, such as the slices of an import. It runs in
    the caller's thread, which is up to twice as quick there as threads that wait for each other.
    """
    connection = _instance(1 if is_serial else _limits.threads).cursor()
    try:
        yield connection
    finally:
        connection.close()


PLANS_KEPT = 64


class _Planner:
    """A connection with the statements that it has prepared, the longest unused first; for one at a time."""

    def __init__(self) -> None:
        self.connection = _instance(1).cursor()
        self.names: OrderedDict[tuple[str, str], str] = OrderedDict()
        self.made = 0
        self.file = temporary.make_directory("plans") / "copied"

    def copy(self, select: str, options: str, arguments: str) -> int:
        """Run the statement into `file`; how many rows it wrote."""
        temporary.restore(self.file.parent)
        row = self.connection.execute(f"EXECUTE {self._name(select, options)}{arguments}").fetchone()
        return int(row[0]) if row else 0

    def _name(self, select: str, options: str) -> str:
        key = (select, options)
        if key not in self.names:
            self.made += 1
            target = quote_text(str(self.file))
            self.connection.execute(
                f"PREPARE plan_{self.made} AS COPY ({select}) TO {target} ({options}, USE_TMP_FILE false)"
            )
            self.names[key] = f"plan_{self.made}"
            if len(self.names) > PLANS_KEPT:
                self.connection.execute(f"DEALLOCATE {self.names.popitem(last=False)[1]}")
        self.names.move_to_end(key)
        return self.names[key]


_planners = Idle(_Planner)


def copy_as_planned(select: str, options: str, arguments: Mapping[str, Any], path: Path) -> int:
    """`COPY (select) TO path (options)` for small work that comes again and again; how many rows it wrote.

    To plan a statement of many expressions takes DuckDB ten times as long as to run it over a few rows, so the plan is
    kept. EXECUTE takes no parameters but literals, so the arguments (texts, whole numbers, and lists of texts) are
    quoted here.
    """
    given = ", ".join(f"{name} := {_literal(value)}" for name, value in arguments.items())
    with _planners.taken() as planner:
        row_count = planner.copy(select, options, f"({given})" if given else "")
        shutil.move(planner.file, path)
    return row_count


def can_be_planned(arguments: Mapping[str, Any]) -> bool:
    """Whether `copy_as_planned` takes these arguments: NUL stands in no SQL text."""
    return all(
        type(value) is int
        or (isinstance(value, str) and "\0" not in value)
        or (isinstance(value, list) and all(isinstance(each, str) and "\0" not in each for each in value))
        for value in arguments.values()
    )


def with_literals(condition: str, parameters: Mapping[str, Any]) -> str:
    """SQL of our own with literals in place of these parameters (`can_be_planned`), for a plan that is kept."""
    return re.sub(
        r"\$(\w+)", lambda found: _literal(parameters[found[1]]) if found[1] in parameters else found[0], condition
    )


def _literal(value: Any) -> str:
    # Of just the type that the plan was made for: for another type, DuckDB would plan all over again.
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return f"CAST({quote_text(value)} AS VARCHAR)" if isinstance(value, str) else f"CAST({int(value)} AS BIGINT)"


def quote_name(name: str) -> str:
    """`name` as an SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """`text` as an SQL literal. For paths and other text of our own making; users' values travel as parameters."""
    return "'" + text.replace("'", "''") + "'"
