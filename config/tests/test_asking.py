"""Queries whose SQL is put together once."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.models import Part, Table, VersionPart
from catalog.tests.factories import TableFactory
from config.asking import KeptQuery

pytestmark = pytest.mark.django_db


def test_instances_are_found_as_django_finds_them() -> None:
    first, second = TableFactory(), TableFactory()
    query = KeptQuery(lambda pk: Table.objects.with_object().filter(pk=pk), str)
    for table in (first, second, first):
        with CaptureQueriesContext(connection) as statements:
            [found] = query.all(table.pk)
            assert found == table
            assert found.object.application.name == table.object.application.name
            assert found.created_at == table.created_at
        assert len(statements) == 1


def test_nothing_that_was_found_is_kept() -> None:
    table = TableFactory()
    query = KeptQuery(lambda pk: Table.objects.filter(pk=pk), str)
    assert query.first("none") is None
    assert query.first(table.pk) is not query.first(table.pk)
    Table.objects.filter(pk=table.pk).update(description="another")
    found = query.first(table.pk)
    assert found and found.description == "another"
    Table.objects.filter(pk=table.pk).delete()
    assert query.first(table.pk) is None


def test_values_of_two_kinds_go_to_their_places() -> None:
    table = TableFactory()
    Table.objects.filter(pk=table.pk).update(version=7)
    query = KeptQuery(lambda number, pk: Table.objects.filter(pk=pk, version=number), int, str)
    assert query.first(7, table.pk) == table
    assert query.first(6, table.pk) is None


def test_columns_that_are_put_off_are_read_when_they_are_asked_for() -> None:
    version = TableFactory(rows=[{"id": 1}]).current
    places = VersionPart.objects.select_related("part").defer("part__content").order_by("position")
    query = KeptQuery(lambda pk: places.filter(version=pk), str)
    [place] = query.all(version.pk)
    assert place.part == Part.objects.get(versions=version)
    assert bytes(place.part.content).startswith(b"PAR1")


def test_rows_are_locked_inside_a_transaction() -> None:
    table = TableFactory()
    query = KeptQuery(lambda pk: Table.objects.select_for_update().filter(pk=pk), str)
    with transaction.atomic(), CaptureQueriesContext(connection) as statements:
        assert query.first(table.pk) == table
    assert connection.vendor != "postgresql" or statements[0]["sql"].endswith("FOR UPDATE")
