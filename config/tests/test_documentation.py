"""The API documents itself, served from here."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from rest_framework import fields
from rest_framework.test import APIClient


def test_openapi_is_valid_and_without_warnings(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))


def test_what_openapi_says_of_a_field_is_said_of_a_class_of_ours(api: APIClient) -> None:
    """A note on a class of the framework would hold for every field of it, for as long as the process lives."""
    api.get("/api/schema")
    theirs = [each for each in vars(fields).values() if isinstance(each, type) and issubclass(each, fields.Field)]
    assert fields.JSONField in theirs
    assert not [each for each in theirs if "_spectacular_annotation" in vars(each)]


def test_openapi_has_examples_and_problems_for_every_resource(api: APIClient) -> None:
    document = api.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    assert document["openapi"] == "3.1.0"
    paths = document["paths"]
    for noun in ("applications", "configurations", "objects", "tables", "schemas"):
        listing = paths[f"/api/v1/{noun}"]["get"]
        assert "examples" in listing["responses"]["200"]["content"]["application/json"]
        assert "application/problem+json" in listing["responses"]["default"]["content"]
    assert not [path for path in paths if path.endswith("/") or not path.startswith("/api/v1/")]


@pytest.mark.parametrize("address", ["/api/docs", "/api/redoc"])
def test_the_documentation_loads_nothing_from_elsewhere(api: APIClient, address: str) -> None:
    page = api.get(address)
    assert page.status_code == 200
    text = page.content.decode()
    assert "https://" not in text.replace("https://www.w3.org", "")
    assert "unpkg" not in text and "jsdelivr" not in text
    assert "<script>" not in text  # the policy allows no inline script
    assert "'unsafe-inline'" not in page["Content-Security-Policy"].split("script-src")[1].split(";")[0]


def test_health_tells_what_is_down(api: APIClient, settings: Any, tmp_path: Path) -> None:
    healthy = api.get("/api/v1/health")
    assert healthy.status_code == 200
    assert healthy.json() == {
        "status": "ok",
        "version": configured.VERSION,
        "checks": {"database": "ok", "cache_directory": "ok", "workers": "absent"},
    }
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    settings.PARTS_CACHE_DIR = in_the_way / "parts"
    down = api.get("/health")
    assert (down.status_code, down.json()["status"], down.json()["checks"]["database"]) == (503, "down", "ok")


def test_headers_and_trials_are_described(api: APIClient) -> None:
    paths = api.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()["paths"]
    read = paths["/api/v1/tables/{table_id}/rows"]["get"]["responses"]["200"]["headers"]
    assert {"ETag", "Link", "Server-Timing", "X-Masked"} <= set(read)
    for path, method in (("/api/v1/tables", "post"), ("/api/v1/objects/{id}", "patch"), ("/api/v1/records", "post")):
        names = [each["name"] for each in paths[path][method]["parameters"]]
        assert names.count("dry_run") == 1, path
