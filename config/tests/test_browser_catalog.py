"""The catalog in a real browser: from a file to rows, a faulty file mended, rows found, a version undone."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from catalog.contents import append_rows, create_table
from catalog.models import Application, Table
from catalog.sources import JSONRows
from catalog.tests.factories import ObjectSchemaFactory, json_rows
from config.tests.test_browser import browser, open_site, shows, visit

__all__ = ["browser", "open_site"]
ATTRIBUTES = [{"name": "id", "type": "integer"}, {"name": "name", "type": "string"}]
BOTH = pytest.mark.parametrize("java_script_enabled", [True, False])

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


def rows_of(first: int, last: int) -> JSONRows:
    return json_rows([{"id": number, "name": f"name {number % 7}"} for number in range(first, last)])


@pytest.fixture
def table(open_site: Any) -> Table:
    """150 rows, then two more: versions 1 and 2."""
    demo = Application.objects.get(name="demo")
    shape = ObjectSchemaFactory.create(application=demo, name="people", attributes=ATTRIBUTES, primary_key=["id"])
    made = Table(object=shape, name="all people")
    create_table(made, rows_of(1, 151))
    append_rows(made, rows_of(151, 153))
    return made


def file(directory: Path, name: str, content: str) -> str:
    path = directory / name
    path.write_text(content)
    return str(path)


@BOTH
def test_a_file_becomes_an_object_and_a_table(browser, open_site, tmp_path, java_script_enabled):
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(f"{open_site.url}/objects")
    page.get_by_role("link", name="From a file").first.click()
    page.locator("[name=file]").set_input_files(file(tmp_path, "parcels.csv", "code;weight\n007;1,5\n008;2,5\n"))
    page.locator("[name=application]").select_option(label="app")
    page.get_by_role("button", name="Describe the file").click()
    shows(page.locator("main"), "leading zero")
    page.locator("[name=table]").fill("first parcels")
    page.get_by_role("button", name="Save").first.click()
    page.get_by_role("link", name="first parcels").click()
    shows(page.locator("caption").first, "of 2")
    shows(page.locator("main"), "007")
    assert errors == []


@BOTH
def test_a_faulty_file_is_checked_mended_and_imported(browser, open_site, table, tmp_path, java_script_enabled):
    page, errors = visit(browser, "phone", java_script_enabled=java_script_enabled)
    page.goto(f"{open_site.url}/tables/{table.pk}")
    page.get_by_role("link", name="Import").click()
    page.locator("[name=file]").set_input_files(file(tmp_path, "more.csv", "id,name\n200,ann\nx,bob\ny,cid\n1,dan\n"))
    page.get_by_role("button", name="Check").last.click()
    shows(page.get_by_role("alert").last, "type in id")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the rows that do not conform").click()
    assert "bob" in download.value.path().read_text()
    page.locator("[name=file]").set_input_files(file(tmp_path, "mended.csv", "id,name\n200,ann\n201,bob\n202,cid\n"))
    page.get_by_role("button", name="Check").last.click()
    shows(page.locator("main"), "3 rows would be added")
    page.get_by_role("button", name="Import").first.click()
    shows(page.locator("main"), "3 rows added")
    table.refresh_from_db()
    assert table.row_count == 155
    assert [error for error in errors if "400" not in error] == []


@BOTH
def test_rows_are_found_ordered_and_turned_over(browser, open_site, table, java_script_enabled):
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(f"{open_site.url}/tables/{table.pk}")
    page.get_by_role("link", name="Next rows").click()
    shows(page.locator("caption").first, "152 of 152")
    page.locator("[name=filter_attribute]").select_option("name")
    page.locator("[name=filter_value]").fill("name 3")
    page.get_by_role("button", name="Filter", exact=True).click()
    shows(page.locator("main"), "name is name 3")
    for direction in "ascending", "descending":
        page.locator("thead").get_by_role("link", name="id").first.click()
        expect(page.locator(f"[aria-sort={direction}]")).to_have_count(1)
    expect(page.locator("tbody tr").first.locator("td").first).to_have_text("150")
    page.get_by_role("link", name="Summarise the columns").click()
    shows(page.locator("main"), "152 rows")
    page.goto(f"{open_site.url}/tables/{table.pk}")
    shows(page.locator("tr.summary"), "7 distinct")
    assert errors == []


@BOTH
def test_versions_are_compared_and_one_is_made_current_again(browser, open_site, table, java_script_enabled):
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(f"{open_site.url}/tables/{table.pk}")
    page.get_by_role("link", name="Versions", exact=True).click()
    page.get_by_role("button", name="Compare the two that are picked").click()
    shows(page.locator("main"), "2 added")
    expect(page.locator("tr.added")).to_have_count(2)
    page.locator("summary", has_text="Go back to 1").click()
    page.locator("details[open] [name=message]").fill("two too many")
    page.get_by_role("button", name="Make these rows current").click()
    shows(page.locator("main"), "The rows of version 1 are current again, as version 3.")
    shows(page.locator("main"), "two too many")
    table.refresh_from_db()
    assert (table.version, table.row_count) == (3, 150)
    assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_a_table_is_wider_than_a_phone(browser, open_site, table, scheme):
    page, errors = visit(browser, "phone", color_scheme=scheme)
    below = f"/tables/{table.pk}"
    paths = ("/import", "/profile", "/versions", "/versions?from=1&to=2", "/edit", "")
    for path in (*(below + each for each in paths), f"/objects/{table.object_id}", f"/objects/{table.object_id}/edit"):
        page.goto(open_site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        unlabelled = "e => !e.labels.length && !e.ariaLabel"
        fields = "[...document.querySelectorAll('main :is(input:not([type=hidden]), select, textarea)')]"
        assert page.evaluate(f"{fields}.filter({unlabelled}).map(e => e.name)") == [], path
    assert errors == []
