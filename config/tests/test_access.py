"""Who may use the API and the pages."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db
APPLICATIONS = "/api/v1/applications"


@pytest.fixture
def signed_in() -> APIClient:
    client = APIClient()
    client.force_login(get_user_model().objects.create_user("ann"))
    return client


def test_the_open_api_is_open_to_this_machine(api: APIClient) -> None:
    assert api.get(APPLICATIONS).status_code == 200
    assert api.post(APPLICATIONS, {"name": "shop"}).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"HTTP_FORWARDED": "for=192.0.2.7"},
    ],
)
def test_the_open_api_is_closed_to_other_machines(api: APIClient, change: dict[str, str]) -> None:
    answer = api.get(APPLICATIONS, **change)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Session")


@pytest.mark.parametrize(("debug", "access"), [(False, "open"), (True, "private"), (False, "private")])
def test_without_debug_and_open_access_one_must_sign_in(
    api: APIClient, settings: Any, debug: bool, access: str
) -> None:
    settings.DEBUG, settings.API_ACCESS = debug, access
    assert api.get(APPLICATIONS).status_code == 401
    assert api.post(APPLICATIONS, {"name": "shop"}).status_code == 401


def test_a_signed_in_user_may_use_the_closed_api(settings: Any, signed_in: APIClient) -> None:
    settings.DEBUG = False
    assert signed_in.get(APPLICATIONS).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://testserver:8080"},
    ],
)
def test_a_page_of_another_site_may_not_write_to_the_open_api(api: APIClient, headers: dict[str, str]) -> None:
    answer = api.post(APPLICATIONS, {"name": "shop"}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "A page of another site may not write here."
    assert api.get(APPLICATIONS, {"name": "shop"}).json()["count"] == 0


def test_our_own_page_may_write_to_the_open_api(api: APIClient) -> None:
    headers = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert api.post(APPLICATIONS, {"name": "shop"}, headers=headers).status_code == 201


def test_a_session_cannot_write_without_its_token(settings: Any) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(get_user_model().objects.create_user("ann"))
    answer = client.post(APPLICATIONS, {"name": "shop"})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("address", ["/", "/objects", "/api/docs", "/api/redoc", "/api/schema"])
def test_a_page_sends_who_is_not_signed_in_to_the_login(client: Any, settings: Any, address: str) -> None:
    settings.DEBUG = False
    answer = client.get(address)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={address}")


@pytest.mark.parametrize("address", ["/health", "/health/", "/api/v1/health", "/login/"])
def test_health_and_login_are_for_everybody(client: Any, settings: Any, address: str) -> None:
    settings.DEBUG = False
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "a b", "127.0.0.1:8000,evil.example", "\xff", ""])
@pytest.mark.parametrize("path", [APPLICATIONS, "/objects/", "/health", "/static/css/nothing.css"])
def test_another_host_is_refused_without_a_word_about_the_site(
    settings: Any, api: APIClient, path: str, host: str
) -> None:
    settings.DEBUG = True
    answer = api.get(path, HTTP_HOST=host)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "invalid"
    assert "Traceback" not in answer.content.decode()
