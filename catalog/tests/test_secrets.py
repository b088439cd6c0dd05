"""Secrets of a configuration are named, never stored, and taken only from where a setting allows."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.models import Application, Configuration
from catalog.rules.secrets import ConfigurationError, check_references

pytestmark = pytest.mark.django_db
SECRET = {"base_url": "https://x", "headers": {"Authorization": {"$env": "EXEMPLAR_SECRET_TOKEN"}}}


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.CONFIGURATION_ENV = ["EXEMPLAR_SECRET_*"]
    settings.DEBUG, settings.API_ACCESS = True, "open"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ({"$env": "SECRET_KEY"}, "env_not_allowed"),
        ({"$env": "DATABASE_URL"}, "env_not_allowed"),
        ({"$env": "exemplar_secret_x"}, "env_not_allowed"),
        ({"$env": ""}, "invalid_reference"),
        ({"$env": 7}, "invalid_reference"),
        ({"$env": "EXEMPLAR_SECRET_A\nB"}, "invalid_reference"),
        ({"$env": "EXEMPLAR_SECRET_A", "default": "x"}, "invalid_reference"),
    ],
)
def test_a_reference_that_may_not_be_is_refused_with_its_place(
    application: Application, reference: Any, code: str
) -> None:
    body = {"application_id": application.pk, "name": "staging", "config": {"a": [{"b": reference}]}}
    answer = APIClient().post("/api/v1/configurations", body)
    assert answer.status_code == 400
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [("/config/a/0/b", code)]


def test_the_api_shows_the_name_and_never_the_value(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXEMPLAR_SECRET_TOKEN", "s3cret")
    body = {"application_id": application.pk, "name": "staging", "config": SECRET}
    made = APIClient().post("/api/v1/configurations", body)
    assert made.json()["config"] == SECRET
    configuration = Configuration.objects.get()
    resolved = configuration.resolve()
    assert resolved.values["headers"] == {"Authorization": "s3cret"}
    assert resolved.secrets == ("s3cret",)
    assert "s3cret" not in repr(resolved)
    configuration.refresh_from_db()
    assert configuration.config == SECRET


def test_what_is_not_set_or_not_allowed_any_more_is_told_without_a_value(
    application: Application, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = Configuration.objects.create(application=application, name="staging", config=SECRET)
    monkeypatch.delenv("EXEMPLAR_SECRET_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match="EXEMPLAR_SECRET_TOKEN is not set"):
        configuration.resolve()
    monkeypatch.setenv("EXEMPLAR_SECRET_TOKEN", "s3cret")
    settings.CONFIGURATION_ENV = []
    with pytest.raises(ConfigurationError, match="may not be used"):
        configuration.resolve()


def test_a_deep_configuration_is_walked() -> None:
    config: Any = {"$env": "PATH"}
    for _ in range(5000):
        config = [config]
    assert [problem.code for problem in check_references(config, [])] == ["env_not_allowed"]
