"""Run against run: verdicts, and the actual outputs of the same case and port; over REST and as a command."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from processes.models import Function, Implementation
from testcases.history import compare_runs
from testcases.models import Run, TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

GIVEN = [{"customer": 1, "amount": 2.5}, {"customer": 2, "amount": 4}]
RIGHT = [{"id": 1, "total": 2.5}, {"id": 2, "total": 4}]
ADDED_UP = "SELECT customer AS id, CAST(sum(amount) AS DECIMAL(12, 2)) AS total FROM orders GROUP BY customer"


@pytest.fixture
def cases(sum_orders: Function) -> list[TestCase]:
    """One that has rows, and one that has none."""
    return [
        TestCaseFactory.create(function=sum_orders, name="two", inputs={"orders": GIVEN}, outputs={"totals": RIGHT}),
        TestCaseFactory.create(function=sum_orders, name="none", inputs={"orders": []}, outputs={"totals": []}),
    ]


def run(cases: list[TestCase], query: str = ADDED_UP, **how: Any) -> Run:
    implementation = cases[0].function.implementations.get(name="sql")
    implementation.definition = {"totals": query}
    implementation.save()
    return run_test_cases(cases[0].application, cases, **how)


def command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("diff_runs", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_runs_of_the_same_outputs_do_not_differ(api: APIClient, cases: list[TestCase]) -> None:
    before, after = run(cases), run(cases)
    answer = api.get(f"/api/v1/runs/{after.pk}/diff?against={before.pk}").json()
    assert (answer["count"], answer["same"], answer["results"]) == (0, 2, [])
    assert command(before.pk) == (0, "0 test cases with another verdict, 0 outputs with other rows, 2 the same.\n")


def test_rows_in_another_order_are_equal(api: APIClient, cases: list[TestCase]) -> None:
    before, after = run(cases), run(cases, f"{ADDED_UP} ORDER BY id DESC")
    [found] = api.get(f"/api/v1/runs/{after.pk}/diff?against={before.pk}").json()["results"]
    assert (found["is_equal"], found["summary"]) == (True, "equal: 2 rows")
    assert command(before.pk, after.pk)[0] == 0


def test_an_output_that_changed_is_told_with_its_rows(api: APIClient, cases: list[TestCase]) -> None:
    before, after = run(cases), run(cases, ADDED_UP.replace("sum(amount)", "max(amount) + customer - 1"))
    answer = api.get(f"/api/v1/runs/{after.pk}/diff?against={before.pk}").json()
    [found] = answer["results"]
    assert (found["test_case_name"], found["output"], found["change"]) == ("two", "totals", "broken")
    assert (found["is_equal"], found["summary"], found["counts"]["changed"]) == (False, "1 changed", 1)
    assert (answer["same"], answer["verdicts"]["broken"]) == (1, 1)
    [row] = api.get(found["rows"]).json()["results"]
    assert row["cells"] == {"total": {"expected": 4.0, "actual": 5.0}}
    code, text = command(before.pk, after.pk)
    assert code == 1
    assert "1 test case with another verdict, 1 output with other rows, 1 the same." in text
    told = json.loads(command(before.pk, after.pk, "--output", "json")[1])
    assert [each["summary"] for each in told["outputs"]] == ["1 changed"]


def test_a_run_that_gave_no_rows_is_told(api: APIClient, cases: list[TestCase]) -> None:
    before, after = run(cases), run(cases, "SELECT error('no') AS id, 1 AS total FROM orders")
    [found] = [
        each
        for each in api.get(f"/api/v1/runs/{after.pk}/diff?against={before.pk}").json()["results"]
        if each["test_case_name"] == "two"
    ]
    assert (found["summary"], found["rows"], found["counts"]) == ("only the earlier run gave rows", None, None)
    assert command(before.pk, after.pk)[0] == 1


def test_runs_with_other_implementations_are_compared(cases: list[TestCase]) -> None:
    Implementation.objects.create(
        function=cases[0].function, name="twice", kind="sql", definition={"totals": f"{ADDED_UP} HAVING customer > 1"}
    )
    before, after = run(cases, implementations=["sql"]), run(cases, implementations=["twice"])
    assert {each.test_case_name: each.change for each in compare_runs(before, after).cases} == {
        "two": "broken",
        "none": "same",
    }
    assert "1 missing" in command(before.pk, after.pk)[1]
    both = run(cases, implementations=["*"])
    changes = compare_runs(before, both).counts
    assert (changes["same"], changes["new"], changes["gone"]) == (2, 2, 0)


def test_outputs_are_paged(api: APIClient, cases: list[TestCase]) -> None:
    before, after = run(cases), run(cases, f"{ADDED_UP} UNION ALL SELECT 7, 7")
    address = f"/api/v1/runs/{after.pk}/diff?against={before.pk}&limit=1"
    first = api.get(address).json()
    second = api.get(first["next"]).json()
    assert [each["results"][0]["test_case_name"] for each in (first, second)] == ["none", "two"]
    assert (first["count"], second["next"]) == (2, None)


@pytest.mark.parametrize("what", ["", "?against=x", "?agianst=x"])
def test_what_is_no_run_is_refused(api: APIClient, cases: list[TestCase], what: str) -> None:
    assert api.get(f"/api/v1/runs/{run(cases).pk}/diff{what}").status_code == 400


def test_the_command_names_the_newest_runs(cases: list[TestCase]) -> None:
    newest = run(cases)
    for arguments, words in ((["x"], f"the newest are {newest.pk}"), ([newest.pk], "one run, not two")):
        with pytest.raises(CommandError, match=words) as refused:
            command(*arguments)
        assert refused.value.returncode == 2


def test_without_ids_the_two_newest_runs_are_compared(cases: list[TestCase]) -> None:
    run(cases)
    with pytest.raises(CommandError, match="not yet two runs"):
        command()
    run(cases, f"{ADDED_UP} HAVING customer > 1")
    assert "1 missing" in command()[1]
    run(cases, f"{ADDED_UP} HAVING customer > 1")
    assert command("--application", cases[0].application.name)[0] == 0
    with pytest.raises(CommandError, match="There is no application 'nowhere'"):
        command("--application", "nowhere")
