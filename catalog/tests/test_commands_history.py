"""The commands of a Table's past: profile, table_versions, prune_versions."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from catalog.contents import append_rows, update_rows
from catalog.management.commands.profile import bars
from catalog.models import Application, Part, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(application: Application) -> Table:
    shape = ObjectSchemaFactory.create(application=application, name="orders")
    table = TableFactory.create(
        object=shape, name="week 1", rows=['{"id": 1, "amount": 1.50}', '{"id": 2, "name": "a\\u001b[2J"}']
    )
    update_rows(table, [1], json_rows(['{"amount": 1234567890.25}']), [["amount"]])
    append_rows(table, json_rows([{"id": 3, "name": ""}]))
    return table


WHERE = ("--application", "test", "--object", "orders", "--table", "week 1")


def run(*arguments: str) -> tuple[str, int]:
    """What a command prints, with what it refuses, and its exit code."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=StringIO())
    except CommandError as error:
        return out.getvalue() + str(error), error.returncode
    return out.getvalue(), 0


def test_a_profile_is_a_line_to_each_attribute(table: Table) -> None:
    text, code = run("profile", *WHERE)
    assert (code, text.splitlines()[0]) == (0, "orders/week 1, version 3: 3 rows")
    assert "1234567890.25" in text
    assert '"" (1)' in text
    assert "\x1b" not in text


def test_a_profile_as_json_has_all_digits(table: Table) -> None:
    text, _ = run("profile", *WHERE, "--output", "json", "--fields", "amount", "--version-number", "1")
    assert '"max":1.50' in text
    assert json.loads(text)["row_count"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fields", "amuont"), "did you mean 'amount'?"),
        (("--version-number", "9"), "has no version 9; the newest is 3"),
    ],
)
def test_a_profile_of_what_is_not_there_is_wrong_usage(table: Table, arguments: tuple[str, ...], said: str) -> None:
    text, code = run("profile", *WHERE, *arguments)
    assert code == 2
    assert said in text


def test_bars_show_what_is_not_nothing() -> None:
    assert bars([0, 1, 1000, 500]) == " ▁█▄"
    assert bars([]) == ""


def test_versions_are_listed_the_newest_first(table: Table) -> None:
    text, code = run("table_versions", *WHERE)
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["3", "2", "1"]
    listed = json.loads(run("table_versions", *WHERE, "--output", "json", "--limit", "1")[0])
    assert [(each["version"], each["what"], each["added"]) for each in listed] == [(3, "append", 1)]


def test_a_diff_is_printed_cell_by_cell(table: Table) -> None:
    text, code = run("table_versions", *WHERE, "--diff", "1", "3")
    assert code == 0
    assert "1 added, 1 changed, 0 removed" in text
    assert "changed cells: amount 1" in text
    assert ["~", "1", "amount", "1.50", "1234567890.25"] in [line.split() for line in text.splitlines()]
    found = json.loads(run("table_versions", *WHERE, "--diff", "1", "3", "--output", "json", "--limit", "1")[0])
    assert (found["counts"]["added"], len(found["results"])) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--key", "id"), "1 changed, 1 unexpected"),
        (("--key", "id", "--tolerance", "amount=1e10"), "1 unexpected"),
        (("--key", "id", "--tolerance", "2e9"), "1 unexpected"),
        (("--key", "id", "--ignore", "amount", "--subset"), "actual contains expected: 2 rows, and 1 more"),
        (("--key", "id", "--class", "unexpected"), "id 3"),
        (("--key", "id", "--ordered"), "1 changed, 1 unexpected"),
        (("--normalize-unicode",), "1 changed, 1 unexpected"),
        (
            ("--options", '{"key": ["id"], "matchers": [{"attribute": "amount", "matcher": {"$gt": 2}, "row": 1}]}'),
            "1 unexpected",
        ),
        (("--key", "id", "--options", '{"null_equal": false}'), "2 changed, 1 unexpected"),
    ],
)
def test_versions_are_compared_by_the_options_of_any_comparison(
    table: Table, arguments: tuple[str, ...], said: str
) -> None:
    text, code = run("table_versions", *WHERE, "--diff", "1", "3", *arguments)
    assert (code, said in text) == (0, True), text
    found = json.loads(run("table_versions", *WHERE, "--diff", "1", "3", *arguments, "--output", "json")[0])
    assert (found["from"], found["to"], "summary" in found) == (1, 3, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--key", "idd"), "did you mean 'id'?"),
        (("--tolerance", "nmae=1"), "did you mean 'name'?"),
        (("--key", "id", "--ignore", "id"), "so it can't be ignored"),
        (("--key", "id", "--options", '{"key": ["name"]}'), "another option says already"),
        (("--options", '{"nul_equal": true}'), "did you mean 'null_equal'?"),
        (("--class", "changd"), "did you mean 'changed'?"),
    ],
)
def test_options_that_no_comparison_has_are_wrong_usage(table: Table, arguments: tuple[str, ...], said: str) -> None:
    text, code = run("table_versions", *WHERE, "--diff", "1", "3", *arguments)
    assert (code, said in text) == (2, True), text


def test_options_of_a_comparison_without_one_are_wrong_usage(table: Table) -> None:
    text, code = run("table_versions", *WHERE, "--key", "id")
    assert (code, text) == (2, "Options of a comparison are for --diff FROM TO.")


def test_what_is_not_seen_of_a_change_is_told(table: Table) -> None:
    update_rows(table, [3], json_rows([{"name": "a" * 5000}]), [["name"]])
    update_rows(table, [3], json_rows([{"name": "a" * 5000 + "b"}]), [["name"]])
    update_rows(table, [2], json_rows([{"name": "Oslo"}]), [["name"]])
    update_rows(table, [2], json_rows([{"name": "Oslo "}]), [["name"]])
    for arguments in ((), ("--key", "id")):
        assert "behind what is shown" in run("table_versions", *WHERE, "--diff", "4", "5", *arguments)[0]
        assert "none, U+0020 at the end" in run("table_versions", *WHERE, "--diff", "6", "7", *arguments)[0]


def test_a_table_goes_back_with_a_reason(table: Table) -> None:
    text, code = run("table_versions", *WHERE, "--revert", "1", "--message", "wrong price")
    assert (code, text) == (0, "The rows of version 1 are current again: version 4, 2 rows.\n")
    assert table.versions.get(number=4).message == "wrong price"


@pytest.mark.parametrize("arguments", [("--revert", "9"), ("--diff", "1", "9"), ("--limit", "0"), ("--revert", "0")])
def test_a_version_that_is_not_there_is_wrong_usage(table: Table, arguments: tuple[str, ...]) -> None:
    assert run("table_versions", *WHERE, *arguments)[1] == 2


def test_pruning_says_what_it_frees(table: Table) -> None:
    dry, code = run("prune_versions", "--keep", "1", "--dry-run")
    assert (code, dry.startswith("Would go: 2 versions, 0 profiles, 0 files of rows set aside, 1 part: ")) == (0, True)
    assert Part.objects.count() == 3
    text, code = run("prune_versions", "--keep", "1", *WHERE, "--output", "json")
    assert (code, json.loads(text)["versions"]) == (0, 2)
    assert "was pruned; left are 3" in run("table_versions", *WHERE, "--diff", "1", "3")[0]


@pytest.mark.parametrize(
    "arguments",
    [("--keep", "0"), ("--keep", "1", "--table", "week 1"), ("--keep", "1", "--older-than", "-1")],
)
def test_pruning_that_can_not_be_meant_is_wrong_usage(table: Table, arguments: tuple[str, ...]) -> None:
    assert run("prune_versions", *arguments)[1] == 2
    assert table.versions.count() == 3
