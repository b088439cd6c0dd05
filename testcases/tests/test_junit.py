"""Runs as JUnit's XML, as the readers of CI take it."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from django.core.management import call_command

from catalog.models import Application
from catalog.tests.factories import ApplicationFactory, ObjectSchemaFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.junit import junit_xml
from testcases.models import Result, Run, TestCase
from testcases.tests.factories import TestCaseFactory

# The attributes that https://github.com/jenkinsci/xunit-plugin (junit-10.xsd) has.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {
        *("name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id"),
        "package",
    },
    "testcase": {"name", "assertions", "time", "classname", "status"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}


def document(runs: Sequence[tuple[Run, Sequence[Result]]]) -> ElementTree.Element:
    return ElementTree.fromstring("".join(junit_xml(runs)))


def results(run: Run) -> list[Result]:
    case = TestCase(name="50% <b> & \"both\" 'ends'", function=Function(name="orders"))
    given = [
        ("passed", "", ""),
        ("failed", "mismatch", "totals: differ\nin ]]> two lines"),
        ("error", "execution_error", "a bell \a, an escape \x1b[31m, \ud800 and \uffff"),
        ("skipped", "disabled", "The test case is disabled."),
    ]
    return [
        Result(run=run, test_case=case, implementation_name="sql", verdict=verdict, reason=reason, message=message)
        for verdict, reason, message in given
    ]


def test_a_document_has_only_what_readers_know_and_true_counts() -> None:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    run = Run(application=Application(name="demo"), started_at=moment, finished_at=moment)
    run.passed = run.failed = run.error = run.skipped = 1
    root = document([(run, results(run)), (run, results(run))])
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("8", "2", "2")
    for suite in root:
        for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert len(suite.findall(f"testcase/{tag}")) == int(suite.attrib[attribute]) == 1
        assert len(suite.findall("testcase")) == int(suite.attrib["tests"]) == 4
        assert suite.get("timestamp") == "2026-11-20T00:00:00"


def test_text_comes_through_whole_but_for_what_xml_can_not_hold() -> None:
    run = Run(application=Application(name="demo"))
    _, failed, error, _ = document([(run, results(run))]).findall("testsuite/testcase")
    assert failed.get("name") == "50% <b> & \"both\" 'ends'"
    assert (failed[0].get("message"), failed[0].text) == ("totals: differ\nin ]]> two lines",) * 2
    assert error[0].text == "a bell \ufffd, an escape \ufffd[31m, \ufffd and \ufffd"


@pytest.mark.django_db
def test_cases_of_several_applications_are_one_document() -> None:
    for application in (ApplicationFactory.create(name="one"), ApplicationFactory.create(name="two")):
        shape = ObjectSchemaFactory.create(
            application=application, name="things", attributes=[{"name": "id", "type": "integer"}]
        )
        function = FunctionFactory.create(name="same", inputs={"given": shape}, outputs={"result": shape})
        TestCaseFactory.create(function=function, inputs={"given": [{"id": 1}]}, outputs={"result": [{"id": 1}]})
    out = io.StringIO()
    call_command("run_testcases", "--output", "junit", stdout=out, stderr=io.StringIO())
    root = ElementTree.fromstring(out.getvalue())
    assert [suite.get("name") for suite in root] == ["one", "two"]
    assert root.get("tests") == "2"
