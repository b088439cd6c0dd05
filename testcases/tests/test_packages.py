"""Packages: from a folder to the database and back."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.contents import append_rows
from catalog.evolution import publish
from catalog.models import Application, ObjectSchema, ObjectVersion, Part, Table, TableVersion
from catalog.sources import JSONRows
from catalog.tests.factories import TableFactory
from processes.models import Function, Implementation, Port
from testcases.models import Binding, TestCase
from testcases.packages import LoadReport, PackageError, PackageProblem, load_package, read_package, write_package
from testcases.tests.factories import TestCaseFactory

JAFFLE_SHOP = Path(__file__).resolve().parents[2] / "examples" / "jaffle_shop"

pytestmark = pytest.mark.django_db

ORDERS = {
    "name": "orders",
    "description": "Orders.",
    "fields": [
        {"name": "id", "type": "integer"},
        {"name": "note", "type": "string"},
        {"name": "amount", "type": "number", "precision": 38, "scale": 2, "constraints": {"minimum": 0}},
    ],
    "primaryKey": ["id"],
}
TOTALS = {"name": "totals", "fields": [{"name": "total", "type": "number", "precision": 38, "scale": 2}]}
DESCRIPTOR: dict[str, Any] = {
    "name": "till",
    "resources": [
        {"path": "tables/week-1.csv", "object": "orders", "table": "week 1", "title": "The first week"},
        {"path": "tables/totals.csv", "object": "totals", "table": "week 1", "schema": "objects/totals.json"},
    ],
    "objects": ["objects/orders.json", "objects/totals.json"],
    "functions": [
        {
            "name": "sum_orders",
            "summary": "Adds up.",
            "parameters": [{"name": "least", "type": "integer", "default": 0}],
            "inputs": [{"name": "orders", "object": "orders", "required": True}],
            "outputs": [{"name": "totals", "object": "totals"}],
            "implementations": [
                {"name": "sql", "kind": "sql", "definition": {"totals": {"path": "functions/sum_orders.sql"}}}
            ],
        }
    ],
    "testCases": [
        {
            "name": "one week",
            "function": "sum_orders",
            "tags": ["small"],
            "inputs": [{"name": "orders", "table": "week 1"}],
            "outputs": [{"name": "totals", "table": "week 1"}],
            "comparison": {"abs_tol": 0.01},
            "parameters": {"least": 1},
        }
    ],
}
FILES = {
    "objects/orders.json": json.dumps(ORDERS),
    "objects/totals.json": json.dumps(TOTALS),
    "tables/week-1.csv": 'id,note,amount\n1,"",2.50\n2,,3\n',
    "tables/totals.csv": "total\n5.50\n",
    "functions/sum_orders.sql": "SELECT sum(amount) AS total FROM orders\n",
    "datapackage.json": json.dumps(DESCRIPTOR),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small package, ready to be changed."""
    path = tmp_path / "package"
    for file, text in FILES.items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_text(text)
    return path


def change(folder: Path, file: str, edit: Callable[[Any], Any]) -> None:
    """Edit a JSON file of the package in place."""
    value = json.loads((folder / file).read_text())
    edit(value)
    (folder / file).write_text(json.dumps(value))


def load(folder: Path, application: Application, **options: Any) -> LoadReport:
    return load_package(read_package(folder), application, **options)


def state() -> list[Any]:
    """All that a load may touch."""
    return [
        list(ObjectSchema.objects.order_by("pk").values_list("pk", "version", "description", "updated_at")),
        ObjectVersion.objects.count(),
        list(Table.objects.order_by("pk").values_list("pk", "version", "description", "updated_at")),
        TableVersion.objects.count(),
        Part.objects.count(),
        list(Function.objects.order_by("pk").values_list("pk", "updated_at")),
        list(Port.objects.order_by("pk").values_list("pk", "name", "required")),
        list(Implementation.objects.order_by("pk").values_list("pk", "updated_at")),
        list(TestCase.objects.order_by("pk").values_list("pk", "updated_at")),
        list(Binding.objects.order_by("pk").values_list("pk", "table")),
    ]


def refused(folder: Path, application: Application) -> list[PackageProblem]:
    """The problems of a package; the database is as it was."""
    before = state()
    with pytest.raises(PackageError) as error:
        load(folder, application)
    assert state() == before
    return list(error.value.problems)


def only_problem(folder: Path, application: Application) -> tuple[str, str, str]:
    [problem] = refused(folder, application)
    return problem.file, problem.pointer, problem.code


# --- what is loaded -------------------------------------------------------------------------------------------------


def test_everything_that_a_package_names_is_loaded(folder: Path, application: Application) -> None:
    report = load(folder, application)
    assert {kind: changes.created for kind, changes in report.changes.items()} == {
        "objects": ["orders", "totals"],
        "tables": ["orders/week 1", "totals/week 1"],
        "functions": ["sum_orders"],
        "test cases": ["one week"],
    }
    case = TestCase.objects.get(name="one week")
    assert (case.function.name, case.tags, case.comparison, case.parameters) == (
        "sum_orders",
        ["small"],
        {"abs_tol": 0.01},
        {"least": 1},
    )
    table = case.inputs[0].table
    assert (table.name, table.description, table.row_count) == ("week 1", "The first week", 2)
    assert case.function.implementations.get().definition == {"totals": FILES["functions/sum_orders.sql"]}


def test_loading_again_changes_nothing(folder: Path, application: Application) -> None:
    load(folder, application)
    before = state()
    report = load(folder, application)
    assert report.is_empty
    assert len(report.changes["tables"].unchanged) == 2
    assert state() == before


def test_rows_are_compared_by_content_whatever_their_ids(folder: Path, application: Application) -> None:
    load(folder, application)
    table = Table.objects.get(object__name="orders")
    append_rows(table, JSONRows(['{"id": 3, "amount": 1}']))
    assert load(folder, application).changes["tables"].changed == ["orders/week 1"]
    before = state()
    assert load(folder, application).is_empty  # the same rows, with other ids
    assert state() == before


@pytest.mark.parametrize(
    "text",
    [
        'id,note,amount\n1,"",2.50\n2,"",3\n',
        'id,note,amount\n2,,3\n1,"",2.50\n',
        'id,note,amount\n1,"",2.50\n',
        "id,note,amount\n",
    ],
)
def test_changed_rows_make_one_new_version_and_nothing_else(folder: Path, application: Application, text: str) -> None:
    load(folder, application)
    (folder / "tables/week-1.csv").write_text(text)
    report = load(folder, application)
    assert [changes.changed for changes in report.changes.values()] == [[], ["orders/week 1"], [], []]
    assert Table.objects.get(object__name="orders").version == 2
    assert load(folder, application).is_empty


def test_a_changed_object_takes_its_tables_along(folder: Path, application: Application) -> None:
    load(folder, application)
    change(folder, "objects/orders.json", lambda schema: schema["fields"][1].update(title="Remark"))
    report = load(folder, application)
    assert report.changes["objects"].changed == ["orders"]
    assert report.changes["tables"].changed == []
    assert ObjectSchema.objects.get(name="orders").version == 2


def test_an_object_and_its_rows_may_change_together_in_a_way_that_the_old_rows_forbid(
    folder: Path, application: Application
) -> None:
    load(folder, application)
    field = {"name": "shop", "type": "string", "constraints": {"required": True}}
    change(folder, "objects/orders.json", lambda schema: schema["fields"].append(field))
    (folder / "tables/week-1.csv").write_text("id,note,amount,shop\n1,,2.50,Oslo\n")
    report = load(folder, application)
    assert (report.changes["objects"].changed, report.changes["tables"].changed) == (["orders"], ["orders/week 1"])
    assert load(folder, application).is_empty


def test_an_object_that_would_break_a_table_outside_the_package_is_refused(
    folder: Path, application: Application
) -> None:
    load(folder, application)
    TableFactory.create(object=ObjectSchema.objects.get(name="orders"), name="outside", rows=[{"id": 9, "amount": 900}])
    change(folder, "objects/orders.json", lambda s: s["fields"][2]["constraints"].update(maximum=100))
    assert only_problem(folder, application) == ("objects/orders.json", "", "breaking_change")


def test_a_function_may_gain_an_input_together_with_its_test_cases(folder: Path, application: Application) -> None:
    load(folder, application)

    def gain(descriptor: dict[str, Any]) -> None:
        descriptor["functions"][0]["inputs"].append({"name": "more", "object": "orders"})
        descriptor["testCases"][0]["inputs"].append({"name": "more", "table": "week 1"})

    change(folder, "datapackage.json", gain)
    report = load(folder, application)
    assert (report.changes["functions"].changed, report.changes["test cases"].changed) == (["sum_orders"], ["one week"])
    assert Port.objects.get(name="more").required
    assert load(folder, application).is_empty


def test_a_port_may_get_another_object_together_with_its_test_cases(folder: Path, application: Application) -> None:
    load(folder, application)

    def swap(descriptor: dict[str, Any]) -> None:
        descriptor["functions"][0]["inputs"][0]["object"] = "totals"

    change(folder, "datapackage.json", swap)
    (folder / "functions/sum_orders.sql").write_text("SELECT total FROM orders")
    assert load(folder, application).changes["test cases"].changed == ["one week"]
    assert TestCase.objects.get().inputs[0].table.object.name == "totals"


def test_a_port_that_a_test_case_outside_the_package_binds_stays(folder: Path, application: Application) -> None:
    load(folder, application)
    TestCaseFactory.create(function=Function.objects.get(), name="outside")
    change(folder, "datapackage.json", lambda d: d["functions"][0]["inputs"][0].update(object="totals"))
    file, pointer, code = only_problem(folder, application)
    assert (file, pointer, code) == ("datapackage.json", "/functions/0", "referenced")


def test_what_the_package_does_not_name_is_left_alone(folder: Path, application: Application) -> None:
    load(folder, application)

    def shrink(descriptor: dict[str, Any]) -> None:
        descriptor["testCases"] = []
        descriptor["functions"] = []
        descriptor["resources"] = descriptor["resources"][:1]

    change(folder, "datapackage.json", shrink)
    before = state()
    assert load(folder, application).is_empty
    assert state() == before


def test_a_dry_run_says_what_it_would_do_and_does_nothing(folder: Path, application: Application) -> None:
    before = state()
    report = load(folder, application, is_dry_run=True)
    assert report.changes["test cases"].created == ["one week"]
    assert state() == before


def test_queries_do_not_grow_with_what_is_unchanged(
    folder: Path, application: Application, django_assert_max_num_queries: Any
) -> None:
    package = read_package(JAFFLE_SHOP)
    load_package(package, application)
    with django_assert_max_num_queries(20):
        assert load_package(package, application).is_empty


# --- round trips ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [JAFFLE_SHOP, None], ids=["jaffle shop", "small"])
def test_a_package_that_was_loaded_and_exported_is_the_same_package(
    source: Path | None, folder: Path, application: Application, tmp_path: Path
) -> None:
    path = source or folder
    load(path, application)
    write_package(application, tmp_path / "exported")
    assert contents(tmp_path / "exported") == contents(path)
    assert load(tmp_path / "exported", application).is_empty
    other = Application.objects.get(name="app")
    load(tmp_path / "exported", other)
    write_package(other, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(path)


def contents(path: Path) -> dict[str, Any]:
    """All that a package says, whatever its files are called and however they are laid out."""
    package = read_package(path)
    tables = {(each.object, each.name): (each.description, _cells(each.path.read_text())) for each in package.tables}
    return {
        "objects": {each.name: (each.description, each.definition) for each in package.objects},
        "tables": tables,
        "functions": {each.name: each for each in package.functions},
        "test cases": {each.name: each for each in package.test_cases},
    }


def _cells(text: str) -> str:
    # The small package leaves out a zero that an exact decimal has.
    return text.replace(",3\n", ",3.00\n") if "note" in text else text


def test_names_that_are_no_file_names_are_exported_and_loaded(
    folder: Path, application: Application, tmp_path: Path
) -> None:
    names = ["../../etc/passwd", "week 1", "Week 1", "week/1", "é'\"; DROP", "con:x", "." * 5]

    def rename(descriptor: dict[str, Any]) -> None:
        path = "tables/week-1.csv"
        descriptor["resources"] += [{"path": path, "object": "orders", "table": name} for name in names[2:]]
        descriptor["resources"] += [{"path": path, "object": "orders", "table": names[0]}]

    change(folder, "datapackage.json", rename)
    load(folder, application)
    write_package(application, tmp_path / "exported")
    files = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.csv")}
    assert files == {"package", "exported"}
    found = {table.name for table in read_package(tmp_path / "exported").tables if table.object == "orders"}
    assert found == set(names)
    assert load(tmp_path / "exported", application).is_empty


def test_a_folder_that_holds_something_is_not_written_over(folder: Path, application: Application) -> None:
    with pytest.raises(FileExistsError):
        write_package(application, folder)
    assert (folder / "datapackage.json").read_text() == FILES["datapackage.json"]


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [name for name in FILES if name != "datapackage.json"])
def test_a_missing_file_is_named_where_it_is_named(folder: Path, application: Application, file: str) -> None:
    (folder / file).unlink()
    problems = refused(folder, application)
    assert [(problem.file, problem.code) for problem in problems] == [("datapackage.json", "missing_file")]
    assert file in problems[0].message
    descriptor = json.loads(FILES["datapackage.json"])
    for step in problems[0].pointer.split("/")[1:]:
        descriptor = descriptor[int(step)] if step.isdigit() else descriptor[step]
    assert descriptor == file


def test_a_folder_without_a_descriptor_and_no_folder_are_refused(
    folder: Path, application: Application, tmp_path: Path
) -> None:
    (folder / "datapackage.json").unlink()
    assert only_problem(folder, application) == ("datapackage.json", "", "missing_file")
    assert only_problem(tmp_path / "nowhere", application)[2] == "missing_file"


@pytest.mark.parametrize(
    "text", ['{"name": }', "", "{", '{"name": "a", "name": "b"}', '{"version": NaN}', "[" * 100_000]
)
@pytest.mark.parametrize("file", ["datapackage.json", "objects/orders.json"])
def test_broken_json_is_refused_with_its_file(folder: Path, application: Application, file: str, text: str) -> None:
    (folder / file).write_text(text)
    assert only_problem(folder, application) == (file, "", "malformed")


def test_text_that_is_not_utf_8_is_refused_with_its_line(folder: Path, application: Application) -> None:
    (folder / "functions/sum_orders.sql").write_bytes(b"SELECT 1\n-- \xff\n")
    (folder / "tables/totals.csv").write_bytes(b"total\n\xff\n")
    assert only_problem(folder, application) == ("functions/sum_orders.sql", "", "encoding")
    (folder / "functions/sum_orders.sql").write_text("SELECT 1 AS total")
    [problem] = refused(folder, application)
    assert (problem.file, problem.code, problem.row, problem.line) == ("tables/totals.csv", "encoding", 1, 2)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../outside.csv",
        "tables/../../outside.csv",
        "https://example.org/rows.csv",
        "file:///etc/passwd",
        "C:\\rows.csv",
        "tables\\week-1.csv",
        "link.csv",
        "linked/outside.csv",
    ],
)
def test_no_path_leaves_the_folder_and_no_address_is_fetched(
    folder: Path, application: Application, tmp_path: Path, path: str
) -> None:
    (tmp_path / "outside.csv").write_text(FILES["tables/week-1.csv"])
    (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    (folder / "linked").symlink_to(tmp_path)
    change(folder, "datapackage.json", lambda descriptor: descriptor["resources"][0].update(path=path))
    assert only_problem(folder, application) == ("datapackage.json", "/resources/0/path", "unsafe_path")
    change(folder, "datapackage.json", lambda d: d["resources"][0].update(path="tables/week-1.csv"))
    definition = {"totals": {"path": path}}
    change(folder, "datapackage.json", lambda d: d["functions"][0]["implementations"][0].update(definition=definition))
    place = "/functions/0/implementations/0/definition/totals/path"
    assert only_problem(folder, application) == ("datapackage.json", place, "unsafe_path")


def test_ragged_rows_and_wrong_cells_of_all_files_are_named_with_row_and_line(
    folder: Path, application: Application
) -> None:
    (folder / "tables/week-1.csv").write_text('id,note,amount\n1,"a\nb",2.50\n2\nx,,-1\n')
    (folder / "tables/totals.csv").write_text("total\n1,2\n")
    found = [(problem.file, problem.row, problem.line, problem.code) for problem in refused(folder, application)]
    assert found == [
        ("tables/week-1.csv", 2, 4, "malformed"),
        ("tables/week-1.csv", 3, 5, "type"),
        ("tables/week-1.csv", 3, 5, "minimum"),
        ("tables/totals.csv", 1, 2, "malformed"),
    ]


def test_a_key_that_stands_twice_in_a_file_is_named_with_row_and_line(folder: Path, application: Application) -> None:
    (folder / "tables/week-1.csv").write_text("id,note,amount\n1,,\n1,,\n")
    [problem] = refused(folder, application)
    assert (problem.file, problem.row, problem.line, problem.code) == ("tables/week-1.csv", 2, 3, "primary_key")


def test_many_errors_of_one_file_are_cut_and_counted(folder: Path, application: Application) -> None:
    (folder / "tables/week-1.csv").write_text("id,note,amount\n" + "x,,\n" * 2_500)
    problems = refused(folder, application)
    assert len(problems) == 20
    assert problems[-1].message.endswith("(and 2,480 more errors in this file)")


def _set(*path: Any) -> Callable[[Any], None]:
    """An edit that puts the last of `path` where the others lead."""
    *steps, name, value = path

    def edit(descriptor: Any) -> None:
        for step in steps:
            descriptor = descriptor[step]
        descriptor[name] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "pointer", "code"),
    [
        (_set("resorces", []), "/resorces", "unknown_property"),
        (_set("resources", 0, "tabel", "x"), "/resources/0/tabel", "unknown_property"),
        (_set("functions", 0, "inputs", 0, "requird", True), "/functions/0/inputs/0/requird", "unknown_property"),
        (_set("resources", 0, "object", "order"), "/resources/0/object", "unknown_object"),
        (_set("resources", 0, "format", "xlsx"), "/resources/0/format", "invalid"),
        (_set("resources", 0, "encoding", "latin-1"), "/resources/0/encoding", "invalid"),
        (_set("resources", 1, "schema", "objects/orders.json"), "/resources/1/schema", "contradiction"),
        (_set("resources", 0, "table", " "), "/resources/0/table", "blank"),
        (_set("functions", 0, "inputs", 0, "object", "nothing"), "/functions/0/inputs/0/object", "unknown_object"),
        (_set("functions", 0, "outputs", []), "/functions/0/outputs", "required"),
        (_set("functions", 0, "name", ""), "/functions/0/name", "blank"),
        (_set("functions", 0, "parameters", 0, "type", "intger"), "/functions/0/parameters/0/type", "unknown_type"),
        (
            _set("functions", 0, "implementations", 0, "kind", "sq"),
            "/functions/0/implementations/0/kind",
            "invalid_choice",
        ),
        (_set("testCases", 0, "function", "sum"), "/testCases/0/function", "unknown_function"),
        (_set("testCases", 0, "inputs", 0, "name", "order"), "/testCases/0/inputs/0/name", "unknown_port"),
        (_set("testCases", 0, "inputs", 0, "table", "week"), "/testCases/0/inputs/0/table", "unknown_table"),
        (_set("testCases", 0, "inputs", []), "/testCases/0/inputs", "port_missing"),
        (_set("testCases", 0, "tags", "small"), "/testCases/0/tags", "type"),
        (_set("testCases", 0, "parameters", {"most": 1}), "/testCases/0/parameters/most", "unknown_parameter"),
        (_set("testCases", 0, "comparison", {"keys": []}), "/testCases/0/comparison/keys", "unknown_option"),
    ],
)
def test_what_is_wrong_in_the_descriptor_is_named_with_its_place(
    folder: Path, application: Application, edit: Callable[[Any], Any], pointer: str, code: str
) -> None:
    change(folder, "datapackage.json", edit)
    found = [(problem.file, problem.pointer, problem.code) for problem in refused(folder, application)]
    assert ("datapackage.json", pointer, code) in found


@pytest.mark.parametrize("kind", ["resources", "objects", "functions", "testCases"])
def test_what_stands_twice_is_refused(folder: Path, application: Application, kind: str) -> None:
    change(folder, "datapackage.json", lambda descriptor: descriptor[kind].append(descriptor[kind][0]))
    assert {problem.code for problem in refused(folder, application)} == {"duplicate"}


@pytest.mark.parametrize(
    ("edit", "pointer", "code"),
    [
        (_set("fields", 0, "type", "intger"), "/fields/0/type", "unknown_type"),
        (_set("fields", 2, "constraints", {"minimum": 2, "maximum": 1}), "/fields/2/constraints", "contradiction"),
        (_set("fields", 1, "name", "id"), "/fields/1/name", "duplicate_attribute"),
        (_set("primaryKey", ["nr"]), "/primaryKey/0", "unknown_attribute"),
        (_set("primarykey", ["id"]), "/primarykey", "unknown_property"),
        (_set("fields", "id"), "/fields", "type"),
        (_set("name", ""), "/name", "blank"),
        (_set("description", 7), "/description", "type"),
    ],
)
def test_what_is_wrong_in_an_object_is_named_with_its_place(
    folder: Path, application: Application, edit: Callable[[Any], Any], pointer: str, code: str
) -> None:
    change(folder, "objects/orders.json", edit)
    assert ("objects/orders.json", pointer, code) in [
        (problem.file, problem.pointer, problem.code) for problem in refused(folder, application)
    ]


def test_sql_that_does_not_parse_is_refused_with_its_place(folder: Path, application: Application) -> None:
    (folder / "functions/sum_orders.sql").write_text("SELEC 1")
    [problem] = refused(folder, application)
    assert problem.pointer.startswith("/functions/0/implementations/0/definition")


def test_a_late_problem_undoes_what_came_before_it(folder: Path, application: Application) -> None:
    load(folder, application)
    (folder / "tables/week-1.csv").write_text("id,note,amount\n7,,1\n")
    change(folder, "objects/orders.json", lambda schema: schema.update(description="Changed."))
    change(folder, "datapackage.json", _set("testCases", 0, "parameters", {"most": 1}))
    assert refused(folder, application)[0].code == "unknown_parameter"


def test_all_problems_are_found_at_once(folder: Path, application: Application) -> None:
    shutil.rmtree(folder / "functions")
    change(folder, "objects/totals.json", _set("fields", 0, "type", "nmber"))
    change(folder, "datapackage.json", _set("testCases", 0, "function", "sum"))
    found = {(problem.file, problem.code) for problem in refused(folder, application)}
    assert found == {
        ("objects/totals.json", "unknown_type"),
        ("datapackage.json", "missing_file"),
        ("datapackage.json", "unknown_function"),
    }


def _refer(file: str, name: str, field: str, to: str, other: str) -> Callable[[Path], None]:
    """An integer attribute that refers to another object."""

    def edit(schema: Any) -> None:
        schema["fields"].append({"name": field, "type": "integer"})
        schema["foreignKeys"] = [{"fields": field, "reference": {"resource": to, "fields": other}}]

    return lambda folder: change(folder, file, edit)


def _circle(folder: Path) -> None:
    """Orders refer to totals, which come later, and totals to orders."""
    _refer("objects/orders.json", "orders", "total_id", "totals", "id")(folder)
    _refer("objects/totals.json", "totals", "order_id", "orders", "id")(folder)
    change(folder, "objects/totals.json", lambda schema: schema["fields"].append({"name": "id", "type": "integer"}))
    (folder / "tables/week-1.csv").write_text('id,note,amount,total_id\n1,"",2.50,\n2,,3,8\n')
    (folder / "tables/totals.csv").write_text("total,order_id,id\n5.50,2,8\n")


def test_objects_and_rows_may_refer_to_each_other_in_a_circle(folder: Path, application: Application) -> None:
    _circle(folder)
    assert load(folder, application).changes["tables"].created == ["orders/week 1", "totals/week 1"]
    assert load(folder, application).is_empty
    write_package(application, folder.parent / "out")
    (again,) = json.loads((folder.parent / "out" / "objects" / "orders.json").read_text())["foreignKeys"]
    assert again == {"fields": ["total_id"], "reference": {"object": "totals", "fields": ["id"]}}
    other = Application.objects.create(name="other")
    assert not load(folder.parent / "out", other).is_empty


def test_a_row_that_refers_to_nothing_is_named_with_its_file(folder: Path, application: Application) -> None:
    _circle(folder)
    (folder / "tables/totals.csv").write_text("total,order_id,id\n5.50,7,8\n")
    (problem,) = refused(folder, application)
    assert (problem.file, problem.row, problem.code) == ("tables/totals.csv", 1, "foreign_key")


def test_rows_that_lose_what_rows_outside_the_package_refer_to_are_refused(
    folder: Path, application: Application
) -> None:
    load(folder, application)
    orders = ObjectSchema.objects.get(name="orders")
    reference = {"object": "orders", "fields": ["id"]}
    shape = ObjectSchema(application=application, name="parcels")
    shape.definition = {
        "attributes": [{"name": "order", "type": "integer"}],
        "foreignKeys": [{"fields": ["order"], "reference": reference}],
    }
    shape.full_clean()
    publish(shape)
    TableFactory.create(object=shape, name="sent", rows=[{"order": 2}])
    (folder / "tables/week-1.csv").write_text("id,note,amount\n1,,2.50\n")
    (problem,) = refused(folder, application)
    assert (problem.code, problem.row) == ("foreign_key", 1)
    assert "parcels/sent" in problem.file
    assert orders.tables.get().version == 1
