"""NUL in texts: SQLite would keep it, PostgreSQL can't; both refuse it."""

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "objects",
            {"application": "test", "name": "o", "attributes": [{"name": "a", "type": "string", "title": "x\0y"}]},
        ),
        (
            "objects",
            {"application": "test", "name": "o", "attributes": [{"name": "a", "type": "string", "tags": ["\0"]}]},
        ),
        (
            "objects",
            {
                "application": "test",
                "name": "o",
                "attributes": [{"name": "a", "type": "string", "constraints": {"enum": ["\0"]}}],
            },
        ),
        (
            "objects",
            {"application": "test", "name": "o", "description": "\0", "attributes": [{"name": "a", "type": "string"}]},
        ),
        ("configurations", {"application_id": None, "name": "c", "config": {"a": "\0"}}),
        ("configurations", {"application_id": None, "name": "c", "config": {"\0": 1}}),
        ("applications", {"name": "c", "comments": "\0"}),
        ("functions", {"application": "test", "name": "f", "summary": "\0", "inputs": [], "outputs": []}),
        (
            "functions",
            {"application": "test", "name": "f", "parameters": [{"name": "p", "type": "string", "default": "\0"}]},
        ),
    ],
)
def test_a_text_with_nul_is_refused(api, application, path, body):
    if "application_id" in body:
        body = {**body, "application_id": application.pk}
    answer = api.post(f"/api/v1/{path}", body, format="json")
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
