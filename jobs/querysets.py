"""Words for finding Jobs."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

if TYPE_CHECKING:
    from jobs.models import Heartbeat, Job  # noqa: F401


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs. Leases are measured by the database's clock, which all hosts share."""

    def held_by(self, job_id: str, token: str) -> "JobQuerySet":
        """The Job if this token still holds it."""
        return self.filter(pk=job_id, token=token, state="running")

    def lost(self) -> "JobQuerySet":
        """Those that wait or run, of which nobody has heard in time."""
        return self.filter(state__in=["queued", "running"], lease_until__lt=Now())

    def overdue(self) -> "JobQuerySet":
        """Those that nobody has taken for as long as a worker may be silent."""
        return self.filter(state="queued", created_at__lt=Now() - timedelta(seconds=settings.JOB_LEASE_SECONDS))

    def ended_before(self, days: int) -> "JobQuerySet":
        """Those that ended at least so many days ago."""
        ended = ["finished", "failed", "cancelled"]
        return self.filter(state__in=ended, finished_at__lt=Now() - timedelta(days=days))


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    """Workers, as they were heard of."""

    def alive(self) -> "HeartbeatQuerySet":
        """Those heard of within two leases; each is to be heard of three times in one."""
        return self.filter(at__gte=Now() - timedelta(seconds=2 * settings.JOB_LEASE_SECONDS))
