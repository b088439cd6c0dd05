"""Functions tried, test cases run and verdicts read in a real browser, with and without JavaScript, and by keyboard."""

import re
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from catalog.models import Application, Configuration
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from config.tests.test_browser import browser, open_site, shows, visit
from processes.models import Function, ImplementationDefinition
from processes.tests.factories import FunctionFactory
from testcases.deferring import defer_run
from testcases.models import Run, TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

__all__ = ["browser", "open_site"]
BOTH = pytest.mark.parametrize("java_script_enabled", [True, False])
ATTRIBUTES = [
    {"name": "id", "type": "integer"},
    {"name": "total", "type": "number"},
    {"name": "note", "type": "string"},
]
TABS = 80  # more than any page has before its main button

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def function(open_site: Any) -> Function:
    """Gives what it is given; its second implementation doubles."""
    demo = Application.objects.get(name="demo")
    shape = ObjectSchemaFactory.create(application=demo, name="totals", attributes=ATTRIBUTES, primary_key=["id"])
    made: Function = FunctionFactory.create(name="doubtful", inputs={"given": shape}, outputs={"result": shape})
    made.define(
        implementations=[
            ImplementationDefinition("same", "sql", {"result": "SELECT * FROM given"}),
            ImplementationDefinition("double", "sql", {"result": "SELECT * REPLACE (total * 2 AS total) FROM given"}),
        ]
    )
    return made


@pytest.fixture
def case(function: Function) -> TestCase:
    """Of its rows one is changed, one is missing and one is unexpected."""
    given = [{"id": 1, "total": 1, "note": ""}, {"id": 2, "total": 2, "note": None}]
    expected = [{"id": 1, "total": 3, "note": None}, {"id": 3, "total": 3, "note": "gone"}]
    table = TableFactory.create(object=function.inputs[0].object, name="two rows", rows=given)
    made: TestCase = TestCaseFactory.create(
        function=function, name="wrong", inputs={"given": table}, outputs={"result": expected}
    )
    return made


@pytest.fixture
def right(function: Function) -> TestCase:
    """Passes with the first implementation alone."""
    rows = [{"id": 1, "total": 1, "note": "x"}]
    made: TestCase = TestCaseFactory.create(
        function=function, name="right", tags=["small"], inputs={"given": rows}, outputs={"result": rows}
    )
    return made


def address(site: Any, name: str, *args: Any) -> str:
    return str(site.url + reverse(name, args=args))


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus, as who has no mouse does."""
    for _ in range(TABS):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement?.matches({selector!r})"):
            return
    pytest.fail(f"{selector} is not reached by keyboard")


@BOTH
def test_a_function_is_tried_and_what_comes_out_is_kept(browser, open_site, function, java_script_enabled):
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(address(open_site, "function-detail", function.pk))
    page.get_by_role("link", name="Try it").click()
    page.get_by_label("Implementation").select_option(label="double (SQL)")
    page.get_by_label("Or rows").fill("id,total,note\n7,21,\n")
    page.get_by_role("button", name="Run", exact=True).click()
    shows(page.locator("#outcome"), "42")
    expect(page.locator("#outcome .null")).to_have_text("null")
    page.get_by_label("Name of the test case").fill("seven")
    page.get_by_role("button", name="Save as test case").click()
    shows(page.locator("main"), "The test case 'seven' is saved")
    expect(page.get_by_role("heading", name="seven", exact=True)).to_be_visible()
    assert errors == []


def test_a_function_is_tried_by_keyboard_alone(browser, open_site, function):
    page, errors = visit(browser)
    page.goto(address(open_site, "function-try", function.pk))
    tab_to(page, "textarea[name$='-rows']")
    page.keyboard.type("id,total,note\n7,21,x\n")
    tab_to(page, "button[value=run]")
    page.keyboard.press("Enter")
    shows(page.locator("#outcome"), "21")
    tab_to(page, "input[name=name]")
    page.keyboard.type("by keyboard")
    tab_to(page, "button[value=save]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by keyboard", exact=True)).to_be_visible()
    assert errors == []


@BOTH
def test_choices_lead_to_a_grid_and_its_cells_to_results(browser, open_site, case, right, java_script_enabled):
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(address(open_site, "function-detail", case.function_id))
    page.get_by_role("link", name="Run with choices").click()
    page.get_by_label("all that a function has").check()
    page.get_by_role("button", name="How many are these?").click()
    shows(page.get_by_role("status"), "2 test cases would be run")
    expect(page.get_by_label("all that a function has")).to_be_checked()
    page.get_by_role("button", name="Run", exact=True).click()
    grid = page.get_by_role("region", name="Test cases by implementations")
    shows(grid, "1 of 2 passed")
    row = grid.get_by_role("row").filter(has=page.get_by_role("link", name="right", exact=True))
    expect(row.locator(".verdict")).to_have_text(["passed", "failed"])
    page.get_by_role("link", name="Where implementations disagree").click()
    expect(grid.locator("tbody tr")).to_have_count(1)
    row.get_by_role("link", name="failed").click()
    shows(page.locator("main"), "implementation double")
    shows(page.locator("main"), "Who is to blame?")
    page.goto(address(open_site, "function-detail", case.function_id))
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="right", exact=True))
    expect(row.locator(".verdict")).to_have_text(["passed", "failed"])
    assert errors == []


@BOTH
def test_a_diff_is_filtered_and_the_actual_rows_are_accepted(browser, open_site, case, java_script_enabled):
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(address(open_site, "test-case-detail", case.pk))
    page.get_by_role("button", name="Run", exact=True).first.click()
    diff = page.get_by_role("region", name="Rows of result that differ")
    expect(diff.locator("tbody tr")).to_have_count(3)
    changed = diff.locator("tr.changed td.changed")
    expect(changed.locator(".expected")).to_have_text(["3.0", "null"])
    expect(changed.locator(".actual")).to_have_text(["1.0", "empty text"])
    page.get_by_role("link", name="1 missing").click()
    expect(diff.locator("tbody tr")).to_have_count(1)
    shows(diff, "gone")
    page.get_by_text("Accept actual as expected").click()
    page.get_by_label("Why is what the function gave right?").fill("the menu changed")
    page.get_by_role("button", name="Accept", exact=True).click()
    shows(page.locator("main"), "Accepted:")
    shows(page.locator("main"), "Stale:")
    page.get_by_role("button", name="Run again").click()
    shows(page.locator("main"), "1 passed")
    assert case.outputs[0].table.versions.get(number=2).message == "the menu changed"
    assert errors == []


@BOTH
def test_two_runs_are_compared(browser, open_site, case, java_script_enabled):
    first = run_test_cases(case.application, [case])
    run_test_cases(case.application, [case], implementations=["double"])
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(address(open_site, "run-detail", first.pk))
    page.get_by_label("Run of demo").select_option(index=0)
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="What changed between two runs")).to_be_visible()
    shows(page.locator("main"), "wrong")
    assert errors == []


@BOTH
def test_a_run_that_waits_is_cancelled(browser, open_site, case, java_script_enabled):
    run = defer_run(case.application, [case])
    page, _ = visit(browser, java_script_enabled=java_script_enabled)  # this server has no WebSocket, which is told
    page.goto(address(open_site, "run-detail", run.pk))
    shows(page.locator("main"), "0 of 1 judged")
    page.get_by_role("button", name="Cancel").click()
    shows(page.locator("main"), "The run is cancelled.")
    shows(page.locator("h1"), "cancelled")
    assert Run.objects.get().state == "cancelled"


def test_a_run_that_goes_on_is_loaded_again_without_javascript(browser, open_site, case):
    run = defer_run(case.application, [case])
    page, errors = visit(browser, java_script_enabled=False)
    page.goto(address(open_site, "run-detail", run.pk))
    assert 'http-equiv="refresh"' in page.content()
    expect(page.get_by_role("link", name="Look again")).to_be_visible()
    assert errors == []


@BOTH
def test_an_implementation_is_written_from_its_example(browser, open_site, function, settings, java_script_enabled):
    settings.COMMAND_PROGRAMS = ["sort"]
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(address(open_site, "function-edit", function.pk))
    page.get_by_role("button", name="Add an implementation").click()
    third = page.locator("#implementations-2")
    third.get_by_label("Name").fill("sorted")
    third.get_by_label("Kind").select_option(label="command")
    third.get_by_role("button", name="Show the kind's fields").click()
    third.get_by_text("An example, and what this installation allows").click()
    shows(third, "COMMAND_PROGRAMS: sort.")
    third.get_by_role("button", name="Write it where nothing is written yet").click()
    expect(third.get_by_label("Definition")).to_have_value(re.compile("input:given"))
    page.get_by_role("button", name="Save").first.click()
    shows(page.locator("main"), "The function 'doubtful' is saved.")
    assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_a_run_is_wider_than_a_phone_and_every_field_has_a_label(browser, open_site, case, right, scheme):
    wide = [{"name": f"attribute number {number}", "type": "string"} for number in range(40)]
    shape = ObjectSchemaFactory.create(application=case.application, name="wide", attributes=wide)
    rows = [{each["name"]: "W" * 60 for each in wide}]
    broad = TestCaseFactory.create(
        function=FunctionFactory.create(name="broad", inputs={"given": shape}, outputs={"result": shape}),
        inputs={"given": rows},
        outputs={"result": []},
    )
    Configuration.objects.create(application=case.application, name="local", config={"token": "x" * 200})
    run = run_test_cases(case.application, [case, right, broad], implementations=["*"])
    page, errors = visit(browser, "phone", color_scheme=scheme)
    for path in (
        reverse("run-detail", args=[run.pk]),
        reverse("run-detail", args=[run.pk]) + "?view=list",
        reverse("run-list"),
        reverse("run-form"),
        reverse("run-form") + f"?test_case={case.pk}",
        *(reverse("result-detail", args=[result.pk]) for result in run.results.all()),
        reverse("function-try", args=[case.function_id]),
        reverse("function-try", args=[broad.function_id]),
        reverse("function-detail", args=[case.function_id]),
        reverse("function-edit", args=[case.function_id]),
        reverse("test-case-detail", args=[case.pk]),
        reverse("test-case-edit", args=[case.pk]),
        reverse("configuration-list"),
        reverse("configuration-create"),
        reverse("home"),
    ):
        page.goto(open_site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        unlabelled = "e => !e.labels.length && !e.ariaLabel"
        fields = "[...document.querySelectorAll('main :is(input:not([type=hidden]), select, textarea)')]"
        assert page.evaluate(f"{fields}.filter({unlabelled}).map(e => e.name)") == [], path
    assert errors == []
