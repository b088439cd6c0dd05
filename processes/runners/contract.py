"""What is asked of an execution and what comes back: plain frozen values that parent, child and callers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

MEBIBYTE = 1024 * 1024

Column = tuple[str, str]
"""A column's name and its DuckDB type, as in ``("price", "DECIMAL(12,2)")``."""

ParameterValue = str | int | float | Decimal | bool | date | datetime | None
"""A value for ``$name`` in a query. It keeps its type: a Decimal is compared as a DECIMAL, a date as a DATE."""


@dataclass(frozen=True)
class InputTable:
    """The rows on one input port: Parquet Parts, of which the function sees ``columns`` and nothing else.

    No paths means a table without rows. Types come from the catalog and are written into SQL as they are.
    """

    paths: tuple[Path, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Limits:
    """What one execution may use. Whoever passes a limit gets an ExecutionError, and the next execution is unharmed.

    Wall time counts from the request to the last output; memory is DuckDB's, and the process may hold 256 MiB more
    for the interpreter and libraries; temporary space is for spilling; rows and bytes count all outputs together.
    """

    wall_seconds: float = 30.0
    memory_bytes: int = 512 * MEBIBYTE
    temp_bytes: int = 1024 * MEBIBYTE
    threads: int = 1
    output_rows: int = 5_000_000
    output_bytes: int = 256 * MEBIBYTE


@dataclass(frozen=True)
class ExecutionRequest:
    """One call of an implementation: ``definition`` has the shape of its ``kind``, the rest go by port or name.

    ``clock``: what the time is for the function, where it stands still. ``configuration``: where and how it runs.
    """

    kind: str
    definition: Mapping[str, Any]
    inputs: Mapping[str, InputTable]
    outputs: tuple[str, ...]
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    clock: datetime | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OutputTable:
    """The rows on one output port: a Parquet file, and the types that the function gave.

    ``columns`` are the query's own types. The file holds them as Parquet can: HUGEINT as DECIMAL(38,0), ENUM, BIT and
    BIGNUM as VARCHAR, a fixed-size array as a list.
    """

    path: Path
    columns: tuple[Column, ...]
    row_count: int


@dataclass(frozen=True)
class ExecutionError:
    """Why there are no outputs.

    ``phase``: ``start`` | ``definition`` | ``load`` | ``execute`` | ``output``.
    ``code``: ``invalid_definition`` | ``execution_error`` | ``timeout`` | ``out_of_memory`` | ``output_too_large`` |
    ``duplicate_column`` | ``unsupported_type`` | ``crashed``.
    ``message`` is a sentence for the function's author; ``output`` the port that was being made, or "".
    ``kind`` is what the author would call the error, such as the class of an exception, or "".
    """

    phase: str
    code: str
    message: str
    output: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Outcome:
    """Either every output that was asked for, or an error and no outputs.

    ``timings_ms``: ``start`` (0 on a warm child), ``load`` (inputs made visible) and ``execute``, in milliseconds.
    ``log`` is what a python function or a command wrote to its standard output and error, the first 64 KiB.
    """

    outputs: Mapping[str, OutputTable]
    error: ExecutionError | None
    timings_ms: Mapping[str, float]
    log: str = ""
