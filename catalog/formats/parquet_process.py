"""Writes a Parquet file anew, as a process of its own: run by catalog.formats.columnar.

A crafted file can make its reader fail in ways that would leave this machine's DuckDB unusable: it is read here, under
limits that the process sets for itself, and what is written can be trusted. It imports nothing of the project. What it
writes to the standard output is one JSON object: the columns, or `problem`, a sentence that says why there are none.
"""

import json
import resource
import sys
from typing import Any, Final

import duckdb

ROW_LIMIT: Final = 2**31
COLUMN_LIMIT: Final = 10_000
OVERHEAD_BYTES: Final = 1024**3  # of addresses that the reader takes beyond its own memory


class ParquetError(Exception):
    """Why there are no rows, in a sentence."""


def main(path: str, output: str, row_group_rows: str, limit_bytes: str, memory_bytes: str, seconds: str) -> None:
    """Write the file anew, its columns named h0, h1, ..."""
    memory = int(memory_bytes)
    resource.setrlimit(resource.RLIMIT_AS, (memory,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes),) * 2)
    try:
        answer = _rewrite(path, output, int(row_group_rows), int(limit_bytes), memory - OVERHEAD_BYTES)
    except ParquetError as problem:
        answer = {"problem": str(problem)}
    except (MemoryError, duckdb.OutOfMemoryException):
        answer = {"problem": "The Parquet file takes more memory than there is for one"}
    except duckdb.Error as error:
        message = str(error).splitlines()[0].replace(path, "file").replace(output, "copy")
        answer = {"problem": f"The Parquet file can't be read: {message}"}
    json.dump(answer, sys.stdout)


def _rewrite(path: str, output: str, row_group_rows: int, limit_bytes: int, memory_bytes: int) -> dict[str, Any]:
    memory = f"{memory_bytes // 1024**2}MiB"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": "",
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET allowed_paths = [$given, $output]", {"given": path, "output": output})
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        given = {"path": path}
        found = connection.execute("SELECT num_rows FROM parquet_file_metadata($path)", given).fetchone()
        if found is None or not 0 <= found[0] <= ROW_LIMIT:
            raise ParquetError(
                f"The Parquet file says it holds {found and found[0]:,} rows; {ROW_LIMIT:,} are the limit"
            )
        names = _names(connection, path)
        columns = connection.execute("DESCRIBE SELECT * FROM read_parquet($path)", given).fetchall()
        if len(columns) != len(names) or len(columns) > COLUMN_LIMIT:
            raise ParquetError(f"The Parquet file has {len(names):,} columns; {COLUMN_LIMIT:,} are the limit")
        size = connection.execute("SELECT sum(total_uncompressed_size) FROM parquet_metadata($path)", given).fetchone()
        if size and size[0] and size[0] > limit_bytes:
            unpacked, limit = int(size[0]) // 1024**2, limit_bytes // 1024**2
            raise ParquetError(f"The Parquet file unpacks to {unpacked:,} MB; {limit:,} MB are the limit")
        # By their places: names may stand twice, or differ by case only.
        places = ", ".join(f"h{place}" for place in range(len(names)))
        rows = connection.execute(
            f"COPY (SELECT * FROM read_parquet({_quoted(path)}) AS given({places})) TO {_quoted(output)} "
            f"(FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false, ROW_GROUP_SIZE {row_group_rows})"
        ).fetchone()
        types = connection.execute("DESCRIBE SELECT * FROM read_parquet($path)", {"path": output}).fetchall()
    return {
        "columns": [[name, each[1]] for name, each in zip(names, types, strict=True)],
        "row_count": rows[0] if rows else 0,
    }


def _names(connection: duckdb.DuckDBPyConnection, path: str) -> list[str]:
    """The top-level columns as the file names them: DuckDB renames those that it takes for the same."""
    elements = connection.execute(
        "SELECT name, coalesce(num_children, 0) FROM parquet_schema($path)", {"path": path}
    ).fetchall()
    names: list[str] = []
    pending = 0  # elements of the column at hand that are still to come
    for name, children in elements[1:]:
        if pending == 0:
            names.append(name)
            pending = 1
        pending += children - 1
    return names


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    main(*sys.argv[1:])
