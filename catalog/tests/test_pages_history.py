"""The pages of a Table's past."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalog.contents import append_rows, delete_rows, update_rows
from catalog.history.pruning import Rule, prune
from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ann", password="tea"))
    return client


@pytest.fixture
def table(db: None) -> Table:
    rows = ['{"id": 1, "name": "<b>ann</b>", "amount": 1.50}', '{"id": 2, "name": ""}', '{"id": 3}']
    table = TableFactory.create(rows=rows)
    update_rows(table, [1, 2], json_rows(['{"amount": 2}', '{"name": "bo"}']), [["amount"], ["name"]])
    delete_rows(table, [3])
    append_rows(table, json_rows([{"id": 4}]))
    return table


def text_of(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "style=" not in text
    assert "<script" not in text
    return text


def test_a_profile_shows_a_card_to_each_attribute(browser: Client, table: Table) -> None:
    text = text_of(browser, f"/tables/{table.pk}/profile/")
    assert text.count('class="card profile"') == 3
    assert text.count("<svg") == 2  # id and amount
    assert "&lt;b&gt;ann&lt;/b&gt;" in text
    assert "<title>4 to 4: 1 row</title>" in text
    old = text_of(browser, f"/tables/{table.pk}/profile/?version=1")
    assert "The current version is 4" in old
    assert "empty text" in old


def test_a_profile_of_many_attributes_comes_in_pages(browser: Client) -> None:
    shape = ObjectSchemaFactory.create(attributes=[{"name": f"a{n}", "type": "integer"} for n in range(100)])
    table = TableFactory.create(object=shape)
    text = text_of(browser, f"/tables/{table.pk}/profile/?page=3")
    assert text.count('class="card profile"') == 4
    assert "Page 3 of 3" in text


def test_the_versions_are_listed_and_two_can_be_picked(browser: Client, table: Table) -> None:
    text = text_of(browser, f"/tables/{table.pk}/versions/")
    assert text.count('name="from"') == text.count('name="to"') == 4
    assert text.count("Go back to") == 3
    assert "Rows that differ" not in text


def test_a_diff_is_shown_cell_by_cell_in_words(browser: Client, table: Table) -> None:
    text = text_of(browser, f"/tables/{table.pk}/versions/?from=1&to=4")
    assert "1 added, 2 changed, 1 removed." in text
    for row_class in ("added", "changed", "removed"):
        assert f'<tr class="{row_class}"><th scope="row">{row_class}</th>' in text
    assert "<small>was </small><span>1.50</span>" in text
    assert "<small>is now </small><span>2.00</span>" in text
    assert '<span class="empty-text">empty text</span>' in text
    only = text_of(browser, f"/tables/{table.pk}/versions/?from=1&to=4&class=removed")
    assert '<tr class="removed">' in only
    assert '<tr class="added">' not in only


def test_what_the_eye_does_not_see_of_a_change_is_told(browser: Client, table: Table) -> None:
    long = "x" * 5_000_000
    first = append_rows(table, json_rows([{"name": name} for name in ("Oslo", "caf\u00e9", long)])).number
    ids = list(range(table.next_row_id - 3, table.next_row_id))
    changed = [{"name": name} for name in ("Oslo ", "cafe\u0301", long + "y")]
    second = update_rows(table, ids, json_rows(changed), [["name"]] * 3).number
    text = text_of(browser, f"/tables/{table.pk}/versions/?from={first}&to={second}")
    assert "they differ in what is not seen: none, U+0020 at the end" in text
    assert "the same text in another Unicode form: NFC, NFD" in text
    assert "they differ behind the first 1,000 characters" in text
    assert len(text) < 100_000


def test_a_long_diff_goes_on_on_the_next_page(browser: Client, table: Table) -> None:
    append_rows(table, json_rows([{"id": n} for n in range(10, 160)]))
    text = text_of(browser, f"/tables/{table.pk}/versions/?from=4&to=5")
    assert "100 of 150 rows that differ" in text
    assert "?from=4&amp;to=5&amp;after=104" in text
    assert text_of(browser, f"/tables/{table.pk}/versions/?from=4&to=5&after=104").count('<tr class="added">') == 50


def test_going_back_takes_a_reason(browser: Client, table: Table) -> None:
    sent = {"version": "1", "expected_version": "4", "message": "the prices were right"}
    answer = browser.post(f"/tables/{table.pk}/versions/", sent, follow=True)
    text = answer.content.decode()
    assert "The rows of version 1 are current again, as version 5." in text
    assert "the prices were right" in text
    stale = browser.post(f"/tables/{table.pk}/versions/", sent, follow=True).content.decode()
    assert "Nothing was changed." in stale
    table.refresh_from_db()
    assert (table.version, table.row_count, str(table.current.created_by)) == (5, 3, "ann")


@pytest.mark.parametrize("query", ["?from=9", "?from=x", "?from=1&to=0", "?from=-1", "?from=99999999999999999999"])
def test_a_version_that_is_not_there_is_not_found(browser: Client, table: Table, query: str) -> None:
    assert browser.get(f"/tables/{table.pk}/versions/{query}").status_code == 404


def test_a_pruned_version_is_not_found(browser: Client, table: Table) -> None:
    prune(Table.objects.all(), Rule(1))
    assert browser.get(f"/tables/{table.pk}/profile/?version=1").status_code == 404
    sent = {"version": "1", "expected_version": "4"}
    assert browser.post(f"/tables/{table.pk}/versions/", sent).status_code == 404
    assert "Go back to" not in text_of(browser, f"/tables/{table.pk}/versions/")


@pytest.mark.parametrize("sent", [{}, {"version": "x", "expected_version": "4"}, {"version": "1"}])
def test_a_form_that_says_nothing_changes_nothing(browser: Client, table: Table, sent: dict[str, str]) -> None:
    assert browser.post(f"/tables/{table.pk}/versions/", sent).status_code == 404
    table.refresh_from_db()
    assert table.version == 4
