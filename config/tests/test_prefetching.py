"""More parents than Django would name in one expression of SQLite."""

import pytest

from catalog.models import Application, Configuration

PARENTS = 1_100

pytestmark = pytest.mark.django_db


def test_the_parents_of_many_rows_are_fetched_at_once() -> None:
    applications = Application.objects.bulk_create(Application(name=f"application {n}") for n in range(PARENTS))
    Configuration.objects.bulk_create(Configuration(application=each, name="local") for each in applications)
    found = Configuration.objects.filter(name="local").prefetch_related("application")
    assert {each.application.name for each in found} >= {each.name for each in applications}
