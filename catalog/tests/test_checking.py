"""Each kind of damage is planted behind Exemplar's back, and named."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from catalog.contents import append_rows, delete_rows, delete_table, update_rows
from catalog.history import checking
from catalog.history.checking import CatalogCheck
from catalog.models import ObjectVersion, Part, Table, TableVersion, VersionPart
from catalog.reading import cache, version_digests
from catalog.tests.factories import ApplicationFactory, ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(db: None) -> Table:
    """Seven rows in two Parts, in the second version."""
    attributes = [{"name": "id", "type": "integer"}, {"name": "name", "type": "string"}]
    shape = ObjectSchemaFactory.create(name="people", attributes=attributes, primary_key=["id"])
    table = TableFactory.create(object=shape, name="week 1", rows=[{"id": n, "name": f"n{n}"} for n in range(5)])
    append_rows(table, json_rows([{"id": 5}, {"id": 6}]))
    assert table.current.version_parts.count() == 2
    return table


def found(all_versions: bool = False) -> list[tuple[int, str]]:
    return [(drift.version, drift.code) for drift in CatalogCheck(all_versions).tables(Table.objects.all())]


TRIGGERS = {
    "catalog_part": "part_immutable",
    "catalog_versionpart": "version_part_immutable",
    "catalog_tableversion": "table_version_immutable",
    "catalog_objectversion": "object_version_immutable",
}


def damage(sql: str, *parameters: Any) -> None:
    """Do what no verb does: around the triggers of the table that is updated."""
    name = sql.split()[1]
    with connection.cursor() as cursor, _without_trigger(cursor, name):
        cursor.execute(sql, parameters)


@contextmanager
def _without_trigger(cursor: Any, table: str) -> Iterator[None]:
    trigger = TRIGGERS.get(table)
    if trigger is None:
        yield
    elif connection.vendor == "postgresql":
        cursor.execute(f"DROP TRIGGER {trigger} ON {table}")
        yield
    else:
        cursor.execute(f"DROP TRIGGER {trigger}")
        yield


def test_a_catalog_that_was_only_written_by_verbs_is_sound(table: Table) -> None:
    update_rows(table, [2], json_rows([{"name": "ann"}]), [["name"]])
    delete_rows(table, [7])
    TableFactory.create(rows=())
    check = CatalogCheck(all_versions=True)
    assert list(check.tables(Table.objects.all())) == []
    assert (check.checked.tables, check.checked.versions) == (2, 5)


def _row_count_of_the_table(table: Table) -> None:
    Table.objects.update(row_count=8)


def _missing_version(table: Table) -> None:
    Table.objects.update(version=9)


def _next_row_id(table: Table) -> None:
    Table.objects.update(next_row_id=7)


def _row_count_of_the_version(table: Table) -> None:
    damage("UPDATE catalog_tableversion SET row_count = 8 WHERE number = 2")
    Table.objects.update(row_count=8)


def _version_counts(table: Table) -> None:
    damage("UPDATE catalog_tableversion SET added = 3 WHERE number = 2")


def _position(table: Table) -> None:
    damage("UPDATE catalog_versionpart SET position = 5 WHERE position = 1")


def _lost_place(table: Table) -> None:
    VersionPart.objects.filter(version=table.current, position=1).delete()


def _bytes(table: Table) -> None:
    digest = version_digests(table.current)[1]
    content = bytearray(bytes(Part.objects.get(pk=digest).content))
    content[100] ^= 0xFF
    damage("UPDATE catalog_part SET content = %s WHERE digest = %s", bytes(content), digest)


def _said_rows(table: Table) -> None:
    digest = version_digests(table.current)[1]
    damage("UPDATE catalog_part SET first_row_id = 3 WHERE digest = %s", digest)


def _same_part_twice(table: Table) -> None:
    first = version_digests(table.current)[0]
    VersionPart.objects.filter(version=table.current).delete()
    VersionPart.objects.create(version=table.current, part_id=first, position=0)
    VersionPart.objects.create(version=table.current, part_id=first, position=1)
    size_bytes = 2 * Part.objects.get(pk=first).size_bytes
    damage("UPDATE catalog_tableversion SET row_count = 10, added = 5, size_bytes = %s WHERE number = 2", size_bytes)
    Table.objects.update(row_count=10, size_bytes=size_bytes)


def _definition(**changes: Any) -> Callable[[Table], None]:
    def change(table: Table) -> None:
        definition = ObjectVersion.objects.get().definition
        definition["attributes"][1] |= changes
        damage("UPDATE catalog_objectversion SET definition = %s", json.dumps(definition))

    return change


def _new_object_version(table: Table) -> None:
    shape = table.object
    ObjectVersion.objects.create(object=shape, number=2, definition=shape.current.definition)
    type(shape).objects.update(version=2)


@pytest.mark.parametrize(
    ("harm", "codes"),
    [
        (_row_count_of_the_table, {(0, "row_count")}),
        (_missing_version, {(0, "version_missing")}),
        (_next_row_id, {(2, "next_row_id")}),
        (_row_count_of_the_version, {(2, "row_count"), (2, "version_counts")}),
        (_version_counts, {(2, "version_counts")}),
        (_position, {(2, "part_positions")}),
        (_lost_place, {(2, "row_count"), (2, "size_bytes")}),
        (_bytes, {(2, "part_digest")}),
        (_said_rows, {(2, "part_counts")}),
        (_same_part_twice, {(2, "row_ids")}),
        (_definition(constraints={"required": True}), {(2, "required")}),
        (_definition(constraints={"maxLength": 1}), {(2, "max_length")}),
        (_definition(constraints={"pattern": "n[1-9]"}), {(2, "pattern")}),
        (_definition(type="integer"), {(2, "part_columns")}),
        (_definition(name="label"), {(2, "part_columns")}),
        (_new_object_version, {(2, "object_version")}),
    ],
)
def test_each_damage_is_named(table: Table, harm: Callable[[Table], None], codes: set[tuple[int, str]]) -> None:
    assert found() == []
    harm(table)
    assert set(found()) == codes


def test_bytes_that_are_damaged_are_named_also_where_no_sound_copy_is_cached(table: Table) -> None:
    _bytes(table)
    for digest in version_digests(table.current):
        cache().path(digest).unlink()
    assert found() == [(2, "part_digest")]


def test_a_row_that_no_longer_conforms_is_named_by_its_id(table: Table) -> None:
    _definition(constraints={"required": True})(table)
    drifts = list(CatalogCheck().tables(Table.objects.all()))
    assert [drift.message for drift in drifts] == ["Row 6: name is missing.", "Row 7: name is missing."]


def test_earlier_versions_are_looked_at_when_they_are_asked_for(table: Table) -> None:
    delete_rows(table, [6, 7])
    _definition(constraints={"required": True})(table)
    assert found() == []
    assert found(all_versions=True) == [(2, "required"), (2, "required")]


def test_a_reference_to_nothing_is_named(table: Table) -> None:
    """The row that is referred to went behind Exemplar's back, with its Part."""
    attributes = [{"name": "person", "type": "integer"}]
    definition = {
        "attributes": attributes,
        "foreignKeys": [{"fields": ["person"], "reference": {"object": "people", "fields": ["id"]}}],
    }
    application = table.object.application
    visits = ObjectSchemaFactory.create(application=application, name="visits", definition=definition)
    TableFactory.create(object=visits, name="visits", rows=[{"person": 1}, {"person": 6}])
    assert found() == []
    _lost_place(table)
    assert (1, "foreign_key") in found()


def test_a_write_that_comes_between_is_no_drift(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    original = checking._table_faults
    calls: list[int] = []

    def overtaken(seen: Table, versions: Any) -> Any:
        calls.append(seen.version)
        if len(calls) == 1:
            append_rows(table, json_rows([{"id": 99}]))
            versions = list(seen.versions.select_related("object_version").order_by("number"))
        return original(seen, versions)

    monkeypatch.setattr(checking, "_table_faults", overtaken)
    assert found() == []
    assert calls == [2, 3]


# --- the command ----------------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("check_catalog", *arguments, stdout=out, stderr=StringIO())
    except CommandError as error:
        return out.getvalue(), error.returncode
    return out.getvalue(), 0


def test_the_command_says_that_all_is_well(table: Table) -> None:
    assert run() == ("Checked 1 table, 1 version, 2 parts, 7 rows.\n", 0)


def test_the_command_lists_what_drifted_and_fails(table: Table) -> None:
    _bytes(table)
    text, code = run()
    assert code == 1
    assert "part_digest" in text
    text, code = run("--output", "json")
    assert (code, json.loads(text)["results"][0]["table"]) == (1, "week 1")


def test_a_part_that_nothing_uses_is_told_and_is_no_drift(table: Table) -> None:
    delete_table(TableFactory.create(object=table.object, rows=[{"id": 1, "name": "alone"}]))
    text, code = run()
    assert (code, "1 part is used by nothing" in text) == (0, True)
    assert json.loads(run("--output", "json")[0])["unused_parts"] == 1
    call_command("prune_versions", "--keep", "9", stdout=StringIO())
    assert "used by nothing" not in run()[0]


def test_the_command_looks_at_one_application(table: Table) -> None:
    _bytes(table)
    other = ApplicationFactory.create(name="other")
    assert run("--application", other.name)[1] == 0
    assert run("--application", table.object.application.name)[1] == 1
    assert run("--application", "none")[1] == 2


def test_a_version_that_is_gone_is_named(table: Table) -> None:
    VersionPart.objects.filter(version__number=2).delete()
    TableVersion.objects.filter(number=2).delete()
    assert found() == [(0, "version_missing")]
