"""Words to find the catalog's resources by."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from django.apps import apps
from django.db import models
from django.db.models import Count, F, OuterRef, Prefetch, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Now

if TYPE_CHECKING:
    from catalog.models import ObjectSchema, Part, StagedUpload, Table  # noqa: F401

ABANDONED: Final = timedelta(days=1)  # longer than any body takes to come


class ObjectSchemaQuerySet(models.QuerySet["ObjectSchema"]):
    """Finds Objects."""

    def with_table_count(self) -> Self:
        """Annotate `table_count`."""
        return self.annotate(table_count=Count("tables", distinct=True))

    def with_row_count(self) -> Self:
        """Annotate `row_count`: the rows of all Tables of the Object."""
        return self.annotate(row_count=Coalesce(Sum("tables__row_count"), 0))

    def with_current(self) -> Self:
        """Bring the current version of each Object along, in one query for all."""
        versions = apps.get_model("catalog", "ObjectVersion")
        newest = versions._default_manager.filter(number=F("object__version"))
        return self.prefetch_related(Prefetch("versions", newest, to_attr="current_versions"))


class TableQuerySet(models.QuerySet["Table"]):
    """Finds Tables."""

    def with_object(self) -> Self:
        """Join the Object and its Application."""
        return self.select_related("object__application")

    def with_object_version(self) -> Self:
        """Annotate `object_version`: the number of the ObjectVersion that the rows conform to now."""
        versions = apps.get_model("catalog", "TableVersion")
        newest = versions._default_manager.filter(table=OuterRef("pk"), number=OuterRef("version"))
        return self.annotate(object_version=Subquery(newest.values("object_version__number")[:1]))


class PartQuerySet(models.QuerySet["Part"]):
    """Finds Parts."""

    def without_content(self) -> Self:
        """Leave the bytes in the database until they are asked for."""
        return self.defer("content")


class StagedUploadQuerySet(models.QuerySet["StagedUpload"]):
    """Finds staged uploads."""

    def left_over(self) -> Self:
        """Those that no Job will read: theirs has ended, or none came in a day."""
        ended = Q(job__finished_at__isnull=False)
        return self.filter(ended | Q(job=None, created_at__lt=Now() - ABANDONED))
