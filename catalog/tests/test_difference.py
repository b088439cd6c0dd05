"""What differs between two versions of a Table."""

import json
from decimal import Decimal
from typing import Any

import pytest

from catalog.contents import append_rows, delete_rows, replace_rows, revert_table, update_rows
from catalog.evolution import publish
from catalog.history import comparing
from catalog.history import difference as differing
from catalog.history.comparing import difference, difference_lines
from catalog.history.difference import Difference, Window
from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db
ALL = Window()


@pytest.fixture
def table(db: None) -> Table:
    """Three rows."""
    rows = ['{"id": 1, "name": "ann", "amount": 1.50}', '{"id": 2, "name": null}', '{"id": 3, "name": ""}']
    return TableFactory.create(rows=rows)


def between(table: Table, before: int, after: int, window: Window = ALL) -> Difference:
    return difference(*(table.versions.get(number=number) for number in (before, after)), window)


def test_rows_come_go_and_change_cell_by_cell(table: Table) -> None:
    update_rows(table, [2], json_rows(['{"name": "bo", "amount": 12345678.25}']), [["name", "amount"]])
    delete_rows(table, [3])
    append_rows(table, json_rows([{"id": 4}]))
    found = between(table, 1, 4)
    assert found.counts == {"added": 1, "changed": 1, "removed": 1}
    assert found.attributes == {"name": 1, "amount": 1}
    assert found.rows == [
        {
            "class": "changed",
            "_id": 2,
            "cells": {
                "name": {"old": None, "new": "bo"},
                "amount": {"old": None, "new": Decimal("12345678.25")},
            },
        },
        {"class": "removed", "_id": 3, "row": {"id": 3, "name": "", "amount": None}},
        {"class": "added", "_id": 4, "row": {"id": 4, "name": None, "amount": None}},
    ]


def test_backwards_what_came_goes(table: Table) -> None:
    append_rows(table, json_rows([{"id": 4}]))
    assert between(table, 2, 1).counts == {"added": 0, "changed": 0, "removed": 1}


def test_a_version_does_not_differ_from_itself_nor_from_a_return_to_it(table: Table) -> None:
    delete_rows(table, [1, 2, 3])
    revert_table(table, 1)
    for before, after in ((1, 1), (1, 3)):
        found = between(table, before, after)
        assert (set(found.counts.values()), found.attributes, found.rows) == ({0}, {}, [])
    assert between(table, 1, 2).counts["removed"] == 3


def test_null_and_empty_text_are_two_values_and_a_row_written_as_it_was_is_none_that_changed(table: Table) -> None:
    update_rows(table, [1, 2, 3], json_rows([{"name": "ann"}, {"name": ""}, {"name": None}]), [["name"]] * 3)
    found = between(table, 1, 2)
    assert found.counts == {"added": 0, "changed": 2, "removed": 0}
    assert [row["cells"]["name"] for row in found.rows] == [{"old": None, "new": ""}, {"old": "", "new": None}]


def test_a_window_shows_some_and_the_totals_stay_true(table: Table) -> None:
    append_rows(table, json_rows([{"id": n} for n in range(10, 20)]))
    delete_rows(table, [1])
    found = between(table, 1, 3, Window(("added",), 5, 3))
    assert [row["_id"] for row in found.rows] == [6, 7, 8]
    assert found.counts == {"added": 10, "changed": 0, "removed": 1}
    assert between(table, 1, 3, Window(("changed",))).rows == []


def test_parts_that_both_versions_have_are_not_read(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    append_rows(table, json_rows([{"id": 4}]))
    assert table.current.version_parts.count() == 2
    read: list[str] = []
    original = comparing.part_paths

    def watch(digests: list[str]) -> Any:
        read.extend(digests)
        return original(digests)

    monkeypatch.setattr(comparing, "part_paths", watch)
    assert between(table, 1, 2).counts["added"] == 1
    assert len(read) == 1


def test_columns_that_came_went_or_changed_their_type_are_told(table: Table) -> None:
    shape = table.object
    shape.definition = {
        "attributes": [
            {"name": "id", "type": "number"},
            {"name": "name", "type": "string"},
            {"name": "note", "type": "string"},
        ]
    }
    shape.full_clean()
    publish(shape)
    table.refresh_from_db()
    found = between(table, 1, 2)
    assert (found.columns.added, found.columns.removed, found.columns.retyped) == (("note",), ("amount",), ("id",))
    assert set(found.counts.values()) == {0}  # the same rows, in other columns
    update_rows(table, [1, 2], json_rows([{"id": 1, "note": "new"}, {"id": 2.5}]), [["id", "note"], ["id"]])
    found = between(table, 1, 3)
    assert found.attributes == {"id": 1}  # 1 as a number is the same 1
    assert found.rows == [{"class": "changed", "_id": 2, "cells": {"id": {"old": 2, "new": Decimal("2.5")}}}]


def test_cells_are_equal_as_they_are_for_a_verdict() -> None:
    shape = ObjectSchemaFactory.create(attributes=[{"name": "about", "type": "object"}])
    table = TableFactory.create(object=shape, rows=['{"about": {"a": 1, "b": 2}}'])
    update_rows(table, [1], json_rows(['{"about": {"b": 2, "a": 1.0}}']), [["about"]])
    assert between(table, 1, 2).counts["changed"] == 0  # members have no order


def test_names_and_values_of_any_kind_are_told_as_they_are() -> None:
    name, text = 'a "b"\'; DROP TABLE x; -- \\ ü😀', 'quote " back \\ line\nnul? \u0001 😀'
    shape = ObjectSchemaFactory.create(
        attributes=[
            {"name": name, "type": "string"},
            {"name": "_id2", "type": "integer"},
            {"name": "at", "type": "datetime", "timezone": True},
        ]
    )
    table = TableFactory.create(object=shape, rows=[{name: "x", "_id2": 2**62}])
    changes = json.dumps({name: text, "_id2": -(2**63), "at": "2026-01-31T01:00:00+02:00"})
    update_rows(table, [1], json_rows([changes]))
    [row] = between(table, 1, 2).rows
    assert row["cells"] == {
        name: {"old": "x", "new": text},
        "_id2": {"old": 2**62, "new": -(2**63)},
        "at": {"old": None, "new": "2026-01-30T23:00:00Z"},
    }


def test_two_thousand_attributes_are_compared() -> None:
    names = [f"a{n}" for n in range(2000)]
    shape = ObjectSchemaFactory.create(attributes=[{"name": name, "type": "integer"} for name in names])
    table = TableFactory.create(object=shape, rows=[dict.fromkeys(names, 1), dict.fromkeys(names, 2)])
    update_rows(table, [2], json_rows([{"a0": 9, "a1999": 9}]), [["a0", "a1999"]])
    found = between(table, 1, 2)
    assert (found.counts["changed"], found.attributes) == (1, {"a0": 1, "a1999": 1})
    assert found.rows[0]["cells"]["a1999"] == {"old": 2, "new": 9}


def test_all_that_differs_can_be_streamed(table: Table) -> None:
    replace_rows(table, json_rows([{"id": n} for n in range(3000)]))
    old, new = table.versions.get(number=1), table.versions.get(number=2)
    lines = b"".join(difference_lines(old, new, ALL)).splitlines()
    assert len(lines) == 3003
    assert json.loads(lines[-1]) == {"class": "added", "_id": 3003, "row": {"id": 2999, "name": None, "amount": None}}
    assert b"".join(difference_lines(old, old, ALL)) == b""


@pytest.mark.parametrize("empty_first", [True, False])
def test_an_empty_version_differs_by_all_rows(table: Table, empty_first: bool) -> None:
    delete_rows(table, [1, 2, 3])
    pair = (2, 1) if empty_first else (1, 2)
    found = between(table, *pair)
    assert found.counts == {"added": 3 * empty_first, "changed": 0, "removed": 3 * (not empty_first)}


def test_the_cells_of_many_attributes_are_told_as_those_of_few(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": 7, "name": "new", "amount": 1}, {"name": "bo"}]
    update_rows(table, [1, 2], json_rows(rows), [["id", "name", "amount"], ["name"]])
    few = between(table, 1, 2)
    assert [list(row["cells"]) for row in few.rows] == [["id", "name", "amount"], ["name"]]
    monkeypatch.setattr(differing, "TEXTS_AT_ONCE", 1)
    assert between(table, 1, 2) == few
