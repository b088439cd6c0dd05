"""Every kind of implementation through every face; and the clock and the errors of sql."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIClient

from processes.execution import Executor, Limits, check_definition
from processes.models import Function, permissions
from processes.runners.clock import CLOCK_FUNCTIONS
from processes.tests.factories import FunctionFactory
from processes.tests.runs import CLOCK, ask, failure, rows

DEFINITIONS: dict[str, dict[str, Any]] = {
    "python": {"entry": "pricing.rules:total", "tables": "arrow"},
    "command": {"argv": ["score", "{input:given}", "{output:result}"], "format": "ndjson"},
    "http": {"path": "/score", "method": "PUT", "format": "json"},
}


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    settings.PYTHON_ENTRIES, settings.COMMAND_PROGRAMS = ["pricing.*"], ["score"]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", DEFINITIONS)
def test_a_definition_of_any_kind_is_written_and_read_over_rest(kind: str) -> None:
    function = FunctionFactory.create()
    address = f"/api/v1/functions/{function.pk}"
    body = {"implementations": [{"name": "it", "kind": kind, "definition": DEFINITIONS[kind]}]}
    answer = APIClient().patch(address, body)
    assert answer.status_code == 200, answer.json()
    assert APIClient().get(address).json()["implementations"] == body["implementations"]


@pytest.mark.django_db
def test_what_a_setting_does_not_allow_is_refused_with_its_place(settings: Any) -> None:
    settings.PYTHON_ENTRIES = []
    function = FunctionFactory.create()
    body = {"implementations": [{"name": "it", "kind": "python", "definition": DEFINITIONS["python"]}]}
    answer = APIClient().patch(f"/api/v1/functions/{function.pk}", body)
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/implementations/0/definition/entry", "not_allowed")
    ]


@pytest.mark.django_db
def test_the_settings_are_the_permissions(settings: Any) -> None:
    settings.SANDBOX_ISOLATION = "auto"
    assert permissions().python_entries == ("pricing.*",)
    assert not permissions().unconfined_programs
    settings.SANDBOX_ISOLATION = "none"
    assert permissions().unconfined_programs


def form_of(function: Function, **implementation: str) -> dict[str, str]:
    """What the page's form sends for a function with one implementation."""
    sent = {"application": function.application_id, "name": function.name, "summary": "", "action": "save"}
    for side, ports in (("inputs", function.inputs), ("outputs", function.outputs)):
        sent |= {f"{side}-TOTAL_FORMS": str(len(ports)), f"{side}-INITIAL_FORMS": "0"}
        for position, port in enumerate(ports):
            sent |= {f"{side}-{position}-name": port.name, f"{side}-{position}-object": port.object_id}
            sent |= {f"{side}-{position}-required": "on"}
    sent |= {"parameters-TOTAL_FORMS": "0", "parameters-INITIAL_FORMS": "0"}
    sent |= {"implementations-TOTAL_FORMS": "1", "implementations-INITIAL_FORMS": "0"}
    return sent | {f"implementations-0-{name}": value for name, value in implementation.items()}


@pytest.mark.django_db
def test_the_page_turns_to_another_kind_saves_it_and_shows_it(client: Client) -> None:
    function = FunctionFactory.create()
    address = f"/functions/{function.pk}/edit"
    sent = form_of(function, name="it", kind="python", query_0="SELECT * FROM given")
    turned = client.post(address, sent | {"action": "turn implementations 0"}).content.decode()
    assert 'name="implementations-0-definition"' in turned
    assert "package.module:function" in turned
    assert 'type="hidden" name="implementations-0-query_0" value="SELECT * FROM given"' in turned
    refused = client.post(address, sent | {"implementations-0-definition": "{"})
    assert refused.status_code == 400
    assert "JSON can&#x27;t be read" in refused.content.decode()
    wrong = client.post(address, sent | {"implementations-0-definition": '{"entry": "os:system"}'})
    assert "is not allowed" in wrong.content.decode()
    saved = client.post(address, sent | {"implementations-0-definition": '{"entry": "pricing.rules:total"}'})
    assert saved.status_code == 302
    implementation = function.implementations.get()
    assert (implementation.kind, implementation.definition) == ("python", {"entry": "pricing.rules:total"})
    shown = client.get(f"/functions/{function.pk}").content.decode()
    assert "&quot;entry&quot;: &quot;pricing.rules:total&quot;" in shown
    again = client.get(address).content.decode()
    assert "pricing.rules:total" in again


@pytest.mark.django_db
def test_the_admin_shows_every_kind(client: Client) -> None:
    client.force_login(get_user_model().objects.create_superuser("curator", password="x"))
    function = FunctionFactory.create()
    function.implementations.create(name="it", kind="http", definition=DEFINITIONS["http"])
    answer = client.get(f"/admin/processes/function/{function.pk}/change/")
    assert answer.status_code == 200
    assert '<option value="command">' in answer.content.decode()


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(Limits(), isolation="none") as executor:
        yield executor


def sql(executor: Executor, query: str, **fields: Any) -> Any:
    return ask(executor, "sql", {"out": query}, {}, **fields)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("now()", "2024-02-29 12:30:15.123456+00"),
        ("NOW()", "2024-02-29 12:30:15.123456+00"),
        ("current_timestamp", "2024-02-29 12:30:15.123456+00"),
        ("get_current_timestamp()", "2024-02-29 12:30:15.123456+00"),
        ("transaction_timestamp()", "2024-02-29 12:30:15.123456+00"),
        ("current_date", "2024-02-29"),
        ("today()", "2024-02-29"),
        ("current_localtimestamp()", "2024-02-29 12:30:15.123456"),
        ("localtimestamp", "2024-02-29 12:30:15.123456"),
        ("localtime", "12:30:15.123456"),
        ("current_time", "12:30:15.123456+00"),
        ("get_current_time()", "12:30:15.123456+00"),
        ("age(TIMESTAMP '2024-02-28')", "1 day"),
        ("age(TIMESTAMP '2024-02-28', TIMESTAMP '2024-02-27')", "1 day"),
        ("(WITH t AS (SELECT now() AS x) SELECT x FROM t)", "2024-02-29 12:30:15.123456+00"),
        ("list_transform([1], x -> now())[1]", "2024-02-29 12:30:15.123456+00"),
    ],
)
def test_a_frozen_clock_is_every_clock_of_sql(executor: Executor, expression: str, shown: str) -> None:
    query = f"SELECT CAST({expression} AS VARCHAR) AS x, typeof({expression}) AS y"
    (frozen,) = rows(sql(executor, query, clock=CLOCK))
    (real,) = rows(sql(executor, query))
    assert frozen[0] == shown
    assert frozen[1] == real[1], "the type is the same"
    if "2024-02-27" not in expression:
        assert real[0] != shown


@pytest.mark.parametrize("call", ["system.main.now()", "main.today()", "pg_catalog.now()", "system.main.age(x)"])
def test_no_name_goes_around_the_clock(call: str) -> None:
    problems = check_definition("sql", {"out": f"SELECT {call}"}, ["out"], [])
    assert [problem.code for problem in problems] == ["function_not_allowed"]


def test_every_function_that_tells_the_time_is_known() -> None:
    telling = """SELECT DISTINCT function_name FROM duckdb_functions()
        WHERE len(parameters) = 0 AND (return_type = 'DATE' OR return_type LIKE 'TIME%')"""
    names = {name for (name,) in duckdb.connect().execute(telling).fetchall()}
    assert names <= CLOCK_FUNCTIONS


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("SELECT CAST('x' AS INTEGER) AS x", "conversion"),
        ("SELECT missing", "binder"),
        ("SELECT error('mine')", "invalid_input"),
        ("SELECT 1 / 'a' AS x", "conversion"),
    ],
)
def test_an_error_of_sql_is_called_by_duckdbs_name(executor: Executor, query: str, kind: str) -> None:
    assert failure(sql(executor, query)).kind == kind
