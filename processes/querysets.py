"""Words to find functions by."""

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from processes.models import Function  # noqa: F401


class FunctionQuerySet(models.QuerySet["Function"]):
    """Finds Functions."""

    def with_parts(self) -> Self:
        """Join the application, ports with their Objects, and implementations: three queries for any number."""
        return self.select_related("application").prefetch_related("ports__object", "implementations")
