"""The function that is tested: found by its name, called like an implementation of the kind `python`."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from pytest_exemplar.server import Function
from pytest_exemplar.tables import OutputError, rows_of
from pytest_exemplar.values import as_json, read_value

_ENTRY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_ANNOTATIONS = {
    "pandas.": "pandas",
    "pd.": "pandas",
    "polars.": "polars",
    "pl.": "polars",
    "pyarrow.": "arrow",
    "pa.": "arrow",
}


class EntryError(Exception):
    """The name leads to no function."""


class ClockError(Exception):
    """The clock can't be frozen here."""


def find_entry(name: str) -> Callable[..., Any]:
    """The function of a name such as `package.module:function`. Raises EntryError."""
    if not _ENTRY.fullmatch(name):
        raise EntryError(f"{name!r} names no function of Python; one is package.module:function")
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # whatever a module does when it is imported
        raise EntryError(f"The module {module!r} can't be imported: {type(error).__name__}: {error}") from error
    for step in path.split("."):
        if not hasattr(found, step):
            raise EntryError(f"The module {module!r} has no {path!r}.")
        found = getattr(found, step)
    if not callable(found):
        raise EntryError(f"{name!r} is no function.")
    function: Callable[..., Any] = found
    return function


def form_of(function: Callable[..., Any]) -> str:
    """How the function wants its tables, as the annotation of its first argument says; records if it says nothing."""
    try:
        first = next(iter(inspect.signature(function).parameters.values()))
    except (StopIteration, TypeError, ValueError):
        return "records"
    given = first.annotation
    text = given if isinstance(given, str) else f"{given.__module__}.{given}" if isinstance(given, type) else str(given)
    return next((form for sign, form in _ANNOTATIONS.items() if sign in text), "records")


def arguments_of(function: Function, given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every parameter: the one of the test case, else the default, else None."""
    return {
        each["name"]: read_value(given.get(each["name"], each.get("default")), each) for each in function.parameters
    }


def outputs_as_json(function: Function, given: Any) -> str:
    """What the function gave, as a JSON text: rows by output port. Raises OutputError."""
    names = [port.name for port in function.outputs]
    if isinstance(given, Mapping):
        unknown = [str(name) for name in given if name not in names]
        if unknown:
            raise OutputError(f"The function gives a table for {', '.join(unknown)}, which is no output port.")
        tables: Mapping[str, Any] = given
    elif len(names) == 1:
        tables = {names[0]: given}
    else:
        message = f"The function gives a {type(given).__name__}; with several output ports it gives a dict by port."
        raise OutputError(message)
    ports: Sequence[Any] = [port for port in function.outputs if port.name in tables]
    members = [f"{as_json(port.name)}: {rows_of(tables[port.name], port.attributes)}" for port in ports]
    return "{" + ", ".join(members) + "}"


def frozen(clock: str | None) -> AbstractContextManager[Any]:
    """A context in which it is then. Raises ClockError without time-machine."""
    if clock is None:
        return nullcontext()
    try:
        time_machine = importlib.import_module("time_machine")
    except ImportError as error:
        raise ClockError("the test case has a frozen clock, for which the package time-machine is needed") from error
    stopped: AbstractContextManager[Any] = time_machine.travel(datetime.fromisoformat(clock), tick=False)
    return stopped
