"""Thousands of requests that nobody should send: each is taken, or answered with a problem that says what is wrong."""

import itertools
import json
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from catalog.models import Configuration
from processes.models import Function
from testcases.models import TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db

ODD: list[Any] = [
    *(None, True, 0, -1, 10**30, 1.5, "", "\0", "\ud800", "x" * 20_000, "\u202e", "0" * 26, "../../x", "null"),
    *([], [[]], [None], {}, {"": None}, {"$env": "PATH"}, [{"a": [{"b": {}}]}], ["x"] * 500),
]
BODIES = [
    "", "null", "[]", "7", '"x"', "{", "[" * 50_000, '{"a": NaN}', '{"name": 1, "name": 2}', "\xff", "\0", "{}",
    '{"name": "\\ud800"}', '{"application": "\\u0000"}', json.dumps({"unknown": {"a": [1]}}),
]  # fmt: skip
FIELDS = {
    "/functions": ("application", "name", "summary", "inputs", "outputs", "parameters", "implementations", "tags"),
    "/configurations": ("application_id", "name", "config", "comments"),
    "/test-cases": ("function", "name", "inputs", "outputs", "parameters", "clock", "expected_error", "comparison"),
    "/runs": (
        "application",
        "function",
        "test_cases",
        "tags",
        "names",
        "implementations",
        "configuration",
        "selection",
    ),
}
PARAMETERS = ("limit", "offset", "cursor", "ordering", "search", "fields", "verdict", "function", "state", "class")


@pytest.fixture
def places(sum_orders: Function) -> list[str]:
    """An address of each kind of resource, and of what belongs to it."""
    case: TestCase = TestCaseFactory.create(function=sum_orders, outputs={"totals": [{"id": 1, "total": 2}]})
    run = run_test_cases(case.application, [case])
    result = run.results.get()
    configuration = Configuration.objects.create(application=case.application, name="staging", config={})
    return [
        *FIELDS,
        "/results",
        "/jobs",
        f"/functions/{sum_orders.pk}",
        f"/functions/{sum_orders.pk}/call",
        f"/configurations/{configuration.pk}",
        f"/test-cases/{case.pk}",
        f"/test-cases/{case.pk}/run",
        f"/runs/{run.pk}",
        f"/runs/{run.pk}/results",
        f"/runs/{run.pk}/cancel",
        f"/results/{result.pk}",
        f"/results/{result.pk}/diff",
        f"/results/{result.pk}/outputs/totals/diff",
        f"/jobs/{run.pk}",
        f"/results/{run.pk}",
        "/runs/%00",
        f"/functions/{'9' * 300}",
    ]


def check(answer: Any, said: str) -> None:
    assert answer.status_code < 500, said
    if answer.status_code >= 400 and answer.content:
        assert answer["Content-Type"].startswith("application/problem+json"), (said, answer["Content-Type"])
        document = json.loads(answer.content)
        assert {"status", "code", "detail"} <= document.keys(), (said, document)
        assert all("pointer" in each for each in document.get("errors", [])), (said, document)


def send(api: APIClient, verb: str, address: str, body: str = "", kind: str = "application/json", **more: Any) -> None:
    answer = api.generic(verb, f"/api/v1{address}", body.encode("utf-8", "surrogatepass"), kind, **more)
    check(answer, f"{verb} {address[:200]} {body[:200]!r} {kind} {more}: {answer.status_code}")


def test_bodies_of_any_kind_are_taken_or_refused(api: APIClient, places: list[str]) -> None:
    for place, verb, body in itertools.product(places, ["POST", "PATCH"], BODIES):
        send(api, verb, place, body)
    for place, kind in itertools.product(places, ["text/csv", "application/xml", "multipart/form-data", "x", ""]):
        send(api, "POST", place, "{}", kind)


def test_fields_of_any_type_are_taken_or_refused(api: APIClient, places: list[str], sum_orders: Function) -> None:
    right = {"application": "test", "application_id": sum_orders.application_id, "name": "n", "function": sum_orders.pk}
    for collection, fields in FIELDS.items():
        of_this = [place for place in places if place.startswith(collection) and place.count("/") == 2]
        for field, value in itertools.product(fields, ODD):
            send(api, "POST", collection, json.dumps({**right, field: value}))
            for place in of_this[:1]:
                send(api, "PATCH", place, json.dumps({field: value}), headers={"If-Match": '"0"'})


def test_parameters_and_headers_of_any_text_are_taken_or_refused(api: APIClient, places: list[str]) -> None:
    texts = ["", "\0", "-1", "9" * 400, "'\"<>;--", "a,b,,"]
    for place, name, text in itertools.product(places, PARAMETERS, texts):
        send(api, "GET", f"{place}?{name}={quote(text)}")
    for place, text in itertools.product(places, ["", "*", "x" * 5000, '"0"', 'W/"', "\xe9", ",,,"]):
        send(api, "PATCH", place, "{}", headers={"If-Match": text})
        send(api, "POST", place, "{}", headers={"Idempotency-Key": text})
    for place, verb in itertools.product(places, ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "DELETE"]):
        send(api, verb, place)
