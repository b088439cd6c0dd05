"""The pages of configurations."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Application, Configuration

pytestmark = pytest.mark.django_db
SECRET = '{"headers": {"X-Token": {"$env": "EXEMPLAR_SECRET_TOKEN"}}}'


@pytest.fixture
def browser(settings: Any) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return Client()


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_a_configuration_is_made_changed_and_deleted(browser: Client, application: Application) -> None:
    assert "Write the first one" in text(browser.get(reverse("configuration-list")))
    typed = {"application": application.pk, "name": " local ", "config": '{"base_url": "http://127.0.0.1:1"}'}
    assert browser.post(reverse("configuration-create"), typed)["Location"] == reverse("configuration-list")
    made = Configuration.objects.get()
    assert (made.name, made.config) == ("local", {"base_url": "http://127.0.0.1:1"})
    address = reverse("configuration-edit", args=[made.pk])
    assert "http://127.0.0.1:1" in text(browser.get(address))
    browser.post(address, {"name": "nowhere", "config": ""})
    made.refresh_from_db()
    assert (made.name, made.config, made.application) == ("nowhere", {}, application)
    browser.post(reverse("configuration-delete", args=[made.pk]))
    assert not Configuration.objects.exists()


def test_a_secret_is_named_and_never_shown(
    browser: Client, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXEMPLAR_SECRET_TOKEN", "moonlight")
    browser.post(reverse("configuration-create"), {"application": application.pk, "name": "local", "config": SECRET})
    made = Configuration.objects.get()
    for address in (reverse("configuration-list"), reverse("configuration-edit", args=[made.pk])):
        page = text(browser.get(address))
        assert "EXEMPLAR_SECRET_TOKEN" in page
        assert "moonlight" not in page


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"config": "{"}, "config", "invalid_json"),
        ({"config": "[1]"}, "config", "not_an_object"),
        ({"config": '{"a": {"$env": "SECRET_KEY"}}'}, "config", "env_not_allowed"),
        ({"config": '{"a": {"$env": 1}}'}, "config", "invalid_reference"),
        ({"name": ""}, "name", "blank"),
        ({"name": "taken"}, "__all__", "name_taken"),
        ({"application": "nothing"}, "application", "invalid_choice"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    browser: Client, application: Application, fields: dict[str, str], field: str, code: str
) -> None:
    Configuration.objects.create(application=application, name="taken")
    typed = {"application": application.pk, "name": "local", "config": "{}", **fields}
    answer = browser.post(reverse("configuration-create"), typed)
    assert answer.status_code == 400
    found = answer.context["form"].errors.as_data()
    assert {name: errors[0].code for name, errors in found.items()} == {field: code}
    assert Configuration.objects.count() == 1


def test_configurations_are_found(browser: Client, application: Application) -> None:
    Configuration.objects.create(application=application, name="local", comments="at home")
    for query, is_found in (("search=home", True), ("search=%00", False), ("application=test", True)):
        assert ("local</a>" in text(browser.get(f"{reverse('configuration-list')}?{query}"))) == is_found
    assert "No configuration fits" in text(browser.get(reverse("configuration-list") + "?application=%00"))
    assert browser.get(reverse("configuration-create") + "?application=%00").status_code == 200
    assert browser.get(reverse("configuration-edit", args=["nothing"])).status_code == 404
