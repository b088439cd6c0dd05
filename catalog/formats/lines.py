"""Lines of text that DuckDB writes, as bytes: no Python object per row, and no more memory than the lines. Pure."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import duckdb

from catalog.engine import quote_text
from catalog.sources import BLOCK_BYTES
from config import temporary


@dataclass(frozen=True)
class Lines:
    """Lines in a file that goes when `blocks` were read, or nobody holds it any more."""

    file: IO[bytes]
    row_count: int
    size_bytes: int

    def blocks(self, but_last: int = 0) -> Iterator[bytes]:
        """The bytes, but for the last few, in blocks."""
        rest = self.size_bytes - but_last
        with self.file as file:
            file.seek(0)
            while rest > 0 and (block := file.read(min(BLOCK_BYTES, rest))):
                rest -= len(block)
                yield block


def written_lines(
    connection: duckdb.DuckDBPyConnection, line: str, relation: str, parameters: Mapping[str, Any]
) -> Lines:
    """The rows of a relation in its order, each as the SQL `line`, which is never NULL, and a line end.

    They are in memory where the system can.
    """
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("exemplar-lines"), "r+b")
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}"
    else:
        file = tempfile.NamedTemporaryFile(dir=temporary.home(), suffix=".lines")  # noqa: SIM115
        path = file.name
    # One column and nothing to quote with: as CSV a line is written as it is, several times as fast as it is fetched.
    options = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', USE_TMP_FILE false"
    row = connection.execute(
        f"COPY (SELECT {line} AS line FROM ({relation})) TO {quote_text(path)} ({options})", dict(parameters)
    ).fetchone()
    return Lines(file, int(row[0]) if row else 0, file.seek(0, os.SEEK_END))
