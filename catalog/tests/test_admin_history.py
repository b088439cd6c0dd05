"""Versions of Tables in the admin: read, checked, exported."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.contents import append_rows
from catalog.importing import import_rows
from catalog.models import SetAside, Table, VersionPart
from catalog.tests.factories import TableFactory, json_rows

pytestmark = pytest.mark.django_db
TABLES = "admin:catalog_table_changelist"


@pytest.fixture
def curator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("curator", password="tea"))
    return client


@pytest.fixture
def table(db: None) -> Table:
    table = TableFactory.create(rows=[{"id": 1}])
    append_rows(table, json_rows([{"id": 2}, {"id": 3}, {"id": 4}]))
    return table


def act(curator: Client, action: str, *tables: Table) -> str:
    sent = {"action": action, "_selected_action": [table.pk for table in tables]}
    return curator.post(reverse(TABLES), sent, follow=True).content.decode()


def test_a_table_shows_its_last_versions_and_nobody_changes_them(curator: Client, table: Table) -> None:
    text = curator.get(reverse("admin:catalog_table_change", args=[table.pk])).content.decode()
    assert "the last 20 versions" in text.lower()
    assert [f"/admin/catalog/tableversion/{each.pk}/" in text for each in table.versions.all()] == [True, True]
    assert 'name="versions-0-row_count"' not in text


def test_a_table_is_still_saved_beside_its_versions(curator: Client, table: Table) -> None:
    url = reverse("admin:catalog_table_change", args=[table.pk])
    assert curator.post(url, {"name": "renamed", "description": ""}).status_code == 302
    table.refresh_from_db()
    assert (table.name, table.version, table.row_count) == ("renamed", 2, 4)


def test_sound_tables_are_said_to_be_sound(curator: Client, table: Table) -> None:
    assert "Checked 1 table with 4 rows: all is as it was written." in act(curator, "check_selected", table)


def test_drift_is_named(curator: Client, table: Table) -> None:
    VersionPart.objects.filter(version=table.current).delete()
    assert "version 2: row_count: row_count of the version is 4; its Parts make 0." in act(
        curator, "check_selected", table
    )


def test_one_table_is_exported_at_a_time(curator: Client, table: Table) -> None:
    sent = {"action": "export_selected", "_selected_action": [table.pk]}
    assert curator.post(reverse(TABLES), sent)["Location"] == f"/tables/{table.pk}/rows.csv"
    assert "One table is exported at a time." in act(curator, "export_selected", table, TableFactory.create())


def test_rows_set_aside_are_listed_and_can_be_had_but_not_changed(curator: Client) -> None:
    table = TableFactory.create(rows=[{"id": 1}])
    imported = import_rows(table, "append", json_rows([{"id": "x"}, {"id": 2}]), lenient=True)
    assert imported.set_aside is not None
    listed = curator.get("/admin/catalog/setaside/").content.decode()
    link = reverse("table-set-aside", args=[table.pk, imported.set_aside.pk])
    assert link in listed
    page = curator.get(f"/admin/catalog/setaside/{imported.set_aside.pk}/change/").content.decode()
    assert "until that is pruned (prune_versions), or the table deleted" in page
    assert 'name="_save"' not in page
    assert curator.get("/admin/catalog/setaside/add/").status_code == 403
    assert b'"x"' in b"".join(curator.get(link).streaming_content)  # type: ignore[attr-defined] # a stream
    answer = curator.post(f"/admin/catalog/table/{table.pk}/delete/", {"post": "yes"})
    assert (answer.status_code, SetAside.objects.count()) == (302, 0)
