"""Words for finding Jobs."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now

if TYPE_CHECKING:
    from jobs.models import Job  # noqa: F401


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs. Leases are measured by the database's clock, which all hosts share."""

    def held_by(self, job_id: str, token: str) -> "JobQuerySet":
        """The Job if this token still holds it."""
        return self.filter(pk=job_id, token=token, state="running")

    def lost(self) -> "JobQuerySet":
        """Those that wait or run, of which nobody has heard in time."""
        return self.filter(state__in=["queued", "running"], lease_until__lt=Now())
