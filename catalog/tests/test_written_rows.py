"""The JSON of rows that were just written is that of the same rows read from their Part, in every case."""

import json
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from catalog import browsing, engine
from catalog.conformance import Destination, conform
from catalog.contents import append_rows, create_table, replace_rows
from catalog.formats import WritingOptions
from catalog.keeping import Kept
from catalog.models import Table
from catalog.parts import rows_sql
from catalog.queries import RowQuery, Window
from catalog.rows import VersionRows
from catalog.schema import Schema
from catalog.sources import JSONRows
from catalog.tests.factories import ObjectSchemaFactory
from catalog.writing import Write
from catalog.written_rows import written_lines

ATTRIBUTES: list[dict[str, Any]] = [
    {"name": "whole", "type": "integer"},
    {"name": "a number", "type": "number"},
    {"name": 'té"xt\\', "type": "string"},
    {"name": "flag", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "moment", "type": "datetime"},
]
SCHEMA = Schema.from_definition({"attributes": ATTRIBUTES})
CELLS = {
    "whole": some.integers(-(2**63), 2**63 - 1),
    "a number": some.floats(allow_nan=False, allow_infinity=False)
    | some.integers(-(10**18), 10**18)
    | some.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=3).map(float),
    'té"xt\\': some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    "flag": some.booleans(),
    "day": some.dates().map(date.isoformat),
    "moment": some.datetimes(min_value=datetime(1, 1, 1)).map(datetime.isoformat),
}
ROWS = some.fixed_dictionaries({}, optional={name: some.none() | cells for name, cells in CELLS.items()})


def read_lines(source: JSONRows, schema: Schema, first_row_id: int) -> list[str]:
    """The rows as DuckDB gives them from their Part."""
    with TemporaryDirectory() as directory, engine.cursor(is_serial=True) as connection:
        conformed = conform(source, schema, Destination(Path(directory), first_row_id, 1))
        assert conformed.report is None
        relation = rows_sql([part.path for part in conformed.parts], schema.columns)
        statement, parameters = RowQuery(schema).page(relation, Window(1000), WritingOptions(), False)
        return [line for line, *_ in connection.execute(statement, parameters).fetchall()]


@given(some.lists(ROWS, min_size=1, max_size=5), some.integers(1, 2**40))
def test_lines_are_what_reading_gives(rows: list[dict[str, Any]], first_row_id: int) -> None:
    source = JSONRows([json.dumps(row, ensure_ascii=False) for row in rows])
    found = written_lines(source, SCHEMA, first_row_id)
    assert found is None or found == read_lines(source, SCHEMA, first_row_id)


def test_usual_rows_are_known() -> None:
    row = {"whole": 7, "a number": 0.25, 'té"xt\\': 'say "é" \\ /', "flag": True, "day": "2026-01-31"}
    source = JSONRows([json.dumps({**row, "moment": "2026-01-31T12:30:00"}), json.dumps({"a number": 0})])
    found = written_lines(source, SCHEMA, 3)
    assert found == read_lines(source, SCHEMA, 3)
    assert found is not None
    assert json.loads(found[0]) == {"_id": 3, **row, "moment": "2026-01-31T12:30:00"}


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "number", "precision": 5, "scale": 2},
        {"type": "datetime", "timezone": True},
        {"type": "object"},
        {"type": "date", "format": "%d.%m.%Y"},
        {"type": "time"},
    ],
)
def test_what_may_be_written_otherwise_is_not_known(definition: dict[str, Any]) -> None:
    schema = Schema.from_definition({"attributes": [{"name": "cell", **definition}]})
    assert written_lines(JSONRows(['{"cell": 1}']), schema, 1) is None


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("a number", 1e300),
        ("a number", -0.0),
        ("a number", "7"),
        ('té"xt\\', "a\nb"),
        ("moment", "2026-01-31 12:30:00"),
    ],
)
def test_a_cell_that_may_be_written_otherwise_is_not_known(name: str, cell: Any) -> None:
    assert written_lines(JSONRows([json.dumps({name: cell})]), SCHEMA, 1) is None


def lines_of(table: Table) -> list[str]:
    rows = VersionRows(table.current)
    return browsing.look(rows, RowQuery(rows.schema), Window(100)).lines


def written(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """The rows of a Table that was made, replaced and appended to, as they are known and as they are read."""
    source = JSONRows(['{"whole": 1, "a number": 0.5}', '{"whole": 2}'])
    table = Table(object=ObjectSchemaFactory(attributes=ATTRIBUTES), name="written")
    create_table(table, source)
    found = lines_of(table)
    replace_rows(table, source, Write(dry_run=True))
    found += lines_of(table)
    replace_rows(table, source)
    found += lines_of(table)
    append_rows(table, source)
    found += lines_of(table)
    monkeypatch.setattr(browsing, "_kept", Kept(0))
    return found, lines_of(table)


@pytest.mark.django_db
def test_a_version_that_was_just_written_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found, read = written(monkeypatch)
    assert [json.loads(line)["_id"] for line in found] == [1, 2, 1, 2, 3, 4, 3, 4, 5, 6]
    assert found[-4:] == read
    assert found[4:6] == read[:2]
