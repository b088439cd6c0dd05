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
class Permissions:
    """Which code and which hosts implementations may name; whoever runs the installation says so, in its settings.

    ``python_entries``: patterns of ``package.module:function`` or of the module alone, as in ``"pricing.*"``.
    ``python_path``: folders to import from, besides the installed packages.
    ``command_programs``: absolute paths, or names that are looked up in ``PROGRAM_PATH``.
    ``http_allowed_hosts``: names, addresses or networks that may be reached though they are not public.
    ``http_authorities``: PEM of who may sign the certificates of services, besides those that the host trusts.
    ``unconfined_programs``: whether python and command may run where bubblewrap doesn't work.
    """

    python_entries: tuple[str, ...] = ()
    python_path: tuple[str, ...] = ()
    command_programs: tuple[str, ...] = ()
    http_allowed_hosts: tuple[str, ...] = ()
    http_authorities: str = ""
    unconfined_programs: bool = False


@dataclass(frozen=True)
class ExecutionRequest:
    """One call of an implementation: ``definition`` has the shape of its ``kind``, the rest go by port or name.

    ``clock``: the moment that the function takes for now; without a time zone it is UTC. None is the real time.
    ``configuration``: where and how it runs, with its secrets in place; ``secrets`` are those values, which are
    replaced by ``***`` in everything that is said about the execution.
    ``output_types``: the columns that each port's Object has. Text (CSV, JSON) is read as these types, and an empty or
    wholly null column gets its type from here.
    ``part_versions``: for a port of which one Part is expected, the number of the TableVersion that wrote it. What can
    be written as a Part of that version without a change to a value is (``OutputTable.is_part``).
    """

    kind: str
    definition: Mapping[str, Any]
    inputs: Mapping[str, InputTable]
    outputs: tuple[str, ...]
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    clock: datetime | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    output_types: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    part_versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class OutputTable:
    """The rows on one output port: a Parquet file, and the types that the function gave.

    ``columns`` are the query's own types. The file holds them as Parquet can: HUGEINT as DECIMAL(38,0), ENUM, BIT and
    BIGNUM as VARCHAR, a fixed-size array as a list.
    ``is_part``: the file says that it is a Part of the port's Object. It comes from a child, so it is taken for one
    only where its digest is known.
    """

    path: Path
    columns: tuple[Column, ...]
    row_count: int
    is_part: bool = False


@dataclass(frozen=True)
class ExecutionError:
    """Why there are no outputs.

    ``phase``: ``start`` | ``definition`` | ``load`` | ``execute`` | ``output``.
    ``code``: ``invalid_definition`` | ``invalid_configuration`` | ``not_allowed`` | ``execution_error`` | ``timeout`` |
    ``out_of_memory`` | ``output_too_large`` | ``crashed``; and where the output is to blame, ``OUTPUT_CODES``.
    ``message`` is a sentence for the function's author; ``output`` the port that was being made, or "".
    ``kind`` is what the author would name it: the exception's class (python: ``ValueError``), DuckDB's class of error
    (sql: ``conversion``, ``binder``), ``exit_status 3``, ``signal SIGSEGV``, ``http_status 503``; or "".
    """

    phase: str
    code: str
    message: str
    output: str = ""
    kind: str = ""


OUTPUT_CODES = frozenset({"duplicate_column", "invalid_output", "missing_output", "unsupported_type"})
"""The codes of an ExecutionError that say that the function ended well and what it gave is no table of its port."""


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
