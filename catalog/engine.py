"""The DuckDB of this process: one instance in memory, a cursor for each piece of work. Pure: no Django.

User-written SQL never runs here; it runs in a sandboxed child (processes/runners).
"""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class EngineLimits:
    """What the instance may take: bytes of memory and of temporary files, and threads."""

    memory_bytes: int = 1024**3
    temp_bytes: int = 16 * 1024**3
    threads: int = 2


_limits = EngineLimits()
_instances: dict[int, duckdb.DuckDBPyConnection] = {}
_lock = threading.Lock()


def configure(limits: EngineLimits) -> None:
    """Set the limits for instances that are yet to be made; called once, at start-up."""
    global _limits
    _limits = limits


def _instance() -> duckdb.DuckDBPyConnection:
    """This process's instance: a forked child makes its own."""
    process = os.getpid()
    with _lock:
        if process not in _instances:
            _instances.clear()
            _instances[process] = duckdb.connect(
                ":memory:",
                config={
                    "memory_limit": f"{_limits.memory_bytes // 1024**2}MiB",
                    "threads": _limits.threads,
                    "temp_directory": str(Path(tempfile.gettempdir()) / f"exemplar-engine-{process}"),
                    "max_temp_directory_size": f"{_limits.temp_bytes // 1024**2}MiB",
                    # It would hold a damaged file's bytes after the file was mended, and saves nothing on local files.
                    "enable_external_file_cache": False,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )
            _instances[process].execute("SET GLOBAL TimeZone = 'UTC'")
        return _instances[process]


@contextmanager
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own: its temporary tables and its transaction are seen by nobody else."""
    connection = _instance().cursor()
    try:
        yield connection
    finally:
        connection.close()


def quote_name(name: str) -> str:
    """`name` as an SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """`text` as an SQL literal. For paths and other text of our own making; users' values travel as parameters."""
    return "'" + text.replace("'", "''") + "'"
