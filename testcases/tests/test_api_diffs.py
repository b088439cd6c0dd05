"""How outputs differ, over REST: pages, classes, files, HTML, options of then, and one result against another."""

import json
from typing import Any

import duckdb
import pytest
from rest_framework.test import APIClient

from catalog.models import Application
from catalog.tests.factories import ObjectSchemaFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory
from testcases.models import Result, TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

GIVEN = [{"customer": 1, "amount": 2.5}, {"customer": 2, "amount": 4}]
WRONG = [{"id": 1, "total": 9}, {"id": 3, "total": 1}]


@pytest.fixture
def case(sum_orders: Function) -> TestCase:
    """A case whose expected rows are wrong: one row is changed, one missing, one unexpected."""
    return TestCaseFactory.create(function=sum_orders, name="two", inputs={"orders": GIVEN}, outputs={"totals": WRONG})


@pytest.fixture
def result(case: TestCase) -> Result:
    return run_test_cases(case.application, [case]).results.get()


def diff(result: Result, what: str = "") -> str:
    return f"/api/v1/results/{result.pk}/outputs/totals/diff{what}"


def stream(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["detail"]


def test_a_diff_is_paged_and_filtered(api: APIClient, result: Result) -> None:
    whole = api.get(diff(result)).json()
    assert sorted(row["class"] for row in whole["results"]) == ["changed", "missing", "unexpected"]
    assert (whole["count"], whole["counts"]["changed"], whole["is_equal"], whole["next"]) == (3, 1, False, None)
    assert whole["attributes"]["total"]["changed"] == 1
    first = api.get(diff(result, "?limit=2")).json()
    second = api.get(first["next"]).json()
    assert [*first["results"], *second["results"]] == whole["results"]
    assert second["next"] is None
    missing = api.get(diff(result, "?class=missing")).json()
    assert ([row["key"] for row in missing["results"]], missing["count"]) == ([{"id": 3}], 1)
    cells = api.get(diff(result, "?attribute=total")).json()
    assert [row["cells"] for row in cells["results"]] == [{"total": {"expected": 9.0, "actual": 2.5}}]
    assert api.get(diff(result, "?offset=2")).json()["results"] == whole["results"][2:]


def test_a_diff_is_a_file_in_every_format(api: APIClient, result: Result, tmp_path: Any) -> None:
    whole = api.get(diff(result)).json()["results"]
    lines = stream(api.get(diff(result, ".ndjson"))).splitlines()
    places = ("expected_position", "actual_position")
    bare = [{name: value for name, value in row.items() if name not in places} for row in whole]
    assert [json.loads(line) for line in lines] == bare
    assert stream(api.get(diff(result), HTTP_ACCEPT="application/x-ndjson")).splitlines() == lines
    table = stream(api.get(diff(result, ".csv?class=changed,missing"))).decode().splitlines()
    assert table[0] == "class,expected_id,actual_id,expected: id,expected: total,actual: id,actual: total"
    assert table[1:] == ["changed,1,1,1,9.00,1,2.50", "missing,2,,3,1.00,,"]
    assert stream(api.get(diff(result, "?format=csv&limit=1"))).decode().splitlines() == table[:2]
    (tmp_path / "diff.parquet").write_bytes(stream(api.get(diff(result), HTTP_ACCEPT="application/vnd.apache.parquet")))
    found = duckdb.sql(f"SELECT class, \"actual: total\" FROM '{tmp_path}/diff.parquet'").fetchall()
    assert [(row[0], None if row[1] is None else float(row[1])) for row in found] == [
        ("changed", 2.5),
        ("missing", None),
        ("unexpected", 4.0),
    ]


def test_a_diff_is_a_fragment_of_a_page(api: APIClient, result: Result) -> None:
    answer = api.get(diff(result, "?limit=1"), HTTP_ACCEPT="text/html")
    assert answer["Content-Type"].startswith("text/html")
    assert "not all of them are listed" in answer.content.decode()
    following = answer["Link"].split(">")[0].removeprefix("<")
    rest = api.get(following, HTTP_ACCEPT="text/html").content.decode()
    assert "missing" in rest
    assert "<html" not in rest


def test_equal_tables_make_files_without_rows(api: APIClient, sum_orders: Function) -> None:
    right = [{"id": 1, "total": 2.5}, {"id": 2, "total": 4}]
    case = TestCaseFactory.create(function=sum_orders, inputs={"orders": GIVEN}, outputs={"totals": right})
    result = run_test_cases(case.application, [case]).results.get()
    assert api.get(diff(result)).json()["is_equal"] is True
    assert stream(api.get(diff(result, ".ndjson"))) == b""
    assert len(stream(api.get(diff(result, ".csv"))).splitlines()) == 1


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("?class=mising", "did you mean 'missing'?"),
        ("?attribute=totl", "did you mean 'total'?"),
        ("?limit=0", "from 1 to 1000"),
        ("?limit=1001", "from 1 to 1000"),
        ("?offset=50001", "from 0 to 50000"),
        ("?after=x", "no cursor of this site"),
        ("?against=x", "has no result 'x'"),
        ("?clas=missing", "did you mean"),
        ("?format=xml", "allowed: json, ndjson, csv, parquet, html"),
    ],
)
def test_what_no_diff_has_is_refused(api: APIClient, result: Result, what: str, words: str) -> None:
    status, said = refusal(api.get(diff(result, what)))
    assert (status, words in said) == (400, True), said


def test_a_cursor_belongs_to_its_diff(api: APIClient, case: TestCase, result: Result) -> None:
    following = api.get(diff(result, "?limit=1")).json()["next"]
    other = run_test_cases(case.application, [case]).results.get()
    status, said = refusal(api.get(following.replace(result.pk, other.pk)))
    assert (status, said) == (400, "after is a cursor of another diff; take it from `next` as it is.")
    both = refusal(api.get(f"{following}&offset=1"))
    assert (both[0], "exclude each other" in both[1]) == (400, True)


def test_a_diff_without_the_name_of_its_output(api: APIClient, result: Result) -> None:
    address = f"/api/v1/results/{result.pk}/diff"
    [output] = api.get(address).json()["outputs"]
    assert (output["name"], len(output["rows"])) == ("totals", 3)
    assert [row["class"] for row in api.get(f"{address}?class=missing").json()["results"]] == ["missing"]
    assert len(stream(api.get(f"{address}.csv")).splitlines()) == 4
    assert api.get(f"{address}?output=total").status_code == 404


def test_of_several_outputs_one_is_to_be_named(api: APIClient, orders: Any, totals: Any) -> None:
    query = "SELECT customer AS id, amount AS total FROM orders"
    function = FunctionFactory.create(
        inputs={"orders": orders}, outputs={"one": totals, "two": totals}, sql={"one": query, "two": query}
    )
    case = TestCaseFactory.create(function=function, inputs={"orders": GIVEN}, outputs={"one": WRONG, "two": WRONG})
    address = f"/api/v1/results/{run_test_cases(case.application, [case]).results.get().pk}/diff"
    assert [each["name"] for each in api.get(address).json()["outputs"]] == ["one", "two"]
    assert refusal(api.get(f"{address}.csv")) == (400, "The result has 2 outputs; name one of them: one, two.")
    assert len(stream(api.get(f"{address}.csv?output=two")).splitlines()) == 4


def test_a_result_without_rows_has_no_diff(api: APIClient, orders: Any, totals: Any) -> None:
    broken = FunctionFactory.create(
        inputs={"orders": orders}, outputs={"totals": totals}, sql={"totals": "SELECT error('no') AS id FROM orders"}
    )
    case = TestCaseFactory.create(function=broken, inputs={"orders": GIVEN}, outputs={"totals": WRONG})
    address = f"/api/v1/results/{run_test_cases(case.application, [case]).results.get().pk}"
    assert api.get(f"{address}/diff").json()["outputs"] == []
    assert api.get(f"{address}/diff.csv").status_code == 404
    assert api.get(f"{address}/outputs/totals/diff").status_code == 404


def test_a_diff_has_the_options_by_which_the_case_was_judged(api: APIClient, case: TestCase, result: Result) -> None:
    before = api.get(diff(result)).json()
    case.comparison = {"ignore": ["total"]}
    case.define()
    assert api.get(diff(result)).json()["counts"] == before["counts"]
    again = run_test_cases(case.application, [case]).results.get()
    assert api.get(diff(again)).json()["counts"]["changed"] == 0


def test_a_result_is_compared_with_another_of_its_case(api: APIClient, case: TestCase, result: Result) -> None:
    implementation = case.function.implementations.get()
    implementation.definition = {"totals": "SELECT customer AS id, 7.25 AS total FROM orders WHERE customer > 1"}
    implementation.save()
    after = run_test_cases(case.application, [case]).results.get()
    found = api.get(diff(after, f"?against={result.pk}")).json()
    assert [(row["class"], row["key"]) for row in found["results"]] == [("changed", {"id": 2}), ("missing", {"id": 1})]
    assert found["results"][0]["cells"] == {"total": {"expected": 4.0, "actual": 7.25}}
    following = api.get(diff(after, f"?against={result.pk}&limit=1")).json()["next"]
    assert [row["class"] for row in api.get(following).json()["results"]] == ["missing"]
    assert len(stream(api.get(diff(after, f".csv?against={result.pk}"))).splitlines()) == 3


@pytest.fixture
def secrets(application: Application) -> Result:
    """A result with a sensitive attribute, in a changed, a missing and an unexpected row."""
    shape = ObjectSchemaFactory.create(
        application=application,
        name="people",
        attributes=[{"name": "id", "type": "integer"}, {"name": "salary", "type": "integer", "sensitive": True}],
        primary_key=["id"],
    )
    case = TestCaseFactory.create(
        function=FunctionFactory.create(
            inputs={"given": shape}, outputs={"totals": shape}, sql={"totals": "FROM given"}
        ),
        inputs={"given": [{"id": 1, "salary": 31337}, {"id": 2, "salary": 31337}]},
        outputs={"totals": [{"id": 1, "salary": 27182}, {"id": 3, "salary": 27182}]},
    )
    return run_test_cases(case.application, [case]).results.get()


@pytest.mark.parametrize("what", ["", "?class=changed", ".ndjson", ".csv", ".parquet", "?format=html", "?against={0}"])
def test_sensitive_values_are_masked_in_every_form(
    api: APIClient, settings: Any, django_user_model: Any, secrets: Result, what: str, tmp_path: Any
) -> None:
    def content() -> bytes:
        answer = api.get(diff(secrets, what.format(secrets.pk)))
        found = stream(answer) if answer.streaming else answer.content
        assert answer.status_code == 200, found
        if what == ".parquet":
            (tmp_path / "rows.parquet").write_bytes(found)
            return str(duckdb.sql(f"FROM '{tmp_path}/rows.parquet'").fetchall()).encode()
        return found

    assert b"31337" in content() or "against" in what
    settings.API_ACCESS = "private"
    api.force_login(django_user_model.objects.create_user("bob"))
    assert b"31337" not in content()
    assert b"27182" not in content()
    assert b"changed" in content() or "against" in what
    assert api.get(diff(secrets))["X-Masked"] == "salary"
