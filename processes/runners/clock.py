"""A clock that stands still, for a case that freezes it: macros for DuckDB, and the functions of Python's C library.

DuckDB looks for a function among a connection's own macros before its own, so macros of these names answer. What would
pass them by is a name with a schema before it (``system.main.now()``), which `sql_rules` refuses.

Python's clocks are built in: ``from time import time`` holds the function itself, so its C entry is exchanged, which
reaches every holder. ``time.monotonic`` and ``time.perf_counter`` go on, because timeouts need them; so do the clocks
of C extensions that ask the kernel themselves (``numpy.datetime64("now")``).
"""

from __future__ import annotations

import ctypes
import datetime
import time
from collections.abc import Callable
from typing import Any

CLOCK_FUNCTIONS = frozenset(
    {
        "age",
        "current_date",
        "current_localtime",
        "current_localtimestamp",
        "current_time",
        "current_timestamp",
        "get_current_time",
        "get_current_timestamp",
        "localtime",
        "localtimestamp",
        "now",
        "today",
        "transaction_timestamp",
    }
)
"""What tells the time in SQL. DuckDB has no literals such as 'now' that do."""


def as_utc(clock: datetime.datetime) -> datetime.datetime:
    """The moment with UTC as its time zone; one without a time zone is taken as UTC."""
    return clock.replace(tzinfo=datetime.UTC) if clock.tzinfo is None else clock.astimezone(datetime.UTC)


def clock_macros(clock: datetime.datetime) -> list[str]:
    """Statements after which a connection's clock shows this moment."""
    moment = as_utc(clock)
    local = f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'"
    instant = f"TIMESTAMPTZ '{moment:%Y-%m-%d %H:%M:%S.%f}+00'"
    values = {
        **dict.fromkeys(["now", "current_timestamp", "get_current_timestamp", "transaction_timestamp"], instant),
        **dict.fromkeys(["current_date", "today"], f"DATE '{moment:%Y-%m-%d}'"),
        **dict.fromkeys(["current_localtimestamp", "localtimestamp"], local),
        **dict.fromkeys(["current_localtime", "localtime"], f"TIME '{moment:%H:%M:%S.%f}'"),
        **dict.fromkeys(["current_time", "get_current_time"], f"'{moment:%H:%M:%S.%f}+00'::TIMETZ"),
    }
    macros = [f"CREATE TEMP MACRO {name}() AS {value}" for name, value in values.items()]
    midnight = f"TIMESTAMP '{moment:%Y-%m-%d}'"
    ages = f"(a) AS system.main.age({midnight}, a), (a, b) AS system.main.age(a, b)"
    return [*macros, f"CREATE TEMP MACRO age{ages}"]


# --- Python -----------------------------------------------------------------------------------------------------------

_METH_VARARGS, _METH_KEYWORDS, _METH_NOARGS, _METH_FASTCALL = 0x01, 0x02, 0x04, 0x80


class _MethodDefinition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


class _BuiltIn(ctypes.Structure):
    """The head of a PyCFunctionObject."""

    _fields_ = (
        ("references", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("definition", ctypes.POINTER(_MethodDefinition)),
    )


_kept: list[Any] = []
"""What C calls from now on must not be freed."""


def freeze_python_clock(clock: datetime.datetime) -> None:
    """Let this process's clocks show the moment for the rest of its life."""
    moment = as_utc(clock)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    nanoseconds = (moment - epoch) // datetime.timedelta(microseconds=1) * 1000
    _freeze_time(nanoseconds)
    _freeze_datetime(moment)


def _freeze_time(nanoseconds: int) -> None:
    seconds = nanoseconds / 1e9
    localtime = _original(time.localtime)

    def frozen_clock(real: Callable[[int], Any], value: float) -> Callable[..., Any]:
        return lambda _module, which: value if which == time.CLOCK_REALTIME else real(which)

    def with_default(real: Callable[..., Any], default: Any, given: int = 0) -> Callable[..., Any]:
        """The function, called with the moment where its last argument is left out."""
        return lambda _module, *arguments: real(*arguments, *(() if len(arguments) > given else (default,)))

    _exchange(time.time, lambda _module: seconds)
    _exchange(time.time_ns, lambda _module: nanoseconds)
    _exchange(time.clock_gettime, frozen_clock(_original(time.clock_gettime), seconds))
    _exchange(time.clock_gettime_ns, frozen_clock(_original(time.clock_gettime_ns), nanoseconds))
    for function in (time.gmtime, time.localtime, time.ctime):
        _exchange(function, with_default(_original(function), seconds))
    _exchange(time.asctime, with_default(_original(time.asctime), localtime(seconds)))
    _exchange(time.strftime, with_default(_original(time.strftime), localtime(seconds), given=1))


def _freeze_datetime(moment: datetime.datetime) -> None:
    utc = datetime.UTC

    def at(owner: Any, when: datetime.datetime) -> Any:
        return owner(when.year, when.month, when.day, when.hour, when.minute, when.second, when.microsecond, utc)

    def now(owner: Any, *arguments: Any, tz: Any = None) -> Any:
        zone = arguments[0] if arguments else tz
        here = at(owner, moment).astimezone(zone)
        return here.replace(tzinfo=None) if zone is None else here

    _exchange(datetime.datetime.now, now)
    _exchange(datetime.datetime.utcnow, lambda owner: at(owner, moment).replace(tzinfo=None))


def _definition(function: Any) -> _MethodDefinition:
    pointer = _BuiltIn.from_address(id(function)).definition
    return pointer.contents


def _original(function: Any) -> Callable[..., Any]:
    """The same function on a definition of its own, which an exchange doesn't reach."""
    found = _definition(function)
    copy = _MethodDefinition(found.name, found.function, found.flags, found.documentation)
    _kept.append(copy)
    make = ctypes.pythonapi.PyCMethod_New
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p]
    made: Callable[..., Any] = make(ctypes.addressof(copy), function.__self__, None, None)
    return made


def _exchange(function: Any, replacement: Callable[..., Any]) -> None:
    """Let a built-in function call `replacement(self, *arguments, **keywords)`, whoever holds it."""
    definition = _definition(function)
    flags = definition.flags & (_METH_VARARGS | _METH_KEYWORDS | _METH_NOARGS | _METH_FASTCALL)
    made: Any
    if flags == _METH_NOARGS:

        @ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)
        def made(owner: Any, _nothing: Any) -> Any:
            return replacement(owner)

    elif flags == _METH_VARARGS:

        @ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object)
        def made(owner: Any, arguments: Any) -> Any:
            return replacement(owner, *arguments)

    elif flags == _METH_FASTCALL | _METH_KEYWORDS:

        @ctypes.PYFUNCTYPE(
            ctypes.py_object, ctypes.py_object, ctypes.POINTER(ctypes.py_object), ctypes.c_ssize_t, ctypes.c_void_p
        )
        def made(owner: Any, arguments: Any, count: int, names: int | None) -> Any:
            keywords = ctypes.cast(names, ctypes.py_object).value if names else ()
            given = [arguments[position] for position in range(count + len(keywords))]
            return replacement(owner, *given[:count], **dict(zip(keywords, given[count:], strict=True)))

    else:
        raise NotImplementedError(f"{function!r} takes its arguments in a way that is not known here.")
    _kept.append(made)
    definition.function = ctypes.cast(made, ctypes.c_void_p).value
