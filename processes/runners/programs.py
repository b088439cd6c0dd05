"""Runs python and command implementations, in the child: each case in forks of the warm child.

One fork runs the function and leaves its tables as files; another, made when nothing of the first lives any more, takes
them as outputs. So what a program leaves behind can't change what is checked, and no state passes from case to case but
what a python module makes when it is imported.
"""

from __future__ import annotations

import importlib
import inspect
import json
import math
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from config.temporary import remove_tree
from processes.runners.clock import as_utc, clock_macros, freeze_python_clock
from processes.runners.collecting import Collector
from processes.runners.contract import Limits
from processes.runners.definitions import PLACEHOLDER
from processes.runners.forking import Ended, Forker, Tell
from processes.runners.given import write_given
from processes.runners.hiding import without_secrets
from processes.runners.inputs import input_select, open_workspace, port_file, records, row_as_json, write_input
from processes.runners.isolation import BUBBLEWRAP, PROGRAM_PATH, PROJECT_ROOT
from processes.runners.messages import decode_parameter
from processes.runners.refusals import RefusedError, error_reply, kind_of, sentence
from processes.runners.seccomp import forbid_other_processes

Report = Callable[[str, str], None]
_SHOWN_BYTES = 1000


class ProgramRunner:
    """What both kinds share: the fork that runs the function, the fork that collects, and how each may end."""

    def __init__(self, directory: Path, limits: Limits, settings: Mapping[str, Any]) -> None:
        self._directory = directory
        self._limits = limits
        self._work = directory / "work"
        # It has no threads, and each fork has a copy of its own; to open one takes as long as a small case.
        self._workspace = open_workspace(limits, self._work / "temp")
        self._forker = Forker(self._work, limits, is_own_world=settings["isolation"] == BUBBLEWRAP)
        self._hidden = tuple(
            sorted(
                {str(directory), str(PROJECT_ROOT), sys.prefix, sys.base_prefix, *settings["python_path"]},
                key=len,
                reverse=True,
            )
        )

    def run(self, request: Mapping[str, Any], report: Report) -> dict[str, Any]:
        """Run one case: ``{"outputs", "load_ms", "execute_ms", "log"}``, or ``{"error", "log"}``."""
        started = time.perf_counter()
        log = ""
        phase = "load"
        try:
            report(phase, "")
            self._prepare(request)
            phase = "execute"
            report(phase, "")
            ended = self._forker.run(lambda tell: self._be_the_function(request, tell))
            log = without_secrets(self._without_paths(ended.log), request["secrets"])
            told = self._told(ended, request["secrets"])
            phase = "output"
            report(phase, "")
            collected = self._forker.run(lambda tell: self._collect(request, tell))
            reply = _reply_of(collected)
        except Exception as error:  # noqa: BLE001 - what a user's module does when it is imported
            return error_reply(error, phase, "", self._hidden) | {"log": log}
        spent_ms = (time.perf_counter() - started) * 1000
        load_ms = min(told["load_ms"], spent_ms)
        return {"load_ms": load_ms, "execute_ms": spent_ms - load_ms} | reply | {"log": log}

    def _prepare(self, request: Mapping[str, Any]) -> None:
        """In the warm child itself, before the fork."""

    def _be_the_function(self, request: Mapping[str, Any], tell: Tell) -> None:
        raise NotImplementedError

    def _told(self, ended: Ended, secrets: Sequence[str]) -> dict[str, Any]:
        """What the fork told. Raises RefusedError when the function failed."""
        raise NotImplementedError

    def _form(self, request: Mapping[str, Any]) -> str:
        """The format of the files that the function leaves."""
        raise NotImplementedError

    def _collect(self, request: Mapping[str, Any], tell: Tell) -> None:
        try:
            for path in map(Path, request["output_files"]):
                _make_free(path)
            collector = Collector(self._workspace, request, self._limits)
            outputs, form = request["outputs"], self._form(request)
            files = {port: port_file("outputs", port, form, outputs) for port in outputs}
            taken = [collector.collect(port, self._work / file, form, file) for port, file in files.items()]
            tell({"reply": {"outputs": taken}})
        except Exception as error:  # noqa: BLE001 - files that a program wrote may be anything
            tell({"reply": error_reply(error, "output", "", self._hidden)})

    def _without_paths(self, text: str) -> str:
        for path in self._hidden:
            text = text.replace(path, "")
        return text


def _make_free(path: Path) -> None:
    """Remove what a program put where an output goes: a pipe would be written to for ever."""
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _reply_of(ended: Ended) -> dict[str, Any]:
    reply = next((message["reply"] for message in ended.messages if isinstance(message.get("reply"), dict)), None)
    if reply is None:
        raise RefusedError(_code_of_end(ended.status), f"The function ended without an answer, {how(ended.status)}.")
    return reply


def _believed(told: Any) -> dict[str, Any]:
    """What a fork that ran a user's code told. Raises RefusedError with the error that it told."""
    if not isinstance(told, dict):
        told = {}
    error = told.get("error")
    if isinstance(error, dict):
        code, message, output, kind = (str(error.get(name, "")) for name in ("code", "message", "output", "kind"))
        raise RefusedError(code, message, output, kind)
    spent = told.get("load_ms")
    return {"load_ms": float(spent) if isinstance(spent, int | float) and 0 <= spent < math.inf else 0.0}


def how(status: int) -> str:
    """How a process ended, in words."""
    return f"with {kind_of_end(status)}"


def kind_of_end(status: int) -> str:
    """``exit_status 3`` or ``signal SIGSEGV``."""
    if status >= 0:
        return f"exit_status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def _code_of_end(status: int) -> str:
    # A shell says 128 and the signal of its command.
    return "output_too_large" if status in (-signal.SIGXFSZ, 128 + signal.SIGXFSZ) else "execution_error"


# --- python -----------------------------------------------------------------------------------------------------------

_ANNOTATIONS = {
    "pandas.": "pandas",
    "pd.": "pandas",
    "polars.": "polars",
    "pl.": "polars",
    "pyarrow.": "arrow",
    "pa.": "arrow",
    "DuckDBPyRelation": "relation",
}


class PythonRunner(ProgramRunner):
    """Calls ``package.module:function`` with a table to each input port, in their order, and parameters by name."""

    def __init__(self, directory: Path, limits: Limits, settings: Mapping[str, Any]) -> None:
        super().__init__(directory, limits, settings)
        sys.path[1:1] = settings["python_path"]
        self._function: Callable[..., Any] | None = None

    def _prepare(self, request: Mapping[str, Any]) -> None:
        """Import the function once; forks have the module as the import left it."""
        if self._function is None:
            module, _, name = request["definition"]["entry"].partition(":")
            found = _imported(module)
            for step in name.split("."):
                found = getattr(found, step)
            if not callable(found):
                raise TypeError(f"{module}:{name} is no function")
            self._function = found

    def _form(self, request: Mapping[str, Any]) -> str:
        return "parquet"

    def _told(self, ended: Ended, secrets: Sequence[str]) -> dict[str, Any]:
        if not ended.messages:
            kind = kind_of_end(ended.status)
            raise RefusedError(_code_of_end(ended.status), f"The process of the function ended: {kind}.", kind=kind)
        told = _reply_of(ended)
        return _believed(told)

    def _be_the_function(self, request: Mapping[str, Any], tell: Tell) -> None:
        forbid_other_processes()
        function = self._function
        try:
            if function is None:
                raise RefusedError("crashed", "The function was not imported.")
            started = time.perf_counter()
            connection = self._workspace
            form = request["definition"].get("tables") or _annotated(function)
            tables = [_table(connection, table, form) for table in request["inputs"].values()]
            load_ms = (time.perf_counter() - started) * 1000
            parameters = {name: decode_parameter(value) for name, value in request["parameters"].items()}
            if "configuration" not in parameters and _takes_configuration(function, len(tables)):
                parameters["configuration"] = request["configuration"]
            os.chdir(self._work)
            if request["clock"]:
                moment = datetime.fromisoformat(request["clock"])
                _freeze_duckdb(connection, moment)
                freeze_python_clock(moment)
            given = _by_port(function(*tables, **parameters), request["outputs"])
            (self._work / "outputs").mkdir(exist_ok=True)
            types = request["output_types"]
            for port, table in given.items():
                path = self._work / port_file("outputs", port, "parquet", request["outputs"])
                try:
                    write_given(connection, table, types.get(port, ()), path)
                except RefusedError as error:
                    raise RefusedError(error.code, str(error), port) from error
            tell({"reply": {"load_ms": load_ms}})
        except SystemExit as error:
            refused = RefusedError(
                "execution_error", f"The function called sys.exit({error.code!r}).", kind="SystemExit"
            )
            tell({"reply": error_reply(refused, "execute", "", self._hidden)})
        except BaseException as error:  # noqa: BLE001 - a user's function runs here
            tell({"reply": error_reply(error, "execute", "", self._hidden)})
            _print_trace(error)


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except Exception:
        raise
    except BaseException as error:  # such as SystemExit, which would end the child
        name = type(error).__name__
        raise RefusedError("execution_error", f"The module {module} raises {name}: {error}", kind=name) from error


def _annotated(function: Callable[..., Any]) -> str:
    """How the function wants its tables, as the annotation of its first argument says; records if it says nothing."""
    try:
        first = next(iter(inspect.signature(function).parameters.values()))
    except (StopIteration, TypeError, ValueError):
        return "records"
    annotation = first.annotation
    text = (
        annotation
        if isinstance(annotation, str)
        else f"{annotation.__module__}.{annotation.__qualname__}"
        if isinstance(annotation, type)
        else str(annotation)
    )
    return next((form for sign, form in _ANNOTATIONS.items() if sign in text), "records")


def _takes_configuration(function: Callable[..., Any], tables: int) -> bool:
    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return False
    return "configuration" in parameters[tables:]


def _table(connection: Any, table: Mapping[str, Any], form: str) -> Any:
    if form == "records":
        return list(records(connection, table))
    relation = connection.sql(input_select(table))
    if form == "pandas":
        return relation.df()
    if form == "polars":
        return relation.pl()
    return relation.to_arrow_table() if form == "arrow" else relation


def _freeze_duckdb(connection: Any, moment: datetime) -> None:
    for statement in clock_macros(moment):
        connection.execute(statement)


def _by_port(given: Any, outputs: list[str]) -> dict[str, Any]:
    """What the function gave, by output port: a dict of tables, or the table of its only port."""
    if isinstance(given, Mapping):
        unknown = [str(name) for name in given if name not in outputs]
        missing = [name for name in outputs if name not in given]
        if unknown or missing:
            said = [f"no table for {', '.join(missing)}"] if missing else []
            said += [f"a table for {', '.join(unknown)}, which is no output port"] if unknown else []
            raise RefusedError(
                "missing_output" if missing else "invalid_output", f"The function gives {' and '.join(said)}."
            )
        return {name: given[name] for name in outputs}
    if len(outputs) != 1:
        message = f"The function gives a {type(given).__name__}; with several output ports it gives a dict by port."
        raise RefusedError("invalid_output", message)
    return {outputs[0]: given}


def _print_trace(error: BaseException) -> None:
    """The way to the error through the function's code, without folders of this machine, for the log."""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename != __file__:
            print(f"  {Path(frame.filename).name}, line {frame.lineno}, in {frame.name}", file=sys.stderr)
    print(f"{kind_of(error) or type(error).__name__}: {sentence(error)}", file=sys.stderr)


# --- command ----------------------------------------------------------------------------------------------------------


class CommandRunner(ProgramRunner):
    """Runs a program whose inputs and outputs are files in a private directory, which is its working directory."""

    def _form(self, request: Mapping[str, Any]) -> str:
        return str(request["definition"].get("format", "csv"))

    def _told(self, ended: Ended, secrets: Sequence[str]) -> dict[str, Any]:
        told = _believed(next((each["reply"] for each in ended.messages if "reply" in each), {}))
        if ended.status:
            kind = kind_of_end(ended.status)
            last = without_secrets(self._without_paths(ended.tail), secrets)[-_SHOWN_BYTES:].strip()
            message = f"The program ended with {kind}" + (f": {last}" if last else ".")
            raise RefusedError(_code_of_end(ended.status), message, kind=kind)
        return told

    def _be_the_function(self, request: Mapping[str, Any], tell: Tell) -> None:
        """Write the inputs, and become the program."""
        try:
            started = time.perf_counter()
            connection = self._workspace
            inputs, outputs, form = request["inputs"], request["outputs"], self._form(request)
            for name in ("inputs", "outputs", "tmp"):
                (self._work / name).mkdir(exist_ok=True)
            for port, table in inputs.items():
                write_input(connection, table, form, self._work / port_file("inputs", port, form, list(inputs)))
            if request["configuration"]:
                (self._work / "configuration.json").write_bytes(row_as_json(request["configuration"]))
            arguments = [self._filled(each, request, form, outputs) for each in request["definition"]["argv"]]
            connection.close()
            tell({"reply": {"load_ms": (time.perf_counter() - started) * 1000}})
            os.chdir(self._work)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what it starts would, too
                signal.signal(number, signal.SIG_DFL)
            os.execvpe(arguments[0], arguments, self._environment(request))  # noqa: S606 - no shell is what we want
        except OSError as error:
            refused = RefusedError(
                "execution_error", f"The program can't be run: {error.strerror}.", kind=type(error).__name__
            )
            print(refused, file=sys.stderr)
            tell({"reply": error_reply(refused, "execute", "", self._hidden)})
            os._exit(127)
        except Exception as error:  # noqa: BLE001 - an input that a format can't hold
            tell({"reply": error_reply(error, "load", "", self._hidden)})

    @staticmethod
    def _filled(argument: str, request: Mapping[str, Any], form: str, outputs: list[str]) -> str:
        def value(found: re.Match[str]) -> str:
            what, name = found.groups()
            if what == "input":
                return port_file("inputs", name, form, list(request["inputs"]))
            if what == "output":
                return port_file("outputs", name, form, outputs)
            return _as_text(decode_parameter(request["parameters"][name]))

        return PLACEHOLDER.sub(value, argument)

    def _environment(self, request: Mapping[str, Any]) -> dict[str, str]:
        found = {
            "PATH": PROGRAM_PATH,
            "HOME": str(self._work),
            "TMPDIR": str(self._work / "tmp"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
        }
        if request["clock"]:
            moment = as_utc(datetime.fromisoformat(request["clock"]))
            found["EXEMPLAR_CLOCK"] = moment.isoformat().replace("+00:00", "Z")
            found["SOURCE_DATE_EPOCH"] = str(int(moment.timestamp()))
        return found


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return json.dumps(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
