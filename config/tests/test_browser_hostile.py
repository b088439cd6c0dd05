"""Names that somebody made to break pages, in a real browser; and two tabs that import into the same Table."""

import html
from typing import Any

import pytest
from django.urls import reverse

from catalog.models import Application, Configuration, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from config.tests.test_browser import browser, open_site, shows, visit
from processes.models import Function, PortDefinition
from processes.tests.factories import FunctionFactory
from testcases.models import TestCase
from testcases.runs import run_test_cases
from testcases.tests.factories import TestCaseFactory

__all__ = ["browser", "open_site"]
NAMES = {
    "script": "<script>document.title='broken'</script>",
    "quotes": "\"'`><img src=x onerror=document.title='broken'>",
    "template": "{{ request }} {% now %} ${7*7} %s %(name)s",
    "paths": "../..//a\\b?c=d&e=f#g",
    "right to left": "\u202eabc\u202c שלום مرحبا",
    "long": "W" * 256,
}
BOTH = pytest.mark.parametrize("java_script_enabled", [True, False])

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


def everything(name: str) -> tuple[Table, Function, TestCase]:
    """One of each resource, all of this name, also their attributes and values."""
    application = Application.objects.create(name=name)
    attributes = [
        {"name": "id", "type": "integer"},
        {"name": name, "type": "string", "description": name, "categories": [{"value": name, "label": name}]},
    ]
    shape = ObjectSchemaFactory.create(
        application=application, name=name, description=name, attributes=attributes, primary_key=["id"]
    )
    rows = [{"id": 1, name: name}, {"id": 2, name: None}]
    table = TableFactory.create(object=shape, name=name, description=name, rows=rows)
    outputs = {"result": PortDefinition("result", shape)}
    function = FunctionFactory.create(name=name, summary=name, inputs={"given": shape}, outputs=outputs)
    case = TestCaseFactory.create(
        function=function, name=name, summary=name, inputs={"given": table}, outputs={"result": rows[:1]}
    )
    Configuration.objects.create(application=application, name=name, comments=name, config={name: name})
    run_test_cases(application, [case], implementations=["*"])
    return table, function, case


def addresses(table: Table, function: Function, case: TestCase) -> list[str]:
    of_table = [f"table-{page}" for page in ("detail", "edit", "profile", "versions", "import", "delete")]
    return [
        *(reverse(page) for page in ("home", "object-list", "table-list", "function-list", "test-case-list")),
        *(reverse(f"object-{page}", args=[table.object_id]) for page in ("detail", "edit", "delete")),
        *(reverse(page, args=[table.pk]) for page in of_table),
        *(reverse(f"function-{page}", args=[function.pk]) for page in ("detail", "edit", "delete", "try")),
        *(reverse("run-form") + f"?{name}={pk}" for name, pk in (("function", function.pk), ("test_case", case.pk))),
        reverse("configuration-list"),
        *(reverse(f"test-case-{page}", args=[case.pk]) for page in ("detail", "edit", "delete")),
        *(reverse("result-detail", args=[result.pk]) for result in case.results.all()),
        *(reverse("run-detail", args=[result.run_id]) for result in case.results.all()),
    ]


@BOTH
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_hostile_name_is_shown_as_it_is_on_every_page(
    browser: Any, open_site: Any, name: str, java_script_enabled: bool
) -> None:
    made = everything(name)
    page, errors = visit(browser, "phone", java_script_enabled=java_script_enabled)
    for address in addresses(*made):
        answer = page.goto(open_site.url + address)
        assert answer.status == 200, address
        assert page.title() != "broken", address
        assert page.locator("img[src=x]").count() == 0, address
        assert html.escape(name, quote=False) in page.content(), address
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
    assert errors == []


@BOTH
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_rows_are_filtered_ordered_changed_and_judged_under_a_hostile_name(
    browser: Any, open_site: Any, name: str, java_script_enabled: bool
) -> None:
    table, _, case = everything(name)
    page, errors = visit(browser, java_script_enabled=java_script_enabled)
    page.goto(open_site.url + reverse("table-detail", args=[table.pk]))
    page.locator("[name=filter_attribute]").select_option(name)
    page.locator("[name=filter_value]").fill(name)
    page.get_by_role("button", name="Filter", exact=True).click()
    shows(page.locator("caption").first, "of 1")
    page.locator("thead").get_by_role("link", name=name, exact=True).first.click()
    shows(page.locator("caption").first, "of 1")
    page.goto(open_site.url + reverse("test-case-detail", args=[case.pk]))
    page.get_by_role("button", name="Run").first.click()
    page.locator("main").get_by_role("link", name=name, exact=True).first.click()
    shows(page.locator("main"), "actual differs from expected: 1 unexpected")
    assert page.title() != "broken"
    assert errors == []


@BOTH
def test_of_two_tabs_that_import_the_later_sees_theirs_and_its_own_and_goes_on_top(
    browser: Any, open_site: Any, java_script_enabled: bool, tmp_path: Any
) -> None:
    shape = ObjectSchemaFactory.create(primary_key=("id",), attributes=[{"name": "id", "type": "integer"}])
    table = TableFactory.create(object=shape, rows=[{"id": 1}])
    address = open_site.url + reverse("table-import", args=[table.pk])
    first, errors = visit(browser, java_script_enabled=java_script_enabled)
    second = first.context.new_page()
    for tab, number in ((first, 2), (second, 3)):
        tab.goto(address)
        path = tmp_path / f"{number}.csv"
        path.write_text(f"id\n{number}\n")
        tab.locator("[name=file]").set_input_files(str(path))
        tab.get_by_role("button", name="Check").last.click()
        shows(tab.locator("main"), "version 2 with 2 rows")
    first.get_by_role("button", name="Import").first.click()
    shows(first.locator("main"), "1 row added")
    second.get_by_role("button", name="Import").first.click()
    shows(second.get_by_role("alert"), "Somebody else saved version 2; you began at version 1.")
    shows(second.locator("main"), "version 3 with 3 rows")
    with second.context.expect_page() as theirs:
        second.get_by_role("link", name="see what changed since version 1").click()
    shows(theirs.value.locator("main"), "From version 1 to 2")
    second.get_by_role("button", name="Import").first.click()
    shows(second.locator("main"), "1 row added")
    table.refresh_from_db()
    assert (table.version, table.row_count) == (3, 3)
    assert errors == []
