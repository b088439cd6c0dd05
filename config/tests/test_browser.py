"""The pages in a real browser: the main path of a person, with and without JavaScript, and nothing that CSP stops."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from catalog.models import Application
from catalog.tests.factories import ObjectSchemaFactory
from processes.tests.factories import FunctionFactory
from testcases.tests.factories import TestCaseFactory

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
WAIT = 20_000  # milliseconds that a busy machine may take for a page
expect.set_options(timeout=WAIT)
ATTRIBUTES = [{"name": "id", "type": "integer"}, {"name": "total", "type": "number"}]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of this machine. Its absence fails in CI and skips, aloud, elsewhere."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        message = "no Chromium on this machine: the pages were not tried in a browser"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in this thread, beside the ORM
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def open_site(settings: Any, live_server: Any) -> Any:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return live_server


@pytest.fixture
def failing_case(open_site: Any) -> Any:
    """A test case whose function gives 1 where 2 is expected."""
    shape = ObjectSchemaFactory.create(
        application=Application.objects.get(name="demo"), name="totals", attributes=ATTRIBUTES, primary_key=["id"]
    )
    function = FunctionFactory.create(name="same", inputs={"given": shape}, outputs={"result": shape})
    return TestCaseFactory.create(
        function=function,
        name="one is not two",
        inputs={"given": [{"id": 1, "total": 1}]},
        outputs={"result": [{"id": 1, "total": 2}]},
    )


def visit(browser: Browser, size: str = "desktop", **options: Any) -> tuple[Page, list[str]]:
    """A page, and the list to which its errors go."""
    page = browser.new_context(viewport=SIZES[size], **options).new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page, errors


def shows(place: Locator, text: str) -> None:
    """Wait until a place shows a text: a click returns before the page that it leads to is there."""
    expect(place).to_contain_text(text, use_inner_text=True)


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_a_person_runs_a_test_case_and_sees_the_cell_that_differs(
    browser, open_site, failing_case, java_script_enabled
):
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(f"{open_site.url}/test-cases/{failing_case.pk}")
    page.get_by_role("button", name="Run").first.click()
    page.get_by_role("link", name="one is not two").first.click()
    shows(page.locator("main"), "actual differs from expected: 1 changed")
    assert errors == []


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_a_person_makes_an_object_and_a_table_of_it(browser, open_site, java_script_enabled):
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(f"{open_site.url}/objects/new")
    page.get_by_label("Name", exact=True).first.fill("parcels")
    page.locator("[name=application]").select_option(label="app")
    page.locator("[name$='-0-name']").fill("weight")
    page.locator("[name$='-0-type']").select_option("number")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("heading", name="parcels")).to_be_visible()
    shows(page.locator("main"), "weight")
    assert errors == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(browser, open_site, failing_case, size, scheme):
    page, errors = visit(browser, size, color_scheme=scheme)
    for path in ("/", "/objects", "/tables", "/functions", "/test-cases", f"/test-cases/{failing_case.pk}", "/runs"):
        page.goto(open_site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    assert errors == []


@pytest.mark.parametrize(("path", "text"), [("/api/docs", "applications"), ("/api/redoc", "applications")])
def test_the_documentation_of_the_api_is_drawn_without_the_network(browser, open_site, path, text):
    page, _ = visit(browser)
    asked: list[str] = []
    page.on("requestfinished", lambda request: asked.append(request.url))  # the policy stops the others
    page.goto(open_site.url + path)
    page.get_by_text(text).first.wait_for(timeout=WAIT)
    assert [url for url in asked if not url.startswith((open_site.url, "data:", "blob:"))] == []
