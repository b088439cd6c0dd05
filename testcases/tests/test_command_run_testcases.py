"""run_testcases: verdicts, differences, exit codes."""

import io
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory
from processes.models import Function, ImplementationDefinition
from processes.tests.factories import FunctionFactory
from testcases.models import Result, Run
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

ROWS = [{"id": 1, "name": "ann", "amount": 2.5}, {"id": 2, "name": "bob", "amount": 3}]


@pytest.fixture
def shape(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory.create(application=application, name="orders", primary_key=("id",))


@pytest.fixture
def keep(shape: ObjectSchema) -> Function:
    """A function that gives what it takes."""
    return make_function(shape, "keep", "SELECT * FROM orders")


def make_function(shape: ObjectSchema, name: str, query: str) -> Function:
    return FunctionFactory.create(
        application=shape.application,
        name=name,
        inputs={"orders": shape},
        outputs={"kept": shape},
        sql={"kept": query},
    )


def make_case(function: Function, name: str, expected: Any = ROWS, **fields: Any) -> Any:
    return TestCaseFactory.create(
        function=function, name=name, inputs={"orders": ROWS}, outputs={"kept": expected}, **fields
    )


def run(*arguments: str) -> tuple[str, str, int]:
    """What is printed, also beside it, and the exit code."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("run_testcases", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return out.getvalue(), err.getvalue(), code


def names(out: str) -> list[str]:
    """The test cases of the verdict table."""
    table = out.split("\n\n")[0].splitlines()[2:]
    return [line.split("  ")[0] for line in table if line]


def test_a_case_that_passes_exits_with_0_and_draws_no_bar_where_no_terminal_is(keep: Function) -> None:
    make_case(keep, "same")
    out, err, code = run()
    assert code == 0
    assert out.splitlines()[2].split()[:5] == ["same", "keep", "passed", "2", "matched"]
    assert "1 test case in " in out
    assert ": 1 passed, 0 failed, 0 error, 0 skipped." in out
    assert err == ""


def test_a_case_that_fails_exits_with_1_and_shows_each_cell(keep: Function) -> None:
    expected = [{"id": 1, "name": "ann", "amount": 9}, {"id": 3, "name": None}]
    make_case(keep, "other", expected)
    out, _, code = run()
    assert code == 1
    assert "1 changed, 1 missing, 1 unexpected" in out.splitlines()[2]
    shown = out.split("\n\n")[1].splitlines()
    assert shown == [
        "other: failed (mismatch)",
        "  kept: actual differs from expected: 1 changed, 1 missing, 1 unexpected",
        "    changed  id: 1",
        "        amount: 9.00 -> 2.50",
        *shown[4:],
    ]
    assert any(line.startswith("    missing  id: 3, name: null") for line in shown)
    assert any(line.startswith('    unexpected  id: 2, name: "bob"') for line in shown)


def test_the_listing_of_a_difference_ends_and_says_how_many_rows_more_differ(keep: Function) -> None:
    make_case(keep, "other", [{"id": number} for number in range(10, 40)])
    out, _, _ = run("--diff-rows", "5")
    assert "    ... and 27 rows more that differ" in out
    assert out.count("missing  id:") + out.count("unexpected  id:") == 5


def test_a_case_that_can_not_be_judged_exits_with_2_and_says_why(shape: ObjectSchema, keep: Function) -> None:
    make_case(keep, "same")
    make_case(make_function(shape, "broken", "SELECT 1/0 AS id, error('out of milk') AS name, 1 AS amount"), "bad")
    out, _, code = run()
    assert code == 2
    assert "bad: error (execution_error)" in out
    assert "out of milk" in out
    assert ": 1 passed, 0 failed, 1 error, 0 skipped." in out


def test_criteria_of_one_kind_are_alternatives_and_kinds_add_up(shape: ObjectSchema, keep: Function) -> None:
    other = make_function(shape, "also", "SELECT * FROM orders")
    make_case(keep, "a", tags=["small"])
    make_case(keep, "b", tags=["large"])
    make_case(other, "c", tags=["small", "slow"])
    assert names(run("--function", "keep")[0]) == ["a", "b"]
    assert names(run("--tag", "large", "--tag", "slow")[0]) == ["c", "b"]
    assert names(run("--name", "a", "--name", "c", "--function", "also")[0]) == ["c"]
    assert names(run("--application", "test", "--tag", "small")[0]) == ["c", "a"]
    assert Run.objects.count() == 4


def test_each_application_has_a_run_of_its_own(keep: Function) -> None:
    make_case(keep, "a")
    elsewhere = ObjectSchemaFactory.create(application=Application.objects.get(name="demo"), name="orders")
    make_case(make_function(elsewhere, "keep", "SELECT * FROM orders"), "b")
    assert names(run()[0]) == ["b", "a"]
    assert {run.application.name: run.total for run in Run.objects.all()} == {"demo": 1, "test": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--application", "tset"], "There is no application 'tset'; did you mean 'test'?"),
        (["--function", "kep"], "There is no function 'kep' to run; did you mean 'keep'?"),
        (["--name", "sam"], "There is no test case 'sam' to run; did you mean 'same'?"),
        (["--tag", "unheard"], "No test case is selected."),
        (["--application", "demo"], "No test case is selected."),
    ],
)
def test_what_selects_nothing_exits_with_2_and_runs_nothing(keep: Function, arguments: list[str], message: str) -> None:
    make_case(keep, "same")
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert (str(refused.value), refused.value.returncode) == (message, 2)
    assert (Run.objects.count(), Result.objects.count()) == (0, 0)


def test_json_has_the_same_verdicts_and_exact_numbers(keep: Function) -> None:
    make_case(keep, "same")
    make_case(keep, "other", [{"id": 1, "name": "ann", "amount": 9}])
    out, _, code = run("--output", "json")
    answer = json.loads(out, parse_float=Decimal)
    assert code == 1
    assert (answer["verdict"], answer["counts"]["passed"], answer["counts"]["failed"]) == ("failed", 1, 1)
    [other] = [result for result in answer["runs"][0]["results"] if result["test_case"] == "other"]
    [changed] = [row for row in other["outputs"][0]["rows"] if row["class"] == "changed"]
    assert changed["cells"] == {"amount": {"expected": Decimal("9.00"), "actual": Decimal("2.50")}}


def test_names_can_not_move_the_cursor(keep: Function) -> None:
    query = "SELECT error(chr(27) || '[2J') AS id, name, amount FROM orders"
    function = make_function(keep.outputs[0].object, "quiet", query)
    make_case(function, "bad")
    assert "\033" not in run()[0]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_goes_away(keep: Function) -> None:
    make_case(keep, "same")
    err = _Terminal()
    call_command("run_testcases", stdout=io.StringIO(), stderr=err)
    assert "[########################] 1/1 same" in err.getvalue()
    assert err.getvalue().endswith("\r\033[K")


def test_several_implementations_are_a_grid(keep: Function) -> None:
    make_case(keep, "same")
    keep.define(
        implementations=[
            ImplementationDefinition("right", "sql", {"kept": "SELECT * FROM orders"}),
            ImplementationDefinition("wrong", "sql", {"kept": "SELECT * FROM orders LIMIT 1"}),
        ]
    )
    out, _, code = run("--implementation", "*", "--jobs", "2")
    assert (code, ": 1 passed, 1 failed, 0 error, 0 skipped." in out) == (1, True)
    assert run("--implementation", "right")[2] == 0
    assert run("--implementation", "wrong")[2] == 1
    assert run("--last", "failed", "--implementation", "right")[2] == 0


def test_what_makes_the_exit_code_can_be_chosen(keep: Function) -> None:
    make_case(keep, "other", [])
    assert run("--fail-on", "error")[2] == 0
    assert run("--fail-on", "failed")[2] == 1
    assert run("--fail-on", "flaky")[2] == 0


def test_junit_and_github_are_for_machines(keep: Function) -> None:
    make_case(keep, "50%: other", [])
    out, _, code = run("--output", "junit")
    assert (code, out.count("<failure "), out.startswith("<?xml")) == (1, 1, True)
    out, _, _ = run("--output", "github")
    assert out.splitlines()[0].startswith("::error title=keep%3A 50%25%3A other::failed (mismatch): kept: actual")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--implementation", "sqll"], "did you mean 'sql'?"),
        (["--last", "fialed"], "did you mean 'failed'?"),
        (["--configuration", "local"], "has no configuration 'local'"),
        (["--jobs", "0"], "from 1 to 256"),
    ],
)
def test_wrong_usage_is_said_with_the_nearest_name(keep: Function, arguments: list[str], message: str) -> None:
    make_case(keep, "same")
    with pytest.raises(CommandError, match=re.escape(message)) as refused:
        run(*arguments)
    assert refused.value.returncode == 2
