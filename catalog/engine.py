"""The DuckDB of this process: instances in memory, a cursor for each piece of work. Pure: no Django.

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
                    "temp_directory": str(Path(tempfile.gettempdir()) / f"exemplar-engine-{process}-{threads}"),
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


def quote_name(name: str) -> str:
    """`name` as an SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """`text` as an SQL literal. For paths and other text of our own making; users' values travel as parameters."""
    return "'" + text.replace("'", "''") + "'"
