"""Options, collection and items: each test case of the server is a test."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pytest_exemplar.implementation import (
    ClockError,
    EntryError,
    arguments_of,
    find_entry,
    form_of,
    frozen,
    outputs_as_json,
)
from pytest_exemplar.server import Server, ServerError, find_cases, find_function
from pytest_exemplar.tables import FORMS, OutputError, make_table
from pytest_exemplar.values import as_json, read_row
from pytest_exemplar.wording import explanation

OPTIONS = {
    "function": "the function whose test cases are run, as in demo/customers",
    "implementation": "the function of Python that is tested, as in package.module:function",
    "tag": "only test cases with this tag",
    "case": "only test cases of this name, or pattern of names",
    "tables": f"how tables are given: {', '.join(FORMS)}; by default as the first argument is annotated",
}
HERE = Path(__file__).parent
WORKER_RUN = "exemplar_run"
KIND_CHARACTERS, MESSAGE_CHARACTERS = 200, 20_000
KEPT = pytest.StashKey["Exemplar"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Each option is an ini option too; the command line wins."""
    group = parser.getgroup("exemplar", "test cases of an Exemplar server")
    group.addoption("--exemplar", metavar="URL", help="the server, as in http://127.0.0.1:8000")
    parser.addini("exemplar", "the Exemplar server", default="")
    for name, said in OPTIONS.items():
        group.addoption(f"--exemplar-{name}", metavar=name.upper(), help=said)
        parser.addini(f"exemplar_{name}", said, default="")
    group.addoption("--exemplar-no-report", action="store_true", help="delete the run at the end")


def _option(config: pytest.Config, name: str) -> str:
    given = config.getoption(name)
    return str(config.getini(name) if given is None else given)


def pytest_configure(config: pytest.Config) -> None:
    """Look at all that is named before anything is collected: a mistake is a usage error, exit code 4."""
    url = _option(config, "exemplar")
    if not url or config.getoption("help", False):
        return
    try:
        config.stash[KEPT] = Exemplar(config, url)
    except (ServerError, EntryError) as error:
        raise pytest.UsageError(str(error)) from error


class Exemplar:
    """What is tested, the test cases, and the Run that their results go to."""

    def __init__(self, config: pytest.Config, url: str) -> None:
        given = {name: _option(config, f"exemplar_{name}") for name in OPTIONS}
        for name in ("function", "implementation"):
            if not given[name]:
                raise EntryError(f"--exemplar needs --exemplar-{name}: {OPTIONS[name]}.")
        folder = str(config.invocation_params.dir)
        if folder not in sys.path:
            sys.path.append(folder)
        self.name = given["implementation"]
        self.entry = find_entry(self.name)
        self.form = given["tables"] or form_of(self.entry)
        if self.form not in FORMS:
            raise EntryError(f"--exemplar-tables is one of {', '.join(FORMS)}, not {self.form!r}.")
        if find_spec(FORMS[self.form]) is None:
            raise EntryError(f"{self.name} wants tables of {self.form}, but {FORMS[self.form]} is not installed.")
        self.server = Server(url)
        self.function = find_function(self.server, given["function"])
        self.cases = find_cases(self.server, self.function, given["tag"], given["case"])
        self.run_id: str = getattr(config, "workerinput", {}).get(WORKER_RUN, "")
        self.is_worker = hasattr(config, "workerinput")
        self.is_kept = not config.getoption("exemplar_no_report")
        self.ended: Mapping[str, Any] = {}
        self._tables: dict[str, tuple[int, list[dict[str, Any]]]] = {}

    def begin(self, cases: Iterable[Mapping[str, Any]]) -> str:
        """The id of the Run, which is begun over these cases if there is none yet."""
        if not self.run_id:
            body = {
                "application": self.function.application,
                "test_cases": [case["id"] for case in cases],
                "implementation": self.name,
            }
            self.run_id = self.server.post("runs/reported", json.dumps(body))["id"]
        return self.run_id

    def end(self, is_whole: bool) -> None:
        """Finish the Run, or cancel it where pytest was interrupted, or delete it where none is wanted."""
        if not self.run_id or self.is_worker:
            return
        self.ended = self.server.post(f"runs/{self.run_id}/{'finish' if is_whole else 'cancel'}")
        if not self.is_kept:
            self.server.delete(f"runs/{self.run_id}")

    def inputs(self, case: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """A table for each input port, and the versions that were read; an optional port without a table is empty."""
        bound = {each["name"]: each["table"] for each in case["inputs"]}
        tables, pins = [], {}
        for port in self.function.inputs:
            rows: list[dict[str, Any]] = []
            if port.name in bound:
                version, found = self._read(bound[port.name])
                pins[port.name] = {"table": bound[port.name], "version": version}
                rows = [read_row(row, port.attributes) for row in found]
            tables.append(make_table(rows, port.attributes, self.form))
        return tables, {"inputs": pins}

    def _read(self, table: str) -> tuple[int, list[dict[str, Any]]]:
        """The newest version of a table and its rows; asked for once."""
        if table not in self._tables:
            version = int(self.server.get(f"tables/{table}")["version"])
            self._tables[table] = version, self.server.rows(table, version)
        return self._tables[table]


class FunctionNode(pytest.Collector):
    """The function whose test cases are collected."""

    def collect(self) -> Iterable[pytest.Item]:
        kept = self.config.stash[KEPT]
        return [TestCaseItem.from_parent(self, name=case["name"], case=case) for case in kept.cases]


class NotPassedError(Exception):
    """The server's verdict is not `passed`."""


class TestCaseItem(pytest.Item):
    """A test case: its inputs are read, the implementation is called, and the server judges."""

    __test__ = False

    def __init__(self, *, case: Mapping[str, Any], **known: Any) -> None:
        super().__init__(**known)
        self.case = case
        for tag in case["tags"]:
            self.keywords[tag] = True
            self.extra_keyword_matches.add(tag)

    def runtest(self) -> None:
        kept = self.config.stash[KEPT]
        chosen = [item.case for item in self.session.items if isinstance(item, TestCaseItem)]
        try:
            run = kept.begin(chosen)
            members, raised = self._called(kept) if self.case["enabled"] else ({"outputs": "{}"}, None)
            said = ", ".join(f"{json.dumps(name)}: {text}" for name, text in members.items())
            result = kept.server.post(f"runs/{run}/results", f'{{"test_case": {json.dumps(self.case["id"])}, {said}}}')
            if result["verdict"] == "skipped":
                pytest.skip(result["message"])
            if result["verdict"] != "passed":
                diff = kept.server.get(f"results/{result['id']}/diff")
                raise NotPassedError(explanation(result, diff)) from raised
        except ServerError as error:
            raise NotPassedError(str(error)) from None

    def _called(self, kept: Exemplar) -> tuple[dict[str, str], BaseException | None]:
        """What is to be reported, each member as JSON, and the exception that ended the function."""
        started = time.perf_counter()
        tables, pins = kept.inputs(self.case)
        arguments = arguments_of(kept.function, self.case["parameters"])
        loaded = time.perf_counter()
        given: Any = None
        raised: BaseException | None = None
        try:
            with frozen(self.case["clock"]):
                given = kept.entry(*tables, **arguments)
        except ClockError as error:
            pytest.skip(str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the implementation does
            raised = error
        spent = {"load": (loaded - started) * 1000, "execute": (time.perf_counter() - loaded) * 1000}
        members = {"pins": as_json(pins), "timings_ms": as_json(spent)}
        if raised:
            return {**members, "error": _error_as_json(type(raised).__name__, str(raised))}, raised
        try:
            return {**members, "outputs": outputs_as_json(kept.function, given)}, None
        except OutputError as error:
            return {**members, "error": _error_as_json("invalid_output", str(error))}, None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What the server says; and the way to the error where the implementation raised one."""
        if not isinstance(excinfo.value, NotPassedError):
            return super().repr_failure(excinfo, style)
        said = str(excinfo.value)
        cause = excinfo.value.__cause__
        if cause is None:
            return said
        trace = pytest.ExceptionInfo.from_exception(cause)
        own = [entry for entry in trace.traceback if Path(entry.path).parent != HERE]
        if own:
            trace.traceback = type(trace.traceback)(own)
        return f"{said}\n\n{trace.getrepr(style='short')}"

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """The test's place, which is no file."""
        return self.path, None, f"{self.config.stash[KEPT].function.path}: {self.name}"


def _error_as_json(kind: str, message: str) -> str:
    said = message.encode("utf-8", "replace").decode().replace("\0", "\\0")
    return json.dumps({"kind": kind[:KIND_CHARACTERS], "message": said[:MESSAGE_CHARACTERS]})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the test cases behind the other tests, before pytest leaves out what `-k` or `-m` doesn't ask for."""
    kept = config.stash.get(KEPT, None)
    if kept is not None:
        node = FunctionNode.from_parent(session, name=kept.function.path, nodeid=f"exemplar::{kept.function.path}")
        found: list[pytest.Item | pytest.Collector] = list(node.collect())
        report = pytest.CollectReport(nodeid=node.nodeid, outcome="passed", longrepr=None, result=found)
        config.hook.pytest_collectreport(report=report)  # or the terminal counts none of them
        items.extend(each for each in found if isinstance(each, pytest.Item))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All workers of pytest-xdist report to one Run."""
    kept = node.config.stash.get(KEPT, None)
    if kept is not None:
        try:
            node.workerinput[WORKER_RUN] = kept.begin(kept.cases)
        except ServerError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """End the Run."""
    kept = session.config.stash.get(KEPT, None)
    if kept is not None:
        try:
            kept.end(exitstatus != pytest.ExitCode.INTERRUPTED)
        except ServerError as error:
            kept.ended = {"error": str(error)}


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Where the Run is."""
    kept = config.stash.get(KEPT, None)
    if kept is None or not kept.ended:
        return
    if "error" in kept.ended:
        terminalreporter.write_line(f"exemplar: the run {kept.run_id} could not be ended: {kept.ended['error']}")
    elif kept.is_kept:
        counts = ", ".join(f"{number} {verdict}" for verdict, number in kept.ended["counts"].items() if number)
        terminalreporter.write_line(f"exemplar: {kept.server.url}/runs/{kept.run_id}/ {counts or 'no result'}")
