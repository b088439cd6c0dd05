"""Words to find the catalog's resources by."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count

if TYPE_CHECKING:
    from catalog.models import ObjectSchema, Part, Table  # noqa: F401


class ObjectSchemaQuerySet(models.QuerySet["ObjectSchema"]):
    """Finds Objects."""

    def with_table_count(self) -> Self:
        """Annotate `table_count`."""
        return self.annotate(table_count=Count("tables", distinct=True))


class TableQuerySet(models.QuerySet["Table"]):
    """Finds Tables."""

    def with_object(self) -> Self:
        """Join the Object and its Application."""
        return self.select_related("object__application")


class PartQuerySet(models.QuerySet["Part"]):
    """Finds Parts."""

    def without_content(self) -> Self:
        """Leave the bytes in the database until they are asked for."""
        return self.defer("content")
