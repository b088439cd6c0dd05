"""What the definitions of python, command and http implementations may say, and the configuration of http."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from config.problems import Problem, nearest, pointer
from processes.runners.contract import Permissions

TABLES = ("records", "relation", "pandas", "polars", "arrow")
FORMATS = ("csv", "ndjson", "parquet")
PLACEHOLDER = re.compile(r"\{(input|output|parameter):([^{}]*)\}")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADERS_OF_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type", "upgrade"})
_ENTRY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_PATH = re.compile(r"(/[^\s\\#]*)?")
_ARGUMENTS, _ARGUMENT_CHARACTERS = 200, 10_000
BODY_FORMATS = ("json", "ndjson")
METHODS = ("POST", "PUT")


def check_python(
    definition: Any,
    outputs: Iterable[str],
    parameters: Iterable[str],
    inputs: Iterable[str] | None,
    permissions: Permissions,
) -> list[Problem]:
    """``{"entry": "package.module:function", "tables": "records"}``"""
    return _checked(definition, {"entry": True, "tables": False}, lambda: _python_problems(definition, permissions))


def _python_problems(definition: Mapping[str, Any], permissions: Permissions) -> Iterator[Problem]:
    entry = definition["entry"]
    if not isinstance(entry, str) or not _ENTRY.fullmatch(entry):
        yield Problem("/entry", "invalid", "An entry is written package.module:function.")
    elif not is_allowed_entry(entry, permissions):
        yield Problem(
            "/entry", "not_allowed", _not_allowed("entry", entry, permissions.python_entries, "PYTHON_ENTRIES")
        )
    yield from _choice(definition, "tables", TABLES)


def is_allowed_entry(entry: str, permissions: Permissions) -> bool:
    """Whether a pattern matches the entry as a whole, or its module."""
    module = entry.partition(":")[0]
    return any(fnmatchcase(entry, each) or fnmatchcase(module, each) for each in permissions.python_entries)


def check_command(
    definition: Any,
    outputs: Iterable[str],
    parameters: Iterable[str],
    inputs: Iterable[str] | None,
    permissions: Permissions,
) -> list[Problem]:
    """``{"argv": ["wc", "-l", "{input:orders}"], "format": "csv"}``"""
    named = {"input": None if inputs is None else list(inputs), "output": list(outputs), "parameter": list(parameters)}
    return _checked(
        definition, {"argv": True, "format": False}, lambda: _command_problems(definition, named, permissions)
    )


def _command_problems(
    definition: Mapping[str, Any], named: Mapping[str, list[str] | None], permissions: Permissions
) -> Iterator[Problem]:
    yield from _choice(definition, "format", FORMATS)
    argv = definition["argv"]
    if not isinstance(argv, list) or not argv or not all(isinstance(each, str) for each in argv):
        yield Problem(
            "/argv", "invalid_type", 'The argv is a list of texts: ["program", "argument", "{input:orders}"].'
        )
        return
    if len(argv) > _ARGUMENTS or any(len(each) > _ARGUMENT_CHARACTERS for each in argv):
        yield Problem(
            "/argv", "too_long", f"An argv has at most {_ARGUMENTS} texts of {_ARGUMENT_CHARACTERS:,} characters."
        )
        return
    if argv[0] not in permissions.command_programs:
        message = _not_allowed("program", argv[0], permissions.command_programs, "COMMAND_PROGRAMS")
        yield Problem("/argv/0", "not_allowed", message)
    for position, argument in enumerate(argv):
        if "\0" in argument or any("\ud800" <= character <= "\udfff" for character in argument):
            yield Problem(pointer("argv", position), "invalid", "An argument is Unicode text without NUL.")
        for what, name in PLACEHOLDER.findall(argument):
            known = named[what]
            if known is not None and name not in known:
                noun = {"input": "input port", "output": "output port", "parameter": "parameter"}[what]
                message = f"There is no {noun} {name!r}; {nearest(name, known)}"
                yield Problem(pointer("argv", position), f"unknown_{what}", message)


def check_http(
    definition: Any,
    outputs: Iterable[str],
    parameters: Iterable[str],
    inputs: Iterable[str] | None,
    permissions: Permissions,
) -> list[Problem]:
    """``{"path": "/score", "method": "POST", "format": "json"}``; the host is the configuration's."""
    count = None if inputs is None else len(list(inputs))
    allowed = {"path": False, "method": False, "format": False}
    return _checked(definition, allowed, lambda: _http_problems(definition, count))


def _http_problems(definition: Mapping[str, Any], input_count: int | None) -> Iterator[Problem]:
    path = definition.get("path", "")
    if not isinstance(path, str) or not _PATH.fullmatch(path) or not path.isprintable():
        yield Problem(
            "/path", "invalid", 'A path begins with "/" and has no spaces, as in "/score"; the host is in base_url.'
        )
    yield from _choice(definition, "method", METHODS)
    yield from _choice(definition, "format", BODY_FORMATS)
    if definition.get("format") == "ndjson" and input_count not in (None, 1):
        yield Problem("/format", "invalid", "Lines hold the rows of one input port; with several, the format is json.")


def check_http_configuration(configuration: Mapping[str, Any]) -> list[Problem]:
    """What is wrong in a configuration, its secrets in place, that an http implementation is to run with."""
    return list(_http_configuration_problems(configuration))


def _http_configuration_problems(configuration: Mapping[str, Any]) -> Iterator[Problem]:
    base = configuration.get("base_url")
    if not isinstance(base, str):
        yield Problem(
            "/base_url", "required", 'The configuration has no base_url, such as "https://scores.example.com".'
        )
    elif (reason := _wrong_base(base)) is not None:
        yield Problem("/base_url", "invalid", f"The configuration's base_url {reason}.")
    headers = configuration.get("headers", {})
    if not isinstance(headers, Mapping):
        yield Problem("/headers", "invalid_type", "The configuration's headers are an object of texts.")
    else:
        for name, value in headers.items():
            if not HEADER_NAME.fullmatch(name) or name.lower() in HEADERS_OF_OURS:
                yield Problem(pointer("headers", name), "invalid", f"The header {name!r} can't be set.")
            elif not isinstance(value, str) or not value.isascii() or not value.isprintable():
                yield Problem(pointer("headers", name), "invalid", f"The header {name!r} is printable ASCII text.")
    seconds = configuration.get("timeout_seconds", 1)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 86_400:
        yield Problem("/timeout_seconds", "invalid", "The configuration's timeout_seconds is a number above 0.")


def _wrong_base(base: str) -> str | None:
    try:
        parts = urlsplit(base)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in {"http", "https"} or not host:
        return "begins with https:// or http:// and a host"
    if parts.username is not None or parts.password is not None:
        return "holds a name or password; those go into a header"
    if "?" in base or "#" in base or not base.isprintable() or re.search(r"[\s\\]", base):
        return "has neither a query nor spaces"
    return None


# --- what they share --------------------------------------------------------------------------------------------------


def _checked(definition: Any, members: Mapping[str, bool], problems: Callable[[], Iterable[Problem]]) -> list[Problem]:
    """The problems of an object with these members (name -> whether it must be there), or those of its shape."""
    if not isinstance(definition, Mapping):
        return [Problem("", "invalid_type", f"The definition is an object with {', '.join(members)}.")]
    found = [
        Problem(
            pointer(name), "unknown_property", f"The property {name!r} is unknown; {nearest(str(name), list(members))}"
        )
        for name in definition
        if name not in members
    ]
    missing = [name for name, is_needed in members.items() if is_needed and name not in definition]
    found += [Problem(pointer(name), "required", f"The definition needs {name!r}.") for name in missing]
    return found if missing else [*found, *problems()]


def _choice(definition: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
    value = definition.get(name, allowed[0])
    if value not in allowed:
        yield Problem(pointer(name), "invalid_choice", f"{name} is {value!r}; allowed: {', '.join(allowed)}.")


def _not_allowed(noun: str, name: str, allowed: tuple[str, ...], setting: str) -> str:
    listed = f"allowed: {', '.join(allowed)}" if allowed else "none is"
    return f"The {noun} {name!r} is not allowed; {listed} (setting {setting})."
