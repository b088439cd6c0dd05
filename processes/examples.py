"""An example of an implementation of each kind, over the ports that a function has, and what the settings allow it."""

import json
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass

from processes.execution import Permissions
from processes.models import Kind


@dataclass(frozen=True)
class Example:
    """How an implementation of a kind is written. `code`: what the function itself may look like; `allowed`: what this
    installation lets implementations name; `is_usable`: whether that is anything."""

    definition: str
    code: str
    help: str
    allowed: str
    is_usable: bool = True


def example_of(
    kind: str, inputs: Sequence[str], outputs: Sequence[str], parameters: Sequence[str], permissions: Permissions
) -> Example:
    """The example of a kind; blank names of ports are left out."""
    given, wanted, named = ([name for name in names if name] for names in (inputs, outputs, parameters))
    wanted = wanted or ["result"]
    if kind == Kind.PYTHON:
        return _python(given, wanted, named, permissions)
    if kind == Kind.COMMAND:
        return _command(given, wanted, named, permissions)
    if kind == Kind.HTTP:
        return _http(given, wanted, named, permissions)
    return _sql(given, named)


def _sql(given: list[str], named: list[str]) -> Example:
    source = f"FROM {_quoted(given[0])}" if given else ""
    where = f" -- WHERE something < ${named[0]}" if named else ""
    definition = f"SELECT * {source}{where}" if given else "SELECT 1 AS id"
    text = "One SELECT, WITH allowed, in DuckDB's dialect. Each input port is a view of its name; parameters are $name."
    return Example(definition, "", text, "SQL needs no setting: it sees these views and nothing else.")


def _python(given: list[str], wanted: list[str], named: list[str], permissions: Permissions) -> Example:
    allowed = permissions.python_entries
    entry = next((each for each in allowed if ":" in each and "*" not in each), "")
    module = next((each for each in allowed if ":" not in each and "*" not in each), "package.module")
    arguments = ", ".join([*map(_identifier, given), *(["*", *named] if named else [])])
    rows = '[{"id": 1}]'
    answer = rows if len(wanted) == 1 else f"{{{', '.join(f'{json.dumps(name)}: {rows}' for name in wanted)}}}"
    return Example(
        _json({"entry": entry or f"{module}:function", "tables": "records"}),
        f"def {(entry or 'x:function').rpartition(':')[2]}({arguments}):\n    return {answer}",
        'A function of a module, called with a table to each input, in their order, and parameters by name. "tables" '
        "says how it takes them: records (lists of dicts, the default), relation, pandas, polars or arrow.",
        f"Entries must match one of the setting PYTHON_ENTRIES: {_listed(allowed)}.",
        bool(allowed),
    )


def _command(given: list[str], wanted: list[str], named: list[str], permissions: Permissions) -> Example:
    allowed = permissions.command_programs
    parameters = [f"--{name}={{parameter:{name}}}" for name in named]
    files = [f"{{input:{name}}}" for name in given] + [f"{{output:{name}}}" for name in wanted]
    return Example(
        _json({"argv": [next(iter(allowed), "program"), *parameters, *files], "format": "csv"}),
        "",
        "A program and its arguments; no shell reads them. {input:…} and {output:…} are paths of files in a private "
        "directory, {parameter:…} a value. The format of the files is csv, ndjson or parquet.",
        f"Programs must be named in the setting COMMAND_PROGRAMS: {_listed(allowed)}.",
        bool(allowed),
    )


def _http(given: list[str], wanted: list[str], named: list[str], permissions: Permissions) -> Example:
    rows = [{"id": 1}]
    asked = {"inputs": dict.fromkeys(given, rows), "parameters": dict.fromkeys(named)}
    answered = {"outputs": dict.fromkeys(wanted, rows)}
    return Example(
        _json({"path": "/score", "method": "POST", "format": "json"}),
        f"is sent    {json.dumps(asked, ensure_ascii=False)}\nanswers    {json.dumps(answered, ensure_ascii=False)}",
        "A web service. The host is the base_url of the configuration that a run names, which also has headers and "
        'timeout_seconds. The format ndjson sends the rows of the only input as lines. The "method" is POST or PUT.',
        "Hosts that are not public must be named in the setting HTTP_ALLOWED_HOSTS: "
        f"{_listed(permissions.http_allowed_hosts)}. Public hosts need none.",
    )


def _listed(allowed: Sequence[str]) -> str:
    return ", ".join(allowed) if allowed else "it names none, so none may"


def _json(definition: object) -> str:
    return json.dumps(definition, indent=2, ensure_ascii=False)


def _identifier(name: str) -> str:
    """A port's name as an argument in Python."""
    found = re.sub(r"\W", "_", name)
    return found if found.isidentifier() and not keyword.iskeyword(found) else f"_{found}"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
