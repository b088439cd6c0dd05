"""Sensitive attributes: who may not see their values reads null, finds nothing by them, and may write them."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from rest_framework.test import APIClient

from catalog.contents import append_rows, update_rows
from catalog.evolution import publish
from catalog.models import ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from catalog.writing import Write

EMAILS = ["ann@example.org", "bob@example.org", "cid@example.org"]
ATTRIBUTES: list[dict[str, Any]] = [
    {"name": "id", "type": "integer"},
    {"name": "email", "type": "string", "sensitive": True, "constraints": {"minLength": 3, "unique": True}},
    {"name": "city", "type": "string"},
]


@pytest.fixture
def shape(db: None) -> ObjectSchema:
    return ObjectSchemaFactory.create(name="people", attributes=ATTRIBUTES)


@pytest.fixture
def table(shape: ObjectSchema) -> Table:
    rows = [{"id": number, "email": email, "city": "Oslo"} for number, email in enumerate(EMAILS, 1)]
    return TableFactory.create(object=shape, name="people", rows=rows)


@pytest.fixture
def address(table: Table) -> str:
    return f"/api/v1/tables/{table.pk}"


@pytest.fixture
def stranger(db: None) -> APIClient:
    """Signed in, without the permission."""
    client = APIClient()
    client.force_login(User.objects.create_user("stranger"))
    return client


@pytest.fixture
def confidant(db: None) -> APIClient:
    user = User.objects.create_user("confidant")
    user.user_permissions.add(Permission.objects.get(codename="see_sensitive"))
    client = APIClient()
    client.force_login(user)
    return client


def body(answer: Any) -> str:
    content: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


READS = [
    "",
    "/rows",
    "/rows?limit=1",
    "/rows?fields=email",
    "/rows?version=1",
    "/rows/1",
    "/rows/1?fields=email",
    "/rows.ndjson",
    "/rows.ndjson?ordering=-id",
    "/rows.csv",
    "/rows.json",
    "/profile",
    "/profile?fields=email",
    "/diff?from=1&to=2",
    "/diff.ndjson?from=1&to=2",
]


@pytest.fixture
def changed(table: Table) -> Table:
    """A second version, in which an address and a row are new."""
    update_rows(table, [1], json_rows([{"email": "new@example.org"}]), [["email"]], Write())
    append_rows(table, json_rows([{"id": 4, "email": "dot@example.org"}]), Write())
    table.refresh_from_db()
    return table


@pytest.mark.parametrize("path", READS)
def test_who_may_not_see_reads_null_and_is_told_so(
    stranger: APIClient, confidant: APIClient, changed: Table, address: str, path: str
) -> None:
    answer, full = stranger.get(address + path), confidant.get(address + path)
    assert answer.status_code == full.status_code == 200
    assert "@example.org" not in body(answer)
    assert answer["X-Masked"] == "email"
    assert "@example.org" in body(full)
    assert "X-Masked" not in full
    assert answer.get("ETag") != full.get("ETag") or "diff" in path


@pytest.mark.parametrize("guess", ["ann@example.org", "eve@example.org"])
def test_a_diff_does_not_tell_whether_a_guess_of_a_masked_value_is_right(
    stranger: APIClient, confidant: APIClient, table: Table, address: str, guess: str
) -> None:
    update_rows(table, [1], json_rows([{"email": guess}]), [["email"]], Write())
    answer = stranger.get(f"{address}/diff?from=1&to=2").json()
    assert (answer["counts"]["changed"], answer["attributes"], answer["results"]) == (0, {}, [])
    assert body(stranger.get(f"{address}/diff.ndjson?from=1&to=2")) == ""
    assert confidant.get(f"{address}/diff?from=1&to=2").json()["counts"]["changed"] == (guess != EMAILS[0])
    page = Client()
    page.cookies = stranger.cookies
    text = page.get(f"/tables/{table.pk}/versions/?from=1&to=2").content.decode()
    assert "Sensitive, so neither shown to you nor compared: email." in text
    assert "No row differs" in text


def test_a_cell_that_may_not_be_seen_is_said_to_be_sensitive_and_not_null(stranger: APIClient, table: Table) -> None:
    update_rows(table, [1], json_rows([{"email": "new@example.org", "city": "Rome"}]), [["email", "city"]], Write())
    page = Client()
    page.cookies = stranger.cookies
    text = page.get(f"/tables/{table.pk}/versions/?from=1&to=2").content.decode()
    assert '<td class="muted">sensitive</td>' in text
    assert '<span class="null">' not in text


@pytest.mark.parametrize("suffix", ["parquet", "xlsx"])
def test_files_are_masked(stranger: APIClient, confidant: APIClient, address: str, suffix: str) -> None:
    answer = stranger.get(f"{address}/rows.{suffix}")
    assert (answer.status_code, answer["X-Masked"]) == (200, "email")
    assert len(body(answer)) < len(body(confidant.get(f"{address}/rows.{suffix}")))
    again = APIClient()
    again.cookies = stranger.cookies
    sent = b"".join(stranger.get(f"{address}/rows.parquet").streaming_content)
    assert b"ann@" not in sent


@pytest.mark.parametrize(
    "path", ["/api/v1/records/people", "/api/v1/records/people/stream", "/api/v1/records/people/{table}:1"]
)
def test_records_are_masked(stranger: APIClient, confidant: APIClient, table: Table, path: str) -> None:
    answer = stranger.get(path.format(table=table.pk))
    assert (answer.status_code, answer["X-Masked"]) == (200, "email")
    assert "@example.org" not in body(answer)
    assert "@example.org" in body(confidant.get(path.format(table=table.pk)))


@pytest.mark.parametrize(
    "query",
    [
        "email=ann@example.org",
        "email__starts_with=a",
        "email__is_null",
        "ordering=email",
        "ordering=-email",
        'filter={"or":[{"attribute":"id","value":1},{"attribute":"email","op":"contains","value":"ann"}]}',
    ],
)
def test_nothing_is_found_by_what_may_not_be_seen(
    stranger: APIClient, confidant: APIClient, address: str, query: str
) -> None:
    for path in ("/rows", "/rows.ndjson"):
        answer = stranger.get(f"{address}{path}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert "'email' is sensitive" in answer.json()["detail"]
        assert confidant.get(f"{address}{path}?{query}").status_code == 200
    assert stranger.get(f"/api/v1/records/people?{query}").status_code == 403
    assert stranger.get(f"/api/v1/records/people/count?{query}").status_code == 403
    assert stranger.delete(f"{address}/rows?max_affected=9&dry_run=1&{query}").status_code == 403


def test_nor_by_a_document(stranger: APIClient, address: str) -> None:
    asked = {"where": {"attribute": "email", "op": "eq", "value": EMAILS[0]}}
    assert stranger.post(f"{address}/rows/query", asked).status_code == 403
    answer = stranger.post(f"{address}/rows/query", {"where": {"attribute": "id", "value": 1}})
    assert (answer.json()["results"][0]["email"], answer["X-Masked"]) == (None, "email")


def test_on_a_site_that_is_open_to_the_caller_he_sees_all(api: APIClient, address: str) -> None:
    answer = api.get(f"{address}/rows?email={EMAILS[0]}")
    assert answer.json()["results"][0]["email"] == EMAILS[0]
    assert "X-Masked" not in answer


def test_values_may_be_written_by_who_may_not_see_them(stranger: APIClient, address: str, table: Table) -> None:
    answer = stranger.post(f"{address}/rows", [{"id": 9, "email": "eve@example.org"}])
    assert answer.status_code == 201
    answer = stranger.patch(f"{address}/rows/1", {"email": "new@example.org"})
    assert (answer.status_code, answer.json()["email"], answer["X-Masked"]) == (200, None, "email")
    assert stranger.get(f"{address}/rows/1").json()["email"] is None


@pytest.mark.parametrize("email", ["x", EMAILS[1]])
def test_errors_do_not_tell_the_values(stranger: APIClient, confidant: APIClient, address: str, email: str) -> None:
    for path, sent in (("/rows", [{"id": 9, "email": email}]), ("", {"rows": [{"id": 1, "email": email}] * 2})):
        send = stranger.post if path else stranger.patch
        error = send(address + path, sent).json()["errors"][0]
        assert (error["attribute"], "value" in error) == ("email", False), error
        assert email not in error["message"].split()
    assert confidant.post(f"{address}/rows", [{"id": 9, "email": email}]).json()["errors"][0]["value"] == email


def test_a_report_does_not_tell_the_values(stranger: APIClient, shape: ObjectSchema) -> None:
    answer = stranger.post(f"/api/v1/objects/{shape.pk}/validate", [{"id": 1, "email": "x"}]).json()
    assert (answer["error_count"], "value" in answer["errors"][0]) == (1, False)
    assert "value" not in answer["kinds"][0]["first"]


def test_rows_set_aside_are_for_who_sent_them(stranger: APIClient, confidant: APIClient, address: str) -> None:
    sent = {"data": [{"id": 9, "email": "x"}], "headers": {"Prefer": "handling=lenient"}}
    hidden = confidant.post(f"{address}/rows", **sent).json()["set_aside"]
    own = stranger.post(f"{address}/rows", **sent)
    assert "value" not in own.json()["errors"][0]
    assert stranger.get(own.json()["set_aside"]).status_code == 200
    assert stranger.get(hidden).status_code == 403
    assert confidant.get(own.json()["set_aside"]).status_code == 200


def test_who_may_not_see_does_not_unmask(stranger: APIClient, confidant: APIClient, shape: ObjectSchema) -> None:
    plain = [{name: value for name, value in each.items() if name != "sensitive"} for each in ATTRIBUTES]
    answer = stranger.patch(f"/api/v1/objects/{shape.pk}", {"attributes": plain})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert confidant.patch(f"/api/v1/objects/{shape.pk}", {"attributes": plain}).status_code == 200


def changed_email(**values: Any) -> dict[str, Any]:
    return {"attributes": [{**each, **values} if each["name"] == "email" else each for each in ATTRIBUTES]}


@pytest.mark.parametrize(
    "change",
    [
        changed_email(constraints={"pattern": "ann.*"}),
        changed_email(constraints={"enum": EMAILS}),
        changed_email(constraints={"minLength": 99}),
        changed_email(type="integer", constraints={}),
        changed_email(format="email"),
        changed_email(categories=EMAILS),
        {"uniqueKeys": [["city", "email"]]},
        {"primaryKey": ["email"]},
        {"foreignKeys": [{"fields": ["city"], "reference": {"object": "", "fields": ["email"]}}]},
        {"foreignKeys": [{"fields": ["email"], "reference": {"object": "", "fields": ["city"]}}]},
    ],
)
@pytest.mark.parametrize("query", ["", "?dry_run=1"])
def test_who_may_not_see_makes_no_rules_that_tell_the_values(
    stranger: APIClient, confidant: APIClient, table: Table, change: dict[str, Any], query: str
) -> None:
    address = f"/api/v1/objects/{table.object_id}"
    answer = stranger.patch(address + query, change)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "'email'" in answer.json()["detail"]
    assert confidant.patch(f"{address}?dry_run=1", change).status_code in {200, 409}
    assert stranger.patch(address, changed_email(title="Where to write")).status_code == 200
    wider = {"attributes": [*ATTRIBUTES, {"name": "note", "type": "string"}], "primaryKey": ["id"]}
    assert stranger.patch(address, wider).status_code == 200


def test_nor_an_object_that_refers_to_them(stranger: APIClient, confidant: APIClient, table: Table) -> None:
    def referring(field: str) -> dict[str, Any]:
        key = {"fields": ["x"], "reference": {"object": "people", "fields": [field]}}
        sent = {"application": table.object.application.name, "name": f"of {field}", "foreignKeys": [key]}
        return {**sent, "attributes": [{"name": "x", "type": "string"}]}

    answer = stranger.post("/api/v1/objects", referring("email"))
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert stranger.post("/api/v1/objects", referring("city")).status_code == 201
    assert confidant.post("/api/v1/objects", referring("email")).status_code == 201


def test_what_became_sensitive_later_is_masked_in_earlier_versions(
    stranger: APIClient, shape: ObjectSchema, address: str
) -> None:
    shape.definition = {"attributes": [{**each, "sensitive": each["name"] in {"email", "city"}} for each in ATTRIBUTES]}
    shape.full_clean()
    publish(shape)
    answer = stranger.get(f"{address}/rows?version=1")
    assert answer["X-Masked"] == "city, email"
    assert "Oslo" not in body(answer)
    assert "Oslo" not in body(stranger.get(f"{address}?version=1"))
    assert "Oslo" not in body(stranger.get(f"{address}/profile?version=1"))


def test_the_pages_mask_as_the_api_does(stranger: APIClient, confidant: APIClient, changed: Table) -> None:
    page = f"/tables/{changed.pk}/"
    reads = ["", "profile/", "versions/?from=1&to=3", "rows.csv", "rows.ndjson", "?email__contains=ann"]
    for path in reads:
        assert "@example.org" not in body(stranger.get(page + path)), path
        assert path.startswith("?") or "@example.org" in body(confidant.get(page + path)), path
    assert "masked" in body(stranger.get(page))
    for path in ("edit/", "rows/1/", "?email__contains=ann"):
        assert stranger.get(page + path).status_code == 403, path
        assert confidant.get(page + path).status_code == 200, path


def test_a_superuser_sees(admin_client: Client, address: str) -> None:
    assert json.loads(admin_client.get(f"{address}/rows/1").content)["email"] == EMAILS[0]
