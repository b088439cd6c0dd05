"""Runs a function's implementation: tables in, an Outcome out. The contract of `processes.runners`, and its one door.

    with Executor(Limits(wall_seconds=10)) as executor:
        outcome = executor.execute(ExecutionRequest("sql", {"totals": "SELECT ..."}, {"orders": table}, ("totals",)))

Nothing that a user wrote runs in this process: it runs in a child, and a child that misbehaves is replaced.
"""

from __future__ import annotations

import math
import shutil
import stat
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from config.problems import Problem, nearest
from config.storable import storable_json
from processes.runners import definitions, sql_rules
from processes.runners.clock import as_utc
from processes.runners.contract import (
    OUTPUT_CODES,
    Column,
    ExecutionError,
    ExecutionRequest,
    InputTable,
    Limits,
    Outcome,
    OutputTable,
    ParameterValue,
    Permissions,
)
from processes.runners.hiding import without_secrets
from processes.runners.isolation import AUTO, BUBBLEWRAP, IsolationUnavailableError, choose_isolation
from processes.runners.messages import encode_parameter
from processes.runners.pool import Child, ChildCrashedError

__all__ = [
    "OUTPUT_CODES",
    "Column",
    "ExecutionError",
    "ExecutionRequest",
    "Executor",
    "InputTable",
    "IsolationUnavailableError",
    "Limits",
    "Outcome",
    "OutputTable",
    "ParameterValue",
    "Permissions",
    "check_definition",
]

_CHECKS = {
    "python": definitions.check_python,
    "command": definitions.check_command,
    "http": definitions.check_http,
}
KINDS = ("sql", *_CHECKS)
_PROGRAMS = frozenset({"python", "command"})
_CHILDREN_KEPT = 4
_SIGNS_OF_LACKING_MEMORY = ("bad_alloc", "cannot allocate memory", "MemoryError")
_CODES_THAT_END_A_CHILD = frozenset({"crashed", "out_of_memory", "timeout"})
_MESSAGE_CHARACTERS = 3000


def check_definition(
    kind: str,
    definition: Any,
    output_names: Iterable[str],
    parameter_names: Iterable[str],
    input_names: Iterable[str] | None = None,
    permissions: Permissions | None = None,
) -> list[Problem]:
    """What is wrong in an implementation's definition, without running it: paths begin at the definition.

    sql: one query for each output port and none else; each parses, is one SELECT, calls no function that reaches out
    of it, and names only parameters that exist and, where ``input_names`` is given, only input ports.
    python, command and http: known members, well written, and what they name is on the lists of ``permissions``.
    Costs about a millisecond for each query.
    """
    if kind == "sql":
        return sql_rules.check_queries(definition, output_names, parameter_names, input_names)
    if kind not in _CHECKS:
        return [Problem("", "unknown_kind", f"There is no kind {kind!r}; {nearest(kind, list(KINDS))}")]
    return _CHECKS[kind](definition, output_names, parameter_names, input_names, permissions or Permissions())


class Executor:
    """Executes requests one after another on warm children, one to each kind (to each entry, for python), which it
    starts when they are first needed.

    Output files belong to the Executor and live until its next ``execute`` or ``close``, whichever is first; with
    ``workdir`` they are moved there and belong to the caller. A child is replaced after ``cases_per_child`` cases, and
    after a crash, a timeout or lack of memory. One Executor to a thread is best: threads may share one, but take
    turns, and each change of thread starts a new child.

    ``isolation``: ``auto`` (bubblewrap where it works), ``bwrap`` (or raise IsolationUnavailableError) or ``none``.
    Without bubblewrap sql is kept in by DuckDB's own locks and the kernel's limits, and http runs no user's code;
    python and command would see files, network and other processes of this user, and run only with
    ``permissions.unconfined_programs``.
    ``work_root``: where the private directories go, by default the system's temporary directory. Inputs on the same
    file system are linked and not copied.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        isolation: str = AUTO,
        work_root: Path | None = None,
        cases_per_child: int = 1000,
        permissions: Permissions | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.permissions = permissions or Permissions()
        self.isolation = choose_isolation(isolation)
        """``bwrap`` or ``none``: what is in force."""
        self._work_root = work_root
        self._cases_per_child = cases_per_child
        self._children: dict[tuple[str, str], Child] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Executor:
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the children and remove their files. The Executor may be used again and then starts others."""
        with self._lock:
            for key in list(self._children):
                self._discard_child(key)

    def execute(self, request: ExecutionRequest, workdir: Path | None = None) -> Outcome:
        """Run a request within the limits. What goes wrong in it is the Outcome's error.

        Raises OSError when an input's file can't be read, and TypeError on a parameter of another type than
        ParameterValue: those are the caller's mistakes.
        """
        encoded = {name: encode_parameter(value) for name, value in request.parameters.items()}
        refusal = self._refusal(request)
        if refusal:
            return _without_secrets(_failure(refusal, {}), request.secrets)
        key = (request.kind, str(request.definition["entry"]) if request.kind == "python" else "")
        with self._lock:
            started = time.perf_counter()
            try:
                child = self._warm_child(key)
            except ChildCrashedError as crash:
                message = f"The process that runs functions could not start ({crash}): {crash.stderr[-500:].strip()}"
                return _failure(ExecutionError("start", "crashed", message), {})
            start_ms = (time.perf_counter() - started) * 1000
            outcome = _without_secrets(self._execute_on(child, request, encoded, start_ms), request.secrets)
            if outcome.error:
                self._recover(key, outcome.error)
            return _move_outputs(outcome, workdir) if workdir else outcome

    def _refusal(self, request: ExecutionRequest) -> ExecutionError | None:
        """Why a request other than sql (which its child checks again) isn't even begun."""
        if request.kind == "sql":
            return None
        problems = check_definition(
            request.kind, request.definition, request.outputs, request.parameters, request.inputs, self.permissions
        )
        if problems:
            code = "not_allowed" if problems[0].code == "not_allowed" else "invalid_definition"
            return ExecutionError("definition", code, problems[0].message)
        if request.kind == "http":
            problems = definitions.check_http_configuration(request.configuration)
            if problems:
                return ExecutionError("definition", "invalid_configuration", problems[0].message)
        elif self.isolation != BUBBLEWRAP and not self.permissions.unconfined_programs:
            message = (
                f"Implementations of kind {request.kind} run in bubblewrap, which doesn't work on this machine. "
                "Install it, or set SANDBOX_ISOLATION=none to let them run with all that this server's user may do."
            )
            return ExecutionError("start", "not_allowed", message)
        return None

    def _warm_child(self, key: tuple[str, str]) -> Child:
        child = self._children.get(key)
        if child and (not child.is_usable or child.case_count >= self._cases_per_child or not _is_cleared(child)):
            self._discard_child(key)
            child = None
        if child is None:
            while len(self._children) >= _CHILDREN_KEPT:
                self._discard_child(next(iter(self._children)))
            child = Child(self.limits, self.isolation, self._work_root, key[0], self.permissions)
        else:
            del self._children[key]  # the longest unused stands first
        self._children[key] = child
        child.case_count += 1
        return child

    def _recover(self, key: tuple[str, str], error: ExecutionError) -> None:
        """Free what a failed case took; where the child may not be sound any more, with the child."""
        if error.code in _CODES_THAT_END_A_CHILD or not _is_cleared(self._children[key]):
            self._discard_child(key)

    def _discard_child(self, key: tuple[str, str]) -> None:
        self._children.pop(key).close()

    def _execute_on(
        self, child: Child, request: ExecutionRequest, parameters: Mapping[str, Any], start_ms: float
    ) -> Outcome:
        position = ["load", ""]

        def turn_to(phase: str, output: str) -> None:
            position[:] = [phase, output]

        started = time.perf_counter()
        case = _case(child, request, parameters)
        link_ms = (time.perf_counter() - started) * 1000
        timings = {"start": start_ms, "load": link_ms, "execute": 0.0}
        try:
            reply = child.ask(case, self.limits.wall_seconds, turn_to)
            log = storable_json(str(reply.get("log", "")))
            if "error" in reply:
                return Outcome({}, _told_error(reply["error"], request.outputs), timings, log)
            timings.update(load=link_ms + _spent(reply["load_ms"]), execute=_spent(reply["execute_ms"]))
            return Outcome(_outputs(child, request, reply), None, timings, log)
        except TimeoutError:
            message = f"Stopped after {self.limits.wall_seconds:g} seconds."
            return _failure(_located("timeout", message, position, "timeout"), timings)
        except ChildCrashedError as crash:
            return _failure(_crash_error(crash, position), timings)
        except (KeyError, TypeError, ValueError, OSError):  # a child that was taken over may answer anything
            return _failure(_located("crashed", "The process that ran the function gave no answer.", position), timings)


def _case(child: Child, request: ExecutionRequest, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The request as the child gets it: files that it can reach, in place of the caller's."""
    links = child.link_inputs([path for table in request.inputs.values() for path in table.paths])
    files = iter(str(link) for link in links)
    return {
        "kind": request.kind,
        "definition": dict(request.definition),
        "inputs": {
            name: {"files": [next(files) for _ in table.paths], "columns": table.columns}
            for name, table in request.inputs.items()
        },
        "outputs": request.outputs,
        "output_files": [str(child.output_path(position)) for position in range(len(request.outputs))],
        "parameters": parameters,
        "clock": as_utc(request.clock).isoformat() if request.clock else None,
        "configuration": dict(request.configuration) if request.kind != "sql" else {},
        "secrets": list(filter(None, request.secrets)) if request.kind != "sql" else [],
        "output_types": {name: list(columns) for name, columns in request.output_types.items()},
        "part_versions": dict(request.part_versions),
    }


def _is_cleared(child: Child) -> bool:
    """Whether the files of the cases so far could be removed; a program may have forbidden it."""
    try:
        child.clear()
    except OSError:
        return False
    return True


def _told_error(error: Mapping[str, Any], outputs: Sequence[str]) -> ExecutionError:
    """The error that a child told, as far as one that was taken over can be believed."""
    told = {name: storable_json(str(error.get(name, ""))) for name in ("phase", "code", "message", "output", "kind")}
    position = [told["phase"][:20], told["output"] if told["output"] in outputs else ""]
    return _located(told["code"][:100], told["message"][:_MESSAGE_CHARACTERS], position, told["kind"][:200])


def _spent(milliseconds: Any) -> float:
    spent = float(milliseconds)
    if not 0 <= spent < math.inf:
        raise ValueError(milliseconds)
    return spent


def _without_secrets(outcome: Outcome, secrets: Iterable[str]) -> Outcome:
    """What is said of an execution, with each secret hidden."""
    named = [secret for secret in secrets if secret]
    if not named or not (outcome.error or outcome.log):
        return outcome
    error = outcome.error
    if error:
        said = without_secrets(error.message, named)
        error = replace(error, message=said, kind=without_secrets(error.kind, named))
    return replace(outcome, error=error, log=without_secrets(outcome.log, named))


def _outputs(child: Child, request: ExecutionRequest, reply: Mapping[str, Any]) -> dict[str, OutputTable]:
    outputs = {}
    for position, (name, output) in enumerate(zip(request.outputs, reply["outputs"], strict=True)):
        path = child.output_path(position)
        if not stat.S_ISREG(path.lstat().st_mode):  # a link could lead anywhere
            raise ValueError(path)
        columns = tuple((str(column), str(column_type)) for column, column_type in output["columns"])
        outputs[name] = OutputTable(path, columns, int(output["row_count"]), output["is_part"] is True)
    return outputs


def _move_outputs(outcome: Outcome, workdir: Path) -> Outcome:
    moved = {
        name: replace(table, path=Path(shutil.move(table.path, workdir / table.path.name)))
        for name, table in outcome.outputs.items()
    }
    return replace(outcome, outputs=moved)


def _located(code: str, message: str, position: list[str], kind: str = "") -> ExecutionError:
    phase, output = position
    return ExecutionError(phase, code, f"Output port {output!r}: {message}" if output else message, output, kind)


def _crash_error(crash: ChildCrashedError, position: list[str]) -> ExecutionError:
    if any(sign in crash.stderr for sign in _SIGNS_OF_LACKING_MEMORY):
        return _located("out_of_memory", "The function needs more memory than it may use.", position)
    return _located("crashed", f"The process that ran the function ended unexpectedly: {crash}.", position)


def _failure(error: ExecutionError, timings_ms: Mapping[str, float]) -> Outcome:
    return Outcome({}, error, timings_ms)
