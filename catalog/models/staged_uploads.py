"""StagedUpload: a file on its way into a Table, kept where every worker reads it."""

from django.db import models
from django.db.models.functions import Now

from catalog.querysets import StagedUploadQuerySet
from config.models import ULIDField
from jobs.models import Job


class StagedUpload(models.Model):
    """The bytes that a Job is to import (catalog.deferring); they go when it ends.

    job: None while the bytes still come. outcome: the Job's result, stored in the transaction of its import, so that
    a Job that is begun again after it only tells it.
    """

    id = ULIDField()
    job = models.OneToOneField(Job, on_delete=models.CASCADE, null=True, related_name="+")
    size_bytes = models.PositiveBigIntegerField(default=0)
    outcome = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = StagedUploadQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.size_bytes} bytes for {self.job_id or 'a job to come'}"


class StagedChunk(models.Model):
    """A piece of a StagedUpload; position: counts from 0."""

    upload = models.ForeignKey(StagedUpload, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    position = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["upload", "position"]
        constraints = [models.UniqueConstraint(fields=["upload", "position"], name="staged_chunk_position_unique")]
