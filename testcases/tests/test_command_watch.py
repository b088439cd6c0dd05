"""run_testcases --watch: what makes it run again, what does not, and how it ends."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.contents import replace_rows
from catalog.models import Application, Configuration, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from processes.models import Function, ImplementationDefinition
from processes.tests.factories import FunctionFactory
from testcases.models import Run, TestCase
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

ROWS = [{"id": 1, "name": "ann", "amount": 2.5}]
Watch = Callable[..., tuple[str, str, int]]


@pytest.fixture
def function(application: Application) -> Function:
    shape = ObjectSchemaFactory.create(application=application, name="orders", primary_key=("id",))
    return FunctionFactory.create(
        name="keep", inputs={"orders": shape}, outputs={"kept": shape}, sql={"kept": "SELECT * FROM orders"}
    )


@pytest.fixture
def case(function: Function) -> TestCase:
    return TestCaseFactory.create(function=function, name="kept", inputs={"orders": ROWS}, outputs={"kept": ROWS})


@pytest.fixture
def watch(monkeypatch: Any) -> Watch:
    """Watch while these things happen, each when the command waits; then Ctrl-C."""

    def watched(*happening: Callable[[], object], arguments: tuple[str, ...] = ()) -> tuple[str, str, int]:
        coming = iter(happening)

        def wait(seconds: float) -> None:
            happens = next(coming, None)
            if happens is None:
                raise KeyboardInterrupt
            happens()

        monkeypatch.setattr("testcases.management.commands.run_testcases.time.sleep", wait)
        out, err, code = io.StringIO(), io.StringIO(), 0
        try:
            call_command("run_testcases", "--watch", *arguments, stdout=out, stderr=err)
        except SystemExit as ended:
            code = int(str(ended.code or 0))
        return out.getvalue(), err.getvalue(), code

    return watched


def sql(function: Function, query: str) -> None:
    function.define(implementations=[ImplementationDefinition("sql", "sql", {"kept": query})])


def test_nothing_that_happens_runs_nothing_again(watch: Watch, case: TestCase) -> None:
    _, err, code = watch(lambda: None, lambda: None)
    assert (Run.objects.count(), code) == (1, 0)
    assert err.count("Waiting for a change; Ctrl-C ends.") == 1


def changes(case: TestCase) -> dict[str, Callable[[], object]]:
    function = case.function

    def redefine_case() -> None:
        case.comparison = {"ignore": ["name"]}
        case.define()

    def add_parameter() -> None:
        function.parameters = [{"name": "least", "type": "number", "default": 1}]
        function.define()

    def import_behind_another() -> None:
        """A version whose time lies before that of the newest change, as of a long import."""
        table = case.inputs[0].table
        before = table.updated_at
        TableFactory.create(object=table.object)
        replace_rows(table, json_rows(ROWS))
        type(table)._default_manager.filter(pk=table.pk).update(updated_at=before)

    return {
        "the SQL": lambda: sql(function, "SELECT * FROM orders WHERE id = 1"),
        "a given table": lambda: replace_rows(case.inputs[0].table, json_rows([])),
        "an expected table": lambda: replace_rows(case.outputs[0].table, json_rows([])),
        "a long import": import_behind_another,
        "the options of a case": redefine_case,
        "the parameters of the function": add_parameter,
        "a new case": lambda: TestCaseFactory.create(function=function, inputs={"orders": []}, outputs={"kept": []}),
        "an implementation that goes": lambda: function.define(implementations=[]),
    }


@pytest.mark.parametrize("what", [*changes(TestCase(function=Function()))])
def test_what_a_case_sees_runs_it_again(watch: Watch, case: TestCase, what: str) -> None:
    watch(lambda: None, changes(case)[what], lambda: None)
    assert Run.objects.count() == 2


def test_a_configuration_runs_again_what_uses_it(watch: Watch, case: TestCase) -> None:
    used, other = (Configuration.objects.create(application=case.application, name=name) for name in ("used", "other"))

    def change(configuration: Configuration) -> Callable[[], object]:
        return lambda: Configuration.objects.filter(pk=configuration.pk).update(config={"changed": True})

    watch(change(other), change(used), arguments=("--configuration", "used"))
    assert Run.objects.count() == 2


def test_another_application_runs_nothing_again(watch: Watch, case: TestCase) -> None:
    other: ObjectSchema = ObjectSchemaFactory.create(application=Application.objects.create(name="other"))
    watch(lambda: TableFactory.create(object=other), arguments=("--application", case.application.name))
    assert Run.objects.count() == 1


def test_what_is_deleted_is_run_no_more_and_the_watch_goes_on(watch: Watch, case: TestCase) -> None:
    function = case.function

    def delete() -> None:
        case.delete()
        function.delete()

    def again() -> None:
        made = FunctionFactory.create(inputs={"given": ObjectSchemaFactory.create(application=function.application)})
        TestCaseFactory.create(function=made)

    out, err, code = watch(delete, again)
    assert "No test case is selected." in err
    assert out.count("1 test case in") == 2
    assert code == 0


def test_an_application_that_is_deleted_is_said_and_waited_for(watch: Watch, case: TestCase) -> None:
    empty = Application.objects.create(name="empty")
    with pytest.raises(CommandError, match="No test case is selected"):  # at first that is a mistake
        watch(arguments=("--application", "empty"))

    def delete() -> None:
        case.delete()
        empty.delete()

    code = watch(delete, arguments=("--application", "empty", "--application", case.application.name))[2]
    assert code == 2


def test_ctrl_c_ends_with_the_last_exit_code(watch: Watch, case: TestCase) -> None:
    assert watch(lambda: sql(case.function, "SELECT * FROM orders WHERE id > 1"))[2] == 1
    assert watch(lambda: sql(case.function, "SELECT * REPLACE (error('no') AS name) FROM orders"))[2] == 2
    assert watch(lambda: sql(case.function, "SELECT * FROM orders"))[2] == 0


def test_ctrl_c_in_a_run_cancels_it_and_keeps_the_last_exit_code(
    watch: Watch, case: TestCase, monkeypatch: Any
) -> None:
    def interrupted(*given: Any) -> None:
        raise KeyboardInterrupt

    def change() -> None:
        sql(case.function, "SELECT * FROM orders WHERE id > 1")
        monkeypatch.setattr("testcases.running.judge", interrupted)

    sql(case.function, "SELECT * REPLACE (error('no') AS name) FROM orders")
    assert watch(change)[2] == 2
    assert [run.state for run in Run.objects.order_by("id")] == ["finished", "cancelled"]
