"""load_package and export_package."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Application, ObjectSchema, Table
from testcases.models import TestCase

JAFFLE_SHOP = Path(__file__).resolve().parents[2] / "examples" / "jaffle_shop"

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: object) -> str:
    out = io.StringIO()
    call_command(command, *map(str, arguments), "--application", "demo", stdout=out)
    return out.getvalue()


def test_the_jaffle_shop_is_loaded_once_and_then_unchanged() -> None:
    assert run("load_package", JAFFLE_SHOP).splitlines() == [
        "objects     18 created, 0 changed, 0 unchanged",
        "tables      60 created, 0 changed, 0 unchanged",
        "functions   13 created, 0 changed, 0 unchanged",
        "test cases  33 created, 0 changed, 0 unchanged",
    ]
    assert run("load_package", JAFFLE_SHOP).splitlines()[-2:] == [
        "test cases  0 created, 0 changed, 33 unchanged",
        "Nothing was changed.",
    ]


def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    out = run("load_package", JAFFLE_SHOP, "--dry-run")
    assert "test cases  33 created" in out
    assert out.endswith("Dry run: nothing was changed.\n")
    assert (ObjectSchema.objects.count(), Table.objects.count()) == (0, 0)


def test_what_was_changed_is_named(tmp_path: Path) -> None:
    run("load_package", JAFFLE_SHOP)
    run("export_package", tmp_path / "shop")
    descriptor = json.loads((tmp_path / "shop/datapackage.json").read_text())
    descriptor["testCases"][0]["summary"] = "Changed."
    (tmp_path / "shop/datapackage.json").write_text(json.dumps(descriptor))
    out = run("load_package", tmp_path / "shop")
    assert "test cases  0 created, 1 changed, 32 unchanged" in out
    assert f"  changed: {descriptor['testCases'][0]['name']}" in out
    assert TestCase.objects.get(name=descriptor["testCases"][0]["name"]).summary == "Changed."


def test_problems_are_printed_each_on_a_line_and_exit_with_1(tmp_path: Path) -> None:
    (tmp_path / "datapackage.json").write_text('{"resources": [], "objects": ["a.json", "b.json"]}')
    err = io.StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("load_package", str(tmp_path), "--application", "demo", stderr=err)
    assert (str(refused.value), refused.value.returncode) == ("2 problems; nothing was changed.", 1)
    assert err.getvalue().splitlines() == [
        "datapackage.json#/objects/0: There is no file 'a.json'.",
        "datapackage.json#/objects/1: There is no file 'b.json'.",
    ]
    assert not ObjectSchema.objects.filter(application=Application.objects.get(name="demo")).exists()


@pytest.mark.parametrize("command", ["load_package", "export_package"])
def test_an_application_that_is_not_there_exits_with_2(command: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        call_command(command, str(tmp_path), "--application", "dmeo")
    assert (str(refused.value), refused.value.returncode) == (
        "There is no application 'dmeo'; did you mean 'demo'?",
        2,
    )


def test_a_folder_that_holds_something_exits_with_2(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(CommandError) as refused:
        run("export_package", tmp_path)
    assert refused.value.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
