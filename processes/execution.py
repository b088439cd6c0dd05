"""Runs a function's implementation: tables in, an Outcome out. The contract of `processes.runners`, and its one door.

    with Executor(Limits(wall_seconds=10)) as executor:
        outcome = executor.execute(ExecutionRequest("sql", {"totals": "SELECT ..."}, {"orders": table}, ("totals",)))

Nothing that a user wrote runs in this process: it runs in a child, and a child that misbehaves is replaced.
"""

from __future__ import annotations

import shutil
import stat
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from config.problems import Problem, nearest
from processes.runners import sql_rules
from processes.runners.contract import (
    Column,
    ExecutionError,
    ExecutionRequest,
    InputTable,
    Limits,
    Outcome,
    OutputTable,
    ParameterValue,
)
from processes.runners.isolation import AUTO, IsolationUnavailableError, choose_isolation
from processes.runners.messages import encode_parameter
from processes.runners.pool import Child, ChildCrashedError, remove_abandoned_directories

__all__ = [
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
    "check_definition",
]

_DEFINITION_CHECKS = {"sql": sql_rules.check_queries}
_SIGNS_OF_LACKING_MEMORY = ("bad_alloc", "cannot allocate memory", "MemoryError")
_CODES_THAT_END_A_CHILD = frozenset({"crashed", "out_of_memory", "timeout"})


def check_definition(
    kind: str,
    definition: Any,
    output_names: Iterable[str],
    parameter_names: Iterable[str],
    input_names: Iterable[str] | None = None,
) -> list[Problem]:
    """What is wrong in an implementation's definition, without running it: paths begin at the definition.

    sql: one query for each output port and none else; each parses, is one SELECT, calls no function that reaches out
    of it, and names only parameters that exist and, where ``input_names`` is given, only input ports.
    Costs about a millisecond for each query.
    """
    if kind not in _DEFINITION_CHECKS:
        return [Problem("", "unknown_kind", f"There is no kind {kind!r}; {nearest(kind, list(_DEFINITION_CHECKS))}")]
    return _DEFINITION_CHECKS[kind](definition, output_names, parameter_names, input_names)


class Executor:
    """Executes requests one after another on a warm child, which it starts when it is first needed.

    Output files belong to the Executor and live until its next ``execute`` or ``close``, whichever is first; with
    ``workdir`` they are moved there and belong to the caller. A child is replaced after ``cases_per_child`` cases, and
    after a crash, a timeout or lack of memory. One Executor to a thread is best: threads may share one, but take
    turns, and each change of thread starts a new child.

    ``isolation``: ``auto`` (bubblewrap where it works), ``bwrap`` (or raise IsolationUnavailableError) or ``none``.
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
    ) -> None:
        self.limits = limits or Limits()
        self.isolation = choose_isolation(isolation)
        """``bwrap`` or ``none``: what is in force."""
        self._work_root = work_root
        self._cases_per_child = cases_per_child
        self._child: Child | None = None
        self._lock = threading.Lock()
        remove_abandoned_directories(work_root)

    def __enter__(self) -> Executor:
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child and remove its files. The Executor may be used again and then starts another."""
        with self._lock:
            self._discard_child()

    def execute(self, request: ExecutionRequest, workdir: Path | None = None) -> Outcome:
        """Run a request within the limits. What goes wrong in it is the Outcome's error.

        Raises OSError when an input's file can't be read, and TypeError on a parameter of another type than
        ParameterValue: those are the caller's mistakes.
        """
        encoded = {name: encode_parameter(value) for name, value in request.parameters.items()}
        with self._lock:
            started = time.perf_counter()
            try:
                child = self._warm_child()
            except ChildCrashedError as crash:
                message = f"The process that runs functions could not start ({crash}): {crash.stderr[-500:].strip()}"
                return _failure(ExecutionError("start", "crashed", message), {})
            start_ms = (time.perf_counter() - started) * 1000
            outcome = self._execute_on(child, request, encoded, start_ms)
            if outcome.error:
                self._recover(child, outcome.error)
            return _move_outputs(outcome, workdir) if workdir else outcome

    def _warm_child(self) -> Child:
        if self._child and (not self._child.is_usable or self._child.case_count >= self._cases_per_child):
            self._discard_child()
        if self._child is None:
            self._child = Child(self.limits, self.isolation, self._work_root)
        self._child.clear()
        self._child.case_count += 1
        return self._child

    def _recover(self, child: Child, error: ExecutionError) -> None:
        """Free what a failed case took; where the child may not be sound any more, with the child."""
        if error.code in _CODES_THAT_END_A_CHILD:
            self._discard_child()
        else:
            child.clear()

    def _discard_child(self) -> None:
        if self._child:
            self._child.close()
            self._child = None

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
            if "error" in reply:
                error = reply["error"]
                return _failure(_located(error["code"], error["message"], [error["phase"], error["output"]]), timings)
            timings.update(load=link_ms + reply["load_ms"], execute=reply["execute_ms"])
            return Outcome(_outputs(child, request, reply), None, timings)
        except TimeoutError:
            message = f"Stopped after {self.limits.wall_seconds:g} seconds."
            return _failure(_located("timeout", message, position), timings)
        except ChildCrashedError as crash:
            return _failure(_crash_error(crash, position), timings)
        except (KeyError, TypeError, ValueError):  # a child that was taken over may answer anything
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
    }


def _outputs(child: Child, request: ExecutionRequest, reply: Mapping[str, Any]) -> dict[str, OutputTable]:
    outputs = {}
    for position, (name, output) in enumerate(zip(request.outputs, reply["outputs"], strict=True)):
        path = child.output_path(position)
        if not stat.S_ISREG(path.lstat().st_mode):  # a link could lead anywhere
            raise ValueError(path)
        columns = tuple((str(column), str(column_type)) for column, column_type in output["columns"])
        outputs[name] = OutputTable(path, columns, int(output["row_count"]))
    return outputs


def _move_outputs(outcome: Outcome, workdir: Path) -> Outcome:
    moved = {
        name: OutputTable(Path(shutil.move(table.path, workdir / table.path.name)), table.columns, table.row_count)
        for name, table in outcome.outputs.items()
    }
    return Outcome(moved, outcome.error, outcome.timings_ms)


def _located(code: str, message: str, position: list[str]) -> ExecutionError:
    phase, output = position
    return ExecutionError(phase, code, f"Output port {output!r}: {message}" if output else message, output)


def _crash_error(crash: ChildCrashedError, position: list[str]) -> ExecutionError:
    if any(sign in crash.stderr for sign in _SIGNS_OF_LACKING_MEMORY):
        return _located("out_of_memory", "The function needs more memory than it may use.", position)
    return _located("crashed", f"The process that ran the function ended unexpectedly: {crash}.", position)


def _failure(error: ExecutionError, timings_ms: Mapping[str, float]) -> Outcome:
    return Outcome({}, error, timings_ms)
