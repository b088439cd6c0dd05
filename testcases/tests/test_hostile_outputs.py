"""What hostile functions give and say, through a Run: a verdict each time, also of what no database keeps."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from catalog.models import Application
from catalog.tests.factories import ObjectSchemaFactory
from processes.models import Function, ImplementationDefinition
from processes.runners.isolation import choose_isolation
from processes.tests.factories import FunctionFactory
from testcases.models import Result
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

ATTRIBUTES = [{"name": "x", "type": "string", "constraints": {"maxLength": 5}}, {"name": "y", "type": "integer"}]
MODULE = """
    import os, sys

    def says_nul(given): raise ValueError("a\\0b")
    def says_half_a_pair(given): raise ValueError("a\\ud800b")
    def prints_nul(given): print("a\\0b\\ud800"); return [{"x": "ok", "y": 1}]
    def gives_nul(given): return [{"x": "a\\0b", "y": 1}]
    def gives_long_nul(given): return [{"x": "a\\0b" * 5, "y": 1}]
    def gives_half_a_pair(given): return [{"x": "a\\ud800", "y": 1}]
    def names_nul(given): return [{"x": "ok", "y": 1, "z\\0": 1}]
    def names_half_a_pair(given): return [{"x": "ok", "y": 1, "z\\ud800": 1}]
    def names_nothing(given): return [{"x": "ok", "y": 1, "": 1}]
    def is_named_oddly(given):
        class Meta(type):
            __name__ = property(lambda cls: "N\\0\\ud800")
        class Odd(Exception, metaclass=Meta): pass
        raise Odd("x")
    def forges_timings(given):
        for number in range(3, 20):
            try: os.write(number, b'{"reply": {"load_ms": NaN}}\\n')
            except OSError: pass
        return [{"x": "ok", "y": 1}]
    def forges_an_error(given):
        for number in range(3, 20):
            try: os.write(number, b'{"reply": {"error": {"code": "x\\\\u0000", "message": {"a": 1}, "output": 7}}}\\n')
            except OSError: pass
        os._exit(0)
    def gives_infinity(given): return [{"x": "ok", "y": float("inf")}]
    def fine(given): return [{"x": "ok", "y": 1}]
"""


@pytest.fixture
def function(application: Application, tmp_path: Path, settings: Any) -> Function:
    if choose_isolation("auto") == "none":
        pytest.skip("bubblewrap doesn't work here")
    (tmp_path / "hostile.py").write_text(dedent(MODULE))
    settings.PYTHON_ENTRIES, settings.PYTHON_PATH = ["hostile"], [str(tmp_path)]
    shape = ObjectSchemaFactory.create(application=application, name="pairs", attributes=ATTRIBUTES)
    return FunctionFactory.create(inputs={"given": shape}, outputs={"out": shape}, sql=None)


def judge(function: Function, *implementations: ImplementationDefinition) -> dict[str, Result]:
    """The Results of one case with each implementation, by its name, of one Run."""
    function.define(implementations=list(implementations))
    case = TestCaseFactory.create(function=function, outputs={"out": [{"x": "ok", "y": 1}]})
    names = [each.name for each in implementations]
    run = run_test_cases(case.application, [case], implementations=names)
    return {result.implementation_name: result for result in run.results.all()}


def test_what_no_database_keeps_ends_no_run(function: Function, client: Client, settings: Any) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    expected = {
        "says_nul": ("error", "execution_error"),
        "says_half_a_pair": ("error", "execution_error"),
        "prints_nul": ("passed", ""),
        "gives_nul": ("failed", "mismatch"),
        "gives_long_nul": ("failed", "invalid_output"),
        "gives_half_a_pair": ("failed", "invalid_output"),
        "names_nul": ("failed", "invalid_output"),
        "names_half_a_pair": ("failed", "invalid_output"),
        "names_nothing": ("failed", "invalid_output"),
        "is_named_oddly": ("error", "execution_error"),
        "forges_timings": ("passed", ""),
        "forges_an_error": ("error", "execution_error"),
        "gives_infinity": ("failed", "invalid_output"),
        "fine": ("passed", ""),
    }
    found = judge(
        function, *(ImplementationDefinition(name, "python", {"entry": f"hostile:{name}"}) for name in expected)
    )
    assert {name: (result.verdict, result.reason) for name, result in found.items()} == expected
    for result in found.values():
        assert APIClient().get(f"/api/v1/results/{result.pk}").status_code == 200
        assert client.get(f"/results/{result.pk}").status_code == 200
