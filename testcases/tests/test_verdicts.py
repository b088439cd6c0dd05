"""Expected errors, clocks, the grid of implementations, flags, resuming and stopping of Runs."""

from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from catalog.contents import replace_rows
from catalog.models import Configuration
from catalog.tests.factories import json_rows
from processes.models import Function, ImplementationDefinition
from testcases.history import compare_runs, history_of, trend_of
from testcases.models import Result, Run, TestCase
from testcases.runs import How, execute_run, run_test_cases, start_run
from testcases.selection import Criteria, select_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

GIVEN = [{"customer": 1, "amount": 2.5}, {"customer": 1, "amount": 1}, {"customer": 2, "amount": 4}]
EXPECTED = [{"id": 1, "total": 3.5}, {"id": 2, "total": 4}]
BROKEN = "SELECT 1 AS id, CAST(error('out of milk') AS DECIMAL(12, 2)) AS total FROM orders"


def make_case(function: Function, expected: Any = EXPECTED, **fields: Any) -> TestCase:
    return TestCaseFactory.create(function=function, inputs={"orders": GIVEN}, outputs={"totals": expected}, **fields)


def use(function: Function, **queries: str) -> None:
    function.define(
        implementations=[ImplementationDefinition(name, "sql", {"totals": text}) for name, text in queries.items()]
    )


def judge(case: TestCase, **options: Any) -> Result:
    return run_test_cases(case.application, [case], **options).results.get()


@pytest.mark.parametrize(
    ("expected", "verdict", "reason"),
    [
        ({"pattern": ".*out of milk"}, "passed", ""),
        ({"pattern": "out of milk", "match": "part"}, "passed", ""),
        ({"pattern": "out of milk"}, "failed", "unexpected_error"),
        ({"kind": "execution_error"}, "passed", ""),
        ({"kind": "timeout"}, "failed", "unexpected_error"),
    ],
)
def test_an_expected_error_is_matched_by_kind_and_pattern(sum_orders, expected, verdict, reason):
    use(sum_orders, sql=BROKEN)
    result = judge(make_case(sum_orders, expected_error=expected))
    assert (result.verdict, result.reason) == (verdict, reason)
    assert "out of milk" in result.message or verdict == "passed"


def test_a_function_that_ends_well_where_an_error_is_expected_fails(sum_orders):
    result = judge(make_case(sum_orders, expected_error={"pattern": ".*"}))
    assert (result.verdict, result.reason) == ("failed", "expected_error_not_raised")


def test_where_an_error_is_expected_outputs_need_no_tables(sum_orders):
    use(sum_orders, sql=BROKEN)
    case = make_case(sum_orders)
    case.expected_error = {"kind": "execution_error"}
    case.define(outputs=[])
    assert judge(case).verdict == "passed"
    case.expected_error = {}
    with pytest.raises(ValidationError) as refused:
        case.define()
    assert refused.value.error_dict["outputs"][0].code == "port_missing"


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ([], "type"),
        ({"patern": "x"}, "unknown_property"),
        ({"pattern": "("}, "pattern"),
        ({"pattern": 7}, "type"),
        ({"pattern": "x", "match": "some"}, "enum"),
        ({"match": "part"}, "required"),
    ],
)
def test_an_expected_error_that_says_nothing_sound_is_refused(sum_orders, expected, code):
    case = TestCase(function=sum_orders, name="broken", expected_error=expected)
    with pytest.raises(ValidationError) as refused:
        case.full_clean()
    assert refused.value.error_dict["expected_error"][0].code == code


def test_a_parameter_that_the_function_lost_is_the_fault_of_the_case(sum_orders):
    case = make_case(sum_orders)
    TestCase.objects.filter(pk=case.pk).update(parameters={"gone": 1})
    result = judge(case)
    assert (result.verdict, result.reason) == ("error", "invalid_input")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT customer AS id, 1 AS total, 2 AS more FROM orders", "invalid_output"),
        ("SELECT customer AS id, 1 AS total, 2 AS total FROM orders", "invalid_output"),
        ("SELECT 1 AS id, 'NaN'::DOUBLE AS total", "invalid_output"),
        ("SELECT 1 AS id, 2 AS total WHERE false", "mismatch"),
    ],
)
def test_what_a_function_may_do_wrong_is_told_apart(sum_orders, query, reason):
    use(sum_orders, sql=query)
    result = judge(make_case(sum_orders))
    assert (result.verdict, result.reason) == ("failed", reason)


def test_each_case_is_judged_with_each_implementation(sum_orders):
    right = sum_orders.implementations.get().definition["totals"]
    use(sum_orders, right=right, wrong="SELECT 9 AS id, 1 AS total", broken=BROKEN)
    cases = [make_case(sum_orders) for _ in range(2)]
    run = run_test_cases(sum_orders.application, cases, implementations=["*"])
    assert run.total == 6
    assert run.counts == {"passed": 2, "failed": 2, "error": 2, "skipped": 0}
    grid = run.results.values_list("test_case", "implementation_name").order_by("id")
    assert list(grid) == [(case.pk, name) for case in cases for name in ("right", "wrong", "broken")]


def test_the_grid_is_the_same_with_workers_side_by_side(sum_orders):
    cases = [make_case(sum_orders, EXPECTED if number % 3 else []) for number in range(20)]
    run = run_test_cases(sum_orders.application, cases, workers=2)
    assert list(run.results.order_by("id").values_list("test_case", flat=True)) == [case.pk for case in cases]
    assert (run.passed, run.failed) == (13, 7)
    assert {"load", "execute", "check", "compare", "store"} <= set(run.results.first().timings_ms)


def test_a_case_has_one_result_with_an_implementation_in_a_run(sum_orders):
    result = judge(make_case(sum_orders))
    with pytest.raises(IntegrityError), transaction.atomic():
        Result.objects.create(run=result.run, test_case=result.test_case, implementation_name="sql", verdict="passed")


def test_a_configuration_is_pinned_by_its_digest(sum_orders):
    case = make_case(sum_orders)
    local = Configuration.objects.create(application=case.application, name="local", config={"url": "http://a"})
    first = judge(case, configuration=local)
    local.config = {"url": "http://b"}
    local.save()
    second = judge(case, configuration=local)
    assert len({first.configuration_digest, second.configuration_digest, judge(case).configuration_digest}) == 3
    assert "http" not in str(first.run.selection)


@pytest.mark.parametrize("what", ["the options", "the configuration", "no configuration any more"])
def test_a_result_is_stale_where_what_it_pinned_is_another(sum_orders, django_assert_num_queries, what):
    case = make_case(sum_orders)
    staging = Configuration.objects.create(application=case.application, name="staging", config={"day": 1})
    run_test_cases(case.application, [case], configuration=staging)
    assert not Result.objects.with_staleness().get().is_stale
    if what == "the options":
        case.comparison = {"abs_tol": 0.5}
        case.define()
    elif what == "the configuration":
        staging.config = {"day": 2}
        staging.save()
    else:
        staging.delete()
    with django_assert_num_queries(1):
        assert Result.objects.with_staleness().get().is_stale
    assert select_test_cases(Criteria(stale=True), case.application) == [case]


def test_a_case_is_flaky_where_the_same_had_another_verdict(sum_orders):
    case = make_case(sum_orders)
    first = judge(case)
    assert not first.is_flaky
    other = Run.objects.create(application=case.application)
    Result.objects.create(run=other, test_case=case, verdict="failed", fingerprint=first.fingerprint)
    assert Result.objects.get(pk=first.pk).is_flaky
    assert Result.objects.with_flakiness().get(pk=first.pk).is_flaky
    replace_rows(case.inputs[0].table, json_rows(GIVEN))
    assert not judge(case).is_flaky


def test_a_run_that_lost_its_worker_goes_on_where_it_was(sum_orders):
    cases = [make_case(sum_orders) for _ in range(3)]
    run = start_run(sum_orders.application, cases)

    @contextmanager
    def fence_that_falls():
        if Run.objects.get(pk=run.pk).results.exists():
            raise ConnectionError("another worker has taken over")
        yield

    class Killed(BaseException):
        pass

    def die(done: int, total: int, result: Result) -> None:
        raise Killed

    with pytest.raises(Killed):
        execute_run(run, How(progress=die, fenced=fence_that_falls))
    left = Run.objects.get(pk=run.pk)
    assert (left.state, left.passed) == ("running", left.results.count())
    judged = set(left.results.values_list("pk", flat=True))
    assert execute_run(Run.objects.get(pk=run.pk)).state == "running"  # it is another's
    ended = execute_run(left, How(resumes=True))
    assert (ended.state, ended.verdict, ended.passed, ended.results.count()) == ("finished", "passed", 3, 3)
    assert judged <= set(ended.results.values_list("pk", flat=True))


def test_a_run_that_is_told_to_stop_keeps_what_was_judged_and_skips_the_rest(sum_orders):
    cases = [make_case(sum_orders, name=f"case {number}") for number in range(3)]
    run_test_cases(sum_orders.application, cases)
    asked = iter([False, True])
    run = execute_run(start_run(sum_orders.application, cases), How(should_stop=lambda: next(asked, True), workers=1))
    assert (run.state, run.verdict, run.counts) == (
        "cancelled",
        "",
        {"passed": 1, "failed": 0, "error": 0, "skipped": 2},
    )
    skipped = run.results.filter(verdict="skipped")
    assert {(each.reason, each.message) for each in skipped} == {
        ("cancelled", "The run was cancelled before this case.")
    }
    # What a case's last verdict is, whether it is flaky, and its trend: of these nothing was learned.
    assert {each.verdict for each in Result.objects.newest()} == {"passed"}
    assert select_test_cases(Criteria(last_verdicts=["passed"]), sum_orders.application) == cases
    assert not any(each.is_flaky for each in Result.objects.all())
    assert trend_of(list(history_of(cases[2]))).verdicts["skipped"] == 0


def test_cases_are_selected_by_patterns_last_verdicts_and_staleness(sum_orders):
    early, late, wrong = (make_case(sum_orders, name=name) for name in ("early 1", "late 1", "late 2"))
    replace_rows(wrong.outputs[0].table, json_rows([]))
    run_test_cases(sum_orders.application, [early, late, wrong])

    def names(**criteria: Any) -> list[str]:
        return [case.name for case in select_test_cases(Criteria(**criteria), sum_orders.application)]

    assert names(names=["late *"]) == ["late 1", "late 2"]
    assert names(functions=["sum_orders"]) == ["early 1", "late 1", "late 2"]
    assert names(last_verdicts=["failed", "error"]) == ["late 2"]
    replace_rows(early.inputs[0].table, json_rows(GIVEN))
    assert names(stale=True) == ["early 1"]
    with pytest.raises(ValidationError) as refused:
        names(names=["erly 1"], last_verdicts=["fialed"])
    assert "did you mean 'early 1'?" in str(refused.value)
    assert "did you mean 'failed'?" in str(refused.value)


def test_two_runs_are_compared_case_by_case(sum_orders):
    fixed, broken, still, gone, new = (make_case(sum_orders, name=name) for name in ("a", "b", "c", "d", "e"))
    for case in (fixed, still):
        replace_rows(case.outputs[0].table, json_rows([]))
    before = run_test_cases(sum_orders.application, [fixed, broken, still, gone])
    replace_rows(fixed.outputs[0].table, json_rows(EXPECTED))
    replace_rows(broken.outputs[0].table, json_rows([]))
    after = run_test_cases(sum_orders.application, [fixed, broken, still, new])
    found = compare_runs(before, after)
    assert {each.test_case_name: each.change for each in found.cases} == {
        "a": "fixed",
        "b": "broken",
        "c": "still_failing",
        "d": "gone",
        "e": "new",
    }
    assert found.counts["fixed"] == found.counts["broken"] == 1
