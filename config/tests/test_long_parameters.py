"""Lists are asked with texts of any length: those that a database can't look for are refused, the same on each."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from config.api.filters import TEXT_CHARACTERS

pytestmark = pytest.mark.django_db
LISTS = ("applications", "configurations", "objects", "tables", "functions", "test-cases", "results", "jobs")
PAGES = ("home", "object-list", "table-list", "function-list", "test-case-list")


@pytest.fixture
def browser(settings: Settings) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return Client()


@pytest.mark.parametrize("resource", LISTS)
@pytest.mark.parametrize("text", ["a " * 20_000, "_" * 60_000, "%" * 1025], ids=["words", "underlines", "percents"])
def test_a_search_for_a_long_text_is_refused_with_the_limit(api: APIClient, resource: str, text: str) -> None:
    answer = api.get(f"/api/v1/{resource}", {"search": text})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/search", "max_length")
    assert "1,024" in error["message"]
    assert len(answer.content) < 1000


@pytest.mark.parametrize("resource", LISTS)
@pytest.mark.parametrize("text", ["q " * 512, "_" * 1024, "\\" * 1024], ids=["words", "underlines", "backslashes"])
def test_a_search_for_a_text_within_the_limit_is_answered(api: APIClient, resource: str, text: str) -> None:
    assert len(text) == TEXT_CHARACTERS
    answer = api.get(f"/api/v1/{resource}", {"search": text})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize("name", ["name", "name__icontains", "ordering", "limit", "offset"])
def test_a_long_filter_is_refused_with_the_limit(api: APIClient, name: str) -> None:
    answer = api.get("/api/v1/tables", {name: "_" * 60_000})
    assert (answer.status_code, answer.json()["code"]) == (400, "max_length")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", ["a " * 20_000, "_" * 60_000], ids=["words", "underlines"])
def test_a_page_refuses_a_search_for_a_long_text(browser: Client, page: str, text: str) -> None:
    answer = browser.get(reverse(page), {"search": text})
    assert answer.status_code == 400
    assert "at most 1,024 characters" in answer.content.decode()


@pytest.mark.parametrize("page", PAGES[1:])
def test_a_page_refuses_a_long_filter(browser: Client, page: str) -> None:
    assert browser.get(reverse(page), {"name__icontains": "_" * 60_000}).status_code == 400


@pytest.mark.parametrize("page", PAGES)
def test_a_page_answers_a_search_within_the_limit(browser: Client, page: str) -> None:
    assert browser.get(reverse(page), {"search": "q " * 512}).status_code == 200


def test_the_description_of_the_api_says_how_long_a_search_may_be(api: APIClient) -> None:
    document = api.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    parameters = document["paths"]["/api/v1/tables"]["get"]["parameters"]
    (found,) = [each["schema"] for each in parameters if each["name"] == "search"]
    assert found["maxLength"] == TEXT_CHARACTERS
