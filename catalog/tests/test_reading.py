"""Reading a version while its cached files come and go."""

from pathlib import Path

import duckdb
import pytest
from django.db import connection as database

from catalog.contents import append_rows, conform_table, delete_rows, update_rows
from catalog.models import Table
from catalog.parts import CorruptPartError
from catalog.reading import READ_ATTEMPTS, cache, part_paths, read, version_paths
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_cache(settings, tmp_path):
    settings.PARTS_CACHE_DIR = tmp_path / "parts"


@pytest.fixture
def table(db: None) -> Table:
    """Seven rows in two Parts."""
    attributes = [{"name": "n", "type": "integer"}]
    shape = ObjectSchemaFactory.create(attributes=attributes, primary_key=["n"])
    table = TableFactory.create(object=shape, rows=[{"n": n} for n in range(5)])
    append_rows(table, json_rows([{"n": 5}, {"n": 6}]))
    assert table.current.version_parts.count() == 2
    return table


def total(table: Table) -> int:
    return read(table.current, lambda connection, rows: connection.execute(f"SELECT sum(n) FROM ({rows})").fetchone())[
        0
    ]


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def overwrite(path: Path) -> None:
    path.write_bytes(b"no Parquet file at all")


def change_a_byte_of_the_footer(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 0xFF
    path.write_bytes(content)


HARMS = [Path.unlink, cut_short, overwrite, change_a_byte_of_the_footer]


@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_is_gone_or_damaged_comes_back_when_it_is_read(table, harm):
    harm(version_paths(table.current)[0])
    assert total(table) == 21


@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_goes_during_a_query_comes_back_and_the_query_starts_again(table, harm):
    seen = []

    def query(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
        if not seen:
            harm(version_paths(table.current)[1])
        seen.append(rows)
        return connection.execute(f"SELECT sum(n) FROM ({rows})").fetchone()[0]

    assert read(table.current, query) == 21
    assert len(seen) == 2


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda table: append_rows(table, json_rows([{"n": 10}])), 31),
        (lambda table: append_rows(table, json_rows([{"n": 10 * n} for n in range(1, 4)])), 81),
        (lambda table: update_rows(table, [1], json_rows([{"n": 10}])), 31),
        (lambda table: update_rows(table, [7], json_rows([{"n": 10}]), given=[["n"]]), 25),
        (lambda table: delete_rows(table, [7]), 15),
    ],
)
def test_a_write_bears_it_too(table, write, expected, harm):
    for path in version_paths(table.current):
        harm(path)
    write(table)
    assert total(table) == expected


def test_a_query_that_is_wrong_in_itself_is_not_tried_again(table):
    tries = []

    def query(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
        tries.append(rows)
        raise duckdb.InvalidInputException("wrong")

    with pytest.raises(duckdb.InvalidInputException):
        read(table.current, query)
    assert len(tries) == 1


def test_a_file_that_goes_again_and_again_is_an_error_in_the_end(table):
    tries = []

    def query(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
        tries.append(rows)
        version_paths(table.current)[0].unlink()
        connection.execute(f"SELECT sum(n) FROM ({rows})").fetchone()

    with pytest.raises(duckdb.IOException):
        read(table.current, query)
    assert len(tries) == READ_ATTEMPTS


def test_a_cache_that_is_smaller_than_a_table_serves_it(table, settings):
    settings.PARTS_CACHE_BYTES = 1
    assert total(table) == 21
    append_rows(table, json_rows([{"n": 7}]))
    assert total(table) == 28


def test_bytes_that_were_damaged_in_the_database_are_refused(table):
    place = table.current.version_parts.first()
    version_paths(table.current)[0].unlink()
    cursor = database.cursor()
    if database.vendor == "sqlite":
        cursor.execute("DROP TRIGGER part_immutable")
    else:
        cursor.execute("DROP TRIGGER part_immutable ON catalog_part")
    cursor.execute("UPDATE catalog_part SET content = %s WHERE digest = %s", [b"damaged", place.part_id])
    with pytest.raises(CorruptPartError, match=place.part_id):
        total(table)


def test_the_cache_may_be_deleted_as_a_whole_at_any_time(table, settings):
    for path in sorted(Path(settings.PARTS_CACHE_DIR).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert total(table) == 21
    assert cache().missing([path.stem for path in version_paths(table.current)]) == []


def test_the_parts_of_a_version_come_in_one_query(table, django_assert_num_queries):
    digests = [path.stem for path in version_paths(table.current)]
    with django_assert_num_queries(0):
        part_paths(digests)
    for path in version_paths(table.current):
        path.unlink()
    with django_assert_num_queries(1):
        part_paths(digests)


def test_a_conformed_table_bears_a_deleted_file(table):
    version_paths(table.current)[0].unlink()
    conform_table(table, table.object.current)
    assert total(table) == 21
