"""Runs: every way in which a case can be judged, and what its Result keeps."""

from typing import Any

import pytest

from catalog.contents import replace_rows
from catalog.models import Application, ObjectSchema, Part
from catalog.reading import part_paths
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from processes.models import Function, ImplementationDefinition, PortDefinition
from processes.tests.factories import FunctionFactory
from testcases import recording
from testcases.models import Result, Run, TestCase
from testcases.runs import overall_verdict, run_test_cases, start_run
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

ORDERS = [
    {"name": "id", "type": "integer"},
    {"name": "customer", "type": "string"},
    {"name": "amount", "type": "number"},
]
TOTALS = [
    {"name": "customer", "type": "string", "constraints": {"required": True}},
    {"name": "total", "type": "number", "precision": 10, "scale": 2, "constraints": {"minimum": 0}},
]
SUM = "SELECT customer, sum(amount)::DECIMAL(10,2) AS total FROM orders GROUP BY customer"
GIVEN = [
    {"id": 1, "customer": "ann", "amount": 2.5},
    {"id": 2, "customer": "ann", "amount": 1},
    {"id": 3, "customer": "bob", "amount": 4},
]
EXPECTED = [{"customer": "bob", "total": 4}, {"customer": "ann", "total": 3.5}]


@pytest.fixture
def orders(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory.create(application=application, name="orders", attributes=ORDERS)


@pytest.fixture
def totals(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory.create(
        application=application, name="totals", attributes=TOTALS, primary_key=["customer"]
    )


@pytest.fixture
def function(orders: ObjectSchema, totals: ObjectSchema) -> Function:
    return FunctionFactory.create(inputs={"orders": orders}, outputs={"totals": totals}, sql={"totals": SUM})


def make_case(function: Function, expected: list[dict[str, Any]] = EXPECTED, **fields: Any) -> TestCase:
    return TestCaseFactory.create(function=function, inputs={"orders": GIVEN}, outputs={"totals": expected}, **fields)


def judge(*cases: TestCase, **options: Any) -> Result:
    """The Result of the last of these cases."""
    run = run_test_cases(cases[0].application, cases, **options)
    return run.results.get(test_case=cases[-1])


def with_query(function: Function, query: str) -> TestCase:
    function.define(implementations=[ImplementationDefinition("sql", "sql", {"totals": query})])
    return make_case(function)


def test_a_right_function_passes_whatever_the_order_of_the_rows(function):
    result = judge(make_case(function))
    assert (result.verdict, result.reason, result.message) == ("passed", "", "")


def test_a_wrong_function_fails_with_the_cells_that_differ(function):
    result = judge(make_case(function, [{"customer": "ann", "total": 9}, {"customer": "cyd", "total": 1}]))
    diff = result.outputs.get().diff
    assert (result.verdict, result.reason) == ("failed", "mismatch")
    assert result.message == "totals: actual differs from expected: 1 changed, 1 missing, 1 unexpected"
    assert {name: diff["counts"][name] for name in ("matched", "changed", "missing", "unexpected")} == {
        "matched": 0,
        "changed": 1,
        "missing": 1,
        "unexpected": 1,
    }
    changed = next(row for row in diff["rows"] if row["class"] == "changed")
    assert changed["key"] == {"customer": "ann"}
    assert str(changed["cells"]["total"]["expected"]) == "9.00"
    assert str(changed["cells"]["total"]["actual"]) == "3.50"


def test_the_actual_rows_are_kept(function):
    output = judge(make_case(function)).outputs.get()
    paths = part_paths([part.digest for part in output.parts.all()])
    assert output.row_count == 2
    assert [path.exists() for path in paths] == [True]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT customer FROM orders", "the attribute 'total' is missing"),
        ("SELECT customer, 1::DECIMAL(10,2) AS total, 2 AS extra FROM orders", "the column 'extra' is no attribute"),
        ("SELECT customer, 'x' AS total FROM orders", "total comes as VARCHAR; it must be a number"),
        ("SELECT customer, -amount::DECIMAL(10,2) AS total FROM orders WHERE id = 3", "the minimum is 0"),
        ("SELECT NULL::VARCHAR AS customer, 1 AS total", "customer is missing"),
        ("SELECT 'ann' AS customer, unnest([1, 2]) AS total", "Another row already has customer ann"),
        ("SELECT 'ann' AS customer, 0.001 AS total", "total is 0.001; it must be a number with at most 10 digits"),
    ],
)
def test_an_output_that_breaks_its_object_fails_and_says_how(function, query, message):
    result = judge(with_query(function, query))
    assert (result.verdict, result.reason) == ("failed", "invalid_output")
    assert message in result.message
    assert result.errors[0]["output"] == "totals"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT customer, 1 / (SELECT count(*) - 3 FROM orders)::INTEGER AS total, error('stop') FROM orders",
        "SELECT nothing FROM orders",
    ],
)
def test_a_query_that_breaks_is_an_error_and_the_next_case_is_judged(function, query, orders, totals):
    sound = make_case(
        FunctionFactory.create(inputs={"orders": orders}, outputs={"totals": totals}, sql={"totals": SUM})
    )
    broken = with_query(function, query)
    run = run_test_cases(function.application, [broken, sound])
    assert [(each.verdict, each.reason) for each in run.results.order_by("id")] == [
        ("error", "execution_error"),
        ("passed", ""),
    ]
    assert (run.verdict, run.counts) == ("error", {"passed": 1, "failed": 0, "error": 1, "skipped": 0})


def test_a_query_that_runs_for_ever_is_a_timeout(function, settings):
    settings.SANDBOX_WALL_SECONDS = 1
    endless = "SELECT 'a' AS customer, count(*) AS total FROM range(1000000) a, range(1000000) b, range(1000000) c"
    result = judge(with_query(function, endless))
    assert (result.verdict, result.reason) == ("error", "timeout")
    assert "Stopped after 1 seconds" in result.message


def test_a_disabled_case_is_skipped(function):
    result = judge(make_case(function, enabled=False))
    assert (result.verdict, result.reason) == ("skipped", "disabled")


def test_a_function_without_implementation_is_skipped(orders, totals):
    bare = FunctionFactory.create(inputs={"orders": orders}, outputs={"totals": totals}, sql=None)
    result = judge(make_case(bare))
    assert (result.verdict, result.reason) == ("skipped", "no_implementation")


def test_the_implementation_to_use_can_be_named(function):
    function.define(
        implementations=[
            ImplementationDefinition("right", "sql", {"totals": SUM}),
            ImplementationDefinition("wrong", "sql", {"totals": "SELECT 'x' AS customer, 1 AS total"}),
        ]
    )
    case = make_case(function)
    assert judge(case).verdict == "passed"
    assert judge(case, implementations=["wrong"]).verdict == "failed"
    assert judge(case, implementations=["none"]).reason == "no_implementation"


def test_a_case_that_expects_nothing_is_an_error(function, totals, orders):
    function.define(outputs=[PortDefinition("totals", totals, required=False)])
    case = TestCase(function=function, name="expects nothing")
    case.define([_bound("orders", orders)], [])
    assert judge(case).reason == "invalid_expected"


def test_an_optional_input_without_a_table_is_empty(function, orders, totals):
    function.define(inputs=[PortDefinition("orders", orders, required=False)])
    case = TestCase(function=function, name="nothing given")
    case.define([], [_bound("totals", totals)])
    assert judge(case).verdict == "passed"


def _bound(name: str, shape: ObjectSchema):
    from testcases.models.cases import BindingDefinition

    return BindingDefinition(name, TableFactory.create(object=shape))


def test_parameters_have_defaults_and_a_case_can_give_others(orders, totals):
    function = Function(
        application=orders.application,
        name="above",
        parameters=[{"name": "least", "type": "number", "default": 3}, {"name": "day", "type": "date"}],
    )
    function.full_clean()
    query = f"{SUM} HAVING sum(amount) > $least AND ($day IS NULL OR $day > DATE '2000-01-01')"
    function.define(
        [PortDefinition("orders", orders)],
        [PortDefinition("totals", totals)],
        [ImplementationDefinition("sql", "sql", {"totals": query})],
    )
    assert judge(make_case(function)).verdict == "passed"
    assert judge(make_case(function, EXPECTED[:1], parameters={"least": 3.9, "day": "2026-01-31"})).verdict == "passed"
    assert judge(make_case(function, [], parameters={"day": "1999-01-31"})).verdict == "passed"


def test_options_of_comparison_are_honoured(function):
    off = [{"customer": "ann", "total": 3.51}, {"customer": "bob", "total": 4}]
    assert judge(make_case(function, off)).verdict == "failed"
    assert judge(make_case(function, off, comparison={"abs_tol": 0.02})).verdict == "passed"
    assert judge(make_case(function, off, comparison={"ignore": ["total"]})).verdict == "passed"
    assert judge(make_case(function, off[1:], comparison={"mode": "subset"})).verdict == "passed"


def test_a_key_that_is_ignored_does_not_match_rows(function):
    renamed = [{"customer": "cyd", "total": 3.5}, {"customer": "dan", "total": 4}]
    assert judge(make_case(function, renamed, comparison={"ignore": ["customer"]})).verdict == "passed"


def test_a_result_pins_what_it_saw_and_is_stale_when_that_changes(function):
    case = make_case(function)
    result = judge(case)
    pins = {pin.port_name: pin.table_version.number for pin in result.pins.all()}
    assert pins == {"orders": 1, "totals": 1}
    assert not result.is_stale
    replace_rows(case.inputs[0].table, json_rows(GIVEN))
    assert Result.objects.get(pk=result.pk).is_stale


def test_a_result_is_stale_when_its_implementation_changed(function):
    result = judge(make_case(function))
    function.define(implementations=[ImplementationDefinition("sql", "sql", {"totals": SUM + " ORDER BY 1"})])
    assert Result.objects.get(pk=result.pk).is_stale


def test_a_cache_that_is_emptied_during_a_run_fills_again(function, parts_cache):
    cases = [make_case(function) for _ in range(3)]
    for path in parts_cache.rglob("*.parquet"):
        path.unlink()

    def empty_the_cache(done: int, total: int, result: Result) -> None:
        for path in parts_cache.rglob("*.parquet"):
            path.unlink()

    run = run_test_cases(function.application, cases, progress=empty_the_cache)
    assert run.counts["passed"] == 3
    assert judge(cases[0]).verdict == "passed"


def test_progress_is_told_for_every_case(function):
    told = []
    cases = [make_case(function) for _ in range(3)]
    run_test_cases(function.application, cases, progress=lambda done, total, result: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_run_is_executed_once(function):
    from testcases.runs import execute_run

    run = start_run(function.application, [make_case(function)])
    assert execute_run(run).state == Run.State.FINISHED
    execute_run(Run.objects.get(pk=run.pk))
    assert run.results.count() == 1


def test_a_run_that_is_interrupted_is_cancelled_and_keeps_what_was_judged(function):
    def stop(done: int, total: int, result: Result) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_test_cases(function.application, [make_case(function)], progress=stop)
    run = Run.objects.get()
    assert (run.state, run.passed, run.results.count()) == ("cancelled", 1, 1)


def test_a_run_over_many_cases_costs_few_queries(function, django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr(recording, "WRITE_INTERVAL_SECONDS", 3600)  # however slow the machine
    cases = [make_case(function) for _ in range(12)]
    with django_assert_max_num_queries(40):
        run_test_cases(function.application, cases)


def test_equal_outputs_are_stored_once(function):
    case = with_query(function, SUM + " ORDER BY customer")
    run_test_cases(function.application, [case])
    before = Part.objects.count()
    run_test_cases(function.application, [case])
    assert Part.objects.count() == before


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ({"passed": 3, "failed": 1, "error": 1, "skipped": 0}, "error"),
        ({"passed": 3, "failed": 1, "error": 0, "skipped": 2}, "failed"),
        ({"passed": 3, "failed": 0, "error": 0, "skipped": 2}, "passed"),
        ({"passed": 0, "failed": 0, "error": 0, "skipped": 2}, "skipped"),
    ],
)
def test_the_verdict_of_a_run_is_its_worst(counts, verdict):
    assert overall_verdict(counts) == verdict
