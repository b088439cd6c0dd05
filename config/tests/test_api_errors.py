"""Whatever a client sends, the API answers a problem document, never a 500."""

from typing import Any

import pytest
from django.db import IntegrityError, OperationalError
from rest_framework.test import APIClient

from catalog.models import Application
from config.api import describe

MEMBERS = {
    "type",
    "title",
    "status",
    "code",
    "detail",
    "hint",
    "request_id",
    "errors",
    "error_count",
    "errors_truncated",
}


def check(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    problem: dict[str, Any] = answer.json()
    assert set(problem) >= MEMBERS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == "urn:exemplar:problem:" + code.replace("_", "-")
    assert problem["request_id"] == answer["X-Request-ID"]
    return problem


@pytest.mark.parametrize("address", ["/api/v1/nothing", "/api/v1", "/api/", "/api/v2/applications", "/api/v1/%ff%00"])
@pytest.mark.parametrize("verb", ["get", "post", "delete"])
def test_an_unknown_address_below_api_is_not_found(api: APIClient, address: str, verb: str) -> None:
    check(getattr(api, verb)(address), 404, "not_found")


def test_a_method_that_is_not_there_is_not_allowed(api: APIClient) -> None:
    answer = api.delete("/api/v1/applications")
    check(answer, 405, "method_not_allowed")
    assert "POST" in answer["Allow"]


def test_a_format_that_is_not_offered_is_not_acceptable(api: APIClient) -> None:
    check(api.get("/api/v1/applications", headers={"Accept": "text/turtle"}), 406, "not_acceptable")


def test_a_format_that_is_not_read_is_unsupported(api: APIClient) -> None:
    check(api.post("/api/v1/applications", "<a/>", content_type="text/xml"), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name": "a", "name": "b"}',
        b'{"name": NaN}',
        b'{"name": "\xff"}',
        b"[" * 5000,
        b'{"name": "\\ud800"}',
    ],
)
def test_a_body_that_is_no_json_is_malformed(api: APIClient, body: bytes) -> None:
    answer = api.post("/api/v1/applications", body, content_type="application/json")
    if not body:
        check(answer, 400, "invalid")
    else:
        check(answer, 400, "malformed")


def test_a_body_that_is_too_large_is_refused(api: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    check(api.post("/api/v1/applications", {"name": "x" * 200}), 413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a\u0000b"},
        {"name": True},
        {"name": {}},
        {"name": "\u202e" * 300},
        {"name": "a", "comments": "\u0000"},
    ],
)
def test_text_that_cannot_be_stored_is_invalid(api: APIClient, body: Any) -> None:
    check(api.post("/api/v1/applications", body), 400, "invalid")


@pytest.mark.parametrize("config", [{"a": "\u0000"}, {"\u0000": 1}, [{"deep": ["\u0000"]}]])
def test_a_config_that_cannot_be_stored_is_invalid(api: APIClient, application: Application, config: Any) -> None:
    body = {"application_id": application.pk, "name": "local", "config": config}
    check(api.post("/api/v1/configurations", body), 400, "invalid")


def test_a_config_keeps_of_a_number_what_a_double_holds(api: APIClient, application: Application) -> None:
    body = f'{{"application_id": "{application.pk}", "name": "local", "config": {{"pi": 3.14159265358979323846}}}}'
    answer = api.post("/api/v1/configurations", body, content_type="application/json")
    assert answer.json()["config"] == {"pi": 3.141592653589793}


@pytest.mark.parametrize(
    "query",
    ["name=%00", "name=%ff", "search=%00", "limit=99999999999999999999", "offset=%00", "ordering=%00", "%00=1"],
)
def test_odd_query_strings_do_no_harm(api: APIClient, query: str) -> None:
    answer = api.get(f"/api/v1/applications?{query}")
    assert answer.status_code in {200, 400}, answer.content


def test_numbers_beyond_the_database_do_no_harm(api: APIClient) -> None:
    answer = api.get(f"/api/v1/tables?row_count={10**30}")
    assert answer.status_code in {200, 400}


def test_the_callers_request_id_is_kept(api: APIClient) -> None:
    answer = api.get("/api/v1/nothing", headers={"X-Request-ID": "trace-7"})
    assert check(answer, 404, "not_found")["request_id"] == "trace-7"
    odd = api.get("/api/v1/nothing", headers={"X-Request-ID": "<script>"})
    assert len(check(odd, 404, "not_found")["request_id"]) == 26


def test_a_fault_of_ours_is_told_without_its_details(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("catalog.viewsets.applications.ApplicationViewSet.get_queryset", fail)
    api.raise_request_exception = False
    answer = api.get("/api/v1/applications")
    check(answer, 500, "internal")
    assert b"secret" not in answer.content


def test_a_race_for_a_name_is_a_conflict(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request takes the name between the check and the write."""
    checked = Application.full_clean

    def overtaken(self: Application, *args: Any, **options: Any) -> None:
        checked(self, *args, **options)
        if not Application.objects.filter(name="shop").exists():
            Application.objects.create(name="shop")

    monkeypatch.setattr(Application, "full_clean", overtaken)
    check(api.post("/api/v1/applications", {"name": "shop"}), 409, "name_taken")


def test_a_silent_database_is_unavailable() -> None:
    silent, broken = describe(OperationalError("could not connect")), describe(IntegrityError("x"))
    assert silent is not None and broken is not None
    assert (silent.status, broken.status) == (503, 409)
    assert "could not connect" not in silent.detail
