"""How a case in a child ends without outputs: what is refused, and what any error is called and says."""

from __future__ import annotations

import errno
import re
from dataclasses import asdict
from typing import Any

import duckdb

from processes.runners.contract import ExecutionError

MESSAGE_CHARACTERS = 2000
HIDDEN = "***"
"""Stands where a secret stood."""

_DUCKDB_SUFFIX = "Exception"


class RefusedError(Exception):
    """A function or what it gives is refused: a code, a sentence for its author, and what the author would call it."""

    def __init__(self, code: str, message: str, output: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.output = output
        self.kind = kind


def error_reply(error: BaseException, phase: str, output: str, hidden: tuple[str, ...]) -> dict[str, Any]:
    """The reply that tells of an error. ``hidden``: paths of this machine, which are left out of the message."""
    message = sentence(error)
    for path in hidden:
        message = message.replace(path, "")
    if isinstance(error, RefusedError):
        output = error.output or output
    found = ExecutionError(phase, code_of(error), message[:MESSAGE_CHARACTERS], output, kind_of(error))
    return {"error": asdict(found)}


def code_of(error: BaseException) -> str:
    """The code of the ExecutionError that an exception becomes."""
    if isinstance(error, RefusedError):
        return error.code
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return "out_of_memory"
    if isinstance(error, duckdb.FatalException | duckdb.InternalException):
        return "crashed"
    if isinstance(error, duckdb.IOException) and "File too large" in str(error):
        return "output_too_large"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "output_too_large"
    return "execution_error"


def kind_of(error: BaseException) -> str:
    """What the author would call it: ``conversion`` for DuckDB's ConversionException, else the exception's class."""
    if isinstance(error, RefusedError):
        return error.kind
    name = str(type(error).__name__)
    if isinstance(error, duckdb.Error):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix(_DUCKDB_SUFFIX))
        return words.lower()
    return name


def sentence(error: BaseException) -> str:
    """What it says, in a sentence."""
    if isinstance(error, MemoryError):
        return "The function needs more memory than it may use."
    if isinstance(error, duckdb.OutOfMemoryException):
        return "The query needs more memory or temporary space than it may use. " + str(error).split("\n")[0]
    try:
        return str(error) or str(type(error).__name__)
    except Exception:  # noqa: BLE001 - a user's class may say it in any way
        return "An error that can't be put into words."
