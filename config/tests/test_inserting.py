"""Rows that are stored with an INSERT that is put together once."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.models import Part, VersionPart
from catalog.tests.factories import TableFactory
from config.inserting import Insertion, Update, insert, write_together


def part(digest: str, content: bytes = b"\0\xff'%s") -> Part:
    return Part(digest=digest, content=content, row_count=1, size_bytes=6, first_row_id=1, last_row_id=1)


@pytest.mark.django_db
def test_rows_are_stored_as_django_stores_them() -> None:
    first, second = part("a"), part("b")
    insert([first, second])
    found = Part.objects.in_bulk(["a", "b"])
    assert {bytes(each.content) for each in found.values()} == {b"\0\xff'%s"}
    assert found["a"].created_at == first.created_at
    assert not first._state.adding


@pytest.mark.django_db
def test_a_row_that_is_there_is_refused_or_passed_over() -> None:
    insert([part("a")])
    with pytest.raises(IntegrityError), transaction.atomic():
        insert([part("a")])
    insert([part("a", b"another"), part("b")], ignore_conflicts=True)
    assert bytes(Part.objects.get(digest="a").content) == b"\0\xff'%s"
    assert Part.objects.filter(digest="b").exists()


@pytest.mark.django_db
def test_the_database_makes_the_keys_it_makes_always() -> None:
    version = TableFactory(rows=[]).current
    insert([part("a"), part("b")])
    with CaptureQueriesContext(connection) as statements:
        insert([])
        insert([VersionPart(version=version, part_id=digest, position=place) for place, digest in enumerate("ab")])
    assert list(version.version_parts.order_by("position").values_list("part_id", flat=True)) == ["a", "b"]
    assert len(statements) == 1 or connection.vendor == "postgresql"  # which sends a statement for each, together


@pytest.mark.django_db
def test_changes_of_several_tables_are_stored_together() -> None:
    version = TableFactory(rows=[]).current
    table = version.table
    before, table.description = table.updated_at, "100 % 'new'"
    with CaptureQueriesContext(connection) as statements:
        write_together(
            Insertion([part("a"), part("b")], ignore_conflicts=True),
            Update(table, ("description", "updated_at")),
            Insertion([]),
            Insertion([VersionPart(version=version, part_id=digest, position=at) for at, digest in enumerate("ab")]),
        )
    assert list(version.version_parts.order_by("position").values_list("part_id", flat=True)) == ["a", "b"]
    table.refresh_from_db()
    assert table.description == "100 % 'new'"
    assert table.updated_at > before
    assert len(statements) == (1 if connection.vendor == "postgresql" else 3)


@pytest.mark.django_db
def test_all_or_none_of_what_is_stored_together_stands() -> None:
    version = TableFactory(rows=[]).current
    with pytest.raises(IntegrityError), transaction.atomic():
        write_together(
            Insertion([part("a")]),
            Insertion([VersionPart(version=version, part_id="a", position=0) for _ in range(2)]),
        )
    assert not Part.objects.filter(digest="a").exists()
