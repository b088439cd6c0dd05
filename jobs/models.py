"""Job: long work, its progress, and who holds it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from config.models import NAME_LENGTH, ULIDField
from jobs.querysets import HeartbeatQuerySet, JobQuerySet


class Job(models.Model):
    """Work that is done by a worker process, or by a command, while its author watches.

    Its row is the whole truth: whoever set `token` last holds it until `lease_until`, and writes only while he does
    (jobs.leases). `revision` counts what a watcher would see change. `kind` names a function (jobs.registry) to which
    `arguments` are given; `error` is a problem document as of the API.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ENDED = (State.FINISHED, State.FAILED, State.CANCELLED)

    id = ULIDField()
    kind = models.CharField(max_length=NAME_LENGTH)
    arguments = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    revision = models.PositiveBigIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True, blank=True)
    message = models.TextField(blank=True, default="")
    result = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    token = models.CharField(max_length=26, blank=True, default="")
    worker = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    # While queued: until when a task is known to wait for it.
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "finished", "failed", "cancelled"]), name="job_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(state__in=["queued", "running"]), name="job_open_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in self.ENDED

    @property
    def is_cancelling(self) -> bool:
        """Whether it still runs, and was asked to stop."""
        return not self.has_ended and self.cancel_requested_at is not None


class Heartbeat(models.Model):
    """When a worker process was last heard of, by the database's clock; its row goes when it ends in order."""

    worker = models.CharField(primary_key=True, max_length=NAME_LENGTH)
    at = models.DateTimeField()

    objects = HeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.worker
